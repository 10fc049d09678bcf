//! Tilt, flux and modulation of a block: compared with librosa, numpy and scipy, and beside other groups.

use moodline_core::config::{FeatureGroup, FrontEndConfig};
use moodline_core::frontend::{BlockFeatures, Sample, features};
use ndarray::Array2;
use test_support::golden;

/// The three groups, every 30 ms.
fn config() -> FrontEndConfig {
    let groups = vec![FeatureGroup::Tilt, FeatureGroup::Flux, FeatureGroup::Modulation];
    FrontEndConfig { average_frames: 3, delta_width: 5, floor_db: Some(45.0), groups, ..FrontEndConfig::speech_25_10() }
}

/// The features of the voice as one block.
fn of_voice<T: Sample>(config: &FrontEndConfig) -> Array2<T> {
    let voice: Vec<T> = golden::vector("mfcc/sig_16000_voice1s.npy").iter().map(|&sample| T::of(sample)).collect();
    let steps = features(config, &voice).unwrap();
    let block = BlockFeatures::new(config).of(steps.as_slice().unwrap()).to_vec();
    Array2::from_shape_vec((steps.nrows(), config.n_features()), block).unwrap()
}

fn compare<T: Sample>(found: &Array2<T>, tolerance: f64) {
    let expected = golden::matrix("shape/voice1s.npy");
    assert_eq!(found.dim(), (expected.ncols(), expected.nrows()));
    let mut largest: f64 = 0.0;
    for ((step, value), found) in found.indexed_iter() {
        let (found, expected) = (found.widen(), expected[[value, step]]);
        assert!((found - expected).abs() <= tolerance, "step {step}, value {value}: {found}, expected {expected}");
        largest = largest.max((found - expected).abs());
    }
    println!("largest difference: {largest:.1e}");
}

#[test]
fn the_shape_is_that_of_librosa_numpy_and_scipy() {
    compare::<f64>(&of_voice(&config()), 2e-4);
    compare::<f32>(&of_voice(&config()), 1e-3);
}

#[test]
fn groups_are_the_same_in_any_order_and_beside_any_other() {
    use FeatureGroup::{Delta, Delta2, Flux, Mfcc, Modulation, Prosody, Tilt};
    let with = |groups: &[FeatureGroup]| FrontEndConfig { groups: groups.to_vec(), ..config() };
    let all = with(&[Flux, Delta, Prosody, Tilt, Mfcc, Modulation, Delta2]);
    let together = of_voice::<f32>(&all);
    for group in [Flux, Delta, Prosody, Tilt, Mfcc, Modulation, Delta2] {
        let alone = of_voice::<f32>(&with(&[group]));
        let first = all.first_feature(group).unwrap();
        let part = together.slice(ndarray::s![.., first..first + group.n_values(all.n_mfcc)]);
        assert_eq!(part, alone, "{group:?}");
    }
}
