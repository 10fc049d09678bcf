//! The host's run loop on Linux, as presented to the framework.
//!
//! The framework registers a handler for each window and never unregisters it: it leaks a reference to it, and with it two descriptors and the host's entry.
//! Here both are released with the window.

use nice_plug::wrapper::vst3::vst3::Steinberg::Linux::{
    FileDescriptor, IEventHandler, IRunLoop, IRunLoopTrait, ITimerHandler, TimerInterval,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{FUnknown, kInvalidArgument, kResultOk, tresult};
use nice_plug::wrapper::vst3::vst3::{ComPtr, ComRef};
use parking_lot::Mutex;

use super::Frame;

/// The host's run loop, if it has one, and the framework's registered handler.
pub(super) struct RunLoop {
    host: Option<ComPtr<IRunLoop>>,
    handler: Mutex<Option<ComPtr<IEventHandler>>>,
}

impl RunLoop {
    pub(super) const fn new(host: Option<ComPtr<IRunLoop>>) -> Self {
        Self { host, handler: Mutex::new(None) }
    }

    /// Unregisters the framework's handler from the host and releases it. Called once the framework has released it, too.
    pub(super) fn give_back(&self) {
        let Some(handler) = self.handler.lock().take() else { return };
        unsafe {
            if let Some(host) = &self.host {
                host.unregisterEventHandler(handler.as_ptr());
            }
            // The reference that nice-plug 0.4.2 creates with `into_raw` to get the address and never releases.
            let unknown: *mut FUnknown = handler.as_ptr().cast();
            ((*(*unknown).vtbl).release)(unknown);
        }
    }
}

impl IRunLoopTrait for Frame {
    unsafe fn registerEventHandler(&self, handler: *mut IEventHandler, fd: FileDescriptor) -> tresult {
        let Some(known) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        let result = match &self.run_loop.host {
            Some(host) => unsafe { host.registerEventHandler(handler, fd) },
            // The framework panics if refused. What it posts here is not processed, which includes requests for another size.
            None => kResultOk,
        };
        *self.run_loop.handler.lock() = Some(known.to_com_ptr());
        if result == kResultOk { result } else { kResultOk }
    }

    /// The framework's handler has already been unregistered when the framework calls this.
    unsafe fn unregisterEventHandler(&self, _handler: *mut IEventHandler) -> tresult {
        kResultOk
    }

    unsafe fn registerTimer(&self, handler: *mut ITimerHandler, milliseconds: TimerInterval) -> tresult {
        match &self.run_loop.host {
            Some(host) => unsafe { host.registerTimer(handler, milliseconds) },
            None => kInvalidArgument,
        }
    }

    unsafe fn unregisterTimer(&self, handler: *mut ITimerHandler) -> tresult {
        match &self.run_loop.host {
            Some(host) => unsafe { host.unregisterTimer(handler) },
            None => kInvalidArgument,
        }
    }
}
