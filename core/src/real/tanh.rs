//! `tanh` in `f32` without branches, calls or table look-ups.
//!
//! With `tanh(x / 2) = n / d` the doubling formula gives `tanh(x) = 2 n d / (n^2 + d^2)`. An error of the inner quotient shrinks as it approaches 1, so
//! polynomials of low degree suffice. Written as `w / (w + (d - n)^2)` with `w = 2 n d`, rounding cannot lift the quotient above 1.
//!
//! # Source
//! `tanh(x / 2) = x P(x^2) / Q(x^2)`, P of degree 2, Q of degree 3, fitted on 0..=[`BOUND`] with the smallest maximum relative error of
//! `tanh(x)` (7.3e-9 before rounding) by Lawson's iteration on the linearised problem.

/// From here on the true value rounds to 1.
pub(crate) const BOUND: f32 = 9.02;

/// Coefficients of `2 P`, lowest power first.
pub(crate) const NUMERATOR: [f32; 3] = [1.0, 0.029_766_577, 1.141_059_8e-4];

/// Coefficients of `Q`, lowest power first.
pub(crate) const DENOMINATOR: [f32; 4] = [1.0, 0.113_099_86, 1.205_804_1e-3, 1.226_098_7e-6];

/// `tanh(x)`; NaN for NaN.
#[inline(always)]
pub(crate) fn rational(x: f32) -> f32 {
    let magnitude = x.abs();
    // A comparison instead of `min`: it compiles to one instruction and lets NaN through.
    let a = if magnitude > BOUND { BOUND } else { magnitude };
    let square = a * a;
    let [p0, p1, p2] = NUMERATOR;
    let [q0, q1, q2, q3] = DENOMINATOR;
    let twice_n = a * square * (p2 * square + p1) + a * p0;
    let d = ((q3 * square + q2) * square + q1) * square + q0;
    let w = twice_n * d;
    let difference = d - 0.5 * twice_n;
    (w / (difference * difference + w)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 97th float from 0 to beyond the bound: each power of two is visited 86,000 times.
    fn positive_floats() -> impl Iterator<Item = f32> {
        (0..20.0f32.to_bits()).step_by(97).map(f32::from_bits)
    }

    #[test]
    fn the_error_is_at_most_2e_7_and_small_beside_small_values() {
        let (mut absolute, mut relative) = (0.0f64, 0.0f64);
        for x in positive_floats() {
            let exact = f64::from(x).tanh();
            let error = (f64::from(rational(x)) - exact).abs();
            absolute = absolute.max(error);
            if x >= f32::MIN_POSITIVE {
                relative = relative.max(error / exact);
            }
        }
        println!("largest error of tanh: {absolute:.2e} absolute, {relative:.2e} relative");
        assert!(absolute <= 2e-7, "{absolute:e}");
        assert!(relative <= 4e-7, "{relative:e}");
    }

    #[test]
    fn it_is_odd_bounded_and_saturates_at_one() {
        for x in positive_floats() {
            let y = rational(x);
            assert_eq!(rational(-x).to_bits(), (-y).to_bits(), "odd at {x}");
            assert!((0.0..=1.0).contains(&y), "{y} at {x}");
        }
        for x in [BOUND, 10.0, 1e9, f32::MAX, f32::INFINITY] {
            assert_eq!(rational(x), 1.0, "at {x}");
        }
        assert_eq!(rational(0.0).to_bits(), 0.0f32.to_bits());
        assert_eq!(rational(-0.0).to_bits(), (-0.0f32).to_bits());
        assert!(rational(f32::NAN).is_nan());
    }
}
