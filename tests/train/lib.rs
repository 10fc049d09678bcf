//! Short training runs on the samples of the repository, for tests of training code. The tests are in `main.rs`.

use std::fs;

use tempfile::TempDir;
use test_support::{repository, sample};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::manifest::{Manifest, Split, Splits};
use trainer::train::config::TrainConfig;
use trainer::train::run::{RunError, TrainOptions, TrainedRun, train};

/// A recipe that takes seconds: three epochs of the shipped one.
const OVERRIDES: [&str; 4] =
    ["training.epochs=3", "training.batch_size=3", "model.id=small", "training.schedule.max_learning_rate=0.01"];

fn config(more: &[&str]) -> TrainConfig {
    let path = repository().join("trainer/configs/paper-ltc-16.toml");
    let overrides: Vec<String> = OVERRIDES.iter().chain(more).map(ToString::to_string).collect();
    TrainConfig::parse("paper-ltc-16.toml", &fs::read_to_string(path).unwrap(), &overrides).unwrap()
}

/// The sixteen samples: speakers 03 and 08 for training, 12 for dev, 14 for test; each clip with its full path.
fn manifest_lines() -> Vec<String> {
    let manifest = Manifest::read(&[sample("samples.csv")], Splits::Ignored).unwrap();
    let lines = manifest.utterances.iter().map(|utterance| {
        let split = match utterance.speaker.as_str() {
            "emodb:03" | "emodb:08" => Split::Train,
            "emodb:12" => Split::Dev,
            _ => Split::Test,
        };
        format!("{},emodb,{},{},{split}", utterance.path.display(), utterance.speaker, utterance.emotion)
    });
    lines.collect()
}

/// A folder with a manifest of the samples and these additional lines.
pub fn workplace(more: &[String]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> =
        ["path,corpus,speaker,emotion,split".to_owned()].into_iter().chain(manifest_lines()).chain(more.to_vec()).collect();
    fs::write(folder.path().join("corpus.csv"), lines.join("\n")).unwrap();
    folder
}

/// The options of a run of the shipped recipe, shortened, with `more` overrides, into the folder `out` of a [`workplace`].
pub fn options(place: &TempDir, out: &str, more: &[&str]) -> TrainOptions {
    TrainOptions {
        config: config(more),
        config_file: "paper-ltc-16.toml".to_owned(),
        overrides: Vec::new(),
        manifests: vec![place.path().join("corpus.csv")],
        out: place.path().join(out),
        resume: false,
        cache: Some(place.path().join("cache")),
        tensorboard: false,
    }
}

/// Trains without output.
///
/// # Errors
/// The run cannot start or continue.
pub fn run(options: &TrainOptions) -> Result<TrainedRun, RunError> {
    train(options, Progress::Silent, &Interrupt::default())
}
