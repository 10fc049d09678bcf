//! Savitzky-Golay differentiation filter.

/// Weights of the Savitzky-Golay filter for the `order`th derivative (1 or 2, with the frame as unit of time) of the polynomial of degree `order` fitted
/// to `width` (odd) frames; to be multiplied with the frames in their order.
#[must_use]
pub(super) fn savitzky_golay(width: usize, order: usize) -> Vec<f64> {
    let half = (width / 2) as i64;
    let moment = |power: u32| (-half..=half).map(|k| k.pow(power) as f64).sum::<f64>();
    let (s0, s2, s4) = (moment(0), moment(2), moment(4));
    (-half..=half)
        .map(|k| {
            let k = k as f64;
            match order {
                1 => k / s2,
                _ => 2.0 * (s0 * k * k - s2) / (s0 * s4 - s2 * s2),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Derivative of a least-squares polynomial, from the normal equations of the monomials.
    fn fitted_derivative(values: &[f64], order: usize) -> f64 {
        let half = (values.len() / 2) as f64;
        let n = order + 1;
        let mut system = vec![vec![0.0; n + 1]; n];
        for (i, value) in values.iter().enumerate() {
            let x = i as f64 - half;
            for (row, equation) in system.iter_mut().enumerate() {
                for (column, cell) in equation.iter_mut().enumerate() {
                    *cell += x.powi(row as i32) * if column == n { *value } else { x.powi(column as i32) };
                }
            }
        }
        for pivot in 0..n {
            let pivot_row = system[pivot].clone();
            for (_, equation) in system.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
                let factor = equation[pivot] / pivot_row[pivot];
                for (cell, pivot_cell) in equation.iter_mut().zip(&pivot_row) {
                    *cell -= factor * pivot_cell;
                }
            }
        }
        let leading = system[order][n] / system[order][order];
        leading * (1..=order).product::<usize>() as f64
    }

    #[test]
    fn the_weights_differentiate_the_fitted_polynomial_for_any_width() {
        for width in [3, 5, 9, 21, 101] {
            let values: Vec<f64> = (0..width).map(|i| (i as f64 * 0.8).sin() + 0.1 * i as f64).collect();
            for order in [1, 2] {
                let actual: f64 = savitzky_golay(width, order).iter().zip(&values).map(|(w, v)| w * v).sum();
                let expected = fitted_derivative(&values, order);
                assert!((actual - expected).abs() < 1e-9, "{width} {order}: {actual} {expected}");
            }
        }
    }

    #[test]
    fn width_nine_has_the_known_weights() {
        for (k, weight) in (-4..=4).zip(savitzky_golay(9, 1)) {
            assert!((weight - f64::from(k) / 60.0).abs() < 1e-15);
        }
        for (known, weight) in [28.0, 7.0, -8.0, -17.0, -20.0, -17.0, -8.0, 7.0, 28.0].into_iter().zip(savitzky_golay(9, 2)) {
            assert!((weight - known / 462.0).abs() < 1e-15);
        }
    }
}
