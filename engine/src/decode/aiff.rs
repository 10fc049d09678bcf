//! The header of AIFF and AIFF-C.
//!
//! # Source
//! Apple's Audio Interchange File Format 1.3, and Audio Interchange File Format AIFF-C (draft of 1991)

use std::io;

use symphonia::core::codecs::audio::well_known as codec;

use super::blocks::{Coding, Pcm, Span, Waveform};
use super::bytes::Bytes;
use super::error::DecodeProblem;

/// Bytes before the first chunk.
const HEADER: u64 = 12;
/// Length of the common chunk without the compression of AIFF-C.
const COMMON: u64 = 18;

/// Whether a file that begins with `head` is AIFF or AIFF-C.
pub(super) fn is_aiff(head: &[u8]) -> bool {
    head.starts_with(b"FORM") && matches!(head.get(8..12), Some(b"AIFF" | b"AIFC"))
}

/// Reads everything up to the audio.
///
/// # Errors
/// A damaged header, an unsupported compression, or an error of the system.
pub(super) fn read(bytes: &mut Bytes) -> Result<Waveform, DecodeProblem> {
    bytes.go_to(HEADER).map_err(DecodeProblem::Io)?;
    let (mut common, mut span) = (None, None);
    while common.is_none() || span.is_none() {
        let Some((name, len)) = chunk(bytes.peek(8).map_err(DecodeProblem::Io)?) else { break };
        bytes.skip(8).map_err(DecodeProblem::Io)?;
        let end = bytes.position().saturating_add(len);
        match &name {
            b"COMM" if common.is_none() => common = Some(Common::read(bytes, len).map_err(DecodeProblem::in_header)?),
            b"SSND" if span.is_none() => {
                let offset = u64::from(u32::from_be_bytes(bytes.array().map_err(DecodeProblem::in_header)?));
                bytes.skip(4 + offset).map_err(DecodeProblem::in_header)?;
                let is_chunk = |head: &[u8], n_left| chunk(head).is_some_and(|(_, len)| len <= n_left);
                let claimed = Some(len.saturating_sub(8 + offset));
                span = Some(Span::of(bytes, claimed, true, is_chunk).map_err(DecodeProblem::Io)?);
                if common.is_some() || !bytes.is_file() {
                    break;
                }
            }
            _ => {}
        }
        bytes.go_to(end.saturating_add(end % 2)).map_err(DecodeProblem::Io)?;
    }
    let missing = |what: &str| DecodeProblem::Header { reason: format!("it has no {what} chunk") };
    let Common { n_channels, bits, sample_rate, compression } = common.ok_or_else(|| missing("COMM"))?;
    let span = span.ok_or_else(|| missing("SSND"))?;
    if n_channels == 0 {
        return Err(DecodeProblem::Header { reason: "it promises 0 channels".to_owned() });
    }
    let pcm = |kind, n_bytes, big_endian| Coding::pcm(kind, n_bytes, big_endian, n_channels);
    let sample_bytes = u64::from(bits.div_ceil(8));
    let coding = match &compression {
        b"NONE" | b"twos" => pcm(Pcm::Signed, sample_bytes, true),
        b"sowt" => pcm(Pcm::Signed, sample_bytes, false),
        b"in24" => pcm(Pcm::Signed, 3, true),
        b"in32" => pcm(Pcm::Signed, 4, true),
        b"raw " => pcm(Pcm::Unsigned, 1, true),
        b"fl32" | b"FL32" => pcm(Pcm::Float, 4, true),
        b"fl64" | b"FL64" => pcm(Pcm::Float, 8, true),
        b"ulaw" | b"ULAW" => Some(Coding::companded(codec::CODEC_ID_PCM_MULAW, n_channels)),
        b"alaw" | b"ALAW" => Some(Coding::companded(codec::CODEC_ID_PCM_ALAW, n_channels)),
        b"ima4" => Some(Coding::ima4(n_channels)),
        other => {
            let name = match other {
                b"GSM " | b"agsm" => "GSM 6.10".to_owned(),
                b"MAC3" | b"MAC6" => "MACE".to_owned(),
                b"QDM2" => "QDesign Music".to_owned(),
                b"Qclp" => "QCELP".to_owned(),
                b"G722" => "G.722".to_owned(),
                other => format!("AIFF-C with compression '{}'", other.escape_ascii()),
            };
            return Err(DecodeProblem::Unsupported { found: name });
        }
    };
    let coding = coding.ok_or_else(|| DecodeProblem::Unsupported { found: format!("AIFF with samples of {bits} bits") })?;
    Ok(Waveform { coding, sample_rate, n_channels, span })
}

/// The chunk whose header is at the start of `head`: its name and its length without the header.
fn chunk(head: &[u8]) -> Option<([u8; 4], u64)> {
    let name: [u8; 4] = *head.first_chunk()?;
    let is_name = name.iter().all(|byte| matches!(byte, b' '..=b'~'));
    is_name.then_some((name, u64::from(u32::from_be_bytes(*head.get(4..)?.first_chunk()?))))
}

struct Common {
    n_channels: u16,
    bits: u16,
    sample_rate: u32,
    compression: [u8; 4],
}

impl Common {
    fn read(bytes: &mut Bytes, len: u64) -> io::Result<Self> {
        let n_channels = u16::from_be_bytes(bytes.array()?);
        // The number of frames says no more than the length of the audio does, and is 0 when a recorder lost power.
        bytes.skip(4)?;
        let bits = u16::from_be_bytes(bytes.array()?);
        let sample_rate = extended_to_hz(bytes.array()?);
        let compression = if len >= COMMON + 4 { bytes.array()? } else { *b"NONE" };
        Ok(Self { n_channels, bits, sample_rate, compression })
    }
}

/// An 80-bit floating-point number as a rate.
fn extended_to_hz(bytes: [u8; 10]) -> u32 {
    let [high, low, mantissa @ ..] = bytes;
    let exponent = i32::from(u16::from_be_bytes([high & 0x7f, low])) - 16_383 - 63;
    (u64::from_be_bytes(mantissa) as f64 * f64::from(exponent).exp2()).round() as u32
}

#[cfg(test)]
mod tests {
    use super::extended_to_hz;

    #[test]
    fn rates_are_read_from_80_bits() {
        assert_eq!(extended_to_hz([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 44_100);
        assert_eq!(extended_to_hz([0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0]), 16_000);
        assert_eq!(extended_to_hz([0x40, 0x0b, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 5_513, "22.05 kHz / 4, rounded");
        assert_eq!(extended_to_hz([0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0]), u32::MAX);
        assert_eq!(extended_to_hz([0; 10]), 0);
    }
}
