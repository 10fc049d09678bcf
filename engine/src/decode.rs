//! Audio files to PCM, a packet at a time.
//!
//! In: a path. Out: interleaved or mono `f32` samples in chunks of one packet, and the warnings of a file that is damaged but not useless.
//! What a file is decides its content, never its name. The trainer and the command read files through this module only, so both hear the same.

mod error;

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use moodline_core::resample::{ResampleError, Resampler};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::well_known::FORMAT_ID_MP3;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::default::{get_codecs, register_enabled_formats};

pub use error::{DecodeError, DecodeProblem, DecodeWarning};

/// Sample rates that are read, Hz.
pub const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// File name extensions of the formats that are read, lower case; they choose files inside a folder, nothing else.
pub const EXTENSIONS: [&str; 11] = ["aac", "aif", "aifc", "aiff", "flac", "m4a", "mp3", "mp4", "oga", "ogg", "wav"];

/// Largest sample that is taken for audio. A float file may exceed full scale by far, but the power spectrum of anything
/// above this would overflow.
const LARGEST_SAMPLE: f32 = 1e12;

/// A marker of a known format must begin within this many bytes (after tags); searching further finds "MP3 frames" in any large binary file.
const PROBE_DEPTH_BYTES: u32 = 64 * 1024;

/// Longest silence that stands in for one corrupt packet, seconds.
const LONGEST_PATCH_SECONDS: u64 = 1;

static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let mut probe = Probe::new_with_options(&ProbeOptions { max_probe_depth: PROBE_DEPTH_BYTES, ..ProbeOptions::default() });
    register_enabled_formats(&mut probe);
    probe
});

/// A file being decoded: WAV, FLAC, MP3, Ogg Vorbis, M4A/AAC, ALAC or AIFF, any channel count, [`SAMPLE_RATES_HZ`].
///
/// Memory is bounded by the container's index and one packet. Encoder delay and padding are removed where the container
/// says how much there is and symphonia reads it (MP3 with a LAME tag, Ogg Vorbis, FLAC); an M4A keeps its priming samples, 20 to 50 ms
/// of near silence.
pub struct AudioReader {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    sample_rate: u32,
    n_channels: usize,
    n_frames_promised: Option<u64>,
    n_frames_read: u64,
    first_chunk: Option<Vec<f32>>,
    corrupt: Option<Corrupt>,
    ended: bool,
    warnings: Vec<DecodeWarning>,
}

/// Packets that could not be decoded.
struct Corrupt {
    n_packets: u64,
    first_at_seconds: f64,
    reason: String,
}

/// What became of one packet of the container.
enum PacketOutcome {
    /// The chunk holds samples.
    Decoded,
    /// The packet gave nothing; there may be more.
    Nothing,
    /// There is no further packet.
    Ended,
}

impl AudioReader {
    /// Opens `path` and decodes up to its first samples, so that a reader that exists has audio in it.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, DecodeError> {
        let fail = |problem| DecodeError::new(path, problem);
        let file = open_file(path).map_err(fail)?;
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let format = PROBE
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| fail(DecodeProblem::of_probe(error)))?;
        let track = format.default_track(TrackType::Audio).ok_or_else(|| fail(DecodeProblem::NoAudioTrack))?;
        let (track_id, n_frames_promised) = (track.id, promised_frames(format.as_ref(), track));
        let decoder = make_decoder(track).map_err(fail)?;
        let mut reader = Self {
            path: path.to_owned(),
            format,
            decoder,
            track_id,
            sample_rate: 0,
            n_channels: 0,
            n_frames_promised,
            n_frames_read: 0,
            first_chunk: None,
            corrupt: None,
            ended: false,
            warnings: Vec::new(),
        };
        reader.read_first_chunk()?;
        Ok(reader)
    }

    /// Samples per second of each channel, Hz.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Number of channels, at least 1.
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.n_channels
    }

    /// Samples of one channel handed out so far.
    #[must_use]
    pub const fn frames_read(&self) -> u64 {
        self.n_frames_read
    }

    /// Samples of one channel the header promises, where it says so. A promise: the file may be cut short.
    #[must_use]
    pub const fn frames_promised(&self) -> Option<u64> {
        self.n_frames_promised
    }

    /// What was wrong with the file without making it useless; complete once [`AudioReader::read`] has returned `false`.
    #[must_use]
    pub fn warnings(&self) -> &[DecodeWarning] {
        &self.warnings
    }

    /// Replaces `chunk` by the next interleaved samples (`[n * channels]`, full scale is 1) and returns whether there were any.
    ///
    /// # Errors
    /// A sample that is not finite, a change of rate or channels within the file, or a failing disk.
    pub fn read(&mut self, chunk: &mut Vec<f32>) -> Result<bool, DecodeError> {
        let found = match self.first_chunk.take() {
            Some(first) => {
                *chunk = first;
                true
            }
            None => self.next_chunk(chunk)?,
        };
        if found {
            self.check_samples(chunk)?;
            self.n_frames_read += (chunk.len() / self.n_channels) as u64;
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
        let found = self.read(chunk)?;
        mix_to_mono(chunk, self.n_channels);
        Ok(found)
    }

    fn fail(&self, problem: DecodeProblem) -> DecodeError {
        DecodeError::new(&self.path, problem)
    }

    fn read_first_chunk(&mut self) -> Result<(), DecodeError> {
        let mut chunk = Vec::new();
        if self.next_chunk(&mut chunk)? {
            self.first_chunk = Some(chunk);
            return Ok(());
        }
        let problem = match (self.corrupt.take(), self.n_frames_promised) {
            (Some(corrupt), _) => DecodeProblem::Undecodable { reason: corrupt.reason },
            (None, Some(promised)) if promised > 0 => DecodeProblem::CutBeforeAudio,
            (None, _) => DecodeProblem::NoSamples,
        };
        Err(self.fail(problem))
    }

    fn next_chunk(&mut self, chunk: &mut Vec<f32>) -> Result<bool, DecodeError> {
        while !self.ended {
            match self.step(chunk)? {
                PacketOutcome::Decoded => return Ok(true),
                PacketOutcome::Nothing => {}
                PacketOutcome::Ended => self.finish(),
            }
        }
        Ok(false)
    }

    fn step(&mut self, chunk: &mut Vec<f32>) -> Result<PacketOutcome, DecodeError> {
        match self.format.next_packet() {
            Ok(Some(packet)) if packet.track_id == self.track_id => self.decode(&packet, chunk),
            Ok(Some(_)) => Ok(PacketOutcome::Nothing),
            Ok(None) => Ok(PacketOutcome::Ended),
            Err(SymphoniaError::ResetRequired) => self.follow_chain(),
            Err(SymphoniaError::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                Err(self.fail(DecodeProblem::Io(error)))
            }
            Err(error) => {
                let reason = match error {
                    SymphoniaError::IoError(_) => "the file ends in the middle of a packet".to_owned(),
                    other => other.to_string(),
                };
                self.warnings.push(DecodeWarning::Stopped { at_seconds: self.seconds(), reason });
                Ok(PacketOutcome::Ended)
            }
        }
    }

    fn decode(&mut self, packet: &Packet, chunk: &mut Vec<f32>) -> Result<PacketOutcome, DecodeError> {
        match self.decoder.decode(packet) {
            Ok(buffer) if buffer.frames() == 0 => Ok(PacketOutcome::Nothing),
            Ok(buffer) => {
                let (rate, n_channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                buffer.copy_to_vec_interleaved(chunk);
                self.check_layout(rate, n_channels)?;
                Ok(PacketOutcome::Decoded)
            }
            Err(SymphoniaError::DecodeError(reason)) => Ok(self.patch(packet, reason.to_owned(), chunk)),
            Err(SymphoniaError::IoError(_)) => Ok(self.patch(packet, "a packet ends early".to_owned(), chunk)),
            Err(error) => Err(self.fail(DecodeProblem::Undecodable { reason: error.to_string() })),
        }
    }

    /// Silence as long as the corrupt `packet`, so that what follows stays at its time.
    fn patch(&mut self, packet: &Packet, reason: String, chunk: &mut Vec<f32>) -> PacketOutcome {
        let at_seconds = self.seconds();
        let corrupt = self.corrupt.get_or_insert(Corrupt { n_packets: 0, first_at_seconds: at_seconds, reason });
        corrupt.n_packets += 1;
        if self.sample_rate == 0 {
            return PacketOutcome::Nothing;
        }
        let n_frames = packet.dur.get().min(LONGEST_PATCH_SECONDS * u64::from(self.sample_rate)) as usize;
        chunk.clear();
        chunk.resize(n_frames * self.n_channels, 0.0);
        if n_frames == 0 { PacketOutcome::Nothing } else { PacketOutcome::Decoded }
    }

    /// A chained Ogg file starts a new stream: the decoder starts anew on it.
    fn follow_chain(&mut self) -> Result<PacketOutcome, DecodeError> {
        let Some(track) = self.format.default_track(TrackType::Audio) else { return Ok(PacketOutcome::Ended) };
        self.track_id = track.id;
        let decoder = make_decoder(track);
        self.decoder = decoder.map_err(|problem| self.fail(problem))?;
        self.n_frames_promised = None;
        Ok(PacketOutcome::Nothing)
    }

    fn check_layout(&mut self, rate: u32, n_channels: usize) -> Result<(), DecodeError> {
        if self.sample_rate == 0 {
            if !SAMPLE_RATES_HZ.contains(&rate) {
                return Err(self.fail(DecodeProblem::SampleRate { found: rate }));
            }
            (self.sample_rate, self.n_channels) = (rate, n_channels);
        }
        if (rate, n_channels) == (self.sample_rate, self.n_channels) {
            return Ok(());
        }
        Err(self.fail(DecodeProblem::LayoutChanged {
            at_seconds: self.seconds(),
            expected: format!("{} Hz, {} channels", self.sample_rate, self.n_channels),
            found: format!("{rate} Hz, {n_channels} channels"),
        }))
    }

    fn check_samples(&self, chunk: &[f32]) -> Result<(), DecodeError> {
        let plausible = |sample: &f32| sample.abs() <= LARGEST_SAMPLE;
        if chunk.iter().fold(true, |all, sample| all & plausible(sample)) {
            return Ok(());
        }
        // INVARIANT: the fold above found one.
        let index = chunk.iter().position(|sample| !plausible(sample)).expect("a sample is out of range");
        let frame = self.n_frames_read + (index / self.n_channels) as u64;
        Err(self.fail(DecodeProblem::Sample {
            found: chunk[index],
            channel: index % self.n_channels + 1,
            at_seconds: frame as f64 / f64::from(self.sample_rate),
        }))
    }

    fn finish(&mut self) {
        self.ended = true;
        if self.sample_rate == 0 {
            return;
        }
        if let Some(Corrupt { n_packets, first_at_seconds, .. }) = self.corrupt {
            self.warnings.push(DecodeWarning::CorruptPackets { n_packets, first_at_seconds });
        }
        if let Some(promised) = self.n_frames_promised.filter(|&promised| promised > self.n_frames_read) {
            let rate = f64::from(self.sample_rate);
            self.warnings
                .push(DecodeWarning::Truncated { expected_seconds: promised as f64 / rate, found_seconds: self.seconds() });
        }
    }

    fn seconds(&self) -> f64 {
        self.n_frames_read as f64 / f64::from(self.sample_rate.max(1))
    }
}

/// The whole file as mono samples at `target_hz`; meant for clips, since all of it is in memory.
///
/// # Errors
/// As [`AudioReader::open`] and [`AudioReader::read`].
pub fn read_mono_resampled(path: &Path, target_hz: u32) -> Result<Vec<f32>, DecodeError> {
    let mut reader = AudioReader::open(path)?;
    let refused = |error: ResampleError| DecodeError::new(path, DecodeProblem::Resample(error.to_string()));
    let mut resampler = Resampler::new(reader.sample_rate(), target_hz).map_err(refused)?;
    let (mut chunk, mut samples) = (Vec::new(), Vec::new());
    while reader.read_mono(&mut chunk)? {
        resampler.push(&chunk, &mut |part: &[f32]| samples.extend_from_slice(part)).map_err(refused)?;
    }
    resampler.finish(&mut |part: &[f32]| samples.extend_from_slice(part));
    Ok(samples)
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

fn make_decoder(track: &Track) -> Result<Box<dyn AudioDecoder>, DecodeProblem> {
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or(DecodeProblem::NoAudioTrack)?;
    if let Some(rate) = parameters.sample_rate.filter(|rate| !SAMPLE_RATES_HZ.contains(rate)) {
        return Err(DecodeProblem::SampleRate { found: rate });
    }
    get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| DecodeProblem::of_decoder(&error, parameters.codec))
}

/// The length in the header, unless symphonia only estimated it, as it does for an MP3 without a Xing tag.
fn promised_frames(format: &dyn FormatReader, track: &Track) -> Option<u64> {
    let estimated = format.format_info().format == FORMAT_ID_MP3 && track.delay.is_none();
    track.num_frames.filter(|_| !estimated)
}

fn mix_to_mono(chunk: &mut Vec<f32>, n_channels: usize) {
    if n_channels == 1 {
        return;
    }
    let n_frames = chunk.len() / n_channels;
    for frame in 0..n_frames {
        let sum: f32 = chunk[frame * n_channels..(frame + 1) * n_channels].iter().sum();
        chunk[frame] = sum / n_channels as f32;
    }
    chunk.truncate(n_frames);
}

#[cfg(test)]
mod tests {
    use super::mix_to_mono;

    #[test]
    fn mono_is_the_mean_of_the_channels() {
        let mut chunk = vec![1.0, 3.0, -1.0, 1.0];
        mix_to_mono(&mut chunk, 2);
        assert_eq!(chunk, [2.0, 0.0]);
        let mut chunk = vec![1.0, 2.0, 6.0];
        mix_to_mono(&mut chunk, 3);
        assert_eq!(chunk, [3.0]);
    }
}
