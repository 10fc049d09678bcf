//! Headers of MPEG audio frames and of AAC in ADTS: recognition among arbitrary bytes, and changes within a file.
//!
//! # Source
//! ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3; ISO/IEC 13818-3 for the lower rates; ISO/IEC 13818-7, 6.2 for ADTS

/// Number of consecutive frames required to recognise bytes without another signature as MPEG audio. In random bytes, two of them occur
/// once in some megabytes, four never.
const N_FRAMES: usize = 4;

/// Bitrates in kbit/s by index: layers 1, 2 and 3 of MPEG-1, then layer 1, and layers 2 and 3, of MPEG-2.
const BITRATES: [[u16; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Information in the header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Whether it is AAC rather than MPEG audio.
    pub(super) is_adts: bool,
    /// Layer 1 to 3; 0 for AAC.
    pub(super) layer: u8,
    /// Sample rate, Hz.
    pub(super) sample_rate: u32,
    /// Channels; 0 if AAC gives them elsewhere.
    pub(super) n_channels: u8,
    /// Length of the frame including its header, bytes.
    n_bytes: usize,
}

impl FrameHeader {
    /// The header at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Self::mpeg(bytes).or_else(|| Self::adts(bytes))
    }

    fn mpeg(bytes: &[u8]) -> Option<Self> {
        let &[0xff, flags, rates, mode, ..] = bytes else { return None };
        let (version, layer) = (flags >> 3 & 3, 4 - (flags >> 1 & 3));
        let (bitrate, rate) = (rates >> 4, rates >> 2 & 3);
        if flags & 0xe0 != 0xe0 || version == 1 || layer == 4 || bitrate == 0 || bitrate == 15 || rate == 3 {
            return None;
        }
        let is_mpeg1 = version == 3;
        let halvings = match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
        let sample_rate = [44_100, 48_000, 32_000][usize::from(rate)] >> halvings;
        let row = if is_mpeg1 { usize::from(layer) - 1 } else { 3 + usize::from(layer > 1) };
        let bits_per_second = 1000 * usize::from(BITRATES[row][usize::from(bitrate)]);
        let padding = usize::from(rates >> 1 & 1);
        let n_bytes = match layer {
            1 => (12 * bits_per_second / sample_rate as usize + padding) * 4,
            3 if !is_mpeg1 => 72 * bits_per_second / sample_rate as usize + padding,
            _ => 144 * bits_per_second / sample_rate as usize + padding,
        };
        let n_channels = if mode >> 6 == 3 { 1 } else { 2 };
        Some(Self { is_adts: false, layer, sample_rate, n_channels, n_bytes })
    }

    fn adts(bytes: &[u8]) -> Option<Self> {
        let &[0xff, flags, b, c, d, e, ..] = bytes else { return None };
        let rate = usize::from(b >> 2 & 15);
        let rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
        let n_bytes = usize::from(c & 3) << 11 | usize::from(d) << 3 | usize::from(e >> 5);
        if flags & 0xf6 != 0xf0 || n_bytes < 8 {
            return None;
        }
        Some(Self { is_adts: true, layer: 0, sample_rate: *rates.get(rate)?, n_channels: (b & 1) << 2 | c >> 6, n_bytes })
    }

    /// Whether `other` can follow in the same stream.
    fn goes_on_as(&self, other: &Self) -> bool {
        (self.is_adts, self.layer, self.sample_rate) == (other.is_adts, other.layer, other.sample_rate)
    }
}

/// Position of the first frame of a stream, and its header. `is_all` means that nothing follows `head`: fewer frames are then sufficient.
pub(super) fn find(head: &[u8], is_all: bool, deepest: usize) -> Option<(usize, FrameHeader)> {
    let candidates = memchr::memchr_iter(0xff, &head[..head.len().min(deepest)]);
    candidates
        .filter_map(|at| Some((at, FrameHeader::parse(&head[at..])?)))
        .find(|&(at, first)| is_stream(&head[at..], first, is_all))
}

fn is_stream(bytes: &[u8], first: FrameHeader, is_all: bool) -> bool {
    let mut at = first.n_bytes;
    for n_found in 1..N_FRAMES {
        match bytes.get(at..).and_then(FrameHeader::parse) {
            Some(next) if first.goes_on_as(&next) => at += next.n_bytes,
            Some(_) => return false,
            // The last frame may be cut off.
            None => return is_all && n_found > 1 && bytes.len().saturating_sub(at) < 4,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of MPEG-1 layer 3, 128 kbit/s, 44.1 kHz.
    fn frames(n: usize) -> Vec<u8> {
        let frame = [&[0xff, 0xfb, 0x90, 0x44][..], &[0; 413]].concat();
        frame.repeat(n)
    }

    #[test]
    fn headers_say_rate_channels_and_length() {
        let header = FrameHeader::parse(&[0xff, 0xfb, 0x90, 0xc4]).unwrap();
        assert_eq!((header.layer, header.sample_rate, header.n_channels, header.n_bytes), (3, 44_100, 1, 417));
        // MPEG-2 layer 3, 64 kbit/s, 22.05 kHz, padded, stereo; MPEG-1 layer 2, 192 kbit/s, 48 kHz; layer 1, 384 kbit/s, 32 kHz.
        let header = FrameHeader::parse(&[0xff, 0xf3, 0x82, 0x44]).unwrap();
        assert_eq!((header.layer, header.sample_rate, header.n_channels, header.n_bytes), (3, 22_050, 2, 209));
        let header = FrameHeader::parse(&[0xff, 0xfd, 0xa4, 0x00]).unwrap();
        assert_eq!((header.layer, header.sample_rate, header.n_bytes), (2, 48_000, 576));
        let header = FrameHeader::parse(&[0xff, 0xff, 0xc8, 0x00]).unwrap();
        assert_eq!((header.layer, header.sample_rate, header.n_bytes), (1, 32_000, 576));
        let header = FrameHeader::parse(&[0xff, 0xf1, 0x50, 0x80, 0x2e, 0xff, 0xfc]).unwrap();
        assert_eq!((header.is_adts, header.sample_rate, header.n_channels, header.n_bytes), (true, 44_100, 2, 375));
        for broken in
            [[0xff, 0xfb, 0xf0, 0], [0xff, 0xfb, 0x9c, 0], [0xff, 0xe9, 0x90, 0], [0xfe, 0xfb, 0x90, 0], [0xff, 0xfb, 0, 0]]
        {
            assert_eq!(FrameHeader::parse(&broken), None, "{broken:x?}");
        }
    }

    #[test]
    fn a_stream_is_found_behind_rubbish_and_never_in_it() {
        let rubbish = [0xff, 0xfb, 0x90, 0x44, 1, 2, 3];
        let found = find(&[&rubbish[..], &frames(5)].concat(), true, 100).map(|(at, _)| at);
        assert_eq!(found, Some(7));
        assert_eq!(find(&frames(2), true, 100).map(|(at, _)| at), Some(0));
        assert_eq!(find(&frames(2), false, 100), None, "there may be more, which may not fit");
        let mut state = 1_u32;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(1 << 20)
        .collect();
        assert_eq!(find(&random, true, random.len()), None);
    }
}
