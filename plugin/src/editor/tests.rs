//! The editor without a screen: frames are run, inspected as shapes, and clicked on.

use std::time::{Duration, Instant};

use egui::{
    Context, Event, FullOutput, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Shape, Vec2, ViewportId, pos2, vec2,
};
use moodline_core::Probabilities;
use moodline_engine::export::{ExportOptions, Format, Results};
use moodline_engine::live::{Asked, FileState, TrackVoice, Transport};
use moodline_engine::timeline::{Timeline, Timelines};
use moodline_engine::{GapReason, State, display::CONFIDENCE_THRESHOLD};

use super::dialogs::Question;
use super::*;
use crate::instance::Instance;
use crate::session::Segments;

mod keyboard;
mod program;
mod voice;

/// Position of the Export button in the smallest window.
const EXPORT_IN_THE_SMALLEST: Pos2 = pos2(111.0, 77.0);

const SIZES: [Vec2; 4] = [MIN_SIZE, vec2(700.0, 300.0), vec2(760.0, 460.0), vec2(1400.0, 900.0)];

struct Bench {
    app: EditorApp,
    ctx: Context,
    size: Vec2,
    time_s: f64,
    // Keeps alive the analysis that the monitor belongs to.
    instance: Instance,
    /// Number of frames that the instance has received.
    n_heard: i64,
}

/// Sample rate of the instance, Hz.
const RATE: f64 = 16_000.0;

fn recorded() -> Timeline {
    let mut timeline = Timeline::default();
    for index in 0..100 {
        let start_s = f64::from(index);
        let state = match index % 7 {
            6 => State::NoSpeech,
            n => State::Speech(Probabilities::softmax([n as f32, 2.0, 1.0, 0.0]).unwrap()),
        };
        timeline.insert_segment(start_s, start_s + 1.0, 1.0, state);
    }
    timeline.insert_gap(20.0, 30.0, GapReason::Overrun);
    timeline
}

impl Bench {
    fn new(size: Vec2) -> Self {
        let mut bench = Self::empty(size);
        bench.app.control.restore(Timelines { host: recorded(), stream: recorded() });
        bench.settle();
        bench
    }

    /// With nothing recorded.
    fn empty(size: Vec2) -> Self {
        let instance = Instance::default();
        let app = EditorApp::new(instance.editor_parts());
        let mut bench = Self { app, ctx: Context::default(), size, time_s: 0.0, instance, n_heard: 0 };
        bench.settle();
        bench
    }

    /// Plays a tenth of a second of silence on the track of a host.
    fn hear(&mut self) {
        const N: usize = (RATE / 10.0) as usize;
        self.instance.hear(&[[0.0; N]], N, Transport::Playing(self.n_heard));
        self.n_heard += N as i64;
    }

    fn press(&mut self, key: Key, modifiers: Modifiers) {
        let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        self.frame(vec![event(true)]);
        self.frame(vec![event(false)]);
    }

    /// The screen position of a time on the track.
    fn x(&self, time_s: f64) -> f32 {
        let view = self.app.body.view;
        8.0 + (self.size.x - 16.0) * ((time_s - view.start_s) / view.span_s) as f32
    }

    fn frame(&mut self, events: Vec<Event>) -> FullOutput {
        self.time_s += 0.05;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, self.size));
        let input = RawInput { screen_rect, time: Some(self.time_s), events, ..RawInput::default() };
        let mut output = self.ctx.run_ui(input, |ui| self.app.show(ui, None));
        output.textures_delta.clear();
        output
    }

    /// Runs frames until the layout of a newly opened element is known.
    fn settle(&mut self) -> FullOutput {
        self.frame(Vec::new());
        self.frame(Vec::new());
        self.frame(Vec::new())
    }

    fn click(&mut self, at: Pos2) {
        let button =
            |pressed| Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        self.frame(vec![Event::PointerMoved(at)]);
        self.frame(vec![button(true)]);
        self.frame(vec![button(false)]);
    }

    fn click_text(&mut self, start: &str) {
        let output = self.settle();
        let found = texts(&output).into_iter().find(|(text, ..)| text.starts_with(start));
        let (_, rect, _) = found.unwrap_or_else(|| panic!("no text that starts with '{start}'"));
        self.click(rect.center());
    }

    /// For texts in a panel, which is painted after the toolbar.
    fn click_last_text(&mut self, start: &str) {
        let output = self.settle();
        let found = texts(&output).into_iter().rfind(|(text, ..)| text.starts_with(start));
        let (_, rect, _) = found.unwrap_or_else(|| panic!("no text that starts with '{start}'"));
        self.click(rect.center());
    }

    fn says(&mut self, text: &str) -> bool {
        let output = self.settle();
        texts(&output).iter().any(|(said, ..)| said.contains(text))
    }

    /// Waits for a text produced by another thread; returns whether it appeared within the time limit.
    fn comes_to_say(&mut self, text: &str) -> bool {
        self.comes_to(|bench| bench.says(text))
    }

    /// Waits for a condition brought about by another thread.
    fn comes_true(&mut self, what: &str, is_true: impl Fn(&Self) -> bool) {
        let came = self.comes_to(|bench| {
            bench.settle();
            is_true(bench)
        });
        assert!(came, "{what}");
    }

    fn comes_to(&mut self, mut is_there: impl FnMut(&mut Self) -> bool) -> bool {
        const PATIENCE: Duration = Duration::from_secs(1200);
        let start = Instant::now();
        while !is_there(self) {
            if start.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Opens every panel in turn, then none.
    fn show_everything_at(&mut self, size: Vec2) {
        self.size = size;
        for panel in [None, Some(Panel::Settings), Some(Panel::Latency), Some(Panel::About)] {
            self.app.panel = panel;
            self.app.messages.say("A message");
            self.settle();
        }
    }

    fn bounds(&self) -> Option<(f64, f64)> {
        self.app.monitor.with_timeline(self.app.monitor.clock(), Timeline::bounds)
    }
}

/// Every text on the screen, with its position and its clip rectangle.
fn texts(output: &FullOutput) -> Vec<(String, Rect, Rect)> {
    let text = |clipped: &egui::epaint::ClippedShape| match &clipped.shape {
        Shape::Text(text) => Some((text.galley.text().to_owned(), text.visual_bounding_rect(), clipped.clip_rect)),
        _ => None,
    };
    output.shapes.iter().filter_map(text).collect()
}

#[test]
fn no_text_leaves_the_window_or_is_cut_at_any_size() {
    for size in SIZES {
        for panel in [None, Some(Panel::Settings), Some(Panel::Latency), Some(Panel::About)] {
            let mut bench = Bench::new(size);
            bench.app.panel = panel;
            let output = bench.settle();
            let texts = texts(&output);
            assert!(texts.len() > 10, "{size} {panel:?}");
            for (text, rect, clip) in texts.into_iter().filter(|(text, ..)| !text.is_empty()) {
                let window = Rect::from_min_size(Pos2::ZERO, size);
                let in_sight = rect.intersect(clip);
                let is_in_sight = in_sight.is_positive();
                assert!(!is_in_sight || window.expand(0.5).contains_rect(in_sight), "{size} {panel:?}: '{text}' at {rect}");
                // Scrolling content may be clipped above and below, but never at the sides.
                assert!(
                    rect.left() >= clip.left() - 0.5 && rect.right() <= clip.right() + 0.5,
                    "{size} {panel:?}: '{text}' {rect} {clip}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_repainted_while_nothing_changes() {
    for panel in [None, Some(Panel::Settings), Some(Panel::Latency), Some(Panel::About)] {
        let mut bench = Bench::new(SIZES[2]);
        bench.app.panel = panel;
        let output = bench.settle();
        assert_eq!(output.viewport_output[&ViewportId::ROOT].repaint_delay, Duration::MAX, "{panel:?}");
    }
}

#[test]
fn reset_forgets_only_after_a_second_click() {
    let mut bench = Bench::new(SIZES[2]);
    bench.click_text("Reset");
    assert!(bench.bounds().is_some());
    bench.click_text("Keep it");
    assert!(bench.bounds().is_some());
    bench.click_text("Reset");
    bench.click_text("Forget it");
    assert_eq!(bench.bounds(), None);
    assert!(bench.says("Nothing recorded yet"));
}

#[test]
fn an_export_is_the_file_the_command_would_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(SIZES[2]);
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    bench.click_text("Export");
    bench.click_text("JSON");
    bench.click_text("Save to");
    assert!(bench.says("Saved "));
    let written = std::fs::read_to_string(folder.path().join("moodline.json")).unwrap();
    let results = export::results_of_track(
        &bench.app.monitor.status(),
        &recorded().without_gaps(),
        &TrackVoice::default(),
        CONFIDENCE_THRESHOLD,
    );
    assert_eq!(written, String::from_utf8(Format::Json.file(&results, &ExportOptions::DEFAULT)).unwrap());
}

#[test]
fn every_format_can_be_chosen_in_the_smallest_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(MIN_SIZE);
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    for format in Format::ALL {
        bench.click(EXPORT_IN_THE_SMALLEST);
        bench.click_text(export::format_name(format));
        bench.click_text("Save to");
        assert!(folder.path().join(format!("moodline.{}", format.extension())).is_file(), "{format}");
    }
}

#[test]
fn an_export_that_fails_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(SIZES[2]);
    bench.app.session.write().export_folder = Some(folder.path().join("gone"));
    bench.click_text("Export");
    bench.click_text("Save to");
    assert!(bench.says("gone"));
}

#[test]
fn wheel_and_drag_move_the_view_and_the_pointer_reads_values() {
    let mut bench = Bench::new(SIZES[2]);
    let at = pos2(400.0, 250.0);
    bench.frame(vec![Event::PointerMoved(at)]);
    assert!(bench.says(" %"), "the values under the pointer");
    let span_s = bench.app.body.view.span_s;
    let wheel = Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: vec2(0.0, 2.0),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
    };
    bench.frame(vec![wheel]);
    (0..20).for_each(|_| drop(bench.frame(Vec::new())));
    assert!(bench.app.body.view.span_s < 0.9 * span_s);
    assert!(bench.app.body.view.follow);
    let start_s = bench.app.body.view.start_s;
    let press = |pressed, pos| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    bench.frame(vec![press(true, at)]);
    bench.frame(vec![Event::PointerMoved(at - vec2(100.0, 0.0))]);
    bench.frame(vec![press(false, at - vec2(100.0, 0.0))]);
    assert!(bench.app.body.view.start_s > start_s);
    assert!(!bench.app.body.view.follow);
}

#[test]
fn a_gap_says_its_reason_under_the_pointer() {
    let mut bench = Bench::new(SIZES[2]);
    bench.app.show_everything();
    // A quarter of 100 seconds, in the gap from 20 to 30.
    bench.frame(vec![Event::PointerMoved(pos2(8.0 + 744.0 * 0.25, 250.0))]);
    assert!(bench.says("gap: audio came faster"));
}

#[test]
fn a_model_that_is_not_there_is_a_sentence() {
    let mut bench = Bench::new(SIZES[0]);
    bench.app.control.use_model(Some(PathBuf::from("/nowhere/model.onnx")), Asked::ByUser);
    bench.app.control.set_watched(true);
    assert!(bench.comes_to_say("model missing"));
    assert!(bench.says("/nowhere/model.onnx"));
}

#[test]
fn a_model_that_cannot_be_loaded_leaves_the_one_that_runs_and_offers_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.onnx"), folder.path().join("bad.onnx"));
    std::fs::write(&good, moodline_engine::Model::embedded().bytes()).unwrap();
    std::fs::write(&bad, [0xff; 64]).unwrap();
    let mut bench = Bench::new(MIN_SIZE);
    bench.app.control.set_watched(true);
    bench.app.take_path(Question::Model, good.clone());
    bench.comes_true("the good model is the project's", |bench| bench.app.session.read().model.as_ref() == Some(&good));
    bench.app.take_path(Question::Model, bad);
    assert!(bench.comes_to_say("bad.onnx"));
    assert!(bench.says(&format!("{} keeps running.", moodline_engine::Model::embedded().id())));
    assert!(!bench.says("model missing"));
    assert_eq!(bench.app.session.read().model, Some(good));
    bench.click_text("Use the built-in model");
    assert!(!bench.says("bad.onnx"));
    assert_eq!(bench.app.session.read().model, None);
}

#[test]
fn listening_counts_up_to_the_first_block_which_is_provisional_while_audio_comes() {
    let mut bench = Bench::empty(SIZES[2]);
    bench.app.control.set_watched(true);
    assert!(bench.comes_to_say("waiting for audio"));
    bench.instance.activate(RATE as f32, false);
    assert!(bench.comes_to(|bench| {
        bench.hear();
        bench.says("listening")
    }));
    assert!(bench.says(" of 5 s"));
    // Until there is an answer: which seconds it covers, and which part of it is provisional.
    assert!(bench.comes_to(|bench| {
        bench.hear();
        bench.says("0:00.0 to 0:05.0")
    }));
    let at = |bench: &Bench, time_s| Event::PointerMoved(pos2(bench.x(time_s), 250.0));
    assert!(bench.comes_to(|bench| {
        bench.hear();
        let event = at(bench, bench.n_heard as f64 / RATE - 1.0);
        bench.frame(vec![event]);
        bench.says("no speech (provisional)")
    }));
    let event = at(&bench, 1.0);
    bench.frame(vec![event]);
    assert!(!bench.says("(provisional)"));
    bench.instance.deactivate();
    let event = at(&bench, bench.n_heard as f64 / RATE - 1.0);
    bench.frame(vec![event]);
    assert!(
        bench.comes_to(|bench| bench.says("no speech") && !bench.says("(provisional)")),
        "nothing follows that could change it"
    );
}

#[test]
fn a_file_that_is_opened_fills_the_window_and_is_what_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.wav");
    std::fs::write(&path, wav()).unwrap();
    let mut bench = Bench::empty(SIZES[2]);
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    bench.app.take_path(Question::Audio, path.clone());
    bench.comes_true("it is analysed", |bench| bench.app.monitor.file().is_some_and(|file| file.state == FileState::Done));
    let view = bench.app.body.view;
    assert_eq!((view.start_s, view.span_s, view.follow), (0.0, 20.0, false));
    assert!(bench.says("Track: nothing recorded"));
    bench.click_text("Export");
    bench.click_text("Save to");
    assert!(bench.says("Saved "), "without choosing the file first");
    let results = bench.app.monitor.file().unwrap().results.unwrap();
    let written = std::fs::read_to_string(folder.path().join("moodline.csv")).unwrap();
    assert_eq!(written, String::from_utf8(Format::Csv.file(&results, &ExportOptions::DEFAULT)).unwrap());

    // If the track has content, its lane returns; and a view chosen by the user is kept while a file is read.
    bench.app.control.restore(Timelines { host: recorded(), stream: recorded() });
    assert!(!bench.says("nothing recorded"));
    bench.app.take_path(Question::Audio, path);
    bench.settle();
    bench.app.body.view.show(30.0, 60.0, Some((0.0, 100.0)));
    bench.comes_true("it is analysed", |bench| bench.app.monitor.file().is_some_and(|file| file.state == FileState::Done));
    assert_eq!((bench.app.body.view.start_s, bench.app.body.view.span_s), (30.0, 30.0));
}

#[test]
fn phrases_of_the_open_file_are_shown_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::empty(vec2(900.0, 900.0));
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    bench.app.take_path(Question::Audio, speech());
    bench.app.panel = Some(Panel::Settings);
    let is_done = |file: &FileLane| file.state == FileState::Done;
    bench.comes_true("it is analysed", |bench| bench.app.monitor.file().is_some_and(|file| is_done(&file)));
    bench.click_text("Phrases");
    assert_eq!(bench.app.session.read().segments, Segments::Phrases);
    let follow_one_another =
        |file: &FileLane| file.segments.windows(2).all(|pair| (pair[0].end_s - pair[1].start_s).abs() < 1e-9);
    bench.comes_true("it is analysed again", |bench| {
        bench.app.monitor.file().is_some_and(|file| is_done(&file) && follow_one_another(&file))
    });
    bench.click_text("Export");
    bench.click_text("Save to");
    let file = bench.app.monitor.file().unwrap();
    let results =
        export::shown_by(&bench.app.monitor.voice_of_file(&file), CONFIDENCE_THRESHOLD, Results::clone(&file.results.unwrap()));
    assert!(results.voices[0].segments.len() > 3);
    let written = std::fs::read_to_string(folder.path().join("moodline.csv")).unwrap();
    assert_eq!(written, String::from_utf8(Format::Csv.file(&results, &ExportOptions::DEFAULT)).unwrap());
}

/// A recording of two speakers.
fn speech() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples/unheard.flac")
}

/// Twenty seconds of an intermittent buzz, 16 kHz, as a WAV file.
fn wav() -> Vec<u8> {
    let samples = (0..320_000).flat_map(|index: i32| {
        let is_on = index / 8000 % 3 != 0;
        let value = if is_on { (index % 130 - 65) * 100 } else { 0 };
        i16::try_from(value).unwrap().to_le_bytes()
    });
    let samples: Vec<u8> = samples.collect();
    let n = u32::try_from(samples.len()).unwrap();
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + n).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend([16_000u32.to_le_bytes(), 32_000u32.to_le_bytes()].concat());
    file.extend(b"\x02\0\x10\0data");
    file.extend(n.to_le_bytes());
    file.extend(samples);
    file
}

#[test]
fn a_file_gets_a_lane_with_its_name_which_can_be_exported_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a recording with a name that is much too long for the smallest window.wav");
    std::fs::write(&path, wav()).unwrap();
    let mut bench = Bench::new(SIZES[0]);
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    bench.app.control.analyse_file(path);
    assert!(bench.comes_to_say("Close"), "{:?}", bench.app.monitor.file().map(|file| file.state));
    assert!(bench.says("a recording with"));

    bench.frame(vec![Event::PointerMoved(pos2(100.0, 230.0))]);
    let window = Rect::from_min_size(Pos2::ZERO, bench.size);
    for (text, rect, _) in texts(&bench.settle()) {
        assert!(text.is_empty() || window.contains_rect(rect), "'{text}' at {rect}");
    }

    bench.click(EXPORT_IN_THE_SMALLEST);
    bench.click_text("File");
    bench.click_text("Save to");
    let results = bench.app.monitor.file().unwrap().results.unwrap();
    let written = std::fs::read_to_string(folder.path().join("moodline.csv")).unwrap();
    assert_eq!(written, String::from_utf8(Format::Csv.file(&results, &ExportOptions::DEFAULT)).unwrap());

    bench.click_text("Close");
    assert!(bench.app.monitor.file().is_none());
    assert!(!bench.says("a recording with"));
}

#[test]
fn any_size_can_be_shown() {
    let mut bench = Bench::new(MIN_SIZE);
    for size in [vec2(0.0, 0.0), vec2(1.0, 1.0), vec2(18.0, 18.0), vec2(30.0, 2000.0), vec2(8192.0, 1.0), vec2(8192.0, 8192.0)] {
        bench.show_everything_at(size);
    }
}

#[test]
fn a_preset_sets_what_it_names_and_the_track_is_named() {
    let mut bench = Bench::new(vec2(900.0, 700.0));
    bench.app.track = TrackInfo::new("Voice of Anna", None);
    assert!(bench.says("Voice of"));
    bench.app.panel = Some(Panel::Settings);
    for preset in &crate::presets::PRESETS {
        assert!(bench.says(preset.name), "{}", preset.name);
    }
}
