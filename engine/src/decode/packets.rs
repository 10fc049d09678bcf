//! From the packets of one track of a container to samples.

use std::io::ErrorKind;
use std::sync::LazyLock;

use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;
use symphonia::default::register_enabled_codecs;
use symphonia_adapter_libopus::OpusDecoder;

use super::SAMPLE_RATES_HZ;
use super::container::{Container, Kind};
use super::edits::{Edit, Edits};
use super::error::{DecodeProblem, DecodeWarning};
use super::layout::Layout;
use super::mpeg::FrameHeader;
use super::samples::{Linear, interleave};
use crate::panics::caught;

/// Longest silence that replaces one corrupt packet, seconds.
const LONGEST_PATCH_SECONDS: u64 = 1;

/// A file whose last packet ends this close to its length is complete, seconds.
const SAME_END_SECONDS: f64 = 0.5;

/// Position of the pre-skip in the header of Opus.
const OPUS_PRE_SKIP: std::ops::Range<usize> = 10..12;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<OpusDecoder>();
    codecs
});

/// Result of one packet.
pub(super) enum Step {
    /// Samples with this layout; their offset from the start of the recording, seconds.
    Decoded(Layout, f64),
    /// The packet had no samples; there may be more packets.
    Nothing,
    /// There are no further packets, or none that can be read, for this reason.
    Ended(Option<String>),
}

/// Packets that could not be decoded.
#[derive(Debug)]
pub(super) struct Corrupt {
    pub(super) n_packets: u64,
    /// Samples per channel before the first one.
    pub(super) first_at: u64,
    pub(super) reason: String,
}

/// A track being decoded.
pub(super) struct Packets {
    format: Box<dyn FormatReader>,
    kind: Kind,
    decoder: Box<dyn AudioDecoder>,
    parameters: AudioCodecParameters,
    track: Track,
    layout: Option<Layout>,
    /// Rate and channels of the last frame of MPEG audio; the decoder was made for them.
    frame: Option<(u32, u8)>,
    n_frames: u64,
    /// End of the latest packet of any track, if needed, seconds.
    reached_s: f64,
    pub(super) corrupt: Option<Corrupt>,
}

impl Packets {
    /// The audio track with the number `wanted`, counted from 1, or the one that players choose. Also returns the warnings about it.
    ///
    /// # Errors
    /// There is no such track, or no decoder for it.
    pub(super) fn new(container: Container, wanted: Option<usize>) -> Result<(Self, Vec<DecodeWarning>), DecodeProblem> {
        let Container { format, kind, mut warnings } = container;
        let tracks: Vec<&Track> = format.tracks().iter().filter(|track| audio(track).is_some()).collect();
        let chosen = match wanted {
            Some(number) => {
                let expected = tracks.len();
                let track = number.checked_sub(1).and_then(|index| tracks.get(index));
                *track.ok_or(DecodeProblem::Track { expected, found: number })?
            }
            None => {
                let default = format.default_track(TrackType::Audio).filter(|track| audio(track).is_some());
                default.or(tracks.first().copied()).ok_or_else(|| no_track(&kind))?
            }
        };
        if wanted.is_none() && tracks.len() > 1 {
            warnings.push(tracks_warning(&tracks, chosen));
        }
        let track = chosen.clone();
        // INVARIANT: only tracks with audio were considered.
        let mut parameters = audio(&track).expect("a track with audio").clone();
        if matches!(kind, Kind::Movie(_)) && parameters.codec == codec::CODEC_ID_OPUS {
            // The edit list already includes it.
            without_pre_skip(&mut parameters);
        }
        let decoder = make_decoder(&parameters)?;
        let packets = Self {
            format,
            kind,
            decoder,
            parameters,
            track,
            layout: None,
            frame: None,
            n_frames: 0,
            reached_s: 0.0,
            corrupt: None,
        };
        Ok((packets, warnings))
    }

    /// The edits that determine which of the samples are played, at `sample_rate`.
    pub(super) fn edits(&self, sample_rate: u32) -> Edits {
        Edits::new(match &self.kind {
            Kind::Movie(movie) => movie.edits(self.track.id, sample_rate),
            Kind::PaddedPackets => match (self.track.delay, self.track.num_frames) {
                (None, None) => Vec::new(),
                (delay, n_frames) => vec![Edit::Play { start: u64::from(delay.unwrap_or(0)), n_frames }],
            },
            _ => Vec::new(),
        })
    }

    /// Number of samples per channel according to the header, before edits, and whether it is exact rather than an estimate.
    pub(super) fn n_frames(&self, sample_rate: u32) -> Option<(u64, bool)> {
        let is_promise = match self.kind {
            // Matroska gives the common duration of all its tracks.
            Kind::Adts | Kind::Matroska(_) => false,
            // Without an encoder tag the length is estimated from the first frames.
            Kind::Mpeg => self.track.delay.is_some(),
            // Without information about the samples added by the encoder, whole packets are counted, and the last one may be shorter.
            Kind::PaddedPackets => self.track.delay.is_some() || self.track.padding.is_some(),
            _ => true,
        };
        let media = self.format.media_info();
        let from_duration = || {
            let of_track = self.track.time_base.zip(self.track.duration);
            let (base, duration) = of_track.or_else(|| media.time_base.zip(media.duration))?;
            Some((base.calc_duration(duration)?.as_secs_f64() * f64::from(sample_rate)).round() as u64)
        };
        let n_frames = self.track.num_frames.or_else(|| from_duration().filter(|&n| n > 0))?;
        let delay = u64::from(self.track.delay.unwrap_or(0));
        let n_frames = match self.kind {
            // The decoder outputs more than the valid samples; the edits remove the rest.
            Kind::PaddedPackets => n_frames + delay,
            // Ogg also counts the samples that the Opus decoder drops.
            Kind::Plain if self.parameters.codec == codec::CODEC_ID_OPUS => n_frames.saturating_sub(delay),
            _ => n_frames,
        };
        Some((n_frames, is_promise))
    }

    /// Decodes the next packet into `samples`, interleaved. A panic of the decoder ends the track.
    ///
    /// # Errors
    /// A disk error, or a stream without a decoder.
    pub(super) fn next(&mut self, samples: &mut Vec<f32>) -> Result<Step, DecodeProblem> {
        caught(|| self.read_next(samples)).unwrap_or_else(|reason| {
            samples.clear();
            let reason = format!("its decoder failed: {reason}");
            if self.layout.is_none() {
                self.corrupt = Some(Corrupt { n_packets: 1, first_at: 0, reason: reason.clone() });
            }
            Ok(Step::Ended(Some(reason)))
        })
    }

    fn read_next(&mut self, samples: &mut Vec<f32>) -> Result<Step, DecodeProblem> {
        match self.format.next_packet() {
            Ok(Some(packet)) => {
                self.reach(&packet);
                if packet.track_id == self.track.id { self.decode(packet, samples) } else { Ok(Step::Nothing) }
            }
            Ok(None) => Ok(Step::Ended(None)),
            Err(SymphoniaError::ResetRequired) => self.follow_chain(),
            Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                Ok(Step::Ended((!self.may_end_here()).then(|| "the file ends in the middle of a packet".to_owned())))
            }
            Err(SymphoniaError::IoError(error)) => Err(DecodeProblem::Io(error)),
            Err(error) => Ok(Step::Ended(Some(error.to_string()))),
        }
    }

    /// Records the progress in a file whose length is the common one of all its tracks.
    fn reach(&mut self, packet: &Packet) {
        if !matches!(self.kind, Kind::Matroska(_)) {
            return;
        }
        let track = self.format.tracks().iter().find(|track| track.id == packet.track_id);
        let end = packet.pts.checked_add(packet.dur);
        let time = track.and_then(|track| track.time_base?.calc_time(end?));
        self.reached_s = time.map_or(0.0, |time| time.as_secs_f64()).max(self.reached_s);
    }

    /// Matroska, read as a pipe, ends only where the file ends: the end is regular if any track has reached the length of the file, or if that is
    /// unknown.
    fn may_end_here(&self) -> bool {
        let Some(Layout { sample_rate, .. }) = self.layout.filter(|_| matches!(self.kind, Kind::Matroska(_))) else {
            return false;
        };
        let rate = f64::from(sample_rate);
        let reached_s = self.reached_s.max(self.n_frames as f64 / rate);
        self.n_frames(sample_rate).is_none_or(|(expected, _)| reached_s + SAME_END_SECONDS >= expected as f64 / rate)
    }

    /// Offset of a track's first samples from the start of the recording, seconds. The timestamp of a packet refers to the output of its decoder, of which
    /// the Opus decoder drops the beginning.
    fn begins_at(&self, packet: &Packet) -> f64 {
        let time = self.track.time_base.and_then(|base| base.calc_time(packet.pts));
        let begins_at = time.map_or(0.0, |time| time.as_secs_f64());
        if begins_at > 0.0 { begins_at + pre_skip_seconds(&self.parameters) } else { 0.0 }
    }

    fn decode(&mut self, mut packet: Packet, samples: &mut Vec<f32>) -> Result<Step, DecodeProblem> {
        if matches!(self.kind, Kind::Mpeg) {
            self.follow_join(&mut packet)?;
        }
        let starts_at = match &self.kind {
            Kind::Matroska(_) if self.layout.is_none() => self.begins_at(&packet),
            _ => 0.0,
        };
        if let Some(layout) = self.convert(&packet, samples) {
            return Ok(if samples.is_empty() { Step::Nothing } else { Step::Decoded(layout, starts_at) });
        }
        match self.decoder.decode(&packet) {
            Ok(buffer) if buffer.frames() == 0 => Ok(Step::Nothing),
            Ok(buffer) => {
                let layout = Layout { sample_rate: buffer.spec().rate(), n_channels: buffer.spec().channels().count() };
                interleave(&buffer, samples);
                self.layout = Some(layout);
                self.n_frames += (samples.len() / layout.n_channels) as u64;
                Ok(Step::Decoded(layout, starts_at))
            }
            Err(SymphoniaError::DecodeError(reason)) => Ok(self.patch(&packet, reason.to_owned(), samples)),
            Err(SymphoniaError::IoError(_)) => Ok(self.patch(&packet, "a packet ends early".to_owned(), samples)),
            Err(error) => Err(DecodeProblem::Undecodable { reason: error.to_string() }),
        }
    }

    /// Samples of a packet that needs no decoder, and their layout.
    fn convert(&mut self, packet: &Packet, samples: &mut Vec<f32>) -> Option<Layout> {
        let linear = Linear::of(&self.parameters)?;
        let layout = Layout { sample_rate: self.parameters.sample_rate?, n_channels: self.parameters.channels.as_ref()?.count() };
        let n_frames = packet.data.len() / (layout.n_channels * linear.n_bytes());
        linear.convert(&packet.data[..n_frames * layout.n_channels * linear.n_bytes()], samples);
        self.layout = Some(layout);
        self.n_frames += n_frames as u64;
        Some(layout)
    }

    /// Silence of the length of the corrupt `packet`, so that later samples keep their times.
    fn patch(&mut self, packet: &Packet, reason: String, samples: &mut Vec<f32>) -> Step {
        let corrupt = self.corrupt.get_or_insert(Corrupt { n_packets: 0, first_at: self.n_frames, reason });
        corrupt.n_packets += 1;
        let Some(layout) = self.layout else { return Step::Nothing };
        let sample_rate = u64::from(layout.sample_rate);
        let seconds = self.track.time_base.and_then(|base| base.calc_duration(packet.dur)).map(|time| time.as_secs_f64());
        let n_frames = seconds.map_or(packet.dur.get(), |seconds| (seconds * sample_rate as f64).round() as u64);
        let n_frames = n_frames.min(LONGEST_PATCH_SECONDS * sample_rate);
        samples.clear();
        samples.resize(n_frames as usize * layout.n_channels, 0.0);
        self.n_frames += n_frames;
        if n_frames == 0 { Step::Nothing } else { Step::Decoded(layout, 0.0) }
    }

    /// Continues MPEG audio after the end of its first part, where the format may change, as it may anywhere.
    fn follow_join(&mut self, packet: &mut Packet) -> Result<(), DecodeProblem> {
        let end = self.track.num_frames.filter(|_| self.track.delay.is_some());
        let end = end.map(|n_frames| n_frames.saturating_add(u64::from(self.track.padding.unwrap_or(0))));
        if end.is_none_or(|end| packet.pts.get() >= i64::try_from(end).unwrap_or(i64::MAX)) {
            packet.trim_end = Duration::ZERO;
        }
        let Some(header) = FrameHeader::parse(&packet.data) else { return Ok(()) };
        let frame = (header.sample_rate, header.n_channels);
        if self.frame.replace(frame).is_some_and(|before| before != frame) {
            self.decoder = make_decoder(&self.parameters)?;
        }
        Ok(())
    }

    /// Restarts the decoder for the next stream of a chained Ogg file.
    fn follow_chain(&mut self) -> Result<Step, DecodeProblem> {
        let next = self.format.default_track(TrackType::Audio).and_then(|track| Some((track.clone(), audio(track)?.clone())));
        let Some((track, parameters)) = next else { return Ok(Step::Ended(None)) };
        self.decoder = make_decoder(&parameters)?;
        (self.track, self.parameters) = (track, parameters);
        Ok(Step::Nothing)
    }
}

/// The parameters of a track with audio in a known codec.
fn audio(track: &Track) -> Option<&AudioCodecParameters> {
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio())?;
    (parameters.codec != CODEC_ID_NULL_AUDIO).then_some(parameters)
}

fn no_track(kind: &Kind) -> DecodeProblem {
    let found = match kind {
        Kind::Movie(movie) => movie.tracks.first().map(|track| track.codec_name()),
        Kind::Matroska(codecs) => codecs.first().map(|name| format!("of the kind {name}")),
        _ => None,
    };
    found.map_or(DecodeProblem::NoAudioTrack, |found| DecodeProblem::Unsupported { found })
}

fn tracks_warning(tracks: &[&Track], chosen: &Track) -> DecodeWarning {
    let describe = |(index, track): (usize, &&Track)| {
        let codec = audio(track).and_then(|parameters| CODECS.get_audio_decoder(parameters.codec));
        let name = codec.map_or("audio", |decoder| decoder.codec.info.long_name);
        let language = track.language.as_deref().filter(|language| !matches!(*language, "" | "und"));
        format!("{}: {name}{}", index + 1, language.map_or_else(String::new, |language| format!(" ({language})")))
    };
    let is_chosen = |track: &Track| track.id == chosen.id;
    let others: Vec<String> = tracks.iter().enumerate().filter(|(_, track)| !is_chosen(track)).map(describe).collect();
    let taken = 1 + tracks.iter().position(|track| is_chosen(track)).unwrap_or(0);
    DecodeWarning::Tracks { n_tracks: tracks.len(), taken, others: others.join(", ") }
}

/// Duration of the beginning that the Opus decoder drops, seconds.
///
/// # Source
/// RFC 7845, 5.1: samples at 48 kHz, whatever the original rate
fn pre_skip_seconds(parameters: &AudioCodecParameters) -> f64 {
    const RATE_HZ: f64 = 48_000.0;
    let head = parameters.extra_data.as_deref().filter(|_| parameters.codec == codec::CODEC_ID_OPUS);
    let pre_skip = head.and_then(|head| head.get(OPUS_PRE_SKIP)).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
    f64::from(pre_skip.unwrap_or(0)) / RATE_HZ
}

fn without_pre_skip(parameters: &mut AudioCodecParameters) {
    if let Some(pre_skip) = parameters.extra_data.as_deref_mut().and_then(|header| header.get_mut(OPUS_PRE_SKIP)) {
        pre_skip.fill(0);
    }
}

fn make_decoder(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, DecodeProblem> {
    if let Some(rate) = parameters.sample_rate.filter(|rate| !SAMPLE_RATES_HZ.contains(rate)) {
        return Err(DecodeProblem::SampleRate { found: rate });
    }
    CODECS
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| DecodeProblem::of_decoder(&error, parameters))
}
