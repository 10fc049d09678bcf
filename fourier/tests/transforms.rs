//! Transforms and their definition. They are tested from outside: tests inside the crate would compile every algorithm again.

use std::f64::consts::TAU;

use moodline_fourier::{Complex, Fourier, Plan};

#[test]
fn the_inverse_undoes_the_transform_and_scales_by_its_length() {
    let samples: Vec<Complex<f64>> = (0..30).map(|i| Complex::new(f64::from(i).sin(), f64::from(i % 7))).collect();
    let mut bins = samples.clone();
    f64::forward(30).process(&mut bins);
    let sum: Complex<f64> = samples.iter().sum();
    assert!((bins[0] - sum).norm() < 1e-12, "{}", bins[0]);
    f64::inverse(30).process(&mut bins);
    assert!(bins.iter().zip(&samples).all(|(back, sample)| (back / 30.0 - sample).norm() < 1e-12));
}

#[test]
fn the_real_transform_is_the_first_half_of_the_complex_one() {
    let samples: Vec<f32> = (0_u8..24).map(|i| f32::from(i).cos()).collect();
    let mut transform = Fourier::new().of_length(24);
    let mut half = vec![Complex::default(); transform.n_bins()];
    transform.forward(&mut samples.clone(), &mut half);
    let mut whole: Vec<Complex<f32>> = samples.iter().map(|sample| Complex::new(*sample, 0.0)).collect();
    f32::forward(24).process(&mut whole);
    assert!(half.iter().zip(&whole).all(|(half, whole)| (half - whole).norm() < 1e-5) && half.len() == 13);
}

#[test]
fn the_transform_is_that_of_its_definition_and_the_inverse_undoes_it() {
    let mut fourier = Fourier::new();
    for n in [2, 8, 30, 64] {
        let samples: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin() + 0.2 * i as f32).collect();
        let mut transform = fourier.of_length(n);
        let mut spectrum = vec![Complex::default(); transform.n_bins()];
        transform.forward(&mut samples.clone(), &mut spectrum);
        for (k, bin) in spectrum.iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, &sample) in samples.iter().enumerate() {
                let angle = TAU * (k * i % n) as f64 / n as f64;
                re += f64::from(sample) * angle.cos();
                im -= f64::from(sample) * angle.sin();
            }
            assert!((f64::from(bin.re) - re).abs() < 1e-3 && (f64::from(bin.im) - im).abs() < 1e-3, "n {n}, bin {k}");
        }
        let mut back = vec![0.0; n];
        transform.inverse(&mut spectrum, &mut back);
        for (back, sample) in back.iter().zip(&samples) {
            assert!((back - sample).abs() < 1e-4, "n {n}");
        }
    }
}
