//! Mel scales and the bank of triangular filters.
//!
//! # Source
//! librosa 0.11: `librosa.hz_to_mel`, `librosa.mel_to_hz`, `librosa.filters.mel`. librosa rounds the weights to `f32`; here they have
//! the precision of the pipeline.

use crate::config::{FrontEndConfig, MelNorm, MelScale};
use crate::real::Real;

/// Mel of `hz`.
#[must_use]
pub fn hz_to_mel(scale: MelScale, hz: f64) -> f64 {
    match scale {
        MelScale::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
        MelScale::Slaney if hz < SLANEY_BREAK_HZ => hz / SLANEY_HZ_PER_MEL,
        MelScale::Slaney => SLANEY_BREAK_MEL + (hz / SLANEY_BREAK_HZ).ln() / slaney_log_step(),
    }
}

/// Hertz of `mel`.
#[must_use]
pub fn mel_to_hz(scale: MelScale, mel: f64) -> f64 {
    match scale {
        MelScale::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
        MelScale::Slaney if mel < SLANEY_BREAK_MEL => mel * SLANEY_HZ_PER_MEL,
        MelScale::Slaney => SLANEY_BREAK_HZ * ((mel - SLANEY_BREAK_MEL) * slaney_log_step()).exp(),
    }
}

const SLANEY_HZ_PER_MEL: f64 = 200.0 / 3.0;
const SLANEY_BREAK_HZ: f64 = 1000.0;
const SLANEY_BREAK_MEL: f64 = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL;

/// Step of Slaney's logarithmic part, which reaches 6.4 kHz 27 mel above 1 kHz.
fn slaney_log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

/// Number of bins summed in parallel; rows are padded to whole groups with zero weights.
const LANES: usize = 4;

/// The filters, each stored as the run of bins it covers.
#[derive(Clone)]
pub struct MelBank<T> {
    arch: pulp::Arch,
    rows: Vec<Row>,
    /// The weights of all rows, one after the other, each row padded to a multiple of [`LANES`].
    weights: Vec<[T; LANES]>,
    n_bins: usize,
}

#[derive(Clone)]
struct Row {
    first_bin: usize,
    n_groups: usize,
}

impl<T: Real> MelBank<T> {
    /// Computes the filters.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Self {
        let mut bank = Self { arch: pulp::Arch::new(), rows: Vec::new(), weights: Vec::new(), n_bins: config.n_fft / 2 + 1 };
        for row in filters(config) {
            let first_bin = row.iter().position(|&weight| weight > 0.0).unwrap_or(0);
            let end_bin = row.iter().rposition(|&weight| weight > 0.0).map_or(0, |last| last + 1);
            let groups = row[first_bin..end_bin].chunks(LANES);
            bank.rows.push(Row { first_bin, n_groups: groups.len() });
            bank.weights.extend(groups.map(|group| std::array::from_fn(|lane| T::of(group.get(lane).copied().unwrap_or(0.0)))));
        }
        bank
    }

    /// Number of filters.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.rows.len()
    }

    /// Length of the power buffer [`apply`](Self::apply) reads: the bins and a few zeros, so that padded rows need no special case.
    #[must_use]
    pub fn n_padded_bins(&self) -> usize {
        self.n_bins + LANES
    }

    /// Writes the energy in every filter, `[n_mels]`; `power` is `[n_padded_bins]`, zero after the last bin.
    pub fn apply(&self, power: &[T], energies: &mut [T]) {
        self.arch.dispatch(Apply { bank: self, power, energies });
    }
}

struct Apply<'a, T> {
    bank: &'a MelBank<T>,
    power: &'a [T],
    energies: &'a mut [T],
}

impl<T: Real> pulp::NullaryFnOnce for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut weights = &self.bank.weights[..];
        for (row, energy) in self.bank.rows.iter().zip(self.energies) {
            let (now, later) = weights.split_at(row.n_groups);
            weights = later;
            let (bins, _) = self.power[row.first_bin..].as_chunks::<LANES>();
            let mut sums = [T::zero(); LANES];
            for (bins, weights) in bins.iter().zip(now) {
                for lane in 0..LANES {
                    sums[lane] += bins[lane] * weights[lane];
                }
            }
            *energy = sum(sums);
        }
    }
}

/// Sequential sum of the lanes: with a pairwise sum the compiler gives up vectorising over the lanes.
#[inline(always)]
fn sum<T: Real>(lanes: [T; LANES]) -> T {
    let mut total = lanes[0];
    for lane in &lanes[1..] {
        total += *lane;
    }
    total
}

/// The filters as a dense matrix, `[n_mels][n_fft / 2 + 1]`.
#[must_use]
pub fn filters(config: &FrontEndConfig) -> Vec<Vec<f64>> {
    let to_mel = |hz| hz_to_mel(config.mel_scale, hz);
    let (low, high) = (to_mel(config.fmin), to_mel(config.fmax));
    let edges: Vec<f64> = (0..config.n_mels + 2)
        .map(|i| mel_to_hz(config.mel_scale, low + (high - low) * i as f64 / (config.n_mels + 1) as f64))
        .collect();
    let bin_hz = f64::from(config.sample_rate) / config.n_fft as f64;
    edges
        .windows(3)
        .map(|edge| {
            let height = match config.mel_norm {
                MelNorm::Slaney => 2.0 / (edge[2] - edge[0]),
                MelNorm::None => 1.0,
            };
            (0..=config.n_fft / 2)
                .map(|bin| {
                    let hz = bin as f64 * bin_hz;
                    let rising = (hz - edge[0]) / (edge[1] - edge[0]);
                    let falling = (edge[2] - hz) / (edge[2] - edge[1]);
                    height * rising.min(falling).max(0.0)
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scales_pass_through_known_points() {
        assert!((hz_to_mel(MelScale::Slaney, 60.0) - 0.9).abs() < 1e-12);
        assert!((hz_to_mel(MelScale::Slaney, 1000.0) - 15.0).abs() < 1e-12);
        assert!((hz_to_mel(MelScale::Slaney, 6400.0) - 42.0).abs() < 1e-12);
        assert!((hz_to_mel(MelScale::Htk, 700.0) - 2595.0 * 2.0_f64.log10()).abs() < 1e-9);
        for scale in [MelScale::Slaney, MelScale::Htk] {
            for hz in [0.0, 20.0, 999.0, 1000.0, 1001.0, 7600.0, 192_000.0] {
                assert!((mel_to_hz(scale, hz_to_mel(scale, hz)) - hz).abs() < 1e-9 * (1.0 + hz));
            }
        }
    }

    #[test]
    fn the_sparse_bank_is_the_dense_matrix() {
        let wide = FrontEndConfig::librosa_16k();
        let narrow = FrontEndConfig { n_fft: 16, win_length: 16, hop_length: 8, n_mels: 13, ..FrontEndConfig::librosa_16k() };
        let htk = FrontEndConfig {
            mel_scale: MelScale::Htk,
            mel_norm: MelNorm::None,
            fmin: 20.0,
            fmax: 7600.0,
            ..FrontEndConfig::speech_25_10()
        };
        for config in [wide, narrow, htk] {
            let bank = MelBank::<f64>::new(&config);
            let mut power = vec![0.0; bank.n_padded_bins()];
            for (k, value) in power.iter_mut().take(config.n_fft / 2 + 1).enumerate() {
                *value = 1.0 + (k as f64 * 0.7).sin();
            }
            let mut energies = vec![0.0; bank.n_mels()];
            bank.apply(&power, &mut energies);
            for (energy, row) in energies.iter().zip(filters(&config)) {
                let expected: f64 = row.iter().zip(&power).map(|(w, p)| w * p).sum();
                assert!((energy - expected).abs() <= 1e-13 * expected, "{energy} {expected}");
            }
        }
    }

    #[test]
    fn unnormalised_filters_peak_at_most_at_one_and_slaney_filters_have_unit_area() {
        let config = FrontEndConfig { mel_norm: MelNorm::None, ..FrontEndConfig::librosa_16k() };
        assert!(filters(&config).iter().flatten().all(|&weight| (0.0..=1.0).contains(&weight)));
        let config = FrontEndConfig { n_fft: 65_536, n_mels: 20, ..FrontEndConfig::librosa_16k() };
        for row in filters(&config) {
            let area = row.iter().sum::<f64>() * 16_000.0 / 65_536.0;
            assert!((area - 1.0).abs() < 1e-3, "{area}");
        }
    }
}
