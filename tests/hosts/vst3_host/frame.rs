//! The window frame that a host provides for an editor, and its event loop, which a plugin must request on Linux.
#![allow(unsafe_code, reason = "VST3 declares every method unsafe, and calls back through pointers that the plugin registered")]

use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use vst3::Steinberg::Linux::{
    FileDescriptor, IEventHandler, IEventHandlerTrait as _, IRunLoop, IRunLoopTrait, ITimerHandler, ITimerHandlerTrait as _,
    TimerInterval,
};
use vst3::Steinberg::{
    IPlugFrame, IPlugFrameTrait, IPlugView, IPlugViewTrait as _, ViewRect, kInvalidArgument, kResultFalse, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComRef};

/// A frame that grants its editor any requested size.
#[derive(Default)]
pub(crate) struct Frame {
    registered: Mutex<Registered>,
}

/// The plugin's registrations.
#[derive(Default)]
struct Registered {
    descriptors: Vec<(ComPtr<IEventHandler>, FileDescriptor)>,
    timers: Vec<Timer>,
}

struct Timer {
    handler: ComPtr<ITimerHandler>,
    interval: Duration,
    due: Instant,
}

impl Frame {
    /// Number of handlers and timers that the plugin has registered and not unregistered.
    pub(crate) fn n_registered(&self) -> usize {
        let registered = self.registered.lock().unwrap();
        registered.descriptors.len() + registered.timers.len()
    }

    /// Calls all handlers with data to read and all timers that are due.
    pub(crate) fn run_once(&self) {
        // Handlers may register and unregister, so none is called while the lock is held.
        for (handler, descriptor) in self.readable() {
            // SAFETY: the handler is held here.
            unsafe { handler.onFDIsSet(descriptor) };
        }
        for handler in self.due() {
            // SAFETY: as above.
            unsafe { handler.onTimer() };
        }
    }

    fn readable(&self) -> Vec<(ComPtr<IEventHandler>, FileDescriptor)> {
        let registered = self.registered.lock().unwrap();
        let is_readable = |descriptor: FileDescriptor| {
            // SAFETY: a plugin keeps its registered descriptors open until it has unregistered them.
            let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
            let mut asked = [PollFd::new(&descriptor, PollFlags::IN)];
            poll(&mut asked, Some(&Timespec::default())).is_ok_and(|n| n > 0)
        };
        registered.descriptors.iter().filter(|(_, descriptor)| is_readable(*descriptor)).cloned().collect()
    }

    fn due(&self) -> Vec<ComPtr<ITimerHandler>> {
        let now = Instant::now();
        let mut registered = self.registered.lock().unwrap();
        let due = registered.timers.iter_mut().filter(|timer| timer.due <= now);
        due.map(|timer| {
            timer.due = now + timer.interval;
            timer.handler.clone()
        })
        .collect()
    }
}

impl Class for Frame {
    type Interfaces = (IPlugFrame, IRunLoop);
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, view: *mut IPlugView, size: *mut ViewRect) -> tresult {
        // SAFETY: null, or the requesting view and its requested size.
        match unsafe { (ComRef::from_raw(view), size.is_null()) } {
            // SAFETY: as above.
            (Some(view), false) => unsafe { view.onSize(size) },
            _ => kInvalidArgument,
        }
    }
}

impl IRunLoopTrait for Frame {
    unsafe fn registerEventHandler(&self, handler: *mut IEventHandler, descriptor: FileDescriptor) -> tresult {
        // SAFETY: null or an object.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        self.registered.lock().unwrap().descriptors.push((handler.to_com_ptr(), descriptor));
        kResultOk
    }

    unsafe fn unregisterEventHandler(&self, handler: *mut IEventHandler) -> tresult {
        let taken: Vec<_> = {
            let mut registered = self.registered.lock().unwrap();
            registered.descriptors.extract_if(.., |(known, _)| known.as_ptr() == handler).collect()
        };
        // The handler may be freed with the last reference, and call back meanwhile; so the lock is not held here.
        if taken.is_empty() { kResultFalse } else { kResultOk }
    }

    unsafe fn registerTimer(&self, handler: *mut ITimerHandler, milliseconds: TimerInterval) -> tresult {
        // SAFETY: null or an object.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        let interval = Duration::from_millis(milliseconds);
        let timer = Timer { handler: handler.to_com_ptr(), interval, due: Instant::now() + interval };
        self.registered.lock().unwrap().timers.push(timer);
        kResultOk
    }

    unsafe fn unregisterTimer(&self, handler: *mut ITimerHandler) -> tresult {
        let taken: Vec<_> = {
            let mut registered = self.registered.lock().unwrap();
            registered.timers.extract_if(.., |timer| timer.handler.as_ptr() == handler).collect()
        };
        if taken.is_empty() { kResultFalse } else { kResultOk }
    }
}
