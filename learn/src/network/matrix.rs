//! The three small matrix products of the network, in the layouts in which they are needed.
//!
//! Each keeps a tile of sums in registers and traverses its inputs once per tile. Two tiles are processed at a time where possible: that many sums let the
//! processor start an addition in every cycle although each one takes several. The pairs are written out, because an array of tiles would not stay in
//! registers.

use moodline_core::Real;
use ndarray::{ArrayView2, Axis};

use super::lanes::Lanes;

/// Number of sums in a tile, which have adjacent factors; the number of units is padded to a multiple of it.
///
/// With four the compiler vectorises across the lanes. With eight it prefers the adjacent factors, which is ten times slower.
pub(super) const TILE: usize = 4;

/// A matrix in the order in which [`Mixer::add`] reads it.
#[derive(Clone, Debug)]
pub(super) struct Mixer<T> {
    /// `[column / TILE][row][column % TILE]`
    tiles: Vec<[T; TILE]>,
    rows: usize,
}

impl<T: Real> Mixer<T> {
    /// For a matrix whose number of columns is a multiple of [`TILE`].
    pub(super) fn new(matrix: ArrayView2<'_, T>) -> Self {
        let mut tiles = Vec::with_capacity(matrix.len() / TILE);
        for tile in matrix.axis_chunks_iter(Axis(1), TILE) {
            tiles.extend(tile.rows().into_iter().map(|row| std::array::from_fn(|k| row[k])));
        }
        Self { tiles, rows: matrix.nrows() }
    }

    /// `out[column] += Σ_row input[row] matrix[row, column]`
    ///
    /// # Shapes
    /// `input` at least `[rows]`, `out` `[columns]`
    #[inline(always)]
    pub(super) fn add(&self, input: &[Lanes<T>], out: &mut [Lanes<T>]) {
        let mut pairs = out.chunks_exact_mut(2 * TILE);
        let mut weights = self.tiles.chunks_exact(2 * self.rows);
        for (out, weights) in pairs.by_ref().zip(weights.by_ref()) {
            let (weights, other_weights) = weights.split_at(self.rows);
            let (out, other_out) = out.split_at_mut(TILE);
            let (mut sums, mut other_sums) = ([Lanes::zero(); TILE], [Lanes::zero(); TILE]);
            sums.copy_from_slice(out);
            other_sums.copy_from_slice(other_out);
            for ((value, weights), other_weights) in input.iter().zip(weights).zip(other_weights) {
                add_tile(&mut sums, *value, weights);
                add_tile(&mut other_sums, *value, other_weights);
            }
            out.copy_from_slice(&sums);
            other_out.copy_from_slice(&other_sums);
        }
        for (out, weights) in pairs.into_remainder().chunks_exact_mut(TILE).zip(weights.remainder().chunks_exact(self.rows)) {
            let mut sums = [Lanes::zero(); TILE];
            sums.copy_from_slice(out);
            for (value, weights) in input.iter().zip(weights) {
                add_tile(&mut sums, *value, weights);
            }
            out.copy_from_slice(&sums);
        }
    }
}

#[inline(always)]
fn add_tile<T: Real>(sums: &mut [Lanes<T>; TILE], value: Lanes<T>, weights: &[T; TILE]) {
    for k in 0..TILE {
        sums[k].add_scaled(value, weights[k]);
    }
}

/// `out[feature] += Σ_step sequence[step, feature] gradient[step]`: sixteen units in the lanes.
///
/// # Shapes
/// `sequence` `[steps, n_features]` row-major, `gradient` `[steps]`, `out` `[n_features]`
#[inline(always)]
pub(super) fn add_gradient<T: Real>(sequence: &[T], gradient: &[Lanes<T>], out: &mut [Lanes<T>]) {
    let n_features = out.len();
    let mut first = 0;
    while first + 2 * TILE <= n_features {
        let (tile, other_tile) = out[first..first + 2 * TILE].split_at_mut(TILE);
        add_gradient_tiles(sequence, n_features, first, gradient, tile, other_tile);
        first += 2 * TILE;
    }
    while first + TILE <= n_features {
        add_gradient_tile::<T, TILE>(sequence, n_features, first, gradient, &mut out[first..first + TILE]);
        first += TILE;
    }
    for feature in first..n_features {
        add_gradient_tile::<T, 1>(sequence, n_features, feature, gradient, &mut out[feature..=feature]);
    }
}

#[inline(always)]
fn add_gradient_tiles<T: Real>(
    sequence: &[T],
    n_features: usize,
    first: usize,
    gradient: &[Lanes<T>],
    out: &mut [Lanes<T>],
    other_out: &mut [Lanes<T>],
) {
    let (mut sums, mut other_sums) = ([Lanes::zero(); TILE], [Lanes::zero(); TILE]);
    sums.copy_from_slice(out);
    other_sums.copy_from_slice(other_out);
    for (step, gradient) in sequence.chunks_exact(n_features).zip(gradient) {
        let features = &step[first..first + 2 * TILE];
        for k in 0..TILE {
            sums[k].add_scaled(*gradient, features[k]);
        }
        for k in 0..TILE {
            other_sums[k].add_scaled(*gradient, features[TILE + k]);
        }
    }
    out.copy_from_slice(&sums);
    other_out.copy_from_slice(&other_sums);
}

#[inline(always)]
fn add_gradient_tile<T: Real, const N: usize>(
    sequence: &[T],
    n_features: usize,
    first: usize,
    gradient: &[Lanes<T>],
    out: &mut [Lanes<T>],
) {
    let mut sums = [Lanes::zero(); N];
    sums.copy_from_slice(out);
    for (step, gradient) in sequence.chunks_exact(n_features).zip(gradient) {
        let features = &step[first..first + N];
        for k in 0..N {
            sums[k].add_scaled(*gradient, features[k]);
        }
    }
    out.copy_from_slice(&sums);
}

/// Sum of outer products `Σ left[row] right[column]`, for each lane separately.
///
/// Pairs are collected and multiplied several at a time, so that each sum is loaded and stored once for many products.
#[derive(Clone, Debug)]
pub(super) struct OuterProducts<T> {
    rows: usize,
    capacity: usize,
    filled: usize,
    left: Vec<Lanes<T>>,
    right: Vec<Lanes<T>>,
    /// `[row][column]`
    sums: Vec<Lanes<T>>,
}

impl<T: Real> OuterProducts<T> {
    /// Smallest number of pairs that are multiplied together.
    const BLOCK: usize = 16;

    /// For vectors of `rows`, a multiple of [`TILE`]; pairs arrive `at_once` at a time.
    pub(super) fn new(rows: usize, at_once: usize) -> Self {
        let capacity = Self::BLOCK.next_multiple_of(at_once);
        let pairs = vec![Lanes::zero(); capacity * rows];
        Self { rows, capacity, filled: 0, left: pairs.clone(), right: pairs, sums: vec![Lanes::zero(); rows * rows] }
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
        self.sums.fill(Lanes::zero());
    }

    /// Space for the next `n` pairs, to be written by the caller: left and right, `[n, rows]` each.
    #[inline(always)]
    pub(super) fn next(&mut self, n: usize) -> (&mut [Lanes<T>], &mut [Lanes<T>]) {
        if self.filled + n > self.capacity {
            self.flush();
        }
        let range = self.filled * self.rows..(self.filled + n) * self.rows;
        self.filled += n;
        (&mut self.left[range.clone()], &mut self.right[range])
    }

    /// Multiplies the pending pairs.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        const COLUMNS: usize = 2;
        let rows = self.rows;
        let (left, right) = (&self.left[..self.filled * rows], &self.right[..self.filled * rows]);
        for row in (0..rows).step_by(TILE) {
            for column in (0..rows).step_by(COLUMNS) {
                let mut sums = [[Lanes::zero(); COLUMNS]; TILE];
                for (left, right) in left.chunks_exact(rows).zip(right.chunks_exact(rows)) {
                    let (left, right) = (&left[row..row + TILE], &right[column..column + COLUMNS]);
                    for i in 0..TILE {
                        for k in 0..COLUMNS {
                            sums[i][k].add_product(left[i], right[k]);
                        }
                    }
                }
                for (i, sums) in sums.iter().enumerate() {
                    let first = (row + i) * rows + column;
                    for (total, sum) in self.sums[first..first + COLUMNS].iter_mut().zip(sums) {
                        *total = total.plus(*sum);
                    }
                }
            }
        }
        self.filled = 0;
    }

    /// The sum of all pairs that were flushed, `[rows * rows]` row-major.
    pub(super) fn sums(&self) -> &[Lanes<T>] {
        &self.sums
    }
}
