//! However a training run is asked to end, it stores its epoch and can be resumed.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_support::own_process::outlives_terminal;
use test_support::repository;
use test_support::skip::skip;

/// A manifest of the sample recordings, with two training speakers and one dev speaker.
fn manifest(folder: &Path) -> PathBuf {
    let samples = repository().join("tests/samples");
    let table = fs::read_to_string(samples.join("samples.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let [path, speaker, emotion] = ["path", "speaker", "emotion"].map(column);
    let mut lines = vec!["path,speaker,emotion,split".to_owned()];
    for record in reader.records().map(Result::unwrap) {
        let split = if record[speaker].ends_with("12") { "dev" } else { "train" };
        lines.push(format!("{},{},{},{split}", samples.join(&record[path]).display(), &record[speaker], &record[emotion]));
    }
    let path = folder.join("corpus.csv");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn every_signal_ends_a_training_after_its_epoch() {
    for signal in ["INT", "TERM", "HUP"] {
        if signal == "HUP" && outlives_terminal() {
            skip("SIGHUP", "it is ignored here");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .arg("train")
            .arg("--config")
            .arg(repository().join("trainer/configs/paper-ltc-16.toml"))
            .arg("--manifest")
            .arg(manifest(folder.path()))
            .arg("--out")
            .arg(folder.path().join("run"))
            .args(["--cache", "none", "--set", "training.epochs=100000", "--set", "training.patience="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("epoch   1/") {
            line.clear();
            assert_ne!(told.read_line(&mut line).unwrap(), 0, "it ended before it was asked to");
        }
        // Twice, as when a terminal is closed or a cluster ends a job: it counts as one request.
        let pid = child.id().to_string();
        let twice = if signal == "INT" { "kill -INT $0" } else { "kill -$1 $0; kill -$1 $0" };
        assert!(Command::new("sh").args(["-c", twice, &pid, signal]).status().unwrap().success());
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}: {rest}");
        assert!(rest.contains("--resume"), "{signal}: {rest}");
        assert!(folder.path().join("run/checkpoints/last.safetensors").is_file());
        let log = fs::read_to_string(folder.path().join("run/log.txt")).unwrap();
        assert!(log.contains("interrupted after"), "{signal}: {log}");
    }
}
