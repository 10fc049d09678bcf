//! Random numbers of the augmentation, identical on all machines and seeded by their purpose.

use std::f64::consts::TAU;

use rand::{Rng, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// A generator of its own for `parts`: draws from it do not affect draws elsewhere.
pub fn generator(parts: &[&[u8]]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A uniform number in 0..1.
pub fn uniform(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// One of `0..n`; 0 if `n` is 0.
pub fn index(rng: &mut dyn Rng, n: usize) -> usize {
    ((uniform(rng) * n as f64) as usize).min(n.saturating_sub(1))
}

/// Two independent normal random numbers of mean 0 and standard deviation 1.
///
/// # Source
/// Box and Muller 1958.
pub fn normal_pair(rng: &mut dyn Rng) -> [f32; 2] {
    // 1 - u is above 0, so the logarithm is finite.
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    let (sin, cos) = (TAU * uniform(rng)).sin_cos();
    [(radius * cos) as f32, (radius * sin) as f32]
}

/// `n` normal random numbers of mean 0 and standard deviation 1.
pub fn normals(rng: &mut dyn Rng, n: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(n + 1);
    while values.len() < n {
        values.extend(normal_pair(rng));
    }
    values.truncate(n);
    values
}

/// A random number from the distribution Beta(`shape`, `shape`), `shape` in 0..=1.
///
/// # Source
/// Jöhnk 1964.
pub fn beta(rng: &mut dyn Rng, shape: f64) -> f64 {
    loop {
        let (x, y) = (uniform(rng).powf(1.0 / shape), uniform(rng).powf(1.0 / shape));
        // Both underflow for a tiny shape; the result would be 0 or 1, and another draw decides which.
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> [f64; 2] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        [mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n]
    }

    #[test]
    fn the_distributions_have_their_moments() {
        let rng = &mut generator(&[b"moments"]);
        let n = 40_000;
        let values: Vec<f64> = normals(rng, n + 1).into_iter().map(f64::from).collect();
        assert_eq!(values.len(), n + 1);
        let [mean, variance] = moments(&values);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let fourth = values.iter().map(|value| value.powi(4)).sum::<f64>() / n as f64;
        assert!((fourth - 3.0).abs() < 0.2, "{fourth}");
        for shape in [0.2, 0.5, 1.0] {
            let values: Vec<f64> = (0..n).map(|_| beta(rng, shape)).collect();
            let [mean, variance] = moments(&values);
            // Beta(a, a) has variance 1 / (4 (2 a + 1)).
            let expected = 0.25 / (2.0 * shape + 1.0);
            assert!((mean - 0.5).abs() < 0.01 && (variance - expected).abs() < 0.005, "{shape}: {mean} {variance}");
        }
        let mut counts = [0; 3];
        (0..3000).for_each(|_| counts[index(rng, 3)] += 1);
        assert!(counts.iter().all(|&n| n > 900), "{counts:?}");
        assert_eq!(index(rng, 0), 0);
    }

    #[test]
    fn generators_differ_by_every_part_and_by_where_it_ends() {
        let first = |parts: &[&[u8]]| generator(parts).next_u64();
        assert_eq!(first(&[b"a", b"b"]), first(&[b"a", b"b"]));
        assert_ne!(first(&[b"a", b"b"]), first(&[b"ab"]));
        assert_ne!(first(&[b"a", b"b"]), first(&[b"b", b"a"]));
    }
}
