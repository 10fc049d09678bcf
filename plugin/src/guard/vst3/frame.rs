//! The host's frame around the window, as presented to the framework.

#[cfg(all(target_family = "unix", not(target_os = "macos")))]
mod run_loop;

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use nice_plug::wrapper::vst3::vst3::Steinberg::{IPlugFrame, IPlugFrameTrait, IPlugView, ViewRect, kResultFalse, tresult};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr};

#[cfg(all(target_family = "unix", not(target_os = "macos")))]
use run_loop::RunLoop;

/// Forwards requests of the framework's view as those of ours, and mediates between the framework and the host's run loop.
pub(super) struct Frame {
    host: ComPtr<IPlugFrame>,
    view: Arc<AtomicPtr<IPlugView>>,
    #[cfg(all(target_family = "unix", not(target_os = "macos")))]
    run_loop: RunLoop,
}

impl Frame {
    /// `view` is ours, null once it is gone.
    pub(super) fn new(host: ComPtr<IPlugFrame>, view: Arc<AtomicPtr<IPlugView>>) -> Self {
        #[cfg(all(target_family = "unix", not(target_os = "macos")))]
        let run_loop = RunLoop::new(host.cast());
        Self {
            host,
            view,
            #[cfg(all(target_family = "unix", not(target_os = "macos")))]
            run_loop,
        }
    }

    /// Removes the framework's registrations from the host's run loop. Called once the framework has released it, too.
    #[cfg(all(target_family = "unix", not(target_os = "macos")))]
    pub(super) fn give_back(&self) {
        self.run_loop.give_back();
    }
}

#[cfg(all(target_family = "unix", not(target_os = "macos")))]
impl Class for Frame {
    type Interfaces = (IPlugFrame, nice_plug::wrapper::vst3::vst3::Steinberg::Linux::IRunLoop);
}

#[cfg(not(all(target_family = "unix", not(target_os = "macos"))))]
impl Class for Frame {
    type Interfaces = (IPlugFrame,);
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, _view: *mut IPlugView, size: *mut ViewRect) -> tresult {
        let view = self.view.load(Ordering::Acquire);
        if view.is_null() || size.is_null() {
            return kResultFalse;
        }
        unsafe { self.host.resizeView(view, size) }
    }
}
