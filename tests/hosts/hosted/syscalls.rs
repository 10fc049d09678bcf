//! The audio thread makes no system calls, as observed by strace.

use std::env;
use std::fs;
use std::hint;
use std::path::Path;
use std::process::Command;

use test_support::skip::skip;

use super::in_both_hosts;
use crate::host::{Host, HostedPlayer, HostedTrack, Mode, Setup, Transport};

in_both_hosts!(processing_makes_no_system_call);

/// Paths that do not exist: opening them marks positions in the trace.
const BEGIN: &str = "/moodline-processing-begins";
const END: &str = "/moodline-processing-ends";

const INSIDE: &str = "MOODLINE_TEST_UNDER_STRACE";

const STEREO: Setup = Setup { rate_hz: 48e3, n_channels: 2, max_frames: 512 };

/// A bounce, and then two minutes of stereo between the two marks, which is more than the ring holds, with automation and jumps.
fn play_between_marks<H: Host>(host: &H) {
    let mut track = host.track();
    track.set_mode(Mode::Offline);
    track.play(&STEREO, |player| player.play(&[0.1; 48_000]));
    track.set_mode(Mode::Realtime);
    track.play(&STEREO, |player| {
        player.locate(Transport::Playing(0));
        player.play(&[0.1; 48_000]);
        let _ = Path::new(BEGIN).exists();
        for index in 0..12_000_u32 {
            if index % 1000 == 0 {
                player.locate(Transport::Playing(i64::from(index % 7) * 48_000));
            }
            let id = ["window", "bypass", "source", "follow"][index as usize / 100 % 4];
            let change = (id, f64::from(index / 400 % 2));
            player.process_with(512, (index % 100 == 0).then_some(change));
            // Time for the worker, whose activity must not show either; sleeping would be a system call.
            for _ in 0..5_000 {
                hint::spin_loop();
            }
        }
        let _ = Path::new(END).exists();
    });
}

fn processing_makes_no_system_call<H: Host>() {
    let Some(host) = H::load() else { return };
    if env::var_os(INSIDE).is_some() {
        return play_between_marks(&host);
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let output = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("hosted::syscalls::processing_makes_no_system_call::{}", H::FORMAT), "--test-threads=1"])
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
    assert_silent(&fs::read_to_string(&trace).unwrap());
}

/// Asserts that the thread that set the marks in `trace` made no calls between them.
fn assert_silent(trace: &str) {
    let mark =
        |name: &str| trace.lines().position(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name} in the trace"));
    let (begin, end) = (mark(BEGIN), mark(END));
    let thread = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let lines: Vec<_> = trace.lines().collect();
    let audio = thread(lines[begin]);
    assert_eq!(audio, thread(lines[end]), "one thread plays");
    // strace splits a call that another thread interrupts into two lines, so a mark can have a second one.
    let calls: Vec<_> = lines[begin + 1..end].iter().filter(|line| thread(line) == audio && !line.contains("resumed>")).collect();
    assert!(calls.is_empty(), "{} system calls of the audio thread, first {:?}", calls.len(), &calls[..calls.len().min(5)]);
    assert!(lines.iter().any(|line| thread(line) != audio), "strace follows threads");
}
