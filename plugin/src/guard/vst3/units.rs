//! Parameter groups, the transport information the plugin requires, and the track: the framework's, with panics caught.

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ChannelContext::IInfoListenerTrait;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirection, CString, IAttributeList, IProcessContextRequirementsTrait, IUnitInfoTrait, MediaType, ProgramListID,
    ProgramListInfo, String128, UnitID, UnitInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{IBStream, int16, int32, kInvalidArgument, tresult, uint32};

use super::{Guarded, caught};

impl IUnitInfoTrait for Guarded {
    unsafe fn getUnitCount(&self) -> int32 {
        unsafe { self.inner.getUnitCount() }
    }

    unsafe fn getUnitInfo(&self, index: int32, info: *mut UnitInfo) -> tresult {
        if index < 0 {
            return kInvalidArgument;
        }
        caught(|| unsafe { self.inner.getUnitInfo(index, info) })
    }

    unsafe fn getProgramListCount(&self) -> int32 {
        unsafe { self.inner.getProgramListCount() }
    }

    unsafe fn getProgramListInfo(&self, index: int32, info: *mut ProgramListInfo) -> tresult {
        unsafe { self.inner.getProgramListInfo(index, info) }
    }

    unsafe fn getProgramName(&self, list: ProgramListID, index: int32, name: *mut String128) -> tresult {
        unsafe { self.inner.getProgramName(list, index, name) }
    }

    unsafe fn getProgramInfo(&self, list: ProgramListID, index: int32, attribute: CString, value: *mut String128) -> tresult {
        unsafe { self.inner.getProgramInfo(list, index, attribute, value) }
    }

    unsafe fn hasProgramPitchNames(&self, list: ProgramListID, index: int32) -> tresult {
        unsafe { self.inner.hasProgramPitchNames(list, index) }
    }

    unsafe fn getProgramPitchName(&self, list: ProgramListID, index: int32, pitch: int16, name: *mut String128) -> tresult {
        unsafe { self.inner.getProgramPitchName(list, index, pitch, name) }
    }

    unsafe fn getSelectedUnit(&self) -> UnitID {
        unsafe { self.inner.getSelectedUnit() }
    }

    unsafe fn selectUnit(&self, unit: UnitID) -> tresult {
        unsafe { self.inner.selectUnit(unit) }
    }

    unsafe fn getUnitByBus(
        &self,
        media: MediaType,
        direction: BusDirection,
        bus: int32,
        channel: int32,
        unit: *mut UnitID,
    ) -> tresult {
        unsafe { self.inner.getUnitByBus(media, direction, bus, channel, unit) }
    }

    unsafe fn setUnitProgramData(&self, list: int32, index: int32, data: *mut IBStream) -> tresult {
        unsafe { self.inner.setUnitProgramData(list, index, data) }
    }
}

impl IProcessContextRequirementsTrait for Guarded {
    unsafe fn getProcessContextRequirements(&self) -> uint32 {
        unsafe { self.inner.getProcessContextRequirements() }
    }
}

impl IInfoListenerTrait for Guarded {
    unsafe fn setChannelContextInfos(&self, list: *mut IAttributeList) -> tresult {
        caught(|| unsafe { self.inner.setChannelContextInfos(list) })
    }
}
