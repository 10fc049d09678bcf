//! A CLAP host with one track, based on clack.

use std::env;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clack_extensions::audio_ports_config::{AudioPortsConfigBuffer, MainPortInfo, PluginAudioPortsConfig};
use clack_extensions::gui::{GuiSize, HostGui, HostGuiImpl};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamInfoBuffer, ParamRescanFlags, PluginParams,
};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::{HostState, HostStateImpl, PluginState};
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::extensions::{Extension, PluginExtensionSide};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, ClapId, SecondsTime};
use moodline_engine::timeline::Timelines;

use crate::skip::skip;

/// Maximum number of channels of the plugin.
pub const MAX_CHANNELS: usize = 16;

/// The host application.
pub struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _shared: &Self::Shared<'_>) {
        builder.register::<HostParams>().register::<HostState>().register::<HostGui>();
    }
}

/// Whether the plugin has requested a main-thread callback.
#[derive(Default)]
pub struct Shared(AtomicBool);

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl HostParamsImplShared for Shared {
    fn request_flush(&self) {}
}

impl HostGuiImpl for Shared {
    fn resize_hints_changed(&self) {}
    fn request_resize(&self, _size: GuiSize) -> Result<(), HostError> {
        Ok(())
    }
    fn request_show(&self) -> Result<(), HostError> {
        Ok(())
    }
    fn request_hide(&self) -> Result<(), HostError> {
        Ok(())
    }
    fn closed(&self, _was_destroyed: bool) {}
}

/// The host's main-thread handler, which does nothing.
pub struct MainThread;

impl MainThreadHandler<'_> for MainThread {}

impl HostParamsImplMainThread for MainThread {
    fn rescan(&self, _flags: ParamRescanFlags) {}
    fn clear(&self, _param_id: ClapId, _flags: ParamClearFlags) {}
}

impl HostStateImpl for MainThread {
    fn mark_dirty(&self) {}
}

/// The plugin's library: the one named by `MOODLINE_CLAP`, otherwise the one cargo built next to this test.
pub fn library() -> Option<PathBuf> {
    let named = env::var_os("MOODLINE_CLAP").map(PathBuf::from);
    let beside = || {
        let test = env::current_exe().expect("a program knows its path");
        let folder = test.parent().and_then(|deps| deps.parent()).expect("cargo keeps tests in deps");
        folder.join(format!("{}moodline{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
    };
    let path = named.unwrap_or_else(beside);
    if path.exists() {
        return Some(path);
    }
    skip("Moodline as CLAP", "`cargo xtask test` builds it and sets MOODLINE_CLAP; `cargo build -p moodline` is enough here");
    None
}

/// The loaded library; `None` after reporting that the test is skipped.
pub fn load() -> Option<PluginEntry> {
    let path = library()?;
    #[allow(unsafe_code, reason = "loading a library runs its code; it is ours")]
    let entry = unsafe { PluginEntry::load(path) };
    Some(entry.expect("the library has a CLAP entry"))
}

/// One instance of the plugin.
pub struct Track {
    /// The clack instance.
    pub instance: PluginInstance<TestHost>,
}

impl Track {
    /// A new instance from the loaded library.
    pub fn new(entry: &PluginEntry) -> Self {
        let info = HostInfo::new("moodline-tests", "Moodline", "", "0.1.0").unwrap();
        let id = c"org.moodline.moodline";
        let instance = PluginInstance::new(|()| Shared::default(), |_| MainThread, entry, id, &info);
        Self { instance: instance.expect("the factory makes what it lists") }
    }

    /// Calls an extension with the plugin's handle.
    pub fn with<E, R>(&mut self, call: impl FnOnce(&E, &PluginMainThreadHandle<'_>) -> R) -> R
    where
        E: Extension<ExtensionSide = PluginExtensionSide>,
    {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<E>().expect("the plugin has the extension");
        call(&extension, &handle)
    }

    /// Runs the main-thread callback if the plugin requested it.
    pub fn run_main_thread(&mut self) {
        if self.instance.access_shared_handler(|shared| shared.0.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
    }

    /// Every parameter, in order: id, name, and the value as seen by the host.
    pub fn values(&mut self) -> Vec<(ClapId, String, f64)> {
        self.with(|params: &PluginParams, handle| {
            (0..params.count(handle))
                .map(|index| {
                    let mut buffer = ParamInfoBuffer::new();
                    let info = params.get_info(handle, index, &mut buffer).unwrap();
                    let value = params.get_value(handle, info.id).unwrap();
                    (info.id, String::from_utf8(info.name.to_vec()).unwrap(), value)
                })
                .collect()
        })
    }

    /// Sets parameters by id while no audio runs.
    pub fn set(&mut self, values: &[(&str, f64)]) {
        let events: Vec<_> = values.iter().map(|&(id, value)| set_event(0, id, value)).collect();
        let mut handle = self.instance.inactive_plugin_handle().expect("the plugin is not active");
        let params = handle.get_extension::<PluginParams>().unwrap();
        params.flush(&mut handle, &InputEvents::from_buffer(&events), &mut OutputEvents::void());
    }

    /// The value of one parameter, by id.
    pub fn value(&mut self, id: &str) -> f64 {
        self.with(|params: &PluginParams, handle| params.get_value(handle, param_id(id)).unwrap())
    }

    /// The state stored in a project.
    pub fn save(&mut self) -> Vec<u8> {
        let mut saved = Vec::new();
        self.with(|state: &PluginState, handle| state.save(handle, &mut saved)).expect("the plugin saves its state");
        saved
    }

    /// Restores a state; returns whether the plugin accepted it.
    pub fn restore(&mut self, saved: &[u8]) -> bool {
        self.with(|state: &PluginState, handle| state.load(handle, &mut &*saved)).is_ok()
    }

    /// The recorded timelines, as stored in a session.
    pub fn timelines(&mut self) -> Timelines {
        let text = SavedState::parse(&self.save()).field("timeline");
        Timelines::decode(text.as_str().unwrap()).expect("the plugin reads what it writes")
    }

    /// Selects the layout with this number of channels on both sides.
    pub fn select_layout(&mut self, n_channels: usize) {
        self.with(|config: &PluginAudioPortsConfig, handle| {
            for index in 0..config.count(handle) {
                let mut buffer = AudioPortsConfigBuffer::new();
                let layout = config.get(handle, index, &mut buffer).unwrap();
                let channels = |port: Option<MainPortInfo<'_>>| port.map(|port| port.channel_count as usize);
                if channels(layout.main_input) == Some(n_channels) && channels(layout.main_output) == Some(n_channels) {
                    return config.select(handle, layout.id).expect("a listed layout can be chosen");
                }
            }
            panic!("there is no layout with {n_channels} channels");
        });
    }

    /// Sets the render mode from the next activation.
    pub fn render_mode(&mut self, mode: RenderMode) {
        self.with(|render: &PluginRender, handle| render.set(handle, mode)).expect("the plugin takes both modes");
    }

    /// Activates at `rate_hz` with `n_channels`, plays on a separate thread, deactivates.
    pub fn play<R: Send>(
        &mut self,
        rate_hz: f64,
        n_channels: usize,
        max_frames: usize,
        run: impl FnOnce(&mut Player) -> R + Send,
    ) -> R {
        let mut player = self.activate(rate_hz, n_channels, max_frames);
        let (result, player) = thread::scope(|scope| {
            let audio = scope.spawn(move || {
                player.start();
                let result = run(&mut player);
                player.stop();
                (result, player)
            });
            audio.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        self.deactivate(player);
        result
    }

    /// Activates at `rate_hz` with `n_channels` and returns the audio thread's side.
    pub fn activate(&mut self, rate_hz: f64, n_channels: usize, max_frames: usize) -> Player {
        let config = PluginAudioConfiguration { sample_rate: rate_hz, min_frames_count: 1, max_frames_count: max_frames as u32 };
        let stopped = self.instance.activate(|_, _| (), config).expect("the plugin takes every rate");
        Player::new(stopped, rate_hz, n_channels, max_frames)
    }

    /// Reverses [`Track::activate`].
    pub fn deactivate(&mut self, player: Player) {
        self.instance.deactivate(player.processor.into_stopped());
    }
}

/// The audio thread of a host.
pub struct Player {
    processor: PluginAudioProcessor<TestHost>,
    rate_hz: f64,
    /// The contents of the next buffer, one vector per channel.
    pub input: Vec<Vec<f32>>,
    /// The plugin's output for the last buffer.
    pub output: Vec<Vec<f32>>,
    input_ports: AudioPorts,
    output_ports: AudioPorts,
    /// Position of the transport in frames; `None` for a host without one.
    pub position: Option<i64>,
    /// Whether the transport, if any, is moving.
    pub is_playing: bool,
}

impl Player {
    /// The audio thread's side of an active instance.
    pub fn new(processor: impl Into<PluginAudioProcessor<TestHost>>, rate_hz: f64, n_channels: usize, max_frames: usize) -> Self {
        let silence = vec![vec![0.0; max_frames]; n_channels];
        Self {
            processor: processor.into(),
            rate_hz,
            input: silence.clone(),
            output: silence,
            input_ports: AudioPorts::with_capacity(n_channels, 1),
            output_ports: AudioPorts::with_capacity(n_channels, 1),
            position: None,
            is_playing: true,
        }
    }

    /// Starts processing.
    pub fn start(&mut self) {
        self.processor.start_processing().expect("the plugin starts");
    }

    /// Stops processing.
    pub fn stop(&mut self) {
        self.processor.stop_processing().expect("the plugin was started");
    }

    /// Processes the first `n_frames` of the input and advances the transport.
    pub fn process(&mut self, n_frames: usize, events: &InputEvents) {
        let inputs = self.input_ports.with_input_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(
                self.input.iter_mut().map(|channel| InputChannel::variable(&mut channel[..n_frames])),
            ),
        }]);
        let mut outputs = self.output_ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(self.output.iter_mut().map(|channel| &mut channel[..n_frames])),
        }]);
        let transport = self.position.map(|frame| transport_at(frame as f64 / self.rate_hz, self.is_playing));
        self.processor
            .as_started_mut()
            .expect("the plugin was started")
            .process(&inputs, &mut outputs, events, &mut OutputEvents::void(), None, transport.as_ref())
            .expect("the plugin processes");
        let n_moved = if self.is_playing { n_frames as i64 } else { 0 };
        self.position = self.position.map(|frame| frame + n_moved);
    }

    /// Plays mono `samples`, the same on every channel, in buffers of maximum length.
    pub fn play(&mut self, samples: &[f32]) {
        for piece in samples.chunks(self.input[0].len()) {
            for channel in &mut self.input {
                channel[..piece.len()].copy_from_slice(piece);
            }
            self.process(piece.len(), &InputEvents::empty());
        }
    }

    /// Resets the plugin: later audio is unrelated to earlier audio.
    pub fn reset(&mut self) {
        self.processor.reset();
    }
}

/// A transport that is playing or stopped at `seconds`.
fn transport_at(seconds: f64, is_playing: bool) -> TransportEvent {
    let moving = if is_playing { TransportFlags::IS_PLAYING } else { TransportFlags::empty() };
    TransportEvent {
        header: EventHeader::new_core(0, EventFlags::empty()),
        flags: moving | TransportFlags::HAS_SECONDS_TIMELINE | TransportFlags::HAS_TEMPO,
        song_pos_beats: BeatTime::from_float(seconds * 2.0),
        song_pos_seconds: SecondsTime::from_float(seconds),
        tempo: 120.0,
        tempo_inc: 0.0,
        loop_start_beats: BeatTime::from_int(0),
        loop_end_beats: BeatTime::from_int(0),
        loop_start_seconds: SecondsTime::from_int(0),
        loop_end_seconds: SecondsTime::from_int(0),
        bar_start: BeatTime::from_int(0),
        bar_number: 0,
        time_signature_numerator: 4,
        time_signature_denominator: 4,
    }
}

/// The CLAP id of the parameter `id`: the framework hashes ids as Java does strings, without the sign.
pub fn param_id(id: &str) -> ClapId {
    let hash = id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    ClapId::new(hash & 0x7fff_ffff)
}

/// Sets parameter `id` at frame `time` of a buffer. Numbers range from 0 to 1; choices are counted from 0.
pub fn set_event(time: u32, id: &str, value: f64) -> ParamValueEvent {
    ParamValueEvent::new(time, param_id(id), Pckn::match_all(), value)
}

/// A state in the framework's format: its length, then JSON.
pub struct SavedState(pub serde_json::Value);

impl SavedState {
    /// Parses the output of [`Track::save`].
    pub fn parse(saved: &[u8]) -> Self {
        let (length, json) = saved.split_at(8);
        assert_eq!(u64::from_le_bytes(length.try_into().unwrap()), json.len() as u64);
        Self(serde_json::from_slice(json).unwrap())
    }

    /// A field, which is JSON in a string.
    pub fn field(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(self.0["fields"][name].as_str().unwrap()).unwrap()
    }

    /// The input for [`Track::restore`].
    pub fn bytes(&self) -> Vec<u8> {
        with_length(&serde_json::to_vec(&self.0).unwrap())
    }
}

/// `content` preceded by its length.
pub fn with_length(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u64).to_le_bytes()[..], content].concat()
}
