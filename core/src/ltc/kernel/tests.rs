use ndarray::{Array1, Array2};
use pulp::{Simd, WithSimd};

use super::*;

/// Every instruction set this processor can run, the slowest first.
fn archs() -> Vec<Arch> {
    let mut archs = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    archs.extend(pulp::x86::V3::try_new().map(Arch::V3));
    archs.push(Arch::new());
    archs
}

/// Numbers in -1..1 from a linear congruential generator.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn vector(&mut self, len: usize, scale: f32) -> Array1<f32> {
        Array1::from_shape_fn(len, |_| self.next() * scale)
    }

    fn matrix(&mut self, rows: usize, columns: usize, scale: f32) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |_| self.next() * scale)
    }
}

fn network(units: usize, reading: Reading, carry: Carry) -> (LtcConfig, LtcWeights) {
    let mut numbers = Numbers(units as u64 + 1);
    let config = LtcConfig { units, reading, unfolds: 6, dt: 0.01, clip: 0.6, max_gain: Some(10.0), carry };
    let scale = 1.0 / (units as f32).sqrt();
    let weights = LtcWeights {
        projection: numbers.matrix(7, units, 0.5),
        projection_bias: numbers.vector(units, 0.5),
        recurrent_kernel: numbers.matrix(units, units, scale),
        rate: numbers.vector(units, 0.1).mapv(f32::abs),
        gain: numbers.vector(units, 0.1).mapv(|gain| 0.95 + gain),
        dense_kernel: numbers.matrix(units, 4, scale),
        dense_bias: numbers.vector(4, 0.5),
    };
    (config, weights)
}

/// The definition of the cell, word for word, in `f64` with the standard library's `tanh`.
fn oracle(config: &LtcConfig, weights: &LtcWeights, features: &[f32], state: &mut [f64]) -> [f64; 4] {
    let units = config.units;
    let mut readout = state.to_vec();
    for step in features.chunks(weights.projection.nrows()) {
        let n_unfolds = if config.reading == Reading::Held { 1 } else { config.unfolds };
        for _ in 0..n_unfolds {
            let before = state.to_vec();
            for to in 0..units {
                let mut sum = f64::from(weights.projection_bias[to]);
                for (feature, &value) in step.iter().enumerate() {
                    sum += f64::from(value) * f64::from(weights.projection[(feature, to)]);
                }
                for (from, value) in before.iter().enumerate() {
                    sum += value * f64::from(weights.recurrent_kernel[(from, to)]);
                }
                state[to] += (sum.tanh() - before[to]) * f64::from(weights.rate[to]);
            }
        }
        for unit in 0..units {
            let clipped = state[unit].clamp(0.0, config.clip);
            readout[unit] = clipped * f64::from(weights.gain[unit]);
            state[unit] = if config.carry == Carry::Scaled { readout[unit] } else { clipped };
        }
    }
    std::array::from_fn(|emotion| {
        let products = (0..units).map(|unit| readout[unit] * f64::from(weights.dense_kernel[(unit, emotion)]));
        products.sum::<f64>() + f64::from(weights.dense_bias[emotion])
    })
}

#[test]
fn every_instruction_set_computes_the_definition() {
    let mut largest = 0.0f64;
    for arch in archs() {
        for units in [1, 2, 5, 12, 15, 16, 17, 31, 32, 33, 128] {
            for (reading, carry) in [
                (Reading::Held, Carry::Scaled),
                (Reading::Held, Carry::Unscaled),
                (Reading::Recomputed, Carry::Scaled),
                (Reading::Recomputed, Carry::Unscaled),
            ] {
                let (config, weights) = network(units, reading, carry);
                let mut kernel = LtcKernel { arch, ..LtcKernel::new(&config, &weights) };
                for n_steps in [1, 3, 60] {
                    let features = Numbers(n_steps).vector(7 * n_steps as usize, 2.0).to_vec();
                    let start = Numbers(5).vector(units, 0.5).mapv(f32::abs).to_vec();
                    let mut state = start.clone();
                    let logits = kernel.run(&features, &mut state);
                    let mut expected_state: Vec<f64> = start.iter().map(|&value| f64::from(value)).collect();
                    let expected = oracle(&config, &weights, &features, &mut expected_state);
                    let found = logits.iter().chain(&state);
                    for (found, expected) in found.zip(expected.iter().chain(&expected_state)) {
                        let error = (f64::from(*found) - expected).abs();
                        largest = largest.max(error);
                        assert!(error <= 3e-6, "{arch:?} {units} units, {n_steps} steps: {found} for {expected}");
                    }
                }
            }
        }
    }
    println!("largest error of the kernel: {largest:.2e}");
}

#[test]
fn a_block_in_pieces_gives_the_same_bits() {
    for (units, reading) in [(16, Reading::Held), (17, Reading::Recomputed)] {
        let (config, weights) = network(units, reading, Carry::Scaled);
        let features = Numbers(9).vector(7 * 50, 2.0).to_vec();
        let mut kernel = LtcKernel::new(&config, &weights);
        let mut whole = vec![0.0; units];
        let expected = kernel.run(&features, &mut whole);
        for piece in [1, 2, 13] {
            let mut state = vec![0.0; units];
            let mut logits = [0.0; 4];
            for steps in features.chunks(7 * piece) {
                logits = kernel.run(steps, &mut state);
            }
            assert_eq!((logits, &state), (expected, &whole), "pieces of {piece}");
        }
    }
}

#[test]
fn without_steps_the_state_stays() {
    let (config, weights) = network(5, Reading::Held, Carry::Scaled);
    let mut state = [0.1, 0.2, 0.3, 0.4, 0.5];
    LtcKernel::new(&config, &weights).run(&[], &mut state);
    assert_eq!(state, [0.1, 0.2, 0.3, 0.4, 0.5]);
}

#[test]
fn nan_reaches_the_logits_on_every_instruction_set() {
    for arch in archs() {
        let (config, weights) = network(16, Reading::Recomputed, Carry::Scaled);
        let mut kernel = LtcKernel { arch, ..LtcKernel::new(&config, &weights) };
        let mut features = vec![0.5; 7 * 3];
        features[4] = f32::NAN;
        let logits = kernel.run(&features, &mut [0.0; 16]);
        assert!(logits.iter().all(|logit| logit.is_nan()), "{arch:?}: {logits:?}");
    }
}

#[test]
#[should_panic(expected = "a whole number of steps")]
fn half_a_step_is_a_bug_of_the_caller() {
    let (config, weights) = network(5, Reading::Held, Carry::Scaled);
    LtcKernel::new(&config, &weights).run(&[0.0; 10], &mut [0.0; 5]);
}

/// Replaces every value with its `tanh`.
struct TanhOfAll<'a>(&'a mut [f32]);

impl WithSimd for TanhOfAll<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let (values, _) = S::as_mut_simd_f32s(self.0);
        for value in values {
            *value = tanh(simd, *value);
        }
    }
}

#[test]
fn the_vector_tanh_keeps_the_promises_of_the_scalar_one() {
    let n = 1 << 20;
    let mut inputs: Vec<f32> = (0..n).map(|i| 20.0 * i as f32 / n as f32 - 10.0).collect();
    inputs[..8].copy_from_slice(&[0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, BOUND, f32::MAX, 1e-30]);
    for arch in archs() {
        let mut outputs = inputs.clone();
        arch.dispatch(TanhOfAll(&mut outputs));
        assert_eq!(outputs[..4].iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [0.0, -0.0, 1.0, -1.0f32].map(f32::to_bits));
        assert!(outputs[4].is_nan(), "{arch:?}");
        assert_eq!(outputs[5..8], [1.0, 1.0, 1e-30]);
        for (x, y) in inputs[8..].iter().zip(&outputs[8..]) {
            assert!((f64::from(*y) - f64::from(*x).tanh()).abs() <= 2e-7 && y.abs() <= 1.0, "{arch:?}: {y} at {x}");
        }
    }
}
