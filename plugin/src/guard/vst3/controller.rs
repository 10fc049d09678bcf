//! Controller: parameters, and access to the window.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::params::internals::ParamPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IComponentHandler, IEditControllerTrait, ParamID, ParamValue, ParameterInfo, String128, TChar, ViewType,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{FIDString, IBStream, IPlugView, int32, kInvalidArgument, kResultOk, tresult};

use super::view::HostView;
use super::{Guarded, caught};
use crate::guard::unless_panicked;
use crate::params::ParamSpec;

impl IEditControllerTrait for Guarded {
    unsafe fn setComponentState(&self, stream: *mut IBStream) -> tresult {
        self.forget_announced();
        unsafe { self.inner.setComponentState(stream) }
    }

    /// The component restores everything.
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
        let Some((_, param, announced)) = self.params.iter().find(|(known, ..)| *known == id) else { return 0.0 };
        // SAFETY: the link holds the parameters.
        let current = unsafe { param.modulated_normalized_value() };
        announced.value(current).unwrap_or(current).into()
    }

    /// Set here, because the framework sends a message to another thread for each; while audio is processed, the value arrives with a buffer.
    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        if !self.processing.load(Ordering::Acquire) {
            return self.set(id, value);
        }
        match self.params.iter().find(|(known, ..)| *known == id) {
            Some((_, param, announced)) if value.is_finite() => {
                let value = value.clamp(0.0, 1.0) as f32;
                // SAFETY: the link holds the parameters.
                unsafe { announced.keep(nearest(*param, value), param.modulated_normalized_value()) };
                kResultOk
            }
            _ => kInvalidArgument,
        }
    }

    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        caught(|| unsafe { self.inner.setComponentHandler(handler) })
    }

    unsafe fn createView(&self, name: FIDString) -> *mut IPlugView {
        let wanted = unsafe { CStr::from_ptr(ViewType::kEditor) };
        if name.is_null() || unsafe { CStr::from_ptr(name) } != wanted {
            return std::ptr::null_mut();
        }
        let view = unless_panicked(|| unsafe { self.inner.createView(name) });
        view.map_or(std::ptr::null_mut(), |view| unsafe { HostView::around(view, Arc::clone(&self.link)) })
    }
}

impl Guarded {
    /// For a loaded state, which has all values.
    pub(super) fn forget_announced(&self) {
        self.params.iter().for_each(|(.., announced)| announced.forget());
    }

    /// Sets parameter `id` to `value`, 0..=1.
    ///
    /// # Realtime safety
    /// A search among ten numbers and three atomics.
    pub(super) fn set(&self, id: ParamID, value: ParamValue) -> tresult {
        match self.params.iter().find(|(known, ..)| *known == id) {
            Some((_, param, announced)) if value.is_finite() => {
                announced.forget();
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

/// The closest value to `normalized` that the parameter can have.
///
/// # Safety
/// The parameter is alive.
unsafe fn nearest(param: ParamPtr, normalized: f32) -> f32 {
    match param {
        // The framework's previews do not round switches.
        ParamPtr::BoolParam(_) => f32::from(normalized > 0.5),
        _ => unsafe { param.preview_normalized(param.preview_plain(normalized)) },
    }
}
