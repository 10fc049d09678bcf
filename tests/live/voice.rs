//! What is learnt about the voice on a track, and how the timeline is corrected for it.

use std::ops::ControlFlow;

use hound::{SampleFormat, WavSpec, WavWriter};
use moodline_core::VoiceProfile;
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::file_analysis::{FileConfig, analyse_file};
use moodline_engine::live::{Asked, SavedVoice, StreamFormat, TrackVoice, Transport, VoiceMode};
use moodline_engine::timeline::{Clock, Timelines};
use moodline_engine::voice::{self, LearntVoice};
use moodline_engine::voices::VoiceChoice;
use moodline_engine::{Model, Segment};
use test_support::{repository, sample};

use crate::host::{Host, RATE, analysed, frame, playing, settings};

/// Rounding of times and probabilities in a timeline and a session.
const TOLERANCE: f64 = 1e-4;

/// Clips in several moods, for which the model's answers differ, 16 kHz.
fn moods() -> Vec<f32> {
    let clips = ["03a02Ta", "03a02Wc", "03a04Fd", "03a02Nc", "08a02Tb", "08a01Wa", "08a02Fe", "08a01Na"];
    clips.iter().flat_map(|clip| read_mono_resampled(&sample(&format!("{clip}.flac")), RATE).unwrap()).collect()
}

fn play(host: &mut Host, samples: &[f32], start_s: f64) {
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    host.play(samples, playing(start_s));
    host.deactivate();
}

fn voice_of(host: &Host) -> TrackVoice {
    host.monitor.voice(Clock::Host)
}

fn shown(host: &Host) -> Vec<Segment> {
    voice_of(host).shown_segments(&host.entries(Clock::Host)).into_owned()
}

/// Duration of the voice heard, seconds.
fn heard_s(host: &Host) -> f64 {
    voice_of(host).profile.map_or(0.0, |profile| profile.seconds())
}

/// The profile learnt from the blocks of these runs.
fn learnt_from(runs: &[&[f32]]) -> VoiceProfile {
    let correction = voice::correction_of(&Model::embedded()).unwrap();
    let mut profile = VoiceProfile::default();
    runs.iter().for_each(|run| voice::learn(&mut profile, &analysed(run, &settings()), &correction));
    profile
}

#[track_caller]
fn assert_heard(host: &Host, expected: &VoiceProfile) {
    let profile = voice_of(host).profile.unwrap();
    assert!((profile.seconds() - expected.seconds()).abs() < TOLERANCE, "{profile:?}, expected {expected:?}");
    assert!((profile.variety() - expected.variety()).abs() < TOLERANCE, "{profile:?}, expected {expected:?}");
}

#[test]
fn a_passage_that_is_played_again_reads_the_same_and_counts_once() {
    let moods = moods();
    let mut host = Host::inactive(settings());
    play(&mut host, &moods, 0.0);
    let (voice, first) = (voice_of(&host), shown(&host));
    assert!(voice.heard.unwrap().trust > 0.1, "{:?}", voice.heard);
    assert_ne!(first, host.entries(Clock::Host), "the timeline has what the network answered");
    play(&mut host, &moods, 0.0);
    assert_eq!(voice_of(&host), voice);
    assert_eq!(shown(&host), first);
    // Also part of it, in the middle of the rest.
    let [from, to] = [4.0, 12.0];
    play(&mut host, &moods[frame(from)..frame(to)], from);
    let new = voice_of(&host).heard.unwrap();
    assert!((new.seconds - voice.heard.unwrap().seconds).abs() < 3.0, "{new:?}, not {:?}", voice.heard);
}

#[test]
fn a_track_is_shown_as_the_command_shows_its_recording() {
    let moods = moods();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moods.wav");
    let format = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let mut writer = WavWriter::create(&path, format).unwrap();
    moods.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    let config = FileConfig { voice: VoiceChoice::OfFile, ..FileConfig::from(settings().analysis()) };
    let analysis = analyse_file(&path, &Model::embedded(), settings().backend, config, |_| ControlFlow::Continue(())).unwrap();
    let of_file = &analysis.results.voices[0];

    let mut host = Host::inactive(settings());
    play(&mut host, &moods, 0.0);
    let (found, heard) = (shown(&host), voice_of(&host).heard.unwrap());
    assert!((heard.seconds - of_file.heard.unwrap().seconds).abs() < TOLERANCE);
    assert!((heard.trust - of_file.heard.unwrap().trust).abs() < TOLERANCE);
    assert_eq!(found.len(), of_file.segments.len());
    for (found, expected) in found.iter().zip(&of_file.segments) {
        let probabilities = found.probabilities().map(|four| four.as_array().map(f64::from));
        let expected = expected.probabilities().map(|four| four.as_array().map(f64::from));
        assert_eq!(probabilities.is_some(), expected.is_some());
        for (found, expected) in probabilities.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < TOLERANCE, "{found}, expected {expected}");
        }
    }
}

#[test]
fn a_voice_is_held_learnt_on_and_learnt_anew() {
    let moods = moods();
    let (first, second) = moods.split_at(moods.len() / 2);
    let second_s = first.len() as f64 / f64::from(RATE);
    let mut host = Host::inactive(settings());
    play(&mut host, first, 0.0);
    assert_heard(&host, &learnt_from(&[first]));
    let learnt = voice_of(&host);

    host.control.set_voice_mode(VoiceMode::Hold);
    play(&mut host, second, second_s);
    assert_eq!(voice_of(&host), TrackVoice { mode: VoiceMode::Hold, ..learnt.clone() });
    host.control.set_voice_mode(VoiceMode::Off);
    assert_eq!(shown(&host), host.entries(Clock::Host));
    assert_eq!(voice_of(&host).profile, None);
    host.control.set_voice_mode(VoiceMode::Hold);
    assert_eq!(voice_of(&host).profile, learnt.profile, "what was held is held again");

    host.control.set_voice_mode(VoiceMode::Learn);
    assert_heard(&host, &learnt_from(&[first]));
    play(&mut host, second, second_s);
    assert_heard(&host, &learnt_from(&[first, second]));

    host.control.forget_voice();
    assert_eq!(heard_s(&host), 0.0);
    assert_eq!(shown(&host), host.entries(Clock::Host), "the timeline stays and is shown as it was found");
    play(&mut host, second, second_s);
    assert_heard(&host, &learnt_from(&[second]));
    host.control.clear();
    assert_eq!(heard_s(&host), 0.0);
    play(&mut host, first, 0.0);
    assert_heard(&host, &learnt_from(&[first]));
}

#[test]
fn a_session_keeps_what_was_learnt_and_what_was_not() {
    let moods = moods();
    let (first, second) = moods.split_at(moods.len() / 2);
    let second_s = first.len() as f64 / f64::from(RATE);
    let mut host = Host::inactive(settings());
    // Learnt and forgotten, learnt anew, then held: of the three parts played, the first and the last are not learnt from.
    play(&mut host, first, 100.0);
    host.control.forget_voice();
    play(&mut host, first, 0.0);
    host.control.set_voice_mode(VoiceMode::Hold);
    play(&mut host, first, 200.0);
    let held = reopened(&host);
    assert_eq!(voice_of(&held).mode, VoiceMode::Hold);
    assert_heard(&held, &learnt_from(&[first]));
    for host in [&mut host, &mut reopened(&held)] {
        host.control.set_voice_mode(VoiceMode::Learn);
        play(host, second, second_s);
        assert_heard(host, &learnt_from(&[first, second]));
        assert_heard(&reopened(host), &learnt_from(&[first, second]));
    }
}

/// Another instance with the saved session of `host`, once its model is loaded.
fn reopened(host: &Host) -> Host {
    let saved = serde_json::to_string(&host.monitor.saved_voice()).unwrap();
    let saved: SavedVoice = serde_json::from_str(&saved).unwrap();
    saved.validate().unwrap();
    let timelines = Timelines::decode(&host.monitor.timelines().encode()).unwrap();
    let other = Host::new(settings());
    other.control.restore_learnt(timelines, saved.learning.as_ref());
    other.control.choose_voice(saved);
    other.settle();
    other
}

#[test]
fn a_model_that_only_listened_while_the_host_stood_still_makes_nothing_forgotten() {
    let moods = moods();
    let mut host = Host::inactive(settings());
    play(&mut host, &moods, 0.0);
    let voice = voice_of(&host);
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    for model in [Some(repository().join("models/liquid-1/model.onnx")), None] {
        host.control.use_model(model, Asked::ByUser);
        host.play(&moods[..frame(3.0)], Transport::Stopped);
    }
    host.deactivate();
    assert_eq!(voice_of(&host), voice);
}

#[test]
fn answers_of_another_model_are_not_learnt_from() {
    let moods = moods();
    let mut host = Host::inactive(settings());
    play(&mut host, &moods, 0.0);
    let timelines = host.monitor.timelines();
    let held = LearntVoice::new(voice_of(&host).profile.unwrap(), &Model::embedded());

    let old = repository().join("models/liquid-1/model.onnx");
    host.control.use_model(Some(old), Asked::ByUser);
    play(&mut host, &moods[..frame(4.0)], 100.0);
    let voice = voice_of(&host);
    assert!(!voice.is_possible && voice.profile.is_none(), "it corrects nothing");
    assert_eq!(shown(&host), host.entries(Clock::Host));
    host.control.set_voice_mode(VoiceMode::Hold);
    assert_eq!(voice_of(&host).mode, VoiceMode::Learn, "there is nothing to hold");
    host.control.use_model(None, Asked::ByUser);
    play(&mut host, &moods[..frame(8.0)], 200.0);
    assert_heard(&host, &learnt_from(&[&moods[..frame(8.0)]]));

    // A timeline whose model is unknown.
    host.control.restore(timelines.clone());
    assert_eq!(heard_s(&host), 0.0);
    assert_eq!(shown(&host), timelines.host.entries());
    play(&mut host, &moods[..frame(8.0)], 200.0);
    assert_heard(&host, &learnt_from(&[&moods[..frame(8.0)]]));

    // A voice learnt by another model.
    let text = serde_json::to_string(&held).unwrap();
    let other: LearntVoice = serde_json::from_str(&text.replace(Model::embedded().fingerprint(), &"0".repeat(64))).unwrap();
    host.control.hold_voice(other);
    let voice = voice_of(&host);
    assert!(voice.refusal.as_ref().unwrap().contains("learn it again with this one"), "{:?}", voice.refusal);
    assert_eq!(shown(&host), host.entries(Clock::Host));
    host.control.hold_voice(held.clone());
    assert_eq!(voice_of(&host).profile, Some(held.profile_for(&Model::embedded()).unwrap()));
}
