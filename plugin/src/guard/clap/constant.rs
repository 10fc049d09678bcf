//! Extensions that need only a pointer to the framework's plugin: latency, tail, rendering, remote control pages, the track.

use std::ffi::{CStr, c_void};
use std::ptr;

use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::remote_controls::{
    CLAP_EXT_REMOTE_CONTROLS, CLAP_EXT_REMOTE_CONTROLS_COMPAT, clap_plugin_remote_controls, clap_remote_controls_page,
};
use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render, clap_plugin_render_mode,
};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::ext::track_info::{CLAP_EXT_TRACK_INFO, CLAP_EXT_TRACK_INFO_COMPAT, clap_plugin_track_info};
use clap_sys::plugin::clap_plugin;

use super::guarded::Guarded;

static LATENCY: clap_plugin_latency = clap_plugin_latency { get: Some(nothing) };
static TAIL: clap_plugin_tail = clap_plugin_tail { get: Some(nothing) };
static RENDER: clap_plugin_render =
    clap_plugin_render { has_hard_realtime_requirement: Some(has_hard_realtime_requirement), set: Some(set_render_mode) };
static REMOTE_CONTROLS: clap_plugin_remote_controls =
    clap_plugin_remote_controls { count: Some(count_pages), get: Some(get_page) };
static TRACK_INFO: clap_plugin_track_info = clap_plugin_track_info { changed: Some(track_changed) };

pub(super) fn extension(id: &CStr) -> *const c_void {
    match id {
        id if id == CLAP_EXT_LATENCY => (&raw const LATENCY).cast(),
        id if id == CLAP_EXT_TAIL => (&raw const TAIL).cast(),
        id if id == CLAP_EXT_RENDER => (&raw const RENDER).cast(),
        id if id == CLAP_EXT_REMOTE_CONTROLS || id == CLAP_EXT_REMOTE_CONTROLS_COMPAT => (&raw const REMOTE_CONTROLS).cast(),
        id if id == CLAP_EXT_TRACK_INFO || id == CLAP_EXT_TRACK_INFO_COMPAT => (&raw const TRACK_INFO).cast(),
        _ => ptr::null(),
    }
}

unsafe extern "C" fn nothing(_plugin: *const clap_plugin) -> u32 {
    0
}

unsafe extern "C" fn has_hard_realtime_requirement(_plugin: *const clap_plugin) -> bool {
    false
}

/// The framework would request a restart; the plugin reads the mode with every buffer instead.
unsafe extern "C" fn set_render_mode(plugin: *const clap_plugin, mode: clap_plugin_render_mode) -> bool {
    match unsafe { Guarded::of(plugin) } {
        Some(guarded) if mode == CLAP_RENDER_REALTIME || mode == CLAP_RENDER_OFFLINE => {
            guarded.link.set_offline(mode == CLAP_RENDER_OFFLINE);
            true
        }
        _ => false,
    }
}

unsafe extern "C" fn count_pages(plugin: *const clap_plugin) -> u32 {
    unsafe {
        match pages(plugin) {
            Some((inner, pages)) => pages.count.map_or(0, |count| count(inner)),
            None => 0,
        }
    }
}

unsafe extern "C" fn get_page(plugin: *const clap_plugin, index: u32, page: *mut clap_remote_controls_page) -> bool {
    unsafe {
        match pages(plugin) {
            Some((inner, pages)) if index < count_pages(plugin) => pages.get.is_some_and(|get| get(inner, index, page)),
            _ => false,
        }
    }
}

/// The framework's remote control pages, and the plugin to call them with.
unsafe fn pages<'a>(plugin: *const clap_plugin) -> Option<(*const clap_plugin, &'a clap_plugin_remote_controls)> {
    unsafe {
        let inner = Guarded::of(plugin)?.inner(CLAP_EXT_REMOTE_CONTROLS)?;
        Some((inner.plugin, inner.functions))
    }
}

unsafe extern "C" fn track_changed(plugin: *const clap_plugin) {
    unsafe {
        let inner = Guarded::of(plugin).and_then(|guarded| guarded.inner::<clap_plugin_track_info>(CLAP_EXT_TRACK_INFO));
        if let Some((inner, Some(changed))) = inner.map(|inner| (inner.plugin, inner.functions.changed)) {
            changed(inner);
        }
    }
}
