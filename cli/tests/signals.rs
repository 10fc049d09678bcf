//! However the program is asked to end, finished results are written and nothing else remains.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_support::own_process::outlives_terminal;
use test_support::skip::skip;

/// Time limit, generous enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(600);

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples/03a02Nc.flac")
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The beginning of a WAV file that never ends.
fn endless_wav() -> Vec<u8> {
    let mut header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    header.extend(16_000_u32.to_le_bytes());
    header.extend(32_000_u32.to_le_bytes());
    header.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
    header
}

/// The writer that fills the pipe.
#[derive(Clone, Default)]
struct Feeder {
    n_blocks: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

/// A folder with a recording, and a pipe that appears among the inputs and never ends.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(sample(), folder.path().join("done.flac")).unwrap();
        assert!(succeeds("mkfifo", &[folder.path().join("endless.wav").to_str().unwrap()]));
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Analyses the recording and then the pipe.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moodline"));
        command.current_dir(self.folder.path()).args(["analyze", "--jobs", "1", "--backend", "native"]);
        command.args(["--format", "csv", "--output", "results.csv", "--save", "json=results.json", "done.flac", "endless.wav"]);
        command
    }

    /// Fills the pipe with silence for as long as it is read, or until told to stop.
    fn feed(&self) -> Feeder {
        let path = self.at("endless.wav");
        let feeder = Feeder::default();
        let Feeder { n_blocks, stop } = feeder.clone();
        thread::spawn(move || {
            let mut pipe = File::options().write(true).open(path).unwrap();
            let mut outcome = pipe.write_all(&endless_wav());
            while outcome.is_ok() && !stop.load(Ordering::Relaxed) {
                outcome = pipe.write_all(&[0; 4096]);
                n_blocks.fetch_add(1, Ordering::Relaxed);
            }
        });
        feeder
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn temporary_files(&self) -> usize {
        self.names().iter().filter(|name| name.starts_with(".moodline-")).count()
    }

    /// The results hold the one recording, and no temporary file remains.
    fn check(&self) {
        let csv = fs::read_to_string(self.at("results.csv")).unwrap();
        assert!(csv.starts_with("file,") && csv.contains("done.flac") && !csv.contains("endless.wav"), "{csv}");
        assert!(fs::read_to_string(self.at("results.json")).unwrap().starts_with("{\"file\":\"done.flac\""));
        assert_eq!(self.names(), ["done.flac", "endless.wav", "results.csv", "results.json"]);
    }
}

/// A run whose first recording is finished, and its remaining output.
fn started(mut command: Command) -> (Child, BufReader<ChildStderr>) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("[1/2] ") {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it ended before it was asked to");
    }
    (child, told)
}

fn send(signal: &str, child: &Child) {
    assert!(succeeds("kill", &[&format!("-{signal}"), &child.id().to_string()]));
}

/// The exit status of a run, with its remaining output.
fn end(mut child: Child, mut told: BufReader<ChildStderr>) -> (ExitStatus, String) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(20));
    }
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    (child.wait().unwrap(), rest)
}

#[test]
fn every_signal_keeps_what_is_finished() {
    for signal in ["INT", "TERM", "HUP"] {
        if signal == "HUP" && outlives_terminal() {
            skip("a closed terminal", "SIGHUP is ignored here");
            continue;
        }
        let scene = Scene::new();
        scene.feed();
        let (child, told) = started(scene.command());
        send(signal, &child);
        let (status, rest) = end(child, told);
        assert_eq!(status.code(), Some(1), "{signal}: {rest}");
        assert!(rest.contains("interrupted; 1 of 2 recordings were finished and written"), "{signal}: {rest}");
        scene.check();
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
    let scene = Scene::new();
    let (child, told) = started(scene.command());
    send("TERM", &child);
    let (status, rest) = end(child, told);
    assert_eq!(status.code(), Some(1), "{rest}");
    scene.check();
}

/// A closing terminal signals its programs several times; every signal other than a key press counts as the same request.
#[test]
fn signals_that_come_together_are_one() {
    let scene = Scene::new();
    scene.feed();
    let (child, told) = started(scene.command());
    let pid = child.id().to_string();
    assert!(succeeds("sh", &["-c", "kill -TERM $0; kill -TERM $0; kill -HUP $0; kill -CONT $0", &pid]));
    let (status, rest) = end(child, told);
    assert_eq!(status.code(), Some(1), "{rest}");
    scene.check();
}

/// The second Ctrl-C ends the program at once and leaves no half-written file either.
#[test]
fn a_second_key_ends_it_at_once_without_traces() {
    let scene = Scene::new();
    let (child, told) = started(scene.command());
    let start = Instant::now();
    while scene.temporary_files() == 0 {
        assert!(start.elapsed() < PATIENCE, "it writes nothing");
        thread::sleep(Duration::from_millis(20));
    }
    // The two could be taken for one if the first is not yet handled, so this repeats until the process ends.
    let mut child = child;
    while child.try_wait().unwrap().is_none() && start.elapsed() < PATIENCE {
        send("INT", &child);
        thread::sleep(Duration::from_millis(20));
    }
    let (status, rest) = end(child, told);
    // If the second key press comes late, the program has already ended.
    assert!(matches!(status.code(), Some(130 | 1)), "{status:?}: {rest}");
    assert_eq!(scene.temporary_files(), 0);
}

/// A program started so as to outlive its terminal continues without it.
#[test]
fn nohup_is_obeyed() {
    let scene = Scene::new();
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_moodline")).args(scene.command().get_args()).current_dir(scene.folder.path());
    let feeder = scene.feed();
    let (child, told) = started(command);
    send("HUP", &child);
    // Far more than a pipe holds: the program continues to read.
    let (before, start) = (feeder.n_blocks.load(Ordering::Relaxed), Instant::now());
    while feeder.n_blocks.load(Ordering::Relaxed) < before + 1000 {
        assert!(start.elapsed() < PATIENCE, "it does not read on");
        thread::sleep(Duration::from_millis(20));
    }
    feeder.stop.store(true, Ordering::Relaxed);
    let (_, rest) = end(child, told);
    assert!(rest.contains("[2/2] ") && !rest.contains("interrupted"), "{rest}");
}

/// A real terminal, made by `script`, that vanishes: signals arrive, and every write fails.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_is_closed_keeps_what_is_finished() {
    if !succeeds("script", &["--version"]) || outlives_terminal() {
        skip("a closed terminal", "it takes `script` of util-linux, and SIGHUP that is not ignored");
        return;
    }
    let scene = Scene::new();
    scene.feed();
    let program = env!("CARGO_BIN_EXE_moodline");
    let line = format!(
        "echo $$ > pid; exec '{program}' analyze --jobs 1 --backend native --save csv=results.csv --save json=results.json done.flac endless.wav"
    );
    let mut script = Command::new("script")
        .args(["--quiet", "--command", &line, "/dev/null"])
        .current_dir(scene.folder.path())
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut screen = BufReader::new(script.stdout.take().unwrap());
    let mut shown = Vec::new();
    while !shown.windows(6).any(|part| part == b"no_spe" || part == b"neutra" || part == b"   sad" || part == b" angry") {
        let n = screen.fill_buf().unwrap().len();
        assert_ne!(n, 0, "it ended before it was asked to: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(screen.buffer());
        screen.consume(n);
    }
    let pid = fs::read_to_string(scene.at("pid")).unwrap();
    script.kill().unwrap();
    script.wait().unwrap();
    let start = Instant::now();
    while succeeds("kill", &["-0", pid.trim()]) {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(20));
    }
    fs::remove_file(scene.at("pid")).unwrap();
    scene.check();
}
