//! Segments are at the host's positions.

use moodline_engine::GapReason;
use moodline_engine::live::{Source, StreamFormat, Transport};
use moodline_engine::timeline::Clock;

use crate::host::{BUFFER, Host, RATE, analysed, assert_found, found, frame, playing, settings, speech};

#[test]
fn what_plays_is_recorded_at_the_hosts_time_and_equals_the_analysis_of_a_file() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech, playing(100.0));
    assert_eq!(host.monitor.playhead(), Some(120.0));
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech, &settings()), 100.0);
    assert!(host.segments(Clock::Stream).is_empty());
    assert_eq!(host.monitor.clock(), Clock::Host);
    assert!(host.gaps(Clock::Host).is_empty());
    let latest = host.monitor.status().latest.unwrap();
    assert_eq!(Some(&found(&latest)), host.segments(Clock::Host).last());
}

#[test]
fn without_a_transport_the_streams_own_clock_counts_on() {
    let speech = speech();
    let (first, second) = speech.split_at(frame(5.0));
    let mut host = Host::new(settings());
    host.play(first, Transport::None);
    host.deactivate();
    assert_found(&host.segments(Clock::Stream), &analysed(first, &settings()), 0.0);
    assert_eq!(host.monitor.clock(), Clock::Stream);
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    host.play(second, Transport::None);
    host.deactivate();
    let recorded = host.segments(Clock::Stream);
    let n_first = analysed(first, &settings()).len();
    assert_found(&recorded[n_first..], &analysed(second, &settings()), 5.0);
    host.control.clear();
    assert!(host.segments(Clock::Stream).is_empty());
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    host.play(first, Transport::None);
    host.deactivate();
    assert_found(&host.segments(Clock::Stream), &analysed(first, &settings()), 0.0);
}

#[test]
fn a_restored_session_is_not_recorded_over() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(6.0)], Transport::None);
    host.deactivate();
    let saved = host.monitor.timelines();
    let mut other = Host::new(settings());
    other.control.restore(saved.clone());
    assert_eq!(other.monitor.clock(), Clock::Stream, "what was restored is looked at before any audio comes");
    other.play(&speech[..frame(4.0)], Transport::None);
    other.deactivate();
    let recorded = other.segments(Clock::Stream);
    assert_eq!(recorded[..saved.stream.entries().len()], host.segments(Clock::Stream));
    assert_found(&recorded[saved.stream.entries().len()..], &analysed(&speech[..frame(4.0)], &settings()), 6.0);
}

#[test]
fn a_reset_forgets_what_was_heard_before_it_and_records_on() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(4.3)], playing(0.0));
    host.control.clear();
    assert!(host.entries(Clock::Host).is_empty() && host.monitor.status().latest.is_none());
    host.settle();
    host.play(&speech[frame(4.3)..frame(9.0)], playing(4.3));
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech[frame(4.3)..frame(9.0)], &settings()), 4.3);
    assert!(host.gaps(Clock::Host).is_empty());
}

#[test]
fn a_loop_replaces_its_own_passage_each_time() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(12.0)], playing(0.0));
    host.deactivate();
    let before = host.segments(Clock::Host);
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    for pass in 1..4 {
        host.play(&speech[frame(f64::from(pass))..][..frame(4.0)], playing(4.0));
    }
    host.deactivate();
    let recorded = host.segments(Clock::Host);
    let last_pass = analysed(&speech[frame(3.0)..][..frame(4.0)], &settings());
    let inside = |start_s: f64| (4.0..=last_pass.last().unwrap().start_s + 4.0).contains(&start_s);
    let looped: Vec<_> = recorded.iter().copied().filter(|segment| inside(segment.0)).collect();
    assert_found(&looped, &last_pass, 4.0);
    let around: Vec<_> = recorded.iter().copied().filter(|segment| !inside(segment.0)).collect();
    let kept: Vec<_> = before.iter().copied().filter(|segment| !inside(segment.0)).collect();
    assert_eq!(around, kept, "what was not played again is as it was");
}

#[test]
fn punching_in_replaces_the_middle_only() {
    let speech = speech();
    let silence = vec![0.0; frame(5.0)];
    let mut host = Host::new(settings());
    host.play(&speech, playing(0.0));
    host.deactivate();
    let before = host.segments(Clock::Host);
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    host.play(&silence, playing(8.0));
    host.deactivate();
    let after = host.segments(Clock::Host);
    let punched = analysed(&silence, &settings());
    let end_s = 8.0 + punched.last().unwrap().start_s + 0.5;
    assert_found(&after.iter().copied().filter(|segment| (8.0..end_s).contains(&segment.0)).collect::<Vec<_>>(), &punched, 8.0);
    let outside = |segments: &[(f64, f64, _)]| segments.iter().copied().filter(|s| s.0 < 8.0 || s.0 >= end_s).collect::<Vec<_>>();
    assert_eq!(outside(&after), outside(&before));
}

#[test]
fn scrubbing_leaves_nothing_behind_and_records_where_it_ends() {
    let speech = speech();
    let mut host = Host::new(settings());
    for step in 0..60 {
        let position = 50.0 + 0.9 * f64::from(step * 7 % 11);
        host.play(&speech[step as usize * BUFFER..][..BUFFER], playing(position));
    }
    host.play(&speech[..frame(3.0)], playing(30.0));
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech[..frame(3.0)], &settings()), 30.0);
    assert!(host.gaps(Clock::Host).is_empty());
}

#[test]
fn a_change_of_tempo_moves_nothing() {
    // Positions are frames: with another tempo, a host plays other beats at the same frames, and rounds them.
    let speech = speech();
    let mut host = Host::new(settings());
    for (index, buffer) in speech.chunks(BUFFER).enumerate() {
        let rounding = [0, 1, -1, 7][index % 4];
        host.play(buffer, Transport::Playing((index * BUFFER) as i64 + rounding));
    }
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech, &settings()), 0.0);
}

#[test]
fn a_host_that_stands_still_is_heard_but_not_recorded() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(5.0)], playing(10.0));
    let recorded = host.segments(Clock::Host);
    assert!(!recorded.is_empty());
    host.play(&vec![0.0; frame(5.0)], Transport::Stopped);
    let latest = host.monitor.status().latest.unwrap();
    assert_eq!(latest.emotion(), None, "the live reading goes on");
    let ended = host.segments(Clock::Host);
    assert_eq!(ended[..recorded.len()], recorded);
    assert!(ended.iter().all(|segment| segment.1 <= 15.0));
    host.play(&speech[..frame(3.0)], playing(20.0));
    host.deactivate();
    let again: Vec<_> = host.segments(Clock::Host).into_iter().filter(|segment| segment.0 >= 20.0).collect();
    assert_found(&again, &analysed(&speech[..frame(3.0)], &settings()), 20.0);
    assert!(host.gaps(Clock::Host).is_empty() && host.segments(Clock::Stream).is_empty());
}

#[test]
fn switching_follow_off_goes_on_at_the_streams_time_and_loses_nothing() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(4.0)], playing(60.0));
    host.play(&speech[frame(4.0)..frame(8.0)], Transport::None);
    assert_eq!((host.monitor.clock(), host.monitor.playhead()), (Clock::Stream, Some(4.0)));
    host.play(&speech[..frame(4.0)], playing(70.0));
    host.deactivate();
    assert_found(&host.segments(Clock::Stream), &analysed(&speech[frame(4.0)..frame(8.0)], &settings()), 0.0);
    let first = analysed(&speech[..frame(4.0)], &settings());
    let recorded = host.segments(Clock::Host);
    assert_found(&recorded[..first.len()], &first, 60.0);
    assert_found(&recorded[first.len()..], &first, 70.0);
}

#[test]
fn bypass_is_a_gap_unless_something_is_recorded_there() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(4.0)], playing(0.0));
    for step in 0..100 {
        host.bypass(frame(0.03), playing(4.0 + 0.03 * f64::from(step)));
    }
    assert_eq!(host.monitor.status().latest, None, "nothing stale is shown");
    host.play(&speech[..frame(3.0)], playing(7.0));
    assert_eq!(host.gaps(Clock::Host), [(4.0, 7.0, GapReason::Bypass)]);
    let recorded = host.entries(Clock::Host);
    host.bypass(frame(5.0), playing(1.0));
    host.deactivate();
    assert_eq!(host.entries(Clock::Host)[..recorded.len()], recorded);
}

#[test]
fn another_source_is_another_run() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(4.0)], playing(0.0));
    host.source = Source::Side;
    host.play(&speech[frame(4.0)..frame(8.0)], playing(4.0));
    host.deactivate();
    let recorded = host.segments(Clock::Host);
    let first = analysed(&speech[..frame(4.0)], &settings());
    assert_found(&recorded[..first.len()], &first, 0.0);
    assert_found(&recorded[first.len()..], &analysed(&vec![0.0; frame(4.0)], &settings()), 4.0);
}

#[test]
fn a_run_of_less_than_half_a_second_leaves_no_segment() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(0.45)], playing(0.0));
    host.play(&speech[..frame(0.55)], playing(10.0));
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech[..frame(0.55)], &settings()), 10.0);
}
