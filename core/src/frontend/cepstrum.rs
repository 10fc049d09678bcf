//! From mel levels to cepstral coefficients.

use std::f64::consts::PI;

use crate::real::Real;

/// Number of coefficients computed in parallel.
const LANES: usize = 16;

/// Orthonormal DCT-II, of which the first `n_mfcc` rows are kept, with the lifter folded in.
///
/// # Source
/// librosa 0.11 `librosa.feature.mfcc(dct_type=2, norm="ortho", lifter)`: coefficient `k` is scaled by
/// `1 + lifter / 2 * sin(pi (k + 1) / lifter)`.
#[derive(Clone)]
pub(super) struct Cepstrum {
    arch: pulp::Arch,
    /// Blocks of [`LANES`] coefficients; each holds one row per mel band, padded with zeros.
    blocks: Vec<Vec<[f64; LANES]>>,
}

impl Cepstrum {
    /// Computes the matrix.
    #[must_use]
    pub(super) fn new(n_mels: usize, n_mfcc: usize, lifter: usize) -> Self {
        let weight = |k: usize, mel: usize| if k < n_mfcc { lift(lifter, k) * dct(n_mels, k, mel) } else { 0.0 };
        let block = |first: usize| (0..n_mels).map(|mel| std::array::from_fn(|lane| weight(first + lane, mel))).collect();
        Self { arch: pulp::Arch::new(), blocks: (0..n_mfcc).step_by(LANES).map(block).collect() }
    }

    /// Writes the coefficients of `levels`, `[n_mels]` dB, to `mfcc`, `[n_mfcc]`.
    pub(super) fn transform<T: Real>(&self, levels: &[f64], mfcc: &mut [T]) {
        for (block, mfcc) in self.blocks.iter().zip(mfcc.chunks_mut(LANES)) {
            let sums = self.arch.dispatch(WeightedRows { rows: block, levels });
            for (value, sum) in mfcc.iter_mut().zip(sums) {
                *value = T::of(sum);
            }
        }
    }
}

/// Weighted sum of matrix rows, with the levels as weights.
struct WeightedRows<'a> {
    rows: &'a [[f64; LANES]],
    levels: &'a [f64],
}

impl pulp::NullaryFnOnce for WeightedRows<'_> {
    type Output = [f64; LANES];

    #[inline(always)]
    fn call(self) -> [f64; LANES] {
        // Two sums, so that an addition need not wait for the previous one.
        let (mut even, mut odd) = ([0.0; LANES], [0.0; LANES]);
        let (row_pairs, last_row) = self.rows.as_chunks::<2>();
        let (level_pairs, last_level) = self.levels.as_chunks::<2>();
        for (rows, levels) in row_pairs.iter().zip(level_pairs) {
            for lane in 0..LANES {
                even[lane] += rows[0][lane] * levels[0];
                odd[lane] += rows[1][lane] * levels[1];
            }
        }
        for (row, level) in last_row.iter().zip(last_level) {
            for lane in 0..LANES {
                even[lane] += row[lane] * level;
            }
        }
        for lane in 0..LANES {
            even[lane] += odd[lane];
        }
        even
    }
}

/// Element `(k, mel)` of the orthonormal DCT-II of size `n_mels`.
fn dct(n_mels: usize, k: usize, mel: usize) -> f64 {
    let n = n_mels as f64;
    let scale = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
    scale * (PI * k as f64 * (2 * mel + 1) as f64 / (2.0 * n)).cos()
}

/// Factor of coefficient `k`.
fn lift(lifter: usize, k: usize) -> f64 {
    if lifter == 0 {
        return 1.0;
    }
    let length = lifter as f64;
    1.0 + length / 2.0 * (PI * (k + 1) as f64 / length).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform(n_mfcc: usize, lifter: usize, levels: &[f64]) -> Vec<f64> {
        let mut mfcc = vec![0.0; n_mfcc];
        Cepstrum::new(levels.len(), n_mfcc, lifter).transform(levels, &mut mfcc);
        mfcc
    }

    #[test]
    fn a_constant_spectrum_has_only_the_first_coefficient() {
        let mfcc = transform(13, 0, &[-100.0; 128]);
        assert!((mfcc[0] + 100.0 * 128.0_f64.sqrt()).abs() < 1e-9);
        assert!(mfcc[1..].iter().all(|c| c.abs() < 1e-9));
    }

    #[test]
    fn all_coefficients_together_keep_the_energy_and_invert() {
        for n in [1, 13, 26, 40, 128] {
            let levels: Vec<f64> = (0..n).map(|i| -60.0 + 20.0 * (i as f64 * 0.9).sin()).collect();
            let mfcc = transform(n, 0, &levels);
            for (mel, &level) in levels.iter().enumerate() {
                let n = n as f64;
                let back: f64 = mfcc
                    .iter()
                    .enumerate()
                    .map(|(k, c)| {
                        let norm = if k == 0 { n.sqrt() } else { (n / 2.0).sqrt() };
                        c / norm * (PI * k as f64 * (mel as f64 + 0.5) / n).cos()
                    })
                    .sum();
                assert!((back - level).abs() < 1e-9, "{back} {level}");
            }
        }
    }

    #[test]
    fn the_lifter_scales_each_coefficient() {
        let levels: Vec<f64> = (0..26).map(|i| f64::from(i * i)).collect();
        let (plain, lifted) = (transform(13, 0, &levels), transform(13, 22, &levels));
        for (k, (plain, lifted)) in plain.iter().zip(&lifted).enumerate() {
            let factor = 1.0 + 11.0 * (PI * (k + 1) as f64 / 22.0).sin();
            assert!((lifted - factor * plain).abs() < 1e-9 * lifted.abs().max(1.0));
        }
    }
}
