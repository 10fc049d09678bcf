//! Encodes a recording as Opus in an Ogg stream, which is small and plays in every browser.
//!
//! # Source
//! RFC 7845, "Ogg Encapsulation for the Opus Audio Codec": the two headers, granule positions at 48 kHz, pre-skip and end trimming

use std::path::Path;

use anyhow::{Context as _, anyhow};
use moodline_core::resample::Resampler;
use moodline_engine::decode::AudioReader;
use ogg::{PacketWriteEndInfo, PacketWriter};
use opusic_c::{Application, Bitrate, Channels, Encoder, SampleRate};

/// Bit rates for one and for two channels, bits per second: speech sounds unchanged.
const BITRATES: [u32; 2] = [28_000, 44_000];
/// Encoder complexity, 0 to 10: twice as fast as the maximum, and as good for speech.
const COMPLEXITY: u8 = 5;
/// Packets per second.
const PACKETS_A_SECOND: usize = 50;
/// Rate of granule positions, Hz.
const POSITION_RATE: u64 = 48_000;
/// Maximum packet size, bytes.
const LONGEST_PACKET: usize = 1500;
/// Serial number of the only stream in the file.
const SERIAL: u32 = 1;

/// The whole recording at `path`: one or two channels as they are, more as their mean.
///
/// # Errors
/// The file cannot be read a second time.
pub(super) fn of_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut reader = AudioReader::open(path)?;
    let n_channels = if reader.channels() == 2 { 2 } else { 1 };
    let mut stream = Stream::new(reader.sample_rate(), n_channels)?;
    let mut chunk = Vec::new();
    while if n_channels == 2 { reader.read(&mut chunk)? } else { reader.read_mono(&mut chunk)? } {
        stream.push(&chunk)?;
    }
    stream.finish().with_context(|| format!("{}: the recording cannot become a part of the page", path.display()))
}

/// A stream being encoded.
struct Stream {
    encoder: Encoder,
    /// One per channel; none if the encoder accepts the recording's rate.
    resamplers: Vec<Resampler>,
    rate: usize,
    n_channels: usize,
    /// Samples of each channel that are not yet encoded.
    waiting: Vec<Vec<f32>>,
    /// The samples of one packet, interleaved.
    frame: Vec<f32>,
    packets: PacketWriter<'static, Vec<u8>>,
    /// The newest packet, held back because the last one must end the stream.
    latest: Option<Vec<u8>>,
    n_packets: u64,
    /// Samples received per channel, at the encoder's rate.
    n_samples: u64,
    pre_skip: u64,
}

impl Stream {
    fn new(recorded_hz: u32, n_channels: usize) -> anyhow::Result<Self> {
        let (hz, rate) = rate_for(recorded_hz);
        let channels = if n_channels == 2 { Channels::Stereo } else { Channels::Mono };
        let mut encoder = Encoder::new(channels, rate, Application::Audio).map_err(refused)?;
        encoder.set_bitrate(Bitrate::Value(BITRATES[n_channels - 1])).map_err(refused)?;
        encoder.set_complexity(COMPLEXITY).map_err(refused)?;
        let pre_skip = u64::from(encoder.get_look_ahead().map_err(refused)?) * POSITION_RATE / u64::from(hz);
        let resampler = || Resampler::new(recorded_hz, hz);
        let n_resamplers = if hz == recorded_hz { 0 } else { n_channels };
        let mut packets = PacketWriter::new(Vec::new());
        let head = [
            b"OpusHead\x01",
            &[n_channels as u8][..],
            &(pre_skip as u16).to_le_bytes(),
            &recorded_hz.to_le_bytes(),
            // No gain, and the standard channel mapping.
            &[0; 3],
        ]
        .concat();
        let maker = b"Moodline";
        let tags = [b"OpusTags", &(maker.len() as u32).to_le_bytes()[..], maker, &[0; 4]].concat();
        for header in [head, tags] {
            packets.write_packet(header, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        }
        Ok(Self {
            encoder,
            resamplers: (0..n_resamplers).map(|_| resampler()).collect::<Result<_, _>>()?,
            rate: hz as usize,
            n_channels,
            waiting: vec![Vec::new(); n_channels],
            frame: Vec::new(),
            packets,
            latest: None,
            n_packets: 0,
            n_samples: 0,
            pre_skip,
        })
    }

    /// Takes interleaved samples at the recording's rate.
    fn push(&mut self, samples: &[f32]) -> anyhow::Result<()> {
        let before = self.waiting[0].len();
        for channel in 0..self.n_channels {
            let own = samples.iter().skip(channel).step_by(self.n_channels).copied();
            let waiting = &mut self.waiting[channel];
            match self.resamplers.get_mut(channel) {
                None => waiting.extend(own),
                Some(resampler) => {
                    let own: Vec<f32> = own.collect();
                    resampler.push(&own, &mut |part: &[f32]| waiting.extend_from_slice(part))?;
                }
            }
        }
        self.n_samples += (self.waiting[0].len() - before) as u64;
        self.encode_whole()
    }

    fn encode_whole(&mut self) -> anyhow::Result<()> {
        let n = self.rate / PACKETS_A_SECOND;
        let mut done = 0;
        while self.waiting[0].len() >= done + n {
            self.frame.clear();
            self.frame.extend((done..done + n).flat_map(|at| self.waiting.iter().map(move |own| own[at])));
            done += n;
            let mut packet = vec![0; LONGEST_PACKET];
            let length = self.encoder.encode_float_to_slice(&self.frame, &mut packet).map_err(refused)?;
            packet.truncate(length);
            self.write(packet)?;
        }
        self.waiting.iter_mut().for_each(|own| drop(own.drain(..done)));
        Ok(())
    }

    /// Writes the packet before this one. There is one page per second, so that players can seek quickly.
    fn write(&mut self, packet: Vec<u8>) -> anyhow::Result<()> {
        if let Some(before) = self.latest.replace(packet) {
            self.n_packets += 1;
            let position = self.n_packets * POSITION_RATE / PACKETS_A_SECOND as u64;
            let ends_page = self.n_packets.is_multiple_of(PACKETS_A_SECOND as u64);
            let end = if ends_page { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
            self.packets.write_packet(before, SERIAL, end, position)?;
        }
        Ok(())
    }

    /// Ends the stream after its last sample, which the final granule position gives.
    fn finish(mut self) -> anyhow::Result<Vec<u8>> {
        let before = self.waiting[0].len();
        for (resampler, waiting) in self.resamplers.iter_mut().zip(&mut self.waiting) {
            resampler.finish(&mut |part: &[f32]| waiting.extend_from_slice(part));
        }
        self.n_samples += (self.waiting[0].len() - before) as u64;
        let end = self.n_samples * POSITION_RATE / self.rate as u64 + self.pre_skip;
        // The encoder's output lags its input by the pre-skip.
        let n = self.rate / PACKETS_A_SECOND;
        let n_more = self.pre_skip as usize * self.rate / POSITION_RATE as usize;
        let n_all = (self.waiting[0].len() + n_more).next_multiple_of(n);
        self.waiting.iter_mut().for_each(|own| own.resize(n_all, 0.0));
        self.encode_whole()?;
        let last = self.latest.take().unwrap_or_default();
        self.packets.write_packet(last, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        Ok(self.packets.into_inner())
    }
}

/// The lowest Opus rate that preserves the bandwidth of a recording at `hz`, if there is one.
fn rate_for(hz: u32) -> (u32, SampleRate) {
    let rates = [
        (8_000, SampleRate::Hz8000),
        (12_000, SampleRate::Hz12000),
        (16_000, SampleRate::Hz16000),
        (24_000, SampleRate::Hz24000),
        (48_000, SampleRate::Hz48000),
    ];
    rates.into_iter().find(|(rate, _)| *rate >= hz).unwrap_or(rates[4])
}

fn refused(error: opusic_c::ErrorCode) -> anyhow::Error {
    anyhow!("the encoder of Opus refused it: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone that grows louder, in the given number of channels.
    fn recording(hz: u32, n_channels: u16) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
        let spec = hound::WavSpec {
            channels: n_channels,
            sample_rate: hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(file.path(), spec).unwrap();
        for index in 0..(2.345 * f64::from(hz)) as u32 {
            let seconds = f64::from(index) / f64::from(hz);
            for channel in 0..n_channels {
                let loudness = if channel == 0 { 0.2 * seconds } else { 0.2 };
                writer.write_sample((32_767.0 * loudness * (std::f64::consts::TAU * 440.0 * seconds).sin()) as i16).unwrap();
            }
        }
        writer.finalize().unwrap();
        file
    }

    /// All samples of the first channel.
    fn read(path: &Path) -> (Vec<f32>, u32, usize) {
        let mut reader = AudioReader::open(path).unwrap();
        let (mut chunk, mut samples) = (Vec::new(), Vec::new());
        while reader.read(&mut chunk).unwrap() {
            samples.extend(chunk.iter().step_by(reader.channels()));
        }
        assert!(reader.warnings().is_empty(), "{:?}", reader.warnings());
        (samples, reader.sample_rate(), reader.channels())
    }

    #[test]
    fn it_is_the_recording_at_the_same_times() {
        for (hz, n_channels) in [(16_000, 1), (44_100, 2), (11_025, 1), (96_000, 1)] {
            let original = recording(hz, n_channels);
            let encoded = tempfile::Builder::new().suffix(".opus").tempfile().unwrap();
            std::fs::write(encoded.path(), of_file(original.path()).unwrap()).unwrap();
            let ((samples, rate, n_found), (expected, ..)) = (read(encoded.path()), read(original.path()));
            assert_eq!((rate, n_found), (48_000, usize::from(n_channels)), "{hz} Hz");
            let seconds = samples.len() as f64 / 48_000.0;
            assert!((seconds - expected.len() as f64 / f64::from(hz)).abs() < 1e-3, "{hz} Hz: {seconds} s");
            // Compared away from the ends, at the same time.
            let (mut wrong, mut all) = (0.0, 0.0);
            for (index, sample) in samples.iter().enumerate().take(samples.len() - 4800).skip(4800) {
                let at = index as f64 * f64::from(hz) / 48_000.0;
                let (before, part) = (at as usize, at.fract());
                let truth = f64::from(expected[before]) * (1.0 - part) + f64::from(expected[before + 1]) * part;
                wrong += (f64::from(*sample) - truth).powi(2);
                all += truth * truth;
            }
            assert!(wrong < 0.02 * all, "{hz} Hz: {} dB", 10.0 * (wrong / all).log10());
        }
    }
}
