//! Pictures of recordings that need no audio.

use std::num::NonZeroUsize;

use moodline_core::Probabilities;
use moodline_engine::voices::Voice;
use moodline_engine::{Segment, State};

use super::*;

/// Blocks of five seconds every half a second; the result changes slowly, with an occasional pause.
fn results(file: &str, duration_s: f64) -> Results {
    let n = (2.0 * duration_s) as u32 - 9;
    let segment = |index: u32| {
        let start_s = f64::from(index) / 2.0;
        let turn = |period: f32| 3.0 * (index as f32 / period).sin();
        let state = match index % 300 {
            0..20 => State::NoSpeech,
            _ => State::Speech(Probabilities::softmax([turn(7.0), turn(31.0), turn(113.0), turn(211.0)]).unwrap()),
        };
        Segment { start_s, end_s: start_s + 5.0, state }
    };
    Results {
        file: file.to_owned(),
        sample_rate: 16_000,
        n_channels: 1,
        duration_s,
        model_id: "liquid-1".to_owned(),
        model_fingerprint: "0f".to_owned(),
        backend: "native".to_owned(),
        certain_from: 0.4,
        voices: vec![Voice { segments: (0..n).map(segment).collect(), ..Voice::default() }],
    }
}

fn svg(results: &Results, options: &PlotOptions) -> String {
    let config = AnalysisConfig { hop_seconds: 0.5, ..AnalysisConfig::default() };
    String::from_utf8(draw(PictureFormat::Svg, results, &config, None, options).unwrap()).unwrap()
}

const DEFAULT: PlotOptions = PlotOptions { width: WIDTH, row_s: None };

#[test]
fn three_hours_are_rows_with_their_times_and_bands_that_can_be_told_apart() {
    let picture = svg(&results("podcast.mp3", 3.0 * 3600.0), &DEFAULT);
    for text in ["podcast.mp3", "0:00", "15:00", "1:30:00", "2:45:00", "3:00:00", "shown as the mean over ", "a row is 15:00 min"]
    {
        assert!(picture.contains(text), "{text}");
    }
    // One area per block would be eighty thousand.
    let n_areas = picture.matches("<polygon").count();
    assert!((100..1500).contains(&n_areas), "{n_areas} areas");
    assert_eq!(svg(&results("talk.wav", 60.0), &DEFAULT).matches("shown as the mean").count(), 0);
}

#[test]
fn a_name_with_control_characters_is_text() {
    let picture = svg(&results("folder/a\x1b[31m\u{7}<&>.wav", 30.0), &DEFAULT);
    assert!(picture.contains("a\\u{1b}[31m\\u{7}&lt;&amp;&gt;.wav"), "{picture}");
    assert!(picture.chars().all(|letter| letter >= ' ' || letter == '\n'), "{picture}");
}

#[test]
fn a_picture_that_no_memory_holds_is_refused() {
    let options = PlotOptions { width: 20_000, row_s: Some(6.0) };
    let config = AnalysisConfig::default();
    let error = draw(PictureFormat::Png, &results("talk.wav", 3.0 * 3600.0), &config, None, &options).unwrap_err().to_string();
    assert_eq!(error, "the picture would have 1800 rows of 20000 units: make rows longer or the picture narrower");
}

#[test]
fn each_channel_is_a_lane() {
    let one = results("talk.wav", 60.0);
    let mut both = one.clone();
    both.voices[0].channel = NonZeroUsize::new(1);
    both.voices.push(Voice {
        channel: NonZeroUsize::new(2),
        segments: both.voices[0].segments[..40].to_vec(),
        ..Voice::default()
    });
    let [alone, picture] = [&one, &both].map(|results| svg(results, &DEFAULT));
    let count = |text: &str| (alone.matches(text).count(), picture.matches(text).count());
    assert_eq!((count("channel 1"), count("channel 2"), count("found")), ((0, 1), (0, 1), (1, 2)));
    assert_eq!(count("0:10"), (1, 1), "the times stand below all lanes");
    assert!(picture.matches("<polygon").count() > alone.matches("<polygon").count());
}

#[test]
fn doubt_is_told_in_the_strip_and_the_legend() {
    let mut found = results("talk.wav", 40.0);
    let answer = |values| Probabilities::new(values).unwrap();
    let states =
        [State::Speech(answer([0.3, 0.35, 0.2, 0.15])), State::Unfamiliar(answer([0.0, 0.0, 1.0, 0.0])), State::NoSpeech];
    found.voices[0].segments = (0..)
        .zip(states)
        .map(|(index, state)| Segment { start_s: 10.0 * f64::from(index), end_s: 10.0 * f64::from(index + 1), state })
        .collect();
    let picture = svg(&found, &DEFAULT);
    let count = |text: &str| picture.matches(&format!("\n{text}\n")).count();
    assert_eq!(["happy?", "uncertain", "unfamiliar", "no speech"].map(count), [1, 1, 2, 2], "{picture}");
    assert_eq!(count("sad"), 1, "in the legend alone");
}
