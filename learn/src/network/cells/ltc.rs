//! The liquid time-constant cell of Hasani et al. 2021: leaky units with sigmoidal synapses, whose equation is integrated by a solver over each step.
//!
//! `C dv/dt = drive - conductance v`, where leak, inputs and units add to both. A step is `unfolds` solver steps, each with one or more *evaluations* of the
//! flow at some point; the backward pass needs only the values saved by the evaluations.
//!
//! # Source
//! Hasani et al. 2021, "Liquid Time-constant Networks", equation 1 and algorithm 1; `LTCCell` of ncps 1.0.1 with `implicit_param_constraints`.

use moodline_core::Real;
use moodline_core::network::{LTC_EPSILON, Ltc, Solver, sigmoid, softplus};
use ndarray::ArrayView1;

use super::super::draws::{inverse_softplus, uniform_between};
use super::super::lanes::Lanes;
use super::{BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start};
use synapses::{Flow, SynapseSums, Synapses};

mod synapses;

/// Values saved by an evaluation: the point, the conductance there, and the slope (for [`Solver::SemiImplicit`]: the new state of the unit).
const PARTS: usize = 3;

#[derive(Debug)]
pub(super) struct LtcCell<T> {
    solver: Solver,
    /// `(distance from the start to the point along the previous slope, weight in the solver step)` of each evaluation, in solver steps.
    stages: &'static [(f64, f64)],
    /// Duration of one solver step.
    seconds: T,
    sizes: Sizes,
    /// `[inputs]` each.
    input_kernel: Vec<T>,
    input_bias: Vec<T>,
    sensory: Synapses<T>,
    recurrent: Synapses<T>,
    /// Padded, `[rows]` each.
    leak: Vec<T>,
    v_leak: Vec<T>,
    capacity: Vec<T>,
    output_kernel: Vec<T>,
    output_bias: Vec<T>,
    /// Derivatives of the softplus that gives these values, `[units]`.
    leak_slope: Vec<f64>,
    capacity_slope: Vec<f64>,
}

pub(super) struct Work<T> {
    /// Length of each sequence.
    lengths: Vec<usize>,
    /// Inputs of the synapses, `[inputs]`.
    sensed: Vec<Lanes<T>>,
    /// The part of the flow that does not depend on the units, and the flow of an evaluation.
    still: Flow<T>,
    flow: Flow<T>,
    /// Gradients with respect to both.
    of_still: Flow<T>,
    of_flow: Flow<T>,
    /// Gradient with respect to `sensed`, `[inputs]`.
    of_sensed: Vec<Lanes<T>>,
    /// The point of an evaluation, the gradient with respect to it, and that with respect to the end of the solver step, `[rows]` each.
    point: Vec<Lanes<T>>,
    of_point: Vec<Lanes<T>>,
    of_end: Vec<Lanes<T>>,
    sums: Sums<T>,
}

/// Sums of gradients over all steps.
struct Sums<T> {
    sensory: Vec<SynapseSums<T>>,
    recurrent: Vec<SynapseSums<T>>,
    /// `[inputs]` each.
    input_kernel: Vec<Lanes<T>>,
    input_bias: Vec<Lanes<T>>,
    /// `[rows]` each.
    leak: Vec<Lanes<T>>,
    v_leak: Vec<Lanes<T>>,
    capacity: Vec<Lanes<T>>,
    output_kernel: Vec<Lanes<T>>,
    output_bias: Vec<Lanes<T>>,
}

impl<T: Real> LtcCell<T> {
    pub(super) fn new(config: Ltc, parameters: LayerTensors<'_, T>) -> Self {
        const RK4: &[(f64, f64)] = &[(0.0, 1.0 / 6.0), (0.5, 1.0 / 3.0), (0.5, 1.0 / 3.0), (1.0, 1.0 / 6.0)];
        let stages = match config.solver {
            Solver::SemiImplicit | Solver::Euler => &[(0.0, 1.0)],
            Solver::Rk4 => RK4,
        };
        let vector = |name: &str| parameters.vector(name);
        let (inputs, units) = (vector("input_kernel").len(), vector("leak").len());
        let sizes = Sizes::new(inputs, units, 1, PARTS * config.unfolds * stages.len());
        let positive = |values: ArrayView1<'_, T>| values.mapv(|value| T::of(softplus(value.widen())));
        let slope = |values: ArrayView1<'_, T>| values.iter().map(|value| sigmoid(value.widen())).collect();
        Self {
            solver: config.solver,
            stages,
            seconds: T::of(config.elapsed / config.unfolds as f64),
            sizes,
            input_kernel: vector("input_kernel").to_vec(),
            input_bias: vector("input_bias").to_vec(),
            sensory: Synapses::new(parameters, "sensory_"),
            recurrent: Synapses::new(parameters, ""),
            leak: sizes.padded(positive(vector("leak")), T::zero()),
            v_leak: sizes.padded(vector("v_leak").iter().copied(), T::zero()),
            // The padding units must not divide by zero either.
            capacity: sizes.padded(positive(vector("capacity")), T::one()),
            output_kernel: sizes.padded(vector("output_kernel").iter().copied(), T::zero()),
            output_bias: sizes.padded(vector("output_bias").iter().copied(), T::zero()),
            leak_slope: slope(vector("leak")),
            capacity_slope: slope(vector("capacity")),
        }
    }

    /// Computes the inputs of the synapses.
    #[inline(always)]
    fn sense(&self, input: &[Lanes<T>], sensed: &mut [Lanes<T>]) {
        for (((sensed, input), kernel), bias) in sensed.iter_mut().zip(input).zip(&self.input_kernel).zip(&self.input_bias) {
            *sensed = Lanes::splat(*bias);
            sensed.add_scaled(*input, *kernel);
        }
    }

    /// Computes the flow from inputs and leak, once per step.
    #[inline(always)]
    fn take_still_flow(&self, sensed: &[Lanes<T>], still: &mut Flow<T>) {
        for row in 0..self.sizes.rows {
            still.conductance[row] = Lanes::splat(self.leak[row]);
            still.drive[row] = Lanes::splat(self.leak[row] * self.v_leak[row]);
        }
        self.sensory.add_to(sensed, still);
    }

    /// One solver step: updates `state` and writes `tape`.
    #[inline(always)]
    fn solve(&self, still: &Flow<T>, flow: &mut Flow<T>, state: &mut [Lanes<T>], tape: &mut [Lanes<T>]) {
        let (rows, units) = (self.sizes.rows, self.sizes.units);
        let epsilon = T::of(LTC_EPSILON);
        for stage in 0..self.stages.len() {
            let ahead = T::of(self.stages[stage].0) * self.seconds;
            let (earlier, here) = tape.split_at_mut(stage * PARTS * rows);
            let (point, others) = here.split_at_mut(rows);
            let (conductance, slope) = others.split_at_mut(rows);
            point.copy_from_slice(state);
            if stage > 0 {
                let slopes = &earlier[earlier.len() - rows..];
                point.iter_mut().zip(slopes).for_each(|(point, slope)| point.add_scaled(*slope, ahead));
            }
            flow.copy_from(still);
            self.recurrent.add_to(&point[..units], flow);
            for row in 0..rows {
                let (drive, capacity) = (flow.drive[row], self.capacity[row]);
                conductance[row] = flow.conductance[row];
                slope[row] = if self.solver == Solver::SemiImplicit {
                    let inertia = capacity / self.seconds;
                    let numerator = drive.zip(point[row], |drive, v| inertia.mul_add(v, drive));
                    numerator.zip(conductance[row], |numerator, lost| numerator / (inertia + lost + epsilon))
                } else {
                    let lost = conductance[row].times(point[row]);
                    drive.zip(lost, |drive, lost| (drive - lost) / capacity)
                };
            }
        }
        // The slopes are added to the state only now, because all stages start from it.
        for (stage, (_, weight)) in self.stages.iter().enumerate() {
            let slopes = &tape[(stage * PARTS + 2) * rows..][..rows];
            if self.solver == Solver::SemiImplicit {
                state.copy_from_slice(slopes);
            } else {
                let weight = T::of(*weight) * self.seconds;
                state.iter_mut().zip(slopes).for_each(|(state, slope)| state.add_scaled(*slope, weight));
            }
        }
    }

    /// Backpropagation through one solver step: `gradient` goes from the gradient with respect to its end to that with respect to its start.
    #[inline(always)]
    fn solve_backward(&self, work: &mut Work<T>, live: Lanes<T>, tape: &[Lanes<T>], gradient: &mut [Lanes<T>]) {
        let (rows, units) = (self.sizes.rows, self.sizes.units);
        work.of_end.copy_from_slice(gradient);
        if self.solver == Solver::SemiImplicit {
            gradient.fill(Lanes::zero());
        }
        work.of_point.fill(Lanes::zero());
        let mut ahead = T::zero();
        for (stage, (ahead_here, weight)) in self.stages.iter().enumerate().rev() {
            let [point, conductance, slope] = [0, 1, 2].map(|part| &tape[(stage * PARTS + part) * rows..][..rows]);
            let weight = T::of(*weight) * self.seconds;
            for row in 0..rows {
                // After the end of a sequence its values may grow without bound.
                let [point, conductance, slope] = [point[row], conductance[row], slope[row]].map(|values| values.only(live));
                work.point[row] = point;
                let mut of_point = Lanes::zero();
                if self.solver == Solver::SemiImplicit {
                    self.semi_implicit_backward(work, row, [conductance, slope], &mut of_point);
                } else {
                    // The slope affects the end of the solver step, and the point of the stage after this one.
                    let of_slope = work.of_end[row].zip(work.of_point[row], |end, later| weight * end + ahead * later);
                    let of_drive = of_slope.map(|gradient| gradient / self.capacity[row]);
                    work.of_flow.drive[row] = of_drive;
                    work.of_flow.conductance[row] = of_drive.zip(point, |gradient, v| -gradient * v);
                    of_point = of_drive.zip(conductance, |gradient, lost| -gradient * lost);
                    work.sums.capacity[row].add_product(of_drive, slope.map(|slope| -slope));
                }
                work.of_point[row] = of_point;
                let Work { of_still, of_flow, .. } = work;
                of_still.drive[row] = of_still.drive[row].plus(of_flow.drive[row]);
                of_still.conductance[row] = of_still.conductance[row].plus(of_flow.conductance[row]);
            }
            let Work { point, of_flow, of_point, sums, .. } = work;
            self.recurrent.backward(&point[..units], of_flow, &mut sums.recurrent, of_point);
            gradient.iter_mut().zip(of_point).for_each(|(sum, of_point)| *sum = sum.plus(*of_point));
            ahead = T::of(*ahead_here) * self.seconds;
        }
    }

    /// Backpropagation through `v' = (inertia v + drive) / (inertia + conductance + epsilon)` for one unit.
    #[inline(always)]
    fn semi_implicit_backward(&self, work: &mut Work<T>, row: usize, [lost, after]: [Lanes<T>; 2], of_point: &mut Lanes<T>) {
        let (inertia, epsilon) = (self.capacity[row] / self.seconds, T::of(LTC_EPSILON));
        let of_drive = work.of_end[row].zip(lost, |gradient, lost| gradient / (inertia + lost + epsilon));
        let of_conductance = of_drive.zip(after, |gradient, after| -gradient * after);
        let mut of_inertia = of_conductance;
        of_inertia.add_product(of_drive, work.point[row]);
        work.sums.capacity[row].add_scaled(of_inertia, self.seconds.recip());
        work.of_flow.drive[row] = of_drive;
        work.of_flow.conductance[row] = of_conductance;
        of_point.add_scaled(of_drive, inertia);
    }
}

impl<T: Real> Cell<T> for LtcCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let inputs = || vec![Lanes::zero(); self.sizes.inputs];
        let rows = || vec![Lanes::zero(); self.sizes.rows];
        let flow = || Flow::zeros(self.sizes.rows);
        Work {
            lengths: Vec::new(),
            sensed: inputs(),
            still: flow(),
            flow: flow(),
            of_still: flow(),
            of_flow: flow(),
            of_sensed: inputs(),
            point: rows(),
            of_point: rows(),
            of_end: rows(),
            sums: Sums {
                sensory: self.sensory.sums(),
                recurrent: self.recurrent.sums(),
                input_kernel: inputs(),
                input_bias: inputs(),
                leak: rows(),
                v_leak: rows(),
                capacity: rows(),
                output_kernel: rows(),
                output_bias: rows(),
            },
        }
    }

    #[inline(always)]
    fn forward_step(&self, work: &mut Work<T>, step: ForwardStep<'_, T>) {
        let ForwardStep { input, before, after, output, tape } = step;
        let Work { sensed, still, flow, .. } = work;
        self.sense(input, sensed);
        self.take_still_flow(sensed, still);
        after.copy_from_slice(before);
        for tape in tape.chunks_exact_mut(PARTS * self.stages.len() * self.sizes.rows) {
            self.solve(still, flow, after, tape);
        }
        for row in 0..self.sizes.rows {
            output[row] = Lanes::splat(self.output_bias[row]);
            output[row].add_scaled(after[row], self.output_kernel[row]);
        }
    }

    fn begin(&self, work: &mut Work<T>, lengths: &[usize]) {
        work.lengths.clear();
        work.lengths.extend_from_slice(lengths);
        let Sums { sensory, recurrent, input_kernel, input_bias, leak, v_leak, capacity, output_kernel, output_bias } =
            &mut work.sums;
        for sums in [sensory, recurrent] {
            sums.fill(SynapseSums::zero());
        }
        for sums in [input_kernel, input_bias, leak, v_leak, capacity, output_kernel, output_bias] {
            sums.fill(Lanes::zero());
        }
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let BackwardStep { step, input, after, tape, output_gradient, state_gradient: gradient, input_gradient, .. } = step;
        let n_live = work.lengths.iter().take_while(|length| step < **length).count();
        let live = Lanes::from_padded(std::iter::repeat_n(T::one(), n_live));
        for row in 0..self.sizes.rows {
            gradient[row].add_scaled(output_gradient[row], self.output_kernel[row]);
            work.sums.output_kernel[row].add_product(output_gradient[row], after[row].only(live));
            work.sums.output_bias[row] = work.sums.output_bias[row].plus(output_gradient[row]);
        }
        work.of_still.clear();
        for tape in tape.chunks_exact(PARTS * self.stages.len() * self.sizes.rows).rev() {
            self.solve_backward(work, live, tape, gradient);
        }

        let Work { sensed, of_still, of_sensed, sums, .. } = work;
        for row in 0..self.sizes.rows {
            let (of_drive, of_conductance) = (of_still.drive[row], of_still.conductance[row]);
            sums.leak[row] = sums.leak[row].plus(of_conductance);
            sums.leak[row].add_scaled(of_drive, self.v_leak[row]);
            sums.v_leak[row].add_scaled(of_drive, self.leak[row]);
        }
        self.sense(input, sensed);
        of_sensed.fill(Lanes::zero());
        self.sensory.backward(sensed, of_still, &mut sums.sensory, of_sensed);
        for (index, of_sensed) in of_sensed.iter().enumerate() {
            sums.input_kernel[index].add_product(*of_sensed, input[index]);
            sums.input_bias[index] = sums.input_bias[index].plus(*of_sensed);
            if let Some(gradient) = input_gradient.get_mut(index) {
                gradient.add_scaled(*of_sensed, self.input_kernel[index]);
            }
        }
    }

    fn sum_block(&self, _: &mut Work<T>, _: &Block<'_, T>) {}

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        let sums = &work.sums;
        self.sensory.collect(&sums.sensory, gradients);
        self.recurrent.collect(&sums.recurrent, gradients);
        for (name, sums) in [
            ("input_kernel", &sums.input_kernel),
            ("input_bias", &sums.input_bias),
            ("v_leak", &sums.v_leak),
            ("output_kernel", &sums.output_kernel),
            ("output_bias", &sums.output_bias),
        ] {
            gradients.set_vector(name, sums.iter().map(|sum| sum.sum()));
        }
        for (name, sums, slopes) in [("leak", &sums.leak, &self.leak_slope), ("capacity", &sums.capacity, &self.capacity_slope)] {
            gradients.set_vector(name, sums.iter().zip(slopes).map(|(sum, slope)| T::of(sum.sum().widen() * slope)));
        }
    }
}

/// Initial values as in ncps, in the ranges of the cell itself: the trained parameter of a strength, leak or capacity is its inverse softplus.
///
/// # Source
/// `LTCCell._init_ranges` and `FullyConnected` of ncps 1.0.1, where two out of three synapses are excitatory.
pub(super) fn initial(start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units) = (start.inputs, start.units);
    let mut between = |from, to, n| uniform_between(from, to, n, start.rng);
    let positive = |values: Vec<f64>| values.into_iter().map(inverse_softplus).collect::<Vec<_>>();
    let polarity = |values: Vec<f64>| values.into_iter().map(|value| if value < 1.0 { -1.0 } else { 1.0 }).collect();
    let synapses = |n: usize, between: &mut dyn FnMut(f64, f64, usize) -> Vec<f64>| {
        [positive(between(0.001, 1.0, n)), between(3.0, 8.0, n), between(0.3, 0.8, n), polarity(between(0.0, 3.0, n))]
    };
    let [sensory_w, sensory_sigma, sensory_mu, sensory_erev] = synapses(inputs * units, &mut between);
    let [w, sigma, mu, erev] = synapses(units * units, &mut between);
    vec![
        ("input_kernel", vec![1.0; inputs]),
        ("input_bias", vec![0.0; inputs]),
        ("sensory_w", sensory_w),
        ("sensory_sigma", sensory_sigma),
        ("sensory_mu", sensory_mu),
        ("sensory_erev", sensory_erev),
        ("w", w),
        ("sigma", sigma),
        ("mu", mu),
        ("erev", erev),
        ("leak", positive(between(0.001, 1.0, units))),
        ("v_leak", between(-0.2, 0.2, units)),
        ("capacity", positive(between(0.4, 0.6, units))),
        ("output_kernel", vec![1.0; units]),
        ("output_bias", vec![0.0; units]),
    ]
}
