//! Opens the editor without a host, filled with the requested content, for inspection and screenshots.
//!
//! `cargo run -p moodline --example editor_shots -- [WIDTHxHEIGHT] [light] [lines] [empty] [short] [gaps] [heard] [track=NAME] [file=PATH] [model=PATH]`

use std::path::PathBuf;
use std::sync::Arc;

use moodline::editor::EditorApp;
use moodline::instance::Instance;
use moodline::session::{Theme, TimelineStyle};
use moodline_core::Probabilities;
use moodline_engine::live::{Asked, SavedLearning};
use moodline_engine::timeline::{Timeline, Timelines};
use moodline_engine::{GapReason, Model, State};
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::{TrackColor, TrackInfo};
use nice_plug_egui::{App, EguiWindow, EguiWindowSettings, Frame, NiceEguiApp as _};

/// Length of blocks and distance between them, seconds.
const WINDOW_S: f64 = 5.0;
const HOP_S: f64 = 0.25;

/// An example of a track colour in a host.
const TRACK_COLOUR: TrackColor = TrackColor::new(214, 116, 58, 255);

struct Window(EditorApp);

impl App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        self.0.show(ui, None);
    }
}

/// A conversation of `n` blocks: changing moods, pauses and, if requested, every kind of gap.
fn conversation(n: usize, with_gaps: bool) -> Timeline {
    let mut timeline = Timeline::default();
    for index in 0..n {
        let start_s = index as f64 * HOP_S;
        let time = start_s as f32;
        let wave =
            |period: f32, phase: f32| (1.5 + (time / period + phase).sin() + 0.6 * (time / period * 3.7 + phase).sin()).max(0.0);
        let logits = [1.3 * wave(41.0, 1.0), 1.2 * wave(29.0, 2.5), 1.2 * wave(53.0, 4.0), 1.5 * wave(37.0, 0.0)];
        let is_pause = (time / 17.0).sin() + (time / 7.3).sin() > 1.55;
        let state =
            if is_pause { State::NoSpeech } else { State::Speech(Probabilities::softmax(logits).expect("finite logits")) };
        timeline.insert_segment(start_s, start_s + WINDOW_S, HOP_S, state);
    }
    if with_gaps {
        let reasons = [GapReason::Overrun, GapReason::Bypass, GapReason::Failure, GapReason::NotFinite];
        let length_s = n as f64 * HOP_S;
        for (index, reason) in reasons.into_iter().enumerate() {
            let start_s = length_s * (0.12 + 0.22 * index as f64);
            timeline.insert_gap(start_s, start_s + length_s * 0.05, reason);
        }
    }
    timeline
}

/// The saved learning state of a timeline that is entirely learnt from.
fn of_the_built_in_model() -> serde_json::Value {
    serde_json::json!({ "model_fingerprint": Model::embedded().fingerprint(), "except_host": [], "except_stream": [] })
}

fn main() {
    let instance = Instance::default();
    let control = instance.control();
    let (mut width, mut height) = (760.0, 460.0);
    let (mut n, mut with_gaps) = (57_600, false);
    let mut learning: Option<SavedLearning> = None;
    let mut track = TrackInfo::default();
    let saved = instance.saved();
    let session = Arc::clone(&saved.session.session);
    for argument in std::env::args().skip(1) {
        match (argument.as_str(), argument.split_once('='), argument.split_once('x')) {
            ("light", ..) => session.write().theme = Theme::Light,
            ("lines", ..) => session.write().style = TimelineStyle::Lines,
            ("empty", ..) => n = 0,
            ("short", ..) => n = 480,
            ("gaps", ..) => with_gaps = true,
            ("heard", ..) => learning = Some(serde_json::from_value(of_the_built_in_model()).expect("what a session keeps")),
            (_, Some(("track", name)), _) => track = TrackInfo::new(name, Some(TRACK_COLOUR)),
            (_, Some(("file", path)), _) => control.analyse_file(PathBuf::from(path)),
            (_, Some(("model", path)), _) => control.use_model(Some(PathBuf::from(path)), Asked::ByUser),
            (_, _, Some((w, h))) => (width, height) = (w.parse().expect("a width"), h.parse().expect("a height")),
            (other, ..) => panic!("unknown argument '{other}'"),
        }
    }
    let timelines = Timelines { host: conversation(n, with_gaps), stream: conversation(n, with_gaps) };
    control.restore_learnt(timelines, learning.as_ref());
    control.set_watched(true);
    let mut app = EditorApp::new(instance.editor_parts());
    app.track_info_changed(track);
    let settings = EguiWindowSettings::new()
        .with_title("Moodline")
        .with_size(LogicalSize::new(width, height))
        .with_repaint_notifier(instance.notifier());
    let window = EguiWindow::create(settings, Window(app)).expect("a window");
    window.run_until_closed().expect("a window until it is closed");
}
