//! From a stream of mono samples to segments, in constant memory.
//!
//! In: mono PCM at any rate, in any pieces. Out: one [`Segment`] per block. Resampling, features and speech detection are computed once for the whole
//! stream, on a grid that starts with it; a block is a view of their results, so overlapping blocks cost only the network. How
//! the stream was cut into pieces affects only the latencies.

use std::ops::{Range, RangeInclusive};
use std::time::{Duration, Instant};

use moodline_core::Familiarity;
use moodline_core::contract::Normalisation;
use moodline_core::frontend::{BlockFeatures, FrontEnd, FrontEndError, longest_latency_samples};
use moodline_core::resample::{ResampleError, Resampler};

use crate::block::{BlockGrid, Recent};
use crate::classifier::{Classifier, ClassifierError};
use crate::model::Model;
use crate::segment::{Latency, Segment, State};
use crate::speech::{GateConfig, PhraseOrPause, SpeechDetector, SpeechError, SpeechModel, SpeechSteps};

/// Allowed windows, seconds.
pub const WINDOW_SECONDS: RangeInclusive<f64> = 0.5..=60.0;

/// Allowed distances between blocks, seconds. A distance longer than the window skips parts of the recording.
pub const HOP_SECONDS: RangeInclusive<f64> = 0.1..=60.0;

/// Audio is processed in pieces of this length, so that no block's steps are overwritten however much is pushed at once.
const PIECE_SECONDS: f64 = 0.25;

/// Times closer than this count as equal, seconds; far below one sample at any rate.
const SAME_TIME_SECONDS: f64 = 1e-7;

/// What a segment covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segmentation {
    /// A block of the window's length every hop, regardless of the content.
    #[default]
    Blocks,
    /// Phrases between two pauses, at most as long as the window, and the pauses. The hop has no effect.
    Phrases,
}

/// How a stream is cut into segments, and for which of them the network runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnalysisConfig {
    /// Length of a block, seconds, within [`WINDOW_SECONDS`].
    pub window_seconds: f64,
    /// Distance between the starts of two blocks, seconds, within [`HOP_SECONDS`].
    pub hop_seconds: f64,
    /// What a segment covers.
    pub segmentation: Segmentation,
    /// Selects the blocks for which the network runs: those in which the detector finds speech; without a gate, all.
    pub gate: Option<GateConfig>,
}

impl Default for AnalysisConfig {
    fn default() -> Self {
        Self { window_seconds: 5.0, hop_seconds: 5.0, segmentation: Segmentation::default(), gate: Some(GateConfig::default()) }
    }
}

impl AnalysisConfig {
    /// What an answer refers to, in words: `blocks of 5 s every 2 s`, or `phrases of up to 5 s`.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { window_seconds, hop_seconds, segmentation, .. } = self;
        match segmentation {
            Segmentation::Blocks => format!("blocks of {window_seconds} s every {hop_seconds} s"),
            Segmentation::Phrases => format!("phrases of up to {window_seconds} s"),
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`AnalysisError::Setting`], naming the setting.
    pub fn validate(&self) -> Result<(), AnalysisError> {
        let check = |name, seconds, range: RangeInclusive<f64>| {
            if range.contains(&seconds) { Ok(()) } else { Err(AnalysisError::Setting { name, expected: range, found: seconds }) }
        };
        check("window", self.window_seconds, WINDOW_SECONDS)?;
        check("hop", self.hop_seconds, HOP_SECONDS)
    }
}

/// Why a stream cannot be analysed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// A setting out of its range.
    #[error("the {name} must be {} to {} seconds, found {found}", expected.start(), expected.end())]
    Setting {
        /// `window` or `hop`.
        name: &'static str,
        /// Its range, seconds.
        expected: RangeInclusive<f64>,
        /// The value given, seconds.
        found: f64,
    },
    /// A sample rate that cannot be converted.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// A front end that cannot run as a stream, or a sample that is not finite.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// The speech detector failed.
    #[error(transparent)]
    Speech(#[from] SpeechError),
    /// The network failed.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
}

/// Turns one stream into segments.
pub struct Analyser {
    classifier: Classifier,
    grid: BlockGrid,
    step_seconds: f64,
    n_features: usize,
    source_hz: u32,
    piece_samples: usize,
    config: AnalysisConfig,
    speech_steps: SpeechSteps,
    block: BlockFeatures<f32>,
    familiarity: Option<(Familiarity, Normalisation)>,
    stream: Stream,
}

/// State of the current stream.
#[derive(Clone)]
struct Stream {
    resampler: Resampler,
    front_end: FrontEnd<f32>,
    speech: Option<SpeechDetector>,
    steps: Recent<f32>,
    n_samples: u64,
    next_block: u64,
    /// The detector's step with which the next phrase or pause begins.
    next_stretch: u64,
    features_time: Duration,
}

impl Analyser {
    /// Creates an analyser for mono samples at `source_hz`, with the front end of `model`; `classifier` runs the same model.
    ///
    /// # Errors
    /// [`AnalysisError`] for a setting or rate out of range, or a model whose front end cannot run as a stream.
    pub fn new(model: &Model, classifier: Classifier, source_hz: u32, config: AnalysisConfig) -> Result<Self, AnalysisError> {
        config.validate()?;
        let front_end_config = &model.contract().front_end;
        let target_hz = front_end_config.sample_rate;
        let step_seconds = front_end_config.step_seconds();
        let grid = BlockGrid::new(config.window_seconds, config.hop_seconds, step_seconds);
        let front_end = FrontEnd::new(front_end_config)?;
        let latency_seconds = longest_latency_samples(front_end_config) as f64 / f64::from(target_hz);
        let slack_seconds = latency_seconds + 2.0 * PIECE_SECONDS + 1.0;
        let kept_steps = grid.n_steps() + (slack_seconds / step_seconds).ceil() as usize;
        let step_len = front_end.step_len();
        // How long a pause was is only known when the phrase after it has ended, and either may be as long as a block.
        let n_windows = if config.segmentation == Segmentation::Phrases { 2.0 } else { 1.0 };
        let kept_seconds = n_windows * config.window_seconds + slack_seconds;
        let listens =
            config.gate.is_some() || front_end_config.speech_margin.is_some() || config.segmentation == Segmentation::Phrases;
        let detector = || SpeechDetector::new(&SpeechModel::embedded(), target_hz, config.gate.unwrap_or_default(), kept_seconds);
        let stream = Stream {
            resampler: Resampler::new(source_hz, target_hz)?,
            steps: Recent::new(step_len, kept_steps),
            front_end,
            speech: listens.then(detector).transpose()?,
            n_samples: 0,
            next_block: 0,
            next_stretch: 0,
            features_time: Duration::ZERO,
        };
        Ok(Self {
            classifier,
            grid,
            step_seconds,
            n_features: front_end_config.n_features(),
            source_hz,
            piece_samples: (PIECE_SECONDS * f64::from(source_hz)) as usize,
            config,
            speech_steps: SpeechSteps::new(front_end_config, step_len),
            block: BlockFeatures::new(front_end_config),
            familiarity: model
                .contract()
                .familiarity
                .clone()
                .map(|familiarity| (familiarity, model.contract().normalisation.clone())),
            stream,
        })
    }

    /// The classifier in use.
    #[must_use]
    pub const fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// Returns the classifier, so that another stream can be analysed with it.
    #[must_use]
    pub fn into_classifier(self) -> Classifier {
        self.classifier
    }

    /// Takes samples and passes the segments that they complete to `sink`, in order, each with its computing time.
    ///
    /// # Errors
    /// [`AnalysisError`] for a non-finite sample, or a failing network; the stream cannot be continued then.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        for piece in samples.chunks(self.piece_samples) {
            self.stream.push(piece)?;
            match self.config.segmentation {
                Segmentation::Blocks => self.emit_complete(sink)?,
                Segmentation::Phrases => self.emit_stretches(false, sink)?,
            }
        }
        Ok(())
    }

    /// Ends the stream: passes the remaining segments to `sink` and is ready for a new stream. The last one covers what is left after the full blocks.
    ///
    /// # Errors
    /// As [`Analyser::push`].
    pub fn finish(&mut self, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        self.end(sink)?;
        self.reset();
        Ok(())
    }

    /// Passes the segments to `sink` that [`Analyser::finish`] would, and continues the stream as if it had not been called. Copies the
    /// stream's state.
    ///
    /// # Errors
    /// As [`Analyser::push`].
    pub fn peek(&mut self, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        let copy = self.stream.clone();
        let original = std::mem::replace(&mut self.stream, copy);
        let result = self.end(sink);
        self.stream = original;
        result
    }

    /// Drops the current stream and is ready for a new one.
    pub fn reset(&mut self) {
        self.stream.reset();
    }

    fn end(&mut self, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        self.stream.end()?;
        match self.config.segmentation {
            Segmentation::Blocks => self.emit_rest(sink),
            Segmentation::Phrases => self.emit_stretches(true, sink),
        }
    }

    fn seconds(&self) -> f64 {
        self.stream.n_samples as f64 / f64::from(self.source_hz)
    }

    /// Emits every full block whose steps and speech are known. It also waits for the audio up to the block's nominal end, so that this end is final.
    fn emit_complete(&mut self, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        loop {
            let first = self.grid.first_step(self.stream.next_block);
            let end = first + self.grid.n_steps() as u64;
            let speech_is_known = self.stream.speech.as_ref().is_none_or(|speech| speech.knows(end as f64 * self.step_seconds));
            let audio_is_there = self.seconds() >= self.grid.end_seconds(self.stream.next_block);
            if self.stream.steps.n_pushed() < end || !speech_is_known || !audio_is_there {
                return Ok(());
            }
            self.emit(first, end, sink)?;
        }
    }

    /// Emits the remainder after the end of the stream: full blocks whose last steps were completed only by the end, and one last partial block.
    fn emit_rest(&mut self, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        let duration = self.seconds();
        let before = |time: f64| time < duration - SAME_TIME_SECONDS;
        loop {
            let block = self.stream.next_block;
            let first = self.grid.first_step(block);
            let covered = block > 0 && !before(self.grid.end_seconds(block - 1));
            if covered || !before(self.grid.start_seconds(block)) || first >= self.stream.steps.n_pushed() {
                return Ok(());
            }
            let end = (first + self.grid.n_steps() as u64).min(self.stream.steps.n_pushed());
            self.emit(first, end, sink)?;
        }
    }

    /// Emits every phrase and every pause that is known; with `has_ended` also the remainder.
    fn emit_stretches(&mut self, has_ended: bool, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        let (longest_s, duration) = (self.config.window_seconds, self.seconds());
        let next = |stream: &Stream| stream.speech.as_ref()?.phrase_or_pause_from(stream.next_stretch, longest_s, has_ended);
        while let Some(PhraseOrPause { end, is_speech, start_s, end_s }) = next(&self.stream) {
            let steps =
                if is_speech { self.speech_steps.around(start_s, end_s) } else { self.speech_steps.between(start_s, end_s) };
            if !has_ended && (self.stream.steps.n_pushed() < steps.end || duration < end_s) {
                return Ok(());
            }
            self.stream.next_stretch = end;
            let end_s = end_s.min(duration);
            if start_s < end_s - SAME_TIME_SECONDS {
                self.answer(is_speech, steps, [start_s, end_s], sink)?;
            }
        }
        Ok(())
    }

    fn emit(&mut self, first: u64, end: u64, sink: &mut impl FnMut(Segment, Latency)) -> Result<(), AnalysisError> {
        let times = [first, end].map(|step| step as f64 * self.step_seconds);
        let speech = self.stream.speech.as_ref();
        let is_asked = self.config.gate.is_none() || speech.is_none_or(|speech| speech.is_speech(times[0], times[1]));
        let start_s = self.grid.start_seconds(self.stream.next_block);
        let end_s = self.grid.end_seconds(self.stream.next_block).min(self.seconds());
        self.stream.next_block += 1;
        self.answer(is_asked, first..end, [start_s, end_s], sink)
    }

    /// Passes the segment to `sink`, with the network's answer to these steps if the network is to run.
    fn answer(
        &mut self,
        is_asked: bool,
        steps: Range<u64>,
        [start_s, end_s]: [f64; 2],
        sink: &mut impl FnMut(Segment, Latency),
    ) -> Result<(), AnalysisError> {
        let start = Instant::now();
        let view = self.stream.steps.view(steps.start, steps.end);
        let state = if is_asked && !view.is_empty() {
            let features = self.block.of(self.speech_steps.of(self.stream.speech.as_ref(), steps.start, view));
            let answer = self.classifier.classify(features, features.len() / self.n_features)?;
            let is_familiar = self.familiarity.as_ref().is_none_or(|(familiarity, of)| familiarity.is_familiar(features, of));
            if is_familiar { State::Speech(answer) } else { State::Unfamiliar(answer) }
        } else {
            State::NoSpeech
        };
        let latency = Latency { features: std::mem::take(&mut self.stream.features_time), inference: start.elapsed() };
        sink(Segment { start_s, end_s, state }, latency);
        Ok(())
    }
}

impl Stream {
    fn push(&mut self, piece: &[f32]) -> Result<(), AnalysisError> {
        let start = Instant::now();
        let mut result = Ok(());
        let Self { resampler, front_end, speech, steps, .. } = self;
        resampler.push(piece, &mut |part| {
            if result.is_ok() {
                result = take(part, front_end, speech.as_mut(), steps);
            }
        })?;
        result?;
        self.n_samples += piece.len() as u64;
        self.features_time += start.elapsed();
        Ok(())
    }

    /// Completes whatever is waiting for more samples when the stream ends.
    fn end(&mut self) -> Result<(), AnalysisError> {
        let start = Instant::now();
        let mut result = Ok(());
        let Self { resampler, front_end, speech, steps, .. } = self;
        resampler.finish(&mut |part| {
            if result.is_ok() {
                result = take(part, front_end, speech.as_mut(), steps);
            }
        });
        result?;
        front_end.finish(&mut |step| steps.push(step));
        if let Some(speech) = speech {
            speech.finish()?;
        }
        self.features_time += start.elapsed();
        Ok(())
    }

    fn reset(&mut self) {
        self.resampler.reset();
        self.front_end.reset();
        if let Some(speech) = &mut self.speech {
            speech.reset();
        }
        self.steps.clear();
        (self.n_samples, self.next_block, self.next_stretch, self.features_time) = (0, 0, 0, Duration::ZERO);
    }
}

/// Computes features of resampled audio and detects speech in it.
fn take(
    part: &[f32],
    front_end: &mut FrontEnd<f32>,
    speech: Option<&mut SpeechDetector>,
    steps: &mut Recent<f32>,
) -> Result<(), AnalysisError> {
    front_end.push(part, &mut |step| steps.push(step))?;
    speech.map_or(Ok(()), |speech| Ok(speech.push(part)?))
}
