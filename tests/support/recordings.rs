//! Recordings assembled byte by byte, and their decoded contents.

use std::fs;
use std::path::Path;

use moodline_engine::decode::{AudioReader, DecodeError};

/// Everything read from a recording.
#[derive(Debug)]
pub struct Decoded {
    /// Rate, Hz.
    pub sample_rate: u32,
    /// Number of channels.
    pub n_channels: usize,
    /// Interleaved samples.
    pub samples: Vec<f32>,
    /// Samples per channel declared by the header.
    pub n_promised: Option<u64>,
    /// Every warning as a sentence.
    pub warnings: Vec<String>,
}

impl Decoded {
    /// Reads the file at `path` to its end.
    pub fn of(path: &Path) -> Result<Self, DecodeError> {
        let mut reader = AudioReader::open(path)?;
        let (mut chunk, mut samples) = (Vec::new(), Vec::new());
        while reader.read(&mut chunk)? {
            samples.extend_from_slice(&chunk);
        }
        Ok(Self {
            sample_rate: reader.sample_rate(),
            n_channels: reader.channels(),
            samples,
            n_promised: reader.frames_promised(),
            warnings: reader.warnings().iter().map(ToString::to_string).collect(),
        })
    }

    /// Reads a file with these bytes, whose name gives no hint.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let folder = tempfile::tempdir().expect("there is room for a recording");
        let path = folder.path().join("recording");
        fs::write(&path, bytes).expect("there is room for a recording");
        Self::of(&path)
    }

    /// Length, seconds.
    pub fn seconds(&self) -> f64 {
        (self.samples.len() / self.n_channels) as f64 / f64::from(self.sample_rate)
    }
}

/// A chunk of a RIFF file, padded to an even length.
pub fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = [&name[..], &(body.len() as u32).to_le_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// The body of a format chunk: its code, channels, rate and bits, with a matching block size.
pub fn format(code: u16, n_channels: u16, sample_rate: u32, bits: u16) -> Vec<u8> {
    let block = n_channels * bits.div_ceil(8);
    let bytes_per_second = sample_rate * u32::from(block);
    let (code, n_channels, block, bits) = (code.to_le_bytes(), n_channels.to_le_bytes(), block.to_le_bytes(), bits.to_le_bytes());
    [&code[..], &n_channels, &sample_rate.to_le_bytes(), &bytes_per_second.to_le_bytes(), &block, &bits].concat()
}

/// A WAV file with these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [&b"RIFF"[..], &(4 + body.len() as u32).to_le_bytes(), b"WAVE", &body].concat()
}

/// A WAV file at 16 kHz with these interleaved samples.
pub fn wav(n_channels: u16, samples: &[i16]) -> Vec<u8> {
    riff(&[chunk(b"fmt ", &format(1, n_channels, 16_000, 16)), chunk(b"data", &pcm(samples))])
}

/// Samples as bytes.
pub fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// An ID3v2 tag with a body of `n_body` bytes, such as a cover.
pub fn id3v2(n_body: u32) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (n_body >> shift & 0x7f) as u8);
    let mut tag = [&b"ID3\x03\0\0"[..], &size].concat();
    tag.resize(tag.len() + n_body as usize, 0x41);
    tag
}

/// An ID3v1 tag.
pub fn id3v1() -> Vec<u8> {
    [&b"TAG"[..], &[b' '; 125]].concat()
}
