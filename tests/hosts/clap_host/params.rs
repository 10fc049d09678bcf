//! The parameters as seen by hosts.

use std::ffi::CString;

use clack_extensions::params::{ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_host::prelude::InputEvents;
use test_support::clap::{Track, load, param_id, set_event};

/// Id, name, number of steps (`None` for a continuous one), and the default as text: existing projects rely on all of it.
const EXPECTED: [(&str, &str, Option<u32>, &str); 10] = [
    ("bypass", "Bypass", Some(1), "Not Bypassed"),
    ("hold", "Hold", Some(1), "Off"),
    ("source", "Source", Some(4), "Mix"),
    ("window", "Window", None, "5.0 s"),
    ("hop", "Hop", None, "0.50 s"),
    ("smoothing", "Smoothing", None, "Off"),
    ("gate", "Gate threshold", None, "-80 dBFS"),
    ("confidence", "Confidence threshold", None, "57 %"),
    ("follow", "Follow transport", Some(1), "On"),
    ("backend", "Backend", Some(2), "Auto"),
];

/// Text that a user may type, and how it is then displayed.
const TYPED: [(&str, &str, &str); 16] = [
    ("bypass", "bypassed", "Bypassed"),
    ("source", "Side", "Side"),
    ("window", "7.5 s", "7.5 s"),
    ("window", "3", "3.0 s"),
    ("window", " 2.5 S ", "2.5 s"),
    ("hop", "1.25", "1.25 s"),
    ("hop", "99 s", "5.00 s"),
    ("smoothing", "off", "Off"),
    ("smoothing", "0", "Off"),
    ("smoothing", "2.5 s", "2.5 s"),
    ("gate", "-45 dBFS", "-45 dBFS"),
    ("gate", "-45", "-45 dBFS"),
    ("gate", "-50 dB", "-50 dBFS"),
    ("confidence", "55 %", "55 %"),
    ("confidence", "12", "12 %"),
    ("backend", "ONNX Runtime", "ONNX Runtime"),
];

fn text_of(track: &mut Track, id: &str, value: f64) -> String {
    track.with(|params: &PluginParams, handle| {
        let mut buffer = [0; 256];
        let text = params.value_to_text(handle, param_id(id), value, &mut buffer).unwrap();
        String::from_utf8(text.to_vec()).unwrap()
    })
}

fn value_of(track: &mut Track, id: &str, text: &str) -> Option<f64> {
    let text = CString::new(text).unwrap();
    track.with(|params: &PluginParams, handle| params.text_to_value(handle, param_id(id), &text))
}

#[test]
fn ids_order_names_and_defaults_are_those_of_every_project() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    let found: Vec<_> = track.values();
    assert_eq!(found.len(), EXPECTED.len());
    for ((id, name, _), (expected_id, expected_name, _, _)) in found.iter().zip(EXPECTED) {
        assert_eq!((*id, name.as_str()), (param_id(expected_id), expected_name));
    }
    for (index, (id, _, n_steps, default)) in EXPECTED.into_iter().enumerate() {
        let (flags, min, max, value) = track.with(|params: &PluginParams, handle| {
            let mut buffer = ParamInfoBuffer::new();
            let info = params.get_info(handle, index as u32, &mut buffer).unwrap();
            (info.flags, info.min_value, info.max_value, info.default_value)
        });
        assert_eq!((min, max), (0.0, n_steps.map_or(1.0, f64::from)), "{id}");
        assert_eq!(flags.contains(ParamInfoFlags::IS_STEPPED), n_steps.is_some(), "{id}");
        assert_eq!(flags.contains(ParamInfoFlags::IS_BYPASS), id == "bypass", "{id}");
        assert_eq!(flags.contains(ParamInfoFlags::IS_AUTOMATABLE), id != "backend", "{id}");
        assert!(!flags.contains(ParamInfoFlags::IS_READONLY), "{id}");
        assert_eq!(text_of(&mut track, id, value), default);
    }
}

#[test]
fn typed_text_is_understood() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    for (id, typed, shown) in TYPED {
        let value = value_of(&mut track, id, typed).unwrap_or_else(|| panic!("{id} understands \"{typed}\""));
        assert_eq!(text_of(&mut track, id, value), shown, "{id}: {typed}");
    }
    for (id, nonsense) in
        [("window", "long"), ("gate", ""), ("gate", "nan"), ("hop", "inf s"), ("source", "top"), ("confidence", "%")]
    {
        assert_eq!(value_of(&mut track, id, nonsense), None, "{id}: \"{nonsense}\"");
    }
}

#[test]
fn every_value_survives_its_text() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    for (id, _, n_steps, _) in EXPECTED {
        let max = n_steps.map_or(1.0, f64::from);
        for step in 0..=200 {
            let value = max * f64::from(step) / 200.0;
            let value = if n_steps.is_some() { value.round() } else { value };
            let text = text_of(&mut track, id, value);
            let parsed = value_of(&mut track, id, &text).unwrap();
            assert_eq!(text_of(&mut track, id, parsed), text, "{id} {value}");
        }
    }
}

#[test]
fn automation_reaches_the_parameter_and_nothing_else() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    let before = track.values();
    let events = [set_event(0, "window", 0.5), set_event(3, "confidence", 0.25), set_event(7, "source", 2.0)];
    track.play(48e3, 2, 64, |player| player.process(64, &InputEvents::from_buffer(&events)));
    for ((id, name, now), (_, _, then)) in track.values().into_iter().zip(before) {
        let expected = match name.as_str() {
            "Window" => 0.5,
            "Confidence threshold" => 0.25,
            "Source" => 2.0,
            _ => then,
        };
        assert!((now - expected).abs() < 1e-6, "{name} ({id:?}): {now}, expected {expected}");
    }
}
