//! Where training starts from.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::ltc::{LtcConfig, LtcParameters};
use ndarray::{Array1, Array2, s};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Initial values of `tau`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TauInit {
    /// 1 for every unit, as in the published code: every unit forgets equally fast.
    #[default]
    Ones,
    /// Time constants `softplus(tau) / (unfolds dt)` spread evenly in the logarithm over the units, so that some follow a syllable
    /// and some remember the utterance.
    LogSpaced {
        /// Shortest time constant, steps, above 0.
        shortest_steps: f64,
        /// Longest time constant, steps, at least `shortest_steps`.
        longest_steps: f64,
    },
}

impl TauInit {
    fn values(self, config: &LtcConfig) -> Array1<f64> {
        match self {
            Self::Ones => Array1::ones(config.units),
            Self::LogSpaced { shortest_steps, longest_steps } => {
                let steps = Array1::geomspace(shortest_steps, longest_steps, config.units);
                // INVARIANT: geomspace fails only for bounds that are 0 or differ in sign.
                let steps = steps.expect("time constants are above 0");
                steps.mapv(|steps| inverse_softplus(steps * config.unfolds as f64 * config.dt))
            }
        }
    }
}

/// Parameters as Keras initialises the published cell: Glorot-uniform kernels, zero biases, `c` and `g` 1.
///
/// The paper's W is one matrix of `n_features + units` rows, so both kernels share its limit. Values are drawn in f64 and
/// rounded, so that the same seed gives the same network in both precisions.
///
/// # Panics
/// When a time constant of `tau` is not above 0.
///
/// # Source
/// `LTCCell.build` in the authors' repository; Glorot and Bengio 2010, equation 16, as `keras.initializers.GlorotUniform`.
#[must_use]
pub fn initial_parameters<T: Real>(config: &LtcConfig, n_features: usize, tau: TauInit, rng: &mut impl Rng) -> LtcParameters<T> {
    let units = config.units;
    let w: Array2<T> = glorot_uniform(n_features + units, units, rng);
    LtcParameters {
        kernel: w.slice(s![..n_features, ..]).to_owned(),
        recurrent_kernel: w.slice(s![n_features.., ..]).to_owned(),
        bias: Array1::zeros(units),
        tau: tau.values(config).mapv(T::of),
        c: Array1::ones(units),
        g: Array1::ones(units),
        dense_kernel: glorot_uniform(units, Emotion::COUNT, rng),
        dense_bias: Array1::zeros(Emotion::COUNT),
    }
}

fn glorot_uniform<T: Real>(rows: usize, columns: usize, rng: &mut impl Rng) -> Array2<T> {
    let limit = (6.0 / (rows + columns) as f64).sqrt();
    Array2::from_shape_simple_fn((rows, columns), || T::of((2.0 * uniform(rng) - 1.0) * limit))
}

/// A number in [0, 1) from the upper 53 bits of a draw.
fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The x with `softplus(x) = y`, for y above 0.
fn inverse_softplus(y: f64) -> f64 {
    y + (-(-y).exp_m1()).ln()
}

#[cfg(test)]
mod tests {
    use moodline_core::ltc::{Carry, Reading, softplus};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn config() -> LtcConfig {
        LtcConfig {
            units: 16,
            reading: Reading::Held,
            unfolds: 6,
            dt: 0.01,
            clip: 20.0,
            max_gain: Some(10.0),
            carry: Carry::Scaled,
        }
    }

    #[test]
    fn kernels_fill_glorots_range_and_the_seed_decides() {
        let draw = |seed| initial_parameters::<f64>(&config(), 39, TauInit::Ones, &mut ChaCha8Rng::seed_from_u64(seed));
        let parameters = draw(7);
        for (kernel, limit) in [
            (&parameters.kernel, (6.0_f64 / 71.0).sqrt()),
            (&parameters.recurrent_kernel, (6.0_f64 / 71.0).sqrt()),
            (&parameters.dense_kernel, (6.0_f64 / 20.0).sqrt()),
        ] {
            let largest = kernel.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            assert!(largest <= limit && largest > 0.9 * limit, "{largest} of {limit}");
            // The mean of n uniform values has a deviation of limit / sqrt(3 n); five of them are never left by chance.
            assert!(kernel.mean().unwrap().abs() < 5.0 * limit / (3.0 * kernel.len() as f64).sqrt());
        }
        assert!(parameters.bias.iter().chain(&parameters.dense_bias).all(|value| *value == 0.0));
        assert!(parameters.tau.iter().chain(&parameters.c).chain(&parameters.g).all(|value| *value == 1.0));
        assert_eq!(parameters, draw(7));
        assert_ne!(parameters, draw(8));
        let single = initial_parameters::<f32>(&config(), 39, TauInit::Ones, &mut ChaCha8Rng::seed_from_u64(7));
        assert_eq!(single.kernel, parameters.kernel.mapv(|value| value as f32));
    }

    #[test]
    fn spread_time_constants_reach_from_the_shortest_to_the_longest() {
        let tau = TauInit::LogSpaced { shortest_steps: 5.0, longest_steps: 320.0 };
        let parameters = initial_parameters::<f64>(&config(), 39, tau, &mut ChaCha8Rng::seed_from_u64(7));
        let steps: Vec<f64> = parameters.tau.iter().map(|tau| softplus(*tau) / 0.06).collect();
        assert!((steps[0] - 5.0).abs() < 1e-9 && (steps[15] - 320.0).abs() < 1e-9, "{steps:?}");
        let ratio = 64.0_f64.powf(1.0 / 15.0);
        assert!(steps.windows(2).all(|pair| (pair[1] / pair[0] - ratio).abs() < 1e-9), "{steps:?}");
    }
}
