//! The shipped models and the speech detector on whole corpora of acted speech, which are not part of the repository.
//!
//! They are looked for in the folder that `MOODLINE_CORPORA` names, else in `../shared/corpora` beside the checkout.

use std::fs;
use std::path::PathBuf;

use moodline_core::Emotion;
use moodline_engine::{BackendChoice, SpeechModel};
use test_support::skip::skip;
use test_support::{repository, shipped};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::manifest::{Manifest, Split, Splits};
use trainer::measure::evaluate::History;
use trainer::measure::evaluate::{Evaluation, evaluate};
use trainer::measure::speech::{Blocks, Recordings, SpeechFigures, measure};
use trainer::train::config::TrainConfig;
use trainer::train::run::{TrainOptions, train};

/// The manifest of a corpus, or a loud skip.
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
        ("liquid-2", "emodb", test, History::Before, "metrics-emodb-before.json", 0.78),
    ] {
        let Some(path) = manifest_path(corpus) else { continue };
        let manifest = Manifest::read(&[path], Splits::Required).unwrap();
        let model = shipped(id);
        let silent = (Progress::Silent, &Interrupt::default());
        let measured = evaluate(&model, &manifest, split, BackendChoice::Native, history, silent.0, silent.1).unwrap();
        let published = fs::read_to_string(repository().join("models").join(id).join(file)).unwrap();
        let published: Evaluation = serde_json::from_str(&published).unwrap();
        assert_eq!(measured.evaluation.model, published.model);
        // Other rounding, of another processor or another order of summation, may move a clip on the border between two emotions.
        let (measured, found) = (measured.evaluation.report, published.report.uar);
        assert_eq!(measured.n, published.report.n);
        assert!((measured.uar - found).abs() < 0.01, "{id}, {corpus}: UAR {}, published {found}", measured.uar);
        assert!(published.report.uar >= least_uar, "{id}, {corpus}: UAR {}", published.report.uar);
        let happy = published.report.per_class.of(Emotion::Happy);
        assert!(happy.recall >= 0.40, "{id}: recall of happy {}", happy.recall);
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
    // The published run, within what other rounding of another processor may change.
    let published = shipped("paper-ltc-16").contract().metrics["dev_uar"];
    assert!((best - published).abs() < 0.02, "dev UAR {best}, published {published}");
}

/// What the shipped detector says of these recordings.
fn heard(recordings: &Recordings) -> SpeechFigures {
    measure(&SpeechModel::embedded(), recordings, Progress::Silent).unwrap()
}

#[test]
fn speech_of_every_corpus_is_found_at_any_level() {
    for corpus in ["crema-d", "emodb", "banglaser", "ravdess", "emovo", "savee"] {
        let Some(path) = manifest_path(corpus) else { continue };
        let manifest = Manifest::read(&[path], Splits::Ignored).unwrap();
        let figures = heard(&Recordings { manifest: Some(manifest), ..Recordings::default() });
        for clips in [figures.clips[corpus], figures.quiet_clips[corpus]] {
            assert!(clips.n > 200 && clips.share() >= 0.99, "{corpus}: {clips:?}");
        }
    }
}

#[test]
fn sounds_without_speech_are_no_speech() {
    let Some(path) = manifest_path("nonspeech") else { return };
    let figures = heard(&Recordings { sounds: vec![path], ..Recordings::default() });
    let is_voice = |kind: &str| ["vocal_burst", "baby_cry", "sung_note", "singing"].iter().any(|voice| kind.starts_with(voice));
    let found = Blocks::sum(figures.sounds.iter().filter(|(kind, _)| !is_voice(kind)).map(|(_, blocks)| blocks));
    assert!(found.n > 300 && found.share() <= 0.02, "{found:?} in {:?}", figures.sounds);
}

#[test]
fn labelled_speech_is_found_where_it_is_and_pauses_are_none() {
    let (Some(table), Some(labels)) = (manifest_path("vad"), manifest_path("vad-labels")) else { return };
    let labelled = heard(&Recordings { labelled: vec![(table, labels)], ..Recordings::default() }).labelled;
    assert!(labelled.speech.n > 80 && labelled.speech.share() >= 0.95, "{labelled:?}");
    assert!(labelled.pauses.share() <= 0.03, "{labelled:?}");
    assert!(labelled.onset_error_s <= 0.05 && labelled.offset_error_s <= 0.05, "{labelled:?}");
}
