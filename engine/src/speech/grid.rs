//! Positions of the steps of a stream in time.

use moodline_core::FrontEndConfig;

/// Tolerance for a time at the edge of a step, steps.
const SAME_STEP: f64 = 1e-6;

/// The grid of the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StepGrid {
    step_seconds: f64,
    /// Centre of the first step.
    first_centre_s: f64,
}

impl StepGrid {
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        let seconds = |samples: f64| samples / f64::from(config.sample_rate);
        let first_frame = if config.center { 0.0 } else { config.n_fft as f64 / 2.0 };
        let within_step = (config.average_frames - 1) as f64 / 2.0 * config.hop_length as f64;
        Self { step_seconds: config.step_seconds(), first_centre_s: seconds(first_frame + within_step) }
    }

    /// The first step whose centre is not before `seconds`.
    pub(super) fn first_step_from(&self, seconds: f64) -> u64 {
        ((seconds - self.first_centre_s) / self.step_seconds - SAME_STEP).ceil().max(0.0) as u64
    }

    /// Where a step begins: half a step before its centre.
    pub(super) fn start_seconds(&self, step: u64) -> f64 {
        self.centre_seconds(step) - 0.5 * self.step_seconds
    }

    /// Distance between steps.
    pub(super) const fn step_seconds(&self) -> f64 {
        self.step_seconds
    }

    /// Centre of a step.
    pub(super) fn centre_seconds(&self, step: u64) -> f64 {
        self.first_centre_s + step as f64 * self.step_seconds
    }

    /// Number of whole steps that last at least `seconds`.
    pub(super) fn n_steps_in(&self, seconds: f64) -> usize {
        (seconds / self.step_seconds - SAME_STEP).ceil().max(0.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_lies_around_its_centre() {
        let config = FrontEndConfig { hop_length: 320, ..FrontEndConfig::speech_25_10() };
        let grid = StepGrid::new(&config);
        assert_eq!((grid.first_step_from(0.0), grid.first_step_from(0.02), grid.first_step_from(0.021)), (0, 1, 2));
        assert!((grid.start_seconds(50) - 0.99).abs() < 1e-12);
        assert_eq!((grid.n_steps_in(0.1), grid.n_steps_in(0.101), grid.n_steps_in(0.0)), (5, 6, 0));
        let averaged = StepGrid::new(&FrontEndConfig { average_frames: 3, ..config.clone() });
        assert!((averaged.start_seconds(0) + 0.01).abs() < 1e-12, "three frames of 20 ms around 20 ms");
        let from_start = StepGrid::new(&FrontEndConfig { center: false, ..config });
        assert!((from_start.start_seconds(0) - 0.006).abs() < 1e-12, "the middle of the first 512 samples is at 16 ms");
    }
}
