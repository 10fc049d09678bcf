use pulp::{Simd, WithSimd};

use super::*;
use crate::network::samples::{N_FEATURES, Numbers, SHAPES, Sample, cells};
use crate::network::{CellConfig, Pooling, reference, simd};
use crate::real::tanh::BOUND;

/// Every instruction set that this processor supports, the slowest first.
fn archs() -> Vec<Arch> {
    let mut archs = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    archs.extend(pulp::x86::V3::try_new().map(Arch::V3));
    archs.push(Arch::new());
    archs
}

fn kernel(sample: &Sample, arch: Arch) -> NetworkKernel {
    NetworkKernel { arch, ..NetworkKernel::new(&sample.config, &sample.weights()) }
}

#[test]
fn every_instruction_set_computes_every_network_as_it_is_defined() {
    let mut largest = 0.0f64;
    for cell in cells() {
        for units in [1, 5, 16, 17, 33] {
            for shape in SHAPES {
                let sample = Sample::new(cell.clone(), units, shape);
                for n_steps in [1, 3, 60] {
                    let (features, normalised) = sample.features(n_steps);
                    let start = Numbers(5).many(sample.config.state_size(), 0.3).into_iter().map(f64::abs).collect::<Vec<_>>();
                    let (logits, state) = reference::run(&sample.config, &sample.parameters, &normalised, &start);
                    for arch in archs() {
                        let mut found_state: Vec<f32> = start.iter().map(|&value| value as f32).collect();
                        let found = kernel(&sample, arch).run(&features, &mut found_state);
                        for (found, expected) in found.iter().chain(&found_state).zip(logits.iter().chain(&state)) {
                            let error = (f64::from(*found) - expected).abs();
                            largest = largest.max(error);
                            assert!(error <= 1e-5, "{arch:?} {:?}, {n_steps} steps: {found} for {expected}", sample.config);
                        }
                    }
                }
            }
        }
    }
    println!("largest error of the kernel: {largest:.2e}");
}

#[test]
fn the_answer_at_each_step_is_that_of_the_block_up_to_it() {
    for cell in cells() {
        let sample = Sample::new(cell, 17, (Pooling::Last, 2));
        let (features, _) = sample.features(30);
        let mut kernel = kernel(&sample, Arch::new());
        let (mut state, mut answers) = (vec![0.0; sample.config.state_size()], Vec::new());
        kernel.run_each(&features, &mut state, &mut |logits| answers.push(logits));
        assert_eq!(answers.len(), 30);
        for (step, found) in answers.iter().enumerate() {
            let mut alone = vec![0.0; sample.config.state_size()];
            let expected = kernel.run(&features[..(step + 1) * N_FEATURES], &mut alone);
            assert_eq!(found, &expected, "{:?} step {step}", sample.config);
        }
    }
}

#[test]
fn a_block_in_pieces_gives_the_same_bits() {
    for cell in cells() {
        let sample = Sample::new(cell, 17, (Pooling::Last, 2));
        let (features, _) = sample.features(50);
        let mut kernel = kernel(&sample, Arch::new());
        let mut whole = vec![0.0; sample.config.state_size()];
        let expected = kernel.run(&features, &mut whole);
        for piece in [1, 2, 13] {
            let mut state = vec![0.0; sample.config.state_size()];
            let mut logits = [0.0; 4];
            for steps in features.chunks(N_FEATURES * piece) {
                logits = kernel.run(steps, &mut state);
            }
            assert_eq!((logits, &state), (expected, &whole), "{:?} in pieces of {piece}", sample.config.cell);
        }
    }
}

#[test]
fn a_kernel_remembers_nothing_of_the_block_before() {
    for cell in cells() {
        for shape in SHAPES {
            let sample = Sample::new(cell.clone(), 5, shape);
            let (features, _) = sample.features(9);
            let mut kernel = kernel(&sample, Arch::new());
            let mut run = || kernel.run(&features, &mut vec![0.0; sample.config.state_size()]);
            assert_eq!(run(), run(), "{:?}", sample.config);
        }
    }
}

/// One unit that copies its input, so that the test controls the input of the pooling.
fn pooled(pooling: Pooling, outputs: &[f32], attention: f32) -> Vec<f32> {
    let config = NetworkConfig { units: 1, layers: 1, pooling, cell: CellConfig::Gru };
    let mut weights = Tensors::filled(config.weight_shapes(1), &0.0);
    if pooling == Pooling::Attention {
        weights.get_mut("attention").values[0] = attention;
    }
    let mut pool = Pool::new(&config, &weights);
    pool.start();
    outputs.iter().for_each(|&output| pool.add(&[output]));
    pool.finish(&outputs[outputs.len() - 1..]).to_vec()
}

#[test]
fn long_blocks_and_large_means_cost_the_pooling_no_accuracy() {
    let outputs: Vec<f32> = (0..60_000).map(|step| if step % 2 == 0 { 1000.25 } else { 999.75 }).collect();
    assert_eq!(pooled(Pooling::Mean, &outputs, 0.0), [1000.0]);
    let [mean, deviation] = pooled(Pooling::MeanDeviation, &outputs, 0.0)[..] else { panic!("two values") };
    assert!(mean == 1000.0 && (deviation - (0.0625f32 + 1e-6).sqrt()).abs() < 1e-7, "{mean} {deviation}");
    assert_eq!(pooled(Pooling::MeanDeviation, &[5.0], 0.0), [5.0, 1e-3]);
}

#[test]
fn attention_survives_scores_whose_exponentials_overflow() {
    assert_eq!(pooled(Pooling::Attention, &[1.0, 3.0, 2.0], 1e4), [3.0]);
    assert_eq!(pooled(Pooling::Attention, &[1.0, 3.0, 2.0], -1e4), [1.0]);
    assert_eq!(pooled(Pooling::Attention, &[1.0, 3.0, 2.0], 0.0), [2.0]);
    assert!(pooled(Pooling::Attention, &[1.0, f32::NAN, 2.0], 1.0)[0].is_nan());
}

#[test]
fn nan_reaches_the_logits_on_every_instruction_set() {
    for arch in archs() {
        for cell in cells() {
            for shape in SHAPES {
                let sample = Sample::new(cell.clone(), 16, shape);
                let mut features = vec![0.5; N_FEATURES * 3];
                features[4] = f32::NAN;
                let logits = kernel(&sample, arch).run(&features, &mut vec![0.0; sample.config.state_size()]);
                assert!(logits.iter().all(|logit| logit.is_nan()), "{arch:?} {:?}: {logits:?}", sample.config);
            }
        }
    }
}

#[test]
#[should_panic(expected = "a whole number of steps")]
fn half_a_step_is_a_bug_of_the_caller() {
    kernel(&Sample::new(CellConfig::Gru, 5, (Pooling::Last, 1)), Arch::new()).run(&[0.0; N_FEATURES + 3], &mut [0.0; 5]);
}

#[test]
#[should_panic(expected = "a whole number of steps")]
fn no_step_is_a_bug_of_the_caller() {
    kernel(&Sample::new(CellConfig::Gru, 5, (Pooling::Mean, 1)), Arch::new()).run(&[], &mut [0.0; 5]);
}

/// Applies a vector function to every value.
struct OfAll<'a>(Function, &'a mut [f32]);

#[derive(Clone, Copy, Debug)]
enum Function {
    Tanh,
    Sigmoid,
    Decay,
}

impl WithSimd for OfAll<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let (values, _) = S::as_mut_simd_f32s(self.1);
        for value in values {
            *value = match self.0 {
                Function::Tanh => simd::tanh(simd, *value),
                Function::Sigmoid => simd::sigmoid(simd, *value),
                Function::Decay => simd::decay(simd, *value),
            };
        }
    }
}

fn of_all(arch: Arch, function: Function, inputs: &[f32]) -> Vec<f32> {
    let mut outputs = inputs.to_vec();
    arch.dispatch(OfAll(function, &mut outputs));
    outputs
}

#[test]
fn the_vector_tanh_keeps_the_promises_of_the_scalar_one() {
    let n = 1 << 20;
    let mut inputs: Vec<f32> = (0..n).map(|i| 20.0 * i as f32 / n as f32 - 10.0).collect();
    inputs[..8].copy_from_slice(&[0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, BOUND, f32::MAX, 1e-30]);
    for arch in archs() {
        let outputs = of_all(arch, Function::Tanh, &inputs);
        assert_eq!(outputs[..4].iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [0.0, -0.0, 1.0, -1.0f32].map(f32::to_bits));
        assert!(outputs[4].is_nan(), "{arch:?}");
        assert_eq!(outputs[5..8], [1.0, 1.0, 1e-30]);
        for (x, y) in inputs[8..].iter().zip(&outputs[8..]) {
            assert!((f64::from(*y) - f64::from(*x).tanh()).abs() <= 2e-7 && y.abs() <= 1.0, "{arch:?}: {y} at {x}");
        }
    }
}

#[test]
fn the_vector_sigmoid_and_decay_are_as_exact_as_documented() {
    let n = 1 << 18;
    let mut inputs: Vec<f32> = (0..n).map(|i| 50.0 * i as f32 / n as f32).collect();
    inputs[..4].copy_from_slice(&[0.0, f32::INFINITY, f32::NAN, f32::MAX]);
    for arch in archs() {
        let decays = of_all(arch, Function::Decay, &inputs);
        assert_eq!((decays[0], decays[1], decays[3]), (1.0, 0.0, 0.0));
        let minus: Vec<f32> = inputs.iter().map(|x| -x).collect();
        for (function, inputs) in [(Function::Decay, &inputs), (Function::Sigmoid, &inputs), (Function::Sigmoid, &minus)] {
            let outputs = of_all(arch, function, inputs);
            assert!(outputs[2].is_nan(), "{arch:?} {function:?}");
            let mut largest = 0.0f64;
            for (&x, &y) in inputs.iter().zip(&outputs).filter(|(x, _)| !x.is_nan()) {
                let x = f64::from(x);
                let (exact, bound) = match function {
                    Function::Decay => ((-x).exp(), 5e-7),
                    _ => (crate::network::sigmoid(x), 2e-7),
                };
                largest = largest.max((f64::from(y) - exact).abs());
                assert!(largest <= bound && (0.0..=1.0).contains(&y), "{arch:?} {function:?}: {y} at {x}");
            }
            println!("{arch:?} {function:?}: at most {largest:.2e} off");
        }
    }
}
