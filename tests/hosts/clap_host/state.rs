//! What a project stores, and how a damaged project is handled.

use moodline_engine::timeline::Clock;
use serde_json::{Value, json};
use test_support::clap::{SavedState, Track, load, with_length};

use crate::hosted::reference::recorded;

/// A state saved by version 0.1.0, with no value at its default and with a recording.
const VERSION_0_1_0: &str = include_str!("../../golden/state/0.1.0.json");

/// The values in that state, as the host sees them: numbers from 0 to 1, choices counted from 0.
const HELD: [(&str, f64); 10] = [
    ("bypass", 1.0),
    ("hold", 1.0),
    ("source", 4.0),
    ("window", (7.5 - 2.0) / 8.0),
    ("hop", (1.25 - 0.25) / 4.75),
    ("smoothing", 0.25),
    ("gate", 0.6875),
    ("confidence", 0.55),
    ("follow", 0.0),
    ("backend", 2.0),
];

fn saved_by_0_1_0() -> Value {
    serde_json::from_str(VERSION_0_1_0).unwrap()
}

fn bytes(state: &Value) -> Vec<u8> {
    SavedState(state.clone()).bytes()
}

/// The whole state, which is stable: nothing runs in these tests.
fn all_of(track: &mut Track) -> Value {
    SavedState::parse(&track.save()).0
}

#[test]
fn the_state_of_version_0_1_0_loads() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    assert!(track.restore(&bytes(&saved_by_0_1_0())));
    for (id, expected) in HELD {
        assert!((track.value(id) - expected).abs() < 1e-6, "{id}: {}, expected {expected}", track.value(id));
    }
    let session = SavedState(all_of(&mut track)).field("session");
    assert_eq!(session["theme"], "light");
    assert_eq!(session["style"], "lines");
    let timelines = track.timelines();
    assert_eq!((timelines.host.entries().len(), timelines.stream.entries().len()), (3, 1));
}

#[test]
fn saving_and_loading_gives_the_same_state() {
    let Some(entry) = load() else { return };
    let (mut one, mut other) = (Track::new(&entry), Track::new(&entry));
    one.set(&[("window", 0.25), ("backend", 2.0), ("follow", 0.0), ("gate", 0.5)]);
    one.play(48e3, 2, 512, |player| player.play(&vec![0.1; 7 * 48_000]));
    recorded(&mut one, Clock::Stream, 7.0);
    let saved = one.save();
    assert!(other.restore(&saved));
    assert_eq!(all_of(&mut other), SavedState::parse(&saved).0);
    assert!(!other.timelines().stream.entries().is_empty(), "what was heard is part of the state");
}

#[test]
fn what_older_and_newer_versions_lack_or_add_is_no_error() {
    let Some(entry) = load() else { return };
    let mut without_parameters = saved_by_0_1_0();
    without_parameters["params"] = json!({ "hop": { "f32": 1.25 } });
    let mut without_fields = saved_by_0_1_0();
    without_fields["fields"] = json!({});
    let mut with_more = saved_by_0_1_0();
    with_more["version"] = json!("9.9.9");
    with_more["params"]["colour"] = json!({ "f32": 1e30 });
    with_more["fields"]["future"] = json!("not even JSON {");
    with_more["fields"]["session"] = json!(r#"{"theme":"light","unheard_of":[1,2,3]}"#);
    with_more["more"] = json!([]);
    for state in [without_parameters, without_fields, with_more] {
        let mut track = Track::new(&entry);
        assert!(track.restore(&bytes(&state)), "{state}");
        assert!((track.value("hop") - 1.0 / 4.75).abs() < 1e-6, "{state}");
    }
}

/// Data that is not a state at all, each with the reason.
fn not_even_a_state() -> Vec<(&'static str, Vec<u8>)> {
    let good = bytes(&saved_by_0_1_0());
    let mut longer_than_it_is = good.clone();
    longer_than_it_is[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let text = |text: &str| with_length(text.as_bytes());
    vec![
        ("empty", Vec::new()),
        ("no length", b"nonsen".to_vec()),
        ("no JSON", b"nonsense, and some more of it".to_vec()),
        ("cut in the length", good[..5].to_vec()),
        ("cut after the length", good[..8].to_vec()),
        ("cut in the middle", good[..good.len() / 2].to_vec()),
        ("cut at the end", good[..good.len() - 1].to_vec()),
        ("an absurd length", longer_than_it_is),
        ("an array", text("[]")),
        ("a number", text("5")),
        ("nothing", text("null")),
        ("an empty object", text("{}")),
        ("parameters that are a list", text(r#"{"version":"0.1.0","params":[],"fields":{}}"#)),
        ("a parameter that is a bare number", text(r#"{"version":"0.1.0","params":{"hop":1},"fields":{}}"#)),
        ("a field that is no string", text(r#"{"version":"0.1.0","params":{},"fields":{"session":{}}}"#)),
        ("nested too deeply", text(&"[".repeat(100_000))),
        ("bytes that are no text", with_length(&[0xff; 1000])),
    ]
}

/// States with valid structure and invalid contents, each with the reason.
fn wrong_inside() -> Vec<(String, Value)> {
    let mut states = Vec::new();
    let mut parameter = |id: &str, value: Value| {
        let mut state = saved_by_0_1_0();
        state["params"][id] = value.clone();
        states.push((format!("{id} = {value}"), state));
    };
    parameter("window", json!({ "f32": 1.99 }));
    parameter("window", json!({ "f32": 1e30 }));
    parameter("window", json!({ "i32": 5 }));
    parameter("window", json!({ "string": "5" }));
    parameter("hop", json!({ "f32": 0.0 }));
    parameter("smoothing", json!({ "f32": -1.0 }));
    parameter("gate", json!({ "f32": 1.0 }));
    parameter("confidence", json!({ "f32": 1.5 }));
    parameter("confidence", json!({ "bool": true }));
    parameter("bypass", json!({ "f32": 1.0 }));
    parameter("follow", json!({ "string": "true" }));
    parameter("source", json!({ "string": "top" }));
    parameter("source", json!({ "i32": 99 }));
    parameter("backend", json!({ "bool": false }));
    let mut field = |name: &str, text: &str| {
        let mut state = saved_by_0_1_0();
        state["fields"][name] = json!(text);
        let shown: String = text.chars().take(40).collect();
        states.push((format!("{name} = {shown}"), state));
    };
    field("session", "");
    field("session", "5");
    field("session", r#"{"theme":"purple"}"#);
    field("session", r#"{"model":17}"#);
    field("session", r#"{"window_size":[0]}"#);
    field("timeline", "");
    field("timeline", "{}");
    field("timeline", "\"\"");
    field("timeline", "\"no base64!\"");
    field("timeline", &format!("\"{}\"", "A".repeat(3_000_000)));
    field("voice", "5");
    field("voice", r#"{"mode":"loud"}"#);
    field("voice", r#"{"mode":"hold","held":null}"#);
    field("voice", r#"{"held":{"version":2}}"#);
    field("voice", r#"{"learning":{"model_fingerprint":"","except_host":[[5.0,4.0]],"except_stream":[]}}"#);
    let good = saved_by_0_1_0();
    let timeline = good["fields"]["timeline"].as_str().unwrap();
    let half = &timeline[1..timeline.len() / 2 / 4 * 4 + 1];
    field("timeline", &format!("\"{half}\""));
    states
}

#[test]
fn garbage_changes_nothing() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    track.set(&[("window", 0.5), ("backend", 2.0), ("follow", 0.0)]);
    track.play(48e3, 2, 512, |player| player.play(&vec![0.1; 6 * 48_000]));
    recorded(&mut track, Clock::Stream, 6.0);
    let before = all_of(&mut track);
    for (what, state) in not_even_a_state() {
        assert!(!track.restore(&state), "taken: {what}");
        assert_eq!(all_of(&mut track), before, "{what}");
    }
    for (what, state) in wrong_inside() {
        assert!(!track.restore(&bytes(&state)), "taken: {what}");
        assert_eq!(all_of(&mut track), before, "{what}");
    }
    assert!(track.restore(&bytes(&saved_by_0_1_0())), "a good state loads after all that");
}

#[test]
fn a_state_can_be_loaded_while_audio_runs() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    let saved = bytes(&saved_by_0_1_0());
    for _ in 0..10 {
        track.play(48e3, 2, 512, |player| player.play(&[0.1; 48_000]));
        assert!(track.restore(&saved));
        let again = track.save();
        assert!(track.restore(&again));
    }
}
