//! rubato's filter from one sampling rate to another, which multiplies spectra: its transforms are compiled here, as all others.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

/// Converts one stream of samples from one rate to another in blocks of a fixed length.
pub struct BlockFilter(Box<Fft<f32>>);

impl BlockFilter {
    /// Computes the filter from `source_hz` to `target_hz` and reserves all memory. Blocks have `n_in` samples, or the few more that make a whole number of
    /// output samples.
    ///
    /// # Panics
    /// When a rate or `n_in` is 0.
    #[must_use]
    #[inline(never)]
    pub fn new(source_hz: usize, target_hz: usize, n_in: usize, window: WindowFunction) -> Self {
        let fft = Fft::new_custom(source_hz, target_hz, n_in, 1, 1, window, FixedSync::Both).expect("positive rates and sizes");
        Self(Box::new(fft))
    }

    /// Number of input samples and of output samples of each block.
    #[must_use]
    pub fn frames(&self) -> (usize, usize) {
        (self.0.input_frames_max(), self.0.output_frames_max())
    }

    /// Number of output samples before the first of a stream.
    #[must_use]
    pub fn delay(&self) -> usize {
        self.0.output_delay()
    }

    /// Filters the next block of the stream.
    ///
    /// # Panics
    /// When a slice has another length than [`frames`](Self::frames) says.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    #[inline(never)]
    pub fn run(&mut self, input: &[f32], output: &mut [f32]) {
        assert_eq!((input.len(), output.len()), self.frames(), "a block");
        // INVARIANT: both have the lengths that were just checked.
        let input = SequentialSlice::new(input, 1, input.len()).expect("one channel");
        let n_out = output.len();
        let mut output = SequentialSlice::new_mut(output, 1, n_out).expect("one channel");
        self.0.process_into_buffer(&input, &mut output, None).expect("buffers of the size it asked for");
    }

    /// Returns to the start of a stream.
    #[inline(never)]
    pub fn restart(&mut self) {
        self.0.reset();
    }
}
