//! From mono samples at [`FrontEndConfig::sample_rate`] to feature vectors: librosa's MFCC with derivatives, sample by sample.
//!
//! In: samples of one stream, cut in any way. Out: one feature vector per step, `[n_features]`, on a grid that starts with the
//! stream. Imports only the configuration and the numeric type.
//!
//! samples -> [`frames::Framer`] -> [`log_mel::LogMel`] (window, FFT, power, mel, dB) -> `cepstrum` (DCT, lifter) ->
//! [`assembler::Assembler`] (derivatives) -> `average` -> steps. With [`FeatureGroup::Prosody`], the same
//! frames also go through [`prosody`], which joins the coefficients before the derivatives.
//!
//! Values that are relative to a block are not part of the stream: [`BlockFeatures`] computes them from the steps of a block, just before
//! the network. With [`FrontEndConfig::floor_db`] it starts from the powers of the mel bands.
//!
//! Every frame is computed once and by the same arithmetic wherever the stream was cut, so a clip, a stream of single samples
//! and a stream of host buffers give bit-identical results.

use ndarray::Array2;

use crate::config::{ConfigError, FeatureGroup, FrontEndConfig};
use crate::real::Real;
use crate::samples::{MAX_MAGNITUDE, first_unusable};

pub mod assembler;
mod average;
mod block;
mod cepstrum;
mod decibel;
mod derivative;
pub mod frames;
pub mod log_mel;
pub mod mel;
mod normalise;
pub mod prosody;
mod sample;
pub mod spectrum;
pub mod window;

pub use block::{BlockFeatures, LEVEL_RANGE_DB};
pub use normalise::{Scaler, ScalerError, ScalerFit};
pub use sample::Sample;

use assembler::Assembler;
use average::Averager;
use cepstrum::Cepstrum;
use frames::Framer;
use log_mel::LogMel;
use prosody::Prosody;
use prosody::yin::{PitchFrame, Yin};
use sample::Sink;

/// Why the front end refused a configuration or samples.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontEndError {
    /// A setting is out of its range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A sample is NaN, infinite or absurdly large.
    #[error("front end: sample {index} must be a finite number of magnitude at most {MAX_MAGNITUDE:e}, found {found}")]
    Sample {
        /// Position in the stream, counted from 0.
        index: u64,
        /// Its value.
        found: f64,
    },
    /// Without centring, a clip shorter than the FFT has no frames.
    #[error("front end: a clip analysed with center = false must have at least n_fft = {expected} samples, found {found}")]
    TooShort {
        /// `n_fft`.
        expected: usize,
        /// Samples given.
        found: usize,
    },
}

/// Turns a stream of samples into a stream of feature vectors.
///
/// A clone continues the stream from the same position.
///
/// # Realtime safety
/// [`push`](Self::push), [`finish`](Self::finish) and [`reset`](Self::reset) do not allocate, lock or block; the first calls on a clone may allocate.
///
/// # Source
/// librosa 0.11: `librosa.feature.mfcc(..., dct_type=2, norm="ortho", pad_mode="constant", power=2.0)`,
/// `librosa.power_to_db(ref=1.0, amin=1e-10, top_db=None)`, `librosa.feature.delta(width, order=1 and 2)`. Deviations: see
/// [`assembler`] for signals shorter than the delta filter.
#[derive(Clone)]
pub struct FrontEnd<T: Real> {
    framer: Framer<T>,
    frames: FrameAnalysis<T>,
    steps: StepStream<T>,
}

impl<T: Sample> FrontEnd<T> {
    /// Allocates everything the stream needs.
    ///
    /// # Errors
    /// [`FrontEndError::Config`] for a setting out of range.
    pub fn new(config: &FrontEndConfig) -> Result<Self, FrontEndError> {
        config.validate()?;
        Ok(Self {
            framer: Framer::new(config, frame_samples(config)),
            frames: FrameAnalysis::new(config),
            steps: StepStream::new(config),
        })
    }

    /// Values in a step of the stream, from which [`BlockFeatures`] computes [`FrontEndConfig::n_features`].
    #[must_use]
    pub fn step_len(&self) -> usize {
        self.steps.assembler.n_features()
    }

    /// Takes the next samples of the stream and hands every step they complete to `sink`, `[step_len]`.
    ///
    /// # Errors
    /// [`FrontEndError::Sample`]; none of `samples` is then consumed.
    pub fn push(&mut self, samples: &[T], sink: &mut impl FnMut(&[T])) -> Result<(), FrontEndError> {
        check_samples(samples, self.framer.n_pushed())?;
        T::push(self, samples, sink);
        Ok(())
    }

    /// Ends the stream: hands the remaining steps to `sink` and is ready for a new stream.
    ///
    /// A stream without samples has no steps, so ending it twice is harmless, whereas [`features`] of an empty clip is one step of
    /// silence, as in librosa. A stream without centring that is shorter than `n_fft` has no steps either.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[T])) {
        if self.framer.n_pushed() > 0 {
            T::flush(self, sink);
        }
        self.reset();
    }

    /// Drops the current stream and is ready for a new one.
    pub fn reset(&mut self) {
        self.framer.reset();
        self.steps.reset();
    }
}

/// The analysis, which [`Sample`] has compiled in this crate.
impl<T: Real> FrontEnd<T> {
    fn generic_push(&mut self, samples: &[T], sink: Sink<'_, T>) {
        let Self { framer, frames, steps } = self;
        framer.push(samples, &mut |frame| frames.of_frame(frame, &mut |log_mel, sound| steps.push(log_mel, sound, sink)));
    }

    fn generic_flush(&mut self, sink: Sink<'_, T>) {
        let Self { framer, frames, steps } = self;
        framer.finish(&mut |frame| frames.of_frame(frame, &mut |log_mel, sound| steps.push(log_mel, sound, sink)));
        steps.finish(sink);
    }
}

/// Samples in a frame: as many as the group with the longest window needs.
fn frame_samples(config: &FrontEndConfig) -> usize {
    if config.has(FeatureGroup::Prosody) { config.n_fft.max(prosody::frame_samples(config.sample_rate)) } else { config.n_fft }
}

/// Largest number of samples that follow a frame's centre before its step is output: the rest of the frame, and the frames that the pitch, the
/// delta filter and the average wait for.
#[must_use]
pub fn longest_latency_samples(config: &FrontEndConfig) -> usize {
    let look_ahead = if config.has(FeatureGroup::Prosody) { prosody::look_ahead_frames(config) } else { 0 };
    frame_samples(config) + (look_ahead + config.delta_width + config.average_frames + 1) * config.hop_length
}

/// The part of the chain that processes single frames.
#[derive(Clone)]
struct FrameAnalysis<T: Real> {
    log_mel: LogMel<T>,
    n_fft: usize,
    yin: Option<Yin>,
}

impl<T: Real> FrameAnalysis<T> {
    fn new(config: &FrontEndConfig) -> Self {
        let yin = config.has(FeatureGroup::Prosody).then(|| Yin::new(config.sample_rate));
        Self { log_mel: LogMel::new(config), n_fft: config.n_fft, yin }
    }

    /// Hands the mel bands of `frame`, `[frame_samples]`, to `sink`, in dB or, with a floor, as powers, together with the data for prosody.
    fn of_frame(&mut self, frame: &[T], sink: &mut impl FnMut(&[f64], Option<&PitchFrame>)) {
        let sound = self.yin.as_mut().map(|yin| yin.of_frame(middle(frame, yin.n_samples())));
        sink(self.log_mel.of_frame(middle(frame, self.n_fft)), sound.as_ref());
    }
}

/// The `n` values in the middle, with equally many left out on both sides.
fn middle<T>(values: &[T], n: usize) -> &[T] {
    let first = (values.len() - n) / 2;
    &values[first..first + n]
}

/// The part of the chain after the frames; a clip with a floor enters it here.
#[derive(Clone)]
struct StepStream<T> {
    /// None where the mel powers are passed on.
    cepstrum: Option<Cepstrum>,
    /// Coefficients, or mel powers.
    columns: Vec<T>,
    prosody: Option<Prosody<T>>,
    assembler: Assembler<T>,
    averager: Averager<T>,
}

impl<T: Real> StepStream<T> {
    fn new(config: &FrontEndConfig) -> Self {
        let stream = config.of_stream();
        Self {
            cepstrum: config.floor_db.is_none().then(|| Cepstrum::new(config.n_mels, config.n_mfcc, config.lifter)),
            columns: vec![T::zero(); stream.n_mfcc],
            prosody: stream.has(FeatureGroup::Prosody).then(|| Prosody::new(&stream)),
            assembler: Assembler::new(&stream),
            averager: Averager::new(&stream),
        }
    }

    fn push(&mut self, mel: &[f64], sound: Option<&PitchFrame>, sink: Sink<'_, T>) {
        let Self { cepstrum, columns, prosody, assembler, averager } = self;
        match cepstrum {
            Some(cepstrum) => cepstrum.transform(mel, columns),
            None => columns.iter_mut().zip(mel).for_each(|(column, power)| *column = T::of(*power)),
        }
        let mut take_row = |row: &[T]| assembler.push(row, &mut |features| averager.push(features, sink));
        match (prosody, sound) {
            (Some(prosody), Some(sound)) => prosody.push(columns, sound, &mut take_row),
            _ => take_row(columns),
        }
    }

    fn finish(&mut self, sink: Sink<'_, T>) {
        let Self { prosody, assembler, averager, .. } = self;
        if let Some(prosody) = prosody {
            prosody.finish(&mut |row| assembler.push(row, &mut |features| averager.push(features, sink)));
        }
        assembler.finish(&mut |features| averager.push(features, sink));
        averager.finish(sink);
    }

    fn reset(&mut self) {
        if let Some(prosody) = &mut self.prosody {
            prosody.reset();
        }
        self.assembler.reset();
        self.averager.reset();
    }
}

/// Steps of a whole clip, `[steps, step_len]`.
///
/// The values are bit-identical to those of a [`FrontEnd`] fed with the clip. A caller with many clips saves the set-up by keeping one `FrontEnd`.
/// [`BlockFeatures`] is left to the caller. With centring, an empty clip gives one step of silence, as in librosa.
///
/// # Errors
/// [`FrontEndError::Config`], [`FrontEndError::Sample`] and, without centring, [`FrontEndError::TooShort`].
pub fn features<T: Sample>(config: &FrontEndConfig, samples: &[T]) -> Result<Array2<T>, FrontEndError> {
    of_clip(config, samples, None)
}

/// [`features`] with every mel level raised to at least `top_db` dB below the loudest one of the clip, as librosa's `top_db` does.
///
/// Such a floor needs the whole clip, which a stream does not have, so no model is trained with it: it exists for comparison with librosa.
///
/// # Errors
/// As [`features`], and [`FrontEndError::Config`] when `top_db` is not a positive number.
pub fn features_with_floor<T: Sample>(config: &FrontEndConfig, samples: &[T], top_db: f64) -> Result<Array2<T>, FrontEndError> {
    if let Some(floor_db) = config.floor_db {
        return Err(
            ConfigError { field: "floor_db", expected: "absent beside top_db".to_owned(), found: floor_db.to_string() }.into()
        );
    }
    if !(top_db.is_finite() && top_db > 0.0) {
        let (expected, found) = ("a positive number of dB".to_owned(), top_db.to_string());
        return Err(ConfigError { field: "top_db", expected, found }.into());
    }
    of_clip(config, samples, Some(top_db))
}

fn of_clip<T: Sample>(config: &FrontEndConfig, samples: &[T], top_db: Option<f64>) -> Result<Array2<T>, FrontEndError> {
    let mut front_end = FrontEnd::new(config)?;
    check_samples(samples, 0)?;
    if !config.center && samples.len() < config.n_fft {
        return Err(FrontEndError::TooShort { expected: config.n_fft, found: samples.len() });
    }
    let mut values = Vec::new();
    let mut collect = |step: &[T]| values.extend_from_slice(step);
    match top_db {
        None => {
            front_end.push(samples, &mut collect)?;
            T::flush(&mut front_end, &mut collect);
        }
        Some(top_db) => T::flush_with_floor(&mut front_end, samples, top_db, &mut collect),
    }
    let step_len = front_end.step_len();
    // INVARIANT: every step has step_len values.
    Ok(Array2::from_shape_vec((values.len() / step_len, step_len), values).expect("whole steps"))
}

impl<T: Real> FrontEnd<T> {
    /// Runs a whole clip with every mel level raised to at least `top_db` below the loudest one.
    fn generic_flush_with_floor(&mut self, samples: &[T], top_db: f64, sink: Sink<'_, T>) {
        let (mut levels, mut sounds) = (Vec::new(), Vec::new());
        let Self { framer, frames, steps } = self;
        let mut collect = |frame: &[T]| {
            frames.of_frame(frame, &mut |log_mel, sound| {
                levels.extend_from_slice(log_mel);
                sounds.push(sound.copied());
            });
        };
        framer.push(samples, &mut collect);
        framer.finish(&mut collect);
        let floor = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max) - top_db;
        for level in &mut levels {
            *level = level.max(floor);
        }
        for (log_mel, sound) in levels.chunks_exact(frames.log_mel.n_mels()).zip(&sounds) {
            steps.push(log_mel, sound.as_ref(), sink);
        }
        steps.finish(sink);
    }
}

/// Refuses the first sample that is not a usable number; `first_index` is the stream position of `samples[0]`.
fn check_samples<T: Real>(samples: &[T], first_index: u64) -> Result<(), FrontEndError> {
    match first_unusable(samples) {
        None => Ok(()),
        Some(at) => Err(FrontEndError::Sample { index: first_index + at as u64, found: samples[at].widen() }),
    }
}
