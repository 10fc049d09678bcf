//! Every format against its exact text.

use std::time::Duration;

use moodline_core::Probabilities;

use super::*;
use crate::segment::State;

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
        latencies: vec![latency; segments.len()],
        segments,
    }
}

const ANGRY: [f32; 4] = [0.75, 0.125, 0.0625, 0.0625];
const SAD: [f32; 4] = [0.125, 0.125, 0.5, 0.25];

fn example() -> Results {
    results(vec![segment(0.0, 5.0, Some(ANGRY)), segment(5.0, 10.0, None), segment(10.0, 13.25, Some(SAD))])
}

#[test]
fn csv() {
    assert_eq!(
        Format::Csv.text(&example()),
        "file,start_s,end_s,state,emotion,angry,happy,sad,neutral,features_ms,inference_ms\n\
         \"a \"\"b\"\", c.wav\",0.000000,5.000000,speech,angry,0.750000,0.125000,0.062500,0.062500,1.234,0.250\n\
         \"a \"\"b\"\", c.wav\",5.000000,10.000000,no_speech,,,,,,1.234,0.250\n\
         \"a \"\"b\"\", c.wav\",10.000000,13.250000,speech,sad,0.125000,0.125000,0.500000,0.250000,1.234,0.250\n"
    );
}

#[test]
fn json() {
    let mut short = example();
    short.segments.truncate(2);
    assert_eq!(
        Format::Json.text(&short),
        concat!(
            r#"{"file":"a \"b\", c.wav","sample_rate":44100,"channels":2,"duration_s":13.25,"#,
            r#""model":{"id":"paper-ltc-16","fingerprint":"0f"},"backend":"native","segments":["#,
            r#"{"start_s":0.0,"end_s":5.0,"state":"speech","emotion":"angry","#,
            r#""probabilities":{"angry":0.75,"happy":0.125,"sad":0.0625,"neutral":0.0625},"#,
            r#""latency_ms":{"features":1.234,"inference":0.25}},"#,
            r#"{"start_s":5.0,"end_s":10.0,"state":"no_speech","emotion":null,"probabilities":null,"#,
            r#""latency_ms":{"features":1.234,"inference":0.25}}]}"#,
            "\n"
        )
    );
}

#[test]
fn json_times_do_not_show_binary_rounding() {
    let text = Format::Json.text(&results(vec![segment(0.1 + 0.2, 5.3, None)]));
    assert!(text.contains(r#""start_s":0.3,"#), "{text}");
}

#[test]
fn latencies_that_were_not_kept_are_0() {
    let untimed = Results { latencies: Vec::new(), ..results(vec![segment(0.0, 5.0, None)]) };
    assert!(Format::Csv.text(&untimed).ends_with(",0.000,0.000\n"));
    assert!(Format::Json.text(&untimed).contains(r#""latency_ms":{"features":0.0,"inference":0.0}"#));
}

#[test]
fn audacity() {
    assert_eq!(
        Format::Audacity.text(&example()),
        "0.000000\t5.000000\tangry 75 %\n5.000000\t10.000000\tno speech\n10.000000\t13.250000\tsad 50 %\n"
    );
}

#[test]
fn srt() {
    assert_eq!(
        Format::Srt.text(&example()),
        "1\n00:00:00,000 --> 00:00:05,000\nangry 75 %\n\n2\n00:00:10,000 --> 00:00:13,250\nsad 50 %\n\n"
    );
}

#[test]
fn vtt() {
    assert_eq!(
        Format::Vtt.text(&example()),
        "WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nangry 75 %\n\n00:00:10.000 --> 00:00:13.250\nsad 50 %\n\n"
    );
}

#[test]
fn subtitles_of_overlapping_blocks_do_not_overlap_and_equal_neighbours_are_one() {
    let blocks = [ANGRY, ANGRY, SAD, SAD].into_iter().enumerate();
    let overlapping = blocks.map(|(k, values)| segment(k as f64, k as f64 + 5.0, Some(values))).collect();
    assert_eq!(
        Format::Srt.text(&results(overlapping)),
        "1\n00:00:00,000 --> 00:00:04,000\nangry 75 %\n\n2\n00:00:04,000 --> 00:00:08,000\nsad 50 %\n\n"
    );
}

#[test]
fn subtitles_with_gaps_between_blocks_keep_the_gaps() {
    let text = Format::Vtt.text(&results(vec![segment(0.0, 2.0, Some(SAD)), segment(3600.5, 3602.5, Some(SAD))]));
    assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nsad 50 %\n\n01:00:00.500 --> 01:00:02.500\nsad 50 %\n\n");
}

#[test]
fn names_round_trip() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert_eq!("xml".parse::<Format>().unwrap_err().found, "xml");
}
