//! Processor: arrangements, the process mode, and the buffers.

use std::sync::atomic::Ordering;

use nice_plug::wrapper::vst3::vst3::ComRef;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, BusDirection, BusDirections_, IAudioProcessorTrait, IParamValueQueueTrait as _, IParameterChanges,
    IParameterChangesTrait as _, ProcessData, ProcessModes_, ProcessSetup, SpeakerArrangement, SymbolicSampleSizes_,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    TBool, int32, kInvalidArgument, kNotInitialized, kResultFalse, kResultOk, tresult, uint32,
};

use super::{Guarded, caught};
use crate::guard::arrangements::Arrangements;
use crate::guard::route::{ChannelLayout, Channels, Passage, pass};

const SAMPLE_32: int32 = SymbolicSampleSizes_::kSample32 as int32;
const OFFLINE: int32 = ProcessModes_::kOffline as int32;

impl IAudioProcessorTrait for Guarded {
    unsafe fn setBusArrangements(
        &self,
        inputs: *mut SpeakerArrangement,
        n_inputs: int32,
        outputs: *mut SpeakerArrangement,
        n_outputs: int32,
    ) -> tresult {
        if n_inputs < 0 || n_outputs < 0 {
            return kInvalidArgument;
        }
        if n_inputs != 1 || n_outputs != 1 || self.is_active() {
            return kResultFalse;
        }
        let (Some(input), Some(output)) = (unsafe { inputs.as_ref() }, unsafe { outputs.as_ref() }) else {
            return kInvalidArgument;
        };
        let Some(layout) = Arrangements::layout(*input, *output) else { return kResultFalse };
        // The framework requires as many outputs as inputs.
        let mut told = *input;
        let result = caught(|| unsafe { self.inner.setBusArrangements(&raw mut told, 1, &raw mut told, 1) });
        if result == kResultOk {
            self.arrangements.set(*input, *output);
            self.layout.store(layout.index(), Ordering::Release);
        }
        result
    }

    unsafe fn getBusArrangement(&self, direction: BusDirection, index: int32, arrangement: *mut SpeakerArrangement) -> tresult {
        let found = match direction {
            direction if direction == BusDirections_::kInput as int32 => self.arrangements.input(),
            direction if direction == BusDirections_::kOutput as int32 => self.arrangements.output(),
            _ => return kInvalidArgument,
        };
        match unsafe { arrangement.as_mut() } {
            Some(arrangement) if index == 0 => {
                *arrangement = found;
                kResultOk
            }
            _ => kInvalidArgument,
        }
    }

    unsafe fn canProcessSampleSize(&self, size: int32) -> tresult {
        unsafe { self.inner.canProcessSampleSize(size) }
    }

    unsafe fn getLatencySamples(&self) -> uint32 {
        unsafe { self.inner.getLatencySamples() }
    }

    /// The framework keeps the mode of the previous set-up; the link has that of this one.
    unsafe fn setupProcessing(&self, setup: *mut ProcessSetup) -> tresult {
        let Some(wanted) = (unsafe { setup.as_ref() }) else { return kInvalidArgument };
        let has_sizes = wanted.maxSamplesPerBlock > 0 && wanted.sampleRate.is_finite() && wanted.sampleRate > 0.0;
        if wanted.symbolicSampleSize != SAMPLE_32 || !has_sizes || self.is_active() {
            return kResultFalse;
        }
        self.link.set_offline(wanted.processMode == OFFLINE);
        self.max_frames.store(wanted.maxSamplesPerBlock as usize, Ordering::Release);
        caught(|| unsafe { self.inner.setupProcessing(setup) })
    }

    unsafe fn setProcessing(&self, state: TBool) -> tresult {
        let processing = state != 0;
        self.processing.store(processing, Ordering::Release);
        if !processing {
            // The framework tells a VST3 plugin when processing starts but not when it stops; either ends the current run of audio.
            caught(|| unsafe { self.inner.setProcessing(TBool::from(true)) });
        }
        caught(|| unsafe { self.inner.setProcessing(state) })
    }

    /// # Realtime safety
    /// As [`pass`] and [`Guarded::set`]; the framework's part is as the plugin's `process`.
    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        let Some(data) = (unsafe { data.as_ref() }) else { return kInvalidArgument };
        unsafe { self.take_changes(data.inputParameterChanges) };
        let outputs = unsafe { main_bus(data.outputs, data.numOutputs) };
        // A buffer without samples or outputs only carries parameters, so hosts send them to inactive plugins, too.
        let Some(output) = outputs.filter(|bus| bus.numChannels > 0 && data.numSamples > 0) else { return kResultOk };
        if !self.is_active() {
            return kNotInitialized;
        }
        if data.symbolicSampleSize != SAMPLE_32 {
            return kInvalidArgument;
        }
        self.link.set_offline(data.processMode == OFFLINE);
        let (layout, n_frames) = (self.layout(), data.numSamples as usize);
        let input = unsafe { main_bus(data.inputs, data.numInputs) };
        let channels = unsafe { (input.map_or(Channels::NONE, |bus| channels(&bus)), channels(&output)) };
        let carry = |pointers: *mut *mut f32| caught(|| self.carry(data, layout, output, pointers));
        match unsafe { pass(layout, channels, n_frames, &self.spare, carry) } {
            Passage::Carried(result) => result,
            Passage::Refused => kInvalidArgument,
        }
    }

    unsafe fn getTailSamples(&self) -> uint32 {
        unsafe { self.inner.getTailSamples() }
    }
}

impl Guarded {
    /// Passes a buffer to the framework, with `pointers` to as many outputs as there are inputs, and without parameters.
    fn carry(&self, data: &ProcessData, layout: ChannelLayout, mut output: AudioBusBuffers, pointers: *mut *mut f32) -> tresult {
        let mut adapted = *data;
        adapted.inputParameterChanges = std::ptr::null_mut();
        if layout.n_in != layout.n_out {
            output.numChannels = layout.n_in as int32;
            output.__field0.channelBuffers32 = pointers;
            adapted.outputs = &raw mut output;
        }
        unsafe { self.inner.process(&raw mut adapted) }
    }

    /// Sets each parameter to its last value in the buffer.
    ///
    /// # Safety
    /// The pointer is null or valid.
    unsafe fn take_changes(&self, changes: *mut IParameterChanges) {
        let Some(changes) = (unsafe { ComRef::from_raw(changes) }) else { return };
        for index in 0..unsafe { changes.getParameterCount() } {
            let Some(queue) = (unsafe { ComRef::from_raw(changes.getParameterData(index)) }) else { continue };
            let last = unsafe { queue.getPointCount() } - 1;
            let (mut offset, mut value) = (0, 0.0);
            if last >= 0 && unsafe { queue.getPoint(last, &raw mut offset, &raw mut value) } == kResultOk {
                self.set(unsafe { queue.getParameterId() }, value);
            }
        }
    }
}

/// The first of `n` buses, if there is one.
///
/// # Safety
/// The pointer is null or valid.
unsafe fn main_bus(buses: *const AudioBusBuffers, n: int32) -> Option<AudioBusBuffers> {
    if n > 0 { unsafe { buses.as_ref().copied() } } else { None }
}

/// # Safety
/// The bus has as many channels as it declares, or no pointers.
unsafe fn channels(bus: &AudioBusBuffers) -> Channels {
    unsafe { Channels::new(bus.__field0.channelBuffers32, usize::try_from(bus.numChannels).unwrap_or(0)) }
}
