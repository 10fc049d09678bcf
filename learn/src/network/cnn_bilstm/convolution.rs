//! One convolution over the steps of a sequence, ReLU and max pooling, forward and backward.
//!
//! The windows of a sequence are copied to the rows of a matrix, so that the convolution is one matrix product.

use std::ops::Range;

use moodline_core::Real;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip, s};

/// A convolution with its parameters.
#[derive(Debug)]
pub(super) struct ConvolutionLayer<'a, T> {
    /// `[width * inputs, channels]`
    pub(super) kernel: ArrayView2<'a, T>,
    /// `[channels]`
    pub(super) bias: ArrayView1<'a, T>,
    pub(super) width: usize,
    pub(super) pool: usize,
}

/// Values saved for the backward pass.
#[derive(Debug)]
pub(super) struct Passed<T> {
    /// `[steps, width * inputs]`
    windows: Array2<T>,
    /// After the ReLU, `[steps, channels]`.
    activated: Array2<T>,
}

impl<T: Real> Passed<T> {
    /// Adds the contribution of one sequence to the gradient of the kernel.
    pub(super) fn add_kernel_gradient(&self, of_product: &Array2<T>, sum: &mut ArrayViewMut2<'_, T>) {
        general_mat_mul(T::one(), &self.windows.t(), of_product, T::one(), sum);
    }
}

impl<T: Real> ConvolutionLayer<'_, T> {
    /// The output, `[ceil(steps / pool), channels]`; the steps are zero-padded on both sides.
    pub(super) fn forward(&self, inputs: &Array2<T>) -> (Array2<T>, Passed<T>) {
        let windows = self.windows(inputs);
        let mut activated = windows.dot(&self.kernel) + self.bias;
        // Written so that NaN is preserved.
        activated.mapv_inplace(|value| if value < T::zero() { T::zero() } else { value });
        let mut pooled = Array2::zeros((activated.nrows().div_ceil(self.pool), activated.ncols()));
        for (mut pooled, steps) in pooled.rows_mut().into_iter().zip(activated.axis_chunks_iter(Axis(0), self.pool)) {
            pooled.assign(&steps.row(0));
            for step in steps.rows().into_iter().skip(1) {
                Zip::from(&mut pooled).and(&step).for_each(|largest, value| {
                    if *value > *largest {
                        *largest = *value;
                    }
                });
            }
        }
        (pooled, Passed { windows, activated })
    }

    /// Computes from the gradient of the output that of the product with the kernel, `[steps, channels]`: it goes to the first of the largest values, unless
    /// that is 0.
    pub(super) fn product_gradient(&self, passed: &Passed<T>, gradient: &Array2<T>) -> Array2<T> {
        let mut of_product = Array2::zeros(passed.activated.dim());
        let chunks = passed.activated.axis_chunks_iter(Axis(0), self.pool);
        for (index, (steps, gradient)) in chunks.zip(gradient.rows()).enumerate() {
            for (channel, gradient) in gradient.iter().enumerate() {
                let values = steps.column(channel);
                let largest = (1..values.len()).fold(0, |best, step| if values[step] > values[best] { step } else { best });
                if values[largest] > T::zero() {
                    of_product[(index * self.pool + largest, channel)] = *gradient;
                }
            }
        }
        of_product
    }

    /// Computes from the gradient of the product with the kernel that of the input, `[steps, inputs]`.
    pub(super) fn input_gradient(&self, of_product: &Array2<T>) -> Array2<T> {
        let of_windows = of_product.dot(&self.kernel.t());
        let inputs = self.kernel.nrows() / self.width;
        let mut of_inputs = Array2::zeros((of_product.nrows(), inputs));
        for (tap, steps, seen) in self.taps(of_product.nrows()) {
            let mut of_seen = of_inputs.slice_mut(s![seen, ..]);
            of_seen += &of_windows.slice(s![steps, tap * inputs..(tap + 1) * inputs]);
        }
        of_inputs
    }

    /// The window around each step as a row, `[steps, width * inputs]`.
    fn windows(&self, inputs: &Array2<T>) -> Array2<T> {
        let (n_steps, n_inputs) = inputs.dim();
        let mut windows = Array2::zeros((n_steps, self.width * n_inputs));
        for (tap, steps, seen) in self.taps(n_steps) {
            windows.slice_mut(s![steps, tap * n_inputs..(tap + 1) * n_inputs]).assign(&inputs.slice(s![seen, ..]));
        }
        windows
    }

    /// For each position in the window: the windows that contain a step of the sequence there, and these steps.
    fn taps(&self, n_steps: usize) -> impl Iterator<Item = (usize, Range<usize>, Range<usize>)> + use<T> {
        let (width, half) = (self.width, self.width / 2);
        (0..width).filter_map(move |tap| {
            let steps = half.saturating_sub(tap)..(n_steps + half).saturating_sub(tap).min(n_steps);
            (!steps.is_empty()).then(|| (tap, steps.clone(), steps.start + tap - half..steps.end + tap - half))
        })
    }
}
