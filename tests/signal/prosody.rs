//! The prosody of the front end: compared with librosa's trackers, and as a stream.

use moodline_core::config::{FeatureGroup, FrontEndConfig};
use moodline_core::frontend::{FrontEnd, features};
use moodline_engine::decode::read_mono_resampled;
use test_support::{golden, sample};

/// All groups, with a frame every 10 ms.
fn config() -> FrontEndConfig {
    let groups = vec![FeatureGroup::Mfcc, FeatureGroup::Delta, FeatureGroup::Delta2, FeatureGroup::Prosody];
    FrontEndConfig { groups, ..FrontEndConfig::speech_25_10() }
}

fn samples(clip: &str) -> Vec<f32> {
    read_mono_resampled(&sample(&format!("{clip}.flac")), 16_000).unwrap()
}

/// The number of frames in which two sides agree.
#[derive(Default)]
struct Agreement {
    n: usize,
    n_alike: usize,
}

impl Agreement {
    fn add(&mut self, alike: bool) {
        self.n += 1;
        self.n_alike += usize::from(alike);
    }

    fn share(&self) -> f64 {
        self.n_alike as f64 / self.n as f64
    }
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} % of {} frames", 100.0 * self.share(), self.n)
    }
}

#[test]
fn the_pitch_is_that_of_librosas_trackers() {
    // Agreement where pYIN is sure; where it agrees with YIN and we find voice as well; and on whether there is voice.
    let (mut sure, mut agreed, mut voicing) = (Agreement::default(), Agreement::default(), Agreement::default());
    for entry in std::fs::read_dir(golden::path("prosody")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(clip) = name.strip_suffix(".npy.gz") else { continue };
        let expected = golden::matrix(&format!("prosody/{clip}.npy"));
        let found = features(&config(), &samples(clip)).unwrap();
        assert_eq!(found.nrows(), expected.ncols(), "{clip}: the frames are librosa's");
        for (step, expected) in found.rows().into_iter().zip(expected.columns()) {
            let found = (step[41] > 0.0).then(|| 27.5 * (f64::from(step[39]) / 12.0).exp2());
            let (hz, voiced, probability, yin_hz) = (expected[0], expected[1] == 1.0, expected[2], expected[3]);
            if voiced && probability > 0.5 {
                sure.add(is_near(found, hz));
            }
            if voiced && found.is_some() && is_near(Some(yin_hz), hz) {
                agreed.add(is_near(found, hz));
            }
            voicing.add(voiced == found.is_some());
        }
    }
    println!("pitch: {sure} where pYIN is sure, {agreed} where it agrees with YIN; voicing: {voicing}");
    assert!(sure.n > 200 && sure.share() > 0.95);
    assert!(agreed.n > 1000 && agreed.share() > 0.95);
    assert!(voicing.share() > 0.8);
}

/// Whether a pitch is within 5 % of `expected`, both in Hz; false if there is none.
fn is_near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|hz| (hz / expected - 1.0).abs() <= 0.05)
}

/// The steps of a stream that arrives in pieces of `cut` samples.
fn stream(config: &FrontEndConfig, samples: &[f32], cut: usize) -> Vec<f32> {
    let mut front_end = FrontEnd::new(config).unwrap();
    let mut values = Vec::new();
    for part in samples.chunks(cut) {
        front_end.push(part, &mut |step: &[f32]| values.extend_from_slice(step)).unwrap();
    }
    front_end.finish(&mut |step: &[f32]| values.extend_from_slice(step));
    values
}

#[test]
fn the_other_groups_are_what_they_are_without_prosody() {
    let voice = samples("03a02Wc");
    for center in [true, false] {
        for hop_length in [160, 512] {
            let with = FrontEndConfig { center, hop_length, ..config() };
            let without = FrontEndConfig { groups: with.groups[..3].to_vec(), ..with.clone() };
            for n in [512, 1000, 5000, voice.len()] {
                let (with, without) = (stream(&with, &voice[..n], 777), stream(&without, &voice[..n], 777));
                assert_eq!(with.len() / 44, without.len() / 39);
                for (with, without) in with.chunks(44).zip(without.chunks(39)) {
                    assert_eq!(with[..39], *without);
                }
            }
        }
    }
}

#[test]
fn both_precisions_give_the_same_prosody() {
    let narrow = samples("08a01Wa");
    let wide: Vec<f64> = narrow.iter().map(|&sample| f64::from(sample)).collect();
    for average_frames in [1, 5] {
        let config = FrontEndConfig { average_frames, groups: vec![FeatureGroup::Prosody], ..config() };
        let (narrow, wide) = (features(&config, &narrow).unwrap(), features(&config, &wide).unwrap());
        for ((at, narrow), wide) in narrow.indexed_iter().zip(&wide) {
            assert!((f64::from(*narrow) - wide).abs() <= 1e-5 * (1.0 + wide.abs()), "{at:?}: {narrow} {wide}");
        }
    }
}

#[test]
fn the_level_is_the_root_mean_square_of_the_samples_around_a_frame() {
    let voice = samples("12a01Fb");
    let found = features(&FrontEndConfig { groups: vec![FeatureGroup::Prosody], ..config() }, &voice).unwrap();
    for (t, step) in found.rows().into_iter().enumerate().skip(3).take(voice.len() / 160 - 6) {
        let frame: Vec<f64> = voice[160 * t - 400..160 * t + 400].iter().map(|&sample| f64::from(sample)).collect();
        let mean = frame.iter().sum::<f64>() / 800.0;
        let power = frame.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / 800.0;
        assert!((f64::from(step[3]) - 10.0 * power.log10()).abs() < 1e-4, "frame {t}");
    }
}
