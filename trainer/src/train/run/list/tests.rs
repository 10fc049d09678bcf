use std::fs;

use super::*;
use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, Splits};
use crate::train::config::TrainConfig;
use crate::train::run::{RunError, TrainOptions, TrainedRun, train, train_watched};
use crate::train::tensorboard;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A run of two epochs on the sixteen samples, below `folder`, whose `corpus.csv` is written if necessary.
pub(crate) fn tiny_run(folder: &Path, name: &str, overrides: &[&str]) -> TrainOptions {
    let manifest = folder.join("corpus.csv");
    let samples = Manifest::read(&[Path::new(REPOSITORY).join("tests/samples/samples.csv")], Splits::Ignored).unwrap();
    let lines = samples.utterances.iter().map(|utterance| {
        let split = match utterance.speaker.as_str() {
            "emodb:03" | "emodb:08" => "train",
            "emodb:12" => "dev",
            _ => "test",
        };
        format!("{},emodb,{},{},{split}\n", utterance.path.display(), utterance.speaker, utterance.emotion)
    });
    let header = "path,corpus,speaker,emotion,split\n".to_owned();
    fs::write(&manifest, std::iter::once(header).chain(lines).collect::<String>()).unwrap();
    let config = fs::read_to_string(Path::new(REPOSITORY).join("trainer/configs/paper-ltc-16.toml")).unwrap();
    let overrides: Vec<String> = ["training.epochs=2", "training.batch_size=3", "model.id=tiny"]
        .iter()
        .chain(overrides)
        .map(ToString::to_string)
        .collect();
    TrainOptions {
        config: TrainConfig::parse("tiny.toml", &config, &overrides).unwrap(),
        config_file: "tiny.toml".to_owned(),
        overrides,
        manifests: vec![manifest],
        out: folder.join(name),
        resume: false,
        cache: Some(folder.join("cache")),
        tensorboard: true,
    }
}

pub(crate) fn finish(options: &TrainOptions) -> TrainedRun {
    train(options, Progress::Silent, &Interrupt::default()).unwrap()
}

#[test]
fn runs_are_listed_with_their_state_and_compared_by_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let first = tiny_run(root, "runs/first", &[]);
    finish(&first);
    let second = tiny_run(root, "runs/deeper/second", &["network.units=8", "training.epochs=3"]);
    let interrupt = Interrupt::default();
    train_watched(&second, Progress::Silent, &interrupt, &mut |_| interrupt.request()).unwrap();
    let broken = root.join("runs/third");
    fs::create_dir(&broken).unwrap();
    for file in ["config.toml", "run.json"] {
        fs::write(broken.join(file), "?").unwrap();
    }

    let runs = find_runs(&root.join("runs")).unwrap();
    let found: Vec<_> = runs.iter().map(|run| (run.name.as_str(), run.state, run.epochs, run.of_epochs)).collect();
    let expected =
        [("deeper/second", RunState::Stopped, 1, 3), ("first", RunState::Finished, 2, 2), ("third", RunState::Damaged, 0, 0)];
    assert_eq!(found, expected);
    assert_eq!(runs[1].config_sha256, first.config.sha256());
    assert_eq!(runs[1].corpora, ["emodb"]);
    assert!(runs[2].problem.as_ref().unwrap().contains("config.toml"), "{:?}", runs[2].problem);
    let text = list(&runs).to_text();
    assert!(text.contains("first") && text.contains("finished     2/2"), "{text}");

    let table = comparison(&[first.out.clone(), second.out]).unwrap();
    let row = |name: &str| table.rows.iter().find(|row| row[0] == name).map(|row| row[1..].to_vec());
    assert_eq!(row("network.units").unwrap(), ["16", "8"]);
    assert_eq!(row("training.epochs").unwrap(), ["2", "3"]);
    assert_eq!(row("training.batch_size"), None, "what is the same in both is not shown");
    let best = runs[1].best.as_ref().unwrap();
    assert_eq!(row("dev UAR").unwrap()[0], format!("{:.4}", best.dev_uar));
    assert!(comparison(&[first.out, broken]).is_err());
}

#[test]
fn a_run_that_goes_on_is_running_and_nobody_else_trains_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let options = tiny_run(folder.path(), "run", &[]);
    let again = TrainOptions { resume: true, ..options.clone() };
    let mut seen = Vec::new();
    train_watched(&options, Progress::Silent, &Interrupt::default(), &mut |_| {
        seen.push(summarise(&options.out, "run".to_owned()).state);
        let error = train(&again, Progress::Silent, &Interrupt::default()).unwrap_err();
        assert!(matches!(error, RunError::Folder(RunFolderError::Busy { .. })), "{error}");
    })
    .unwrap();
    assert_eq!(seen, [RunState::Running; 2]);
    assert_eq!(summarise(&options.out, "run".to_owned()).state, RunState::Finished);
}

#[test]
fn the_log_tells_of_start_epochs_and_end_and_names_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = tiny_run(folder.path(), "run", &[]);
    let interrupt = Interrupt::default();
    train_watched(&options, Progress::Silent, &interrupt, &mut |_| interrupt.request()).unwrap();
    options.resume = true;
    finish(&options);
    let log = fs::read_to_string(options.out.join("log.txt")).unwrap();
    let lines: Vec<&str> = log.lines().map(|line| line.split_once("INFO ").map_or(line, |(_, text)| text)).collect();
    let position =
        |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {log}"));
    let order = [
        "started on trainer ",
        "configuration tiny.toml (",
        "manifest corpus.csv (",
        "epoch   1/2",
        "interrupted after 1 epochs; best epoch 1",
        "resumed on trainer ",
        "epoch   2/2",
        "finished after 2 epochs",
    ];
    assert!(order.windows(2).all(|pair| position(pair[0]) < position(pair[1])), "{log}");
    assert!(!log.contains(&folder.path().display().to_string()), "{log}");
}

#[test]
fn a_licence_that_names_a_corpus_the_model_does_not_learn_from_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let log = |name: &str, licence: &str| {
        let options = tiny_run(folder.path(), name, &[&format!("model.licence={licence:?}"), "training.epochs=1"]);
        finish(&options);
        fs::read_to_string(options.out.join("log.txt")).unwrap()
    };
    let recipe = log("recipe", "ODbL-1.0 data (CREMA-D) and CC0-1.0 data (EmoDB)");
    assert!(recipe.contains("warning: model.licence speaks of crema-d, which this model does not learn from"), "{recipe}");
    let own = log("own", "CC0-1.0 data (EmoDB), as our folders say");
    assert!(!own.contains("warning"), "{own}");
}

#[test]
fn tensorboard_gets_every_epoch_once_whatever_was_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = tiny_run(folder.path(), "run", &[]);
    let interrupt = Interrupt::default();
    train_watched(&options, Progress::Silent, &interrupt, &mut |_| interrupt.request()).unwrap();
    let path = options.out.join(tensorboard::FILE_NAME);
    // A killed process left half a record.
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 7]).unwrap();
    options.resume = true;
    options.tensorboard = false;
    let outcome = finish(&options);
    let bytes = fs::read(&path).unwrap();
    let expected: Vec<usize> = std::iter::once(tensorboard::header(1.0).len())
        .chain(outcome.history.iter().map(|record| tensorboard::epoch(record, 1.0).len()))
        .collect();
    assert_eq!((expected.len(), bytes.len()), (3, expected.iter().sum()));
    let plain = tiny_run(folder.path(), "plain", &[]);
    finish(&TrainOptions { tensorboard: false, ..plain.clone() });
    assert!(!plain.out.join(tensorboard::FILE_NAME).exists());
}

/// Runs in the child process of the test below, where a limit on file sizes applies.
#[cfg(unix)]
fn train_where_files_may_not_grow(folder: &Path) {
    let mut options = tiny_run(folder, "run", &["training.epochs=4"]);
    options.resume = true;
    let error = train(&options, Progress::Silent, &Interrupt::default()).unwrap_err().to_string();
    assert!(error.starts_with("epoch 3 could not be stored, all before it are: cannot write"), "{error}");
    assert!(error.ends_with("make room and continue with --resume"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_disk_that_fills_up_loses_no_finished_epoch() {
    const CHILD: &str = "MOODLINE_TEST_RUN";
    if let Some(folder) = std::env::var_os(CHILD) {
        return train_where_files_may_not_grow(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let straight = tiny_run(folder.path(), "straight", &["training.epochs=4"]);
    finish(&straight);
    let mut options = tiny_run(folder.path(), "run", &["training.epochs=4"]);
    let interrupt = Interrupt::default();
    train_watched(&options, Progress::Silent, &interrupt, &mut |epoch| {
        if epoch == 2 {
            interrupt.request();
        }
    })
    .unwrap();
    let last = || Checkpoint::read(&options.out.join("checkpoints/last.safetensors")).unwrap();
    assert_eq!(last().state.epoch, 2);

    let (_, module) = module_path!().split_once("::").unwrap();
    // Blocks of 512 or 1024 bytes: enough for the tables but not for a checkpoint.
    let child = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::a_disk_that_fills_up_loses_no_finished_epoch"))
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(last().state.epoch, 2, "the checkpoint before is intact");

    options.resume = true;
    finish(&options);
    let expected = Checkpoint::read(&straight.out.join("checkpoints/last.safetensors")).unwrap();
    assert_eq!(last().weights, expected.weights);
    assert_eq!(last().best_weights, expected.best_weights);
    assert_eq!(fs::read_to_string(options.out.join("metrics.csv")).unwrap().lines().count(), 5);
}
