//! The window of a VST3 plugin: valid sizes, one thread, and a frame that is released.

use std::ffi::{CStr, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread::{self, ThreadId};

use nice_plug::wrapper::vst3::vst3::Steinberg::IPlugViewContentScaleSupport_::ScaleFactor;
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, IPlugFrame, IPlugView, IPlugViewContentScaleSupport, IPlugViewContentScaleSupportTrait, IPlugViewTrait, TBool,
    ViewRect, char16, int16, int32, kInvalidArgument, kPlatformTypeHWND, kPlatformTypeNSView, kPlatformTypeX11EmbedWindowID,
    kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComRef, ComWrapper};
use parking_lot::Mutex;

use super::frame::Frame;
use crate::guard::link::Link;
use crate::guard::sizes::{clamped, is_scale};

/// VST3's name for windows of this system.
const PLATFORM: FIDString = if cfg!(target_os = "windows") {
    kPlatformTypeHWND
} else if cfg!(target_os = "macos") {
    kPlatformTypeNSView
} else {
    kPlatformTypeX11EmbedWindowID
};

/// Our view around the framework's.
pub(super) struct HostView {
    inner: ComPtr<IPlugView>,
    link: Arc<Link>,
    /// Pointer to this view, for the frame; null once it is gone.
    this: Arc<AtomicPtr<IPlugView>>,
    state: Mutex<ViewState>,
}

#[derive(Default)]
struct ViewState {
    /// The thread that attached the view, which alone may access its window: the framework panics on any other.
    attached: Option<ThreadId>,
    /// Physical pixels per logical pixel, as set by the host.
    scale: Option<f32>,
    frame: Option<ComWrapper<Frame>>,
}

impl Class for HostView {
    type Interfaces = (IPlugView, IPlugViewContentScaleSupport);
}

impl HostView {
    /// Wraps the framework's view in one for the host and takes ownership of it; null for null.
    ///
    /// # Safety
    /// The pointer is null or an owned reference.
    pub(super) unsafe fn around(inner: *mut IPlugView, link: Arc<Link>) -> *mut IPlugView {
        let Some(inner) = (unsafe { ComPtr::from_raw(inner) }) else { return std::ptr::null_mut() };
        let this = Arc::new(AtomicPtr::new(std::ptr::null_mut()));
        let view = ComWrapper::new(Self { inner, link, this: Arc::clone(&this), state: Mutex::default() });
        // INVARIANT: it implements IPlugView.
        let pointer = view.to_com_ptr::<IPlugView>().expect("a view").into_raw();
        this.store(pointer, Ordering::Release);
        pointer
    }

    fn is_attached_here(&self) -> bool {
        self.state.lock().attached == Some(thread::current().id())
    }

    fn scale(&self) -> f64 {
        self.state.lock().scale.map_or(1.0, f64::from)
    }

    /// Makes the framework and the host release the frame.
    fn forget_frame(&self) {
        let frame = self.state.lock().frame.take();
        unsafe { self.inner.setFrame(std::ptr::null_mut()) };
        #[cfg(all(target_family = "unix", not(target_os = "macos")))]
        if let Some(frame) = frame {
            frame.give_back();
        }
        #[cfg(not(all(target_family = "unix", not(target_os = "macos"))))]
        drop(frame);
    }

    /// The allowed rectangle closest to `rect`.
    fn allowed(&self, rect: &ViewRect) -> ViewRect {
        let side = |from: int32, to: int32| u32::try_from(i64::from(to) - i64::from(from)).unwrap_or(0);
        let (width, height) = clamped((side(rect.left, rect.right), side(rect.top, rect.bottom)), self.scale());
        let far = |from: int32, side: u32| from.saturating_add_unsigned(side);
        ViewRect { right: far(rect.left, width), bottom: far(rect.top, height), ..*rect }
    }
}

impl Drop for HostView {
    fn drop(&mut self) {
        self.this.store(std::ptr::null_mut(), Ordering::Release);
        if self.is_attached_here() {
            unsafe { self.inner.removed() };
            self.link.wait_for_window();
        }
        self.forget_frame();
    }
}

impl IPlugViewTrait for HostView {
    unsafe fn isPlatformTypeSupported(&self, kind: FIDString) -> tresult {
        let is_ours = !kind.is_null() && unsafe { CStr::from_ptr(kind) == CStr::from_ptr(PLATFORM) };
        if is_ours { kResultOk } else { kResultFalse }
    }

    unsafe fn attached(&self, parent: *mut c_void, kind: FIDString) -> tresult {
        if parent.is_null() || unsafe { self.isPlatformTypeSupported(kind) } != kResultOk {
            return kInvalidArgument;
        }
        if self.state.lock().attached.is_some() {
            return kResultFalse;
        }
        let result = unsafe { self.inner.attached(parent, kind) };
        if result == kResultOk {
            self.state.lock().attached = Some(thread::current().id());
            // Hosts set the scale before attaching; the framework only accepts it afterwards.
            let scale = self.state.lock().scale;
            if let (Some(scale), Some(support)) = (scale, self.inner.cast::<IPlugViewContentScaleSupport>()) {
                unsafe { support.setContentScaleFactor(scale) };
            }
        }
        result
    }

    unsafe fn removed(&self) -> tresult {
        if !self.is_attached_here() {
            return kResultFalse;
        }
        self.state.lock().attached = None;
        let result = unsafe { self.inner.removed() };
        self.link.wait_for_window();
        result
    }

    unsafe fn onWheel(&self, distance: f32) -> tresult {
        unsafe { self.inner.onWheel(distance) }
    }

    unsafe fn onKeyDown(&self, key: char16, code: int16, modifiers: int16) -> tresult {
        if self.is_attached_here() { unsafe { self.inner.onKeyDown(key, code, modifiers) } } else { kResultFalse }
    }

    unsafe fn onKeyUp(&self, key: char16, code: int16, modifiers: int16) -> tresult {
        if self.is_attached_here() { unsafe { self.inner.onKeyUp(key, code, modifiers) } } else { kResultFalse }
    }

    unsafe fn getSize(&self, size: *mut ViewRect) -> tresult {
        let result = unsafe { self.inner.getSize(size) };
        let is_attached = self.state.lock().attached.is_some();
        let scale = self.scale();
        if let (kResultOk, false, Some(size)) = (result, is_attached, unsafe { size.as_mut() }) {
            // The framework does not know the scale yet.
            let scaled = |side: int32| (f64::from(side) * scale).round() as int32;
            (size.right, size.bottom) = (scaled(size.right), scaled(size.bottom));
        }
        result
    }

    unsafe fn onSize(&self, size: *mut ViewRect) -> tresult {
        let Some(size) = (unsafe { size.as_ref() }) else { return kInvalidArgument };
        if !self.is_attached_here() {
            return kResultFalse;
        }
        let mut allowed = self.allowed(size);
        unsafe { self.inner.onSize(&raw mut allowed) }
    }

    unsafe fn onFocus(&self, state: TBool) -> tresult {
        unsafe { self.inner.onFocus(state) }
    }

    unsafe fn setFrame(&self, frame: *mut IPlugFrame) -> tresult {
        self.forget_frame();
        let Some(host) = (unsafe { ComRef::from_raw(frame) }) else { return kResultOk };
        let frame = ComWrapper::new(Frame::new(host.to_com_ptr(), Arc::clone(&self.this)));
        // INVARIANT: it implements IPlugFrame.
        let pointer = frame.as_com_ref::<IPlugFrame>().expect("a frame").as_ptr();
        let result = unsafe { self.inner.setFrame(pointer) };
        self.state.lock().frame = Some(frame);
        result
    }

    unsafe fn canResize(&self) -> tresult {
        unsafe { self.inner.canResize() }
    }

    unsafe fn checkSizeConstraint(&self, rect: *mut ViewRect) -> tresult {
        let Some(rect) = (unsafe { rect.as_mut() }) else { return kInvalidArgument };
        *rect = self.allowed(rect);
        kResultOk
    }
}

impl IPlugViewContentScaleSupportTrait for HostView {
    unsafe fn setContentScaleFactor(&self, factor: ScaleFactor) -> tresult {
        if !is_scale(f64::from(factor)) {
            return kInvalidArgument;
        }
        self.state.lock().scale = Some(factor);
        if !self.is_attached_here() {
            return kResultOk;
        }
        match self.inner.cast::<IPlugViewContentScaleSupport>() {
            Some(support) => unsafe { support.setContentScaleFactor(factor) },
            None => kResultFalse,
        }
    }
}
