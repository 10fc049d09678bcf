//! Component: buses, activation, state.

use std::sync::atomic::Ordering;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirection, BusDirections_, BusInfo, IComponentTrait, IoMode, MediaType, MediaTypes_, RoutingInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FUnknown, IBStream, IPluginBaseTrait, TBool, TUID, int32, kInvalidArgument, kResultFalse, kResultOk, tresult,
};

use super::{Guarded, caught, streams};
use crate::guard::state;

impl IPluginBaseTrait for Guarded {
    unsafe fn initialize(&self, context: *mut FUnknown) -> tresult {
        caught(|| unsafe { self.inner.initialize(context) })
    }

    unsafe fn terminate(&self) -> tresult {
        caught(|| unsafe { self.inner.terminate() })
    }
}

impl IComponentTrait for Guarded {
    unsafe fn getControllerClassId(&self, id: *mut TUID) -> tresult {
        unsafe { self.inner.getControllerClassId(id) }
    }

    unsafe fn setIoMode(&self, mode: IoMode) -> tresult {
        unsafe { self.inner.setIoMode(mode) }
    }

    unsafe fn getBusCount(&self, media: MediaType, direction: BusDirection) -> int32 {
        unsafe { self.inner.getBusCount(media, direction) }
    }

    unsafe fn getBusInfo(&self, media: MediaType, direction: BusDirection, index: int32, info: *mut BusInfo) -> tresult {
        if index < 0 {
            return kInvalidArgument;
        }
        let result = caught(|| unsafe { self.inner.getBusInfo(media, direction, index, info) });
        if let (kResultOk, true, Some(info)) = (result, media == MediaTypes_::kAudio as i32, unsafe { info.as_mut() }) {
            let layout = self.layout();
            let is_input = direction == BusDirections_::kInput as i32;
            info.channelCount = if is_input { layout.n_in } else { layout.n_out } as int32;
        }
        result
    }

    unsafe fn getRoutingInfo(&self, input: *mut RoutingInfo, output: *mut RoutingInfo) -> tresult {
        caught(|| unsafe { self.inner.getRoutingInfo(input, output) })
    }

    unsafe fn activateBus(&self, media: MediaType, direction: BusDirection, index: int32, state: TBool) -> tresult {
        caught(|| unsafe { self.inner.activateBus(media, direction, index, state) })
    }

    unsafe fn setActive(&self, state: TBool) -> tresult {
        let active = state != 0;
        if active {
            self.spare.prepare(self.layout(), self.max_frames.load(Ordering::Acquire));
        } else {
            self.active.store(false, Ordering::Release);
        }
        let result = caught(|| unsafe { self.inner.setActive(state) });
        self.active.store(active && result == kResultOk, Ordering::Release);
        result
    }

    unsafe fn setState(&self, stream: *mut IBStream) -> tresult {
        if stream.is_null() {
            return kInvalidArgument;
        }
        caught(|| {
            let part = unsafe { streams::part(stream) };
            let Some(bytes) = (unsafe { streams::read(stream) }) else { return kResultFalse };
            if state::load(&self.link.saved, &bytes, part).is_err() {
                return kResultFalse;
            }
            self.forget_announced();
            self.link.show_change();
            kResultOk
        })
    }

    unsafe fn getState(&self, stream: *mut IBStream) -> tresult {
        if stream.is_null() {
            return kInvalidArgument;
        }
        caught(|| {
            let part = unsafe { streams::part(stream) };
            match state::save(&self.link.saved, part) {
                Ok(bytes) if unsafe { streams::write(stream, &bytes) } => kResultOk,
                _ => kResultFalse,
            }
        })
    }
}
