//! The program when nobody reads its output.

use std::io::PipeWriter;
use std::process::{Command, Stdio};

fn trainer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(arguments);
    command
}

/// A pipe like that of `| head` after it has read enough.
fn nobody() -> PipeWriter {
    std::io::pipe().unwrap().1
}

#[test]
fn a_reader_that_went_away_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for (arguments, code) in [(["runs", path], 0), (["card", path], 1)] {
        let status = trainer(&arguments).stdout(nobody()).stderr(nobody()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn results_that_are_lost_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = trainer(&["runs", folder.path().to_str().unwrap()]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("error: standard output: the results cannot be written there: No space left"), "{said}");
}
