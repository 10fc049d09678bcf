//! Values that are relative to the block they are in.
//!
//! In: the steps of one block, as the front end made them for the stream. Out: the same steps as the network sees them. The front end computes a step
//! once, and overlapping blocks share it; what a step is in relation to its block can only be said for each of them.

use crate::config::{FeatureGroup, FrontEndConfig};
use crate::frontend::prosody::{F0, LEVEL, MAX_HZ, MIN_HZ, VOICING, semitones};
use crate::real::Real;

/// Levels further below the block's loudest step count as this far, dB: below it is the room, not the voice.
pub const LEVEL_RANGE_DB: f64 = 60.0;

/// Sets the prosody of a block in relation to it; without that group there is nothing to do.
///
/// - level: dB relative to the loudest step of the block, [`LEVEL_RANGE_DB`] below it to 0.
/// - pitch: a step without voice has none yet. Between two voiced steps it becomes the straight line between them, before the first and after
///   the last that of the nearest; in a block without voice it is the middle of the tracker's range. So the network sees a
///   contour without holes, and nothing of what was said before the block.
///
/// Everything that runs a network on steps of the front end does this first: the trainer with each clip, the product with each block. A second
/// time changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct BlockRelative {
    n_features: usize,
    /// Where the group begins in a step.
    prosody: usize,
}

impl BlockRelative {
    /// What has to be done to blocks of this front end, if anything.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Option<Self> {
        let prosody = config.first_feature(FeatureGroup::Prosody)?;
        Some(Self { n_features: config.n_features(), prosody })
    }

    /// Does it, in place: `block` is `[n_steps, n_features]`, row-major.
    ///
    /// # Realtime safety
    /// Does not allocate, lock or block.
    pub fn apply<T: Real>(&self, block: &mut [T]) {
        self.fill_pitch(block);
        self.relate_level(block);
    }

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

    /// Steps of two deltas and prosody with this pitch, voicing and level.
    fn block(steps: &[(f64, f64, f64)]) -> Vec<f64> {
        steps.iter().flat_map(|&(pitch, voicing, level)| [7.0, 8.0, pitch, 0.5, voicing, level, 0.25]).collect()
    }

    fn applied(steps: &[(f64, f64, f64)]) -> Vec<(f64, f64)> {
        let relative = BlockRelative::new(&config()).unwrap();
        let before = block(steps);
        let mut after = before.clone();
        relative.apply(&mut after);
        let mut again = after.clone();
        relative.apply(&mut again);
        assert_eq!(again, after, "a second time changes something");
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
    fn without_prosody_there_is_nothing_to_do() {
        assert!(BlockRelative::new(&FrontEndConfig::librosa_16k()).is_none());
    }
}
