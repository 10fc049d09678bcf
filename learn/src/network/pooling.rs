//! Pooling of the outputs of the last layer into one vector for the readout, and its gradient. Steps after the end of a sequence are ignored.

use moodline_core::Real;
use moodline_core::network::{DEVIATION_EPSILON, Pooling};

use super::lanes::{LANES, Lanes};

/// Pooled outputs of a group, and values saved for the backward pass.
#[derive(Debug)]
pub(super) struct Pooled<T> {
    /// `[rows]`, twice that for [`Pooling::MeanDeviation`].
    pub(super) values: Vec<Lanes<T>>,
    /// Weights of the attention, `[steps]`; 0 after the end of a sequence.
    weights: Vec<Lanes<T>>,
    /// After [`Pool::backward`]: gradient of the attention, `[rows]`.
    pub(super) attention_gradient: Vec<Lanes<T>>,
}

impl<T: Real> Pooled<T> {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), weights: Vec::new(), attention_gradient: Vec::new() }
    }
}

/// The pooling of one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool<'a, T> {
    pub(super) pooling: Pooling,
    /// Padded, `[rows]`; empty without attention.
    pub(super) attention: &'a [T],
    /// Length of each sequence, the longest first.
    pub(super) lengths: &'a [usize],
    pub(super) rows: usize,
    /// `[steps][rows]`
    pub(super) outputs: &'a [Lanes<T>],
}

impl<T: Real> Pool<'_, T> {
    pub(super) fn forward(self, pooled: &mut Pooled<T>) {
        T::vectorize(Forward { pool: self, pooled });
    }

    /// Computes from the gradient with respect to [`Pooled::values`] that with respect to the outputs, `[steps][rows]`.
    pub(super) fn backward(self, gradient: &[Lanes<T>], pooled: &mut Pooled<T>, out: &mut Vec<Lanes<T>>) {
        T::vectorize(Backward { pool: self, gradient, pooled, out });
    }

    /// Number of sequences that have not ended; they come first.
    fn live(&self, step: usize) -> usize {
        self.lengths.iter().take_while(|length| step < **length).count()
    }

    /// 1 for each sequence that has not ended, otherwise 0.
    #[inline(always)]
    fn mask(&self, step: usize) -> Lanes<T> {
        Lanes::from_padded(std::iter::repeat_n(T::one(), self.live(step)))
    }

    /// The reciprocal of the number of steps of each sequence.
    fn part(&self) -> Lanes<T> {
        Lanes::from_padded(self.lengths.iter().map(|length| T::one() / T::of(*length as f64)))
    }

    /// Writes the last output of each sequence.
    fn last(&self, out: &mut [Lanes<T>]) {
        for (lane, length) in self.lengths.iter().enumerate() {
            for (out, output) in out.iter_mut().zip(&self.outputs[(length - 1) * self.rows..]) {
                out.0[lane] = output.0[lane];
            }
        }
    }

    /// Adds the outputs of all steps, each transformed by `f`, to `out`.
    #[inline(always)]
    fn sum(&self, out: &mut [Lanes<T>], f: impl Fn(usize, usize, Lanes<T>) -> Lanes<T>) {
        for (step, outputs) in self.outputs.chunks_exact(self.rows).enumerate() {
            let mask = self.mask(step);
            for (row, (out, output)) in out.iter_mut().zip(outputs).enumerate() {
                *out = out.plus(f(step, row, *output).only(mask));
            }
        }
    }

    /// `softmax(h . attention)` over the steps of each sequence.
    #[inline(always)]
    fn weigh(&self, weights: &mut Vec<Lanes<T>>) {
        weights.clear();
        let mut largest = Lanes::splat(T::neg_infinity());
        for (step, outputs) in self.outputs.chunks_exact(self.rows).enumerate() {
            let mut score = Lanes::zero();
            for (output, attention) in outputs.iter().zip(self.attention) {
                score.add_scaled(*output, *attention);
            }
            let live = self.live(step);
            for (lane, score) in score.0[..live].iter().enumerate() {
                largest.0[lane] = if *score > largest.0[lane] { *score } else { largest.0[lane] };
            }
            weights.push(score);
        }
        let mut total = Lanes::zero();
        for (step, weight) in weights.iter_mut().enumerate() {
            let live = self.live(step);
            for lane in 0..LANES {
                weight.0[lane] = if lane < live { (weight.0[lane] - largest.0[lane]).exp() } else { T::zero() };
            }
            total = total.plus(*weight);
        }
        for weight in weights {
            *weight = weight.zip(total, |weight, total| if weight > T::zero() { weight / total } else { T::zero() });
        }
    }
}

/// [`Pool::forward`], to be compiled for each vector width.
struct Forward<'a, T> {
    pool: Pool<'a, T>,
    pooled: &'a mut Pooled<T>,
}

impl<T: Real> pulp::WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { pool, pooled: Pooled { values, weights, .. } } = self;
        let parts = if pool.pooling == Pooling::MeanDeviation { 2 } else { 1 };
        values.clear();
        values.resize(parts * pool.rows, Lanes::zero());
        match pool.pooling {
            Pooling::Last => pool.last(values),
            Pooling::Mean | Pooling::MeanDeviation => {
                let part = pool.part();
                let (means, deviations) = values.split_at_mut(pool.rows);
                pool.sum(means, |_, _, output| output);
                means.iter_mut().for_each(|mean| *mean = mean.times(part));
                if !deviations.is_empty() {
                    pool.sum(deviations, |_, row, output| {
                        let difference = output.minus(means[row]);
                        difference.times(difference)
                    });
                    let epsilon = T::of(DEVIATION_EPSILON);
                    for deviation in deviations {
                        *deviation = deviation.zip(part, |sum, part| sum.mul_add(part, epsilon).sqrt());
                    }
                }
            }
            Pooling::Attention => {
                pool.weigh(weights);
                pool.sum(values, |step, _, output| output.times(weights[step]));
            }
        }
    }
}

/// [`Pool::backward`], likewise.
struct Backward<'a, T> {
    pool: Pool<'a, T>,
    gradient: &'a [Lanes<T>],
    pooled: &'a mut Pooled<T>,
    out: &'a mut Vec<Lanes<T>>,
}

impl<T: Real> pulp::WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { pool, gradient, pooled, out } = self;
        let Pool { rows, outputs, lengths, .. } = pool;
        out.clear();
        out.resize(outputs.len(), Lanes::zero());
        match pool.pooling {
            Pooling::Last => {
                for (lane, length) in lengths.iter().enumerate() {
                    for (out, gradient) in out[(length - 1) * rows..].iter_mut().zip(gradient) {
                        out.0[lane] = gradient.0[lane];
                    }
                }
            }
            Pooling::Mean | Pooling::MeanDeviation => mean_backward(pool, gradient, &pooled.values, out),
            Pooling::Attention => attention_backward(pool, gradient, pooled, out),
        }
    }
}

#[inline(always)]
fn mean_backward<T: Real>(pool: Pool<'_, T>, gradient: &[Lanes<T>], pooled: &[Lanes<T>], out: &mut [Lanes<T>]) {
    let rows = pool.rows;
    let part = pool.part();
    let of_mean: Vec<Lanes<T>> = gradient[..rows].iter().map(|gradient| gradient.times(part)).collect();
    // The mean inside the deviation contributes nothing: the differences from it sum to 0.
    let (means, deviations) = pooled.split_at(rows);
    let of_difference: Vec<Lanes<T>> = gradient[rows..]
        .iter()
        .zip(deviations)
        .map(|(gradient, deviation)| gradient.times(part).zip(*deviation, |gradient, deviation| gradient / deviation))
        .collect();
    for (step, out) in out.chunks_exact_mut(rows).enumerate() {
        let mask = pool.mask(step);
        for row in 0..rows {
            let mut sum = of_mean[row];
            if let Some(of_difference) = of_difference.get(row) {
                sum.add_product(*of_difference, pool.outputs[step * rows + row].minus(means[row]));
            }
            out[row] = sum.only(mask);
        }
    }
}

#[inline(always)]
fn attention_backward<T: Real>(pool: Pool<'_, T>, gradient: &[Lanes<T>], pooled: &mut Pooled<T>, out: &mut [Lanes<T>]) {
    let rows = pool.rows;
    let Pooled { values, weights, attention_gradient } = pooled;
    attention_gradient.clear();
    attention_gradient.resize(rows, Lanes::zero());
    let dot = |values: &[Lanes<T>]| {
        let mut sum = Lanes::zero();
        values.iter().zip(gradient).for_each(|(value, gradient)| sum.add_product(*value, *gradient));
        sum
    };
    let of_pooled = dot(values);
    for (step, out) in out.chunks_exact_mut(rows).enumerate() {
        let outputs = &pool.outputs[step * rows..][..rows];
        let mask = pool.mask(step);
        let of_score = dot(outputs).minus(of_pooled).times(weights[step]).only(mask);
        for row in 0..rows {
            let mut sum = gradient[row].times(weights[step]);
            sum.add_scaled(of_score, pool.attention[row]);
            out[row] = sum.only(mask);
            attention_gradient[row] = attention_gradient[row].plus(of_score.times(outputs[row]).only(mask));
        }
    }
}
