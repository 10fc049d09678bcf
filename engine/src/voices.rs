//! The voices of a stream: each is a part of its channels, with an analyser of its own.
//!
//! In: interleaved samples, in any pieces. Out: the results for each voice. Used for files and live streams.

mod choice;

use std::num::NonZeroUsize;

use crate::analysis::{Analyser, AnalysisConfig, AnalysisError};
use crate::classifier::{Backend, BackendChoice, Classifier};
use crate::model::Model;
use crate::segment::{Latency, Segment};
use crate::source::FileSource;
use crate::voice::HeardVoice;

pub(crate) use choice::correct_for;
pub use choice::{VoiceChoice, profile_of};

/// One answer about one voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Number of its channel, counted from 1; none for a mix of several, or if there is only one.
    pub channel: Option<NonZeroUsize>,
    /// The answer.
    pub segment: Segment,
    /// Its computing time.
    pub latency: Latency,
}

/// All results for one voice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    /// As in [`Found`].
    pub channel: Option<NonZeroUsize>,
    /// The blocks in order.
    pub segments: Vec<Segment>,
    /// Computing time of each block, in their order; empty if it was not kept, as on a timeline.
    pub latencies: Vec<Latency>,
    /// The history by which the answers are corrected; none if they are not.
    pub heard: Option<HeardVoice>,
}

impl Voice {
    /// The blocks one by one; computing times that were not kept are zero.
    pub fn found(&self) -> impl Iterator<Item = Found> {
        let latencies = self.latencies.iter().copied().chain(std::iter::repeat(Latency::default()));
        let channel = self.channel;
        self.segments.iter().zip(latencies).map(move |(&segment, latency)| Found { channel, segment, latency })
    }
}

/// The analysers of a stream.
pub struct Voices {
    analysers: Vec<(FileSource, Analyser)>,
    n_channels: usize,
    backend: Backend,
    samples: Vec<f32>,
}

impl Voices {
    /// Creates the analysers for `source` in a stream of `n_channels` at `sample_rate` Hz, which has the selected channel.
    ///
    /// # Errors
    /// As [`Analyser::new`], and when the model cannot be run.
    pub fn new(
        model: &Model,
        backend: BackendChoice,
        source: FileSource,
        (sample_rate, n_channels): (u32, usize),
        config: AnalysisConfig,
    ) -> Result<Self, AnalysisError> {
        let analyser = |source| -> Result<(FileSource, Analyser), AnalysisError> {
            Ok((source, Analyser::new(model, Classifier::new(model, backend)?, sample_rate, config)?))
        };
        let analysers = source.voices(n_channels).into_iter().map(analyser).collect::<Result<Vec<_>, _>>()?;
        // INVARIANT: a stream has a channel, and every source has a voice.
        let backend = analysers[0].1.classifier().backend();
        Ok(Self { analysers, n_channels, backend, samples: Vec::new() })
    }

    /// Backend that runs the network.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The voices in order, without results.
    #[must_use]
    pub fn empty(&self) -> Vec<Voice> {
        let channels = self.analysers.iter().map(|(source, _)| source.number(self.n_channels));
        channels.map(|channel| Voice { channel, ..Voice::default() }).collect()
    }

    /// Takes interleaved samples, `[n * n_channels]`, and passes the completed results to `sink`.
    ///
    /// # Errors
    /// As [`Analyser::push`].
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(Found)) -> Result<(), AnalysisError> {
        let Self { analysers, n_channels, samples: own, .. } = self;
        analysers.iter_mut().try_for_each(|(source, analyser)| {
            source.extract(samples, *n_channels, own);
            let channel = source.number(*n_channels);
            analyser.push(own, &mut |segment, latency| sink(Found { channel, segment, latency }))
        })
    }

    /// Ends the stream, and passes the remaining results to `sink`.
    ///
    /// # Errors
    /// As [`Analyser::push`].
    pub fn finish(&mut self, sink: &mut impl FnMut(Found)) -> Result<(), AnalysisError> {
        let Self { analysers, n_channels, .. } = self;
        analysers.iter_mut().try_for_each(|(source, analyser)| {
            let channel = source.number(*n_channels);
            analyser.finish(&mut |segment, latency| sink(Found { channel, segment, latency }))
        })
    }
}
