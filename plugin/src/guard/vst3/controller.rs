//! Controller: parameters, and the way to the window.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IComponentHandler, IEditControllerTrait, ParamID, ParamValue, ParameterInfo, String128, TChar, ViewType,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{FIDString, IBStream, IPlugView, int32, kInvalidArgument, kResultOk, tresult};

use super::view::HostView;
use super::{Guarded, caught};
use crate::params::ParamSpec;

impl IEditControllerTrait for Guarded {
    unsafe fn setComponentState(&self, stream: *mut IBStream) -> tresult {
        unsafe { self.inner.setComponentState(stream) }
    }

    /// The component has it all.
    unsafe fn setState(&self, _stream: *mut IBStream) -> tresult {
        kResultOk
    }

    unsafe fn getState(&self, _stream: *mut IBStream) -> tresult {
        kResultOk
    }

    unsafe fn getParameterCount(&self) -> int32 {
        self.params.len() as int32
    }

    unsafe fn getParameterInfo(&self, index: int32, info: *mut ParameterInfo) -> tresult {
        let spec = usize::try_from(index).ok().and_then(|index| ParamSpec::ALL.get(index));
        let (Some(spec), false) = (spec, info.is_null()) else { return kInvalidArgument };
        let result = caught(|| unsafe { self.inner.getParameterInfo(index, info) });
        if let (kResultOk, true, Some(info)) = (result, spec.is_list, unsafe { info.as_mut() }) {
            info.flags |= ParameterFlags_::kIsList as int32;
        }
        result
    }

    unsafe fn getParamStringByValue(&self, id: ParamID, value: ParamValue, string: *mut String128) -> tresult {
        if !value.is_finite() {
            return kInvalidArgument;
        }
        caught(|| unsafe { self.inner.getParamStringByValue(id, value, string) })
    }

    unsafe fn getParamValueByString(&self, id: ParamID, string: *mut TChar, value: *mut ParamValue) -> tresult {
        caught(|| unsafe { self.inner.getParamValueByString(id, string, value) })
    }

    unsafe fn normalizedParamToPlain(&self, id: ParamID, value: ParamValue) -> ParamValue {
        unsafe { self.inner.normalizedParamToPlain(id, value) }
    }

    unsafe fn plainParamToNormalized(&self, id: ParamID, value: ParamValue) -> ParamValue {
        unsafe { self.inner.plainParamToNormalized(id, value) }
    }

    unsafe fn getParamNormalized(&self, id: ParamID) -> ParamValue {
        unsafe { self.inner.getParamNormalized(id) }
    }

    /// Set here, because the framework sends a message to another thread for each; while audio is processed, the value comes with a buffer.
    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        if self.processing.load(Ordering::Acquire) {
            return if self.params.iter().any(|(known, _)| *known == id) { kResultOk } else { kInvalidArgument };
        }
        self.set(id, value)
    }

    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        caught(|| unsafe { self.inner.setComponentHandler(handler) })
    }

    unsafe fn createView(&self, name: FIDString) -> *mut IPlugView {
        let wanted = unsafe { CStr::from_ptr(ViewType::kEditor) };
        if name.is_null() || unsafe { CStr::from_ptr(name) } != wanted {
            return std::ptr::null_mut();
        }
        let view = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unsafe { self.inner.createView(name) }));
        view.map_or(std::ptr::null_mut(), |view| unsafe { HostView::around(view, Arc::clone(&self.link)) })
    }
}

impl Guarded {
    /// Sets parameter `id` to `value`, 0..=1.
    ///
    /// # Realtime safety
    /// A search among ten numbers and two atomics.
    pub(super) fn set(&self, id: ParamID, value: ParamValue) -> tresult {
        match self.params.iter().find(|(known, _)| *known == id) {
            Some((_, param)) if value.is_finite() => {
                // SAFETY: the link holds the parameters.
                if unsafe { param._internal_set_normalized_value(value.clamp(0.0, 1.0) as f32) } {
                    self.link.show_change();
                }
                kResultOk
            }
            _ => kInvalidArgument,
        }
    }
}
