//! The host as presented to the framework.
//!
//! The framework panics if a function of the host is null, and if the host has no extension for windows. So it gets a host of ours that has all functions and
//! forwards what it can.

use std::ffi::{CStr, c_char, c_void};

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_VALUES, clap_host_params};
use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT, clap_host_preset_load};
use clap_sys::ext::thread_check::{CLAP_EXT_THREAD_CHECK, clap_host_thread_check};
use clap_sys::ext::track_info::{CLAP_EXT_TRACK_INFO, CLAP_EXT_TRACK_INFO_COMPAT, clap_host_track_info, clap_track_info};
use clap_sys::host::clap_host;

use super::text;

/// The real host behind the one presented to the framework.
pub(super) struct Host {
    /// Must be first, so that a pointer to it is also a pointer to the whole.
    shown: clap_host,
    real: *const clap_host,
}

impl Host {
    /// # Safety
    /// The host outlives this.
    pub(super) unsafe fn new(real: &clap_host) -> Box<Self> {
        let shown = clap_host {
            get_extension: Some(get_extension),
            request_restart: Some(request_restart),
            request_process: Some(request_process),
            request_callback: Some(request_callback),
            ..*real
        };
        let mut host = Box::new(Self { shown, real });
        host.shown.host_data = (&raw mut *host).cast();
        host
    }

    /// The host that the framework receives.
    pub(super) const fn shown(&self) -> *const clap_host {
        &raw const self.shown
    }

    /// Tells the host that parameter values have changed.
    pub(super) fn rescan_values(&self) {
        unsafe { rescan(self.shown(), CLAP_PARAM_RESCAN_VALUES) };
    }

    /// Tells the host that the preset at `key` was loaded.
    pub(super) fn preset_loaded(&self, kind: u32, location: *const c_char, key: *const c_char) {
        for id in [CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT] {
            if let Some(loaded) = unsafe { self.extension::<clap_host_preset_load>(id) }.and_then(|preset| preset.loaded) {
                return unsafe { loaded(self.real, kind, location, key) };
            }
        }
    }

    /// # Safety
    /// The extension is a `T`.
    unsafe fn extension<T>(&self, id: &CStr) -> Option<&T> {
        unsafe {
            let get = (*self.real).get_extension?;
            get(self.real, id.as_ptr()).cast::<T>().as_ref()
        }
    }

    /// # Safety
    /// `shown` is what [`Host::shown`] returned.
    unsafe fn of<'a>(shown: *const clap_host) -> &'a Self {
        unsafe { &*(*shown).host_data.cast() }
    }
}

unsafe extern "C" fn get_extension(host: *const clap_host, id: *const c_char) -> *const c_void {
    static GUI: clap_host_gui = clap_host_gui {
        resize_hints_changed: Some(resize_hints_changed),
        request_resize: Some(request_resize),
        request_show: Some(request_show),
        request_hide: Some(request_hide),
        closed: Some(closed),
    };
    static PARAMS: clap_host_params =
        clap_host_params { rescan: Some(rescan), clear: Some(clear), request_flush: Some(request_flush) };
    static LATENCY: clap_host_latency = clap_host_latency { changed: Some(latency_changed) };
    static TRACK_INFO: clap_host_track_info = clap_host_track_info { get: Some(get_track_info) };
    static THREAD_CHECK: clap_host_thread_check =
        clap_host_thread_check { is_main_thread: Some(is_main_thread), is_audio_thread: Some(is_audio_thread) };
    let host = unsafe { Host::of(host) };
    match unsafe { text(id) } {
        Some(id) if id == CLAP_EXT_GUI => (&raw const GUI).cast(),
        Some(id) if id == CLAP_EXT_PARAMS => (&raw const PARAMS).cast(),
        Some(id) if id == CLAP_EXT_LATENCY => (&raw const LATENCY).cast(),
        Some(id) if id == CLAP_EXT_TRACK_INFO => (&raw const TRACK_INFO).cast(),
        // If it is missing, the framework compares threads itself.
        Some(id) if id == CLAP_EXT_THREAD_CHECK => match unsafe { host.extension::<clap_host_thread_check>(id) } {
            Some(check) if check.is_main_thread.is_some() && check.is_audio_thread.is_some() => (&raw const THREAD_CHECK).cast(),
            _ => std::ptr::null(),
        },
        _ => std::ptr::null(),
    }
}

/// Calls a function of the host, if it has it.
macro_rules! forward {
    ($host:ident => $function:ident) => {
        unsafe {
            let host = Host::of($host);
            if let Some(function) = (*host.real).$function {
                function(host.real);
            }
        }
    };
}

/// Calls a function of a host extension, if it has it; otherwise returns `$otherwise`.
macro_rules! forward_to {
    ($id:expr, $extension:ty, $host:ident => $function:ident($($argument:expr),*) or $otherwise:expr) => {
        unsafe {
            let host = Host::of($host);
            match host.extension::<$extension>($id).and_then(|extension| extension.$function) {
                Some(function) => function(host.real $(, $argument)*),
                None => $otherwise,
            }
        }
    };
}

unsafe extern "C" fn request_restart(host: *const clap_host) {
    forward!(host => request_restart);
}

unsafe extern "C" fn request_process(host: *const clap_host) {
    forward!(host => request_process);
}

unsafe extern "C" fn request_callback(host: *const clap_host) {
    forward!(host => request_callback);
}

unsafe extern "C" fn resize_hints_changed(host: *const clap_host) {
    forward_to!(CLAP_EXT_GUI, clap_host_gui, host => resize_hints_changed() or ());
}

unsafe extern "C" fn request_resize(host: *const clap_host, width: u32, height: u32) -> bool {
    forward_to!(CLAP_EXT_GUI, clap_host_gui, host => request_resize(width, height) or false)
}

unsafe extern "C" fn request_show(host: *const clap_host) -> bool {
    forward_to!(CLAP_EXT_GUI, clap_host_gui, host => request_show() or false)
}

unsafe extern "C" fn request_hide(host: *const clap_host) -> bool {
    forward_to!(CLAP_EXT_GUI, clap_host_gui, host => request_hide() or false)
}

unsafe extern "C" fn closed(host: *const clap_host, was_destroyed: bool) {
    forward_to!(CLAP_EXT_GUI, clap_host_gui, host => closed(was_destroyed) or ());
}

unsafe extern "C" fn rescan(host: *const clap_host, flags: u32) {
    forward_to!(CLAP_EXT_PARAMS, clap_host_params, host => rescan(flags) or ());
}

unsafe extern "C" fn clear(host: *const clap_host, id: u32, flags: u32) {
    forward_to!(CLAP_EXT_PARAMS, clap_host_params, host => clear(id, flags) or ());
}

unsafe extern "C" fn request_flush(host: *const clap_host) {
    forward_to!(CLAP_EXT_PARAMS, clap_host_params, host => request_flush() or ());
}

unsafe extern "C" fn latency_changed(host: *const clap_host) {
    forward_to!(CLAP_EXT_LATENCY, clap_host_latency, host => changed() or ());
}

unsafe extern "C" fn get_track_info(host: *const clap_host, info: *mut clap_track_info) -> bool {
    let known = forward_to!(CLAP_EXT_TRACK_INFO, clap_host_track_info, host => get(info) or false);
    known || forward_to!(CLAP_EXT_TRACK_INFO_COMPAT, clap_host_track_info, host => get(info) or false)
}

unsafe extern "C" fn is_main_thread(host: *const clap_host) -> bool {
    forward_to!(CLAP_EXT_THREAD_CHECK, clap_host_thread_check, host => is_main_thread() or false)
}

unsafe extern "C" fn is_audio_thread(host: *const clap_host) -> bool {
    forward_to!(CLAP_EXT_THREAD_CHECK, clap_host_thread_check, host => is_audio_thread() or false)
}
