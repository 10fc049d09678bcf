//! Allowed window sizes.

use crate::editor::MIN_SIZE;

/// Maximum width and height of a window, physical pixels: larger than any screen, below drivers' limits.
const MAX_SIDE: u32 = 8192;
/// Scales that a host may set.
const SCALES: std::ops::RangeInclusive<f64> = 0.25..=8.0;

/// The allowed size closest to `size`, physical pixels, at `scale` physical pixels per logical pixel.
pub(super) fn clamped((width, height): (u32, u32), scale: f64) -> (u32, u32) {
    let smallest = |side: f32| ((f64::from(side) * scale).ceil() as u32).min(MAX_SIDE);
    (width.clamp(smallest(MIN_SIZE.x), MAX_SIDE), height.clamp(smallest(MIN_SIZE.y), MAX_SIDE))
}

/// Whether a window can be drawn at `scale`.
pub(super) fn is_scale(scale: f64) -> bool {
    SCALES.contains(&scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_at_every_scale_becomes_one_that_can_be_drawn() {
        for scale in [0.25, 0.5, 1.0, 1.25, 2.0, 4.0, 8.0] {
            for side in [0, 1, 30, 480, 2000, 8192, u32::MAX] {
                let (width, height) = clamped((side, side), scale);
                assert!(f64::from(width) >= f64::from(MIN_SIZE.x) * scale && width <= MAX_SIDE, "{side} at {scale}: {width}");
                assert!(f64::from(height) >= f64::from(MIN_SIZE.y) * scale && height <= MAX_SIDE, "{side} at {scale}: {height}");
                assert_eq!(clamped((width, height), scale), (width, height));
            }
        }
        assert_eq!(clamped((1000, 700), 2.0), (1000, 700));
    }

    #[test]
    fn a_scale_is_a_sensible_number() {
        assert!([0.5, 1.0, 4.0].into_iter().all(is_scale));
        assert!(![0.0, -1.0, 100.0, f64::NAN, f64::INFINITY].into_iter().any(is_scale));
    }
}
