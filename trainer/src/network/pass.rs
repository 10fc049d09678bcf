//! One lane group through the network: forward with a tape, and backpropagation through time along it.
//!
//! In: a [`Cell`] and at most [`LANES`] sequences, longest first. Out: the state after each sequence's own last step, and the sums of gradients.
//! A sequence that has ended computes on from a zero input until the group ends; nothing of that is read, and it gets no gradient.

use moodline_core::Real;

use super::cell::{Cell, Shape};
use super::lanes::{LANES, Lanes};
use super::matrix::{OuterProducts, add_projection, add_projection_gradient};

/// Tape and scratch memory of one lane group; reused from group to group, because fresh memory costs more than the arithmetic.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    shape: Shape,
    /// Longest sequence of the group.
    steps: usize,
    /// Units in the lanes, `[LANES][chunks][steps]`: the input projections, replaced by the gradients with respect to them.
    projections: Vec<Lanes<T>>,
    /// The state each step starts from and the last one, `[steps + 1][rows]`.
    carried: Vec<Lanes<T>>,
    /// Every z, `[steps][evaluations][rows]`.
    z: Vec<Lanes<T>>,
    /// The state after each sequence's own last step, `[rows]`.
    last: Vec<Lanes<T>>,
    recurrent_gradient: OuterProducts<T>,
    /// `[rows]` each.
    bias_gradient: Vec<Lanes<T>>,
    rate_gradient: Vec<Lanes<T>>,
    gain_gradient: Vec<Lanes<T>>,
    /// Units in the lanes, `[chunks][n_features]`.
    kernel_gradient: Vec<Lanes<T>>,
}

impl<T: Real> Workspace<T> {
    pub(super) fn new(shape: Shape) -> Self {
        let rows = vec![Lanes::zero(); shape.rows];
        Self {
            shape,
            steps: 0,
            projections: Vec::new(),
            carried: Vec::new(),
            z: Vec::new(),
            last: rows.clone(),
            recurrent_gradient: OuterProducts::new(shape.rows, shape.evaluations),
            bias_gradient: rows.clone(),
            rate_gradient: rows.clone(),
            gain_gradient: rows,
            kernel_gradient: vec![Lanes::zero(); shape.chunks * shape.n_features],
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Makes room for `steps` steps. What is there from before is overwritten before it is read.
    fn set_steps(&mut self, steps: usize) {
        let shape = self.shape;
        self.steps = steps;
        self.projections.resize(LANES * shape.chunks * steps, Lanes::zero());
        self.carried.resize((steps + 1) * shape.rows, Lanes::zero());
        self.z.resize(steps * shape.evaluations * shape.rows, Lanes::zero());
    }

    /// `state` of a sequence after its last step, `[units]`.
    pub(super) fn last_state(&self, lane: usize) -> impl Iterator<Item = T> {
        self.last[..self.shape.units].iter().map(move |state| state.0[lane])
    }

    /// The carried state of a sequence after `step`, `[units]`.
    pub(super) fn state_after(&self, step: usize, lane: usize) -> impl Iterator<Item = T> {
        self.carried[(step + 1) * self.shape.rows..][..self.shape.units].iter().map(move |state| state.0[lane])
    }

    /// After [`backward`]: gradient with respect to the input projection of a step, `[units]`.
    pub(super) fn projection_gradient(&self, step: usize, lane: usize) -> impl Iterator<Item = T> {
        let chunks =
            (0..self.shape.chunks).map(move |chunk| &self.projections[(lane * self.shape.chunks + chunk) * self.steps + step]);
        chunks.flat_map(|chunk| chunk.0).take(self.shape.units)
    }

    /// After [`backward`]: gradient with respect to the bias, `[units]`.
    pub(super) fn bias_gradient(&self) -> impl Iterator<Item = T> {
        self.bias_gradient[..self.shape.units].iter().map(|gradient| gradient.sum())
    }

    /// After [`backward`]: gradient with respect to the effective rate, `[units]`.
    pub(super) fn rate_gradient(&self) -> impl Iterator<Item = T> {
        self.rate_gradient[..self.shape.units].iter().map(|gradient| gradient.sum())
    }

    /// After [`backward`]: gradient with respect to the carried gain, `[units]`.
    pub(super) fn gain_gradient(&self) -> impl Iterator<Item = T> {
        self.gain_gradient[..self.shape.units].iter().map(|gradient| gradient.sum())
    }

    /// After [`backward`]: gradient with respect to the input kernel.
    pub(super) fn kernel_gradient(&self, feature: usize, unit: usize) -> T {
        self.kernel_gradient[unit / LANES * self.shape.n_features + feature].0[unit % LANES]
    }

    /// After [`backward`]: gradient with respect to the recurrent kernel, `[rows, rows]` row-major.
    pub(super) fn recurrent_gradient(&self) -> &[Lanes<T>] {
        self.recurrent_gradient.sums()
    }
}

/// Runs `sequences` from a zero state and leaves the tape in `workspace`.
///
/// # Shapes
/// `sequences`: at most [`LANES`], `[steps, n_features]` row-major each, the longest first.
pub(super) fn forward<T: Real>(cell: &Cell<T>, sequences: &[&[T]], workspace: &mut Workspace<T>) {
    pulp::Arch::new().dispatch(Forward { cell, sequences, workspace });
}

/// Goes back along the tape that [`forward`] left, from the gradient with respect to each sequence's last carried state.
///
/// # Shapes
/// `last_gradient` `[rows]`
pub(super) fn backward<T: Real>(cell: &Cell<T>, sequences: &[&[T]], last_gradient: &[Lanes<T>], workspace: &mut Workspace<T>) {
    pulp::Arch::new().dispatch(Backward { cell, sequences, last_gradient, workspace });
}

/// [`forward`], to be compiled for each vector width. A closure would not do: it would keep the width of its surroundings.
struct Forward<'a, T> {
    cell: &'a Cell<T>,
    sequences: &'a [&'a [T]],
    workspace: &'a mut Workspace<T>,
}

impl<T: Real> pulp::WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        run_forward(self.cell, self.sequences, self.workspace);
    }
}

/// [`backward`], likewise.
struct Backward<'a, T> {
    cell: &'a Cell<T>,
    sequences: &'a [&'a [T]],
    last_gradient: &'a [Lanes<T>],
    workspace: &'a mut Workspace<T>,
}

impl<T: Real> pulp::WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        run_backward(self.cell, self.sequences, self.last_gradient, self.workspace);
    }
}

#[inline(always)]
fn run_forward<T: Real>(cell: &Cell<T>, sequences: &[&[T]], workspace: &mut Workspace<T>) {
    let Shape { n_features, rows, evaluations, .. } = cell.shape;
    let lengths = lengths(sequences, n_features);
    let steps = lengths[0];
    workspace.set_steps(steps);
    project(cell, sequences, workspace);

    let mut input = vec![Lanes::zero(); rows];
    let Workspace { projections, carried, z, last, .. } = workspace;
    carried[..rows].fill(Lanes::zero());
    for (step, z) in z.chunks_exact_mut(evaluations * rows).enumerate() {
        gather(cell.shape, projections, &lengths, step, &mut input);
        let (before, state) = carried[step * rows..].split_at_mut(rows);
        let state = &mut state[..rows];
        state.copy_from_slice(before);
        for z in z.chunks_exact_mut(rows) {
            z.copy_from_slice(&input);
            cell.recurrent.add(state, z);
            for ((state, z), rate) in state.iter_mut().zip(z).zip(&cell.rate) {
                *z = z.map(T::tanh_of);
                state.add_scaled(z.minus(*state), *rate);
            }
        }
        for (state, gain) in state.iter_mut().zip(&cell.carried_gain) {
            *state = state.map(|value| clipped(value, cell.clip) * *gain);
        }
        for lane in ended(&lengths, step) {
            for (last, state) in last.iter_mut().zip(&*state) {
                last.0[lane] = state.0[lane];
            }
        }
    }
}

#[inline(always)]
fn run_backward<T: Real>(cell: &Cell<T>, sequences: &[&[T]], last_gradient: &[Lanes<T>], workspace: &mut Workspace<T>) {
    let Shape { n_features, rows, evaluations, .. } = cell.shape;
    let lengths = lengths(sequences, n_features);
    let Workspace { projections, carried, z, recurrent_gradient, bias_gradient, rate_gradient, gain_gradient, .. } = workspace;
    for sums in [&mut *bias_gradient, &mut *rate_gradient, &mut *gain_gradient] {
        sums.fill(Lanes::zero());
    }
    recurrent_gradient.clear();

    // Gradient with respect to the state at the point that has been reached.
    let mut gradient = vec![Lanes::zero(); rows];
    let mut input_gradient = vec![Lanes::zero(); rows];
    for (step, z) in z.chunks_exact(evaluations * rows).enumerate().rev() {
        for lane in ended(&lengths, step) {
            for (gradient, last) in gradient.iter_mut().zip(last_gradient) {
                gradient.0[lane] = last.0[lane];
            }
        }
        let (states, target_gradients) = recurrent_gradient.next(evaluations);
        replay(cell, &carried[step * rows..][..rows], z, states);
        clip_backward(cell, &states[(evaluations - 1) * rows..], &z[(evaluations - 1) * rows..], gain_gradient, &mut gradient);

        input_gradient.fill(Lanes::zero());
        let unfolds = z.chunks_exact(rows).zip(states.chunks_exact(rows)).zip(target_gradients.chunks_exact_mut(rows));
        for ((z, state), target_gradient) in unfolds.rev() {
            for row in 0..rows {
                let (toward, rate) = (gradient[row].map(|value| value * cell.rate[row]), &mut rate_gradient[row]);
                rate.add_product(gradient[row], z[row].minus(state[row]));
                gradient[row] = gradient[row].minus(toward);
                target_gradient[row] = toward.zip(z[row], |toward, z| toward * (-z).mul_add(z, T::one()));
                input_gradient[row] = input_gradient[row].plus(target_gradient[row]);
            }
            cell.recurrent_transposed.add(target_gradient, &mut gradient);
        }
        for (sum, gradient) in bias_gradient.iter_mut().zip(&input_gradient) {
            *sum = sum.plus(*gradient);
        }
        scatter(cell.shape, &input_gradient, &lengths, step, projections);
    }
    recurrent_gradient.flush();
    kernel_backward(sequences, workspace);
}

/// The projections of all sequences, units in the lanes.
#[inline(always)]
fn project<T: Real>(cell: &Cell<T>, sequences: &[&[T]], workspace: &mut Workspace<T>) {
    let Shape { n_features, chunks, .. } = cell.shape;
    let outputs = workspace.projections.chunks_exact_mut(workspace.steps);
    let kernels = cell.kernel.chunks_exact(n_features).zip(&cell.bias).cycle();
    let inputs = sequences.iter().flat_map(|sequence| std::iter::repeat_n(sequence, chunks));
    for ((sequence, out), (kernel, bias)) in inputs.zip(outputs).zip(kernels) {
        let out = &mut out[..sequence.len() / n_features];
        out.fill(*bias);
        add_projection(sequence, kernel, out);
    }
}

/// The gradient of the input kernel from the gradients of all projections.
#[inline(always)]
fn kernel_backward<T: Real>(sequences: &[&[T]], workspace: &mut Workspace<T>) {
    let Shape { n_features, chunks, .. } = workspace.shape;
    workspace.kernel_gradient.fill(Lanes::zero());
    for (sequence, gradients) in sequences.iter().zip(workspace.projections.chunks_exact(chunks * workspace.steps)) {
        let outputs = workspace.kernel_gradient.chunks_exact_mut(n_features);
        for (gradient, out) in gradients.chunks_exact(workspace.steps).zip(outputs) {
            add_projection_gradient(sequence, gradient, out);
        }
    }
}

/// The states each unfold of a step starts from, from the one the step starts from: the forward pass without its products.
#[inline(always)]
fn replay<T: Real>(cell: &Cell<T>, start: &[Lanes<T>], z: &[Lanes<T>], states: &mut [Lanes<T>]) {
    let rows = cell.shape.rows;
    states[..rows].copy_from_slice(start);
    for unfold in 1..cell.shape.evaluations {
        let (before, state) = states[(unfold - 1) * rows..].split_at_mut(rows);
        unfolded(cell, before, &z[(unfold - 1) * rows..], &mut state[..rows]);
    }
}

/// The states after an unfold.
#[inline(always)]
fn unfolded<T: Real>(cell: &Cell<T>, before: &[Lanes<T>], z: &[Lanes<T>], after: &mut [Lanes<T>]) {
    for (((after, before), z), rate) in after.iter_mut().zip(before).zip(z).zip(&cell.rate) {
        *after = *before;
        after.add_scaled(z.minus(*before), *rate);
    }
}

/// Back through gain and clip, from the gradient of the carried state to that of the state before the clip.
///
/// # Shapes
/// all `[rows]`; `state` and `z` are those of the last unfold.
#[inline(always)]
fn clip_backward<T: Real>(
    cell: &Cell<T>,
    state: &[Lanes<T>],
    z: &[Lanes<T>],
    gain_gradient: &mut [Lanes<T>],
    gradient: &mut [Lanes<T>],
) {
    for row in 0..cell.shape.rows {
        let mut before_clip = state[row];
        before_clip.add_scaled(z[row].minus(state[row]), cell.rate[row]);
        gain_gradient[row].add_product(gradient[row], before_clip.map(|value| clipped(value, cell.clip)));
        let gain = cell.carried_gain[row];
        gradient[row] = gradient[row].zip(before_clip, |gradient, value| {
            let above = (value > T::zero()) | ((value == T::zero()) & cell.open_at_zero);
            // A product with a selected slope compiles to a blend; a selected product to one branch for each sequence.
            gradient * if above & (value <= cell.clip) { gain } else { T::zero() }
        });
    }
}

/// Clipped ReLU.
#[inline(always)]
fn clipped<T: Real>(value: T, clip: T) -> T {
    let positive = if value > T::zero() { value } else { T::zero() };
    if positive < clip { positive } else { clip }
}

/// From units in the lanes to sequences in the lanes: the projections of one step, `[rows]`; zero where a sequence has ended.
#[inline(always)]
fn gather<T: Real>(shape: Shape, projections: &[Lanes<T>], lengths: &[usize; LANES], step: usize, out: &mut [Lanes<T>]) {
    let steps = lengths[0];
    for (chunk, out) in out.chunks_mut(LANES).enumerate() {
        for lane in 0..LANES {
            let values =
                if step < lengths[lane] { projections[(lane * shape.chunks + chunk) * steps + step] } else { Lanes::zero() };
            for (out, value) in out.iter_mut().zip(values.0) {
                out.0[lane] = value;
            }
        }
    }
}

/// The reverse of [`gather`].
#[inline(always)]
fn scatter<T: Real>(shape: Shape, values: &[Lanes<T>], lengths: &[usize; LANES], step: usize, projections: &mut [Lanes<T>]) {
    let steps = lengths[0];
    for (chunk, values) in values.chunks(LANES).enumerate() {
        for lane in (0..LANES).filter(|lane| step < lengths[*lane]) {
            let out = &mut projections[(lane * shape.chunks + chunk) * steps + step];
            for (out, value) in out.0.iter_mut().zip(values) {
                *out = value.0[lane];
            }
        }
    }
}

/// Steps of each sequence; 0 for a lane without one.
#[inline(always)]
fn lengths<T>(sequences: &[&[T]], n_features: usize) -> [usize; LANES] {
    std::array::from_fn(|lane| sequences.get(lane).map_or(0, |sequence| sequence.len() / n_features))
}

/// The lanes whose last step is `step`.
#[inline(always)]
fn ended(lengths: &[usize; LANES], step: usize) -> impl Iterator<Item = usize> {
    (0..LANES).filter(move |lane| lengths[*lane] == step + 1)
}
