//! The learning rate over a run. Plain state, serialisable, so that a resumed run continues exactly.

use serde::{Deserialize, Serialize};

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// Constant until the dev loss stops falling, as in the paper.
    Plateau {
        /// Initial value.
        learning_rate: f64,
        /// Factor of each reduction, 0..1; the paper's 0.5.
        #[serde(default = "half")]
        factor: f64,
        /// Epochs without improvement before a reduction; the paper's 2.
        #[serde(default = "two")]
        patience: u32,
        /// Smallest decrease of the loss that counts as an improvement.
        #[serde(default = "ten_thousandth")]
        min_delta: f64,
        /// Lower bound.
        #[serde(default)]
        min_learning_rate: f64,
    },
    /// Up along a cosine during the warm-up, then down along a cosine to almost nothing.
    OneCycle {
        /// The peak, at the end of the warm-up.
        max_learning_rate: f64,
        /// Fraction of all batches used for the warm-up, 0..=1.
        #[serde(default = "three_tenths")]
        warm_up: f64,
        /// The initial rate is the peak divided by this.
        #[serde(default = "twenty_five")]
        initial_divisor: f64,
        /// The final rate is the initial rate divided by this.
        #[serde(default = "ten_thousand")]
        final_divisor: f64,
    },
    /// Up linearly during the warm-up, then down along half a cosine.
    Cosine {
        /// The peak, at the end of the warm-up.
        learning_rate: f64,
        /// Fraction of all batches used for the warm-up, 0..1.
        #[serde(default)]
        warm_up: f64,
        /// The final rate.
        #[serde(default)]
        final_learning_rate: f64,
    },
}

fn half() -> f64 {
    0.5
}

fn two() -> u32 {
    2
}

fn ten_thousandth() -> f64 {
    1e-4
}

fn three_tenths() -> f64 {
    0.3
}

fn twenty_five() -> f64 {
    25.0
}

fn ten_thousand() -> f64 {
    1e4
}

/// A [`ScheduleConfig`] at some point of a run.
///
/// # Source
/// `Plateau`: `keras.callbacks.ReduceLROnPlateau` in mode `min` without cooldown. `OneCycle`: `torch.optim.lr_scheduler.OneCycleLR`
/// with `anneal_strategy="cos"`, two phases and no cycling of momentum (Smith and Topin 2018). `Cosine`: Loshchilov and Hutter 2017, equation 5, without
/// restarts, after a linear warm-up (Goyal et al. 2017, section 2.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    config: ScheduleConfig,
    n_batches: u64,
    learning_rate: f64,
    batch: u64,
    best_loss: Option<f64>,
    waited: u32,
}

/// A schedule's setting out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("schedule: {field} must be {expected}, found {found}")]
pub struct ScheduleError {
    /// Field of [`ScheduleConfig`].
    pub field: &'static str,
    /// What is allowed.
    pub expected: &'static str,
    /// The value found.
    pub found: f64,
}

impl ScheduleConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// The first field out of range, with what was expected and found.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        let check = |ok: bool, field, expected, found| if ok { Ok(()) } else { Err(ScheduleError { field, expected, found }) };
        let rate = |field, value: f64| check(value > 0.0 && value <= 1.0, field, "more than 0 and at most 1", value);
        let divisor = |field, value: f64| check(value.is_finite() && value >= 1.0, field, "at least 1", value);
        match *self {
            Self::Plateau { learning_rate, factor, patience, min_delta, min_learning_rate } => {
                rate("learning_rate", learning_rate)?;
                check(patience >= 1, "patience", "at least 1", f64::from(patience))?;
                check(factor > 0.0 && factor < 1.0, "factor", "between 0 and 1", factor)?;
                check(min_delta.is_finite() && min_delta >= 0.0, "min_delta", "at least 0", min_delta)?;
                check(
                    (0.0..=learning_rate).contains(&min_learning_rate),
                    "min_learning_rate",
                    "0..=learning_rate",
                    min_learning_rate,
                )
            }
            Self::OneCycle { max_learning_rate, warm_up, initial_divisor, final_divisor } => {
                rate("max_learning_rate", max_learning_rate)?;
                check((0.0..1.0).contains(&warm_up), "warm_up", "at least 0 and below 1", warm_up)?;
                divisor("initial_divisor", initial_divisor)?;
                divisor("final_divisor", final_divisor)
            }
            Self::Cosine { learning_rate, warm_up, final_learning_rate } => {
                rate("learning_rate", learning_rate)?;
                check((0.0..1.0).contains(&warm_up), "warm_up", "at least 0 and below 1", warm_up)?;
                check(
                    (0.0..=learning_rate).contains(&final_learning_rate),
                    "final_learning_rate",
                    "0..=learning_rate",
                    final_learning_rate,
                )
            }
        }
    }
}

impl Schedule {
    /// Creates the schedule of a run with `n_batches` over all its epochs.
    #[must_use]
    pub fn new(config: ScheduleConfig, n_batches: u64) -> Self {
        let mut schedule = Self { config, n_batches, learning_rate: 0.0, batch: 0, best_loss: None, waited: 0 };
        schedule.learning_rate = match config {
            ScheduleConfig::Plateau { learning_rate, .. } => learning_rate,
            ScheduleConfig::OneCycle { .. } | ScheduleConfig::Cosine { .. } => schedule.of_batch(),
        };
        schedule
    }

    /// The learning rate of the next batch.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// To be called after each batch.
    pub fn end_of_batch(&mut self) {
        self.batch += 1;
        self.learning_rate = self.of_batch();
    }

    /// To be called after each epoch. A NaN loss is not an improvement.
    pub fn end_of_epoch(&mut self, dev_loss: f64) {
        let ScheduleConfig::Plateau { factor, patience, min_delta, min_learning_rate, .. } = self.config else {
            return;
        };
        if self.best_loss.is_none_or(|best| dev_loss < best - min_delta) {
            self.best_loss = Some(dev_loss);
            self.waited = 0;
            return;
        }
        self.waited += 1;
        if self.waited >= patience {
            self.learning_rate = (self.learning_rate * factor).max(min_learning_rate);
            self.waited = 0;
        }
    }

    /// The learning rate of the current batch.
    fn of_batch(&self) -> f64 {
        let (batch, end) = (self.batch as f64, self.n_batches as f64 - 1.0);
        match self.config {
            ScheduleConfig::Plateau { .. } => self.learning_rate,
            ScheduleConfig::OneCycle { max_learning_rate, warm_up, initial_divisor, final_divisor } => {
                let first = max_learning_rate / initial_divisor;
                let last = first / final_divisor;
                let top = warm_up * self.n_batches as f64 - 1.0;
                if batch < top {
                    cosine(first, max_learning_rate, batch / top)
                } else {
                    cosine(max_learning_rate, last, ((batch - top) / (end - top)).min(1.0))
                }
            }
            ScheduleConfig::Cosine { learning_rate, warm_up, final_learning_rate } => {
                let top = (warm_up * self.n_batches as f64).floor();
                if batch < top {
                    learning_rate * (batch + 1.0) / (top + 1.0)
                } else {
                    cosine(learning_rate, final_learning_rate, ((batch - top) / (end - top).max(1.0)).min(1.0))
                }
            }
        }
    }
}

/// Interpolates from `start` at 0 to `end` at 1 along half a cosine.
fn cosine(start: f64, end: f64, position: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (std::f64::consts::PI * position).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_CYCLE: ScheduleConfig =
        ScheduleConfig::OneCycle { max_learning_rate: 3e-3, warm_up: 0.3, initial_divisor: 25.0, final_divisor: 1e4 };
    const PAPER: ScheduleConfig =
        ScheduleConfig::Plateau { learning_rate: 5e-4, factor: 0.5, patience: 2, min_delta: 1e-4, min_learning_rate: 0.0 };

    fn rates(schedule: &mut Schedule, n: usize) -> Vec<f64> {
        std::iter::repeat_with(|| {
            let rate = schedule.learning_rate();
            schedule.end_of_batch();
            rate
        })
        .take(n)
        .collect()
    }

    #[test]
    fn one_cycle_passes_through_its_three_corners_and_halfway_points() {
        let rates = rates(&mut Schedule::new(ONE_CYCLE, 110), 110);
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        close(rates[0], 1.2e-4);
        close(rates[16], (1.2e-4 + 3e-3) / 2.0);
        close(rates[32], 3e-3);
        // The descent ends at batch 109; its middle is between two batches, which are symmetric about it.
        close((rates[70] + rates[71]) / 2.0, (3e-3 + 1.2e-8) / 2.0);
        close(rates[109], 1.2e-8);
        assert!(rates[..33].is_sorted() && rates[32..].iter().rev().is_sorted());
    }

    #[test]
    fn one_cycle_stays_finite_for_short_runs_and_beyond_its_end() {
        for n_batches in 1..12 {
            let config =
                ScheduleConfig::OneCycle { max_learning_rate: 1.0, warm_up: 0.25, initial_divisor: 25.0, final_divisor: 1e4 };
            let rates = rates(&mut Schedule::new(config, n_batches), 15);
            assert!(rates.iter().all(|rate| (0.0..=1.0).contains(rate)), "{n_batches}: {rates:?}");
        }
    }

    #[test]
    fn cosine_climbs_a_line_and_comes_down_half_a_wave() {
        let config = ScheduleConfig::Cosine { learning_rate: 1.0, warm_up: 0.1, final_learning_rate: 0.2 };
        let rates = rates(&mut Schedule::new(config, 101), 120);
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        for (batch, rate) in rates[..=10].iter().enumerate() {
            close(*rate, (batch as f64 + 1.0) / 11.0);
        }
        close(rates[55], 0.6);
        rates[100..].iter().for_each(|rate| close(*rate, 0.2));
        assert!(rates[10..].iter().rev().is_sorted());
        for n_batches in 1..6 {
            let rates = self::rates(&mut Schedule::new(config, n_batches), 8);
            assert!(rates.iter().all(|rate| (0.0..=1.0).contains(rate)), "{n_batches}: {rates:?}");
        }
    }

    #[test]
    fn the_rate_halves_after_two_epochs_without_a_lower_loss() {
        let mut schedule = Schedule::new(PAPER, 10);
        let after = |schedule: &mut Schedule, loss| {
            schedule.end_of_epoch(loss);
            schedule.learning_rate()
        };
        // 0.99995 is lower than 1.0 by less than min_delta; NaN is not an improvement.
        let losses = [1.0, 0.99995, 1.1, 0.9, 0.95, f64::NAN, 0.9, 0.8];
        let expected = [5e-4, 5e-4, 2.5e-4, 2.5e-4, 2.5e-4, 1.25e-4, 1.25e-4, 1.25e-4];
        assert_eq!(losses.map(|loss| after(&mut schedule, loss)), expected);
    }

    #[test]
    fn a_schedule_continues_exactly_from_its_json() {
        for config in [ONE_CYCLE, PAPER, ScheduleConfig::Cosine { learning_rate: 0.1, warm_up: 0.5, final_learning_rate: 0.0 }] {
            let mut schedule = Schedule::new(config, 50);
            rates(&mut schedule, 17);
            schedule.end_of_epoch(1.0);
            schedule.end_of_epoch(1.1);
            let mut resumed: Schedule = serde_json::from_str(&serde_json::to_string(&schedule).unwrap()).unwrap();
            assert_eq!(rates(&mut schedule, 20), rates(&mut resumed, 20));
            schedule.end_of_epoch(1.2);
            resumed.end_of_epoch(1.2);
            assert_eq!(schedule, resumed);
        }
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        assert_eq!(ONE_CYCLE.validate(), Ok(()));
        assert_eq!(PAPER.validate(), Ok(()));
        let bad = ScheduleConfig::OneCycle { max_learning_rate: 3e-3, warm_up: 1.0, initial_divisor: 25.0, final_divisor: 1e4 };
        assert_eq!(bad.validate().unwrap_err().to_string(), "schedule: warm_up must be at least 0 and below 1, found 1");
    }
}
