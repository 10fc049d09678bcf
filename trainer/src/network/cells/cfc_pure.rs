//! The closed-form continuous-time cell without gates: the approximate solution itself, `h' = amplitude (1 - E f)` with
//! `E = exp(-elapsed (|w_tau| + |f|))` and `f = x W + h U + b`.

use moodline_core::Real;
use moodline_core::network::Cfc;

use super::super::initial::uniform_between;
use super::super::lanes::Lanes;
use super::cfc::initial_gates;
use super::gates::{GateGradients, Gates};
use super::{BackwardStep, Cell, ForwardStep, LayerGradients, LayerTensors, Passed, Sizes, Start};

#[derive(Debug)]
pub(super) struct PureCfcCell<T> {
    sizes: Sizes,
    gates: Gates<T>,
    elapsed: T,
    /// Padded, `[rows]` each.
    w_tau: Vec<T>,
    amplitude: Vec<T>,
}

pub(super) struct Work<T> {
    /// With respect to `f`, `[rows]`.
    gradient: Vec<Lanes<T>>,
    gradients: GateGradients<T>,
    /// Sums, `[rows]` each.
    w_tau: Vec<Lanes<T>>,
    amplitude: Vec<Lanes<T>>,
}

impl<T: Real> PureCfcCell<T> {
    pub(super) fn new(config: Cfc, parameters: LayerTensors<'_, T>) -> Self {
        let (w_tau, amplitude) = (parameters.vector("w_tau"), parameters.vector("amplitude"));
        // A step leaves f and E.
        let sizes = Sizes::new(parameters.matrix("kernel").nrows(), w_tau.len(), 1, 2);
        Self {
            sizes,
            gates: Gates::new(parameters),
            elapsed: T::of(config.elapsed),
            w_tau: sizes.padded(w_tau.iter().copied(), T::zero()),
            amplitude: sizes.padded(amplitude.iter().copied(), T::zero()),
        }
    }
}

impl<T: Real> Cell<T> for PureCfcCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let rows = vec![Lanes::zero(); self.sizes.rows];
        let gradients = GateGradients::new(self.sizes, 1, &[0], &[0]);
        Work { gradient: rows.clone(), gradients, w_tau: rows.clone(), amplitude: rows }
    }

    #[inline(always)]
    fn forward_step(&self, _: &mut Work<T>, step: ForwardStep<'_, T>) {
        let ForwardStep { input, before, after, output, tape } = step;
        let (f, e) = tape.split_at_mut(self.sizes.rows);
        self.gates.project(input, f);
        self.gates.add_recurrent(before, f);
        for row in 0..self.sizes.rows {
            let (w_tau, amplitude) = (self.w_tau[row].abs(), self.amplitude[row]);
            e[row] = f[row].map(|f| (-self.elapsed * (w_tau + f.abs())).exp());
            after[row] = e[row].zip(f[row], |e, f| amplitude * (-e).mul_add(f, T::one()));
            output[row] = after[row];
        }
    }

    fn begin(&self, work: &mut Work<T>, lengths: &[usize]) {
        work.gradients.begin(lengths);
        for sums in [&mut work.w_tau, &mut work.amplitude] {
            sums.fill(Lanes::zero());
        }
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let (f, e) = step.tape.split_at(self.sizes.rows);
        for row in 0..self.sizes.rows {
            let gradient = step.state_gradient[row].plus(step.output_gradient[row]);
            let solved = e[row].times(f[row]);
            work.amplitude[row].add_product(gradient, solved.map(|solved| T::one() - solved));
            let scaled = gradient.map(|gradient| gradient * self.amplitude[row]);
            work.w_tau[row].add_product(scaled, solved);
            let slope = e[row].zip(f[row], |e, f| e * self.elapsed.mul_add(f.abs(), -T::one()));
            work.gradient[row] = scaled.times(slope);
            step.state_gradient[row] = Lanes::zero();
        }
        self.gates.recurrent_backward(&work.gradient, step.state_gradient);
        self.gates.project_backward(&work.gradient, step.input_gradient);
        work.gradients.add_step(step.step, &work.gradient);
    }

    #[inline(always)]
    fn finish(&self, work: &mut Work<T>, passed: &Passed<'_, T>) {
        work.gradients.finish(passed.inputs, passed.states);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        work.gradients.collect(gradients);
        gradients.set_vector("amplitude", work.amplitude.iter().map(|sum| sum.sum()));
        // The slope of an absolute value is its sign, and 0 at 0.
        let sign = |w: T| if w == T::zero() { w } else { w.signum() };
        gradients.set_vector("w_tau", work.w_tau.iter().zip(&self.w_tau).map(|(sum, w)| sum.sum() * self.elapsed * sign(*w)));
    }
}

/// As [`initial_gates`]; `w_tau` and `amplitude` are Xavier-uniform matrices of one row.
pub(super) fn initial(start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let units = start.units;
    let mut values = initial_gates(1, start);
    let limit = (6.0 / (1 + units) as f64).sqrt();
    for name in ["w_tau", "amplitude"] {
        values.push((name, uniform_between(-limit, limit, units, start.rng)));
    }
    values
}
