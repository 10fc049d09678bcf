//! The shape of the spectrum and how it moves: tilt, flux and modulation, from the mel bands of a block.
//!
//! In: the powers and levels of the mel bands of each step, raised by the soft floor. Out: the values of [`FeatureGroup::Tilt`], [`FeatureGroup::Flux`] and
//! [`FeatureGroup::Modulation`], which [`FeatureGroup`] describes, in the features of the same steps.

use super::decibel;
use super::derivative::savitzky_golay;
use super::mel::centres;
use crate::config::{FeatureGroup, FrontEndConfig, N_FLUX, N_MODULATION, N_TILT};
use crate::real::Real;

/// The bands of alpha ratio and slopes, Hz; what lies below the first is hum, above the last is missing from telephone recordings and old tapes.
const LOW_HZ: [f64; 2] = [50.0, 1000.0];
const HIGH_HZ: [f64; 2] = [1000.0, 5000.0];
/// The lower slope starts above the fundamental of low voices.
const SLOPE_LOW_HZ: [f64; 2] = [100.0, 1000.0];
/// The bands of the Hammarberg index, Hz.
const LOW_PEAK_HZ: [f64; 2] = [0.0, 2000.0];
const HIGH_PEAK_HZ: [f64; 2] = [2000.0, 5000.0];

/// Length of a syllable's peak, and of the stretch of speech it is compared with, seconds.
const PEAK_SECONDS: f64 = 0.09;
const STRETCH_SECONDS: f64 = 0.51;

/// The mel bands of a block, `[n_steps, n_mels]` each, row-major.
pub(super) struct Bands<'a> {
    pub(super) n_mels: usize,
    /// Positive.
    pub(super) powers: &'a [f64],
    /// dB.
    pub(super) levels: &'a [f64],
}

impl Bands<'_> {
    fn n_steps(&self) -> usize {
        self.powers.len() / self.n_mels
    }

    fn powers(&self, step: usize) -> &[f64] {
        &self.powers[step * self.n_mels..][..self.n_mels]
    }

    /// Those of the nearest step that exists.
    fn levels(&self, step: isize) -> &[f64] {
        let step = step.clamp(0, self.n_steps() as isize - 1) as usize;
        &self.levels[step * self.n_mels..][..self.n_mels]
    }
}

/// Computes the configured ones of the three groups; each `usize` is where a group begins in the features of a step.
#[derive(Clone)]
pub(super) struct Shape {
    tilt: Option<(usize, Tilt)>,
    flux: Option<(usize, Flux)>,
    modulation: Option<(usize, Modulation)>,
}

impl Shape {
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        let place = |group| config.first_feature(group);
        Self {
            tilt: place(FeatureGroup::Tilt).map(|place| (place, Tilt::new(config))),
            flux: place(FeatureGroup::Flux).map(|place| (place, Flux::new(config))),
            modulation: place(FeatureGroup::Modulation).map(|place| (place, Modulation::new(config))),
        }
    }

    /// Writes the groups of every step to its features, `[n_steps, n_features]`.
    ///
    /// # Realtime safety
    /// Allocates if the block is longer than all previous ones.
    pub(super) fn fill<T: Real>(&mut self, bands: &Bands<'_>, features: &mut [T], n_features: usize) {
        if let Some((place, tilt)) = &self.tilt {
            write(features, n_features, *place, |step| tilt.of_step(bands.powers(step), bands.levels(step as isize)));
        }
        if let Some((place, flux)) = &self.flux {
            write(features, n_features, *place, |step| flux.of_step(bands, step as isize));
        }
        if let Some((place, modulation)) = &mut self.modulation {
            modulation.listen(bands);
            write(features, n_features, *place, |step| modulation.of_step(step));
        }
    }
}

fn write<T: Real, const N: usize>(features: &mut [T], n_features: usize, place: usize, of_step: impl Fn(usize) -> [f64; N]) {
    for (step, features) in features.chunks_exact_mut(n_features).enumerate() {
        for (feature, value) in features[place..place + N].iter_mut().zip(of_step(step)) {
            *feature = T::of(value);
        }
    }
}

/// A run of neighbouring bands.
type Run = std::ops::Range<usize>;

/// The bands whose centres are at least at the first and below the second frequency.
fn run(centres: &[f64], [from, to]: [f64; 2]) -> Run {
    let below = |limit: f64| centres.partition_point(|hz| *hz < limit);
    below(from)..below(to)
}

/// Whether every part of [`FeatureGroup::Tilt`] has the two bands that a slope needs.
pub(crate) fn has_tilt(config: &FrontEndConfig) -> bool {
    let centres = centres(config);
    [SLOPE_LOW_HZ, HIGH_HZ, LOW_PEAK_HZ, HIGH_PEAK_HZ].into_iter().all(|hz| run(&centres, hz).len() >= 2)
}

#[derive(Clone)]
struct Tilt {
    low: Run,
    high: Run,
    low_peak: Run,
    high_peak: Run,
    slopes: [Slope; 2],
}

impl Tilt {
    fn new(config: &FrontEndConfig) -> Self {
        let centres = centres(config);
        let run = |hz| run(&centres, hz);
        Self {
            low: run(LOW_HZ),
            high: run(HIGH_HZ),
            low_peak: run(LOW_PEAK_HZ),
            high_peak: run(HIGH_PEAK_HZ),
            slopes: [SLOPE_LOW_HZ, HIGH_HZ].map(|hz| Slope::new(&centres, run(hz))),
        }
    }

    fn of_step(&self, powers: &[f64], levels: &[f64]) -> [f64; N_TILT] {
        let level = |run: &Run| decibel::of_power(powers[run.clone()].iter().sum());
        let peak = |run: &Run| levels[run.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [low, high] = &self.slopes;
        [level(&self.low) - level(&self.high), peak(&self.low_peak) - peak(&self.high_peak), low.of(levels), high.of(levels)]
    }
}

/// Slope of the least-squares line through the levels of a run of bands over the logarithms of their frequencies, dB per octave.
#[derive(Clone)]
struct Slope {
    bands: Run,
    weights: Vec<f64>,
}

impl Slope {
    fn new(centres: &[f64], bands: Run) -> Self {
        let octaves: Vec<f64> = centres[bands.clone()].iter().map(|hz| hz.log2()).collect();
        let mean = octaves.iter().sum::<f64>() / octaves.len() as f64;
        let spread: f64 = octaves.iter().map(|octave| (octave - mean).powi(2)).sum();
        Self { bands, weights: octaves.iter().map(|octave| (octave - mean) / spread).collect() }
    }

    fn of(&self, levels: &[f64]) -> f64 {
        levels[self.bands.clone()].iter().zip(&self.weights).map(|(level, weight)| weight * level).sum()
    }
}

#[derive(Clone)]
struct Flux {
    /// Weights of the steps from `delta_width / 2` before to as many after.
    slope: Vec<f64>,
}

impl Flux {
    fn new(config: &FrontEndConfig) -> Self {
        Self { slope: savitzky_golay(config.delta_width, 1) }
    }

    fn of_step(&self, bands: &Bands<'_>, step: isize) -> [f64; N_FLUX] {
        let changes = bands.levels(step).iter().zip(bands.levels(step - 1)).map(|(now, before)| (now - before).abs());
        let flux = changes.sum::<f64>() / bands.n_mels as f64;
        let half = (self.slope.len() / 2) as isize;
        let slope_of = |band: usize| -> f64 {
            (step - half..).zip(&self.slope).map(|(step, weight)| weight * bands.levels(step)[band]).sum()
        };
        [flux, (0..bands.n_mels).map(|band| slope_of(band).abs()).sum::<f64>() / bands.n_mels as f64]
    }
}

#[derive(Clone)]
struct Modulation {
    peak: Mean,
    stretch: Mean,
    /// Level of all bands together, `[n_steps]` dB.
    loudness: Vec<f64>,
    /// Sums of the levels before each step, `[n_steps + 1]`.
    sums: Vec<f64>,
}

impl Modulation {
    fn new(config: &FrontEndConfig) -> Self {
        let mean = |seconds: f64| Mean::of_seconds(seconds, config.step_seconds());
        Self { peak: mean(PEAK_SECONDS), stretch: mean(STRETCH_SECONDS), loudness: Vec::new(), sums: Vec::new() }
    }

    fn listen(&mut self, bands: &Bands<'_>) {
        self.loudness.clear();
        self.loudness.extend(bands.powers.chunks_exact(bands.n_mels).map(|powers| decibel::of_power(powers.iter().sum())));
        self.sums.clear();
        self.sums.push(0.0);
        self.sums.extend(self.loudness.iter().scan(0.0, |sum, level| {
            *sum += level;
            Some(*sum)
        }));
    }

    fn of_step(&self, step: usize) -> [f64; N_MODULATION] {
        let mean = |mean: Mean| mean.around(step, &self.loudness, &self.sums);
        let (peak, stretch) = (mean(self.peak), mean(self.stretch));
        [(peak - stretch).abs(), (self.loudness[step] - peak).abs()]
    }
}

/// Mean over neighbours, with the first and last value repeated beyond the ends (`scipy.ndimage.uniform_filter1d(mode="nearest")`).
#[derive(Clone, Copy)]
struct Mean {
    half: usize,
}

impl Mean {
    /// As many steps as are nearest to `seconds`; an odd number.
    fn of_seconds(seconds: f64, step_seconds: f64) -> Self {
        Self { half: ((seconds / step_seconds - 1.0) / 2.0).round().max(0.0) as usize }
    }

    /// Around `at`; `sums` are those of the values before each place. As fast for any length.
    fn around(self, at: usize, values: &[f64], sums: &[f64]) -> f64 {
        let last = values.len() - 1;
        let (from, to) = (at.saturating_sub(self.half), (at + self.half).min(last));
        let repeated = |end: usize, distance: usize| values[end] * (self.half - distance) as f64;
        let sum = repeated(0, at - from) + (sums[to + 1] - sums[from]) + repeated(last, to - at);
        sum / (2 * self.half + 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(group: FeatureGroup) -> FrontEndConfig {
        FrontEndConfig { groups: vec![group], floor_db: Some(45.0), average_frames: 3, ..FrontEndConfig::speech_25_10() }
    }

    /// The values of `group` for steps with these levels.
    fn shape(group: FeatureGroup, n_steps: usize, level: impl Fn(usize, f64) -> f64) -> Vec<Vec<f64>> {
        let config = config(group);
        let centres = centres(&config);
        let levels: Vec<f64> =
            (0..n_steps).flat_map(|step| centres.iter().map(move |&hz| (step, hz))).map(|(step, hz)| level(step, hz)).collect();
        let powers: Vec<f64> = levels.iter().map(|level| 10.0_f64.powf(level / 10.0)).collect();
        let n_values = config.n_features();
        let mut features = vec![0.0; n_steps * n_values];
        Shape::new(&config).fill(&Bands { n_mels: centres.len(), powers: &powers, levels: &levels }, &mut features, n_values);
        features.chunks_exact(n_values).map(<[f64]>::to_vec).collect()
    }

    #[test]
    fn a_spectrum_that_falls_by_6_db_an_octave_has_that_slope_at_every_level() {
        for gain in [-40.0, 0.0, 30.0] {
            let tilt = &shape(FeatureGroup::Tilt, 1, |_, hz| gain - 6.0 * hz.log2())[0];
            assert!((tilt[2] + 6.0).abs() < 1e-9 && (tilt[3] + 6.0).abs() < 1e-9, "{tilt:?}");
            let flat = &shape(FeatureGroup::Tilt, 1, |_, _| gain)[0];
            assert!(flat[1..].iter().all(|value| value.abs() < 1e-9) && tilt[0] > flat[0], "{tilt:?} {flat:?}");
        }
    }

    #[test]
    fn what_does_not_change_has_no_flux_and_a_glide_has_its_slope() {
        assert!(shape(FeatureGroup::Flux, 9, |_, hz| -hz / 100.0).iter().flatten().all(|value| value.abs() < 1e-9));
        for (step, flux) in shape(FeatureGroup::Flux, 20, |step, _| -2.0 * step as f64).iter().enumerate().take(15).skip(5) {
            assert!((flux[0] - 2.0).abs() < 1e-9 && (flux[1] - 2.0).abs() < 1e-9, "step {step}: {flux:?}");
        }
    }

    #[test]
    fn syllables_are_slow_and_clicks_fast_modulation() {
        let mean = |level: &dyn Fn(usize) -> f64, value: usize| {
            let steps = shape(FeatureGroup::Modulation, 120, |step, _| level(step));
            steps.iter().map(|step| step[value]).sum::<f64>() / 120.0
        };
        let steady = |_: usize| -20.0;
        let syllables = |step: usize| -20.0 + 6.0 * (std::f64::consts::TAU * step as f64 / 8.0).sin();
        let clicks = |step: usize| if step.is_multiple_of(2) { -14.0 } else { -26.0 };
        assert!(mean(&steady, 0) < 1e-9 && mean(&steady, 1) < 1e-9);
        assert!(mean(&syllables, 0) > 2.0 * mean(&syllables, 1));
        assert!(mean(&clicks, 1) > 2.0 * mean(&clicks, 0));
    }

    #[test]
    fn too_few_bands_for_a_slope_are_refused_and_so_is_a_missing_floor() {
        let few = FrontEndConfig { n_mels: 5, n_mfcc: 5, ..config(FeatureGroup::Tilt) };
        assert_eq!(few.validate().unwrap_err().field, "n_mels");
        let telephone = FrontEndConfig { fmax: 2000.0, ..config(FeatureGroup::Tilt) };
        assert_eq!(telephone.validate().unwrap_err().field, "n_mels");
        for group in [FeatureGroup::Tilt, FeatureGroup::Flux, FeatureGroup::Modulation] {
            config(group).validate().unwrap();
            let missing = FrontEndConfig { floor_db: None, ..config(group) }.validate().unwrap_err();
            assert_eq!(missing.field, "floor_db");
        }
    }

    #[test]
    fn a_block_without_steps_and_one_with_a_single_step_have_their_features() {
        for group in [FeatureGroup::Tilt, FeatureGroup::Flux, FeatureGroup::Modulation] {
            assert!(shape(group, 0, |_, _| 0.0).is_empty());
            assert!(shape(group, 1, |_, _| -30.0)[0].iter().all(|value| value.is_finite()));
        }
    }
}
