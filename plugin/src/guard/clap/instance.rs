//! One plugin: its life cycle, and its buffers.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::wrapper::clap::Wrapper;

use super::guarded::{Guarded, usable_input, usable_output};
use super::host::Host;
use super::{audio_ports, constant, descriptor, gui, params, presets, saving, text};
use crate::Moodline;
use crate::guard::link::Link;
use crate::guard::route::{Channels, Passage, pass};

/// A new plugin for `host`, which owns it and destroys it.
pub(super) fn create(host: &clap_host) -> *const clap_plugin {
    // SAFETY: a host outlives its plugins.
    let host = unsafe { Host::new(host) };
    // The framework's plugin owns itself until it is destroyed.
    let (inner, link) = Link::of(|| unsafe { (*Arc::into_raw(Wrapper::<Moodline>::new(host.shown()))).clap_plugin.as_ptr() });
    let shown = clap_plugin {
        desc: descriptor().clap_plugin_descriptor(),
        plugin_data: ptr::null_mut(),
        init: Some(init),
        destroy: Some(destroy),
        activate: Some(activate),
        deactivate: Some(deactivate),
        start_processing: Some(start_processing),
        stop_processing: Some(stop_processing),
        reset: Some(reset),
        process: Some(process),
        get_extension: Some(get_extension),
        on_main_thread: Some(on_main_thread),
    };
    Guarded::leak(shown, inner, host, link)
}

/// Calls one of the framework's functions for the plugin `$plugin`, if both exist.
macro_rules! forward {
    ($plugin:ident => $function:ident($($argument:expr),*) or $otherwise:expr) => {
        unsafe {
            match Guarded::of($plugin) {
                Some(guarded) => match (*guarded.inner).$function {
                    Some(function) => function(guarded.inner $(, $argument)*),
                    None => $otherwise,
                },
                None => $otherwise,
            }
        }
    };
}

unsafe extern "C" fn init(plugin: *const clap_plugin) -> bool {
    forward!(plugin => init() or false)
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    if unsafe { Guarded::of(plugin) }.is_none() {
        return;
    }
    unsafe {
        gui::close(plugin);
        let guarded = Box::from_raw((*plugin).plugin_data.cast::<Guarded>());
        if let Some(destroy) = (*guarded.inner).destroy {
            destroy(guarded.inner);
        }
    }
}

unsafe extern "C" fn activate(plugin: *const clap_plugin, sample_rate: f64, min_frames: u32, max_frames: u32) -> bool {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }) else { return false };
    guarded.spare.prepare(guarded.layout(), max_frames as usize);
    let active = forward!(plugin => activate(sample_rate, min_frames, max_frames) or false);
    guarded.set_active(active);
    active
}

unsafe extern "C" fn deactivate(plugin: *const clap_plugin) {
    if let Some(guarded) = unsafe { Guarded::of(plugin) } {
        guarded.set_active(false);
    }
    forward!(plugin => deactivate() or ());
}

unsafe extern "C" fn start_processing(plugin: *const clap_plugin) -> bool {
    match unsafe { Guarded::of(plugin) } {
        Some(guarded) if guarded.is_active() => forward!(plugin => start_processing() or false),
        _ => false,
    }
}

unsafe extern "C" fn stop_processing(plugin: *const clap_plugin) {
    forward!(plugin => stop_processing() or ());
}

unsafe extern "C" fn reset(plugin: *const clap_plugin) {
    forward!(plugin => reset() or ());
}

/// # Realtime safety
/// As [`pass`]; the framework's part is as the plugin's `process`.
unsafe extern "C" fn process(plugin: *const clap_plugin, process: *const clap_process) -> clap_process_status {
    let (Some(guarded), Some(buffer)) = (unsafe { Guarded::of(plugin) }, unsafe { process.as_ref() }) else {
        return CLAP_PROCESS_ERROR;
    };
    let (layout, n_frames) = (guarded.layout(), buffer.frames_count as usize);
    let channels = unsafe { (main_channels(buffer.audio_inputs, buffer.audio_inputs_count), outputs(buffer)) };
    let carry = |outputs: *mut *mut f32| {
        let mut adapted = *buffer;
        unsafe { adapted.in_events = usable_input(buffer.in_events) };
        unsafe { adapted.out_events = usable_output(buffer.out_events) };
        if layout.n_in == layout.n_out {
            return forward!(plugin => process(&raw const adapted) or CLAP_PROCESS_ERROR);
        }
        let mut output = unsafe { *buffer.audio_outputs };
        (output.data32, output.channel_count) = (outputs, layout.n_in as u32);
        adapted.audio_outputs = &raw mut output;
        forward!(plugin => process(&raw const adapted) or CLAP_PROCESS_ERROR)
    };
    if !guarded.is_active() {
        return CLAP_PROCESS_ERROR;
    }
    match unsafe { pass(layout, channels, n_frames, &guarded.spare, carry) } {
        Passage::Carried(status) => status,
        Passage::Refused => CLAP_PROCESS_ERROR,
    }
}

/// The channels of the first of `n` buses; none if there is no bus, or if its samples are 64-bit.
///
/// # Safety
/// The pointers are null or valid.
unsafe fn main_channels(buses: *const clap_audio_buffer, n: u32) -> Channels {
    match unsafe { buses.as_ref() } {
        Some(bus) if n > 0 => unsafe { Channels::new(bus.data32, bus.channel_count as usize) },
        _ => Channels::NONE,
    }
}

/// # Safety
/// As [`main_channels`].
unsafe fn outputs(buffer: &clap_process) -> Channels {
    unsafe { main_channels(buffer.audio_outputs, buffer.audio_outputs_count) }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }) else { return };
    // A window belongs to the thread that opened it: the framework panics if another thread requests it.
    if guarded.window.lock().is_here_or_closed() {
        forward!(plugin => on_main_thread() or ());
    }
}

unsafe extern "C" fn get_extension(_plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    let Some(id) = (unsafe { text(id) }) else { return ptr::null() };
    let lookups = [params::extension, gui::extension, saving::extension, presets::extension, audio_ports::extension];
    let found = lookups.into_iter().map(|lookup| lookup(id)).find(|functions| !functions.is_null());
    found.unwrap_or_else(|| constant::extension(id))
}
