//! Pooling of the outputs of all steps into one vector, in one pass and constant memory. Sums are in `f64`, so that neither the number of steps nor a large
//! mean costs accuracy.

use super::{ATTENTION, DEVIATION_EPSILON, NetworkConfig, Pooling, Tensors};

/// Running statistics of the steps so far.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pooling: Pooling,
    n_steps: f64,
    /// Weighted mean of the outputs, `[units]`.
    mean: Vec<f64>,
    /// Sum of squared distances from the mean, `[units]`; for [`Pooling::MeanDeviation`].
    squares: Vec<f64>,
    /// Query, `[units]`; for [`Pooling::Attention`].
    attention: Vec<f64>,
    /// Largest score so far, and the sum of `exp(score - largest)`.
    largest_score: f64,
    total: f64,
    /// The result, `[readout_size]`.
    pooled: Vec<f32>,
}

impl Pool {
    pub(super) fn new(config: &NetworkConfig, weights: &Tensors<f32>) -> Self {
        let attention = match config.pooling {
            Pooling::Attention => weights.vector(ATTENTION).iter().copied().map(f64::from).collect(),
            Pooling::Last | Pooling::Mean | Pooling::MeanDeviation => Vec::new(),
        };
        Self {
            pooling: config.pooling,
            n_steps: 0.0,
            mean: vec![0.0; config.units],
            squares: vec![0.0; config.units],
            attention,
            largest_score: f64::NEG_INFINITY,
            total: 0.0,
            pooled: vec![0.0; config.readout_size()],
        }
    }

    /// Forgets the previous block.
    #[inline(always)]
    pub(super) fn start(&mut self) {
        self.n_steps = 0.0;
        self.mean.fill(0.0);
        self.squares.fill(0.0);
        (self.largest_score, self.total) = (f64::NEG_INFINITY, 0.0);
    }

    /// Adds the outputs of one more step, `[units]`.
    #[inline(always)]
    pub(super) fn add(&mut self, outputs: &[f32]) {
        match self.pooling {
            Pooling::Last => {}
            Pooling::Mean | Pooling::MeanDeviation => self.add_to_mean(outputs),
            Pooling::Attention => self.attend(outputs),
        }
    }

    /// Welford's update.
    #[inline(always)]
    fn add_to_mean(&mut self, outputs: &[f32]) {
        self.n_steps += 1.0;
        let share = self.n_steps.recip();
        for ((&output, mean), squares) in outputs.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let output = f64::from(output);
            let before = output - *mean;
            *mean += before * share;
            *squares += before * (output - *mean);
        }
    }

    /// The softmax over all steps without storing them: a new largest score rescales the sums so far.
    #[inline(always)]
    fn attend(&mut self, outputs: &[f32]) {
        let score: f64 = outputs.iter().zip(&self.attention).map(|(&output, query)| f64::from(output) * query).sum();
        if score > self.largest_score {
            self.total *= (self.largest_score - score).exp();
            self.largest_score = score;
        }
        let weight = (score - self.largest_score).exp();
        self.total += weight;
        let share = weight / self.total;
        for (&output, mean) in outputs.iter().zip(&mut self.mean) {
            *mean += (f64::from(output) - *mean) * share;
        }
    }

    /// The input of the readout, where the last outputs were `last`.
    #[inline(always)]
    pub(super) fn finish<'a>(&'a mut self, last: &'a [f32]) -> &'a [f32] {
        if self.pooling == Pooling::Last {
            return last;
        }
        let (means, deviations) = self.pooled.split_at_mut(self.mean.len());
        for (pooled, mean) in means.iter_mut().zip(&self.mean) {
            *pooled = *mean as f32;
        }
        for (pooled, squares) in deviations.iter_mut().zip(&self.squares) {
            *pooled = (squares / self.n_steps + DEVIATION_EPSILON).sqrt() as f32;
        }
        &self.pooled
    }
}
