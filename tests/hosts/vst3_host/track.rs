//! A track with the plugin on it.
#![allow(
    unsafe_code,
    reason = "calls the methods of VST3's objects, all of them held; pointers are to locals, or null where a test says so"
)]

use std::mem;
use std::ptr;
use std::sync::Arc;

use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusDirection, BusDirections_, IAudioProcessor, IAudioProcessorTrait as _,
    IComponent, IComponentHandler, IComponentTrait as _, IEditController, IEditControllerTrait as _, IParameterChanges,
    MediaTypes_, ParamID, ParameterInfo, ProcessContext, ProcessData, ProcessModes_, ProcessSetup, SpeakerArr,
    SpeakerArrangement, SymbolicSampleSizes_, ViewType,
};
use vst3::Steinberg::{IBStream, IPluginBaseTrait as _, kResultOk, kResultTrue, tresult};
use vst3::{ComPtr, ComWrapper};

use super::frame::Frame;
use super::module::Module;
use super::objects::{Change, Changes, Handler, Stream};
use super::view::View;
use crate::host::bus::{Bus, List};
use crate::host::{MAX_CHANNELS, Mode, Setup, Transport};

pub(crate) const INPUT: BusDirection = BusDirections_::kInput as BusDirection;
pub(crate) const OUTPUT: BusDirection = BusDirections_::kOutput as BusDirection;

/// An instance of the plugin, reference-counted so that threads can share it.
#[derive(Clone)]
pub(crate) struct Plugin {
    component: ComPtr<IComponent>,
    processor: ComPtr<IAudioProcessor>,
    controller: ComPtr<IEditController>,
    // Dropped last: it holds the code of the others.
    _module: Arc<Module>,
}

impl Plugin {
    fn new(module: &Arc<Module>) -> Self {
        let class = module.classes().into_iter().next().expect("the module has a class");
        let component = module.create::<IComponent>(&class).expect("the factory makes what it lists");
        let processor = component.cast().expect("an effect processes audio");
        let controller = component.cast().expect("the component is its own controller");
        // SAFETY: see above.
        assert_eq!(unsafe { component.initialize(module.application()) }, kResultOk);
        Self { component, processor, controller, _module: Arc::clone(module) }
    }

    /// Sets a parameter's value, from 0 to 1, in the controller; while audio runs, the processor gets it from a buffer.
    pub(crate) fn set(&self, id: ParamID, normalized: f64) -> tresult {
        // SAFETY: see above.
        unsafe { self.controller.setParamNormalized(id, normalized) }
    }

    /// A parameter's value in the controller, from 0 to 1.
    pub(crate) fn value(&self, id: ParamID) -> f64 {
        // SAFETY: see above.
        unsafe { self.controller.getParamNormalized(id) }
    }

    pub(crate) fn n_parameters(&self) -> i32 {
        // SAFETY: see above.
        unsafe { self.controller.getParameterCount() }
    }

    /// The plugin's description of the parameter at `index`, or its error.
    pub(crate) fn parameter(&self, index: i32) -> Result<ParameterInfo, tresult> {
        // SAFETY: the struct consists of numbers and arrays of numbers, for which zeros are valid.
        let mut info = unsafe { mem::zeroed() };
        // SAFETY: see above.
        let result = unsafe { self.controller.getParameterInfo(index, &raw mut info) };
        if result == kResultOk { Ok(info) } else { Err(result) }
    }

    /// Saves into `stream`, which may refuse.
    pub(crate) fn save_to(&self, stream: &ComWrapper<Stream>) -> tresult {
        let stream = stream.as_com_ref::<IBStream>().expect("a stream is one");
        // SAFETY: see above.
        unsafe { self.component.getState(stream.as_ptr()) }
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream::with_room(usize::MAX));
        assert_eq!(self.save_to(&stream), kResultOk);
        stream.bytes()
    }

    /// Loads a state, as a host does that informs the controller, too.
    pub(crate) fn restore(&self, saved: &[u8]) -> tresult {
        let (one, other) = (ComWrapper::new(Stream::of(saved)), ComWrapper::new(Stream::of(saved)));
        let pointer = |stream: &ComWrapper<Stream>| stream.as_com_ref::<IBStream>().expect("a stream is one").as_ptr();
        // SAFETY: see above.
        unsafe {
            self.controller.setComponentState(pointer(&one));
            self.component.setState(pointer(&other))
        }
    }

    /// Requests an arrangement for each side.
    pub(crate) fn arrange(&self, mut input: SpeakerArrangement, mut output: SpeakerArrangement) -> tresult {
        // SAFETY: see above.
        unsafe { self.processor.setBusArrangements(&raw mut input, 1, &raw mut output, 1) }
    }

    pub(crate) fn arrangement(&self, direction: BusDirection) -> SpeakerArrangement {
        let mut arrangement = SpeakerArr::kEmpty;
        // SAFETY: see above.
        assert_eq!(unsafe { self.processor.getBusArrangement(direction, 0, &raw mut arrangement) }, kResultOk);
        arrangement
    }

    /// Number of channels that the plugin reports for the bus.
    pub(crate) fn n_channels(&self, direction: BusDirection) -> i32 {
        // SAFETY: as for a parameter.
        let mut info = unsafe { mem::zeroed() };
        // SAFETY: see above.
        let result = unsafe { self.component.getBusInfo(MediaTypes_::kAudio as i32, direction, 0, &raw mut info) };
        assert_eq!(result, kResultOk);
        info.channelCount
    }

    pub(crate) fn set_up(&self, mode: Mode, rate_hz: f64, max_frames: usize) -> tresult {
        let mut setup = ProcessSetup {
            processMode: mode_of(mode),
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            maxSamplesPerBlock: max_frames as i32,
            sampleRate: rate_hz,
        };
        // SAFETY: see above.
        unsafe { self.processor.setupProcessing(&raw mut setup) }
    }

    pub(crate) fn set_active(&self, active: bool) -> tresult {
        // SAFETY: see above.
        unsafe { self.component.setActive(active.into()) }
    }

    pub(crate) fn set_processing(&self, processing: bool) -> tresult {
        // SAFETY: see above.
        unsafe { self.processor.setProcessing(processing.into()) }
    }

    /// The editor, not yet on the screen.
    pub(crate) fn view(&self, frame: &ComWrapper<Frame>) -> View {
        // SAFETY: what comes back is null, or has a reference for us.
        let view = unsafe { ComPtr::from_raw(self.controller.createView(ViewType::kEditor)) };
        View::new(view.expect("the plugin has an editor"), frame)
    }
}

/// A plugin with the objects that a host keeps for it. Dropping this terminates it.
pub(crate) struct Track {
    pub(crate) plugin: Plugin,
    pub(crate) frame: ComWrapper<Frame>,
    pub(crate) view: Option<View>,
    mode: Mode,
    _handler: ComWrapper<Handler>,
}

impl Track {
    pub(crate) fn new(module: &Arc<Module>) -> Self {
        let plugin = Plugin::new(module);
        let handler = ComWrapper::new(Handler);
        let pointer = handler.as_com_ref::<IComponentHandler>().expect("a handler is one").as_ptr();
        // SAFETY: the handler is kept until the plugin has been told that it is gone.
        assert_eq!(unsafe { plugin.controller.setComponentHandler(pointer) }, kResultOk);
        Self { plugin, frame: ComWrapper::new(Frame::default()), view: None, mode: Mode::Realtime, _handler: handler }
    }

    /// Sets the mode of the next set-up.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Sets everything up, each step once as hosts do, and returns the audio thread's side.
    pub(crate) fn activate(&mut self, setup: &Setup) -> Player {
        let arrangement = arrangement_of(setup.n_channels);
        assert_eq!(self.plugin.arrange(arrangement, arrangement), kResultTrue, "{} channels", setup.n_channels);
        assert_eq!(self.plugin.set_up(self.mode, setup.rate_hz, setup.max_frames), kResultOk);
        self.activate_busses(true);
        assert_eq!(self.plugin.set_active(true), kResultOk);
        Player::new(self.plugin.clone(), self.mode, setup)
    }

    pub(crate) fn deactivate(&mut self, player: Player) {
        drop(player);
        assert_eq!(self.plugin.set_active(false), kResultOk);
        self.activate_busses(false);
    }

    /// Passes the buses to the plugin, whatever they contain, active or not.
    pub(crate) fn process_bent(&mut self, input: &mut Bus, output: &mut Bus, n_frames: usize) -> tresult {
        let (n_inputs, n_outputs) = (input.count() as i32, output.count() as i32);
        let (mut inputs, mut outputs) = (input.list(), output.list());
        let bus_of = |list: &mut List| bus(list.n_channels, list.as_mut_ptr());
        let (mut input, mut output) = (inputs.as_mut().map(bus_of), outputs.as_mut().map(bus_of));
        let mut data = ProcessData {
            numInputs: n_inputs,
            numOutputs: n_outputs,
            inputs: input.as_mut().map_or(ptr::null_mut(), ptr::from_mut),
            outputs: output.as_mut().map_or(ptr::null_mut(), ptr::from_mut),
            ..data(self.mode, n_frames)
        };
        // SAFETY: every pointer is null or leads to data on the stack.
        unsafe { self.plugin.processor.process(&raw mut data) }
    }

    fn activate_busses(&self, active: bool) {
        for direction in [INPUT, OUTPUT] {
            // SAFETY: see above.
            let result = unsafe { self.plugin.component.activateBus(MediaTypes_::kAudio as i32, direction, 0, active.into()) };
            assert_eq!(result, kResultOk);
        }
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        self.view = None;
        // SAFETY: see above.
        unsafe {
            self.plugin.controller.setComponentHandler(ptr::null_mut());
            assert_eq!(self.plugin.component.terminate(), kResultOk);
        }
    }
}

/// The audio thread of a host.
pub(crate) struct Player {
    pub(crate) plugin: Plugin,
    changes: ComWrapper<Changes>,
    mode: Mode,
    rate_hz: f64,
    pub(crate) input: Vec<Vec<f32>>,
    pub(crate) output: Vec<Vec<f32>>,
    pub(crate) transport: Transport,
}

impl Player {
    fn new(plugin: Plugin, mode: Mode, setup: &Setup) -> Self {
        let silence = vec![vec![0.0; setup.max_frames]; setup.n_channels];
        Self {
            plugin,
            changes: ComWrapper::new(Changes::new()),
            mode,
            rate_hz: setup.rate_hz,
            input: silence.clone(),
            output: silence,
            transport: Transport::None,
        }
    }

    /// Processes the first `n_frames` of the input and advances the transport.
    pub(crate) fn process(&mut self, n_frames: usize, change: Option<Change>) {
        self.changes.fill(change);
        let mut context = match self.transport {
            Transport::Playing(frame) => Some(context_at(frame, self.rate_hz, true)),
            Transport::Stopped => Some(context_at(0, self.rate_hz, false)),
            Transport::None => None,
        };
        let mut pointers = [[ptr::null_mut(); MAX_CHANNELS]; 2];
        let mut sides = [&mut self.input, &mut self.output].into_iter().zip(&mut pointers).map(|(channels, pointers)| {
            assert!(channels.iter().all(|channel| channel.len() >= n_frames), "a buffer has room for what is processed");
            for (pointer, channel) in pointers.iter_mut().zip(channels.iter_mut()) {
                *pointer = channel.as_mut_ptr();
            }
            bus(channels.len(), pointers.as_mut_ptr())
        });
        let (mut input, mut output) = (sides.next().expect("two"), sides.next().expect("two"));
        let mut data = ProcessData {
            inputs: &raw mut input,
            outputs: &raw mut output,
            inputParameterChanges: self.changes.as_com_ref::<IParameterChanges>().expect("changes are").as_ptr(),
            processContext: context.as_mut().map_or(ptr::null_mut(), ptr::from_mut),
            ..data(self.mode, n_frames)
        };
        // SAFETY: every pointer is to a local or to data owned by this value, with room for `n_frames`.
        assert_eq!(unsafe { self.plugin.processor.process(&raw mut data) }, kResultOk);
        self.transport = self.transport.after(n_frames as u64);
    }
}

/// Process data with one empty bus on each side.
fn data(mode: Mode, n_frames: usize) -> ProcessData {
    ProcessData {
        processMode: mode_of(mode),
        symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
        numSamples: n_frames as i32,
        numInputs: 1,
        numOutputs: 1,
        inputs: ptr::null_mut(),
        outputs: ptr::null_mut(),
        inputParameterChanges: ptr::null_mut(),
        outputParameterChanges: ptr::null_mut(),
        inputEvents: ptr::null_mut(),
        outputEvents: ptr::null_mut(),
        processContext: ptr::null_mut(),
    }
}

/// A bus whose channels are at `pointers`.
fn bus(n_channels: usize, pointers: *mut *mut f32) -> AudioBusBuffers {
    AudioBusBuffers {
        numChannels: n_channels as i32,
        silenceFlags: 0,
        __field0: AudioBusBuffers__type0 { channelBuffers32: pointers },
    }
}

/// A transport at a frame.
fn context_at(frame: i64, rate_hz: f64, playing: bool) -> ProcessContext {
    const VALID: u32 = StatesAndFlags_::kTempoValid | StatesAndFlags_::kProjectTimeMusicValid;
    // SAFETY: the struct consists of numbers, for which zeros are valid.
    let zeros: ProcessContext = unsafe { mem::zeroed() };
    let tempo = 120.0;
    ProcessContext {
        state: VALID | if playing { StatesAndFlags_::kPlaying } else { 0 },
        sampleRate: rate_hz,
        projectTimeSamples: frame,
        projectTimeMusic: frame as f64 / rate_hz * tempo / 60.0,
        tempo,
        ..zeros
    }
}

const fn mode_of(mode: Mode) -> i32 {
    match mode {
        Mode::Realtime => ProcessModes_::kRealtime as i32,
        Mode::Offline => ProcessModes_::kOffline as i32,
    }
}

/// A usual arrangement for each number of channels, or that many speakers from the first.
const fn arrangement_of(n_channels: usize) -> SpeakerArrangement {
    match n_channels {
        1 => SpeakerArr::kMono,
        2 => SpeakerArr::kStereo,
        6 => SpeakerArr::k51,
        8 => SpeakerArr::k71Cine,
        _ => (1 << n_channels) - 1,
    }
}
