//! The VST3 host, on the bindings of the crate `vst3`.

use std::sync::Arc;

use serde_json::Value;
use vst3::Steinberg::kResultOk;

use crate::host::bus::Bus;
use crate::host::{Host, HostedPlayer, HostedTrack, HostedWindow, Mode, Setup, Transport, hash};
use crate::vst3_host::module::{self, Module};
use crate::vst3_host::objects::Change;
use crate::vst3_host::track::{Player, Track};
use crate::vst3_host::view::View;

pub(crate) struct Vst3(Arc<Module>);

impl Host for Vst3 {
    const FORMAT: &'static str = "vst3";

    type Track = Track;

    fn load() -> Option<Self> {
        module::load().map(Self)
    }

    fn track(&self) -> Track {
        Track::new(&self.0)
    }
}

impl HostedTrack for Track {
    type Player = Player;

    fn set(&mut self, id: &str, normalized: f64) {
        assert_eq!(self.plugin.set(hash(id), normalized), kResultOk);
    }

    fn save(&mut self) -> Value {
        serde_json::from_slice(&self.plugin.save()).unwrap()
    }

    fn restore(&mut self, state: &Value) -> bool {
        self.plugin.restore(&serde_json::to_vec(state).unwrap()) == kResultOk
    }

    fn set_mode(&mut self, mode: Mode) {
        self.set_mode(mode);
    }

    fn activate(&mut self, setup: &Setup) -> Player {
        self.activate(setup)
    }

    fn deactivate(&mut self, player: Player) {
        self.deactivate(player);
    }

    fn process_bent(&mut self, input: &mut Bus, output: &mut Bus, n_frames: usize) -> bool {
        self.process_bent(input, output, n_frames) == kResultOk
    }

    fn n_parameters(&mut self) -> u32 {
        self.plugin.n_parameters() as u32
    }

    fn has_parameter(&mut self, index: u32) -> bool {
        self.plugin.parameter(index as i32).is_ok()
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
        self.transport = transport;
    }

    fn process_with(&mut self, n_frames: usize, change: Option<(&str, f64)>) {
        let change = change.map(|(id, normalized)| Change { frame: n_frames as u32 / 2, id: hash(id), normalized });
        self.process(n_frames, change);
    }

    fn start(&mut self) {
        assert_eq!(self.plugin.set_processing(true), kResultOk);
    }

    fn stop(&mut self) {
        assert_eq!(self.plugin.set_processing(false), kResultOk);
    }

    /// VST3 has no other reset.
    fn reset(&mut self) {
        self.stop();
        self.start();
    }
}

impl HostedWindow for Track {
    fn open(&mut self, parent: u32) -> bool {
        let mut view = self.plugin.view(&self.frame);
        let is_open = view.attach(parent) == kResultOk;
        self.view = is_open.then_some(view);
        is_open
    }

    fn close(&mut self) {
        self.view = None;
    }

    fn create_and_destroy(&mut self) {
        drop(self.plugin.view(&self.frame));
    }

    fn can_resize(&mut self) -> bool {
        self.opened().can_resize()
    }

    fn size(&mut self) -> (u32, u32) {
        self.opened().size()
    }

    fn fitting(&mut self, width: u32, height: u32) -> Option<(u32, u32)> {
        self.opened().constrain(width, height)
    }

    fn resize(&mut self, width: u32, height: u32) -> bool {
        self.opened().resize(width, height) == kResultOk
    }

    fn scale(&mut self, factor: f64) -> bool {
        self.opened().scale(factor as f32) == kResultOk
    }

    fn idle(&mut self) {
        self.frame.run_once();
    }

    fn n_registered(&self) -> usize {
        self.frame.n_registered()
    }
}

impl Track {
    fn opened(&self) -> &View {
        self.view.as_ref().expect("the editor is open")
    }
}
