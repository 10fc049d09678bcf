//! Marks for editors, read back by independent libraries for these formats and compared with the blocks they were made from.

use std::path::Path;
use std::process::Command;

use moodline_engine::export::Format;
use serde_json::Value;
use test_support::{hosts, sample, tests_file};
use tests_command::moodline;

const RATE: f64 = 25.0;
/// One hour, at which timelines begin.
const TIMELINE_START_S: f64 = 3600.0;

/// Writes the sample's results in every format, and returns the blocks of the JSON.
fn write(folder: &Path, more: &[&str]) -> Vec<Value> {
    let stream = sample("unheard.flac");
    let mut arguments: Vec<String> =
        ["analyze", "--window", "2", "--hop", "0.5", "--backend", "native", "--csv-dialect", "excel"].map(str::to_owned).to_vec();
    arguments.extend(more.iter().map(ToString::to_string));
    for format in Format::ALL {
        let path = folder.join(format!("marks.{}", format.extension()));
        arguments.extend(["--save".to_owned(), format!("{format}={}", path.display())]);
    }
    arguments.push(stream.display().to_string());
    let outcome = moodline(arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let text = std::fs::read_to_string(folder.join("marks.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["segments"].as_array().unwrap().clone()
}

fn read(python: &Path, folder: &Path) -> Value {
    let output = Command::new(python).arg(tests_file("python/read_marks.py")).arg(folder).arg(RATE.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The first word of a mark's label.
fn emotion(mark: &Value) -> &str {
    mark[2].as_str().unwrap().split(' ').next().unwrap()
}

/// The emotion of the block whose centre is closest to a time.
fn found_at(blocks: &[Value], time_s: f64) -> Option<&str> {
    let distance = |block: &&Value| ((seconds(&block["start_s"]) + seconds(&block["end_s"])) / 2.0 - time_s).abs();
    blocks.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()["emotion"].as_str()
}

/// Precision of a format's times and the time of its beginning, seconds.
fn precision(format: Format) -> (f64, f64) {
    match format {
        Format::Edl => (0.51 / RATE, TIMELINE_START_S),
        // Markers are on the clock of their clip, which begins at zero.
        Format::Fcpxml | Format::Premiere => (0.51 / RATE, 0.0),
        Format::TextGrid | Format::Audacity => (2e-6, 0.0),
        _ => (1.1e-3, 0.0),
    }
}

#[test]
fn every_format_is_read_by_the_programs_it_is_for() {
    let packages = "mido, opentimelineio, pandas, parselmouth, pympi, srt, webvtt, pyannote.database";
    let Some(python) = hosts::python(packages) else { return };
    let folder = tempfile::tempdir().unwrap();
    let blocks = write(folder.path(), &[]);
    let read = read(&python, folder.path());
    let marks = read["audacity"].as_array().unwrap();
    assert!(marks.len() > 3 && marks.len() < blocks.len() / 2, "neighbours are merged: {} of {}", marks.len(), blocks.len());
    for pair in marks.windows(2) {
        assert!(seconds(&pair[0][1]) <= seconds(&pair[1][0]), "marks do not overlap: {pair:?}");
        assert!(seconds(&pair[0][1]) < seconds(&pair[1][0]) || emotion(&pair[0]) != emotion(&pair[1]), "{pair:?}");
    }
    // Never at a boundary: those between whole blocks are at multiples of a quarter of a second. The last block is shorter.
    let [.., last_whole, _] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let until_s = (seconds(&last_whole["start_s"]) + seconds(&last_whole["end_s"])) / 2.0;
    for time_s in (1..).map(|tenth| f64::from(tenth) * 0.1 + 0.013).take_while(|time_s| *time_s < until_s) {
        let mark = marks.iter().find(|mark| seconds(&mark[0]) <= time_s && time_s < seconds(&mark[1]));
        assert_eq!(mark.map(emotion), found_at(&blocks, time_s), "at {time_s} s");
    }
    for format in Format::ALL.into_iter().filter(|format| !matches!(format, Format::Csv | Format::Json)) {
        let (tolerance_s, offset_s) = precision(format);
        let mut found = read[format.name()].as_array().unwrap().clone();
        // A MIDI marker has no end; `end` marks the end of one that nothing follows.
        found.retain(|mark| emotion(mark) != "end");
        assert_eq!(found.len(), marks.len(), "{format}: {found:?}");
        for (mark, expected) in found.iter().zip(marks) {
            assert_eq!(emotion(mark), emotion(expected), "{format}");
            assert!((seconds(&mark[0]) - offset_s - seconds(&expected[0])).abs() <= tolerance_s, "{format}: {mark}, {expected}");
            // An EDL locator covers one frame.
            if !matches!(format, Format::Midi | Format::Edl) {
                let difference = seconds(&mark[1]) - offset_s - seconds(&expected[1]);
                assert!(difference.abs() <= tolerance_s, "{format}: {mark}, {expected}");
            }
        }
    }
    let speech: Vec<&Value> = blocks.iter().filter(|block| block["state"] == "speech").collect();
    let rows = read["csv"].as_array().unwrap();
    assert_eq!(rows.len(), speech.len());
    for (row, block) in rows.iter().zip(speech) {
        assert_eq!((&row[0], &row[1], &row[2]), (&block["start_s"], &block["end_s"], &block["emotion"]));
    }
}

#[test]
fn short_marks_go_to_their_neighbours_and_blocks_can_stay() {
    let folder = tempfile::tempdir().unwrap();
    let lengths = |more: &[&str]| -> Vec<f64> {
        write(folder.path(), more);
        let text = std::fs::read_to_string(folder.path().join("marks.txt")).unwrap();
        let time = |field: &str| field.parse::<f64>().unwrap();
        let mut columns = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        columns.by_ref().map(|fields| time(fields[1]) - time(fields[0])).collect()
    };
    let merged = lengths(&[]);
    assert!(merged.iter().any(|&length| length < 1.5), "{merged:?}");
    let longer = lengths(&["--min-mark", "1.5"]);
    assert!(longer.iter().all(|&length| length >= 1.5) && longer.len() < merged.len(), "{longer:?}");
    let blocks = lengths(&["--marks", "blocks"]);
    assert!(blocks.len() > 2 * merged.len() && blocks.iter().sum::<f64>() <= merged.iter().sum::<f64>() + 1e-3, "{blocks:?}");
}

#[test]
fn an_export_of_audacity_is_read_as_labels() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[]);
    let (labels, stream) = (folder.path().join("marks.txt"), sample("unheard.flac"));
    let arguments = ["analyze", "--window", "2", "--hop", "0.5", "--labels", labels.to_str().unwrap(), stream.to_str().unwrap()];
    let outcome = moodline(arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("agreement with the true emotions"), "{}", outcome.stdout);
}
