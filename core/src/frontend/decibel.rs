//! From power to decibels.

use std::f64::consts::{FRAC_1_SQRT_2, LN_10, LOG10_2};

/// Lower energies are clipped to this value: -100 dB.
///
/// # Source
/// librosa 0.11 `librosa.power_to_db(amin=1e-10)`.
pub(super) const MIN_POWER: f64 = 1e-10;

const MANTISSA_BITS: u32 = 52;
const MANTISSA_MASK: u64 = (1 << MANTISSA_BITS) - 1;
/// Added to the bits of a number, this carries into the exponent exactly when the mantissa is above the square root of 2.
const TO_SQRT: u64 = 1.0_f64.to_bits() - FRAC_1_SQRT_2.to_bits();
/// Bits of 2^52: or-ed with an integer below 2^52 they are 2^52 plus that integer.
const TWO_TO_52: u64 = 4_503_599_627_370_496.0_f64.to_bits();
/// 2^52 plus the bias of the exponent.
const BIAS: f64 = 4_503_599_627_370_496.0 + 1023.0;

/// `10 log10(max(MIN_POWER, power))` of a finite, non-negative power, to 4e-14 dB + 3e-16 of the value.
///
/// Straight-line code without tables or branches, so that a loop over it is vectorised; libm's logarithm would take as long as the FFT.
///
/// # Source
/// The reduction to `2^k m`, `m` within `sqrt(1/2)..sqrt(2)`, and the polynomial in `((m - 1) / (m + 1))^2` are those of FreeBSD's
/// `e_log.c` (fdlibm 5.3).
#[inline(always)]
#[must_use]
pub(super) fn of_power(power: f64) -> f64 {
    let power = if power > MIN_POWER { power } else { MIN_POWER };
    let shifted = power.to_bits() + TO_SQRT;
    let exponent = f64::from_bits((shifted >> MANTISSA_BITS) | TWO_TO_52) - BIAS;
    let mantissa = f64::from_bits((shifted & MANTISSA_MASK) + FRAC_1_SQRT_2.to_bits());
    10.0 * LOG10_2 * exponent + 10.0 / LN_10 * ln_near_one(mantissa)
}

/// Natural logarithm within `sqrt(1/2)..sqrt(2)`.
#[inline(always)]
fn ln_near_one(x: f64) -> f64 {
    let f = x - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = w * (0.399_999_999_994_094_2 + w * (0.222_221_984_321_497_84 + w * 0.153_138_376_992_093_73));
    let even = z
        * (0.666_666_666_666_673_5
            + w * (0.285_714_287_436_623_9 + w * (0.181_835_721_616_180_5 + w * 0.147_981_986_051_165_86)));
    let half_square = 0.5 * f * f;
    f - (half_square - s * (half_square + (odd + even)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm_everywhere() {
        let mut largest: f64 = 0.0;
        let mut power = MIN_POWER;
        while power < 1e40 {
            let expected = 10.0 * power.log10();
            let error = (of_power(power) - expected).abs();
            assert!(error <= 4e-14 + 3e-16 * expected.abs(), "{power:e}: {} {expected}", of_power(power));
            largest = largest.max(error);
            power *= 1.000_037;
        }
        println!("largest error: {largest:.1e} dB");
    }

    #[test]
    fn it_is_exact_to_rounding_around_one_and_at_the_edges_of_the_reduction() {
        for centre in [1.0, FRAC_1_SQRT_2, std::f64::consts::SQRT_2, 2.0, 0.5] {
            for i in -2000..2000 {
                let power = centre * (1.0 + f64::from(i) * 1e-9);
                assert!((of_power(power) - 10.0 * power.log10()).abs() <= 1e-14, "{power}");
            }
        }
        assert_eq!(of_power(1.0), 0.0);
    }

    #[test]
    fn little_power_is_minus_100_db() {
        for power in [0.0, 1e-300, 5e-324, 9.9e-11, MIN_POWER] {
            assert!((of_power(power) + 100.0).abs() < 1e-13);
        }
    }
}
