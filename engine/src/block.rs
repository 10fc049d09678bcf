//! Blocks as views of the steps of a stream.
//!
//! In: consecutive steps (feature vectors). Out: for each block of the grid, the steps it spans, contiguous. A step is kept only as
//! long as a block can still need it, so memory depends on the window, never on the stream.

/// Positions of the blocks: block `k` starts nominally at `k * hop` seconds, and at step `round(k * hop / step)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BlockGrid {
    window_seconds: f64,
    hop_seconds: f64,
    step_seconds: f64,
}

impl BlockGrid {
    /// A grid of blocks of `window_seconds` every `hop_seconds`, for steps of `step_seconds`; all positive.
    #[must_use]
    pub(crate) const fn new(window_seconds: f64, hop_seconds: f64, step_seconds: f64) -> Self {
        Self { window_seconds, hop_seconds, step_seconds }
    }

    /// Steps in a full block, at least 1.
    #[must_use]
    pub(crate) fn n_steps(&self) -> usize {
        ((self.window_seconds / self.step_seconds).round() as usize).max(1)
    }

    /// First step of block `index`.
    #[must_use]
    pub(crate) fn first_step(&self, index: u64) -> u64 {
        (self.start_seconds(index) / self.step_seconds).round() as u64
    }

    /// Nominal start of block `index`, seconds.
    #[must_use]
    pub(crate) fn start_seconds(&self, index: u64) -> f64 {
        index as f64 * self.hop_seconds
    }

    /// Nominal end of block `index`, seconds.
    #[must_use]
    pub(crate) fn end_seconds(&self, index: u64) -> f64 {
        self.start_seconds(index) + self.window_seconds
    }
}

/// The most recent values of a stream, addressed by their position in it and always contiguous.
///
/// Has room for twice `capacity` rows: when it is full, the rows still needed move to the front, once every `capacity` rows.
#[derive(Clone, Debug)]
pub(crate) struct Recent<T> {
    row_len: usize,
    capacity: usize,
    rows: Vec<T>,
    first: u64,
}

impl<T: Copy> Recent<T> {
    /// Keeps at most the last `capacity` rows of `row_len` values.
    #[must_use]
    pub(crate) fn new(row_len: usize, capacity: usize) -> Self {
        Self { row_len, capacity, rows: Vec::with_capacity(2 * capacity * row_len), first: 0 }
    }

    /// Appends one row; does not allocate.
    pub(crate) fn push(&mut self, row: &[T]) {
        debug_assert_eq!(row.len(), self.row_len);
        if self.rows.len() == 2 * self.capacity * self.row_len {
            let n_drop = (self.capacity + 1) * self.row_len;
            self.rows.copy_within(n_drop.., 0);
            self.rows.truncate(self.rows.len() - n_drop);
            self.first += self.capacity as u64 + 1;
        }
        self.rows.extend_from_slice(row);
    }

    /// Rows pushed since the start.
    #[must_use]
    pub(crate) fn n_pushed(&self) -> u64 {
        self.first + (self.rows.len() / self.row_len) as u64
    }

    /// The rows from position `first` to `end` (exclusive), as far as they are still stored.
    #[must_use]
    pub(crate) fn view(&self, first: u64, end: u64) -> &[T] {
        let at = |position: u64| (position.clamp(self.first, self.n_pushed()) - self.first) as usize * self.row_len;
        &self.rows[at(first)..at(end.max(first))]
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.first = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockGrid, Recent};

    #[test]
    fn blocks_lie_on_the_nominal_grid_without_drift() {
        let grid = BlockGrid::new(5.0, 0.5, 0.032);
        assert_eq!(grid.n_steps(), 156);
        assert_eq!(grid.first_step(1), 16);
        assert_eq!(grid.first_step(7200), 112_500);
        assert_eq!(grid.end_seconds(2), 6.0);
    }

    #[test]
    fn the_last_rows_can_always_be_seen() {
        let capacity = 5;
        let mut recent = Recent::new(2, capacity);
        for position in 0..100_u64 {
            recent.push(&[position, 10 * position]);
            let first = (position + 1).saturating_sub(capacity as u64);
            let view = recent.view(first, position + 1);
            let expected: Vec<u64> = (first..=position).flat_map(|p| [p, 10 * p]).collect();
            assert_eq!(view, expected);
            assert_eq!(recent.n_pushed(), position + 1);
        }
        assert_eq!(recent.rows.capacity(), 2 * 2 * capacity);
        assert!(recent.view(0, 1).is_empty());
    }
}
