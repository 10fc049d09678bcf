//! Quality, jitter and formants of a synthetic voice whose pitch is known: compared with numpy and scipy.

use moodline_core::config::{FeatureGroup, FrontEndConfig};
use moodline_core::frontend::{Sample, features};
use ndarray::Array2;
use test_support::golden;

/// Largest difference of HNR, H1-H2, H1-A3, shimmer (dB) and the formants (kHz).
///
/// Harmonics and formants are read off a grid of frequencies, for which the tracker's pitch and the synthesised one may differ; so one frame in thirty may.
const TOLERANCES: [f64; 7] = [1e-3; 7];

/// All groups of the voice, in each frame.
fn of_voice<T: Sample>() -> Array2<T> {
    use FeatureGroup::{Formants, Jitter, Prosody, Quality};
    let config = FrontEndConfig { groups: vec![Prosody, Quality, Jitter, Formants], ..FrontEndConfig::speech_25_10() };
    let sound: Vec<T> = golden::vector("voice/sound.npy").iter().map(|&sample| T::of(sample)).collect();
    features(&config, &sound).unwrap()
}

fn compare<T: Sample>() {
    let (found, expected) = (of_voice::<T>(), golden::matrix("voice/values.npy"));
    assert_eq!(found.nrows(), expected.ncols());
    // At its ends the tracker sees only part of the voice.
    let inner = 5..found.nrows() - 5;
    for (value, tolerance) in TOLERANCES.into_iter().enumerate() {
        let column = 5 + value + usize::from(value >= 3);
        let differences = inner.clone().map(|frame| (found[[frame, column]].widen() - expected[[value, frame]]).abs());
        let mut differences: Vec<f64> = differences.collect();
        differences.sort_unstable_by(f64::total_cmp);
        let most = differences[differences.len() * 29 / 30];
        println!("value {value}: {most:.1e}, largest {:.1e}", differences[differences.len() - 1]);
        assert!(most <= tolerance, "value {value}: {most}");
    }
}

#[test]
fn the_voice_sounds_as_numpy_and_scipy_hear_it() {
    compare::<f64>();
    compare::<f32>();
}

#[test]
fn jitter_is_the_second_difference_of_the_pitch() {
    let found = of_voice::<f64>();
    let pitch = |frame: usize| found[[frame, 0]];
    for frame in 5..found.nrows() - 5 {
        let expected = (pitch(frame - 1) - 2.0 * pitch(frame) + pitch(frame + 1)).abs();
        assert!((found[[frame, 8]] - expected).abs() < 1e-12, "frame {frame}");
    }
}
