//! The window: valid sizes, and opening and closing in any order and at any speed.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::thread;

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_gui_resize_hints, clap_plugin_gui, clap_window};
use clap_sys::plugin::clap_plugin;

use super::guarded::{Guarded, Inner};
use crate::guard::sizes::{clamped, is_scale};

static GUI: clap_plugin_gui = clap_plugin_gui {
    is_api_supported: Some(is_api_supported),
    get_preferred_api: Some(get_preferred_api),
    create: Some(create),
    destroy: Some(destroy),
    set_scale: Some(set_scale),
    get_size: Some(get_size),
    can_resize: Some(can_resize),
    get_resize_hints: Some(get_resize_hints),
    adjust_size: Some(adjust_size),
    set_size: Some(set_size),
    set_parent: Some(set_parent),
    set_transient: Some(set_transient),
    suggest_title: Some(suggest_title),
    show: Some(show),
    hide: Some(hide),
};

pub(super) fn extension(id: &CStr) -> *const c_void {
    if id == CLAP_EXT_GUI { (&raw const GUI).cast() } else { ptr::null() }
}

unsafe fn inner<'a>(plugin: *const clap_plugin) -> Option<Inner<'a, clap_plugin_gui>> {
    unsafe { Guarded::of(plugin)?.inner(CLAP_EXT_GUI) }
}

/// Calls one of the framework's functions; returns `$otherwise` if it is missing.
macro_rules! forward {
    ($plugin:ident => $function:ident($($argument:expr),*) or $otherwise:expr) => {
        unsafe {
            match inner($plugin) {
                Some(Inner { plugin, functions }) => match functions.$function {
                    Some(function) => function(plugin $(, $argument)*),
                    None => $otherwise,
                },
                None => $otherwise,
            }
        }
    };
}

/// The guard of `plugin`, if its window was opened by this thread.
unsafe fn with_window<'a>(plugin: *const clap_plugin) -> Option<&'a Guarded> {
    unsafe { Guarded::of(plugin) }.filter(|guarded| guarded.window.lock().is_here())
}

unsafe extern "C" fn is_api_supported(plugin: *const clap_plugin, api: *const c_char, is_floating: bool) -> bool {
    !api.is_null() && forward!(plugin => is_api_supported(api, is_floating) or false)
}

unsafe extern "C" fn get_preferred_api(plugin: *const clap_plugin, api: *mut *const c_char, is_floating: *mut bool) -> bool {
    forward!(plugin => get_preferred_api(api, is_floating) or false)
}

unsafe extern "C" fn create(plugin: *const clap_plugin, api: *const c_char, is_floating: bool) -> bool {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }) else { return false };
    if guarded.window.lock().opener.is_some() || api.is_null() {
        return false;
    }
    if !forward!(plugin => create(api, is_floating) or false) {
        return false;
    }
    guarded.window.lock().opener = Some(thread::current().id());
    // The window's thread answers from its loop. If closed before the loop runs, it would never notice, and the host would wait forever.
    forward!(plugin => hide() or false);
    true
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    unsafe { close(plugin) };
}

/// Closes the window, if there is one.
///
/// # Safety
/// The plugin is null or one of ours.
pub(super) unsafe fn close(plugin: *const clap_plugin) {
    let Some(guarded) = (unsafe { with_window(plugin) }) else { return };
    guarded.window.lock().opener = None;
    forward!(plugin => destroy() or ());
    guarded.link.wait_for_window();
}

unsafe extern "C" fn set_scale(plugin: *const clap_plugin, scale: f64) -> bool {
    let Some(guarded) = (unsafe { with_window(plugin) }) else { return false };
    if !is_scale(scale) || !forward!(plugin => set_scale(scale) or false) {
        return false;
    }
    guarded.window.lock().scale = Some(scale);
    true
}

unsafe extern "C" fn get_size(plugin: *const clap_plugin, width: *mut u32, height: *mut u32) -> bool {
    forward!(plugin => get_size(width, height) or false)
}

unsafe extern "C" fn can_resize(plugin: *const clap_plugin) -> bool {
    forward!(plugin => can_resize() or false)
}

unsafe extern "C" fn get_resize_hints(plugin: *const clap_plugin, hints: *mut clap_gui_resize_hints) -> bool {
    forward!(plugin => get_resize_hints(hints) or false)
}

unsafe extern "C" fn adjust_size(plugin: *const clap_plugin, width: *mut u32, height: *mut u32) -> bool {
    let Some(guarded) = (unsafe { Guarded::of(plugin) }) else { return false };
    let (Some(width), Some(height)) = (unsafe { width.as_mut() }, unsafe { height.as_mut() }) else { return false };
    let scale = guarded.window.lock().scale.unwrap_or(1.0);
    (*width, *height) = clamped((*width, *height), scale);
    true
}

unsafe extern "C" fn set_size(plugin: *const clap_plugin, width: u32, height: u32) -> bool {
    let Some(guarded) = (unsafe { with_window(plugin) }) else { return false };
    let scale = guarded.window.lock().scale.unwrap_or(1.0);
    clamped((width, height), scale) == (width, height) && forward!(plugin => set_size(width, height) or false)
}

unsafe extern "C" fn set_parent(plugin: *const clap_plugin, window: *const clap_window) -> bool {
    let has_api = unsafe { window.as_ref() }.is_some_and(|window| !window.api.is_null());
    has_api && unsafe { with_window(plugin) }.is_some() && forward!(plugin => set_parent(window) or false)
}

/// Floating windows are not supported.
unsafe extern "C" fn set_transient(_plugin: *const clap_plugin, _window: *const clap_window) -> bool {
    false
}

unsafe extern "C" fn suggest_title(_plugin: *const clap_plugin, _title: *const c_char) {}

unsafe extern "C" fn show(plugin: *const clap_plugin) -> bool {
    unsafe { with_window(plugin) }.is_some() && forward!(plugin => show() or false)
}

unsafe extern "C" fn hide(plugin: *const clap_plugin) -> bool {
    unsafe { with_window(plugin) }.is_some() && forward!(plugin => hide() or false)
}
