//! Downmix from many channels to one.

use super::Source;

/// Writes the part of the channels selected by `source` to `out`, from frame `start` of `channels` on. Every channel has at least `start + out.len()` frames.
///
/// A single channel is analysed as it is, whatever the source: its side signal would be silence, which is never intended.
///
/// # Realtime safety
/// Neither allocates nor waits nor panics; plain loops that the compiler vectorises for the processor's widest vectors.
pub(super) fn reduce(channels: &[&[f32]], source: Source, start: usize, out: &mut [f32]) {
    pulp::Arch::new().dispatch(Reduce { channels, source, start, out });
}

struct Reduce<'a> {
    channels: &'a [&'a [f32]],
    source: Source,
    start: usize,
    out: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Reduce<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        reduce_vectorised(self.channels, self.source, self.start, self.out);
    }
}

#[inline(always)]
fn reduce_vectorised(channels: &[&[f32]], source: Source, start: usize, out: &mut [f32]) {
    match (source, channels) {
        (_, []) => out.fill(0.0),
        (_, [only]) | (Source::Left, [only, ..]) | (Source::Right, [_, only, ..]) => copy(out, from(only, start)),
        (Source::Mid, [left, right, ..]) | (Source::Mix, [left, right]) => {
            combine(out, from(left, start), from(right, start), |left, right| 0.5 * (left + right));
        }
        (Source::Side, [left, right, ..]) => {
            combine(out, from(left, start), from(right, start), |left, right| 0.5 * (left - right));
        }
        (Source::Mix, [first, others @ ..]) => {
            copy(out, from(first, start));
            for channel in others {
                for (sum, sample) in out.iter_mut().zip(from(channel, start)) {
                    *sum += sample;
                }
            }
            let n_channels = channels.len() as f32;
            for sum in out {
                *sum /= n_channels;
            }
        }
    }
}

#[inline(always)]
fn from<'a>(channel: &&'a [f32], start: usize) -> &'a [f32] {
    channel.get(start..).unwrap_or_default()
}

#[inline(always)]
fn copy(out: &mut [f32], channel: &[f32]) {
    for (out, sample) in out.iter_mut().zip(channel) {
        *out = *sample;
    }
}

#[inline(always)]
fn combine(out: &mut [f32], left: &[f32], right: &[f32], of: impl Fn(f32, f32) -> f32) {
    for (out, (left, right)) in out.iter_mut().zip(left.iter().zip(right)) {
        *out = of(*left, *right);
    }
}
