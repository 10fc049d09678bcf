//! The recording, as a host gets it from the saved state.

use moodline_engine::timeline::{Clock, Timeline};
use moodline_engine::{GapReason, Segment, State};

use super::in_both_hosts;
use super::reference::{MONO, analysed, assert_same, frame, recorded, speech};
use crate::host::{Host, HostedPlayer as _, HostedTrack as _, Mode, Setup, Transport};

in_both_hosts!(
    a_minute_rendered_offline_is_what_the_command_finds,
    without_a_transport_it_is_recorded_on_its_own_clock,
    a_loop_replaces_its_passage_and_nothing_else,
    what_is_no_number_becomes_a_gap_and_never_a_result,
);

/// A track that renders offline, with the native backend.
fn rendering<H: Host>(host: &H) -> H::Track {
    let mut track = host.track();
    track.set("backend", 1.0);
    track.set_mode(Mode::Offline);
    track
}

fn a_minute_rendered_offline_is_what_the_command_finds<H: Host>() {
    let Some(host) = H::load() else { return };
    let samples = speech(60.0);
    let expected = analysed(&samples);
    assert!(expected.iter().any(|segment| matches!(segment.state, State::Speech(_))), "the sample is speech");
    for (n_channels, max_frames) in [(2, 512), (1, 8192), (6, 37)] {
        let mut track = rendering(&host);
        track.play(&Setup { n_channels, max_frames, ..MONO }, |player| {
            player.locate(Transport::Playing(0));
            player.play(&samples);
        });
        assert_same(&recorded(&mut track, Clock::Host, 60.0), &expected);
        assert!(track.timelines().stream.entries().is_empty());
    }
}

fn without_a_transport_it_is_recorded_on_its_own_clock<H: Host>() {
    let Some(host) = H::load() else { return };
    let samples = speech(20.0);
    let mut track = rendering(&host);
    track.play(&MONO, |player| player.play(&samples));
    assert_same(&recorded(&mut track, Clock::Stream, 20.0), &analysed(&samples));
    assert!(track.timelines().host.entries().is_empty());
}

/// The entries that start in `from..to`, seconds.
fn starting_in(timeline: &Timeline, from: f64, to: f64) -> Vec<Segment> {
    timeline.entries().iter().filter(|entry| (from..to).contains(&entry.start_s)).copied().collect()
}

fn a_loop_replaces_its_passage_and_nothing_else<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = rendering(&host);
    track.play(&MONO, |player| {
        player.locate(Transport::Playing(0));
        player.play(&speech(40.0));
    });
    let first = recorded(&mut track, Clock::Host, 40.0);

    // Three passes of a loop from 10 s to 20 s, which now contains silence.
    track.play(&MONO, |player| {
        for _ in 0..3 {
            player.locate(Transport::Playing(frame(10.0) as i64));
            player.play(&vec![0.0; frame(10.0)]);
        }
        // Once this is recorded, so is everything before it.
        player.locate(Transport::Playing(frame(40.0) as i64));
        player.play(&vec![0.0; frame(1.0)]);
    });
    let second = recorded(&mut track, Clock::Host, 41.0);
    assert_eq!(starting_in(&second, 0.0, 10.0), starting_in(&first, 0.0, 10.0));
    assert_eq!(starting_in(&second, 20.0, 40.0), starting_in(&first, 20.0, 40.0));
    let looped = starting_in(&second, 10.0, 15.0);
    assert!(!looped.is_empty());
    for entry in looped {
        assert_eq!(entry.state, State::NoSpeech, "at {} s", entry.start_s);
    }
}

fn what_is_no_number_becomes_a_gap_and_never_a_result<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut samples = speech(30.0);
    let broken = frame(12.0);
    samples[broken] = f32::NAN;
    samples[broken + 1] = f32::INFINITY;
    samples[broken + 2] = f32::from_bits(1);
    let mut track = rendering(&host);
    track.play(&MONO, |player| {
        player.locate(Transport::Playing(0));
        player.play(&samples);
    });
    let timeline = recorded(&mut track, Clock::Host, 30.0);
    let is_gap = |entry: &&Segment| entry.state == State::Gap(GapReason::NotFinite);
    let gap = timeline.entries().iter().find(is_gap).expect("there is a gap");
    assert!((gap.start_s..=gap.end_s).contains(&12.0) && gap.end_s - gap.start_s < 1.0, "{gap:?}");
    for entry in timeline.entries() {
        if let State::Speech(probabilities) = entry.state {
            assert!(probabilities.as_array().iter().all(|probability| probability.is_finite()), "{entry:?}");
            assert!(entry.end_s <= gap.start_s + 1e-3 || entry.start_s >= gap.end_s - 1e-3, "{entry:?} hears the gap {gap:?}");
        }
    }
    assert!(timeline.entries().iter().any(|entry| entry.start_s > 12.5), "it goes on after the gap");
}
