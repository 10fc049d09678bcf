//! Sweeps on small real clips: killed at any moment, interrupted, on a full disk; the same results for any number of threads; the test split is evaluated once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime};

use moodline_engine::{BackendChoice, Model};
use tempfile::TempDir;
use test_support::repository;
use test_support::skip::skip;
use test_support::waiting::wait_until;
use tests_train::workplace;
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::manifest::{Manifest, Split, Splits};
use trainer::measure::evaluate::History;
use trainer::measure::evaluate::evaluate;
use trainer::study::sweep::folder::SweepFolder;
use trainer::study::sweep::results::{SweepResults, TrialRecord, TrialStatus};
use trainer::train::checkpoint::Checkpoint;
use trainer::train::export::{OnnxRuntimeLeg, export};
use trainer::train::run::folder::RunFolder;

/// Arguments for the command `trainer` in a separate process, one per line.
const ARGUMENTS: &str = "MOODLINE_TEST_TRAINER";

/// Six short trainings.
const GRID: &str = "strategy = { kind = \"grid\" }\nseeds = [0, 1]\nset = [\"training.epochs=40\", \"training.batch_size=3\"]\n\
                    [sweep.axes]\n\"network.units\" = [4, 8, 12]\n";

/// Does nothing as a test. Other tests start this program with it to run the command `trainer` as a process that can be killed.
#[test]
fn the_command_as_a_process() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments = ["trainer"].into_iter().chain(arguments.lines()).map(OsString::from);
    let code = trainer::cli::run(arguments, Progress::Lines, &Interrupt::default());
    let number = (0..=u8::MAX).find(|&number| ExitCode::from(number) == code);
    std::process::exit(i32::from(number.unwrap_or(u8::MAX)));
}

/// A process that runs the command `trainer` with these arguments.
pub(crate) fn process(arguments: &[String]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "sweep::the_command_as_a_process", "--nocapture"]).env(ARGUMENTS, arguments.join("\n"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A folder with the samples and the file of a sweep of the shipped recipe.
pub(crate) fn place(sweep: &str) -> TempDir {
    let place = workplace(&[]);
    write_sweep(&place, sweep);
    place
}

fn write_sweep(place: &TempDir, sweep: &str) {
    let base = repository().join("trainer/configs/paper-ltc-16.toml");
    fs::write(place.path().join("sweep.toml"), format!("[sweep]\nbase = '{}'\n{sweep}", base.display())).unwrap();
}

/// The arguments of a sweep with the output folder `out`.
pub(crate) fn arguments(place: &TempDir, out: &str, more: &[&str]) -> Vec<String> {
    let path = |name: &str| place.path().join(name).display().to_string();
    let always = [
        "sweep",
        "--config",
        &path("sweep.toml"),
        "--manifest",
        &path("corpus.csv"),
        "--out",
        &path(out),
        "--cache",
        &path("cache"),
    ];
    always.iter().chain(more).map(ToString::to_string).collect()
}

fn run(place: &TempDir, out: &str, more: &[&str]) -> ExitCode {
    let arguments = ["trainer".to_owned()].into_iter().chain(arguments(place, out, more)).map(OsString::from);
    trainer::cli::run(arguments, Progress::Silent, &Interrupt::default())
}

pub(crate) fn folder(place: &TempDir, out: &str) -> SweepFolder {
    SweepFolder::new(&place.path().join(out))
}

/// The results of a sweep, without the times taken.
fn timeless(place: &TempDir, out: &str) -> SweepResults {
    let mut results = folder(place, out).results().unwrap();
    results.configurations.iter_mut().flat_map(|of| &mut of.trials).for_each(|trial| trial.seconds = 0.0);
    results
}

/// The existing records, by path, with their modification times.
fn records(place: &TempDir, out: &str) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let trials = fs::read_dir(place.path().join(out).join("trials"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("trial.json"));
    let record = |path: PathBuf| Some((path.clone(), (fs::read(&path).ok()?, path.metadata().ok()?.modified().ok()?)));
    trials.filter_map(record).collect()
}

/// Waits until `n` more trials have their records, or the process has ended.
fn wait_for(child: &mut Child, place: &TempDir, out: &str, n: usize) {
    let before = records(place, out).len();
    wait_until("a trial ends", || child.try_wait().unwrap().is_some() || records(place, out).len() >= before + n);
}

#[test]
fn a_sweep_that_is_killed_again_and_again_repeats_no_finished_trial_and_finds_the_same() {
    let place = place(GRID);
    let mut n_killed = 0;
    loop {
        let before = records(&place, "killed");
        let mut child = process(&arguments(&place, "killed", &["--threads", "2"])).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&mut child, &place, "killed", 1);
        // A little later each time, so that the running trials are somewhere in the middle.
        std::thread::sleep(Duration::from_millis(7 * n_killed));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        let after = records(&place, "killed");
        assert!(before.iter().all(|(path, record)| after.get(path) == Some(record)), "a finished trial ran again");
        for (bytes, _) in after.values() {
            assert_eq!(serde_json::from_slice::<TrialRecord>(bytes).unwrap().status, TrialStatus::Finished);
        }
        if status.success() && n_killed >= 2 {
            break;
        }
        if status.success() {
            // It finished before this process, delayed by other load, could kill it: repeat from the start.
            fs::remove_dir_all(place.path().join("killed")).unwrap();
            n_killed = 0;
            continue;
        }
        n_killed += 1;
        assert!(n_killed < 60, "it never ends");
    }
    assert_eq!(run(&place, "straight", &["--threads", "1"]), ExitCode::SUCCESS);
    assert_eq!(run(&place, "threads", &["--threads", "3"]), ExitCode::SUCCESS);
    let straight = timeless(&place, "straight");
    assert!(straight.complete && straight.configurations.iter().all(|of| of.dev.is_some()));
    assert_eq!(timeless(&place, "killed"), straight, "a sweep that was killed finds the same");
    assert_eq!(timeless(&place, "threads"), straight, "so does one with other threads");
    for name in ["results.csv", "summary.csv", "summary.md", "sweep.svg"] {
        assert!(place.path().join("killed").join(name).is_file(), "{name}");
    }
}

#[test]
fn the_test_split_is_measured_once_for_the_chosen_configuration() {
    let place = place(GRID);
    assert_eq!(run(&place, "sweep", &[]), ExitCode::SUCCESS);
    let results = folder(&place, "sweep").results().unwrap();
    let best = results.configurations.iter().map(|of| of.dev.unwrap().uar.mean).fold(0.0, f64::max);
    let chosen = results.chosen_configuration().unwrap();
    assert_eq!(chosen.dev.unwrap().uar.mean, best);
    let test = results.chosen.as_ref().unwrap().test.as_ref().unwrap();
    assert_eq!(test.trials.iter().map(|trial| trial.seed).collect::<Vec<_>>(), [0, 1]);

    // The trial is a run folder, and the model exported from it performs on test as the sweep reports.
    let trial = &test.trials[1];
    let out = place.path().join("model.onnx");
    export(&[RunFolder::open(&folder(&place, "sweep").trial(&trial.id)).unwrap()], &out, OnnxRuntimeLeg::IfFound).unwrap();
    let manifest = Manifest::read(&[place.path().join("corpus.csv")], Splits::Required).unwrap();
    let model = Model::open(&out).unwrap();
    let measured = evaluate(
        &model,
        &manifest,
        Some(Split::Test),
        BackendChoice::Native,
        History::Cold,
        Progress::Silent,
        &Interrupt::default(),
    );
    assert_eq!(measured.unwrap().evaluation.report.confusion, trial.report.confusion);

    // A second run uses the stored result and does not evaluate again.
    let path = folder(&place, "sweep").results_path();
    let mut marked = results.clone();
    marked.chosen.as_mut().unwrap().test.as_mut().unwrap().n_left_out = 7;
    fs::write(&path, marked.to_json()).unwrap();
    assert_eq!(run(&place, "sweep", &[]), ExitCode::from(1), "clips were left out, says the mark");
    assert_eq!(folder(&place, "sweep").results().unwrap(), marked);
}

#[test]
fn halving_trains_the_best_to_the_end_as_if_it_had_never_halted() {
    let sweep = "strategy = { kind = \"successive_halving\", trials = 4, min_epochs = 2, factor = 2 }\nseeds = [0]\n\
                 set = [\"training.epochs=8\", \"training.batch_size=3\"]\n[sweep.axes]\n\"network.units\" = [4, 6, 8, 12]\n";
    let place = place(sweep);
    assert_eq!(run(&place, "halving", &["--threads", "2"]), ExitCode::SUCCESS);
    let results = folder(&place, "halving").results().unwrap();
    let mut epochs: Vec<(usize, TrialStatus)> =
        results.configurations.iter().map(|of| (of.trials[0].epochs, of.trials[0].status)).collect();
    epochs.sort_by_key(|(epochs, _)| *epochs);
    let paused = TrialStatus::Paused;
    assert_eq!(epochs, [(2, paused), (2, paused), (4, paused), (8, TrialStatus::Finished)]);
    // Of those halted after two epochs, the best two continued.
    let after = |n: usize| -> Vec<f64> {
        let went = results.configurations.iter().filter(|of| (of.trials[0].epochs > 2) == (n > 2));
        went.map(|of| of.trials[0].rungs[0].best.uar).collect()
    };
    assert!(after(4).iter().all(|best| after(2).iter().all(|other| best >= other)));

    let chosen = results.chosen_configuration().unwrap();
    let whole = TempDir::new().unwrap();
    write_sweep(&whole, &sweep.replace("\"successive_halving\", trials = 4, min_epochs = 2, factor = 2", "\"grid\""));
    fs::copy(place.path().join("corpus.csv"), whole.path().join("corpus.csv")).unwrap();
    assert_eq!(run(&whole, "grid", &[]), ExitCode::SUCCESS);
    let weights = |place: &TempDir, out: &str| {
        let run = RunFolder::open(&folder(place, out).trial(&chosen.trials[0].id)).unwrap();
        Checkpoint::read(&run.last_checkpoint()).unwrap().weights
    };
    assert_eq!(weights(&place, "halving"), weights(&whole, "grid"));
}

#[test]
fn a_sweep_that_is_wrong_says_so_before_anything_runs() {
    for (from, to, code) in [
        ("[4, 8, 12]", "[4, 0]", ExitCode::from(2)),
        ("[4, 8, 12]", "[]", ExitCode::from(2)),
        ("network.units", "network.unit", ExitCode::from(2)),
        ("\"grid\"", "\"luck\"", ExitCode::from(2)),
    ] {
        let place = place(&GRID.replacen(from, to, 1));
        assert_eq!(run(&place, "sweep", &[]), code, "{to}");
        assert!(!place.path().join("sweep").exists(), "{to}");
    }
    let place = place(GRID);
    fs::create_dir(place.path().join("used")).unwrap();
    fs::write(place.path().join("used/notes.txt"), "mine").unwrap();
    assert_eq!(run(&place, "used", &[]), ExitCode::from(1));
    assert_eq!(run(&place, "slurm", &["--executor", "slurm", "--sbatch-args", "--no-such-argument"]), ExitCode::from(1));
}

#[test]
fn an_interrupted_sweep_goes_on() {
    let place = place(GRID);
    let interrupt = Interrupt::default();
    let arguments: Vec<OsString> =
        ["trainer".to_owned()].into_iter().chain(arguments(&place, "sweep", &["--threads", "1"])).map(OsString::from).collect();
    let code = std::thread::scope(|scope| {
        let sweep = scope.spawn(|| trainer::cli::run(arguments, Progress::Silent, &interrupt));
        wait_until("a trial ends", || !records(&place, "sweep").is_empty() || sweep.is_finished());
        interrupt.request();
        sweep.join().unwrap()
    });
    assert_eq!(code, ExitCode::from(130));
    let results = folder(&place, "sweep").results().unwrap();
    assert!(!results.complete && results.chosen.is_none());
    let done = records(&place, "sweep");
    assert!((1..6).contains(&done.len()), "{}", done.len());
    assert_eq!(run(&place, "sweep", &[]), ExitCode::SUCCESS);
    let after = records(&place, "sweep");
    assert!(after.len() == 6 && done.iter().all(|(path, record)| after.get(path) == Some(record)));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_no_finished_trial() {
    let place = place(GRID);
    let small = place.path().join("sweep");
    fs::create_dir(&small).unwrap();
    let mount = |options: &str| {
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&small).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !mount("size=200k") {
        return skip("a small file system", "it takes the right to mount one");
    }
    let outcome = std::panic::catch_unwind(|| {
        assert_eq!(run(&place, "sweep", &["--threads", "1"]), ExitCode::from(1));
        let done = records(&place, "sweep");
        assert!((1..6).contains(&done.len()), "{}", done.len());
        assert!(mount("remount,size=20m"));
        assert_eq!(run(&place, "sweep", &[]), ExitCode::SUCCESS);
        let after = records(&place, "sweep");
        assert!(after.len() == 6 && done.iter().all(|(path, record)| after.get(path) == Some(record)));
    });
    Command::new("umount").arg(&small).status().unwrap();
    outcome.unwrap();
}
