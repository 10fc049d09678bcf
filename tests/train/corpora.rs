//! The shipped models and the speech detector on whole corpora of acted speech, which are not part of the repository.
//!
//! They are expected in the folder named by `MOODLINE_CORPORA`, otherwise in `../shared/corpora` beside the checkout.

use std::fs;
use std::path::PathBuf;

use moodline_core::Emotion;
use moodline_engine::{BackendChoice, SpeechModel};
use serde_json::Value;
use test_support::skip::skip;
use test_support::{repository, shipped};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::manifest::{Manifest, Split, Splits};
use trainer::measure::evaluate::History;
use trainer::measure::evaluate::{Evaluation, evaluate};
use trainer::measure::speech::{Recordings, measure};
use trainer::train::config::TrainConfig;
use trainer::train::run::{TrainOptions, train};

/// The manifest of a corpus; `None` after reporting that the test is skipped.
pub(crate) fn manifest_path(corpus: &str) -> Option<PathBuf> {
    let beside = || repository().join("../shared/corpora");
    let path = std::env::var_os("MOODLINE_CORPORA").map_or_else(beside, PathBuf::from).join(format!("{corpus}.csv"));
    if path.is_file() {
        return Some(path);
    }
    skip(&format!("the corpus {corpus}"), "no such manifest in MOODLINE_CORPORA or ../shared/corpora");
    None
}

#[test]
fn the_published_figures_of_the_shipped_models_are_what_is_measured() {
    let (test, all) = (Some(Split::Test), None);
    for (id, corpus, split, history, file, least_uar) in [
        ("paper-ltc-16", "crema-d", test, History::Cold, "metrics.json", 0.62),
        ("liquid-1", "crema-d", test, History::Cold, "metrics.json", 0.70),
        ("liquid-2", "crema-d", test, History::Cold, "metrics.json", 0.72),
        ("liquid-2", "ravdess", all, History::Cold, "metrics-ravdess.json", 0.55),
        ("liquid-2", "ravdess", all, History::Same, "metrics-ravdess-same.json", 0.55),
        ("liquid-2", "emodb", test, History::Before, "metrics-emodb-before.json", 0.75),
    ] {
        let Some(path) = manifest_path(corpus) else { continue };
        let manifest = Manifest::read(&[path], Splits::Required).unwrap();
        let model = shipped(id);
        let silent = (Progress::Silent, &Interrupt::default());
        let measured = evaluate(&model, &manifest, split, BackendChoice::Native, history, silent.0, silent.1).unwrap();
        let published = fs::read_to_string(repository().join("models").join(id).join(file)).unwrap();
        let published: Evaluation = serde_json::from_str(&published).unwrap();
        assert_eq!(measured.evaluation.model, published.model);
        // Different rounding, on another processor or with another order of summation, may move a clip across the boundary between two emotions.
        let (measured, found) = (measured.evaluation.report, published.report.uar);
        assert_eq!(measured.n, published.report.n);
        assert!((measured.uar - found).abs() < 0.01, "{id}, {corpus}: UAR {}, published {found}", measured.uar);
        assert!(published.report.uar >= least_uar, "{id}, {corpus}: UAR {}", published.report.uar);
        // Happiness is recognised worst; a model that finds less of it than guessing would has not learnt it.
        let happy = published.report.per_class.of(Emotion::Happy);
        assert!(happy.recall >= 1.0 / Emotion::COUNT as f64, "{id}: recall of happy {}", happy.recall);
    }
}

#[test]
fn the_shipped_recipe_trains_a_network_as_good_as_the_shipped_one() {
    let Some(path) = manifest_path("crema-d") else { return };
    let config_path = repository().join("trainer/configs/paper-ltc-16.toml");
    let config = TrainConfig::parse("paper-ltc-16.toml", &fs::read_to_string(config_path).unwrap(), &[]).unwrap();
    let place = tempfile::tempdir().unwrap();
    let options = TrainOptions {
        config,
        config_file: "paper-ltc-16.toml".to_owned(),
        overrides: Vec::new(),
        manifests: vec![path],
        out: place.path().join("run"),
        resume: false,
        cache: None,
        tensorboard: false,
    };
    let outcome = train(&options, Progress::Silent, &Interrupt::default()).unwrap();
    let best = outcome.history.iter().map(|epoch| epoch.dev_uar).fold(0.0, f64::max);
    // The published result, within the differences that another processor's rounding may cause.
    let published = shipped("paper-ltc-16").contract().metrics["dev_uar"];
    assert!((best - published).abs() < 0.02, "dev UAR {best}, published {published}");
}

/// The shipped detector's results for these recordings.
fn heard(recordings: &Recordings) -> Value {
    serde_json::to_value(measure(&SpeechModel::embedded(), recordings, Progress::Silent).unwrap()).unwrap()
}

/// The published results.
fn published() -> Value {
    let text = fs::read_to_string(repository().join("models/speech-2/metrics.json")).unwrap();
    let metrics: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(metrics["fingerprint"], SpeechModel::embedded().fingerprint());
    metrics["detectors"][0].clone()
}

/// The fraction of some blocks that is speech. Rounding on another processor may move a block across the threshold.
fn share(measured: &Value, published: &Value, what: &str) -> f64 {
    let [n, speech] = ["n", "speech"].map(|name| measured[name].as_f64().unwrap());
    assert_eq!(measured["n"], published["n"], "{what}");
    assert!((speech - published["speech"].as_f64().unwrap()).abs() <= 1.0 + 0.01 * n, "{what}: {measured} and {published}");
    speech / n
}

#[test]
fn speech_of_every_corpus_is_found_at_any_level() {
    for corpus in ["crema-d", "emodb", "banglaser", "ravdess", "emovo", "savee"] {
        let Some(path) = manifest_path(corpus) else { continue };
        let manifest = Manifest::read(&[path], Splits::Ignored).unwrap();
        let (figures, published) = (heard(&Recordings { manifest: Some(manifest), ..Recordings::default() }), published());
        for clips in ["clips", "quiet_clips"] {
            let found = share(&figures[clips][corpus], &published[clips][corpus], corpus);
            assert!(found >= 0.97, "{corpus}, {clips}: {found}");
        }
    }
}

#[test]
fn sounds_without_speech_are_hardly_ever_speech() {
    let Some(path) = manifest_path("nonspeech") else { return };
    let (figures, published) = (heard(&Recordings { sounds: vec![path], ..Recordings::default() }), published());
    let is_voice = |kind: &str| ["vocal_burst", "baby_cry", "sung_note", "singing"].iter().any(|voice| kind.starts_with(voice));
    let (mut n, mut n_speech) = (0.0, 0.0);
    for (kind, blocks) in figures["sounds"].as_object().unwrap().iter().filter(|(kind, _)| !is_voice(kind)) {
        n_speech += share(blocks, &published["sounds"][kind], kind) * blocks["n"].as_f64().unwrap();
        n += blocks["n"].as_f64().unwrap();
    }
    assert!(n > 300.0 && n_speech < 0.05 * n, "{n_speech} of {n}");
}

#[test]
fn labelled_speech_is_found_as_published() {
    let (Some(table), Some(labels)) = (manifest_path("vad"), manifest_path("vad-labels")) else { return };
    let labelled = &heard(&Recordings { labelled: vec![(table, labels)], ..Recordings::default() })["labelled"];
    let published = &published()["labelled"];
    assert!(share(&labelled["speech"], &published["speech"], "speech") >= 0.85, "{labelled}");
    for time in ["onset_error_s", "offset_error_s"] {
        let [measured, published] = [labelled, published].map(|figures| figures[time].as_f64().unwrap());
        assert!((measured - published).abs() <= 0.06, "{time}: {measured} and {published}");
    }
}
