//! Ports: one input, one output, with the number and kind of channels that the host chose.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use clap_sys::ext::ambisonic::{
    CLAP_AMBISONIC_NORMALIZATION_SN3D, CLAP_AMBISONIC_ORDERING_ACN, CLAP_EXT_AMBISONIC, CLAP_EXT_AMBISONIC_COMPAT,
    CLAP_PORT_AMBISONIC, clap_ambisonic_config, clap_plugin_ambisonic,
};
use clap_sys::ext::audio_ports::{
    CLAP_AUDIO_PORT_IS_MAIN, CLAP_EXT_AUDIO_PORTS, CLAP_PORT_MONO, CLAP_PORT_STEREO, clap_audio_port_info,
    clap_plugin_audio_ports,
};
use clap_sys::ext::audio_ports_config::{CLAP_EXT_AUDIO_PORTS_CONFIG, clap_audio_ports_config, clap_plugin_audio_ports_config};
use clap_sys::ext::configurable_audio_ports::{
    CLAP_EXT_CONFIGURABLE_AUDIO_PORTS, CLAP_EXT_CONFIGURABLE_AUDIO_PORTS_COMPAT, clap_audio_port_configuration_request,
    clap_plugin_configurable_audio_ports,
};
use clap_sys::ext::surround::{CLAP_EXT_SURROUND, CLAP_EXT_SURROUND_COMPAT, CLAP_PORT_SURROUND, clap_plugin_surround};
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::clap_plugin;

use super::channel_maps::usual;
use super::guarded::Guarded;
use super::port_kinds::{PortKind, PortKinds};
use super::{text, write_text};
use crate::guard::route::ChannelLayout;
use crate::instance::MAX_CHANNELS;

static PORTS: clap_plugin_audio_ports = clap_plugin_audio_ports { count: Some(count_ports), get: Some(get_port) };
static CONFIGS: clap_plugin_audio_ports_config =
    clap_plugin_audio_ports_config { count: Some(count_configs), get: Some(get_config), select: Some(select_config) };
static CONFIGURABLE: clap_plugin_configurable_audio_ports =
    clap_plugin_configurable_audio_ports { can_apply_configuration: Some(can_apply), apply_configuration: Some(apply) };
static SURROUND: clap_plugin_surround =
    clap_plugin_surround { is_channel_mask_supported: Some(is_channel_mask_supported), get_channel_map: Some(get_channel_map) };
static AMBISONIC: clap_plugin_ambisonic =
    clap_plugin_ambisonic { is_config_supported: Some(is_ambisonic_supported), get_config: Some(get_ambisonic) };

pub(super) fn extension(id: &CStr) -> *const c_void {
    match id {
        id if id == CLAP_EXT_AUDIO_PORTS => (&raw const PORTS).cast(),
        id if id == CLAP_EXT_AUDIO_PORTS_CONFIG => (&raw const CONFIGS).cast(),
        id if id == CLAP_EXT_CONFIGURABLE_AUDIO_PORTS || id == CLAP_EXT_CONFIGURABLE_AUDIO_PORTS_COMPAT => {
            (&raw const CONFIGURABLE).cast()
        }
        id if id == CLAP_EXT_SURROUND || id == CLAP_EXT_SURROUND_COMPAT => (&raw const SURROUND).cast(),
        id if id == CLAP_EXT_AMBISONIC || id == CLAP_EXT_AMBISONIC_COMPAT => (&raw const AMBISONIC).cast(),
        _ => ptr::null(),
    }
}

/// CLAP's name for a port of `n` channels of `kind`; null where it has none.
const fn port_type(n: usize, kind: PortKind) -> *const c_char {
    match (n, kind) {
        (_, PortKind::Ambisonic(..)) => CLAP_PORT_AMBISONIC.as_ptr(),
        (_, PortKind::Surround(_)) => CLAP_PORT_SURROUND.as_ptr(),
        (1, PortKind::Usual) => CLAP_PORT_MONO.as_ptr(),
        (2, PortKind::Usual) => CLAP_PORT_STEREO.as_ptr(),
        (n, PortKind::Usual) if !usual(n).is_empty() => CLAP_PORT_SURROUND.as_ptr(),
        _ => ptr::null(),
    }
}

unsafe extern "C" fn count_ports(_plugin: *const clap_plugin, _is_input: bool) -> u32 {
    1
}

unsafe extern "C" fn get_port(plugin: *const clap_plugin, index: u32, is_input: bool, info: *mut clap_audio_port_info) -> bool {
    let (Some(guarded), Some(info)) = (unsafe { Guarded::of(plugin) }, unsafe { info.as_mut() }) else { return false };
    if index != 0 {
        return false;
    }
    let layout = guarded.layout();
    let n = if is_input { layout.n_in } else { layout.n_out };
    let in_place = layout.n_in == layout.n_out;
    *info = unsafe { std::mem::zeroed() };
    // The ids assigned by the framework.
    info.id = u32::from(!is_input);
    write_text(&mut info.name, if is_input { "Input" } else { "Output" });
    info.flags = CLAP_AUDIO_PORT_IS_MAIN;
    info.channel_count = n as u32;
    info.port_type = port_type(n, guarded.kinds.lock().of(is_input));
    info.in_place_pair = if in_place { u32::from(is_input) } else { CLAP_INVALID_ID };
    true
}

unsafe extern "C" fn count_configs(_plugin: *const clap_plugin) -> u32 {
    ChannelLayout::ALL.len() as u32
}

unsafe extern "C" fn get_config(_plugin: *const clap_plugin, index: u32, config: *mut clap_audio_ports_config) -> bool {
    let (Some(layout), Some(config)) = (ChannelLayout::ALL.get(index as usize), unsafe { config.as_mut() }) else { return false };
    *config = unsafe { std::mem::zeroed() };
    config.id = index;
    write_text(&mut config.name, &name(*layout));
    (config.input_port_count, config.output_port_count) = (1, 1);
    (config.has_main_input, config.has_main_output) = (true, true);
    (config.main_input_channel_count, config.main_output_channel_count) = (layout.n_in as u32, layout.n_out as u32);
    config.main_input_port_type = port_type(layout.n_in, PortKind::Usual);
    config.main_output_port_type = port_type(layout.n_out, PortKind::Usual);
    true
}

fn name(layout: ChannelLayout) -> String {
    match (layout.n_in, layout.n_out) {
        (1, 1) => "Mono".to_owned(),
        (2, 2) => "Stereo".to_owned(),
        (1, 2) => "Mono to stereo".to_owned(),
        (2, 1) => "Stereo to mono".to_owned(),
        (n, _) => format!("{n} channels"),
    }
}

unsafe extern "C" fn select_config(plugin: *const clap_plugin, id: u32) -> bool {
    match (unsafe { Guarded::of(plugin) }, ChannelLayout::ALL.get(id as usize)) {
        (Some(guarded), Some(layout)) => select(guarded, *layout, PortKinds::default()),
        _ => false,
    }
}

/// Applies `layout` from the next activation; refused while active.
fn select(guarded: &Guarded, layout: ChannelLayout, kinds: PortKinds) -> bool {
    if guarded.is_active() {
        return false;
    }
    let told = unsafe { guarded.inner::<clap_plugin_audio_ports_config>(CLAP_EXT_AUDIO_PORTS_CONFIG) }.is_some_and(|inner| {
        inner.functions.select.is_some_and(|select| unsafe { select(inner.plugin, layout.framework_index() as u32) })
    });
    if told {
        guarded.set_layout(layout);
        *guarded.kinds.lock() = kinds;
    }
    told
}

unsafe extern "C" fn can_apply(
    plugin: *const clap_plugin,
    requests: *const clap_audio_port_configuration_request,
    n_requests: u32,
) -> bool {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }) else { return false };
    unsafe { requested(guarded, requests, n_requests) }.is_some()
}

unsafe extern "C" fn apply(
    plugin: *const clap_plugin,
    requests: *const clap_audio_port_configuration_request,
    n_requests: u32,
) -> bool {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }) else { return false };
    match unsafe { requested(guarded, requests, n_requests) } {
        Some((layout, kinds)) => select(guarded, layout, kinds),
        None => false,
    }
}

/// The layout that the requests describe, if it exists; the number of channels of a port without a request is unchanged.
///
/// The audio passes through unchanged. So ports with the same number of channels have the same kind, and a request for one also applies to the other.
///
/// # Safety
/// `requests` points to `n_requests` requests.
unsafe fn requested(
    guarded: &Guarded,
    requests: *const clap_audio_port_configuration_request,
    n_requests: u32,
) -> Option<(ChannelLayout, PortKinds)> {
    let mut layout = guarded.layout();
    let (mut input, mut output) = (None, None);
    for index in 0..n_requests as usize {
        let request = unsafe { requests.as_ref().map(|_| &*requests.add(index))? };
        let n = request.channel_count as usize;
        let kind = unsafe { kind(request, n) }.filter(|_| request.port_index == 0 && (1..=MAX_CHANNELS).contains(&n))?;
        if request.is_input {
            (layout.n_in, input) = (n, Some(kind));
        } else {
            (layout.n_out, output) = (n, Some(kind));
        }
    }
    let layout = ChannelLayout::with(layout.n_in, layout.n_out)?;
    if layout.n_in != layout.n_out {
        let kinds = *guarded.kinds.lock();
        return Some((layout, PortKinds { input: input.unwrap_or(kinds.input), output: output.unwrap_or(kinds.output) }));
    }
    let kind = input.or(output).unwrap_or(guarded.kinds.lock().input);
    (output.is_none() || output == Some(kind)).then_some((layout, PortKinds { input: kind, output: kind }))
}

/// # Safety
/// The details match the port type, or are null.
unsafe fn kind(request: &clap_audio_port_configuration_request, n: usize) -> Option<PortKind> {
    let Some(port_type) = (unsafe { text(request.port_type) }) else { return Some(PortKind::Usual) };
    if port_type == CLAP_PORT_MONO {
        (n == 1).then_some(PortKind::Usual)
    } else if port_type == CLAP_PORT_STEREO {
        (n == 2).then_some(PortKind::Usual)
    } else if port_type == CLAP_PORT_SURROUND {
        let mut map = [0; MAX_CHANNELS];
        if request.port_details.is_null() {
            return (!usual(n).is_empty()).then_some(PortKind::Usual);
        }
        let details = request.port_details.cast::<u8>();
        for (index, channel) in map.iter_mut().take(n).enumerate() {
            *channel = unsafe { *details.add(index) };
        }
        Some(PortKind::Surround(map))
    } else if port_type == CLAP_PORT_AMBISONIC {
        let config = unsafe { request.port_details.cast::<clap_ambisonic_config>().as_ref() };
        let (ordering, normalization) = config
            .map_or((CLAP_AMBISONIC_ORDERING_ACN, CLAP_AMBISONIC_NORMALIZATION_SN3D), |config| {
                (config.ordering, config.normalization)
            });
        [1, 4, 9, 16].contains(&n).then_some(PortKind::Ambisonic(ordering, normalization))
    } else {
        None
    }
}

unsafe extern "C" fn is_channel_mask_supported(_plugin: *const clap_plugin, mask: u64) -> bool {
    (1..=MAX_CHANNELS).contains(&(mask.count_ones() as usize))
}

unsafe extern "C" fn get_channel_map(plugin: *const clap_plugin, is_input: bool, index: u32, map: *mut u8, capacity: u32) -> u32 {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }).filter(|_| index == 0 && !map.is_null()) else { return 0 };
    let layout = guarded.layout();
    let n = if is_input { layout.n_in } else { layout.n_out };
    let kind = guarded.kinds.lock().of(is_input);
    let channels: Vec<u8> = match kind {
        PortKind::Surround(channels) => channels[..n].to_vec(),
        PortKind::Usual => usual(n).iter().map(|channel| *channel as u8).collect(),
        PortKind::Ambisonic(..) => Vec::new(),
    };
    let n = channels.len().min(capacity as usize);
    unsafe { ptr::copy_nonoverlapping(channels.as_ptr(), map, n) };
    n as u32
}

unsafe extern "C" fn is_ambisonic_supported(_plugin: *const clap_plugin, config: *const clap_ambisonic_config) -> bool {
    !config.is_null()
}

unsafe extern "C" fn get_ambisonic(
    plugin: *const clap_plugin,
    is_input: bool,
    index: u32,
    config: *mut clap_ambisonic_config,
) -> bool {
    let (Some(guarded), Some(config)) = (unsafe { Guarded::of(plugin) }, unsafe { config.as_mut() }) else { return false };
    match guarded.kinds.lock().of(is_input) {
        PortKind::Ambisonic(ordering, normalization) if index == 0 => {
            *config = clap_ambisonic_config { ordering, normalization };
            true
        }
        _ => false,
    }
}
