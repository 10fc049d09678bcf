//! Power spectrum of one frame.

use std::f64::consts::TAU;
use std::sync::Arc;

use moodline_fourier::{Complex, Fft};

use super::window;
use crate::config::FrontEndConfig;
use crate::real::Real;

/// Window, real FFT, squared magnitude.
///
/// The real transform of `n` samples is a complex one of `n / 2`, whose even and odd parts are then combined. realfft stops at the
/// spectrum; here that last step and the squared magnitude are one vectorised pass, which saves half of realfft's time.
///
/// # Source
/// realfft 3.5 `RealToComplexEven`; Press et al., Numerical Recipes, section 12.3.2.
#[derive(Clone)]
pub struct PowerSpectrum<T: Real> {
    arch: pulp::Arch,
    /// The window's points in pairs (even, odd), zero outside the window's length.
    window: Vec<Complex<T>>,
    fft: Arc<dyn Fft<T>>,
    /// Samples in pairs, then their transform.
    half: Vec<Complex<T>>,
    scratch: Vec<Complex<T>>,
    twiddles: Twiddles<T>,
}

/// `-i/2 exp(-i tau k / n)` for the bins `k` in `1..=n / 4`.
#[derive(Clone)]
struct Twiddles<T> {
    re: Vec<T>,
    im: Vec<T>,
}

impl<T: Real> PowerSpectrum<T> {
    /// Plans the FFT and computes the window.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Self {
        let n = config.n_fft;
        let mut window = vec![T::zero(); n];
        let offset = (n - config.win_length) / 2;
        for (point, value) in window[offset..].iter_mut().zip(window::periodic(config.window, config.win_length)) {
            *point = T::of(value);
        }
        let fft = T::forward(n / 2);
        let angle = |k: usize| TAU * k as f64 / n as f64;
        Self {
            arch: pulp::Arch::new(),
            window: window.chunks_exact(2).map(|pair| Complex::new(pair[0], pair[1])).collect(),
            half: vec![Complex::default(); n / 2],
            scratch: vec![Complex::default(); fft.get_inplace_scratch_len()],
            twiddles: Twiddles {
                re: (1..=n / 4).map(|k| T::of(-0.5 * angle(k).sin())).collect(),
                im: (1..=n / 4).map(|k| T::of(-0.5 * angle(k).cos())).collect(),
            },
            fft,
        }
    }

    /// Number of bins: `n_fft / 2 + 1`.
    #[must_use]
    pub fn n_bins(&self) -> usize {
        self.half.len() + 1
    }

    /// Writes the power of `frame`, `[n_fft]`, to `power`, `[n_bins]`: the squared magnitude of its windowed transform.
    pub fn of_frame(&mut self, frame: &[T], power: &mut [T]) {
        let Self { arch, window, fft, half, scratch, twiddles } = self;
        arch.dispatch(ApplyWindow { window, frame, pairs: half });
        fft.process_with_scratch(half, scratch);
        arch.dispatch(Combine { half, twiddles, power });
    }
}

/// Writes the windowed samples of a frame in pairs.
struct ApplyWindow<'a, T> {
    window: &'a [Complex<T>],
    frame: &'a [T],
    pairs: &'a mut [Complex<T>],
}

impl<T: Real> pulp::NullaryFnOnce for ApplyWindow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (samples, _) = self.frame.as_chunks::<2>();
        for ((pair, sample), weight) in self.pairs.iter_mut().zip(samples).zip(self.window) {
            *pair = Complex { re: sample[0] * weight.re, im: sample[1] * weight.im };
        }
    }
}

/// Number of bins combined in parallel.
const LANES: usize = 16;

/// Writes the power of the real transform of `n` samples, `[n / 2 + 1]`, from the complex transform of their pairs, `[n / 2]`.
struct Combine<'a, T> {
    half: &'a [Complex<T>],
    twiddles: &'a Twiddles<T>,
    power: &'a mut [T],
}

impl<T: Real> pulp::NullaryFnOnce for Combine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { half, twiddles, power } = self;
        let n = half.len();
        let (dc, nyquist) = (half[0].re + half[0].im, half[0].re - half[0].im);
        power[0] = dc * dc;
        power[n] = nyquist * nyquist;
        let n_pairs = n / 2;
        if n_pairs < LANES {
            for k in 1..=n_pairs {
                combine_lanes::<T, 1>(half, twiddles, power, k);
            }
            return;
        }
        // The last group may overlap the previous one.
        let last = n_pairs + 1 - LANES;
        let mut k = 1;
        while k < last {
            combine_lanes::<T, LANES>(half, twiddles, power, k);
            k += LANES;
        }
        combine_lanes::<T, LANES>(half, twiddles, power, last);
    }
}

/// Power of the bins `k..k + N` and of their partners `n - k - N + 1..=n - k`.
#[inline(always)]
fn combine_lanes<T: Real, const N: usize>(half: &[Complex<T>], twiddles: &Twiddles<T>, power: &mut [T], k: usize) {
    let partner = half.len() + 1 - k - N;
    let (a, b) = (&half[k..k + N], &half[partner..partner + N]);
    let (re, im) = (&twiddles.re[k - 1..k - 1 + N], &twiddles.im[k - 1..k - 1 + N]);
    let (mut low, mut high) = ([T::zero(); N], [T::zero(); N]);
    let one_half = T::of(0.5);
    for lane in 0..N {
        let (a, b) = (a[lane], b[N - 1 - lane]);
        let (even_re, even_im) = ((a.re + b.re) * one_half, (a.im - b.im) * one_half);
        let (difference_re, difference_im) = (a.re - b.re, a.im + b.im);
        let odd_re = difference_re * re[lane] - difference_im * im[lane];
        let odd_im = difference_re * im[lane] + difference_im * re[lane];
        let (sum_re, sum_im) = (even_re + odd_re, even_im + odd_im);
        let (rest_re, rest_im) = (even_re - odd_re, even_im - odd_im);
        low[lane] = sum_re * sum_re + sum_im * sum_im;
        high[N - 1 - lane] = rest_re * rest_re + rest_im * rest_im;
    }
    power[k..k + N].copy_from_slice(&low);
    power[partner..partner + N].copy_from_slice(&high);
}

#[cfg(test)]
mod tests {
    use moodline_fourier::Plan as _;

    use super::*;
    use crate::config::Window;

    /// The definition: windowed sum of complex exponentials.
    fn naive_power(config: &FrontEndConfig, frame: &[f64]) -> Vec<f64> {
        let mut window = vec![0.0; (config.n_fft - config.win_length) / 2];
        window.extend(window::periodic(config.window, config.win_length));
        window.resize(config.n_fft, 0.0);
        (0..=config.n_fft / 2)
            .map(|k| {
                let (mut re, mut im) = (0.0, 0.0);
                for (i, (x, w)) in frame.iter().zip(&window).enumerate() {
                    let angle = TAU * ((k * i) % config.n_fft) as f64 / config.n_fft as f64;
                    re += x * w * angle.cos();
                    im -= x * w * angle.sin();
                }
                re * re + im * im
            })
            .collect()
    }

    #[test]
    fn the_power_is_that_of_rustffts_complex_transform() {
        for config in [FrontEndConfig::librosa_16k(), FrontEndConfig::speech_25_10()] {
            let frame: Vec<f64> = (0..config.n_fft).map(|i| (i as f64 * 0.37).sin() + 0.3 * (i as f64 * 0.011).cos()).collect();
            let mut windowed = vec![0.0; (config.n_fft - config.win_length) / 2];
            windowed.extend(window::periodic(config.window, config.win_length));
            windowed.resize(config.n_fft, 0.0);
            windowed.iter_mut().zip(&frame).for_each(|(value, sample)| *value *= sample);
            let mut expected: Vec<Complex<f64>> = windowed.iter().map(|value| Complex::new(*value, 0.0)).collect();
            f64::forward(config.n_fft).process(&mut expected);

            let mut spectrum = PowerSpectrum::<f64>::new(&config);
            let mut power = vec![0.0; spectrum.n_bins()];
            spectrum.of_frame(&frame, &mut power);
            let peak = power.iter().copied().fold(0.0, f64::max);
            for (found, expected) in power.iter().zip(&expected) {
                assert!((found - expected.norm_sqr()).abs() <= 1e-13 * peak, "n_fft {}", config.n_fft);
            }
        }
    }

    #[test]
    fn the_power_is_that_of_a_naive_transform() {
        for (n_fft, win_length, window) in [
            (16, 16, Window::Hann),
            (18, 17, Window::Hann),
            (64, 63, Window::Hamming),
            (512, 400, Window::Hann),
            (1022, 1, Window::Hamming),
        ] {
            let config = FrontEndConfig { n_fft, win_length, window, ..FrontEndConfig::librosa_16k() };
            let frame: Vec<f64> =
                (0..n_fft).map(|i| (i as f64 * 0.37).sin() + 0.3 * (i as f64 * i as f64 * 0.01).cos()).collect();
            let expected = naive_power(&config, &frame);
            let peak = expected.iter().copied().fold(0.0, f64::max);

            let mut spectrum = PowerSpectrum::<f64>::new(&config);
            let mut power = vec![0.0; spectrum.n_bins()];
            spectrum.of_frame(&frame, &mut power);
            assert_eq!(power.len(), expected.len());
            for (k, (a, b)) in power.iter().zip(&expected).enumerate() {
                assert!((a - b).abs() <= 1e-12 * peak, "n_fft {n_fft} bin {k}: {a} {b}");
            }

            let mut spectrum = PowerSpectrum::<f32>::new(&config);
            let mut power = vec![0.0; spectrum.n_bins()];
            spectrum.of_frame(&frame.iter().map(|&x| x as f32).collect::<Vec<_>>(), &mut power);
            for (k, (&a, b)) in power.iter().zip(&expected).enumerate() {
                assert!((f64::from(a) - b).abs() <= 2e-6 * peak, "n_fft {n_fft} bin {k}: {a} {b}");
            }
        }
    }
}
