//! The cell of the paper.
//!
//! Both readings are one computation here: `evaluations` times `z = tanh(projection + h W)`, `h += rate (z - h)`. A held z is
//! computed once with the rate of the whole step, `1 - (1 - dt / softplus(tau))^unfolds`, which is exactly equivalent to its Euler steps.

use moodline_core::Real;
use moodline_core::network::{Carry, PaperLtc, Reading, sigmoid, softplus};

use super::super::draws::glorot_uniform;
use super::super::lanes::Lanes;
use super::super::matrix::OuterProducts;
use super::gates::{GateGradients, Gates};
use super::{BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start};

#[derive(Debug)]
pub(super) struct PaperLtcCell<T> {
    config: PaperLtc,
    sizes: Sizes,
    /// Number of times a step computes z.
    evaluations: usize,
    gates: Gates<T>,
    /// `[rows]`
    rate: Vec<T>,
    /// Factor of the clipped state before the next step, `[rows]`.
    carried_gain: Vec<T>,
    /// Factor of the carried state before it is output, `[rows]`.
    output_gain: Vec<T>,
    clip: T,
    /// Derivatives of the rate and the gain, `[units]`.
    tau_slope: Vec<f64>,
    c_slope: Vec<f64>,
    g_slope: Vec<f64>,
}

pub(super) struct Work<T> {
    /// `[rows]`: the projection of a step, then the gradient with respect to it.
    projection: Vec<Lanes<T>>,
    gradients: GateGradients<T>,
    recurrent: OuterProducts<T>,
    /// `[rows]` each.
    rate: Vec<Lanes<T>>,
    gain: Vec<Lanes<T>>,
}

impl<T: Real> PaperLtcCell<T> {
    pub(super) fn new(config: PaperLtc, parameters: LayerTensors<'_, T>) -> Self {
        let (tau, c, g) = (parameters.vector("tau"), parameters.vector("c"), parameters.vector("g"));
        let evaluations = config.evaluations();
        let sizes = Sizes::new(parameters.matrix("kernel").nrows(), tau.len(), 1, evaluations);
        let padded = |values: Vec<T>, filler: T| -> Vec<T> {
            let missing = sizes.rows - sizes.units;
            values.into_iter().chain(std::iter::repeat_n(filler, missing)).collect()
        };
        let rate = tau.iter().map(|tau| T::of(config.rate(tau.widen()))).collect();
        let pairs = || c.iter().zip(g).map(|(c, g)| (c.widen(), g.widen()));
        let gain = padded(pairs().map(|(c, g)| T::of(config.gain(c, g))).collect(), T::one());
        let ones = vec![T::one(); sizes.rows];
        let (carried_gain, output_gain) = match config.carry {
            Carry::Scaled => (gain, ones),
            Carry::Unscaled => (ones, gain),
        };
        let (c_slope, g_slope) = pairs().map(|(c, g)| gain_slopes(&config, c, g)).unzip();
        Self {
            config,
            sizes,
            evaluations,
            gates: Gates::new(parameters),
            rate: padded(rate, T::zero()),
            carried_gain,
            output_gain,
            clip: T::of(config.clip),
            tau_slope: tau.iter().map(|tau| rate_slope(&config, tau.widen())).collect(),
            c_slope,
            g_slope,
        }
    }

    /// Recomputes the states before each unfold from the state at the start of the step: the forward pass without its products.
    #[inline(always)]
    fn replay(&self, start: &[Lanes<T>], z: &[Lanes<T>], states: &mut [Lanes<T>]) {
        let rows = self.sizes.rows;
        states[..rows].copy_from_slice(start);
        for unfold in 1..self.evaluations {
            let (before, state) = states[(unfold - 1) * rows..].split_at_mut(rows);
            self.unfold(before, &z[(unfold - 1) * rows..], &mut state[..rows]);
        }
    }

    /// The states after an unfold.
    #[inline(always)]
    fn unfold(&self, before: &[Lanes<T>], z: &[Lanes<T>], after: &mut [Lanes<T>]) {
        for (((after, before), z), rate) in after.iter_mut().zip(before).zip(z).zip(&self.rate) {
            *after = *before;
            after.add_scaled(z.minus(*before), *rate);
        }
    }

    /// Backpropagation through gain and clip, from the gradient of the carried state to that of the state before the clip.
    ///
    /// # Shapes
    /// all `[rows]`; `state` and `z` are those of the last unfold.
    #[inline(always)]
    fn clip_backward(&self, state: &[Lanes<T>], z: &[Lanes<T>], gain_gradient: &mut [Lanes<T>], gradient: &mut [Lanes<T>]) {
        for row in 0..self.sizes.rows {
            let mut before_clip = state[row];
            before_clip.add_scaled(z[row].minus(state[row]), self.rate[row]);
            if self.config.carry == Carry::Scaled {
                gain_gradient[row].add_product(gradient[row], before_clip.map(|value| clipped(value, self.clip)));
            }
            let gain = self.carried_gain[row];
            gradient[row] = gradient[row].zip(before_clip, |gradient, value| {
                // At exactly 0 the gradient is 0, as in Keras' ReLU, which the paper uses; `torch.clamp` lets it through there.
                // A product with a selected slope compiles to a blend; a selected product to one branch for each sequence.
                gradient * if (value > T::zero()) & (value <= self.clip) { gain } else { T::zero() }
            });
        }
    }
}

impl<T: Real> Cell<T> for PaperLtcCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let rows = vec![Lanes::zero(); self.sizes.rows];
        Work {
            projection: rows.clone(),
            gradients: GateGradients::new(self.sizes, 1, &[0], &[]),
            recurrent: OuterProducts::new(self.sizes.rows, self.evaluations),
            rate: rows.clone(),
            gain: rows,
        }
    }

    #[inline(always)]
    fn forward_step(&self, work: &mut Work<T>, step: ForwardStep<'_, T>) {
        let ForwardStep { input, before, after, output, tape } = step;
        self.gates.project(input, &mut work.projection);
        after.copy_from_slice(before);
        for z in tape.chunks_exact_mut(self.sizes.rows) {
            z.copy_from_slice(&work.projection);
            self.gates.add_recurrent(after, z);
            for ((state, z), rate) in after.iter_mut().zip(z).zip(&self.rate) {
                *z = z.map(T::tanh_of);
                state.add_scaled(z.minus(*state), *rate);
            }
        }
        for row in 0..self.sizes.rows {
            let gain = self.carried_gain[row];
            after[row] = after[row].map(|value| clipped(value, self.clip) * gain);
            let gain = self.output_gain[row];
            output[row] = after[row].map(|value| value * gain);
        }
    }

    fn begin(&self, work: &mut Work<T>, _: &[usize]) {
        work.gradients.clear();
        work.recurrent.clear();
        for sums in [&mut work.rate, &mut work.gain] {
            sums.fill(Lanes::zero());
        }
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let BackwardStep { before, after, tape: z, output_gradient, state_gradient: gradient, .. } = step;
        for row in 0..rows {
            gradient[row].add_scaled(output_gradient[row], self.output_gain[row]);
            if self.config.carry == Carry::Unscaled {
                work.gain[row].add_product(output_gradient[row], after[row]);
            }
        }
        let (states, target_gradients) = work.recurrent.next(self.evaluations);
        self.replay(before, z, states);
        let last = (self.evaluations - 1) * rows;
        self.clip_backward(&states[last..], &z[last..], &mut work.gain, gradient);

        let projection_gradient = &mut work.projection;
        projection_gradient.fill(Lanes::zero());
        let unfolds = z.chunks_exact(rows).zip(states.chunks_exact(rows)).zip(target_gradients.chunks_exact_mut(rows));
        for ((z, state), target_gradient) in unfolds.rev() {
            for row in 0..rows {
                let (toward, rate) = (gradient[row].map(|value| value * self.rate[row]), &mut work.rate[row]);
                rate.add_product(gradient[row], z[row].minus(state[row]));
                gradient[row] = gradient[row].minus(toward);
                target_gradient[row] = toward.zip(z[row], |toward, z| toward * (-z).mul_add(z, T::one()));
                projection_gradient[row] = projection_gradient[row].plus(target_gradient[row]);
            }
            self.gates.recurrent_backward(target_gradient, gradient);
        }
        self.gates.project_backward(projection_gradient, step.input_gradient);
        work.gradients.add_step(step.step, projection_gradient);
    }

    #[inline(always)]
    fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        work.recurrent.flush();
        work.gradients.sum_block(block.inputs, block.states);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        work.gradients.collect(gradients);
        let recurrent = work.recurrent.sums();
        gradients.set_matrix("recurrent_kernel", |row, column| recurrent[row * self.sizes.rows + column].sum());
        for (name, sums, slopes) in
            [("tau", &work.rate, &self.tau_slope), ("c", &work.gain, &self.c_slope), ("g", &work.gain, &self.g_slope)]
        {
            gradients.set_vector(name, sums.iter().zip(slopes).map(|(sum, slope)| T::of(sum.sum().widen() * slope)));
        }
    }
}

/// Keras' initialisation of the published cell: Glorot-uniform kernels, zero biases, `tau`, `c` and `g` 1.
///
/// The paper's W is one matrix of `inputs + units` rows, so both kernels share its limit.
///
/// # Source
/// `LTCCell.build` in the authors' repository.
pub(super) fn initial(config: &PaperLtc, start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units) = (start.inputs, start.units);
    let mut kernel = glorot_uniform(inputs + units, units, start.rng);
    let recurrent_kernel = kernel.split_off(inputs * units);
    let step = config.unfolds as f64 * config.dt;
    let tau = start.tau.unwrap_or_default().values(units, |time_constant| time_constant * step);
    vec![
        ("kernel", kernel),
        ("recurrent_kernel", recurrent_kernel),
        ("bias", vec![0.0; units]),
        ("tau", tau),
        ("c", vec![1.0; units]),
        ("g", vec![1.0; units]),
    ]
}

/// Clipped ReLU.
#[inline(always)]
fn clipped<T: Real>(value: T, clip: T) -> T {
    let positive = if value > T::zero() { value } else { T::zero() };
    if positive < clip { positive } else { clip }
}

/// Derivative of the rate with respect to `tau`: 0 where the rate is at its bound.
fn rate_slope(config: &PaperLtc, tau: f64) -> f64 {
    let rate = config.dt / softplus(tau);
    if rate > PaperLtc::MAX_RATE {
        return 0.0;
    }
    let of_unfold = -rate * sigmoid(tau) / softplus(tau);
    match config.reading {
        Reading::Recomputed => of_unfold,
        Reading::Held => of_unfold * config.unfolds as f64 * (1.0 - rate).powi(config.unfolds as i32 - 1),
    }
}

/// Derivatives of the gain with respect to `c` and `g`: 0 where the gain is at its bound.
fn gain_slopes(config: &PaperLtc, c: f64, g: f64) -> (f64, f64) {
    let gain = sigmoid(c) / sigmoid(g);
    if config.max_gain.is_some_and(|bound| gain > bound) {
        return (0.0, 0.0);
    }
    (gain * (1.0 - sigmoid(c)), -gain * (1.0 - sigmoid(g)))
}
