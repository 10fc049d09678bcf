//! Every format against its exact text.

use std::time::Duration;

use moodline_core::Probabilities;

use super::*;
use crate::analysis::AnalysisConfig;
use crate::classifier::Backend;
use crate::segment::{Latency, Segment, State};

fn segment(start_s: f64, end_s: f64, probabilities: Option<[f32; 4]>) -> Segment {
    let state = probabilities.map_or(State::NoSpeech, |values| State::Speech(Probabilities::new(values).unwrap()));
    Segment { start_s, end_s, state }
}

fn results(segments: Vec<Segment>) -> Results {
    let latency = Latency { features: Duration::from_micros(1234), inference: Duration::from_micros(250) };
    Results {
        file: "a \"b\", c.wav".to_owned(),
        sample_rate: 44_100,
        n_channels: 2,
        duration_s: 13.25,
        model_id: "paper-ltc-16".to_owned(),
        model_fingerprint: "0f".to_owned(),
        backend: "native".to_owned(),
        certain_from: 0.4,
        voices: vec![Voice { latencies: vec![latency; segments.len()], segments, ..Voice::default() }],
    }
}

fn text(format: Format, results: &Results) -> String {
    text_with(format, results, &ExportOptions::DEFAULT)
}

fn text_with(format: Format, results: &Results, options: &ExportOptions) -> String {
    String::from_utf8(format.file(results, options)).unwrap()
}

const ANGRY: [f32; 4] = [0.75, 0.125, 0.0625, 0.0625];
const SAD: [f32; 4] = [0.125, 0.125, 0.5, 0.25];

fn example() -> Results {
    results(vec![segment(0.0, 5.0, Some(ANGRY)), segment(5.0, 10.0, None), segment(10.0, 13.25, Some(SAD))])
}

#[test]
fn csv() {
    assert_eq!(
        text(Format::Csv, &example()),
        "file,start_s,end_s,state,emotion,angry,happy,sad,neutral,features_ms,inference_ms,channel,activation,uncertain\n\
         \"a \"\"b\"\", c.wav\",0.000000,5.000000,speech,angry,0.750000,0.125000,0.062500,0.062500,1.234,0.250,,0.875000,false\n\
         \"a \"\"b\"\", c.wav\",5.000000,10.000000,no_speech,,,,,,1.234,0.250,,,\n\
         \"a \"\"b\"\", c.wav\",10.000000,13.250000,speech,sad,0.125000,0.125000,0.500000,0.250000,1.234,0.250,,0.250000,false\n"
    );
}

#[test]
fn what_is_unfamiliar_has_numbers_and_no_emotion() {
    let unlike =
        |start_s: f64, end_s: f64| Segment { start_s, end_s, state: State::Unfamiliar(Probabilities::new(ANGRY).unwrap()) };
    let found = results(vec![unlike(0.0, 5.0), segment(5.0, 10.0, Some(SAD))]);
    let csv = text(Format::Csv, &found);
    let row = csv.lines().nth(1).unwrap();
    assert!(row.ends_with(",unfamiliar,,0.750000,0.125000,0.062500,0.062500,1.234,0.250,,0.875000,true"), "{row}");
    let json = text(Format::Json, &found);
    assert!(json.contains(r#""state":"unfamiliar","emotion":null,"probabilities":{"angry":0.75,"#), "{json}");
    assert!(json.contains(r#""activation":0.875,"uncertain":true,"#), "{json}");
    for format in [Format::Srt, Format::Vtt, Format::Audacity] {
        let marks = text(format, &found);
        assert!(!marks.contains("angry") && marks.contains("sad"), "{format:?}: {marks}");
    }
}

#[test]
fn json() {
    let mut short = example();
    short.voices[0].segments.truncate(2);
    assert_eq!(
        text(Format::Json, &short),
        concat!(
            r#"{"file":"a \"b\", c.wav","sample_rate":44100,"channels":2,"duration_s":13.25,"#,
            r#""model":{"id":"paper-ltc-16","fingerprint":"0f","certain_from":0.4},"backend":"native","voices":[],"segments":["#,
            r#"{"start_s":0.0,"end_s":5.0,"channel":null,"state":"speech","emotion":"angry","#,
            r#""probabilities":{"angry":0.75,"happy":0.125,"sad":0.0625,"neutral":0.0625},"#,
            r#""activation":0.875,"uncertain":false,"#,
            r#""latency_ms":{"features":1.234,"inference":0.25}},"#,
            r#"{"start_s":5.0,"end_s":10.0,"channel":null,"state":"no_speech","emotion":null,"probabilities":null,"activation":null,"uncertain":null,"#,
            r#""latency_ms":{"features":1.234,"inference":0.25}}]}"#,
            "\n"
        )
    );
}

#[test]
fn json_times_do_not_show_binary_rounding() {
    let text = text(Format::Json, &results(vec![segment(0.1 + 0.2, 5.3, None)]));
    assert!(text.contains(r#""start_s":0.3,"#), "{text}");
}

#[test]
fn latencies_that_were_not_kept_are_0() {
    let mut untimed = results(vec![segment(0.0, 5.0, None)]);
    untimed.voices[0].latencies.clear();
    assert!(text(Format::Csv, &untimed).ends_with(",0.000,0.000,,,\n"));
    assert!(text(Format::Json, &untimed).contains(r#""latency_ms":{"features":0.0,"inference":0.0}"#));
}

#[test]
fn audacity() {
    assert_eq!(text(Format::Audacity, &example()), "0.000000\t5.000000\tangry 75 %\n10.000000\t13.250000\tsad 50 %\n");
}

#[test]
fn srt() {
    assert_eq!(
        text(Format::Srt, &example()),
        "1\n00:00:00,000 --> 00:00:05,000\nangry 75 %\n\n2\n00:00:10,000 --> 00:00:13,250\nsad 50 %\n\n"
    );
}

#[test]
fn vtt() {
    assert_eq!(
        text(Format::Vtt, &example()),
        "WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nangry 75 %\n\n00:00:10.000 --> 00:00:13.250\nsad 50 %\n\n"
    );
}

#[test]
fn csv_for_a_spreadsheet_has_a_mark_semicolons_and_decimal_commas() {
    let options = ExportOptions { csv: CsvDialect::Excel, ..ExportOptions::DEFAULT };
    let mut semicolon = example();
    semicolon.file = "a;b, c.wav".to_owned();
    let found = text_with(Format::Csv, &semicolon, &options);
    assert!(found.starts_with("\u{feff}file;start_s;end_s;state;emotion;angry;"), "{found}");
    assert!(
        found.contains(
            "\r\n\"a;b, c.wav\";0,000000;5,000000;speech;angry;0,750000;0,125000;0,062500;0,062500;1,234;0,250;;0,875000;false\r\n"
        ),
        "{found}"
    );
}

#[test]
fn editors_of_audio() {
    assert_eq!(
        text(Format::Reaper, &example()),
        "#,Name,Start,End,Length,Color\n\
         R1,angry 75 %,0:00.000,0:05.000,0:05.000,D55E00\nR2,sad 50 %,0:10.000,0:13.250,0:03.250,0072B2\n"
    );
    assert_eq!(
        text(Format::Audition, &example()),
        "Name\tStart\tDuration\tTime Format\tType\tDescription\n\
         angry 75 %\t0:00.000\t0:05.000\tdecimal\tCue\t\nsad 50 %\t0:10.000\t0:03.250\tdecimal\tCue\t\n"
    );
}

#[test]
fn an_edl_has_the_line_of_resolve_and_the_locator_of_avid() {
    let options = ExportOptions { frame_rate: FrameRate::F2997, ..ExportOptions::DEFAULT };
    let found = text_with(Format::Edl, &example(), &options);
    let second = "002  001      V     C        01:00:10:00 01:00:10:01 01:00:10:00 01:00:10:01  \n\
                  * LOC: 01:00:10:00 BLUE    sad 50 %\n |C:ResolveColorBlue |M:sad 50 % |D:97\n\n";
    assert!(found.starts_with("TITLE: a \"b\", c.wav\nFCM: NON-DROP FRAME\n\n001  001 ") && found.ends_with(second), "{found}");
}

#[test]
fn video_editors_are_told_whether_frame_numbers_are_dropped() {
    let dropped = ExportOptions { frame_rate: FrameRate::F2997Drop, ..ExportOptions::DEFAULT };
    for (format, words) in [
        (Format::Edl, ["FCM: DROP FRAME", "01:00:10;00"]),
        (Format::Fcpxml, ["tcFormat=\"DF\"", "FFVideoFormat1080p2997"]),
        (Format::Premiere, ["<displayformat>DF</displayformat>", "<string>01:00:00;00</string>"]),
    ] {
        let found = text_with(format, &example(), &dropped);
        assert!(words.iter().all(|word| found.contains(word)), "{found}");
        assert!(!text(format, &example()).contains(words[0]));
    }
}

/// Two channels as separate voices, with the same words at the same time.
#[test]
fn each_channel_has_its_number_in_every_format() {
    let mut both = example();
    let second = Voice { channel: NonZeroUsize::new(2), ..both.voices[0].clone() };
    both.voices[0].channel = NonZeroUsize::new(1);
    both.voices.push(second);
    assert!(text(Format::Csv, &both).lines().nth(2).unwrap().ends_with(",1.234,0.250,2,0.875000,false"));
    let starts = |n: usize| format!(r#""start_s":0.0,"end_s":5.0,"channel":{n},"#);
    assert!([1, 2].into_iter().all(|n| text(Format::Json, &both).contains(&starts(n))));
    assert!(
        text(Format::Rttm, &both)
            .starts_with("SPEAKER a_\"b\",_c 1 0.000 5.000 <NA> <NA> angry 0.750 <NA>\nSPEAKER a_\"b\",_c 2 0.000 5.000")
    );
    for (format, tiers) in [
        (
            Format::TextGrid,
            ["name = \"emotion 1\"", "name = \"probability 1\"", "name = \"emotion 2\"", "name = \"probability 2\""],
        ),
        (
            Format::Elan,
            ["TIER_ID=\"emotion 1\"", "TIER_ID=\"probability 1\"", "TIER_ID=\"emotion 2\"", "TIER_ID=\"probability 2\""],
        ),
    ] {
        let text = text(format, &both);
        assert!(tiers.into_iter().all(|tier| text.matches(tier).count() == 1), "{format}: {text}");
        assert!(!text.contains(": angry"), "{format}: the tier has the number");
    }
    for format in Format::ALL {
        let file = format.file(&both, &ExportOptions::DEFAULT);
        let n_labels = |label: &str| memchr::memmem::find_iter(&file, label.as_bytes()).count();
        let has_labels = !matches!(format, Format::Csv | Format::Json | Format::Rttm | Format::TextGrid | Format::Elan);
        assert_eq!((n_labels("1: angry 75 %") > 0, n_labels("2: sad 50 %") > 0), (has_labels, has_labels), "{format}");
    }
    let midi = Format::Midi.file(&both, &ExportOptions::DEFAULT);
    assert_eq!(["1: end", "2: end"].map(|end| memchr::memmem::find_iter(&midi, end.as_bytes()).count()), [2, 2]);
}

#[test]
fn what_is_heard_live_has_the_fields_of_a_recording() {
    let listening = Listening {
        file: "USB \"Audio\"",
        sample_rate: 48_000,
        n_channels: 2,
        source: "each".parse().unwrap(),
        model_id: "liquid-2",
        model_fingerprint: "0f",
        certain_from: 0.4,
        backend: Backend::Native,
        config: AnalysisConfig::default(),
    };
    let about = concat!(
        r#""file":"USB \"Audio\"","sample_rate":48000,"channels":2,"source":"each","#,
        r#"DURATION"model":{"id":"liquid-2","fingerprint":"0f","certain_from":0.4},"backend":"native","window_s":5.0,"hop_s":5.0}"#,
        "\n"
    );
    assert_eq!(listening.start_line(), format!(r#"{{"event":"start",{}"#, about.replace("DURATION", "")));
    assert_eq!(
        listening.end_line(0.1 + 0.2),
        format!(r#"{{"event":"end",{}"#, about.replace("DURATION", r#""duration_s":0.3,"#))
    );
    let results = example();
    let document = text(Format::Json, &results);
    for found in results.found() {
        let line = block_line(&found, results.certain_from);
        let fields = line.trim_end().strip_prefix(r#"{"event":"block","#).unwrap();
        assert!(document.contains(&format!("{{{fields}")), "{line}");
    }
    assert_eq!(
        gap_line(5.0, 7.5, "it was unplugged"),
        concat!(r#"{"event":"gap","start_s":5.0,"end_s":7.5,"state":"gap","reason":"it was unplugged"}"#, "\n")
    );
}

#[test]
fn names_cannot_break_a_document() {
    let mut hostile = example();
    hostile.file = "</name><script>&\"\u{1b}\n.wav".to_owned();
    for format in [Format::Fcpxml, Format::Premiere, Format::Elan] {
        let found = text(format, &hostile);
        assert!(!found.contains("<script") && !found.contains('\u{1b}'), "{format}: {found}");
    }
    assert_eq!(text(Format::Edl, &hostile).lines().count(), text(Format::Edl, &example()).lines().count());
}

#[test]
fn no_marks_are_whole_files_too() {
    let silent = results(vec![segment(0.0, 5.0, None)]);
    for format in Format::ALL {
        let file = format.file(&silent, &ExportOptions::DEFAULT);
        assert_eq!(file.is_empty(), matches!(format, Format::Srt | Format::Audacity | Format::Rttm), "{format}");
    }
}

#[test]
fn subtitles_of_overlapping_blocks_do_not_overlap_and_equal_neighbours_are_one() {
    let blocks = [ANGRY, ANGRY, SAD, SAD].into_iter().enumerate();
    let overlapping = blocks.map(|(k, values)| segment(k as f64, k as f64 + 5.0, Some(values))).collect();
    assert_eq!(
        text(Format::Srt, &results(overlapping)),
        "1\n00:00:00,000 --> 00:00:04,000\nangry 75 %\n\n2\n00:00:04,000 --> 00:00:08,000\nsad 50 %\n\n"
    );
}

#[test]
fn subtitles_with_gaps_between_blocks_keep_the_gaps() {
    let text = text(Format::Vtt, &results(vec![segment(0.0, 2.0, Some(SAD)), segment(3600.5, 3602.5, Some(SAD))]));
    assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nsad 50 %\n\n01:00:00.500 --> 01:00:02.500\nsad 50 %\n\n");
}

#[test]
fn names_round_trip() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert_eq!("xml".parse::<Format>().unwrap_err().found, "xml");
}
