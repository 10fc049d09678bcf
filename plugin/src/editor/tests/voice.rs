//! The voice: what the window shows about it, what can be done with it, and that everything displayed and exported is corrected for it.

use moodline_engine::display::CONFIDENCE_THRESHOLD;
use moodline_engine::live::{SavedLearning, VoiceMode};
use moodline_engine::{Model, voice};

use super::*;

/// A minute of a voice in every mood, in which the model always hears anger.
fn leaning() -> Timeline {
    let mut timeline = Timeline::default();
    for number in 0..12 {
        let mut logits = [0.0; 4];
        logits[number % 4] += 3.0;
        logits[0] += 1.5;
        let start_s = 5.0 * number as f64;
        timeline.insert_segment(start_s, start_s + 5.0, 5.0, State::Speech(Probabilities::softmax(logits).unwrap()));
    }
    timeline
}

/// A track with answers of the built-in model.
fn with_a_voice(size: Vec2) -> Bench {
    let mut bench = Bench::empty(size);
    let learning = serde_json::json!({
        "model_fingerprint": Model::embedded().fingerprint(), "except_host": [], "except_stream": [],
    });
    let learning: SavedLearning = serde_json::from_value(learning).unwrap();
    bench.app.control.restore_learnt(Timelines { host: leaning(), stream: leaning() }, Some(&learning));
    bench.app.control.set_watched(true);
    bench.comes_true("the model is there", |bench| voice_of(bench).is_possible);
    bench
}

fn voice_of(bench: &Bench) -> TrackVoice {
    bench.app.monitor.voice(bench.app.monitor.clock())
}

/// The probabilities painted when the pointer is over the track's block `number`, in any order.
fn painted(bench: &mut Bench, number: usize) -> Vec<String> {
    bench.app.show_everything();
    bench.settle();
    let x = bench.x(5.0 * number as f64 + 2.5);
    bench.frame(vec![Event::PointerMoved(pos2(x, 200.0))]);
    let texts = texts(&bench.settle()).into_iter().map(|(text, ..)| text);
    sorted(texts.filter(|text| text.ends_with(" %")))
}

fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort();
    texts
}

#[test]
fn the_window_says_what_was_heard_and_settings_hold_it_switch_it_off_and_forget_it() {
    let mut bench = with_a_voice(vec2(900.0, 900.0));
    assert!(bench.says("voice: 60 s heard"));
    bench.app.panel = Some(Panel::Settings);
    for (button, mode, said) in [("Off", VoiceMode::Off, "voice: off"), ("Learn", VoiceMode::Learn, "voice: 60 s heard")] {
        bench.click_text(button);
        assert_eq!(voice_of(&bench).mode, mode);
        assert!(bench.says(said), "{said}");
    }
    bench.click_last_text("Hold");
    assert!(bench.says("voice: 60 s heard, held"));
    bench.click_text("Learn anew");
    bench.click_text("Keep it");
    assert_eq!(voice_of(&bench).mode, VoiceMode::Hold);
    bench.click_text("Learn anew");
    bench.click_text("Forget it");
    assert_eq!(voice_of(&bench).mode, VoiceMode::Learn);
    assert!(bench.says("voice: nothing heard yet") && bench.bounds().is_some());
}

#[test]
fn lanes_headline_and_exports_are_shown_by_the_voice() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = with_a_voice(SIZES[2]);
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    let correction = voice::correction_of(&Model::embedded()).unwrap();
    let profile = voice_of(&bench).profile.unwrap();
    let cold = *leaning().entries()[1].probabilities().unwrap();
    let warm = profile.correct(&cold, &correction);
    let shares = |four: Probabilities| sorted(four.as_array().map(headline::percent));
    assert_ne!(shares(cold), shares(warm));
    assert_eq!(painted(&mut bench, 1), shares(warm));

    bench.click_text("Export");
    bench.click_text("JSON");
    bench.click_text("Save to");
    let written = std::fs::read_to_string(folder.path().join("moodline.json")).unwrap();
    let shown = voice_of(&bench);
    let results = export::results_of_track(&bench.app.monitor.status(), leaning().entries(), &shown, CONFIDENCE_THRESHOLD);
    assert_eq!(results.voices[0].segments[1].probabilities(), Some(&warm));
    assert!(results.voices[0].heard.is_some());
    assert_eq!(written, String::from_utf8(Format::Json.file(&results, &ExportOptions::DEFAULT)).unwrap());
}

#[test]
fn a_voice_is_kept_loaded_and_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna.voice");
    let mut bench = with_a_voice(MIN_SIZE);
    let learnt = voice_of(&bench);
    bench.app.take_path(Question::SaveVoice, folder.path().join("anna"));
    assert!(bench.says("Saved ") && path.is_file());
    assert_eq!(voice::open(&path, &Model::embedded()).unwrap(), learnt.profile.unwrap());

    bench.app.control.clear();
    bench.app.take_path(Question::Voice, path.clone());
    assert!(bench.says("anna.voice: voice: 60 s heard"));
    assert_eq!(voice_of(&bench), TrackVoice { mode: VoiceMode::Hold, ..learnt.clone() });

    let text = std::fs::read_to_string(&path).unwrap();
    for (name, content, words) in [
        ("future.voice", text.replace("\"version\": 1", "\"version\": 9"), "a newer Moodline reads it"),
        ("damaged.voice", text[..text.len() / 2].to_owned(), "learn the voice again"),
        ("other.voice", text.replace(Model::embedded().fingerprint(), &"0".repeat(64)), "learn it again with this one"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        bench.app.take_path(Question::Voice, path);
        assert!(bench.says(words) && bench.says(name), "{name}");
        assert_eq!(voice_of(&bench).profile, learnt.profile, "{name}");
    }
    let recording = folder.path().join("talk.wav");
    std::fs::write(&recording, wav()).unwrap();
    bench.app.take_path(Question::SaveVoice, recording.clone());
    assert!(bench.says("a recording"));
    assert_eq!(std::fs::read(&recording).unwrap(), wav());
}

#[test]
fn a_voice_of_another_model_in_a_project_is_told_once() {
    let mut bench = with_a_voice(MIN_SIZE);
    let mut saved = serde_json::to_string(&{
        bench.app.control.set_voice_mode(VoiceMode::Hold);
        bench.app.monitor.saved_voice()
    })
    .unwrap();
    saved = saved.replace(Model::embedded().fingerprint(), &"0".repeat(64));
    bench.app.control.choose_voice(serde_json::from_str(&saved).unwrap());
    assert!(bench.says("learn it again with this one") && bench.says("voice: of another model"));
    bench.press(Key::Escape, Modifiers::NONE);
    assert!(!bench.says("learn it again with this one"));
}

#[test]
fn the_open_file_is_shown_as_the_command_shows_it_unless_a_voice_is_held_or_none_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = with_a_voice(vec2(900.0, 900.0));
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    bench.app.panel = Some(Panel::Settings);
    bench.app.take_path(Question::Audio, speech());
    bench.comes_true("it is analysed", |bench| bench.app.monitor.file().is_some_and(|file| file.state == FileState::Done));
    let file = bench.app.monitor.file().unwrap();
    let cold = file.results.clone().unwrap();
    let correction = voice::correction_of(&Model::embedded()).unwrap();
    let own = moodline_engine::voices::profile_of(&cold.voices, &correction);
    let by = |profile: &moodline_core::VoiceProfile| {
        let mut segments = cold.voices[0].segments.clone();
        voice::correct(&mut segments, profile, &correction);
        segments
    };
    let shown = |bench: &Bench| bench.app.monitor.voice_of_file(&file).shown_segments(&file.segments).into_owned();
    assert_eq!(shown(&bench), by(&own), "as --voice file");
    assert_ne!(voice_of(&bench).profile, Some(own), "the track has another");
    bench.click_text("Off");
    assert_eq!(shown(&bench), cold.voices[0].segments);
    bench.click_text("Learn");
    let of_track = voice_of(&bench).profile.unwrap();
    bench.click_last_text("Hold");
    assert_eq!(shown(&bench), by(&of_track));
}

#[test]
fn the_voice_of_the_open_file_shows_file_and_track() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.wav");
    std::fs::write(&path, wav()).unwrap();
    let mut bench = with_a_voice(vec2(900.0, 900.0));
    bench.app.session.write().export_folder = Some(folder.path().to_owned());
    bench.app.panel = Some(Panel::Settings);
    bench.app.take_path(Question::Audio, path);
    let is_done = |bench: &Bench| bench.app.monitor.file().is_some_and(|file| file.state == FileState::Done);
    bench.comes_true("it is analysed", is_done);
    bench.click_text("From file");
    assert!(bench.says("Nobody speaks in talk.wav"));
    assert_eq!(voice_of(&bench).mode, VoiceMode::Learn);

    bench.app.take_path(Question::Audio, speech());
    bench.comes_true("it is analysed", is_done);
    let cold = bench.app.monitor.file().unwrap().results.unwrap();
    let correction = voice::correction_of(&Model::embedded()).unwrap();
    let mut profile = moodline_core::VoiceProfile::default();
    voice::learn(&mut profile, &cold.voices[0].segments, &correction);
    bench.click_text("From file");
    assert!(bench.says("unheard.flac: voice: "));
    let held = voice_of(&bench);
    assert_eq!((held.mode, held.profile), (VoiceMode::Hold, Some(profile)));

    bench.click_text("Export");
    bench.click_text("Save to");
    assert!(bench.says("Saved "));
    let written = std::fs::read(folder.path().join("moodline.csv")).unwrap();
    let mut expected = Results::clone(&cold);
    voice::correct(&mut expected.voices[0].segments, &profile, &correction);
    assert_ne!(expected.voices, cold.voices);
    assert_eq!(written, Format::Csv.file(&expected, &ExportOptions::DEFAULT));
}
