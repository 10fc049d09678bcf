//! Level meter of the input.

use std::time::{Duration, Instant};

use super::Level;

/// Time constant of the mean square, seconds.
const RMS_SECONDS: f32 = 0.3;

/// Number of samples summed in parallel.
const LANES: usize = 16;

/// Fall rate of a peak, dB per second.
const PEAK_FALL_DB: f32 = 20.0;

/// Peak and mean square of the latest audio.
pub(super) struct Meter {
    peak: f32,
    mean_square: f32,
    heard: bool,
    looked: Instant,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { peak: 0.0, mean_square: 0.0, heard: false, looked: Instant::now() }
    }

    /// Takes samples, all finite, at `sample_rate` Hz.
    pub(super) fn take(&mut self, samples: &[f32], sample_rate: u32) {
        if samples.is_empty() {
            return;
        }
        self.heard = true;
        let (peak, energy) = peak_and_energy(samples);
        let seconds = samples.len() as f32 / sample_rate as f32;
        self.advance(peak, (energy / samples.len() as f64) as f32, seconds);
    }

    /// The current level, which has fallen if there was no audio since the last call.
    pub(super) fn look(&mut self) -> Level {
        let elapsed = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        if !std::mem::take(&mut self.heard) {
            self.rest(elapsed);
        }
        self.level()
    }

    fn rest(&mut self, time: Duration) {
        self.advance(0.0, 0.0, time.as_secs_f32());
    }

    fn advance(&mut self, peak: f32, mean_square: f32, seconds: f32) {
        self.peak = peak.max(self.peak * 10.0_f32.powf(-PEAK_FALL_DB / 20.0 * seconds));
        let kept = (-seconds / RMS_SECONDS).exp();
        self.mean_square = mean_square + kept * (self.mean_square - mean_square);
    }

    fn level(&self) -> Level {
        let db = |power: f32| (10.0 * power.log10()).max(Level::FLOOR_DB);
        Level { peak_db: db(self.peak * self.peak), rms_db: db(self.mean_square) }
    }
}

/// Largest magnitude, and sum of squares. In lanes, because a sequential sum would wait for each addition.
fn peak_and_energy(samples: &[f32]) -> (f32, f64) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let (mut peaks, mut sums) = ([0.0_f32; LANES], [0.0_f64; LANES]);
            let mut take = |chunk: &[f32]| {
                for ((peak, sum), sample) in peaks.iter_mut().zip(&mut sums).zip(chunk) {
                    *peak = peak.max(sample.abs());
                    *sum += f64::from(*sample).powi(2);
                }
            };
            let chunks = samples.chunks_exact(LANES);
            let rest = chunks.remainder();
            chunks.for_each(&mut take);
            take(rest);
            (peaks.into_iter().fold(0.0, f32::max), sums.into_iter().sum())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_reads_its_peak_and_three_decibels_less() {
        let sine: Vec<f32> = (0..48_000).map(|n| 0.5 * (n as f32 * 0.05).sin()).collect();
        let mut meter = Meter::new();
        sine.chunks(487).for_each(|part| meter.take(part, 48_000));
        let Level { peak_db, rms_db } = meter.level();
        assert!((peak_db - -6.02).abs() < 0.1, "{peak_db}");
        assert!((rms_db - -9.03).abs() < 0.3, "{rms_db}");
    }

    #[test]
    fn silence_sinks_to_the_floor() {
        let mut meter = Meter::new();
        meter.take(&[1.0; 100], 48_000);
        meter.rest(Duration::from_secs(1));
        assert!((meter.level().peak_db - -PEAK_FALL_DB).abs() < 0.1);
        meter.rest(Duration::from_secs(10));
        assert_eq!(meter.level(), Level { peak_db: Level::FLOOR_DB, rms_db: Level::FLOOR_DB });
    }
}
