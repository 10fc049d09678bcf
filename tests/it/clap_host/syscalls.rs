//! The audio thread never asks the kernel for anything, as strace sees it.

use std::fs;
use std::hint;
use std::path::Path;
use std::process::Command;

use clack_host::prelude::InputEvents;

use super::host::{Track, library, load, set_event};
use crate::skip::skip;

/// Files that do not exist: looking for them marks the trace.
const BEGIN: &str = "/moodline-processing-begins";
const END: &str = "/moodline-processing-ends";

const INSIDE: &str = "MOODLINE_TEST_UNDER_STRACE";

/// Plays between the two marks: two minutes of stereo, which is more than the ring holds, with automation and jumps.
fn play_between_marks() {
    let mut track = Track::new(&load().unwrap());
    track.play(48e3, 2, 512, |player| {
        player.position = Some(0);
        player.play(&[0.1; 48_000]);
        let _ = Path::new(BEGIN).exists();
        for index in 0..12_000_u32 {
            let event = [set_event(5, ["window", "bypass", "source", "follow"][index as usize % 4], f64::from(index / 4 % 2))];
            if index % 1000 == 0 {
                player.position = Some(i64::from(index % 7) * 48_000);
            }
            let events = if index % 100 == 0 { InputEvents::from_buffer(&event) } else { InputEvents::empty() };
            player.process(512, &events);
            // Time for the worker, whose doings must not show either; to sleep would be a call of its own.
            for _ in 0..20_000 {
                hint::spin_loop();
            }
        }
        let _ = Path::new(END).exists();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn processing_makes_no_system_call() {
    if std::env::var_os(INSIDE).is_some() {
        return play_between_marks();
    }
    if library().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let output = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "clap_host::syscalls::processing_makes_no_system_call", "--test-threads=1"])
        .env(INSIDE, "1")
        .output();
    let output = match output {
        Err(error) => return skip("strace", &format!("it cannot be run: {error}")),
        Ok(output) if !trace.exists() || fs::metadata(&trace).unwrap().len() == 0 => {
            return skip("strace", &format!("it may not trace here: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(output) => output,
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    let trace = fs::read_to_string(&trace).unwrap();
    let mark =
        |name: &str| trace.lines().position(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name} in the trace"));
    let (begin, end) = (mark(BEGIN), mark(END));
    let thread = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let lines: Vec<_> = trace.lines().collect();
    let audio = thread(lines[begin]);
    assert_eq!(audio, thread(lines[end]), "one thread plays");
    // strace writes a call that another thread interrupts in two lines, so a mark can have a second one.
    let calls: Vec<_> = lines[begin + 1..end].iter().filter(|line| thread(line) == audio && !line.contains("resumed>")).collect();
    assert!(calls.is_empty(), "{} system calls of the audio thread, first {:?}", calls.len(), &calls[..calls.len().min(5)]);
    assert!(lines.iter().any(|line| thread(line) != audio), "strace follows threads");
}
