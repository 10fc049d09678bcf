//! From audio files to PCM, one packet at a time.
//!
//! In: a path. Out: interleaved or mono `f32` samples in chunks of one packet, and the warnings of a file that is damaged but not useless.
//! The content of a file decides its format, never its name. The trainer and the command read files only through this module, so both get the same samples.
//!
//! Bytes without the tags around them ([`tags`](self)) go to a container, its packets to a decoder; the decoded samples are trimmed to the part that is
//! played (`edits`) and converted to the layout of the beginning (`layout`). Containers and decoders are symphonia's, except for formats with
//! blocks of constant length (`blocks`), whose headers are the least reliable.

mod aiff;
mod blocks;
mod bytes;
mod caf;
mod container;
mod edits;
mod error;
mod ffmpeg;
mod layout;
mod mp4;
mod mpeg;
mod ogg;
mod packets;
mod raw;
mod riff;
mod samples;
mod tags;

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use moodline_core::resample::{ResampleError, Resampler};

use bytes::Bytes;
use container::Container;
use edits::Edits;
use layout::{Conform, Layout};
use packets::{Packets, Step};

use crate::panics::caught;
use crate::source::{FileSource, Source};

pub use error::{DecodeError, DecodeProblem, DecodeWarning};
pub use raw::{RawFormat, UnknownRawFormat};

/// Supported sample rates, Hz.
pub const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// File name extensions of the supported formats, lower case; they only select files inside a folder.
pub const EXTENSIONS: [&str; 29] = [
    "3g2", "3gp", "aac", "aif", "aifc", "aiff", "bw64", "bwf", "caf", "flac", "m4a", "m4b", "m4r", "m4v", "mka", "mkv", "mov",
    "mp2", "mp3", "mp4", "mpga", "oga", "ogg", "opus", "rf64", "w64", "wav", "wave", "webm",
];

/// File name extensions of unsupported audio, and of video with sound, lower case.
pub const UNREAD_EXTENSIONS: [&str; 29] = [
    "8svx", "aa3", "ac3", "amr", "ape", "au", "avi", "awb", "dff", "dsf", "dts", "eac3", "flv", "gsm", "mp1", "mpc", "mpeg",
    "mpg", "oma", "ra", "rm", "snd", "spx", "tta", "voc", "wma", "wmv", "wv", "xwma",
];

/// Largest sample that is accepted as audio. A float file may far exceed full scale, but the power spectrum of anything
/// above this would overflow.
const LARGEST_SAMPLE: f32 = 1e12;

/// Longest silence that a file may put before and between its samples, seconds: sound that begins late in a long film, but no damaged number.
const LONGEST_SILENCE_SECONDS: u64 = 6 * 3600;

/// The path that [`AudioReader::open_with`] takes as standard input; a file of that name is `./-`.
pub const STANDARD_INPUT: &str = "-";

/// The decoder to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DecoderChoice {
    /// The built-in decoders, and an installed ffmpeg for formats that are known but not supported; a warning says so.
    Auto,
    /// The built-in decoders. No other program is started.
    #[default]
    Builtin,
    /// An installed ffmpeg.
    Ffmpeg,
}

impl DecoderChoice {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Builtin, Self::Ffmpeg];

    /// The name typed by users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Builtin => "builtin",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

/// Which part of a file is read, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Number of the audio track, counted from 1; without it the one that players choose.
    pub track: Option<usize>,
    /// The decoder to use.
    pub decoder: DecoderChoice,
    /// The format of a file without a header; no other format is then tried.
    pub raw: Option<RawFormat>,
}

/// A file being decoded: WAV and its relatives, AIFF, CAF, FLAC, MP3, Ogg, Matroska, MP4; any channel count, [`SAMPLE_RATES_HZ`].
///
/// Memory is bounded by the container's index and one packet. Encoder delay and padding are removed where the file gives their lengths, and sound
/// that begins after the picture is preceded by silence, so that times match those of a player.
pub struct AudioReader {
    path: PathBuf,
    packets: Packets,
    conform: Conform,
    edits: Edits,
    n_frames_promised: Option<u64>,
    n_frames_expected: Option<u64>,
    n_frames_read: u64,
    /// Decoded samples that have not been returned yet.
    decoded: Vec<f32>,
    /// Buffer for all channels when only their mean is requested.
    all_channels: Vec<f32>,
    unusable: Option<Unusable>,
    packets_ended: bool,
    ended: bool,
    warnings: Vec<DecodeWarning>,
}

/// Samples that are not valid audio.
#[derive(Clone, Copy)]
struct Unusable {
    n_samples: u64,
    found: f32,
    channel: usize,
    at_seconds: f64,
}

impl AudioReader {
    /// Opens `path` and decodes up to its first samples, so that an open reader always has audio. Of several tracks it takes the one that
    /// players choose.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, DecodeError> {
        let file = open_file(path).and_then(|file| Bytes::of_file(file).map_err(DecodeProblem::Io));
        file.and_then(|bytes| Self::begin(path, container::open(bytes)?, None)).map_err(|problem| DecodeError::new(path, problem))
    }

    /// [`AudioReader::open`] with a choice of track and decoder; the path [`STANDARD_INPUT`] stands for standard input.
    ///
    /// # Errors
    /// As [`AudioReader::open`], and when there is no such track or no ffmpeg.
    pub fn open_with(path: &Path, options: ReadOptions) -> Result<Self, DecodeError> {
        // Readers of damaged headers panic, too.
        let opened = caught(|| Self::open_problem(path, options)).unwrap_or_else(|reason| Err(DecodeProblem::Header { reason }));
        opened.map_err(|problem| DecodeError::new(path, problem))
    }

    fn open_problem(path: &Path, options: ReadOptions) -> Result<Self, DecodeProblem> {
        let ReadOptions { track, decoder, raw } = options;
        if path.as_os_str() == STANDARD_INPUT {
            let bytes = Bytes::of_pipe(std::io::stdin());
            return match (raw, decoder) {
                (Some(format), _) => Self::begin(path, container::raw(bytes, format)?, track),
                (None, DecoderChoice::Ffmpeg) => Err(DecodeProblem::FfmpegOfPipe),
                (None, _) => Self::begin(path, container::open(bytes)?, track),
            };
        }
        let file = open_file(path)?;
        if let Some(format) = raw {
            return Self::begin(path, container::raw(Bytes::of_file(file).map_err(DecodeProblem::Io)?, format)?, track);
        }
        let by_ffmpeg = |reason: String| -> Result<Self, DecodeProblem> {
            let mut reader = Self::begin(path, container::open(ffmpeg::open(path, track)?)?, None)?;
            reader.warnings.push(DecodeWarning::ByFfmpeg { reason });
            Ok(reader)
        };
        if decoder == DecoderChoice::Ffmpeg {
            return by_ffmpeg("as asked for".to_owned());
        }
        let opened = container::open(Bytes::of_file(file).map_err(DecodeProblem::Io)?);
        match opened.and_then(|container| Self::begin(path, container, track)) {
            Err(DecodeProblem::Unsupported { found }) if decoder == DecoderChoice::Auto => {
                // The actual problem is the unsupported format, whatever ffmpeg reports.
                by_ffmpeg(format!("{found} is not read otherwise")).map_err(|_| DecodeProblem::Unsupported { found })
            }
            result => result,
        }
    }

    fn begin(path: &Path, container: Container, track: Option<usize>) -> Result<Self, DecodeProblem> {
        let (mut packets, mut warnings) = Packets::new(container, track)?;
        let mut decoded = Vec::new();
        let (layout, starts_at) = first_samples(&mut packets, &mut decoded)?;
        if !SAMPLE_RATES_HZ.contains(&layout.sample_rate) {
            return Err(DecodeProblem::SampleRate { found: layout.sample_rate });
        }
        let mut edits = packets.edits(layout.sample_rate);
        edits.delay((starts_at * f64::from(layout.sample_rate)).round() as u64);
        let n_left_out = edits.limit_silence(LONGEST_SILENCE_SECONDS * u64::from(layout.sample_rate));
        if n_left_out > 0 {
            warnings.push(DecodeWarning::Silence { seconds: n_left_out as f64 / f64::from(layout.sample_rate) });
        }
        let header = packets.n_frames(layout.sample_rate).map(|(n_frames, is_promise)| (edits.n_frames(n_frames), is_promise));
        Ok(Self {
            path: path.to_owned(),
            packets,
            conform: Conform::new(layout),
            edits,
            n_frames_promised: header.filter(|(_, is_promise)| *is_promise).map(|(n_frames, _)| n_frames),
            n_frames_expected: header.map(|(n_frames, _)| n_frames),
            n_frames_read: 0,
            decoded,
            all_channels: Vec::new(),
            unusable: None,
            packets_ended: false,
            ended: false,
            warnings,
        })
    }

    /// Samples per second in each channel, Hz.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.conform.layout().sample_rate
    }

    /// Number of channels, at least 1.
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.conform.layout().n_channels
    }

    /// Samples per channel returned so far.
    #[must_use]
    pub const fn frames_read(&self) -> u64 {
        self.n_frames_read
    }

    /// Samples per channel according to the header, if it gives their number. The file may be shorter.
    #[must_use]
    pub const fn frames_promised(&self) -> Option<u64> {
        self.n_frames_promised
    }

    /// Approximate number of samples per channel, as a measure of progress: the number in the header, or an estimate.
    #[must_use]
    pub const fn frames_expected(&self) -> Option<u64> {
        self.n_frames_expected
    }

    /// Problems of the file that did not make it useless; complete once [`AudioReader::read`] has returned `false`.
    #[must_use]
    pub fn warnings(&self) -> &[DecodeWarning] {
        &self.warnings
    }

    /// Replaces `chunk` by the next interleaved samples (`[n * channels]`, full scale is 1) and returns whether there were any. Samples that are not
    /// finite, or too large for audio, are replaced by silence.
    ///
    /// # Errors
    /// More than half of the samples are not valid audio, or the disk fails.
    pub fn read(&mut self, chunk: &mut Vec<f32>) -> Result<bool, DecodeError> {
        let found = self.next_chunk(chunk).map_err(|problem| self.fail(problem))?;
        if found {
            self.silence_unusable(chunk);
            self.n_frames_read += (chunk.len() / self.channels()) as u64;
        } else {
            chunk.clear();
        }
        Ok(found)
    }

    /// [`AudioReader::read`], mixed to mono: the mean of the channels, `[n]`.
    ///
    /// # Errors
    /// As [`AudioReader::read`].
    pub fn read_mono(&mut self, chunk: &mut Vec<f32>) -> Result<bool, DecodeError> {
        if self.channels() == 1 {
            return self.read(chunk);
        }
        let mut all_channels = std::mem::take(&mut self.all_channels);
        let found = self.read(&mut all_channels);
        FileSource::Of(Source::Mix).extract(&all_channels, self.channels(), chunk);
        self.all_channels = all_channels;
        found
    }

    fn fail(&self, problem: DecodeProblem) -> DecodeError {
        DecodeError::new(&self.path, problem)
    }

    fn next_chunk(&mut self, chunk: &mut Vec<f32>) -> Result<bool, DecodeProblem> {
        while !self.ended {
            if let Some(n_frames) = self.edits.take_silence() {
                chunk.clear();
                chunk.resize(n_frames as usize * self.channels(), 0.0);
                return Ok(true);
            }
            if self.edits.is_done() || (self.decoded.is_empty() && self.packets_ended) {
                self.finish()?;
            } else if self.decoded.is_empty() {
                self.decode()?;
            } else if self.play(chunk) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decodes the next packet.
    fn decode(&mut self) -> Result<(), DecodeProblem> {
        match self.packets.next(&mut self.decoded)? {
            Step::Decoded(layout, _) => {
                if layout != self.conform.layout() {
                    self.warn_of_layout(layout);
                }
                self.conform.push(layout, &mut self.decoded).map_err(resample_problem)?;
            }
            Step::Nothing => {}
            Step::Ended(reason) => {
                self.packets_ended = true;
                self.conform.finish(&mut self.decoded);
                if let Some(reason) = reason {
                    self.warnings.push(DecodeWarning::Stopped { at_seconds: self.seconds(), reason });
                }
            }
        }
        Ok(())
    }

    /// Returns the part of the decoded samples that is played, and whether there was any.
    fn play(&mut self, chunk: &mut Vec<f32>) -> bool {
        let n_channels = self.channels();
        let n_given = (self.decoded.len() / n_channels) as u64;
        let (part, n_done) = self.edits.take(n_given);
        chunk.clear();
        if part == (0..n_given) {
            std::mem::swap(chunk, &mut self.decoded);
        } else {
            chunk.extend_from_slice(&self.decoded[part.start as usize * n_channels..part.end as usize * n_channels]);
            self.decoded.drain(..n_done as usize * n_channels);
        }
        !chunk.is_empty()
    }

    fn warn_of_layout(&mut self, found: Layout) {
        if self.warnings.iter().all(|warning| !matches!(warning, DecodeWarning::LayoutChanged { .. })) {
            self.warnings.push(DecodeWarning::LayoutChanged {
                at_seconds: self.seconds(),
                expected: self.conform.layout().to_string(),
                found: found.to_string(),
            });
        }
    }

    fn silence_unusable(&mut self, chunk: &mut [f32]) {
        let is_usable = |sample: &f32| sample.abs() <= LARGEST_SAMPLE;
        if chunk.iter().fold(true, |all, sample| all & is_usable(sample)) {
            return;
        }
        let (n_channels, rate) = (self.channels(), f64::from(self.sample_rate()));
        for (index, sample) in chunk.iter_mut().enumerate().filter(|(_, sample)| !is_usable(sample)) {
            let at_seconds = (self.n_frames_read + (index / n_channels) as u64) as f64 / rate;
            let first = Unusable { n_samples: 0, found: *sample, channel: index % n_channels + 1, at_seconds };
            self.unusable.get_or_insert(first).n_samples += 1;
            *sample = 0.0;
        }
    }

    fn finish(&mut self) -> Result<(), DecodeProblem> {
        self.ended = true;
        let rate = f64::from(self.sample_rate());
        if let Some(corrupt) = &self.packets.corrupt {
            let (n_packets, first_at_seconds) = (corrupt.n_packets, corrupt.first_at as f64 / rate);
            self.warnings.push(DecodeWarning::CorruptPackets { n_packets, first_at_seconds });
        }
        if let Some(Unusable { n_samples, found, channel, at_seconds }) = self.unusable {
            if 2 * n_samples > self.n_frames_read * self.channels() as u64 {
                return self.unusable_problem().map_or(Ok(()), Err);
            }
            self.warnings.push(DecodeWarning::Samples { n_samples, found, channel, at_seconds });
        }
        if let Some(promised) = self.n_frames_promised.filter(|&promised| promised > self.n_frames_read) {
            self.warnings
                .push(DecodeWarning::Truncated { expected_seconds: promised as f64 / rate, found_seconds: self.seconds() });
        }
        Ok(())
    }

    /// Fails if some of the samples that were read were not valid audio: for clips used for training or evaluation, where a warning would go unnoticed.
    ///
    /// # Errors
    /// The first sample that was replaced by silence, and how many there were.
    pub fn refuse_unusable(&self) -> Result<(), DecodeError> {
        self.unusable_problem().map_or(Ok(()), |problem| Err(self.fail(problem)))
    }

    fn unusable_problem(&self) -> Option<DecodeProblem> {
        let Unusable { n_samples, found, channel, at_seconds } = self.unusable?;
        Some(DecodeProblem::Samples { n_samples, found, channel, at_seconds })
    }

    fn seconds(&self) -> f64 {
        self.n_frames_read as f64 / f64::from(self.sample_rate())
    }
}

/// Decodes up to the first samples; returns their layout, and their offset from the start of the recording, seconds.
fn first_samples(packets: &mut Packets, samples: &mut Vec<f32>) -> Result<(Layout, f64), DecodeProblem> {
    loop {
        match packets.next(samples)? {
            Step::Decoded(layout, starts_at) => return Ok((layout, starts_at)),
            Step::Nothing => {}
            Step::Ended(_) => {
                return Err(match (packets.corrupt.take(), packets.n_frames(0)) {
                    (Some(corrupt), _) => DecodeProblem::Undecodable { reason: corrupt.reason },
                    (None, Some((1.., true))) => DecodeProblem::CutBeforeAudio,
                    (None, _) => DecodeProblem::NoSamples,
                });
            }
        }
    }
}

/// The whole file as mono samples at `target_hz`; intended for clips, since all of it is in memory.
///
/// # Errors
/// As [`AudioReader::open`] and [`AudioReader::read`]; a single invalid sample is an error, since a warning would go unnoticed.
pub fn read_mono_resampled(path: &Path, target_hz: u32) -> Result<Vec<f32>, DecodeError> {
    let mut reader = AudioReader::open(path)?;
    let refused = |error| DecodeError::new(path, resample_problem(error));
    let mut resampler = Resampler::new(reader.sample_rate(), target_hz).map_err(refused)?;
    let (mut chunk, mut samples) = (Vec::new(), Vec::new());
    while reader.read_mono(&mut chunk)? {
        resampler.push(&chunk, &mut |part: &[f32]| samples.extend_from_slice(part)).map_err(refused)?;
    }
    resampler.finish(&mut |part: &[f32]| samples.extend_from_slice(part));
    reader.refuse_unusable()?;
    Ok(samples)
}

fn resample_problem(error: ResampleError) -> DecodeProblem {
    DecodeProblem::Resample(error.to_string())
}

fn open_file(path: &Path) -> Result<File, DecodeProblem> {
    let metadata = path.metadata().map_err(|error| match error.kind() {
        ErrorKind::NotFound => DecodeProblem::Missing,
        _ => DecodeProblem::Io(error),
    })?;
    if metadata.is_dir() {
        return Err(DecodeProblem::Folder);
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(DecodeProblem::Empty);
    }
    File::open(path).map_err(DecodeProblem::Io)
}
