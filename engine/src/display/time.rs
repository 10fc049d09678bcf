//! Formats of times, and the ticks of a time axis: the same in the editor, in pictures, on pages and on the terminal.

/// Steps between labelled ticks that are usual for times, seconds.
const STEPS_S: [f64; 19] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0,
];

/// The distance between labelled ticks, seconds: the smallest usual step that keeps them at least `min_distance` points apart, where a point is
/// `seconds_per_point` long. Beyond the usual steps, a multiple of the longest.
#[must_use]
pub fn tick_step(seconds_per_point: f64, min_distance: f64) -> f64 {
    let wanted = seconds_per_point * min_distance;
    let longest = STEPS_S[STEPS_S.len() - 1];
    STEPS_S.into_iter().find(|step| *step >= wanted).unwrap_or_else(|| (wanted / longest).ceil() * longest)
}

/// The multiples of `step` within `start_s..=end_s`.
pub fn ticks(start_s: f64, end_s: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (start_s / step).ceil() as i64;
    let last = (end_s / step).floor() as i64;
    (first..=last).map(move |index| index as f64 * step)
}

/// A time as on a clock: `m:ss` below an hour, `h:mm:ss` from there on, with `n_decimals` decimals (0 to 3).
#[must_use]
pub fn clock_text(seconds: f64, n_decimals: usize) -> String {
    let units_a_second = [1, 10, 100, 1000][n_decimals.min(3)];
    let total = (seconds.abs() * f64::from(units_a_second)).round() as u64;
    let sign = if seconds < 0.0 && total > 0 { "-" } else { "" };
    let (whole, fraction) = (total / units_a_second as u64, total % units_a_second as u64);
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let clock = if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") };
    if n_decimals == 0 { format!("{sign}{clock}") } else { format!("{sign}{clock}.{fraction:0n_decimals$}") }
}

/// A time range as two clock times, to a tenth of a second: `0:08.2 to 0:13.2`.
#[must_use]
pub fn range_text(start_s: f64, end_s: f64) -> String {
    format!("{} to {}", clock_text(start_s, 1), clock_text(end_s, 1))
}

/// Number of decimals that distinguish ticks `step` seconds apart.
#[must_use]
pub fn decimals_of_step(step: f64) -> usize {
    usize::from(step < 1.0)
}

/// A duration, short enough for a button: `12 s`, `5:03 min`, `1:02:03 h`.
#[must_use]
pub fn duration_text(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.0} s"),
        s if s < 3600.0 => format!("{} min", clock_text(s, 0)),
        s => format!("{} h", clock_text(s, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_clock() {
        let cases = [
            (0.0, 0, "0:00"),
            (59.4, 0, "0:59"),
            (59.6, 0, "1:00"),
            (3599.96, 1, "1:00:00.0"),
            (3600.0, 0, "1:00:00"),
            (14_399.0, 0, "3:59:59"),
            (-2.5, 1, "-0:02.5"),
            (-0.001, 1, "0:00.0"),
            (61.25, 2, "1:01.25"),
            (36_000.0, 0, "10:00:00"),
        ];
        for (seconds, n_decimals, text) in cases {
            assert_eq!(clock_text(seconds, n_decimals), text);
        }
    }

    #[test]
    fn ticks_are_far_enough_apart_and_never_too_far() {
        for exponent in -6..8 {
            for factor in [1.0, 1.7, 3.1, 7.9] {
                let seconds_per_point = factor * 10f64.powi(exponent);
                let step = tick_step(seconds_per_point, 80.0);
                let distance = step / seconds_per_point;
                assert!(distance >= 80.0 * (1.0 - 1e-9), "{seconds_per_point}: {distance}");
                // Neighbouring steps differ by a factor of at most 2.5, so only the finest step may be farther apart than that.
                assert!(distance <= 80.0 * 2.5 + 1e-6 || step <= 0.1, "{seconds_per_point}: {distance}");
            }
        }
    }

    #[test]
    fn ticks_are_every_multiple_inside_and_none_outside() {
        let found: Vec<f64> = ticks(-1.2, 1.0, 0.5).collect();
        assert_eq!(found, [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(ticks(0.1, 0.4, 0.5).count(), 0);
    }

    #[test]
    fn a_stretch_of_time_has_two_ends() {
        assert_eq!(range_text(58.2, 63.25), "0:58.2 to 1:03.3");
    }

    #[test]
    fn durations_name_their_unit() {
        assert_eq!(duration_text(12.2), "12 s");
        assert_eq!(duration_text(303.0), "5:03 min");
        assert_eq!(duration_text(3723.0), "1:02:03 h");
    }
}
