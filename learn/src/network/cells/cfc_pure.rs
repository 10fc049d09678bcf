//! The closed-form continuous-time cell without gates: the approximate solution itself, `h' = amplitude (1 - E f)` with
//! `E = exp(-elapsed (|w_tau| + |f|))` and `f` linear in input and state, or in the output of a backbone.

use moodline_core::Real;
use moodline_core::network::{Backbone, Cfc};

use super::super::draws::uniform_between;
use super::super::lanes::Lanes;
use super::cfc_sums::{self, Sums};
use super::{BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start};

#[derive(Debug)]
pub(super) struct PureCfcCell<T> {
    sums: Sums<T>,
    elapsed: T,
    /// Padded, `[rows]` each.
    w_tau: Vec<T>,
    amplitude: Vec<T>,
}

pub(super) struct Work<T> {
    /// Gradient with respect to `f`, `[rows]`.
    gradient: Vec<Lanes<T>>,
    sums: cfc_sums::Work<T>,
    /// Gradients summed over all steps, `[rows]` each.
    w_tau: Vec<Lanes<T>>,
    amplitude: Vec<Lanes<T>>,
}

impl<T: Real> PureCfcCell<T> {
    pub(super) fn new(config: Cfc, parameters: LayerTensors<'_, T>) -> Self {
        let (w_tau, amplitude) = (parameters.vector("w_tau"), parameters.vector("amplitude"));
        // The tape of a step holds f and E.
        let sums = Sums::new(&config, parameters, 2, |columns| columns.to_owned());
        let sizes = sums.sizes;
        Self {
            sums,
            elapsed: T::of(config.elapsed),
            w_tau: sizes.padded(w_tau.iter().copied(), T::zero()),
            amplitude: sizes.padded(amplitude.iter().copied(), T::zero()),
        }
    }
}

impl<T: Real> Cell<T> for PureCfcCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sums.sizes
    }

    fn work(&self) -> Work<T> {
        let rows = vec![Lanes::zero(); self.sums.sizes.rows];
        Work { gradient: rows.clone(), sums: self.sums.work(1), w_tau: rows.clone(), amplitude: rows }
    }

    #[inline(always)]
    fn forward_step(&self, _: &mut Work<T>, step: ForwardStep<'_, T>) {
        let ForwardStep { input, before, after, output, tape } = step;
        let rows = self.sums.sizes.rows;
        let (own, backbone) = self.sums.split_mut(tape);
        let (f, e) = own.split_at_mut(rows);
        self.sums.forward(input, before, backbone, f);
        for row in 0..rows {
            let (w_tau, amplitude) = (self.w_tau[row].abs(), self.amplitude[row]);
            e[row] = f[row].map(|f| (-self.elapsed * (w_tau + f.abs())).exp());
            after[row] = e[row].zip(f[row], |e, f| amplitude * (-e).mul_add(f, T::one()));
            output[row] = after[row];
        }
    }

    fn begin(&self, work: &mut Work<T>, _: &[usize]) {
        self.sums.clear(&mut work.sums);
        for sums in [&mut work.w_tau, &mut work.amplitude] {
            sums.fill(Lanes::zero());
        }
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sums.sizes.rows;
        let (own, backbone) = self.sums.split(step.tape);
        let (f, e) = own.split_at(rows);
        for row in 0..rows {
            let gradient = step.state_gradient[row].plus(step.output_gradient[row]);
            let solved = e[row].times(f[row]);
            work.amplitude[row].add_product(gradient, solved.map(|solved| T::one() - solved));
            let scaled = gradient.map(|gradient| gradient * self.amplitude[row]);
            work.w_tau[row].add_product(scaled, solved);
            let slope = e[row].zip(f[row], |e, f| e * self.elapsed.mul_add(f.abs(), -T::one()));
            work.gradient[row] = scaled.times(slope);
            step.state_gradient[row] = Lanes::zero();
        }
        let place = (step.step, backbone);
        self.sums.backward(&mut work.sums, place, &work.gradient, step.state_gradient, step.input_gradient);
    }

    #[inline(always)]
    fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        self.sums.sum_block(&mut work.sums, block);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        self.sums.collect(&work.sums, &[(0, T::one())], gradients);
        gradients.set_vector("amplitude", work.amplitude.iter().map(|sum| sum.sum()));
        // The derivative of an absolute value is its sign, and 0 at 0.
        let sign = |w: T| if w == T::zero() { w } else { w.signum() };
        gradients.set_vector("w_tau", work.w_tau.iter().zip(&self.w_tau).map(|(sum, w)| sum.sum() * self.elapsed * sign(*w)));
    }
}

/// As [`cfc_sums::initial`]; `w_tau` and `amplitude` are Xavier-uniform matrices of one row.
pub(super) fn initial(backbone: Option<Backbone>, start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let units = start.units;
    let mut values = cfc_sums::initial(1, backbone, start);
    let limit = (6.0 / (1 + units) as f64).sqrt();
    for name in ["w_tau", "amplitude"] {
        values.push((name, uniform_between(-limit, limit, units, start.rng)));
    }
    values
}
