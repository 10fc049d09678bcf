//! The voices of a stream: each is a part of its channels, with an analyser of its own.
//!
//! In: interleaved samples, in any pieces. Out: what is found in each voice. Files and what is heard live are analysed through here.

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
    /// Number of the channel that it is about, counted from 1; none where that is a mix of several, or all there is.
    pub channel: Option<NonZeroUsize>,
    /// The answer.
    pub segment: Segment,
    /// What it cost.
    pub latency: Latency,
}

/// Everything that was found in one voice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    /// As in [`Found`].
    pub channel: Option<NonZeroUsize>,
    /// The blocks in order.
    pub segments: Vec<Segment>,
    /// What each of them cost, in their order; empty where that was not kept, as on a timeline.
    pub latencies: Vec<Latency>,
    /// What the answers are corrected for; none where they are not.
    pub heard: Option<HeardVoice>,
}

impl Voice {
    /// The blocks one by one; what was not kept cost nothing.
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
    /// What `source` means in a stream of `n_channels` at `sample_rate` Hz, which has the channel that is meant.
    ///
    /// # Errors
    /// As [`Analyser::new`], and where the model cannot be run.
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
        // INVARIANT: a stream has a channel, and every source a voice.
        let backend = analysers[0].1.classifier().backend();
        Ok(Self { analysers, n_channels, backend, samples: Vec::new() })
    }

    /// What runs the network.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The voices in order, each with nothing in it.
    #[must_use]
    pub fn empty(&self) -> Vec<Voice> {
        let channels = self.analysers.iter().map(|(source, _)| source.number(self.n_channels));
        channels.map(|channel| Voice { channel, ..Voice::default() }).collect()
    }

    /// Takes interleaved samples, `[n * n_channels]`, and hands what they complete to `sink`.
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

    /// Ends the stream, and hands what is left to `sink`.
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
