//! The CLAP entry point.
//!
//! In: a host's calls. Out: the framework's plugin wrapped in one of ours, whose functions check their arguments before the framework receives them.

mod audio_ports;
mod channel_maps;
mod constant;
mod guarded;
mod gui;
mod host;
mod instance;
mod params;
mod port_kinds;
mod presets;
mod saving;
mod window;

use std::ffi::{CStr, c_char, c_void};
use std::sync::LazyLock;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::factory::preset_discovery::{CLAP_PRESET_DISCOVERY_FACTORY_ID, CLAP_PRESET_DISCOVERY_FACTORY_ID_COMPAT};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::version::{CLAP_VERSION, clap_version_is_compatible};
use nice_plug::wrapper::clap::PluginDescriptor;
use nice_plug::wrapper::setup_logger;

use crate::Moodline;

/// The symbol that a host looks up in the library.
#[unsafe(no_mangle)]
pub(super) static clap_entry: clap_plugin_entry =
    clap_plugin_entry { clap_version: CLAP_VERSION, init: Some(init), deinit: Some(deinit), get_factory: Some(get_factory) };

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(get_plugin_count),
    get_plugin_descriptor: Some(get_plugin_descriptor),
    create_plugin: Some(create_plugin),
};

fn descriptor() -> &'static PluginDescriptor {
    static DESCRIPTOR: LazyLock<PluginDescriptor> = LazyLock::new(PluginDescriptor::for_plugin::<Moodline>);
    &DESCRIPTOR
}

unsafe extern "C" fn init(_path: *const c_char) -> bool {
    setup_logger::<Moodline>();
    true
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn get_factory(id: *const c_char) -> *const c_void {
    match unsafe { text(id) } {
        Some(id) if id == CLAP_PLUGIN_FACTORY_ID => (&raw const FACTORY).cast(),
        Some(id) if id == CLAP_PRESET_DISCOVERY_FACTORY_ID || id == CLAP_PRESET_DISCOVERY_FACTORY_ID_COMPAT => {
            (&raw const presets::FACTORY).cast()
        }
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn get_plugin_count(_factory: *const clap_plugin_factory) -> u32 {
    1
}

unsafe extern "C" fn get_plugin_descriptor(_factory: *const clap_plugin_factory, index: u32) -> *const clap_plugin_descriptor {
    if index == 0 { descriptor().clap_plugin_descriptor() } else { std::ptr::null() }
}

unsafe extern "C" fn create_plugin(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    let is_ours = unsafe { text(id) }.is_some_and(|id| id == descriptor().clap_id());
    match unsafe { host.as_ref() } {
        Some(host) if is_ours && clap_version_is_compatible(host.clap_version) => instance::create(host),
        _ => std::ptr::null(),
    }
}

/// The text at `pointer`, if there is one.
///
/// # Safety
/// The pointer is null or a C string.
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a CStr> {
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) })
}

/// Writes `text` to a fixed-size field of a CLAP structure, truncated to its length.
fn write_text(field: &mut [c_char], text: &str) {
    let n = text.len().min(field.len() - 1);
    for (to, from) in field.iter_mut().zip(text.bytes().take(n)) {
        *to = from as c_char;
    }
    field[n] = 0;
}

#[cfg(test)]
mod tests;
