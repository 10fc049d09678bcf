//! The features of a block as the network sees them.
//!
//! In: the steps of one block, as the front end computed them for the stream. Out: the features of the same steps. The front end computes each step
//! once, and overlapping blocks share it; values that are relative to a block have to be computed for each block.

use crate::config::{FeatureGroup, FrontEndConfig, N_PROSODY};
use crate::frontend::assembler::Assembler;
use crate::frontend::cepstrum::Cepstrum;
use crate::frontend::log_mel::ToDecibels;
use crate::frontend::prosody::{F0, LEVEL, MAX_HZ, MIN_HZ, VOICING, semitones};
use crate::real::Real;

/// Levels are clipped this far below the block's loudest step, dB: anything lower is the room, not the voice.
pub const LEVEL_RANGE_DB: f64 = 60.0;

/// Computes the features of a block from its steps.
///
/// - mel bands, with [`FrontEndConfig::floor_db`]: the power of the block's loudest band, lowered by that many dB, is added to each; the coefficients are
///   computed from the resulting levels, and their derivatives over steps.
/// - level: dB relative to the loudest step of the block, from [`LEVEL_RANGE_DB`] below it to 0.
/// - pitch: an unvoiced step has none at first. Between two voiced steps it is interpolated linearly, before the first and after
///   the last it is that of the nearest; in a block without voice it is the middle of the tracker's range. So the network sees a
///   contour without gaps, and nothing of what was said before the block.
///
/// Everything that runs a network on steps of the front end does this first: the trainer with each clip, the product with each block.
///
/// # Source
/// librosa's `power_to_db(top_db)` clips levels at a floor below the loudest one; here the floor is added as power, so that there is no kink and
/// the noise floor of a recording carries no information. The gain of a recording then affects only the zeroth coefficient.
#[derive(Clone)]
pub struct BlockFeatures<T> {
    step_len: usize,
    n_features: usize,
    cepstral: Option<Cepstral<T>>,
    prosody: Option<Prosody>,
    /// `[n_steps, n_features]`
    features: Vec<T>,
}

/// Offsets of the group.
#[derive(Clone, Copy)]
struct Prosody {
    in_step: usize,
    in_features: usize,
}

impl<T: Real> BlockFeatures<T> {
    /// Creates the features of blocks of this front end.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Self {
        let stream = config.of_stream();
        let place = |config: &FrontEndConfig| config.first_feature(FeatureGroup::Prosody);
        let prosody = place(&stream).zip(place(config)).map(|(in_step, in_features)| Prosody { in_step, in_features });
        Self {
            step_len: stream.n_features(),
            n_features: config.n_features(),
            cepstral: config.floor_db.map(|floor_db| Cepstral::new(config, floor_db)),
            prosody,
            features: Vec::new(),
        }
    }

    /// The features, `[n_steps, n_features]`, of a block of steps, `[n_steps, step_len]`, both row-major.
    ///
    /// # Realtime safety
    /// Allocates if the block is longer than all previous ones; never locks or waits.
    pub fn of(&mut self, steps: &[T]) -> &[T] {
        let Self { step_len, n_features, cepstral, prosody, features } = self;
        features.clear();
        match cepstral {
            None => features.extend_from_slice(steps),
            Some(cepstral) => {
                features.resize(steps.len() / *step_len * *n_features, T::zero());
                cepstral.fill(steps, *step_len, prosody.map(|prosody| prosody.in_features), features, *n_features);
            }
        }
        if let Some(prosody) = prosody {
            let steps = features.chunks_exact_mut(*n_features).zip(steps.chunks_exact(*step_len));
            for (features, step) in steps {
                features[prosody.in_features..][..N_PROSODY].copy_from_slice(&step[prosody.in_step..][..N_PROSODY]);
            }
            let relative = Relative { n_features: *n_features, prosody: prosody.in_features };
            relative.fill_pitch(features);
            relative.relate_level(features);
        }
        features
    }
}

/// Coefficients that are computed per block.
#[derive(Clone)]
struct Cepstral<T> {
    floor: f64,
    n_mels: usize,
    cepstrum: Cepstrum,
    assembler: Assembler<T>,
    /// `[n_mels]`
    levels: Vec<f64>,
    /// `[n_mfcc]`
    mfcc: Vec<T>,
}

impl<T: Real> Cepstral<T> {
    fn new(config: &FrontEndConfig, floor_db: f64) -> Self {
        let groups = config.groups.iter().copied().filter(|group| *group != FeatureGroup::Prosody).collect();
        Self {
            floor: 10.0_f64.powf(-floor_db / 10.0),
            n_mels: config.n_mels,
            cepstrum: Cepstrum::new(config.n_mels, config.n_mfcc, config.lifter),
            assembler: Assembler::new(&FrontEndConfig { groups, ..config.clone() }),
            levels: vec![0.0; config.n_mels],
            mfcc: vec![T::zero(); config.n_mfcc],
        }
    }

    /// Writes the coefficients and their derivatives of every step, leaving room for prosody.
    fn fill(&mut self, steps: &[T], step_len: usize, prosody: Option<usize>, features: &mut [T], n_features: usize) {
        let Self { floor, n_mels, cepstrum, assembler, levels, mfcc } = self;
        let powers = || steps.chunks_exact(step_len).map(|step| &step[..*n_mels]);
        let loudest = powers().flatten().fold(T::zero(), |loudest, power| loudest.max(*power)).widen();
        let mut rows = features.chunks_exact_mut(n_features);
        let mut write = |values: &[T]| {
            // INVARIANT: the assembler outputs one row per step.
            let row = rows.next().expect("a row for each step");
            let (before, after) = values.split_at(prosody.unwrap_or(values.len()));
            row[..before.len()].copy_from_slice(before);
            row[n_features - after.len()..].copy_from_slice(after);
        };
        assembler.reset();
        for powers in powers() {
            for (level, power) in levels.iter_mut().zip(powers) {
                *level = power.widen() + *floor * loudest;
            }
            pulp::Arch::new().dispatch(ToDecibels(levels));
            cepstrum.transform(levels, mfcc);
            assembler.push(mfcc, &mut write);
        }
        assembler.finish(&mut write);
    }
}

/// Prosody relative to the block.
struct Relative {
    n_features: usize,
    /// Offset of the group in the features of a step.
    prosody: usize,
}

impl Relative {
    fn relate_level<T: Real>(&self, block: &mut [T]) {
        let at = self.prosody + LEVEL;
        let peak = block.chunks_exact(self.n_features).map(|step| step[at]).fold(T::neg_infinity(), T::max);
        let floor = T::of(-LEVEL_RANGE_DB);
        for step in block.chunks_exact_mut(self.n_features) {
            step[at] = (step[at] - peak).max(floor);
        }
    }

    fn fill_pitch<T: Real>(&self, block: &mut [T]) {
        let n_steps = block.len() / self.n_features;
        let at = |step: usize| step * self.n_features + self.prosody;
        let mut last_voiced = None;
        for step in 0..n_steps {
            if block[at(step) + VOICING] <= T::zero() {
                continue;
            }
            let pitch = block[at(step) + F0];
            let (first, from) = last_voiced.map_or((0, pitch), |voiced: usize| (voiced + 1, block[at(voiced) + F0]));
            let slope = (pitch - from) / T::of((step + 1 - first) as f64);
            for (between, distance) in (first..step).zip(1..) {
                block[at(between) + F0] = from + slope * T::of(f64::from(distance));
            }
            last_voiced = Some(step);
        }
        let (first, pitch) = last_voiced.map_or_else(
            || (0, T::of(0.5 * (semitones(MIN_HZ) + semitones(MAX_HZ)))),
            |voiced: usize| (voiced + 1, block[at(voiced) + F0]),
        );
        for step in first..n_steps {
            block[at(step) + F0] = pitch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> FrontEndConfig {
        let groups = vec![FeatureGroup::Delta, FeatureGroup::Prosody];
        FrontEndConfig { n_mfcc: 2, groups, ..FrontEndConfig::speech_25_10() }
    }

    /// Steps with two deltas and prosody of these pitches, voicings and levels.
    fn block(steps: &[(f64, f64, f64)]) -> Vec<f64> {
        steps.iter().flat_map(|&(pitch, voicing, level)| [7.0, 8.0, pitch, 0.5, voicing, level, 0.25]).collect()
    }

    fn applied(steps: &[(f64, f64, f64)]) -> Vec<(f64, f64)> {
        let before = block(steps);
        let after = BlockFeatures::new(&config()).of(&before).to_vec();
        for (before, after) in before.chunks(7).zip(after.chunks(7)) {
            for other in [0, 1, 3, 4, 6] {
                assert_eq!(before[other], after[other], "value {other} is not relative");
            }
        }
        after.chunks(7).map(|step| (step[2], step[5])).collect()
    }

    #[test]
    fn the_level_is_relative_to_the_loudest_step_and_has_a_floor() {
        let levels: Vec<f64> =
            applied(&[(0.0, 0.0, -50.0), (0.0, 0.0, -20.0), (0.0, 0.0, -100.0)]).iter().map(|step| step.1).collect();
        assert_eq!(levels, [-30.0, 0.0, -60.0]);
    }

    #[test]
    fn steps_without_voice_take_the_line_between_their_voiced_neighbours() {
        let (voice, none) = (|pitch: f64| (pitch, 0.8, -20.0), (0.0, 0.0, -20.0));
        let pitches = |steps: &[(f64, f64, f64)]| applied(steps).iter().map(|step| step.0).collect::<Vec<_>>();
        assert_eq!(
            pitches(&[none, none, voice(30.0), none, none, none, voice(34.0), voice(40.0), none]),
            [30.0, 30.0, 30.0, 31.0, 32.0, 33.0, 34.0, 40.0, 40.0]
        );
        let middle = pitches(&[none, none]);
        assert!((middle[0] - semitones((60.0_f64 * 500.0).sqrt())).abs() < 1e-12 && middle[0] == middle[1]);
        assert!(pitches(&[]).is_empty());
    }

    #[test]
    fn without_prosody_and_floor_there_is_nothing_to_do() {
        let steps: Vec<f64> = (0..78).map(f64::from).collect();
        assert_eq!(BlockFeatures::new(&FrontEndConfig::librosa_16k()).of(&steps), steps);
    }

    fn with_floor(floor_db: f64) -> FrontEndConfig {
        let groups = vec![FeatureGroup::Delta, FeatureGroup::Prosody, FeatureGroup::Mfcc];
        FrontEndConfig {
            n_mels: 8,
            n_mfcc: 3,
            delta_width: 3,
            groups,
            floor_db: Some(floor_db),
            ..FrontEndConfig::speech_25_10()
        }
    }

    /// Steps with eight powers and the prosody of a steady voice.
    fn steps_of(power: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let step = |step: usize| (0..8).map(|band| power(step, band)).chain([30.0, 0.0, 0.9, -20.0, 0.0]).collect::<Vec<_>>();
        (0..6).flat_map(step).collect()
    }

    #[test]
    fn coefficients_with_a_floor_are_those_of_the_raised_levels() {
        let power = |step: usize, band: usize| 10.0_f64.powi(step as i32 - band as i32);
        let (config, steps) = (with_floor(40.0), steps_of(power));
        let features = BlockFeatures::new(&config).of(&steps).to_vec();
        let cepstrum = Cepstrum::new(8, 3, 0);
        let mfcc = |step: usize| {
            let levels: Vec<f64> = (0..8).map(|band| 10.0 * (power(step, band) + 1e5 * 1e-4).log10()).collect();
            let mut mfcc = [0.0; 3];
            cepstrum.transform(&levels, &mut mfcc);
            mfcc
        };
        for (step, row) in features.chunks_exact(3 + N_PROSODY + 3).enumerate() {
            for (coefficient, value) in row[8..].iter().enumerate() {
                assert!((value - mfcc(step)[coefficient]).abs() < 1e-9, "step {step}: {value}");
            }
            let centre = (step + 1).clamp(2, 5);
            let slope = |k: usize| (mfcc(centre)[k] - mfcc(centre - 2)[k]) / 2.0;
            assert!((0..3).all(|k| (row[k] - slope(k)).abs() < 1e-9), "step {step}");
            assert_eq!(row[3..8], [30.0, 0.0, 0.9, 0.0, 0.0]);
        }
    }

    #[test]
    fn behind_a_floor_gain_moves_the_zeroth_coefficient_alone_and_a_quiet_room_nothing() {
        let voice = |step: usize, band: usize| 1e-3 * (1.0 + (step * band) as f64);
        let difference = |other: &dyn Fn(usize, usize) -> f64| {
            let features = |steps: Vec<f64>| BlockFeatures::new(&with_floor(30.0)).of(&steps).to_vec();
            let (voice, other) = (features(steps_of(voice)), features(steps_of(other)));
            let without_level =
                |values: &[f64]| values.chunks_exact(11).flat_map(|row| [&row[..8], &row[9..]].concat()).collect::<Vec<_>>();
            let pairs = without_level(&voice).into_iter().zip(without_level(&other));
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        assert!(difference(&|step, band| 1e4 * voice(step, band)) < 1e-9, "40 dB louder");
        assert!(difference(&|step, band| voice(step, band) + 1e-7) < 0.1, "a room 55 dB below");
    }
}
