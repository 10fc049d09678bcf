//! Selecting channels and parts of a recording, and recordings that come through a pipe or from a folder.

use std::fs;
use std::path::{Path, PathBuf};

use moodline_engine::decode::read_mono_resampled;
use tempfile::TempDir;
use test_support::recordings::wav;
use test_support::sample;
use tests_command::{Outcome, moodline};

const RATE: u32 = 16_000;

/// Two voices from the samples, cut to the length of the shorter one.
fn voices() -> [Vec<i16>; 2] {
    let voice = |name| {
        let samples = read_mono_resampled(&sample(name), RATE).unwrap();
        samples.iter().map(|sample| (sample * 32_767.0) as i16).collect::<Vec<_>>()
    };
    let [mut a, mut b] = ["03a02Wc.flac", "03a02Ta.flac"].map(voice);
    let n = a.len().min(b.len());
    a.truncate(n);
    b.truncate(n);
    [a, b]
}

/// A folder with recordings.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, channels: &[&[i16]]) -> PathBuf {
        let frames = 0..channels[0].len();
        let samples: Vec<i16> = frames.flat_map(|frame| channels.iter().map(move |channel| channel[frame])).collect();
        let path = self.0.path().join(name);
        fs::write(&path, wav(channels.len() as u16, &samples)).unwrap();
        path
    }
}

fn analyze(arguments: &[&str], path: &Path) -> Outcome {
    let outcome =
        moodline([&["analyze", "--backend", "native", "--format", "csv"][..], arguments, &[path.to_str().unwrap()]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome
}

/// Rows of a table without the file name and the times taken.
fn answers(outcome: &Outcome) -> Vec<String> {
    let columns = |row: &str| row.split(',').skip(1).take(8).collect::<Vec<_>>().join(",");
    outcome.stdout.lines().skip(1).map(columns).collect()
}

#[test]
fn each_channel_can_be_chosen() {
    let (place, [a, b]) = (Place::new(), voices());
    let negative: Vec<i16> = b.iter().map(|sample| -sample).collect();
    let both = place.write("both.wav", &[&a, &b]);
    let (only_a, only_b) = (place.write("a.wav", &[&a]), place.write("b.wav", &[&b]));
    let (alone_a, alone_b) = (answers(&analyze(&[], &only_a)), answers(&analyze(&[], &only_b)));
    assert_ne!(alone_a, alone_b);
    for (source, expected) in [("left", &alone_a), ("1", &alone_a), ("right", &alone_b), ("2", &alone_b)] {
        assert_eq!(&answers(&analyze(&["--source", source], &both)), expected, "{source}");
        assert_eq!(answers(&analyze(&["--source", if source.len() > 1 { source } else { "1" }], &only_a)), alone_a);
    }
    let mix = answers(&analyze(&[], &both));
    assert!(mix != alone_a && mix != alone_b);
    assert_eq!(answers(&analyze(&["--source", "mid"], &both)), mix);
    let inverted = place.write("inverted.wav", &[&a, &negative]);
    assert_eq!(answers(&analyze(&["--source", "side"], &inverted)), mix);
    let outcome = moodline(["analyze", "--source", "3", both.to_str().unwrap()]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.sentence().ends_with("expected a channel of 1 to 2, found 3"), "{}", outcome.stderr);
}

/// Rows of a table with this channel number, without the file name and the times taken.
fn answers_of(outcome: &Outcome, channel: &str) -> Vec<String> {
    let rows = outcome.stdout.lines().filter(|row| row.split(',').nth(11) == Some(channel));
    rows.map(|row| row.split(',').skip(1).take(8).collect::<Vec<_>>().join(",")).collect()
}

#[test]
fn each_channel_is_a_voice_of_its_own() {
    let (place, [a, b]) = (Place::new(), voices());
    let both = place.write("both.wav", &[&a, &b]);
    let each = analyze(&["--source", "each", "--voice", "channel", "--hop", "0.5", "--window", "1"], &both);
    for (channel, alone) in [("1", &a), ("2", &b)] {
        let alone = analyze(&["--hop", "0.5", "--window", "1"], &place.write("alone.wav", &[alone]));
        assert_eq!(answers_of(&each, channel), answers(&alone), "channel {channel}");
        assert!(answers_of(&alone, channel).is_empty(), "there is one voice");
        assert!(each.stderr.contains(&format!("both.wav, channel {channel}: ")), "{}", each.stderr);
    }
    let starts: Vec<f64> = each.stdout.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(starts.is_sorted(), "both voices go on together");
    let mono = analyze(&["--source", "each"], &place.write("mono.wav", &[&a]));
    assert_eq!(answers_of(&mono, "1"), answers(&analyze(&[], &place.write("alone.wav", &[&a]))));
}

#[test]
fn each_channel_is_told_apart_for_people_too() {
    let (place, [a, b]) = (Place::new(), voices());
    let both = place.write("both.wav", &[&a, &b]);
    let at = |name: &str| place.0.path().join(name);
    let save = |format: &str| format!("{format}={}", at(format).display());
    let formats = ["html", "json", "srt", "textgrid"].map(save);
    let mut arguments = vec!["analyze", "--backend", "native", "--source", "each", "--page-audio", "none"];
    arguments.extend(formats.iter().flat_map(|format| ["--save", format]));
    let plot = at("both.svg").display().to_string();
    let outcome = moodline([&arguments[..], &["--plot", &plot, both.to_str().unwrap()]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let rows: Vec<&str> = outcome.stdout.lines().map(str::trim_start).collect();
    assert!(rows[1].starts_with("channel      from"), "{}", outcome.stdout);
    assert!(rows[2].starts_with("1   0:00.00") && rows[3].starts_with("2   0:00.00"), "{}", outcome.stdout);
    assert!(rows[4].starts_with("channel 1: ") && rows[6].starts_with("channel 2: "), "{}", outcome.stdout);
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    for name in ["html", "both.svg"] {
        let drawn = read(name);
        assert_eq!([">channel 1<", ">channel 2<"].map(|lane| drawn.replace('\n', "").matches(lane).count()), [1, 1], "{name}");
    }
    assert_eq!(read("html").matches("class=\"wave\"").count(), 2);
    let page_waves: Vec<String> =
        read("html").split("<svg class=\"wave\"").skip(1).map(|part| part.split("</svg>").next().unwrap().to_owned()).collect();
    assert_ne!(page_waves[0], page_waves[1]);
    let channels: Vec<u64> = serde_json::from_str::<serde_json::Value>(&read("json")).unwrap()["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| segment["channel"].as_u64().unwrap())
        .collect();
    assert_eq!(channels, [1, 2]);
    assert!(read("srt").contains("\n1: ") && read("srt").contains("\n2: "), "{}", read("srt"));
    assert!(read("textgrid").contains("\"emotion 2\""));
}

#[test]
fn channels_that_cancel_are_noticed_and_the_louder_one_is_analysed() {
    let (place, [a, _]) = (Place::new(), voices());
    let quieter: Vec<i16> = a.iter().map(|&sample| (-0.9 * f32::from(sample)) as i16).collect();
    let inverted = place.write("inverted.wav", &[&quieter, &a]);
    let outcome = analyze(&[], &inverted);
    assert_eq!(answers(&outcome), answers(&analyze(&[], &place.write("a.wav", &[&a]))));
    assert!(
        outcome.stderr.contains("the channels cancel each other: their mean is 26 dB below channel 2, which was analysed"),
        "{}",
        outcome.stderr
    );
    // An explicitly requested source is used without a warning.
    assert!(!analyze(&["--source", "mid"], &inverted).stderr.contains("warning"));
}

#[test]
fn a_part_has_the_times_of_the_whole() {
    let path = sample("unheard.flac");
    let part = analyze(&["--from", "0:10", "--to", "17"], &path);
    let samples = read_mono_resampled(&path, RATE).unwrap();
    let cut: Vec<i16> = samples[10 * RATE as usize..17 * RATE as usize].iter().map(|sample| (sample * 32_768.0) as i16).collect();
    let alone = analyze(&[], &Place::new().write("cut.wav", &[&cut]));
    let (part, alone) = (answers(&part), answers(&alone));
    assert_eq!(part.len(), alone.len());
    assert!(part[0].starts_with("10.000000,15.000000,") && part[1].starts_with("15.000000,17.000000,"), "{part:?}");
    let without_times =
        |rows: &[String]| rows.iter().map(|row| row.splitn(3, ',').nth(2).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(without_times(&part), without_times(&alone));
    let outcome = moodline(["analyze", "--from", "1:00", path.to_str().unwrap()]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.sentence().contains("and the part from 60.000 s on was asked for"), "{}", outcome.stderr);
}

#[test]
fn a_folder_tells_what_it_leaves_out() {
    let (place, [a, _]) = (Place::new(), voices());
    for name in ["a.wav", "b.wave", "c.bwf", "d.W64", "e.mov"] {
        place.write(name, &[&a]);
    }
    for name in ["f.amr", "g.wma", "readme.txt", ".h.amr"] {
        fs::write(place.0.path().join(name), "").unwrap();
    }
    let outcome = analyze(&[], place.0.path());
    let n_files = answers(&outcome).iter().filter(|row| row.starts_with("0.000000,")).count();
    assert_eq!(n_files, 5, "{}", outcome.stdout);
    assert!(outcome.stderr.contains(": left out 2 of a kind that is not read: f.amr, g.wma\n"), "{}", outcome.stderr);
}
