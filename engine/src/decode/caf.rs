//! The header of Apple's CAF, for PCM and ADPCM; files with packets of varying length are left to symphonia.
//!
//! # Source
//! Apple Core Audio Format Specification 1.0

use symphonia::core::codecs::audio::well_known as codec;

use super::blocks::{Coding, Pcm, Span, Waveform};
use super::bytes::Bytes;
use super::error::DecodeProblem;

/// Bytes before the first chunk.
const HEADER: u64 = 8;
/// Length of the edit count before the audio, bytes.
const EDIT_COUNT: u64 = 4;

/// Reads everything up to the audio; `None` if it is not stored in blocks of constant length.
///
/// # Errors
/// A damaged header, an unsupported format, or an error of the system.
pub(super) fn read(bytes: &mut Bytes) -> Result<Option<Waveform>, DecodeProblem> {
    bytes.go_to(HEADER).map_err(DecodeProblem::Io)?;
    let mut description = None;
    while let Some((name, len)) = chunk(bytes.peek(12).map_err(DecodeProblem::Io)?) {
        bytes.skip(12).map_err(DecodeProblem::Io)?;
        let end = bytes.position().saturating_add(len.unwrap_or(u64::MAX));
        match &name {
            b"desc" => match Description::read(bytes)? {
                Some(found) => description = Some(found),
                None => return Ok(None),
            },
            b"data" => {
                let Some(Description { coding, sample_rate, n_channels }) = description else { break };
                bytes.skip(EDIT_COUNT).map_err(DecodeProblem::Io)?;
                let is_chunk = |head: &[u8], n_left| chunk(head).is_some_and(|(_, len)| len.is_none_or(|len| len <= n_left));
                let claimed = len.map(|len| len.saturating_sub(EDIT_COUNT));
                let span = Span::of(bytes, claimed, false, is_chunk).map_err(DecodeProblem::Io)?;
                return Ok(Some(Waveform { coding, sample_rate, n_channels, span }));
            }
            _ => {}
        }
        bytes.go_to(end).map_err(DecodeProblem::Io)?;
    }
    let what = if description.is_some() { "data" } else { "description" };
    Err(DecodeProblem::Header { reason: format!("it has no {what} chunk") })
}

/// The chunk whose header is at the start of `head`: its name, and its length without the header if known.
fn chunk(head: &[u8]) -> Option<([u8; 4], Option<u64>)> {
    let name: [u8; 4] = *head.first_chunk()?;
    let len = i64::from_be_bytes(*head.get(4..)?.first_chunk()?);
    let is_name = name.iter().all(|byte| matches!(byte, b' '..=b'~'));
    is_name.then_some((name, u64::try_from(len).ok()))
}

struct Description {
    coding: Coding,
    sample_rate: u32,
    n_channels: u16,
}

impl Description {
    /// `None` if packets differ in length.
    fn read(bytes: &mut Bytes) -> Result<Option<Self>, DecodeProblem> {
        let mut fields = || -> std::io::Result<_> {
            let rate = f64::from_be_bytes(bytes.array()?);
            let format: [u8; 4] = bytes.array()?;
            let mut next = || bytes.array().map(u32::from_be_bytes);
            let [flags, packet_bytes, _, n_channels, _] = [next()?, next()?, next()?, next()?, next()?];
            Ok((rate, format, flags, packet_bytes, n_channels))
        };
        let damaged = |reason: &str| DecodeProblem::Header { reason: reason.to_owned() };
        let (rate, format, flags, packet_bytes, n_channels) = fields().map_err(DecodeProblem::in_header)?;
        let n_channels = u16::try_from(n_channels).ok().filter(|&n| n > 0).ok_or_else(|| damaged("its number of channels"))?;
        let coding = match &format {
            b"lpcm" => {
                let kind = if flags & 1 != 0 { Pcm::Float } else { Pcm::Signed };
                let sample_bytes = u64::from(packet_bytes) / u64::from(n_channels);
                let coding = Coding::pcm(kind, sample_bytes, flags & 2 == 0, n_channels);
                coding.ok_or_else(|| DecodeProblem::Unsupported { found: format!("CAF with samples of {sample_bytes} bytes") })?
            }
            b"ulaw" => Coding::companded(codec::CODEC_ID_PCM_MULAW, n_channels),
            b"alaw" => Coding::companded(codec::CODEC_ID_PCM_ALAW, n_channels),
            b"ima4" => Coding::ima4(n_channels),
            _ => return Ok(None),
        };
        Ok(Some(Self { coding, sample_rate: rate as u32, n_channels }))
    }
}
