//! Listening to a microphone that disappears and comes back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use moodline_core::Emotion;
use moodline_engine::decode::AudioReader;
use serde_json::Value;
use test_support::sample;

use super::*;

/// What a microphone does when it is opened: it fails, or these events happen, followed by Ctrl-C or not.
type Scene = Result<(Vec<Heard>, bool), &'static str>;

/// A microphone that plays scene after scene.
struct Stage {
    scenes: VecDeque<Scene>,
    interrupted: Arc<AtomicBool>,
}

impl Feed for Stage {
    fn open(&mut self, sender: SyncSender<Heard>) -> Result<Box<dyn Any>, String> {
        let (events, is_last) = self.scenes.pop_front().expect("nobody opens it again")?;
        events.into_iter().for_each(|heard| sender.send(heard).unwrap());
        self.interrupted.fetch_or(is_last, Ordering::Relaxed);
        Ok(Box::new(()))
    }
}

fn opened(sample_rate: u32, n_channels: usize) -> Heard {
    Heard::Opened { name: "USB \u{1b}[2J mic".to_owned(), layout: Layout { sample_rate, n_channels } }
}

/// The given number of seconds of speech, mono at 16 kHz, in pieces as a device delivers them.
fn speech(seconds: usize) -> Vec<Heard> {
    let mut reader = AudioReader::open(&sample("unheard.flac")).unwrap();
    assert_eq!((reader.sample_rate(), reader.channels()), (16_000, 1));
    let (mut chunk, mut samples) = (Vec::new(), Vec::new());
    while samples.len() < 16_000 * seconds && reader.read(&mut chunk).unwrap() {
        samples.extend_from_slice(&chunk);
    }
    samples.truncate(16_000 * seconds);
    samples.chunks(1_600).map(|piece| Heard::Samples(piece.to_vec())).collect()
}

/// The printed results, the messages, and the outcome.
fn heard(source: &str, lines: Lines, scenes: impl IntoIterator<Item = Scene>) -> (String, String, anyhow::Result<()>) {
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut stage = Stage { scenes: scenes.into_iter().collect(), interrupted: Arc::clone(&interrupted) };
    let config = AnalysisConfig { window_seconds: 2.0, hop_seconds: 2.0, ..AnalysisConfig::default() };
    let setup =
        Setup { model: Model::embedded(), backend: BackendChoice::Native, source: source.parse().unwrap(), config, lines };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut streams = Streams { stdout: &mut stdout, stderr: &mut stderr, interactive: false };
    let outcome = Listener::new(&setup, &mut streams, &interrupted).run(&mut stage);
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), outcome)
}

fn events(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn span(event: &Value) -> (f64, f64) {
    (event["start_s"].as_f64().unwrap(), event["end_s"].as_f64().unwrap())
}

#[test]
fn a_microphone_that_goes_away_is_waited_for() {
    let gone = || Heard::Gone("it was unplugged".to_owned());
    let first = [vec![opened(16_000, 1)], speech(3), vec![gone(), gone()]].concat();
    let again = [vec![opened(16_000, 1)], speech(5)].concat();
    let scenes = [Ok((first, false)), Err("not there"), Err("still not there"), Ok((again, true))];
    let (lines, told, outcome) = heard("mix", Lines::Jsonl, scenes);
    outcome.unwrap();
    let events = events(&lines);
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "block", "block", "gap", "block", "block", "block", "end"]);
    assert_eq!((span(&events[1]), span(&events[2])), ((0.0, 2.0), (2.0, 3.0)), "the end of what was said comes at once");
    let (gone_s, back_s) = span(&events[3]);
    assert!((gone_s, true) == (3.0, back_s >= 3.0), "{gone_s} {back_s}");
    assert_eq!((&events[3]["state"], &events[3]["reason"]), (&"gap".into(), &"it was unplugged".into()));
    let rounded = |time: (f64, f64)| ((time.0 * 1e3).round(), (time.1 * 1e3).round());
    assert_eq!(rounded(span(&events[4])), rounded((back_s, back_s + 2.0)));
    assert_eq!(rounded(span(&events[6])), rounded((back_s + 4.0, back_s + 5.0)));
    let duration_s = events[7]["duration_s"].as_f64().unwrap();
    assert!((duration_s - back_s - 5.0).abs() < 1e-3, "{duration_s}");
    // The same audio gets the same answer before and after the gap.
    assert_eq!(events[1]["probabilities"], events[4]["probabilities"]);
    let sentence = "moodline: USB \\u{1b}[2J mic is gone (it was unplugged): waiting for it\n";
    assert_eq!(told.matches(sentence).count(), 1, "{told}");
    assert!(told.contains("mic is back after ") && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn what_nobody_could_take_is_a_gap() {
    let scene = [vec![opened(16_000, 1)], speech(2), vec![Heard::Missed { n_frames: 16_000 }], speech(2)].concat();
    let (lines, _, outcome) = heard("mix", Lines::Table, [Ok((scene, true))]);
    outcome.unwrap();
    let rows: Vec<&str> = lines.lines().map(str::trim_start).collect();
    assert!(rows[0].starts_with("from ") && rows[1].starts_with("0:00.00     0:02.00  "), "{lines}");
    assert_eq!(rows[2], "0:02.00     0:03.00  gap");
    assert!(rows[3].starts_with("0:03.00     0:05.00  ") && rows[4].contains("4 s of speech in 5 s: "), "{lines}");
}

#[test]
fn each_channel_is_a_voice() {
    let stereo = |heard: Heard| match heard {
        Heard::Samples(samples) => Heard::Samples(samples.into_iter().flat_map(|sample| [sample, 0.0]).collect()),
        other => other,
    };
    let scene = [vec![opened(16_000, 2)], speech(4).into_iter().map(stereo).collect()].concat();
    let (lines, _, outcome) = heard("each", Lines::Jsonl, [Ok((scene.clone(), true))]);
    outcome.unwrap();
    let blocks: Vec<Value> = events(&lines).into_iter().filter(|event| event["event"] == "block").collect();
    let found: Vec<(f64, u64, bool)> =
        blocks.iter().map(|block| (span(block).0, block["channel"].as_u64().unwrap(), block["emotion"].is_string())).collect();
    assert_eq!(found, [(0.0, 1, true), (0.0, 2, false), (2.0, 1, true), (2.0, 2, false)]);
    let (left, ..) = heard("left", Lines::Jsonl, [Ok((scene.clone(), true))]);
    assert_eq!(events(&left)[1]["probabilities"], blocks[0]["probabilities"]);
    let (lines, _, outcome) = heard("3", Lines::Jsonl, [Ok((scene, false))]);
    assert_eq!(lines, "");
    assert!(outcome.unwrap_err().to_string().ends_with("mic: expected a channel of 1 to 2, found 3"));
}

#[test]
fn one_that_was_never_there_is_not_waited_for() {
    let (lines, _, outcome) = heard("mix", Lines::Jsonl, [Err("the system has no microphone")]);
    assert_eq!((lines.as_str(), outcome.unwrap_err().to_string().as_str()), ("", "the system has no microphone"));
}

#[test]
fn a_problem_comes_behind_what_was_heard() {
    let problem = Heard::Ended { warnings: vec!["something".to_owned()], problem: Some("-: the disk is gone".to_owned()) };
    let scene = [vec![opened(16_000, 1)], speech(1), vec![problem]].concat();
    let (lines, told, outcome) = heard("mix", Lines::Jsonl, [Ok((scene, false))]);
    let events = events(&lines);
    assert_eq!((&events[1]["event"], span(&events[1]), &events[2]["event"]), (&"block".into(), (0.0, 1.0), &"end".into()));
    assert!(Emotion::ALL.iter().any(|emotion| events[1]["emotion"] == emotion.name()));
    assert!(told.contains("warning: something\n"), "{told}");
    assert_eq!(outcome.unwrap_err().to_string(), "-: the disk is gone");
}
