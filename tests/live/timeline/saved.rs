//! Timelines as text in a session.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use moodline_core::Probabilities;
use moodline_engine::timeline::{CAPACITY, Clock, DecodeTimelineError, MAX_TEXT_BYTES, Timeline, Timelines};
use moodline_engine::{GapReason, Segment, State};
use proptest::prelude::*;

use super::{apply, changes, check_order, n_uncovered, record};

/// One part in 65535, plus the error of `f32`.
const TOLERANCE: f32 = 1.6e-5;

#[track_caller]
fn assert_same(found: &Timeline, expected: &Timeline) {
    assert_eq!(found.entries().len(), expected.entries().len());
    for (found, expected) in found.entries().iter().zip(expected.entries()) {
        assert_eq!((found.start_s, found.end_s), (expected.start_s, expected.end_s));
        match (found.state, expected.state) {
            (State::Speech(found), State::Speech(expected)) | (State::Unfamiliar(found), State::Unfamiliar(expected)) => {
                assert_eq!(found.winner(), expected.winner());
                let errors = found.as_array().iter().zip(expected.as_array()).map(|(a, b)| (a - b).abs());
                assert!(errors.fold(0.0, f32::max) <= TOLERANCE, "{found:?}, expected {expected:?}");
            }
            (found, expected) => assert_eq!(found, expected),
        }
    }
}

fn some_timelines() -> Timelines {
    let mut timelines = Timelines::default();
    record(&mut timelines.host, -3.0, 200, 5.0, 0.5);
    for (index, reason) in
        [GapReason::Overrun, GapReason::Bypass, GapReason::Failure, GapReason::NotFinite].into_iter().enumerate()
    {
        timelines.host.insert_gap(200.0 + index as f64, 200.5 + index as f64, reason);
    }
    record(&mut timelines.stream, 0.0, 50, 2.0, 0.25);
    let unlike = State::Unfamiliar(Probabilities::new([0.5, 0.25, 0.125, 0.125]).unwrap());
    timelines.stream.insert_segment(60.0, 62.0, 0.25, unlike);
    timelines
}

/// The text of an arbitrary payload.
fn text_of(version: u8, payload: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(vec![version], Compression::default());
    encoder.write_all(payload).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

proptest! {
    #[test]
    fn what_is_saved_comes_back_and_is_saved_alike(
        host in prop::collection::vec(changes(), 0..60),
        stream in prop::collection::vec(changes(), 0..60),
    ) {
        let mut timelines = Timelines::default();
        host.iter().for_each(|change| apply(&mut timelines.host, change));
        stream.iter().for_each(|change| apply(&mut timelines.stream, change));
        let text = timelines.encode();
        let decoded = Timelines::decode(&text).unwrap();
        for clock in [Clock::Host, Clock::Stream] {
            assert_same(decoded.on(clock), timelines.on(clock));
        }
        prop_assert_eq!(decoded.encode(), text, "saving again and again changes nothing");
        prop_assert_eq!(&Timelines::decode(&decoded.encode()).unwrap(), &decoded);
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Timelines::decode(&String::from_utf8_lossy(&bytes)).is_err());
        prop_assert!(Timelines::decode(&STANDARD.encode(&bytes)).is_err());
    }

    #[test]
    fn a_hostile_payload_is_refused_or_is_a_timeline(payload in prop::collection::vec(0..20_u8, 0..300)) {
        if let Ok(timelines) = Timelines::decode(&text_of(1, &payload)) {
            check_order(&timelines.host);
            check_order(&timelines.stream);
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_is_a_timeline(at in 0.0..1.0_f64, value in any::<u8>()) {
        let mut bytes = STANDARD.decode(some_timelines().encode()).unwrap();
        let index = (at * bytes.len() as f64) as usize;
        bytes[index] = value;
        if let Ok(timelines) = Timelines::decode(&STANDARD.encode(&bytes)) {
            check_order(&timelines.host);
            check_order(&timelines.stream);
        }
    }
}

#[test]
fn every_kind_of_entry_survives() {
    let timelines = some_timelines();
    let decoded = Timelines::decode(&timelines.encode()).unwrap();
    assert_same(&decoded.host, &timelines.host);
    assert_same(&decoded.stream, &timelines.stream);
    assert_eq!(Timelines::decode(&Timelines::default().encode()).unwrap(), Timelines::default());
}

#[test]
fn a_cut_text_is_refused() {
    let text = some_timelines().encode();
    for length in 0..text.len() {
        assert!(Timelines::decode(&text[..length]).is_err(), "{length} bytes");
    }
    let mut bytes = STANDARD.decode(&text).unwrap();
    bytes.push(0);
    assert!(Timelines::decode(&STANDARD.encode(bytes)).is_err(), "nothing may follow");
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let refusal = |text: &str| Timelines::decode(text).unwrap_err();
    assert!(matches!(refusal(""), DecodeTimelineError::Version { expected: 1, found: None }));
    assert!(matches!(refusal("%%%"), DecodeTimelineError::NotBase64 { .. }));
    assert!(matches!(refusal(&text_of(2, &[0, 0])), DecodeTimelineError::Version { expected: 1, found: Some(2) }));
    assert!(matches!(refusal(&STANDARD.encode([1, 0xff, 0xff])), DecodeTimelineError::Compression { .. }));
    assert!(matches!(refusal(&"A".repeat(MAX_TEXT_BYTES + 1)), DecodeTimelineError::TooLong { .. }));
    assert!(refusal(&text_of(2, &[])).to_string().contains("version 1, found 2"));
    // Two empty timelines, and one byte too many.
    assert!(Timelines::decode(&text_of(1, &[0, 0])).is_ok());
    assert!(matches!(refusal(&text_of(1, &[0, 0, 0])), DecodeTimelineError::Content { .. }));
    // One entry without speech: kind 1, start 0, length; 2 stands for 1 microsecond and 1 for -1.
    assert!(Timelines::decode(&text_of(1, &[1, 1, 0, 2, 0])).is_ok());
    for (what, payload) in [
        ("unknown kind", vec![1, 6, 0, 2, 0]),
        ("no length", vec![1, 1, 0, 0, 0]),
        ("negative length", vec![1, 1, 0, 1, 0]),
        ("missing column", vec![1, 1, 0]),
        ("probabilities that sum to 0", vec![1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("number without an end", vec![0xff; 12]),
    ] {
        assert!(matches!(refusal(&text_of(1, &payload)), DecodeTimelineError::Content { .. }), "{what}");
    }
    // Far more entries announced than bytes.
    assert!(matches!(refusal(&text_of(1, &[0xff, 0xff, 0xff, 0xff, 0x0f])), DecodeTimelineError::Content { .. }));
    // The second entry starts before the first.
    assert!(matches!(refusal(&text_of(1, &[2, 1, 1, 8, 11, 2, 0, 0])), DecodeTimelineError::Content { .. }));
    // A time beyond the range of numbers.
    let far = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let payload: Vec<u8> = [1, 1].into_iter().chain(far).chain([2, 0]).collect();
    assert!(matches!(refusal(&text_of(1, &payload)), DecodeTimelineError::Content { .. }));
}

#[test]
fn a_bomb_does_not_go_off() {
    let mut encoder = DeflateEncoder::new(vec![1_u8], Compression::best());
    let zeros = vec![0_u8; 1 << 20];
    for _ in 0..512 {
        encoder.write_all(&zeros).unwrap();
    }
    let text = STANDARD.encode(encoder.finish().unwrap());
    assert!(text.len() < MAX_TEXT_BYTES, "{}", text.len());
    assert!(matches!(Timelines::decode(&text), Err(DecodeTimelineError::TooLarge { .. })));
}

#[test]
fn four_hours_fit_and_two_full_timelines_are_thinned_to_fit() {
    let mut timelines = Timelines::default();
    record(&mut timelines.host, 0.0, CAPACITY, 5.0, 0.25);
    let text = timelines.encode();
    assert!(text.len() <= MAX_TEXT_BYTES, "{}", text.len());
    assert_same(&Timelines::decode(&text).unwrap().host, &timelines.host);
    record(&mut timelines.stream, 1000.0, CAPACITY, 2.0, 0.25);
    let text = timelines.encode();
    assert!(text.len() <= MAX_TEXT_BYTES, "{}", text.len());
    let decoded = Timelines::decode(&text).unwrap();
    for clock in [Clock::Host, Clock::Stream] {
        let (found, whole) = (decoded.on(clock), timelines.on(clock));
        assert_eq!(found.bounds(), whole.bounds());
        let (start_s, end_s) = whole.bounds().unwrap();
        assert_eq!(n_uncovered(found, start_s, end_s), 0);
        assert!(found.entries().len() > CAPACITY / 2);
    }
    let all = |timelines: &Timelines| -> Vec<Segment> { timelines.stream.entries().to_vec() };
    assert_eq!(all(&timelines).len(), CAPACITY, "what is in memory stays whole");
}
