//! Less detail when the memory limit is reached.

use super::Timeline;
use crate::segment::Segment;

/// One pass thins 1 / `SHARE` of the entries, those written longest ago.
const SHARE: usize = 4;

impl Timeline {
    /// Leaves at most `capacity` entries: every second of the entries written longest ago is removed, as often as needed. The rest covers the same
    /// time, so an old recording remains complete and becomes coarser.
    pub(super) fn thin_to(&mut self, capacity: usize) {
        while self.entries.len() > capacity {
            let n_before = self.entries.len();
            self.thin_oldest(n_before / SHARE);
            if self.entries.len() == n_before {
                self.drop_oldest(n_before - capacity + capacity / SHARE);
            }
        }
    }

    /// Removes every second consecutive segment among the `n` entries written longest ago.
    fn thin_oldest(&mut self, n: usize) {
        let limit = self.ordinal_of_oldest(n);
        let mut kept: Vec<Segment> = Vec::with_capacity(self.entries.len());
        let mut kept_ordinals = Vec::with_capacity(self.entries.len());
        let mut may_absorb = false;
        for (index, (&entry, &ordinal)) in self.entries.iter().zip(&self.ordinals).enumerate() {
            let old_segment = ordinal <= limit && !entry.is_gap();
            match kept.last_mut() {
                Some(last) if may_absorb && old_segment && entry.start_s <= last.end_s => {
                    let next_start_s = self.entries.get(index + 1).map_or(f64::INFINITY, |next| next.start_s);
                    last.end_s = last.end_s.max(entry.end_s.min(next_start_s));
                    may_absorb = false;
                }
                _ => {
                    kept.push(entry);
                    kept_ordinals.push(ordinal);
                    may_absorb = old_segment;
                }
            }
        }
        let longest = kept.iter().filter(|entry| !entry.is_gap()).map(|entry| entry.end_s - entry.start_s);
        self.longest_segment_s = longest.fold(0.0, f64::max);
        (self.entries, self.ordinals) = (kept, kept_ordinals);
    }

    /// Removes the `n` entries written longest ago: the last resort for a timeline that cannot be thinned, such as one that consists only of gaps.
    fn drop_oldest(&mut self, n: usize) {
        let limit = self.ordinal_of_oldest(n);
        let mut index = 0;
        let keep = self.ordinals.iter().map(|&ordinal| ordinal > limit).collect::<Vec<_>>();
        self.entries.retain(|_| {
            index += 1;
            keep[index - 1]
        });
        self.ordinals.retain(|&ordinal| ordinal > limit);
    }

    /// The largest ordinal among the `n` smallest, `n` at least 1 and at most the number of entries.
    fn ordinal_of_oldest(&self, n: usize) -> u64 {
        let mut ordinals = self.ordinals.clone();
        *ordinals.select_nth_unstable(n.max(1) - 1).1
    }
}
