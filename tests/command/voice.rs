//! Answers corrected for a voice: the one in the recording, or one learnt before.

use std::fs;
use std::path::{Path, PathBuf};

use moodline_core::{Probabilities, VoiceProfile};
use moodline_engine::{Model, voice};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{repository, sample};
use tests_command::{Outcome, moodline};

/// Eight clips of several speakers in several moods, for which a model's answers differ.
const CLIPS: [&str; 8] = [
    "03a02Nc.flac",
    "03a02Ta.flac",
    "03a02Wc.flac",
    "03a04Fd.flac",
    "08a01Na.flac",
    "08a01Wa.flac",
    "08a02Fe.flac",
    "08a02Tb.flac",
];

fn run(arguments: &[&str], paths: &[&Path]) -> Outcome {
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    moodline([arguments, &paths].concat())
}

fn analyze(voice: &str, path: &Path) -> Outcome {
    run(&["analyze", "--backend", "native", "--format", "json", "--hop", "1", "--voice", voice], &[path])
}

fn document(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn answers(document: &Value) -> Vec<Probabilities> {
    let blocks = document["segments"].as_array().unwrap().iter().filter(|block| block["state"] == "speech");
    let names = ["angry", "happy", "sad", "neutral"];
    blocks
        .map(|block| Probabilities::new(names.map(|name| block["probabilities"][name].as_f64().unwrap() as f32)).unwrap())
        .collect()
}

/// A folder with a voice learnt from the clips.
fn learnt() -> (TempDir, PathBuf, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna.voice");
    let clips = CLIPS.map(sample);
    let outcome = run(&["voice", "learn", "--out", path.to_str().unwrap()], &clips.each_ref().map(PathBuf::as_path));
    (folder, path, outcome)
}

#[test]
fn a_recording_is_corrected_for_the_voice_in_it_unless_nobody_asks() {
    let stream = sample("unheard.flac");
    let (cold, own) = (document(&analyze("none", &stream)), document(&analyze("file", &stream)));
    assert_eq!(cold["voices"], serde_json::json!([]));
    assert!(own["voices"][0]["seconds"].as_f64().unwrap() > 10.0, "{}", own["voices"][0]);
    let correction = voice::correction_of(&Model::embedded()).unwrap();
    let segments = |document: &Value| document["segments"].as_array().unwrap().clone();
    // The same, from the uncorrected answers and the times of their blocks.
    let (mut profile, mut heard_until) = (VoiceProfile::default(), 0.0_f64);
    let mut cold_answers = answers(&cold).into_iter();
    for block in segments(&cold) {
        let [start_s, end_s] = ["start_s", "end_s"].map(|name| block[name].as_f64().unwrap());
        if block["state"] == "speech" {
            profile.hear(&cold_answers.next().unwrap(), end_s - start_s.max(heard_until), &correction);
        }
        heard_until = heard_until.max(end_s);
    }
    assert!((own["voices"][0]["variety"].as_f64().unwrap() - profile.variety()).abs() < 1e-4);
    for (found, cold) in answers(&own).iter().zip(answers(&cold)) {
        let expected = profile.correct(&cold, &correction);
        for (found, expected) in found.as_array().iter().zip(expected.as_array()) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }
    let table = run(&["analyze", "--backend", "native"], &[&stream]);
    assert!(table.stdout.contains("  voice: ") && table.stdout.contains(" heard"), "{}", table.stdout);
}

#[test]
fn a_voice_is_learnt_kept_and_used() {
    let (_folder, path, outcome) = learnt();
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("anna.voice: voice: ") && outcome.stderr.contains("heard"), "{}", outcome.stderr);
    let profile = voice::open(&path, &Model::embedded()).unwrap();
    assert!(profile.seconds() > 10.0);
    let correction = voice::correction_of(&Model::embedded()).unwrap();
    let clip = sample("12a01Fb.flac");
    let (cold, known) = (document(&analyze("none", &clip)), document(&analyze(path.to_str().unwrap(), &clip)));
    assert!((known["voices"][0]["seconds"].as_f64().unwrap() - profile.seconds()).abs() < 1e-3);
    for (found, cold) in answers(&known).iter().zip(answers(&cold)) {
        let expected = profile.correct(&cold, &correction);
        assert!((found.as_array()[0] - expected.as_array()[0]).abs() < 1e-4);
    }
    let again = run(&["voice", "learn", "--out", path.to_str().unwrap()], &CLIPS.map(sample).each_ref().map(PathBuf::as_path));
    assert_eq!(again.code, 0, "a voice may be learnt again: {}", again.stderr);
    assert_eq!(voice::open(&path, &Model::embedded()).unwrap(), profile);
}

#[test]
fn a_voice_that_cannot_be_used_is_refused_in_a_sentence() {
    let (folder, path, _) = learnt();
    let text = fs::read_to_string(&path).unwrap();
    let clip = sample("12a01Fb.flac");
    for (name, content, words) in [
        ("future.voice", text.replace("\"version\": 1", "\"version\": 9"), "a newer Moodline reads it"),
        ("damaged.voice", text[..text.len() / 2].to_owned(), "learn the voice again"),
        ("empty.voice", String::new(), "learn the voice again"),
        ("other.voice", text.replace(Model::embedded().fingerprint(), &"0".repeat(64)), "learn it again with this one"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let outcome = analyze(path.to_str().unwrap(), &clip);
        assert_eq!(outcome.code, 1, "{name}: {}", outcome.stderr);
        assert!(outcome.sentence().contains(name) && outcome.sentence().contains(words), "{}", outcome.stderr);
    }
    let missing = analyze(folder.path().join("missing.voice").to_str().unwrap(), &clip);
    assert!(missing.code == 1 && missing.sentence().contains("missing.voice"), "{}", missing.stderr);
    let spelt = analyze("anna.txt", &clip);
    assert!(spelt.code == 2 && spelt.stderr.contains("ending in .voice"), "{}", spelt.stderr);

    let model = repository().join("models/liquid-1/model.onnx");
    let arguments = ["analyze", "--model", model.to_str().unwrap(), "--voice"];
    let refused = run(&[&arguments[..], &[path.to_str().unwrap()]].concat(), &[&clip]);
    assert!(refused.code == 1 && refused.sentence().contains("corrects nothing"), "{}", refused.stderr);
    let without = run(&["analyze", "--backend", "native", "--format", "json", "--model", model.to_str().unwrap()], &[&clip]);
    assert_eq!(document(&without)["voices"], serde_json::json!([]), "a model without voices answers all the same");
}

#[test]
fn nothing_is_written_where_nobody_speaks_and_nothing_that_is_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (silence, out) = (folder.path().join("silence.wav"), folder.path().join("nobody.voice"));
    fs::write(&silence, test_support::recordings::wav(1, &[0; 48_000])).unwrap();
    let outcome = run(&["voice", "learn", "--out", out.to_str().unwrap()], &[&silence]);
    assert!(outcome.code == 1 && outcome.sentence().contains("no speech"), "{}", outcome.stderr);
    assert!(!out.exists());

    let named = folder.path().join("talk.voice");
    fs::copy(sample("08a02Tb.flac"), &named).unwrap();
    let before = fs::read(&named).unwrap();
    let outcome = run(&["voice", "learn", "--force", "--out", named.to_str().unwrap()], &[&named]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(fs::read(&named).unwrap(), before);
}

#[test]
fn phrases_have_their_own_times_and_no_hop() {
    let stream = sample("unheard.flac");
    let arguments = ["analyze", "--backend", "native", "--voice", "none", "--segments", "phrases", "--format", "json"];
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("phrases.svg");
    let found = document(&run(&[&arguments[..], &["--plot", picture.to_str().unwrap()]].concat(), &[&stream]));
    let blocks = found["segments"].as_array().unwrap();
    let spoken: Vec<_> = blocks.iter().filter(|block| block["state"] == "speech").collect();
    // Eight utterances, separated by pauses of half a second and more.
    assert!((8..=10).contains(&spoken.len()), "{found}");
    assert!(blocks.windows(2).all(|pair| pair[0]["end_s"] == pair[1]["start_s"]), "no time is left out");
    assert!(fs::read_to_string(picture).unwrap().contains("phrases of up to 5 s"));
    let refused = run(&[&arguments[..], &["--hop", "1"]].concat(), &[&stream]);
    assert!(refused.code == 2 && refused.sentence().contains("--segments blocks"), "{}", refused.stderr);
}
