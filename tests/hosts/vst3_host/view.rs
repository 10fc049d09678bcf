//! An editor in a frame.
#![allow(unsafe_code, reason = "calls the methods of VST3's editor; the frame outlives the view, and pointers are to locals")]

use std::ptr;

use vst3::Steinberg::{
    FIDString, IPlugFrame, IPlugView, IPlugViewContentScaleSupport, IPlugViewContentScaleSupportTrait as _, IPlugViewTrait as _,
    ViewRect, kPlatformTypeX11EmbedWindowID, kResultFalse, kResultOk, tresult,
};
use vst3::{ComPtr, ComWrapper};

use super::frame::Frame;

/// The window type of Linux hosts.
const X11: FIDString = kPlatformTypeX11EmbedWindowID;

/// An editor; dropping this closes it.
pub(crate) struct View {
    view: ComPtr<IPlugView>,
    // The plugin has a pointer to it.
    _frame: ComWrapper<Frame>,
    is_attached: bool,
}

impl View {
    /// A view attached to `frame` and not yet on the screen.
    pub(crate) fn new(view: ComPtr<IPlugView>, frame: &ComWrapper<Frame>) -> Self {
        let pointer = frame.as_com_ref::<IPlugFrame>().expect("a frame is one").as_ptr();
        // SAFETY: `frame` is kept until the view has been told that it is gone.
        assert_eq!(unsafe { view.setFrame(pointer) }, kResultOk);
        Self { view, _frame: frame.clone(), is_attached: false }
    }

    /// Puts the editor into the window `parent`.
    pub(crate) fn attach(&mut self, parent: u32) -> tresult {
        // SAFETY: VST3 passes the id of an X11 window as a pointer.
        let result = unsafe {
            assert_eq!(self.view.isPlatformTypeSupported(X11), kResultOk);
            self.view.attached(ptr::without_provenance_mut(parent as usize), X11)
        };
        self.is_attached = result == kResultOk;
        result
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        let mut rect = rect(0, 0);
        // SAFETY: the rectangle is there.
        assert_eq!(unsafe { self.view.getSize(&raw mut rect) }, kResultOk);
        assert_eq!((rect.left, rect.top), (0, 0), "an editor knows no position");
        sides(rect)
    }

    /// The editor's preferred size.
    pub(crate) fn constrain(&self, width: u32, height: u32) -> Option<(u32, u32)> {
        let mut rect = rect(width, height);
        // SAFETY: the rectangle is there.
        (unsafe { self.view.checkSizeConstraint(&raw mut rect) } == kResultOk).then(|| sides(rect))
    }

    pub(crate) fn resize(&self, width: u32, height: u32) -> tresult {
        let mut rect = rect(width, height);
        // SAFETY: the rectangle is there.
        unsafe { self.view.onSize(&raw mut rect) }
    }

    pub(crate) fn scale(&self, factor: f32) -> tresult {
        let support = self.view.cast::<IPlugViewContentScaleSupport>();
        // SAFETY: the object is held.
        support.map_or(kResultFalse, |support| unsafe { support.setContentScaleFactor(factor) })
    }

    pub(crate) fn can_resize(&self) -> bool {
        // SAFETY: the object is held.
        unsafe { self.view.canResize() == kResultOk }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: the object is held; the order is the one the format requires.
        unsafe {
            if self.is_attached {
                assert_eq!(self.view.removed(), kResultOk);
            }
            assert_eq!(self.view.setFrame(ptr::null_mut()), kResultOk);
        }
    }
}

const fn rect(width: u32, height: u32) -> ViewRect {
    ViewRect { left: 0, top: 0, right: width as i32, bottom: height as i32 }
}

const fn sides(rect: ViewRect) -> (u32, u32) {
    ((rect.right - rect.left) as u32, (rect.bottom - rect.top) as u32)
}
