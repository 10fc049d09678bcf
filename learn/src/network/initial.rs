//! Initial parameters of a training run.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::{DENSE_KERNEL, NetworkConfig, Tensors, layer_tensor};
use rand::Rng;

use super::cells::{self, Start};
use super::draws::{TauInit, glorot_uniform};

/// Initial parameters: each layer as its cell defines, a Glorot-uniform readout, and an attention that weights all steps equally.
///
/// `tau` replaces the initial values of the cell itself. Values are drawn in f64 and rounded, so that the same seed gives the same network in both
/// precisions.
///
/// # Source
/// Glorot and Bengio 2010, equation 16, as `keras.initializers.GlorotUniform`.
#[must_use]
pub fn initial_parameters<T: Real>(
    config: &NetworkConfig,
    n_features: usize,
    tau: Option<TauInit>,
    rng: &mut impl Rng,
) -> Tensors<T> {
    let mut parameters = Tensors::filled(config.parameter_shapes(n_features), &T::zero());
    let mut set = |name: &str, values: Vec<f64>| {
        let to = &mut parameters.get_mut(name).values;
        assert_eq!(to.len(), values.len(), "{name} starts with a value for each of its own");
        to.iter_mut().zip(values).for_each(|(to, value)| *to = T::of(value));
    };
    for layer in 0..config.layers {
        let inputs = if layer == 0 { n_features } else { config.units };
        for (name, values) in cells::initial(&config.cell, &mut Start { inputs, units: config.units, tau, rng }) {
            set(&layer_tensor(layer, name), values);
        }
    }
    set(DENSE_KERNEL, glorot_uniform(config.readout_size(), Emotion::COUNT, rng));
    parameters
}

#[cfg(test)]
mod tests {
    use moodline_core::network::{Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, PaperLtc, Pooling, Reading, Solver, softplus};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn network(cell: CellConfig) -> NetworkConfig {
        NetworkConfig { units: 16, layers: 1, pooling: Pooling::Attention, cell }
    }

    fn paper() -> NetworkConfig {
        let (reading, carry) = (Reading::Held, Carry::Scaled);
        network(CellConfig::PaperLtc(PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry }))
    }

    fn draw(config: &NetworkConfig, tau: Option<TauInit>, seed: u64) -> Tensors<f64> {
        initial_parameters(config, 39, tau, &mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn kernels_fill_glorots_range_and_the_seed_decides() {
        let joint = 6.0_f64 / (39.0 + 16.0 + 16.0);
        for (config, kernel, recurrent) in
            [(paper(), joint, joint), (network(CellConfig::LiquidGate), 6.0 / (39.0 + 16.0), 6.0 / (16.0 + 16.0))]
        {
            let parameters = draw(&config, None, 7);
            for (name, limit) in
                [("layer0.kernel", kernel), ("layer0.recurrent_kernel", recurrent), (DENSE_KERNEL, 6.0 / (16.0 + 4.0))]
            {
                let (limit, kernel) = (limit.sqrt(), &parameters.get(name).values);
                let largest = kernel.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
                assert!(largest <= limit && largest > 0.9 * limit, "{name}: {largest} of {limit}");
                // The mean of n uniform values has a standard deviation of limit / sqrt(3 n); a deviation of five times that does not occur by chance.
                let mean = kernel.iter().sum::<f64>() / kernel.len() as f64;
                assert!(mean.abs() < 5.0 * limit / (3.0 * kernel.len() as f64).sqrt(), "{name}: {mean}");
            }
            for name in ["layer0.bias", "attention", "dense_bias"] {
                assert!(parameters.get(name).values.iter().all(|value| *value == 0.0), "{name}");
            }
            assert_eq!(parameters, draw(&config, None, 7));
            assert_ne!(parameters, draw(&config, None, 8));
            let single: Tensors<f32> = initial_parameters(&config, 39, None, &mut ChaCha8Rng::seed_from_u64(7));
            assert_eq!(single, parameters.map(|value| value as f32));
        }
        let parameters = draw(&paper(), None, 7);
        for name in ["layer0.tau", "layer0.c", "layer0.g"] {
            assert!(parameters.get(name).values.iter().all(|value| *value == 1.0), "{name}");
        }
    }

    #[test]
    fn a_layer_draws_its_own_values() {
        let config = NetworkConfig { layers: 2, ..network(CellConfig::LiquidGate) };
        let parameters = draw(&config, None, 7);
        assert_ne!(parameters.get("layer0.recurrent_kernel").values, parameters.get("layer1.recurrent_kernel").values);
        assert_eq!(parameters.get("layer1.kernel").shape, [16, 32]);
    }

    #[test]
    fn spread_time_constants_reach_from_the_shortest_to_the_longest() {
        let spread = Some(TauInit::LogSpaced { shortest_steps: 5.0, longest_steps: 320.0 });
        let ratio = 64.0_f64.powf(1.0 / 15.0);
        let of_paper: fn(f64) -> f64 = |tau| softplus(tau) / 0.06;
        let of_liquid_gate: fn(f64) -> f64 = |tau| 1.0 / softplus(tau);
        for (config, steps_of) in [(paper(), of_paper), (network(CellConfig::LiquidGate), of_liquid_gate)] {
            let steps: Vec<f64> = draw(&config, spread, 7).get("layer0.tau").values.iter().map(|tau| steps_of(*tau)).collect();
            assert!((steps[0] - 5.0).abs() < 1e-9 && (steps[15] - 320.0).abs() < 1e-9, "{steps:?}");
            assert!(steps.windows(2).all(|pair| (pair[1] / pair[0] - ratio).abs() < 1e-9), "{steps:?}");
        }
    }

    #[test]
    fn even_values_reach_from_the_first_to_the_last_unit() {
        let expected: Vec<f64> = (0..16).map(|unit| -4.0 + 4.0 * f64::from(unit) / 15.0).collect();
        let liquid_gate = network(CellConfig::LiquidGate);
        assert_eq!(draw(&liquid_gate, None, 7).get("layer0.tau").values, expected);
        let reversed = Some(TauInit::Even { from: 0.0, to: -4.0 });
        let last = draw(&liquid_gate, reversed, 7).get("layer0.tau").values[15];
        assert_eq!(last, -4.0);
        let single = NetworkConfig { units: 1, ..liquid_gate };
        assert_eq!(draw(&single, None, 7).get("layer0.tau").values, [-4.0]);
    }

    #[test]
    fn gru_and_lstm_start_as_in_keras() {
        for (cell, gates) in [(CellConfig::Gru, 3), (CellConfig::Lstm, 4)] {
            let parameters = draw(&NetworkConfig { layers: 2, ..network(cell) }, None, 7);
            for (layer, inputs) in [("layer0", 39), ("layer1", 16)] {
                let recurrent = parameters.matrix(&format!("{layer}.recurrent_kernel"));
                for ((row, column), product) in recurrent.dot(&recurrent.t()).indexed_iter() {
                    let expected = if row == column { 1.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-12, "rows are at right angles and of length 1");
                }
                let limit = (6.0 / f64::from(inputs + gates * 16)).sqrt();
                let kernel = &parameters.get(&format!("{layer}.kernel")).values;
                let largest = kernel.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
                assert!(largest <= limit && largest > 0.9 * limit, "{largest} of {limit}");
            }
            let bias = &parameters.get("layer1.bias").values;
            let opens = |unit: usize| if gates == 4 && unit / 16 == 1 { 1.0 } else { 0.0 };
            assert!(bias.iter().enumerate().all(|(unit, bias)| *bias == opens(unit)), "the forget gate alone is open");
        }
    }

    #[test]
    fn cfc_and_ltc_start_as_in_ncps() {
        let ltc = Ltc { solver: Solver::SemiImplicit, unfolds: 6, elapsed: 1.0 };
        let (cfc, ltc) =
            (Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: None }, draw(&network(CellConfig::Ltc(ltc)), None, 7));
        let pure = draw(&network(CellConfig::Cfc(Cfc { mode: CfcMode::Pure, ..cfc })), None, 7);
        let with_backbone = Cfc { backbone: Some(Backbone { units: 30, layers: 2 }), ..cfc };
        let with_backbone = draw(&network(CellConfig::Cfc(with_backbone)), None, 7);
        let cfc = draw(&network(CellConfig::Cfc(cfc)), None, 7);
        let as_is: fn(f64) -> f64 = |value| value;
        let xavier = |sum: f64| (6.0 / sum).sqrt();
        let symmetric = |limit: f64| (-limit, limit);
        for (parameters, name, f, (least, most)) in [
            (&cfc, "kernel", as_is, symmetric(xavier(39.0 + 16.0 + 16.0))),
            (&cfc, "recurrent_kernel", as_is, symmetric(xavier(39.0 + 16.0 + 16.0))),
            (&cfc, "bias", as_is, symmetric(55.0_f64.sqrt().recip())),
            (&with_backbone, "kernel", as_is, symmetric(xavier(39.0 + 16.0 + 30.0))),
            (&with_backbone, "recurrent_kernel", as_is, symmetric(xavier(39.0 + 16.0 + 30.0))),
            (&with_backbone, "bias", as_is, symmetric(55.0_f64.sqrt().recip())),
            (&with_backbone, "backbone1.kernel", as_is, symmetric(xavier(30.0 + 30.0))),
            (&with_backbone, "backbone1.bias", as_is, symmetric(30.0_f64.sqrt().recip())),
            (&with_backbone, "heads.kernel", as_is, symmetric(xavier(30.0 + 16.0))),
            (&with_backbone, "heads.bias", as_is, symmetric(30.0_f64.sqrt().recip())),
            (&pure, "w_tau", as_is, symmetric(xavier(17.0))),
            (&pure, "amplitude", as_is, symmetric(xavier(17.0))),
            (&ltc, "w", softplus, (0.001, 1.0)),
            (&ltc, "sensory_w", softplus, (0.001, 1.0)),
            (&ltc, "leak", softplus, (0.001, 1.0)),
            (&ltc, "capacity", softplus, (0.4, 0.6)),
            (&ltc, "sigma", as_is, (3.0, 8.0)),
            (&ltc, "sensory_mu", as_is, (0.3, 0.8)),
            (&ltc, "v_leak", as_is, (-0.2, 0.2)),
        ] {
            let values = parameters.get(&format!("layer0.{name}")).values.iter().map(|value| f(*value));
            let (smallest, largest) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
            assert!(smallest >= least - 1e-12 && largest <= most + 1e-12, "{name}: {smallest}..{largest}");
            assert!(largest - smallest > 0.5 * (most - least), "{name} fills its range: {smallest}..{largest}");
        }
        let polarities = &ltc.get("layer0.erev").values;
        assert!(polarities.iter().all(|polarity| polarity.abs() == 1.0));
        let excite = polarities.iter().filter(|polarity| **polarity > 0.0).count() as f64 / polarities.len() as f64;
        assert!((0.55..0.78).contains(&excite), "two in three excite, {excite}");
    }
}
