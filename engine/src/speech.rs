//! Speech detection, ahead of the emotion network.
//!
//! In: mono samples of a stream, in any pieces. Out: for each step of a few hundredths of a second the probability of speech, intervals of speech,
//! and for a stretch whether it is speech. A network trained on speech alone is also confident about music and dogs; the detector keeps those
//! from it. A voice without words (laughing, crying, a sung note) is not speech.
//!
//! The detector is a small network with a contract of its own ([`SpeechContract`]), always run by core's kernel, so that its answers do not
//! depend on the backend of the emotion network. `times` turns the probabilities into intervals.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use moodline_core::contract::{Detection, SpeechContract};
use moodline_core::frontend::{FrontEnd, FrontEndError, longest_latency_samples};
use moodline_core::network::{NetworkKernel, Tensors};
use moodline_core::onnx::speech::{self, SpeechFile};
use moodline_core::onnx::{MAX_FILE_BYTES, ModelError};
use moodline_core::resample::{ResampleError, Resampler};
use moodline_core::sound::Sound;
use moodline_core::{Emotion, Probabilities};

use crate::block::Recent;
use crate::model::{OpenModelError, read_at_most};

mod grid;
mod kept;
mod phrases;
mod times;

pub use kept::SpeechSteps;

use grid::StepGrid;
pub use phrases::MIN_PAUSE_SECONDS;
use phrases::{Limits, first_stretch};
use times::Times;

/// Samples are resampled and analysed in pieces of at most this length, so that no step is overwritten before it can be queried.
const PIECE_SECONDS: f64 = 0.25;

/// A valid speech detector. Clones share the memory.
#[derive(Clone, Debug)]
pub struct SpeechModel(Arc<SpeechFile>);

impl SpeechModel {
    /// The built-in detector, read once per process.
    #[must_use]
    pub fn embedded() -> Self {
        static MODEL: OnceLock<SpeechModel> = OnceLock::new();
        // INVARIANT: a test reads the very bytes that were built in.
        MODEL.get_or_init(|| Self::from_bytes(moodline_models::SPEECH).expect("the embedded detector is valid")).clone()
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// As [`crate::Model::open`].
    pub fn open(path: &Path) -> Result<Self, OpenModelError> {
        let bytes = read_at_most(path, MAX_FILE_BYTES + 1)
            .map_err(|source| OpenModelError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|source| OpenModelError::Refused { path: path.to_owned(), source })
    }

    /// Checks the bytes of a detector's file.
    ///
    /// # Errors
    /// See [`speech::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Ok(Self(Arc::new(speech::read(bytes)?)))
    }

    /// What a program must know to run this detector.
    #[must_use]
    pub fn contract(&self) -> &SpeechContract {
        &self.0.contract
    }

    /// The trained values.
    #[must_use]
    pub fn weights(&self) -> &Tensors<f32> {
        &self.0.weights
    }

    /// SHA-256 over contract and weights, 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }
}

/// User settings of the detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateConfig {
    /// Speech does not begin at steps quieter than this, dBFS (RMS).
    pub level_db: f32,
}

impl Default for GateConfig {
    /// Below the noise of any recording with intelligible speech.
    fn default() -> Self {
        Self { level_db: -80.0 }
    }
}

/// The detector's result for one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpeechStep {
    /// Probability of speech, 0..=1.
    pub probability: f32,
    /// Whether the step is part of speech that has begun and not ended.
    pub is_open: bool,
}

/// A phrase, or a pause between two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhraseOrPause {
    /// The step after it, at which the next one begins.
    pub end: u64,
    /// Whether it is a phrase.
    pub is_speech: bool,
    /// Start, seconds from the start of the stream.
    pub start_s: f64,
    /// End, seconds from the start of the stream; the last one may end up to a step after the stream.
    pub end_s: f64,
}

/// Why there is no detector, or no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechError {
    /// A sample rate that cannot be converted.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// A sample that is not finite.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
}

/// Finds speech in a stream.
#[derive(Clone)]
pub struct SpeechDetector {
    detection: Detection,
    grid: StepGrid,
    piece_samples: usize,
    /// Present if the sample rate differs from the detector's.
    resampler: Option<Resampler>,
    stream: Stream,
}

/// Data of the stream, at the detector's rate.
#[derive(Clone)]
struct Stream {
    front_end: FrontEnd<f32>,
    levels: Levels,
    network: StepNetwork,
}

impl SpeechDetector {
    /// Creates a detector for mono samples at `sample_rate` Hz that remembers its results for the last `kept_seconds`, plus those of a call of
    /// [`SpeechDetector::push`] with a quarter of a second.
    ///
    /// # Errors
    /// [`SpeechError`] for a rate that cannot be converted.
    pub fn new(model: &SpeechModel, sample_rate: u32, config: GateConfig, kept_seconds: f64) -> Result<Self, SpeechError> {
        let contract = model.contract();
        let target_hz = contract.front_end.sample_rate;
        let grid = StepGrid::new(&contract.front_end);
        let latency_seconds = longest_latency_samples(&contract.front_end) as f64 / f64::from(target_hz);
        let kept_steps = grid.n_steps_in(kept_seconds + latency_seconds + 2.0 * PIECE_SECONDS) + contract.delay_steps;
        Ok(Self {
            detection: contract.detection,
            grid,
            piece_samples: (PIECE_SECONDS * f64::from(sample_rate)) as usize,
            resampler: if sample_rate == target_hz { None } else { Some(Resampler::new(sample_rate, target_hz)?) },
            stream: Stream {
                front_end: FrontEnd::new(&contract.front_end)?,
                levels: Levels::new(contract.front_end.step_samples(), kept_steps),
                network: StepNetwork::new(model, config, kept_steps),
            },
        })
    }

    /// Takes samples. The results do not depend on how the stream was cut.
    ///
    /// # Errors
    /// [`SpeechError`] for a non-finite sample; the stream cannot be continued then.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), SpeechError> {
        let Self { resampler, stream, piece_samples, .. } = self;
        for piece in samples.chunks(*piece_samples) {
            match resampler {
                None => stream.push(piece)?,
                Some(resampler) => {
                    let mut result = Ok(());
                    resampler.push(piece, &mut |part| {
                        if result.is_ok() {
                            result = stream.push(part);
                        }
                    })?;
                    result?;
                }
            }
        }
        Ok(())
    }

    /// Ends the stream: completes whatever is waiting for more samples.
    ///
    /// # Errors
    /// As [`SpeechDetector::push`].
    pub fn finish(&mut self) -> Result<(), SpeechError> {
        let Self { resampler, stream, .. } = self;
        let mut result = Ok(());
        if let Some(resampler) = resampler {
            resampler.finish(&mut |part| {
                if result.is_ok() {
                    result = stream.push(part);
                }
            });
        }
        result?;
        stream.finish();
        Ok(())
    }

    /// Starts a new stream.
    pub fn reset(&mut self) {
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
        self.stream.reset();
    }

    /// Whether everything before `end_s` seconds from the start of the stream is known.
    #[must_use]
    pub fn knows(&self, end_s: f64) -> bool {
        self.stream.network.steps.n_pushed() >= self.grid.first_step_from(end_s)
    }

    /// The steps whose centre is in `start_s..end_s`, as far as they are known and remembered.
    #[must_use]
    pub fn steps_between(&self, start_s: f64, end_s: f64) -> &[SpeechStep] {
        let (_, steps) = self.view(start_s, end_s);
        steps
    }

    /// Intervals of speech in `start_s..end_s`, each as start and end in seconds from the start of the stream, in order. They depend only on this stretch.
    pub fn speech_between(&self, start_s: f64, end_s: f64) -> impl Iterator<Item = (f64, f64)> {
        let (first, steps) = self.view(start_s, end_s);
        let Self { grid, detection, .. } = self;
        let edge = move |step: usize| grid.start_seconds(first + step as u64).clamp(start_s, end_s);
        let steps_of = |seconds| grid.n_steps_in(seconds);
        Times::new(steps, steps_of(detection.min_pause_seconds), steps_of(detection.min_speech_seconds))
            .map(move |times| (edge(times.start), edge(times.end)))
    }

    /// Whether the stretch is speech according to [`Detection::is_speech`].
    #[must_use]
    pub fn is_speech(&self, start_s: f64, end_s: f64) -> bool {
        let speech_seconds = self.speech_between(start_s, end_s).map(|(start_s, end_s)| end_s - start_s).sum();
        self.detection.is_speech(speech_seconds, end_s - start_s)
    }

    /// The phrase or the pause that begins at the step `first`; none if later audio decides it, which cannot occur after [`SpeechDetector::finish`]. A phrase
    /// is speech between pauses of at least [`MIN_PAUSE_SECONDS`] and at most `longest_seconds` long; a longer one, or a longer pause, is cut.
    #[must_use]
    pub fn phrase_or_pause_from(&self, first: u64, longest_seconds: f64, has_ended: bool) -> Option<PhraseOrPause> {
        let Self { grid, detection, .. } = self;
        let limits = Limits {
            longest: ((longest_seconds / grid.step_seconds()) as usize).max(2),
            min_pause: grid.n_steps_in(MIN_PAUSE_SECONDS).max(1),
            min_speech: grid.n_steps_in(detection.min_speech_seconds),
        };
        let found = first_stretch(self.stream.network.steps.view(first, u64::MAX), limits, has_ended)?;
        let end = first + found.end as u64;
        let seconds = |step| grid.start_seconds(step).max(0.0);
        Some(PhraseOrPause { end, is_speech: found.is_speech, start_s: seconds(first), end_s: seconds(end) })
    }

    fn view(&self, start_s: f64, end_s: f64) -> (u64, &[SpeechStep]) {
        let first = self.grid.first_step_from(start_s);
        (first, self.stream.network.steps.view(first, self.grid.first_step_from(end_s)))
    }
}

impl Stream {
    fn push(&mut self, samples: &[f32]) -> Result<(), SpeechError> {
        let Self { front_end, levels, network } = self;
        levels.push(samples);
        front_end.push(samples, &mut |step| network.push(step, levels))?;
        Ok(())
    }

    fn finish(&mut self) {
        let Self { front_end, levels, network } = self;
        levels.finish();
        front_end.finish(&mut |step| network.push(step, levels));
        network.finish(levels);
    }

    fn reset(&mut self) {
        self.front_end.reset();
        self.levels.reset();
        self.network.reset();
    }
}

/// The network over the steps, and the hysteresis over its outputs.
#[derive(Clone, Debug)]
struct StepNetwork {
    kernel: NetworkKernel,
    /// Index of the probability of speech in the outputs.
    speech: usize,
    delay_steps: usize,
    onset: f32,
    offset: f32,
    level_db: f32,
    state: Vec<f32>,
    /// The last step that was pushed; empty before the first.
    last: Vec<f32>,
    /// Number of steps run; the first answers are discarded because of the delay.
    n_run: u64,
    steps: Recent<SpeechStep>,
}

impl StepNetwork {
    fn new(model: &SpeechModel, config: GateConfig, kept_steps: usize) -> Self {
        let SpeechContract { network, labels, delay_steps, detection, front_end, .. } = model.contract();
        Self {
            kernel: NetworkKernel::new(network, model.weights()),
            // INVARIANT: a valid contract has every kind of sound.
            speech: labels.iter().position(|label| *label == Sound::Speech).expect("speech is one of the labels"),
            delay_steps: *delay_steps,
            onset: detection.onset as f32,
            offset: detection.offset as f32,
            level_db: config.level_db,
            state: vec![0.0; network.state_size()],
            last: Vec::with_capacity(front_end.n_features()),
            n_run: 0,
            steps: Recent::new(1, kept_steps),
        }
    }

    /// Takes the features of a step.
    fn push(&mut self, step: &[f32], levels: &Levels) {
        self.last.clear();
        self.last.extend_from_slice(step);
        self.run(levels);
    }

    /// Produces the answers for the steps that wait for later ones, by repeating the last step.
    fn finish(&mut self, levels: &Levels) {
        if !self.last.is_empty() {
            (0..self.delay_steps).for_each(|_| self.run(levels));
        }
    }

    fn run(&mut self, levels: &Levels) {
        let logits = self.kernel.run(&self.last, &mut self.state);
        self.n_run += 1;
        if self.n_run > self.delay_steps as u64 {
            let probability = self.probability(logits);
            let was_open = self
                .steps
                .view(self.steps.n_pushed().saturating_sub(1), self.steps.n_pushed())
                .first()
                .is_some_and(|step| step.is_open);
            let is_open = if was_open {
                probability >= self.offset
            } else {
                probability >= self.onset && levels.of_step(self.steps.n_pushed()) >= self.level_db
            };
            self.steps.push(&[SpeechStep { probability, is_open }]);
        }
    }

    /// 0 for non-finite logits, which only features beyond any real sound produce.
    fn probability(&self, logits: [f32; Emotion::COUNT]) -> f32 {
        Probabilities::softmax(logits).map_or(0.0, |probabilities| probabilities.as_array()[self.speech])
    }

    fn reset(&mut self) {
        self.state.fill(0.0);
        self.last.clear();
        self.n_run = 0;
        self.steps.clear();
    }
}

/// Level of each step.
#[derive(Clone, Debug)]
struct Levels {
    step_samples: usize,
    /// Energy of the samples since the last complete step.
    energy: f64,
    n_samples: usize,
    /// Level of each step, dBFS
    of_steps: Recent<f32>,
}

impl Levels {
    fn new(step_samples: usize, kept_steps: usize) -> Self {
        Self { step_samples, energy: 0.0, n_samples: 0, of_steps: Recent::new(1, kept_steps) }
    }

    fn push(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let (those, rest) = samples.split_at(samples.len().min(self.step_samples - self.n_samples));
            self.energy += energy(those);
            self.n_samples += those.len();
            if self.n_samples == self.step_samples {
                self.finish();
            }
            samples = rest;
        }
    }

    /// Completes a step with the samples available.
    fn finish(&mut self) {
        if self.n_samples > 0 {
            let level_db = 10.0 * (self.energy / self.n_samples as f64).log10();
            self.of_steps.push(&[level_db as f32]);
            (self.energy, self.n_samples) = (0.0, 0);
        }
    }

    /// Level of a step; that of silence if it has no samples.
    fn of_step(&self, step: u64) -> f32 {
        self.of_steps.view(step, step + 1).first().copied().unwrap_or(f32::NEG_INFINITY)
    }

    fn reset(&mut self) {
        (self.energy, self.n_samples) = (0.0, 0);
        self.of_steps.clear();
    }
}

/// The sum of the squares, in eight sums side by side: in a single one, each addition would wait for the previous one.
fn energy(samples: &[f32]) -> f64 {
    let (groups, rest) = samples.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for samples in groups.iter().map(|group| &group[..]).chain([rest]) {
        for (sum, &sample) in sums.iter_mut().zip(samples) {
            *sum += f64::from(sample) * f64::from(sample);
        }
    }
    sums.iter().sum()
}
