//! The editor in a program without a host.

use std::sync::atomic::Ordering;

use moodline_engine::timeline::Clock;

use super::*;

/// A bench with a recording, and a file that may not be played until the fate of that recording is decided.
fn with_a_waiting_file(path: &Path) -> (Bench, PlayedFile) {
    let mut bench = Bench::new(MIN_SIZE);
    let file = PlayedFile::new(path, true);
    bench.app.listen_to(Input::File(file.clone()), Microphones::default());
    assert!(bench.says("Playing talk.wav would replace it."));
    (bench, file)
}

fn is_recorded(bench: &Bench, clock: Clock) -> bool {
    bench.app.monitor.with_timeline(clock, |timeline| timeline.bounds().is_some())
}

#[test]
fn a_file_that_would_replace_what_was_recorded_waits_for_an_answer() {
    let (mut bench, file) = with_a_waiting_file(Path::new("talk.wav"));
    bench.press(Key::Escape, Modifiers::NONE);
    bench.app.messages.say("Something else");
    assert!(bench.says("Something else"));
    bench.press(Key::Escape, Modifiers::NONE);
    assert!(file.waits.load(Ordering::Relaxed) && is_recorded(&bench, Clock::Host));
    bench.click_text("Replace it");
    assert!(!file.waits.load(Ordering::Relaxed));
    assert!(!is_recorded(&bench, Clock::Host), "it has the times of the file");
    assert!(is_recorded(&bench, Clock::Stream), "it has times of its own");
}

#[test]
fn what_was_recorded_is_kept_and_the_file_shown_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.wav");
    std::fs::write(&path, wav()).unwrap();
    let (mut bench, file) = with_a_waiting_file(&path);
    bench.click_text("Keep it");
    assert!(!bench.says("would replace it"));
    assert!(file.waits.load(Ordering::Relaxed) && is_recorded(&bench, Clock::Host));
    bench.comes_true("it is analysed", |bench| bench.app.monitor.file().is_some_and(|file| file.state == FileState::Done));
}

#[test]
fn a_microphone_is_chosen_for_the_next_start() {
    let mut bench = Bench::new(vec2(900.0, 700.0));
    let microphones = Microphones { names: vec!["Desk".to_owned(), "Headset".to_owned()], ..Microphones::default() };
    bench.app.listen_to(Input::NoMicrophone { is_any: true }, microphones.clone());
    bench.app.control.set_watched(true);
    assert!(bench.comes_to_say("no microphone") && bench.says("choose one in Settings"));
    bench.app.panel = Some(Panel::Settings);
    bench.click_text("The system's");
    bench.click_text("Headset");
    assert!(bench.says("Headset is used from the next start on."));
    assert_eq!(microphones.chosen.lock().as_deref(), Some("Headset"));
}
