//! `moodline listen` as a process, reading from a pipe.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use moodline_engine::decode::read_mono_resampled;
use serde_json::Value;
use test_support::recordings::{chunk, format, pcm};
use test_support::sample;
use test_support::skip::skip;
use test_support::waiting::PATIENCE;

const RATE: usize = 16_000;

/// Maximum delay of a line after the end of its block, samples at [`RATE`]: 300 ms.
const WITHIN: usize = 4_800;

fn moodline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moodline"));
    command.stderr(Stdio::null());
    command
}

/// `moodline listen -`, native, as JSON Lines.
fn listen(arguments: &[&str]) -> Child {
    let mut command = moodline();
    command.args(["listen", "-", "--backend", "native", "--format", "jsonl"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Speech at [`RATE`], 16 bits.
fn speech(seconds: usize) -> Vec<i16> {
    let samples = read_mono_resampled(&sample("unheard.flac"), RATE as u32).unwrap();
    samples[..seconds * RATE].iter().map(|sample| (sample * 32_768.0) as i16).collect()
}

/// The header of a WAV file of unknown length, as ffmpeg writes it to a pipe.
fn endless_header() -> Vec<u8> {
    let format = chunk(b"fmt ", &format(1, 1, RATE as u32, 16));
    [&b"RIFF\xff\xff\xff\xffWAVE"[..], &format, b"data\xff\xff\xff\xff"].concat()
}

/// The lines that a program prints. A thread reads them, so that a test can stop waiting for one that never comes; once they are dropped, it closes the
/// pipe.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = sync_channel(0);
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

fn next_event(lines: &Receiver<String>) -> Value {
    let line = lines.recv_timeout(PATIENCE).expect("a line, and not the end of the output or nothing at all");
    serde_json::from_str(&line).unwrap()
}

/// The segments that `moodline analyze` finds in these samples.
fn analysed(samples: &[i16], arguments: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.wav");
    fs::write(&path, test_support::recordings::wav(1, samples)).unwrap();
    let command = ["analyze", "--voice", "none", "--backend", "native", "--format", "json"];
    let output = moodline().args(command).args(arguments).arg(path).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["segments"].as_array().unwrap().clone()
}

/// The block without the fields that differ from run to run or that only a stream has.
fn lasting(mut block: Value) -> Value {
    let fields = block.as_object_mut().unwrap();
    fields.remove("event");
    assert!(fields.remove("latency_ms").unwrap()["inference"].is_number());
    block
}

/// Each line is printed before the audio after its block is even written.
#[test]
fn a_line_comes_before_the_next_block_is_said() {
    let samples = speech(12);
    for raw in [false, true] {
        let mut child = listen(if raw { &["--window", "4", "--raw", "16000:1:s16le"] } else { &["--window", "4"] });
        let (mut pipe, lines) = (child.stdin.take().unwrap(), lines_of(child.stdout.take().unwrap()));
        if !raw {
            pipe.write_all(&endless_header()).unwrap();
        }
        let (mut n_written, mut blocks) = (0, Vec::new());
        for end in [4, 8].map(|seconds| seconds * RATE) {
            pipe.write_all(&pcm(&samples[n_written..end + WITHIN])).unwrap();
            n_written = end + WITHIN;
            if blocks.is_empty() {
                let start = next_event(&lines);
                assert_eq!((&start["event"], &start["file"], &start["source"]), (&"start".into(), &"-".into(), &"mix".into()));
                assert_eq!((start["sample_rate"].as_u64(), start["window_s"].as_f64()), (Some(16_000), Some(4.0)));
                assert!(start["model"]["fingerprint"].is_string() && start["duration_s"].is_null());
            }
            blocks.push(lasting(next_event(&lines)));
        }
        pipe.write_all(&pcm(&samples[n_written..])).unwrap();
        drop(pipe);
        blocks.push(lasting(next_event(&lines)));
        let end = next_event(&lines);
        assert_eq!((&end["event"], end["duration_s"].as_f64(), &end["backend"]), (&"end".into(), Some(12.0), &"native".into()));
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let expected: Vec<Value> = analysed(&samples, &["--window", "4"]).into_iter().map(lasting).collect();
        assert_eq!(blocks, expected, "raw: {raw}");
        assert!(expected[0]["probabilities"]["angry"].is_number());
    }
}

/// Ctrl-C ends the program with what was heard so far, and so does a reader that closes the pipe.
#[cfg(unix)]
#[test]
fn a_signal_keeps_what_was_heard() {
    let samples = speech(9);
    let mut child = listen(&["--window", "4"]);
    let (mut pipe, lines) = (child.stdin.take().unwrap(), lines_of(child.stdout.take().unwrap()));
    pipe.write_all(&[endless_header(), pcm(&samples)].concat()).unwrap();
    let heard: Vec<Value> = (0..3).map(|_| next_event(&lines)).collect();
    assert_eq!(heard[2]["end_s"], 8.0);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (last, end) = (next_event(&lines), next_event(&lines));
    assert_eq!((&last["event"], &last["start_s"], &end["event"]), (&"block".into(), &8.0.into(), &"end".into()));
    assert!((8.0..=9.0).contains(&end["duration_s"].as_f64().unwrap()), "{end}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    let mut child = listen(&["--hop", "0.5", "--window", "1"]);
    let (mut pipe, lines) = (child.stdin.take().unwrap(), lines_of(child.stdout.take().unwrap()));
    pipe.write_all(&[endless_header(), pcm(&speech(4))].concat()).unwrap();
    next_event(&lines);
    drop(lines);
    // It ends as soon as it has something to print.
    while pipe.write_all(&[0; 3_200]).is_ok() {}
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_no_audio_is_one_sentence() {
    for (arguments, bytes, sentence) in [
        (&[][..], &b"Dear diary"[..], "-: expected audio"),
        (&["--raw", "16000:1:s16le"], b"", "-: the file is empty"),
        (&["--source", "2"], &[endless_header(), vec![0; 3_200]].concat(), "-: expected a channel of 1 to 1, found 2"),
    ] {
        let mut command = moodline();
        command.args(["listen", "-"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses its input closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let sentences: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("moodline: ")).collect();
        assert!(sentences.len() == 1 && sentences[0].starts_with(sentence), "{told}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
    }
    for wrong in [&["listen", "-", "--raw", "16000:s16le"][..], &["listen", "--raw", "16000:1:s16le"], &["listen", "talk.wav"]] {
        assert_eq!(moodline().args(wrong).stdin(Stdio::null()).status().unwrap().code(), Some(2), "{wrong:?}");
    }
}

/// Runs a pipeline as documented, in a folder with the files it reads and with `moodline` on the path.
fn run_as_documented(line: &str) -> Option<String> {
    for tool in ["ffmpeg", "jq"] {
        let argument = if tool == "jq" { "--version" } else { "-version" };
        let is_there = Command::new(tool).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if !is_there && (tool == "ffmpeg" || line.contains(tool)) {
            skip(tool, "it is not installed");
            return None;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let stream = sample("unheard.flac");
    for (name, arguments) in
        [("interview.mp4", &["-c:a", "aac"][..]), ("voice.raw", &["-ar", "16000", "-ac", "1", "-f", "s16le"])]
    {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-i"]).arg(&stream).args(arguments).arg(name).current_dir(folder.path());
        assert!(ffmpeg.status().unwrap().success());
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_moodline"));
    let path = std::env::join_paths(
        [program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env("PATH", path.unwrap()).current_dir(folder.path()).stdin(Stdio::null()).stderr(Stdio::piped());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_documented_pipelines_run() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let mut help = String::new();
    let mut child = moodline().args(["listen", "--help"]).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_to_string(&mut help).unwrap();
    child.wait().unwrap();
    let is_pipeline = |line: &&str| line.contains("moodline listen -") && line.contains('|') && !line.contains("some-");
    let pipelines: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("    ")).filter(is_pipeline).collect();
    // On a narrow terminal, lines are wrapped.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(pipelines.iter().all(|line| words(&help).contains(&words(line))), "{help}");
    let [into, out] = pipelines[..] else { panic!("{pipelines:?}") };
    assert!(into.starts_with("ffmpeg ") && out.contains("| jq "));
    if let Some(lines) = run_as_documented(into) {
        let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.len() > 4 && events[0]["event"] == "start" && events.last().unwrap()["event"] == "end", "{lines}");
        let document = moodline_json(&sample("unheard.flac"));
        assert_eq!(events.len() - 2, document["segments"].as_array().unwrap().len());
    }
    if let Some(words) = run_as_documented(out) {
        let document = moodline_json(&sample("unheard.flac"));
        let emotions: Vec<&str> =
            document["segments"].as_array().unwrap().iter().filter_map(|it| it["emotion"].as_str()).collect();
        assert_eq!(words.lines().collect::<Vec<_>>(), emotions);
    }
}

fn moodline_json(path: &Path) -> Value {
    let output = moodline().args(["analyze", "--voice", "none", "--format", "json"]).arg(path).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
