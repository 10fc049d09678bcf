//! Analysis windows.
//!
//! # Source
//! scipy 1.17 `scipy.signal.get_window(name, n, fftbins=True)`: periodic windows, the first `n` points of a symmetric window of
//! `n + 1` points.

use std::f64::consts::TAU;

use crate::config::Window;

/// The `n` points of a periodic window.
#[must_use]
pub fn periodic(window: Window, n: usize) -> Vec<f64> {
    if n == 1 {
        return vec![1.0];
    }
    let floor = match window {
        Window::Hann => 0.5,
        Window::Hamming => 0.54,
    };
    (0..n).map(|i| floor - (1.0 - floor) * (TAU * i as f64 / n as f64).cos()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_periodic_window_is_the_start_of_a_longer_symmetric_one() {
        for (window, edge) in [(Window::Hann, 0.0), (Window::Hamming, 0.08)] {
            let points = periodic(window, 400);
            assert_eq!(points.len(), 400);
            assert!((points[0] - edge).abs() < 1e-15);
            assert!((points[200] - 1.0).abs() < 1e-15);
            for i in 1..400 {
                assert!((points[i] - points[400 - i]).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn shifted_hann_windows_add_up_to_a_constant() {
        let points = periodic(Window::Hann, 64);
        for i in 0..32 {
            assert!((points[i] + points[i + 32] - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn one_point_is_one() {
        assert_eq!(periodic(Window::Hann, 1), [1.0]);
    }
}
