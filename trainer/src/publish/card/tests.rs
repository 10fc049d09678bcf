use std::fs;

use moodline_core::Emotion;

use super::*;
use crate::measure::evaluate::{Answer, ModelName};
use crate::measure::metrics::Confusion;
use crate::measure::robustness::RobustnessRow;
use crate::train::export::{OnnxRuntimeLeg, export};
use crate::train::run::TrainOptions;
use crate::train::run::folder::RunFolder;
use crate::train::run::list::tests::{finish, tiny_run};

/// Sixteen predictions for two speakers, of which the first `n_right` are correct.
fn answers(n_right: usize) -> Vec<Answer> {
    let answer = |index: usize| {
        let (truth, wrong) = (Emotion::ALL[index % 4], Emotion::ALL[(index + 1) % 4]);
        let found = if index < n_right { truth } else { wrong };
        let mut probabilities = [0.1; Emotion::COUNT];
        probabilities[found.index()] = 0.7;
        let (name, speaker) = (format!("{index}.wav"), format!("emodb:{}", index % 2));
        Answer { name, corpus: "emodb".to_owned(), speaker, split: None, truth, found, probabilities }
    };
    (0..16).map(answer).collect()
}

/// The folder of a tiny model with `n_right` of sixteen clips correct.
fn model(root: &Path, name: &str, overrides: &[&str], n_right: usize) -> PathBuf {
    let options = tiny_run(root, &format!("runs/{name}"), overrides);
    finish(&options);
    let folder = root.join(name);
    let path = folder.join("model.onnx");
    files::create_folder(&folder).unwrap();
    export(&[RunFolder::open(&options.out).unwrap()], &path, OnnxRuntimeLeg::IfFound).unwrap();
    let model = Model::open(&path).unwrap();
    let measured = ModelName { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() };
    let split = ("native".to_owned(), "test".to_owned());
    let evaluation = Evaluation::of(&answers(n_right), measured, split.0, split.1, vec!["emodb.csv".to_owned()], 0);
    fs::write(folder.join("metrics.json"), evaluation.to_json()).unwrap();
    folder
}

#[test]
fn a_card_has_the_mean_of_the_seeds_and_keeps_it() {
    let place = tempfile::tempdir().unwrap();
    let of_seed = |seed: u64, n_right| model(place.path(), &format!("seed-{seed}"), &[&format!("training.seed={seed}")], n_right);
    let (first, second, third) = (of_seed(0, 16), of_seed(1, 8), of_seed(2, 12));
    write_card(&first, &[third, second]).unwrap();
    let card = fs::read_to_string(first.join("MODEL_CARD.md")).unwrap();
    assert!(card.contains("| seed | dev, which chose the epoch | emodb, test split |\n"), "{card}");
    let lines: Vec<&str> = card
        .lines()
        .filter(|line| ["| 0 |", "| 1 |", "| 2 |", "| 3 seeds |"].iter().any(|start| line.starts_with(start)))
        .collect();
    let last = |line: &str| line.trim_end_matches(" |").rsplit(" | ").next().unwrap().to_owned();
    assert_eq!(lines.into_iter().map(last).collect::<Vec<_>>(), ["1.000", "0.500", "0.750", "0.750 ± 0.250"]);

    write_card(&first, &[]).unwrap();
    assert_eq!(fs::read_to_string(first.join("MODEL_CARD.md")).unwrap(), card);
}

#[test]
fn seeds_that_are_none_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    let first = model(root, "first", &["training.seed=0"], 16);
    let larger = model(root, "larger", &["training.seed=1", "network.units=8"], 8);
    let refused = |seeds: &[&PathBuf]| {
        let seeds: Vec<PathBuf> = seeds.iter().map(|path| (*path).clone()).collect();
        write_card(&first, &seeds).unwrap_err().to_string()
    };
    assert!(refused(&[&larger]).contains("found others; name models that differ in training.seed alone"));
    assert!(refused(&[&first]).contains("the seed 0 is there already"));
    let second = model(root, "second", &["training.seed=1"], 8);
    let metrics = fs::read_to_string(second.join("metrics.json")).unwrap();
    fs::write(second.join("metrics.json"), metrics.replace("emodb.csv", "tess.csv")).unwrap();
    assert!(refused(&[&second]).contains("holds no metrics*.json of emodb, test split: run `trainer evaluate --report`"));
    assert!(!first.join("seeds.csv").exists() && !first.join("MODEL_CARD.md").exists());

    for (text, reason) in [("seed,uar\n0,0.5\n", "missing field"), ("", "no line is of the model")] {
        fs::write(first.join("seeds.csv"), text).unwrap();
        let message = refused(&[]);
        assert!(message.contains(reason) && message.contains("seeds.csv"), "{message}");
    }
}

#[test]
fn limits_are_those_of_the_recordings() {
    let place = tempfile::tempdir().unwrap();
    let options = tiny_run(place.path(), "run", &[]);
    let card_of = |name: &str| {
        let manifest = &options.manifests[0];
        let text = fs::read_to_string(manifest).unwrap().replace(",emodb,", &format!(",{name},"));
        fs::write(manifest, text).unwrap();
        let options = TrainOptions { out: place.path().join(name), ..options.clone() };
        finish(&options);
        let folder = place.path().join(format!("model-{name}"));
        files::create_folder(&folder).unwrap();
        export(&[RunFolder::open(&options.out).unwrap()], &folder.join("model.onnx"), OnnxRuntimeLeg::IfFound).unwrap();
        let model = Model::open(&folder.join("model.onnx")).unwrap();
        card(&model, &Measured { unseen: None, evaluations: Vec::new(), seeds: Vec::new(), robustness: None, units: None })
    };
    let (acted, own) = (card_of("emodb"), card_of("mine"));
    assert!(acted.contains("actors who read short sentences") && !acted.contains("recordings it was trained on"), "{acted}");
    assert!(!own.contains("actors") && own.contains("It knows the recordings it was trained on"), "{own}");
    assert!(!own.contains("table above"), "{own}");
}

#[test]
fn a_card_says_how_often_each_emotion_was_found_under_each_condition() {
    let place = tempfile::tempdir().unwrap();
    let folder = model(place.path(), "model", &[], 16);
    let opened = Model::open(&folder.join("model.onnx")).unwrap();
    let confusion = Confusion([[4, 0, 0, 0], [1, 3, 0, 0], [1, 0, 2, 1], [2, 0, 1, 1]]);
    let row = RobustnessRow {
        condition: "louder".to_owned(),
        n: confusion.n(),
        n_failed: 0,
        uar: confusion.uar(),
        accuracy: confusion.accuracy(),
        uar_interval: None,
        confusion,
    };
    let robustness = Robustness {
        model: ModelName { id: opened.id().to_owned(), fingerprint: opened.fingerprint().to_owned() },
        split: "test".to_owned(),
        manifests: vec!["emodb.csv".to_owned()],
        rows: vec![row],
        skipped: Vec::new(),
    };
    let path = folder.join("robustness.json");
    fs::write(&path, robustness.to_json()).unwrap();
    write_card(&folder, &[]).unwrap();
    let card = fs::read_to_string(folder.join("MODEL_CARD.md")).unwrap();
    let line = card.lines().find(|line| line.starts_with("| louder ")).unwrap_or_else(|| panic!("{card}"));
    assert!(line.starts_with("| louder | 0.625 |") && line.ends_with("| 0.625 | 16 | 8 | 3 | 3 | 2 |"), "{line}");
    assert!(card.contains("the table above says how often each emotion was found"), "{card}");

    fs::write(&path, "{}").unwrap();
    let message = write_card(&folder, &[]).unwrap_err().to_string();
    assert!(message.contains("robustness.json: expected what `trainer robustness` writes"), "{message}");
    assert_eq!(fs::read_to_string(folder.join("MODEL_CARD.md")).unwrap(), card);
}
