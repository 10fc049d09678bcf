//! Fourier transforms of whole signals and their inverse, for modifying sounds rather than measuring them.
//!
//! The front end has its own, faster transform, `moodline_core::frontend::spectrum`, which has no inverse and discards the phase.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Plans for real transforms; each length is planned once.
#[derive(Default)]
pub struct Fourier {
    planner: RealFftPlanner<f32>,
}

impl Fourier {
    /// Starts without plans.
    #[must_use]
    #[inline(never)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The transform of length `n`, which is even and at least 2.
    #[inline(never)]
    pub fn of_length(&mut self, n: usize) -> Transform {
        let (forward, inverse) = (self.planner.plan_fft_forward(n), self.planner.plan_fft_inverse(n));
        let n_scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Transform { n, forward, inverse, scratch: vec![Complex::default(); n_scratch] }
    }
}

/// A real transform of one length and its inverse.
pub struct Transform {
    n: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Transform {
    /// Number of bins: `n / 2 + 1`.
    #[must_use]
    pub fn n_bins(&self) -> usize {
        self.n / 2 + 1
    }

    /// Writes the transform of `samples`, `[n]`, to `spectrum`, `[n / 2 + 1]`; `samples` holds no meaningful values afterwards.
    ///
    /// # Panics
    /// When a slice has another length.
    pub fn forward(&mut self, samples: &mut [f32], spectrum: &mut [Complex<f32>]) {
        // INVARIANT: realfft only refuses wrong lengths.
        self.forward.process_with_scratch(samples, spectrum, &mut self.scratch).expect("n samples and n / 2 + 1 bins");
    }

    /// Writes the signal of `spectrum`, `[n / 2 + 1]`, to `samples`, `[n]`, scaled so that it inverts [`forward`](Self::forward); `spectrum` holds no
    /// meaningful values afterwards. The first and the last bin of a real signal are real; their imaginary parts are ignored.
    ///
    /// # Panics
    /// When a slice has another length.
    pub fn inverse(&mut self, spectrum: &mut [Complex<f32>], samples: &mut [f32]) {
        let last = self.n / 2;
        spectrum[0].im = 0.0;
        spectrum[last].im = 0.0;
        // INVARIANT: realfft only refuses wrong lengths and the imaginary parts that were just removed.
        self.inverse.process_with_scratch(spectrum, samples, &mut self.scratch).expect("n / 2 + 1 bins and n samples");
        let scale = 1.0 / self.n as f32;
        samples.iter_mut().for_each(|sample| *sample *= scale);
    }
}
