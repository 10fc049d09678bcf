//! Measures computing time.

use std::time::Instant;

/// Median time of `n_runs` (odd, at least 1) calls of `work`, ms, after `n_warm_up` calls that are not timed.
///
/// # Errors
/// The first error of `work`.
pub(crate) fn median_ms<R, E>(n_runs: usize, n_warm_up: usize, mut work: impl FnMut() -> Result<R, E>) -> Result<f64, E> {
    let mut times = Vec::with_capacity(n_runs);
    for run in 0..n_warm_up + n_runs {
        let start = Instant::now();
        std::hint::black_box(work()?);
        if run >= n_warm_up {
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[n_runs / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_to_warm_up_do_not_count_and_an_error_ends_it() {
        let mut calls = 0;
        let mut work = |last: usize| {
            calls += 1;
            if calls == last { Err(calls) } else { Ok(()) }
        };
        assert!(median_ms(3, 2, || work(100)).unwrap() >= 0.0);
        assert_eq!(median_ms(3, 2, || work(7)), Err(7));
    }
}
