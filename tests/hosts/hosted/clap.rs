//! The CLAP host, based on clack.

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui, Window};
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::render::RenderMode;
use clack_host::prelude::{InputEvents, PluginEntry};
use serde_json::Value;
use test_support::clap::{Player, SavedState, Track, load, set_event};

use crate::clap_host::bent;
use crate::host::bus::Bus;
use crate::host::{Host, HostedPlayer, HostedTrack, HostedWindow, Mode, Setup, Transport};

pub(crate) struct Clap(PluginEntry);

impl Host for Clap {
    const FORMAT: &'static str = "clap";

    type Track = Track;

    fn load() -> Option<Self> {
        load().map(Self)
    }

    fn track(&self) -> Track {
        Track::new(&self.0)
    }
}

impl HostedTrack for Track {
    type Player = Player;

    fn set(&mut self, id: &str, normalized: f64) {
        self.set(&[(id, normalized * max_of(id))]);
    }

    fn save(&mut self) -> Value {
        SavedState::parse(&self.save()).0
    }

    fn restore(&mut self, state: &Value) -> bool {
        self.restore(&SavedState(state.clone()).bytes())
    }

    fn set_mode(&mut self, mode: Mode) {
        self.render_mode(match mode {
            Mode::Realtime => RenderMode::Realtime,
            Mode::Offline => RenderMode::Offline,
        });
    }

    fn activate(&mut self, setup: &Setup) -> Player {
        self.select_layout(setup.n_channels);
        self.activate(setup.rate_hz, setup.n_channels, setup.max_frames)
    }

    fn deactivate(&mut self, player: Player) {
        self.deactivate(player);
    }

    fn process_bent(&mut self, input: &mut Bus, output: &mut Bus, n_frames: usize) -> bool {
        bent::process(self.instance.raw_instance(), input, output, n_frames)
    }

    fn n_parameters(&mut self) -> u32 {
        self.with(|params: &PluginParams, handle| params.count(handle))
    }

    fn has_parameter(&mut self, index: u32) -> bool {
        self.with(|params: &PluginParams, handle| params.get_info(handle, index, &mut ParamInfoBuffer::new()).is_some())
    }
}

/// The maximum of a parameter: in CLAP choices are counted from 0.
fn max_of(id: &str) -> f64 {
    match id {
        "backend" => 2.0,
        "source" => 4.0,
        _ => 1.0,
    }
}

impl HostedPlayer for Player {
    fn input(&mut self) -> &mut Vec<Vec<f32>> {
        &mut self.input
    }

    fn output(&mut self) -> &mut Vec<Vec<f32>> {
        &mut self.output
    }

    fn locate(&mut self, transport: Transport) {
        self.position = match transport {
            Transport::Playing(frame) => Some(frame),
            Transport::Stopped => Some(0),
            Transport::None => None,
        };
        self.is_playing = transport != Transport::Stopped;
    }

    fn process_with(&mut self, n_frames: usize, change: Option<(&str, f64)>) {
        match change {
            Some((id, normalized)) => {
                let event = set_event(n_frames as u32 / 2, id, normalized * max_of(id));
                self.process(n_frames, &InputEvents::from_buffer(&event));
            }
            None => self.process(n_frames, &InputEvents::empty()),
        }
    }

    fn start(&mut self) {
        self.start();
    }

    fn stop(&mut self) {
        self.stop();
    }

    fn reset(&mut self) {
        self.reset();
    }
}

const EMBEDDED: GuiConfiguration<'_> = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };

impl HostedWindow for Track {
    fn open(&mut self, parent: u32) -> bool {
        self.with(|gui: &PluginGui, handle| {
            gui.create(handle, EMBEDDED).is_ok() && {
                #[allow(unsafe_code, reason = "the window outlives the editor, which is destroyed first")]
                let is_embedded = unsafe { gui.set_parent(handle, Window::from_x11_handle(parent.into())) }.is_ok();
                is_embedded && gui.show(handle).is_ok()
            }
        })
    }

    fn close(&mut self) {
        self.with(|gui: &PluginGui, handle| gui.destroy(handle));
    }

    fn create_and_destroy(&mut self) {
        self.with(|gui: &PluginGui, handle| {
            gui.create(handle, EMBEDDED).expect("the editor is made");
            gui.destroy(handle);
        });
    }

    fn can_resize(&mut self) -> bool {
        self.with(|gui: &PluginGui, handle| gui.can_resize(handle))
    }

    fn size(&mut self) -> (u32, u32) {
        let size = self.with(|gui: &PluginGui, handle| gui.get_size(handle)).expect("the editor has a size");
        (size.width, size.height)
    }

    fn fitting(&mut self, width: u32, height: u32) -> Option<(u32, u32)> {
        let size = self.with(|gui: &PluginGui, handle| gui.adjust_size(handle, GuiSize { width, height }))?;
        Some((size.width, size.height))
    }

    fn resize(&mut self, width: u32, height: u32) -> bool {
        self.with(|gui: &PluginGui, handle| gui.set_size(handle, GuiSize { width, height })).is_ok()
    }

    fn scale(&mut self, factor: f64) -> bool {
        self.with(|gui: &PluginGui, handle| gui.set_scale(handle, factor)).is_ok()
    }

    fn idle(&mut self) {
        self.run_main_thread();
    }

    /// A CLAP host without timers and descriptors has nothing to register with.
    fn n_registered(&self) -> usize {
        0
    }
}
