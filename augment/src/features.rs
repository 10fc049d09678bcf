//! Features of a clip changed by those of another: mixed, or moved towards its mean and width.
//!
//! Shapes: row-major, `[steps, n_features]`.

/// Standard deviation of a standardised feature up to which it counts as constant, so that it is not stretched.
const CONSTANT: f64 = 1e-2;

/// Weighs `own` by `1 - part` and adds `other` weighted by `part`; `other` is repeated if it is shorter.
pub fn mix(own: &mut [f32], other: &[f32], part: f32) {
    own.iter_mut().zip(other.iter().cycle()).for_each(|(own, other)| *own += part * (other - *own));
}

/// Moves mean and standard deviation of every feature by `part` of the way to those of `other`.
pub fn restyle(own: &mut [f32], other: &[f32], n_features: usize, part: f32) {
    let part = f64::from(part);
    let (from, to) = (statistics(own, n_features), statistics(other, n_features));
    let moves: Vec<(f32, f32)> = from
        .into_iter()
        .zip(to)
        .map(|((mean, deviation), (towards, wider))| {
            let scale = if deviation > CONSTANT { 1.0 + part * (wider / deviation - 1.0) } else { 1.0 };
            (scale as f32, (mean + part * (towards - mean) - scale * mean) as f32)
        })
        .collect();
    for step in own.chunks_exact_mut(n_features) {
        step.iter_mut().zip(&moves).for_each(|(value, (scale, offset))| *value = scale * *value + offset);
    }
}

/// Mean and standard deviation of every feature.
fn statistics(values: &[f32], n_features: usize) -> Vec<(f64, f64)> {
    let n = (values.len() / n_features) as f64;
    let mut sums = vec![(0.0, 0.0); n_features];
    for step in values.chunks_exact(n_features) {
        for ((sum, squares), value) in sums.iter_mut().zip(step) {
            *sum += f64::from(*value);
            *squares += f64::from(*value).powi(2);
        }
    }
    let of_feature = |(sum, squares): (f64, f64)| {
        let mean = sum / n.max(1.0);
        (mean, (squares / n.max(1.0) - mean * mean).max(0.0).sqrt())
    };
    sums.into_iter().map(of_feature).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_clip_is_repeated_and_the_first_keeps_its_length() {
        let mut own = vec![0.0; 10];
        mix(&mut own, &[1.0, 2.0, 3.0, 4.0], 0.5);
        assert_eq!(own, [0.5, 1.0, 1.5, 2.0, 0.5, 1.0, 1.5, 2.0, 0.5, 1.0]);
    }

    #[test]
    fn mean_and_width_move_by_the_part_and_constants_keep_their_width() {
        let own = [1.0, 5.0, 3.0, 5.0, 5.0, 5.0];
        let other = [10.0, 1.0, 14.0, 3.0];
        let mut moved = own;
        restyle(&mut moved, &other, 2, 0.5);
        let (before, after, towards) = (statistics(&own, 2), statistics(&moved, 2), statistics(&other, 2));
        for feature in 0..2 {
            assert!((after[feature].0 - f64::midpoint(before[feature].0, towards[feature].0)).abs() < 1e-6);
        }
        assert!((after[0].1 - f64::midpoint(before[0].1, towards[0].1)).abs() < 1e-6);
        assert_eq!(after[1].1, 0.0);
        let mut same = own;
        restyle(&mut same, &other, 2, 0.0);
        assert_eq!(same, own);
    }
}
