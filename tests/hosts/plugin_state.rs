//! The parts of the plugin's state; whole states are loaded in a host in `clap_host/state.rs`.

use std::path::PathBuf;

use moodline::instance::Instance;
use moodline::session::{SaveScope, Segments, Session, StateError, Theme, TimelineStyle, refuse_garbage, validate};
use moodline_core::{Probabilities, VoiceProfile};
use moodline_engine::live::{SavedVoice, VoiceMode};
use moodline_engine::timeline::Timelines;
use moodline_engine::voice::{self, LearntVoice};
use moodline_engine::{Model, State};
use nice_plug::params::Params;
use nice_plug::plugin::{ParamValue, PluginState};

const VERSION_0_1_0: &str = include_str!("../golden/state/0.1.0.json");

fn saved_by_0_1_0() -> PluginState {
    serde_json::from_str(VERSION_0_1_0).unwrap()
}

fn recorded() -> Timelines {
    let mut timelines = Timelines::default();
    timelines.host.insert_segment(0.0, 5.0, 0.5, State::NoSpeech);
    timelines.stream.insert_segment(2.0, 7.0, 0.5, State::NoSpeech);
    timelines
}

#[test]
fn the_state_of_version_0_1_0_is_valid_and_stays_so() {
    let mut state = saved_by_0_1_0();
    assert_eq!(state.version, "0.1.0");
    assert_eq!(state.params.len(), 10);
    validate(&state).unwrap();
    let before = format!("{state:?}");
    refuse_garbage(&mut state);
    assert_eq!(format!("{state:?}"), before);
}

#[test]
fn what_is_saved_is_restored() {
    let saving = Instance::default();
    *saving.saved().session.session.write() = Session {
        model: Some(PathBuf::from("/models/mine.onnx")),
        export_folder: Some(PathBuf::from("/exports")),
        theme: Theme::Light,
        style: TimelineStyle::Lines,
        segments: Segments::Phrases,
        window_size: Some((800, 600)),
    };
    saving.control().restore(recorded());
    let fields = saving.saved().serialize_fields();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["session", "timeline", "voice"]);

    let restoring = Instance::default();
    restoring.saved().deserialize_fields(&fields);
    assert_eq!(*restoring.saved().session.session.read(), *saving.saved().session.session.read());
    assert_eq!(restoring.monitor().timelines(), recorded());
    assert_eq!(restoring.saved().serialize_fields(), fields);
}

#[test]
fn a_size_that_no_window_should_have_costs_no_project() {
    let instance = Instance::default();
    let session = &instance.saved().session.session;
    for hidden in [(0, 0), (1, 1), (700, 99)] {
        session.write().note_window_size((800, 600));
        session.write().note_window_size(hidden);
        assert_eq!(session.read().window_size, Some((800, 600)));
    }
    for text in [r#"{"theme":"light","window_size":[0,0]}"#, r#"{"theme":"light","window_size":[4000000000,600]}"#] {
        let mut state = saved_by_0_1_0();
        state.fields.insert("session".to_owned(), text.to_owned());
        validate(&state).unwrap();
        instance.saved().deserialize_fields(&state.fields);
        assert_eq!(*session.read(), Session { theme: Theme::Light, ..Session::default() });
    }
}

/// On Linux a path is bytes, and a state is text.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_text_is_left_out_of_the_state() {
    use std::os::unix::ffi::OsStrExt as _;

    let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"/models/mod\xe8le.onnx"));
    assert!(!Session::can_keep(&path));
    let instance = Instance::default();
    *instance.saved().session.session.write() =
        Session { model: Some(path.clone()), export_folder: Some(path), theme: Theme::Light, ..Session::default() };
    let fields = instance.saved().serialize_fields();
    let restoring = Instance::default();
    restoring.saved().deserialize_fields(&fields);
    assert_eq!(*restoring.saved().session.session.read(), Session { theme: Theme::Light, ..Session::default() });
}

/// A voice that the built-in model has heard for 40 s, in every mood.
fn learnt() -> LearntVoice {
    let model = Model::embedded();
    let correction = voice::correction_of(&model).unwrap();
    let mut profile = VoiceProfile::default();
    for number in 0..8 {
        let answer = std::array::from_fn(|emotion| if emotion == number % 4 { 0.7 } else { 0.1 });
        profile.hear(&Probabilities::new(answer).unwrap(), 5.0, &correction);
    }
    LearntVoice::new(profile, &model)
}

#[test]
fn a_voice_is_saved_with_the_project_and_goes_with_a_duplicate() {
    let saving = Instance::default();
    saving.control().restore(recorded());
    saving.control().hold_voice(learnt());
    let voice = saving.monitor().saved_voice();
    assert_eq!((voice.mode, &voice.held), (VoiceMode::Hold, &Some(learnt())));
    for scope in [SaveScope::Everything, SaveScope::WithoutTimeline] {
        let restoring = Instance::default();
        restoring.saved().take_fields(&saving.saved().fields(scope), scope);
        assert_eq!(restoring.monitor().saved_voice(), voice, "{scope:?}");
    }
    let older = Instance::default();
    older.saved().deserialize_fields(&saved_by_0_1_0().fields);
    assert_eq!(older.monitor().saved_voice(), SavedVoice::default(), "it learns, and from nothing that is older");
}

#[test]
fn an_empty_state_keeps_what_is_there() {
    let instance = Instance::default();
    instance.control().restore(recorded());
    let mut garbage = saved_by_0_1_0();
    garbage.fields.insert("session".to_owned(), "[".to_owned());
    refuse_garbage(&mut garbage);
    assert!(garbage.params.is_empty() && garbage.fields.is_empty());
    instance.saved().deserialize_fields(&garbage.fields);
    assert_eq!(instance.monitor().timelines(), recorded());
}

#[test]
fn a_refusal_names_the_part_and_what_it_takes() {
    let message = |change: &dyn Fn(&mut PluginState)| {
        let mut state = saved_by_0_1_0();
        change(&mut state);
        validate(&state).unwrap_err().to_string()
    };
    let parameter = |id: &'static str, value: ParamValue| {
        message(&move |state| {
            state.params.insert(id.to_owned(), value.clone());
        })
    };
    assert_eq!(
        parameter("window", ParamValue::F32(11.0)),
        "parameter \"window\": expected a number from 2 to 10, found F32(11.0)"
    );
    assert_eq!(
        parameter("hop", ParamValue::F32(f32::NAN)),
        "parameter \"hop\": expected a number from 0.25 to 5, found F32(NaN)"
    );
    assert_eq!(parameter("hold", ParamValue::I32(1)), "parameter \"hold\": expected true or false, found I32(1)");
    assert_eq!(
        parameter("backend", ParamValue::String("gpu".to_owned())),
        "parameter \"backend\": expected one of [\"auto\", \"onnxruntime\", \"native\"], found String(\"gpu\")"
    );
    let field = |name: &'static str, text: &'static str| {
        message(&move |state| {
            state.fields.insert(name.to_owned(), text.to_owned());
        })
    };
    assert!(field("session", "{\"theme\":1}").starts_with("the session cannot be read: "));
    assert!(field("timeline", "17").starts_with("the timeline is not a JSON string: "));
    assert!(field("timeline", "\"%%%\"").starts_with("the saved timeline must be base64"));
    assert!(field("voice", "{\"mode\":\"loud\"}").starts_with("the voice cannot be read: "));
    assert_eq!(field("voice", "{\"mode\":\"hold\"}"), "the voice cannot be read: expected a voice to hold, found none");
    let held = |from: &str, to: &str| {
        let text = serde_json::to_string(&SavedVoice { mode: VoiceMode::Hold, held: Some(learnt()), learning: None }).unwrap();
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        message(&|state| {
            state.fields.insert("voice".to_owned(), changed.clone());
        })
    };
    assert!(held("\"version\":1", "\"version\":2,\"more\":[]").contains("a newer Moodline reads it"));
    assert!(held("\"seconds\":40.0", "\"seconds\":-40.0").contains("seconds -40"));
    assert!(held("\"entropies\"", "\"entropy\"").contains("learn the voice again"));
    let learning = |times: &str| {
        let text = format!("{{\"learning\":{{\"model_fingerprint\":\"\",\"except_host\":[],\"except_stream\":{times}}}}}");
        message(&|state| {
            state.fields.insert("voice".to_owned(), text.clone());
        })
    };
    assert!(learning("[[2.0,1.0]]").contains("expected stretches in order"));
    assert!(learning("[[1.0]]").starts_with("the voice cannot be read: "));
}

#[test]
fn values_on_the_edges_of_their_ranges_are_taken() {
    let mut state = saved_by_0_1_0();
    for (id, values) in [
        ("window", [2.0, 10.0]),
        ("hop", [0.25, 5.0]),
        ("smoothing", [0.0, 10.0]),
        ("gate", [-100.0, -20.0]),
        ("confidence", [0.0, 1.0]),
    ] {
        for value in values {
            state.params.insert(id.to_owned(), ParamValue::F32(value));
            validate(&state).unwrap();
        }
    }
}

#[test]
fn a_timeline_in_the_state_of_0_1_0_is_what_was_recorded() {
    let text: String = serde_json::from_str(&saved_by_0_1_0().fields["timeline"]).unwrap();
    let timelines = Timelines::decode(&text).unwrap();
    let speech = |entry: &&moodline_engine::Segment| matches!(entry.state, State::Speech(_));
    assert_eq!(timelines.host.entries().iter().filter(speech).count(), 1);
    assert_eq!(timelines.host.bounds(), Some((0.0, 8.0)));
    assert!(matches!(validate(&PluginState { fields: Default::default(), ..saved_by_0_1_0() }), Ok::<(), StateError>(())));
}
