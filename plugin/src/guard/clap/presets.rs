//! Presets: hosts discover them through the library and load them by key.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT, clap_plugin_preset_load};
use clap_sys::factory::preset_discovery::{
    CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, clap_preset_discovery_factory,
    clap_preset_discovery_indexer, clap_preset_discovery_location, clap_preset_discovery_metadata_receiver,
    clap_preset_discovery_provider, clap_preset_discovery_provider_descriptor,
};
use clap_sys::plugin::clap_plugin;
use clap_sys::universal_plugin_id::clap_universal_plugin_id;
use clap_sys::version::CLAP_VERSION;
use nice_plug::prelude::ClapPlugin as _;

use super::guarded::Guarded;
use super::text;
use crate::Moodline;
use crate::guard::preset;
use crate::presets::PRESETS;

const PROVIDER_ID: &CStr = c"org.moodline.moodline.presets";
const VENDOR: &CStr = c"Moodline";

/// The factory that a host queries for presets.
pub(super) static FACTORY: clap_preset_discovery_factory =
    clap_preset_discovery_factory { count: Some(count), get_descriptor: Some(get_descriptor), create: Some(create) };

static DESCRIPTOR: clap_preset_discovery_provider_descriptor = clap_preset_discovery_provider_descriptor {
    clap_version: CLAP_VERSION,
    id: PROVIDER_ID.as_ptr(),
    name: c"Moodline presets".as_ptr(),
    vendor: VENDOR.as_ptr(),
};

static PRESET_LOAD: clap_plugin_preset_load = clap_plugin_preset_load { from_location: Some(from_location) };

pub(super) fn extension(id: &CStr) -> *const c_void {
    if id == CLAP_EXT_PRESET_LOAD || id == CLAP_EXT_PRESET_LOAD_COMPAT { (&raw const PRESET_LOAD).cast() } else { ptr::null() }
}

unsafe extern "C" fn from_location(plugin: *const clap_plugin, kind: u32, location: *const c_char, key: *const c_char) -> bool {
    let (Some(guarded), Some(name)) = (unsafe { Guarded::of(plugin) }, unsafe { text(key) }) else { return false };
    let found = PRESETS.iter().find(|preset| name.to_str() == Ok(preset.id));
    let Some(found) = found.filter(|_| kind == CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN) else { return false };
    preset::take(&guarded.link, found);
    guarded.host.rescan_values();
    guarded.host.preset_loaded(kind, location, key);
    true
}

unsafe extern "C" fn count(_factory: *const clap_preset_discovery_factory) -> u32 {
    1
}

unsafe extern "C" fn get_descriptor(
    _factory: *const clap_preset_discovery_factory,
    index: u32,
) -> *const clap_preset_discovery_provider_descriptor {
    if index == 0 { &raw const DESCRIPTOR } else { ptr::null() }
}

unsafe extern "C" fn create(
    _factory: *const clap_preset_discovery_factory,
    indexer: *const clap_preset_discovery_indexer,
    id: *const c_char,
) -> *const clap_preset_discovery_provider {
    if indexer.is_null() || unsafe { text(id) } != Some(PROVIDER_ID) {
        return ptr::null();
    }
    let provider = clap_preset_discovery_provider {
        desc: &raw const DESCRIPTOR,
        provider_data: indexer.cast_mut().cast(),
        init: Some(init),
        destroy: Some(destroy),
        get_metadata: Some(get_metadata),
        get_extension: Some(get_extension),
    };
    Box::into_raw(Box::new(provider))
}

unsafe extern "C" fn init(provider: *const clap_preset_discovery_provider) -> bool {
    let location = clap_preset_discovery_location {
        flags: CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT,
        name: c"Moodline".as_ptr(),
        kind: CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN,
        location: ptr::null(),
    };
    unsafe {
        let indexer = provider
            .as_ref()
            .and_then(|provider| provider.provider_data.cast::<clap_preset_discovery_indexer>().cast_const().as_ref());
        indexer.is_some_and(|indexer| indexer.declare_location.is_some_and(|declare| declare(indexer, &raw const location)))
    }
}

unsafe extern "C" fn destroy(provider: *const clap_preset_discovery_provider) {
    if !provider.is_null() {
        drop(unsafe { Box::from_raw(provider.cast_mut()) });
    }
}

unsafe extern "C" fn get_metadata(
    _provider: *const clap_preset_discovery_provider,
    kind: u32,
    _location: *const c_char,
    receiver: *const clap_preset_discovery_metadata_receiver,
) -> bool {
    let Some(to) = (unsafe { receiver.as_ref() }).filter(|_| kind == CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN) else {
        return false;
    };
    for preset in &PRESETS {
        if !unsafe { describe(to, preset) } {
            return false;
        }
    }
    true
}

/// Describes `preset` to the host; returns whether it accepted.
///
/// # Safety
/// The receiver is valid.
unsafe fn describe(to: &clap_preset_discovery_metadata_receiver, preset: &crate::presets::Preset) -> bool {
    // INVARIANT: none of our texts contains a zero byte.
    let text = |text: &str| CString::new(text).expect("a text without a zero");
    let (name, key, description, id) = (text(preset.name), text(preset.id), text(preset.description), text(Moodline::CLAP_ID));
    let plugin = clap_universal_plugin_id { abi: c"clap".as_ptr(), id: id.as_ptr() };
    unsafe {
        if !to.begin_preset.is_some_and(|begin| begin(to, name.as_ptr(), key.as_ptr())) {
            return false;
        }
        if let Some(add) = to.add_plugin_id {
            add(to, &raw const plugin);
        }
        if let Some(set) = to.set_description {
            set(to, description.as_ptr());
        }
        if let Some(add) = to.add_creator {
            add(to, VENDOR.as_ptr());
        }
    }
    true
}

unsafe extern "C" fn get_extension(_provider: *const clap_preset_discovery_provider, _id: *const c_char) -> *const c_void {
    ptr::null()
}
