//! Sixteen sequences in parallel, the unit in which the network computes.
//!
//! All arithmetic is element by element on fixed-size arrays, which the compiler turns into vector instructions, and uses fused
//! multiply-add, which is exactly rounded: the result is bit-identical for any vector width of the processor.

use moodline_core::Real;

/// Sequences that are computed together. A constant, so that sums over sequences are grouped the same way on every machine.
pub const LANES: usize = 16;

/// One value for each of [`LANES`] sequences, aligned to a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Lanes<T>(pub(super) [T; LANES]);

impl<T: Real> Lanes<T> {
    #[inline(always)]
    pub(super) fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    pub(super) fn zero() -> Self {
        Self::splat(T::zero())
    }

    /// The values, then zeros.
    #[inline(always)]
    pub(super) fn from_padded(values: impl IntoIterator<Item = T>) -> Self {
        let mut lanes = Self::zero();
        for (lane, value) in lanes.0.iter_mut().zip(values) {
            *lane = value;
        }
        lanes
    }

    #[inline(always)]
    pub(super) fn map(self, f: impl Fn(T) -> T) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = f(self.0[lane]);
        }
        out
    }

    #[inline(always)]
    pub(super) fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = f(self.0[lane], other.0[lane]);
        }
        out
    }

    #[inline(always)]
    pub(super) fn minus(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    pub(super) fn times(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    /// The values where `live` is not 0, otherwise 0, even for NaN.
    #[inline(always)]
    pub(super) fn only(self, live: Self) -> Self {
        self.zip(live, |value, live| if live > T::zero() { value } else { T::zero() })
    }

    /// The values, or 0 where one is so small that its products could be subnormal numbers, with which a processor computes ten times slower.
    #[inline(always)]
    pub(super) fn without_vanished(self) -> Self {
        let least = T::min_positive_value() / T::epsilon();
        self.map(|value| if value.abs() < least { T::zero() } else { value })
    }

    /// `self += a b`
    #[inline(always)]
    pub(super) fn add_product(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] = a.0[lane].mul_add(b.0[lane], self.0[lane]);
        }
    }

    /// `self += a b`
    #[inline(always)]
    pub(super) fn add_scaled(&mut self, a: Self, b: T) {
        for lane in 0..LANES {
            self.0[lane] = a.0[lane].mul_add(b, self.0[lane]);
        }
    }

    /// The pairwise sum over all lanes.
    pub(super) fn sum(self) -> T {
        let mut values = self.0;
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                values[lane] += values[lane + half];
            }
            half /= 2;
        }
        values[0]
    }
}

/// Logistic function, computed from the network's tanh.
#[inline(always)]
pub(super) fn sigmoid<T: Real>(x: T) -> T {
    let half = T::of(0.5);
    half.mul_add((half * x).tanh_of(), half)
}

/// From sequences to lanes, with zeros after the end of each.
///
/// # Shapes
/// `sequences` `[steps, n]` row-major each, the longest first; `out` `[steps][rows]`, `rows` at least `n`
#[inline(always)]
pub(super) fn from_rows<T: Real>(sequences: &[&[T]], n: usize, rows: usize, out: &mut [Lanes<T>]) {
    /// Number of lanes written with one store.
    const TOGETHER: usize = LANES / 2;
    for (step, out) in out.chunks_exact_mut(rows).enumerate() {
        out.fill(Lanes::zero());
        let range = step * n..(step + 1) * n;
        for (sequences, first) in sequences.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
            if let Ok(sequences) = <&[&[T]; TOGETHER]>::try_from(sequences)
                && sequences[TOGETHER - 1].len() >= range.end
            {
                let values = sequences.map(|sequence| &sequence[range.clone()]);
                for (row, out) in out[..n].iter_mut().enumerate() {
                    out.0[first..first + TOGETHER].copy_from_slice(&values.map(|values| values[row]));
                }
                continue;
            }
            for (lane, sequence) in (first..).zip(sequences) {
                for (out, value) in out.iter_mut().zip(sequence.get(range.clone()).unwrap_or_default()) {
                    out.0[lane] = *value;
                }
            }
        }
    }
}

/// `out[lane * stride].0[row] = values[row].0[lane]`
///
/// Not compiled for each vector width, like [`to_rows`]: if gather instructions are available, the compiler uses them, and they are several
/// times slower.
///
/// # Shapes
/// `values` at most `[LANES]`, `out` more than `[(LANES - 1) * stride]`
#[inline(never)]
pub(super) fn transpose<T: Real>(values: &[Lanes<T>], out: &mut [Lanes<T>], stride: usize) {
    for (lane, out) in out.iter_mut().step_by(stride).take(LANES).enumerate() {
        for (out, value) in out.0.iter_mut().zip(values) {
            *out = value.0[lane];
        }
    }
}

/// From lanes to sequences, whatever their lengths.
///
/// # Shapes
/// `lanes` `[steps][rows]`, of which the first `n` rows are used; the last step may end after them; `out` `[LANES][steps, n]`
#[inline(never)]
pub(super) fn to_rows<T: Real>(lanes: &[Lanes<T>], rows: usize, n: usize, out: &mut [T]) {
    let steps = lanes.len().div_ceil(rows);
    for (step, values) in lanes.chunks(rows).enumerate() {
        for (lane, out) in out.chunks_exact_mut(steps * n).enumerate() {
            for (out, value) in out[step * n..(step + 1) * n].iter_mut().zip(values) {
                *out = value.0[lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_takes_every_lane_once() {
        let lanes = Lanes::<f64>::from_padded((0..LANES).map(|lane| f64::from(1 << lane)));
        assert_eq!(lanes.sum(), f64::from((1 << LANES) - 1));
        assert_eq!(Lanes::<f64>::from_padded([1.0, 2.0]).sum(), 3.0);
    }
}
