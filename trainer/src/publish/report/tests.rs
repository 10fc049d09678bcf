use std::collections::BTreeMap;
use std::fs;

use moodline_core::Emotion;
use moodline_engine::Model;

use super::*;
use crate::base::files::Replace;
use crate::measure::evaluate::{Answer, Evaluation, ModelName, answers_csv};
use crate::train::run::list::tests::{finish, tiny_run};

const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// Forty predictions for four speakers in two corpora, with a hostile name among them.
fn answers() -> Vec<Answer> {
    (0..40)
        .map(|index: usize| {
            let (truth, found) = (Emotion::ALL[index % 4], Emotion::ALL[(index + usize::from(index.is_multiple_of(3))) % 4]);
            let mut probabilities = [0.1; 4];
            probabilities[found.index()] = 0.7;
            Answer {
                name: format!("{index}.wav"),
                corpus: if index < 20 { HOSTILE.to_owned() } else { "emodb".to_owned() },
                speaker: format!("{HOSTILE}{}", index / 10),
                split: None,
                truth,
                found,
                probabilities,
            }
        })
        .collect()
}

/// A model folder with an evaluation of this model.
fn write_model(folder: &Path, with_predictions: bool) {
    fs::create_dir_all(folder).unwrap();
    let model = Model::embedded();
    fs::write(folder.join("model.onnx"), model.bytes()).unwrap();
    let name = ModelName { id: HOSTILE.to_owned(), fingerprint: model.fingerprint().to_owned() };
    let mut evaluation =
        Evaluation::of(&answers(), name, "native".to_owned(), "test".to_owned(), vec![format!("{HOSTILE}.csv")], 0);
    if with_predictions {
        fs::write(folder.join("predictions.csv"), answers_csv(&answers())).unwrap();
    } else {
        evaluation.calibration = None;
        evaluation.per_corpus = BTreeMap::new();
    }
    fs::write(folder.join("metrics.json"), evaluation.to_json()).unwrap();
}

fn options(root: &Path, folders: &[&str]) -> ReportOptions {
    ReportOptions {
        folders: folders.iter().map(|folder| root.join(folder)).collect(),
        out: root.join("out/page.html"),
        title: HOSTILE.to_owned(),
        latency: false,
    }
}

fn write(options: &ReportOptions) -> (Written, String) {
    files::create_folder(files::folder_of(&options.out)).unwrap();
    let written = write_report(options, FilePlan::new(Replace::Never)).unwrap();
    let page = fs::read_to_string(&written.page).unwrap();
    (written, page)
}

#[test]
fn a_page_holds_what_its_folders_hold_and_names_from_files_stay_text() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    let run = tiny_run(root, "run", &[]);
    finish(&run);
    write_model(&root.join("model"), true);
    let options = options(root, &["run", "model"]);
    let (written, page) = write(&options);
    assert_eq!(written.problems, [] as [String; 0]);
    for heading in
        ["Comparison of models", "Confusion matrices", "Speakers and corpora", "Calibration", "What it costs", "Training"]
    {
        assert!(page.contains(&format!("{heading}</h2>")), "{heading}");
    }
    assert!(page.contains("run: a run without an evaluation"), "what is missing is named");
    assert!(page.contains("expected calibration error") && page.contains("best epoch"));
    assert!(page.contains("Where the curves end") && page.contains("0.6499"), "the paper's figures beside those of the run");
    assert!(!page.contains("<script") && !page.contains(&root.display().to_string()));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let beside: Vec<String> =
        fs::read_dir(&written.pictures).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(beside.len(), 2 * written.n_figures);
    for file in beside.iter().filter(|file| file.ends_with(".svg")) {
        let svg = fs::read_to_string(written.pictures.join(file)).unwrap();
        assert!(!svg.contains("<script") && page.contains(&svg), "{file} is the picture on the page");
    }
    assert_eq!(write(&options).1, page, "the same folders give the same page");
}

#[test]
fn figures_are_those_of_metrics() {
    let place = tempfile::tempdir().unwrap();
    write_model(&place.path().join("model"), true);
    let (written, _) = write(&options(place.path(), &["model"]));
    let file = |part: &str| {
        let mut files = fs::read_dir(&written.pictures).unwrap().map(|entry| entry.unwrap().path());
        let found = files.find(|path| path.to_string_lossy().contains(part) && path.extension().unwrap() == "csv");
        fs::read_to_string(found.unwrap()).unwrap()
    };
    let by_speaker = crate::measure::evaluate::confusion_by_speaker(&answers());
    let report = crate::measure::metrics::Report::of(&by_speaker);
    let [low, high] = report.uar_interval.unwrap();
    assert!(file("comparison-uar").contains(&format!("{:.4},{low:.4},{high:.4},n = 40", report.uar)));
    let [low, high] = crate::measure::metrics::accuracy_interval(&by_speaker).unwrap();
    let accuracy = file("comparison-accuracy");
    assert!(accuracy.contains(&format!("{:.4},{low:.4},{high:.4},n = 40", report.accuracy)), "{accuracy}");
    assert!(accuracy.contains("0.6300,,,quoted"), "{accuracy}");
    let confusion = file("confusion");
    assert!(confusion.contains(&format!("angry,happy,{},", report.confusion.0[0][1])), "{confusion}");
}

#[test]
fn what_is_missing_or_broken_is_said_and_the_rest_is_reported() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    write_model(&root.join("old"), false);
    fs::create_dir(root.join("empty")).unwrap();
    fs::create_dir(root.join("bad")).unwrap();
    fs::write(root.join("bad/sweep.json"), "{\"version\": 1}").unwrap();
    let (written, page) = write(&options(root, &["old", "empty", "bad"]));
    assert!(page.contains("old: no predictions.csv, so no reliability diagram"), "{page}");
    assert!(!page.contains("Calibration</h2>"));
    assert_eq!(written.problems.len(), 3, "{:?}", written.problems);
    assert!(
        written.problems.iter().any(|problem| problem.starts_with("bad/sweep.json: missing field")),
        "{:?}",
        written.problems
    );
    let error = write_report(&options(root, &["empty"]), FilePlan::new(Replace::Never)).unwrap_err().to_string();
    assert!(error.contains("nothing to report on") && error.contains("metrics*.json"), "{error}");
}

#[test]
fn a_class_without_a_clip_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("model");
    write_model(&folder, false);
    let answers: Vec<Answer> = answers().into_iter().filter(|answer| answer.truth != Emotion::Sad).collect();
    let name = ModelName { id: "small".to_owned(), fingerprint: "0f".to_owned() };
    let evaluation = Evaluation::of(&answers, name, "native".to_owned(), "dev".to_owned(), vec!["mine.csv".to_owned()], 0);
    fs::write(folder.join("metrics.json"), evaluation.to_json()).unwrap();
    let (_, page) = write(&options(place.path(), &["model"]));
    assert!(page.contains("Note that no utterance is sad: the UAR is the mean over all 4 classes"), "{page}");
}

#[test]
fn answers_of_another_evaluation_are_not_drawn_as_this_ones() {
    let place = tempfile::tempdir().unwrap();
    write_model(&place.path().join("model"), true);
    fs::write(place.path().join("model/predictions.csv"), answers_csv(&answers()[..7])).unwrap();
    let (written, _) = write(&options(place.path(), &["model"]));
    assert_eq!(written.problems, ["model: predictions.csv: expected the 40 clips of metrics.json, found 7"]);
}
