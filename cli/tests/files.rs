//! Paths as a shell passes them, in the folder where the program runs.
#![cfg(unix)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples/03a02Nc.flac")
}

/// A folder with a recording, and a command that runs there.
fn place() -> (TempDir, impl Fn(&[&str]) -> Command) {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(sample(), folder.path().join("talk.wav")).unwrap();
    let path = folder.path().to_owned();
    let moodline = move |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moodline"));
        command.current_dir(&path).args(arguments).stdin(Stdio::null());
        command
    };
    (folder, moodline)
}

fn is_untouched(folder: &TempDir) -> bool {
    fs::read(folder.path().join("talk.wav")).unwrap() == fs::read(sample()).unwrap()
        && fs::read_dir(folder.path()).unwrap().count() == 1
}

#[test]
fn a_recording_in_this_folder_is_safe() {
    let (folder, moodline) = place();
    let absolute = folder.path().join("talk.wav").display().to_string();
    let beside = format!("../{}/talk.wav", folder.path().file_name().unwrap().display());
    for output in ["talk.wav", "./talk.wav", ".//talk.wav", "x/../talk.wav", &absolute, &beside] {
        for input in ["talk.wav", "./talk.wav", &absolute, ".", "./"] {
            let done = moodline(&["analyze", "--format", "csv", "--output", output, input]).output().unwrap();
            let told = String::from_utf8(done.stderr).unwrap();
            assert_eq!(done.status.code(), Some(2), "{output} {input}: {told}");
            assert!(told.contains(output) && told.contains("is an input and would be overwritten"), "{told}");
            assert!(is_untouched(&folder), "{output} {input}");
        }
    }
}

#[test]
fn a_recording_that_the_shell_appends_to_is_safe() {
    let (folder, moodline) = place();
    let append = || File::options().append(true).open(folder.path().join("talk.wav")).unwrap();
    let arguments = ["analyze", "talk.wav"];
    assert_eq!(moodline(&arguments).stdout(append()).status().unwrap().code(), Some(2));
    assert!(is_untouched(&folder));
    let done = moodline(&["analyze", "--output", "/dev/stdout", "talk.wav"]).stdout(append()).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8(done.stderr).unwrap().contains("talk.wav"));
    assert!(is_untouched(&folder));
    assert_eq!(moodline(&["model", "talk.wav"]).stdout(append()).status().unwrap().code(), Some(2));
    assert!(is_untouched(&folder));
}

#[test]
fn a_picture_needs_no_room_for_temporary_files() {
    let (folder, moodline) = place();
    let done = moodline(&["analyze", "--plot", "p.png", "talk.wav"]).env("TMPDIR", "/dev/full").output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(fs::read(folder.path().join("p.png")).unwrap().starts_with(b"\x89PNG"));
}
