//! The wrapper that a host holds in place of the framework's plugin, and how the functions of every extension get from one to the other.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::plugin::clap_plugin;
use parking_lot::Mutex;

use super::host::Host;
use super::port_kinds::PortKinds;
use super::window::WindowState;
use crate::guard::link::Link;
use crate::guard::route::{ChannelLayout, Spare};

/// A plugin of the framework, and its wrapper held by the host.
pub(super) struct Guarded {
    shown: clap_plugin,
    /// The framework's plugin.
    pub(super) inner: *const clap_plugin,
    pub(super) host: Box<Host>,
    pub(super) link: Arc<Link>,
    active: AtomicBool,
    /// Index in [`ChannelLayout::ALL`].
    layout: AtomicUsize,
    /// Properties of the ports other than their number of channels.
    pub(super) kinds: Mutex<PortKinds>,
    pub(super) spare: Spare,
    pub(super) window: Mutex<WindowState>,
}

/// The functions of a framework extension, with the plugin to call them with.
pub(super) struct Inner<'a, T> {
    pub(super) plugin: *const clap_plugin,
    pub(super) functions: &'a T,
}

impl Guarded {
    /// Wraps `inner`, the framework's plugin for `host`; `shown` is the struct that the host receives. The host owns the result and destroys it.
    pub(super) fn leak(shown: clap_plugin, inner: *const clap_plugin, host: Box<Host>, link: Arc<Link>) -> *const clap_plugin {
        let mut guarded = Box::new(Self {
            shown,
            inner,
            host,
            link,
            active: AtomicBool::new(false),
            layout: AtomicUsize::new(ChannelLayout::STEREO.index()),
            kinds: Mutex::default(),
            spare: Spare::new(),
            window: Mutex::new(WindowState::default()),
        });
        guarded.shown.plugin_data = (&raw mut *guarded).cast();
        &raw const Box::leak(guarded).shown
    }

    /// The plugin behind the host's pointer.
    ///
    /// # Safety
    /// The pointer is null or was returned by [`Guarded::leak`], and is not destroyed.
    pub(super) unsafe fn of<'a>(plugin: *const clap_plugin) -> Option<&'a Self> {
        unsafe { plugin.as_ref().and_then(|plugin| plugin.plugin_data.cast::<Self>().as_ref()) }
    }

    /// An extension of the framework.
    ///
    /// # Safety
    /// The extension is a `T`.
    pub(super) unsafe fn inner<T>(&self, id: &CStr) -> Option<Inner<'_, T>> {
        unsafe {
            let get = (*self.inner).get_extension?;
            let functions = get(self.inner, id.as_ptr()).cast::<T>().as_ref()?;
            Some(Inner { plugin: self.inner, functions })
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    pub(super) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Release);
    }

    pub(super) fn layout(&self) -> ChannelLayout {
        ChannelLayout::ALL[self.layout.load(Ordering::Acquire)]
    }

    pub(super) fn set_layout(&self, layout: ChannelLayout) {
        self.layout.store(layout.index(), Ordering::Release);
    }
}

/// The events, or null if a function is missing, which would make the framework panic.
///
/// # Safety
/// The pointer is null or valid (also below).
pub(super) unsafe fn usable_input(events: *const clap_input_events) -> *const clap_input_events {
    match unsafe { events.as_ref() } {
        Some(known) if known.size.is_some() && known.get.is_some() => events,
        _ => ptr::null(),
    }
}

/// # Safety
/// As [`usable_input`].
pub(super) unsafe fn usable_output(events: *const clap_output_events) -> *const clap_output_events {
    match unsafe { events.as_ref() } {
        Some(known) if known.try_push.is_some() => events,
        _ => ptr::null(),
    }
}
