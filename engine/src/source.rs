//! The part of the channels that is analysed.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// The part of the channels that is analysed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// The mean of all channels.
    #[default]
    Mix,
    /// The first channel.
    Left,
    /// The second channel.
    Right,
    /// (left + right) / 2.
    Mid,
    /// (left - right) / 2.
    Side,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 5] = [Self::Mix, Self::Left, Self::Right, Self::Mid, Self::Side];

    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Left => "left",
            Self::Right => "right",
            Self::Mid => "mid",
            Self::Side => "side",
        }
    }
}

/// The part of the channels of a recording that is analysed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileSource {
    /// One of the sources of a live stream. A recording with a single channel is analysed as it is.
    Of(Source),
    /// The channel with this number, counted from 1.
    Channel(NonZeroUsize),
    /// Every channel, as a separate voice.
    Each,
}

/// The name of [`FileSource::Each`].
const EACH: &str = "each";

impl Default for FileSource {
    fn default() -> Self {
        Self::Of(Source::Mix)
    }
}

impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(source) => f.pad(source.name()),
            Self::Channel(number) => number.fmt(f),
            Self::Each => f.pad(EACH),
        }
    }
}

/// A word that is not the name of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected mix, left, right, mid, side, each or the number of a channel from 1 on, found '{found}'")]
pub struct UnknownSource {
    /// The word that was found.
    pub found: String,
}

impl FromStr for FileSource {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let each = (text == EACH).then_some(Self::Each);
        let named = Source::ALL.into_iter().find(|source| source.name() == text).map(Self::Of);
        let numbered = || text.parse().ok().map(Self::Channel);
        each.or(named).or_else(numbered).ok_or_else(|| UnknownSource { found: text.to_owned() })
    }
}

impl FileSource {
    /// The highest channel number that is needed, if it is more than a recording with one channel has.
    #[must_use]
    pub const fn channel(self) -> Option<NonZeroUsize> {
        match self {
            Self::Of(_) | Self::Each => None,
            Self::Channel(number) => Some(number),
        }
    }

    /// One source for each voice of a stream of `n_channels`.
    pub(crate) fn voices(self, n_channels: usize) -> Vec<Self> {
        match self {
            Self::Each => (1..=n_channels).filter_map(NonZeroUsize::new).map(Self::Channel).collect(),
            one => vec![one],
        }
    }

    /// The number of the selected channel in a stream of `n_channels`, counted from 1; none for a mix, or if there is only one channel.
    #[must_use]
    pub(crate) const fn number(self, n_channels: usize) -> Option<NonZeroUsize> {
        match self {
            Self::Of(Source::Left) if n_channels > 1 => NonZeroUsize::new(1),
            Self::Of(Source::Right) if n_channels > 1 => NonZeroUsize::new(2),
            Self::Of(_) | Self::Each => None,
            Self::Channel(number) => Some(number),
        }
    }

    /// Replaces `own` by the selected signal, `[n]`, of interleaved samples (`[n * n_channels]`). The selected channel is one of `n_channels`;
    /// for all channels, use each of [`FileSource::voices`].
    pub(crate) fn extract(self, samples: &[f32], n_channels: usize, own: &mut Vec<f32>) {
        own.clear();
        match (self, n_channels) {
            (Self::Each, _) | (_, 1) => own.extend_from_slice(samples),
            // The usual case, whose loop is vectorised because the number of channels is known.
            (Self::Of(Source::Mix), 2) => own.extend(samples.as_chunks().0.iter().map(|[left, right]| 0.5 * (left + right))),
            (Self::Of(Source::Mix), _) => extend(own, samples, n_channels, |frame| frame.iter().sum::<f32>() / n_channels as f32),
            (Self::Of(Source::Left), _) => extend(own, samples, n_channels, |frame| frame[0]),
            (Self::Of(Source::Right), _) => extend(own, samples, n_channels, |frame| frame[1]),
            (Self::Of(Source::Mid), _) => extend(own, samples, n_channels, |frame| 0.5 * (frame[0] + frame[1])),
            (Self::Of(Source::Side), _) => extend(own, samples, n_channels, |frame| 0.5 * (frame[0] - frame[1])),
            (Self::Channel(number), _) => extend(own, samples, n_channels, |frame| frame[number.get() - 1]),
        }
    }
}

fn extend(own: &mut Vec<f32>, samples: &[f32], n_channels: usize, of: impl Fn(&[f32]) -> f32) {
    own.extend(samples.chunks_exact(n_channels).map(of));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(source: &str, samples: &[f32], n_channels: usize) -> Vec<f32> {
        let mut own = vec![7.0];
        source.parse::<FileSource>().unwrap().extract(samples, n_channels, &mut own);
        own
    }

    #[test]
    fn every_source_is_what_it_says() {
        let stereo = [1.0, 3.0, -1.0, 1.0];
        for (source, expected) in [
            ("mix", [2.0, 0.0]),
            ("left", [1.0, -1.0]),
            ("right", [3.0, 1.0]),
            ("mid", [2.0, 0.0]),
            ("side", [-1.0, -1.0]),
            ("2", [3.0, 1.0]),
        ] {
            assert_eq!(reduced(source, &stereo, 2), expected, "{source}");
            assert_eq!(reduced(source, &stereo, 1), stereo, "{source} of a single channel");
        }
        assert_eq!(reduced("mix", &[1.0, 2.0, 6.0], 3), [3.0]);
        assert_eq!(reduced("3", &[1.0, 2.0, 6.0], 3), [6.0]);
    }

    #[test]
    fn names_come_back_and_others_are_refused() {
        for name in ["mix", "left", "right", "mid", "side", "each", "1", "33"] {
            assert_eq!(name.parse::<FileSource>().unwrap().to_string(), name);
        }
        for name in ["0", "-1", "Left", "", "both"] {
            assert!(name.parse::<FileSource>().is_err(), "{name}");
        }
    }
}
