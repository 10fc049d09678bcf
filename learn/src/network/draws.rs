//! Random initial values: their ranges, and the initial time constants that can be configured.
//!
//! In: sizes and a generator. Out: values in f64, drawn in memory order.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// Initial values of `tau`, for the cells that have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TauInit {
    /// 1 for every unit, as in the paper's published code: every unit forgets equally fast.
    #[default]
    Ones,
    /// Spaced evenly from the first unit to the last.
    Even {
        /// Value of the first unit.
        from: f64,
        /// Value of the last unit.
        to: f64,
    },
    /// Time constants, `softplus(tau) / (unfolds dt)` of the paper's cell and `1 / softplus(tau)` of the liquid gate, spaced logarithmically over the
    /// units, so that some follow a syllable and some remember the utterance.
    LogSpaced {
        /// Shortest time constant, steps, above 0.
        shortest_steps: f64,
        /// Longest time constant, steps, at least `shortest_steps`.
        longest_steps: f64,
    },
}

impl TauInit {
    /// One value for each unit; `softplus_of` gives the cell's softplus of `tau` for a time constant in steps.
    pub(super) fn values(self, units: usize, softplus_of: impl Fn(f64) -> f64) -> Vec<f64> {
        // 0 for the first unit, 1 for the last.
        let places = (0..units).map(|unit| if units > 1 { unit as f64 / (units - 1) as f64 } else { 0.0 });
        match self {
            Self::Ones => vec![1.0; units],
            Self::Even { from, to } => places.map(|place| from + (to - from) * place).collect(),
            Self::LogSpaced { shortest_steps, longest_steps } => places
                .map(|place| shortest_steps * (longest_steps / shortest_steps).powf(place))
                .map(|steps| inverse_softplus(softplus_of(steps)))
                .collect(),
        }
    }
}

/// A matrix, row-major.
pub(super) fn glorot_uniform(rows: usize, columns: usize, rng: &mut dyn Rng) -> Vec<f64> {
    let limit = (6.0 / (rows + columns) as f64).sqrt();
    (0..rows * columns).map(|_| (2.0 * uniform(rng) - 1.0) * limit).collect()
}

/// A matrix for each of `gates`, side by side, row-major.
pub(super) fn glorot_gates(rows: usize, columns: usize, gates: usize, rng: &mut dyn Rng) -> Vec<f64> {
    let of_gates: Vec<Vec<f64>> = (0..gates).map(|_| glorot_uniform(rows, columns, rng)).collect();
    (0..rows)
        .flat_map(|row| of_gates.iter().flat_map(move |of_gate| of_gate[row * columns..(row + 1) * columns].to_vec()))
        .collect()
}

/// A matrix with orthonormal rows, row-major; at most as many rows as columns.
///
/// # Source
/// Saxe, McClelland and Ganguli 2014, as `keras.initializers.Orthogonal`; by the Gram-Schmidt process, applied twice to limit rounding errors.
pub(super) fn orthogonal(rows: usize, columns: usize, rng: &mut dyn Rng) -> Vec<f64> {
    let mut matrix: Vec<f64> = (0..rows * columns).map(|_| normal(rng)).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for row in 0..rows {
        let (earlier, rest) = matrix.split_at_mut(row * columns);
        let new = &mut rest[..columns];
        for _ in 0..2 {
            for earlier in earlier.chunks_exact(columns) {
                let shared = dot(earlier, new);
                new.iter_mut().zip(earlier).for_each(|(new, earlier)| *new -= shared * earlier);
            }
            let length = dot(new, new).sqrt();
            new.iter_mut().for_each(|new| *new /= length);
        }
    }
    matrix
}

/// Uniformly distributed numbers in `from..to`.
pub(super) fn uniform_between(from: f64, to: f64, n: usize, rng: &mut dyn Rng) -> Vec<f64> {
    (0..n).map(|_| from + (to - from) * uniform(rng)).collect()
}

/// A normally distributed number with mean 0 and standard deviation 1, by the Box-Muller method.
fn normal(rng: &mut dyn Rng) -> f64 {
    // 1 - u is never 0.
    (-2.0 * (1.0 - uniform(rng)).ln()).sqrt() * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// A number in [0, 1) from the upper 53 bits of a draw.
fn uniform(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The x with `softplus(x) = y`, for y above 0.
pub(super) fn inverse_softplus(y: f64) -> f64 {
    y + (-(-y).exp_m1()).ln()
}
