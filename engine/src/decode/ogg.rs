//! Codecs of the logical streams of an Ogg file.
//!
//! # Source
//! RFC 3533, 6; the identification headers of the codecs

/// Length of a page's header before its table of segments.
const PAGE_HEADER: usize = 27;

/// Start of the first packet of a stream, and the stream's codec.
const STREAMS: [(&[u8], Stream); 12] = [
    (b"\x01vorbis", Stream::Read),
    (b"OpusHead", Stream::Read),
    (b"\x7fFLAC", Stream::Read),
    (b"Speex   ", Stream::Named("Speex")),
    (b"PCM     ", Stream::Named("PCM in Ogg")),
    (b"CELT    ", Stream::Named("CELT")),
    (b"\x80theora", Stream::Silent),
    (b"BBCD", Stream::Silent),
    (b"OVP80", Stream::Silent),
    (b"\x80kate", Stream::Silent),
    (b"fishead\0", Stream::Silent),
    (b"\x01video", Stream::Silent),
];

#[derive(Clone, Copy)]
enum Stream {
    Read,
    Named(&'static str),
    Silent,
}

/// The name of the codec, if a file that begins with `head` has an unsupported one and no supported one.
pub(super) fn unread_codec(head: &[u8]) -> Option<&'static str> {
    let mut named = None;
    let mut rest = head;
    while let Some((first_packet, after)) = first_page(rest) {
        match STREAMS.iter().find(|(mark, _)| first_packet.starts_with(mark)) {
            Some((_, Stream::Read)) => return None,
            Some((_, Stream::Named(name))) => named = Some(*name),
            Some((_, Stream::Silent)) | None => {}
        }
        rest = after;
    }
    named
}

/// The body of a page that begins a stream, and the bytes after it.
fn first_page(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let begins_a_stream = bytes.starts_with(b"OggS") && bytes.get(5)? & 2 != 0;
    let n_segments = usize::from(*bytes.get(PAGE_HEADER - 1)?);
    let segments = bytes.get(PAGE_HEADER..PAGE_HEADER + n_segments)?;
    let n_body: usize = segments.iter().map(|&len| usize::from(len)).sum();
    let body = PAGE_HEADER + n_segments;
    begins_a_stream.then_some((bytes.get(body..body + n_body)?, &bytes[body + n_body..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(flags: u8, packet: &[u8]) -> Vec<u8> {
        let header = [&b"OggS\0"[..], &[flags], &[0; 20], &[1, packet.len() as u8]].concat();
        [&header, packet].concat()
    }

    #[test]
    fn a_codec_that_is_not_read_is_named_unless_another_is_there() {
        let (speex, vorbis, theora) = (page(2, b"Speex   1.2"), page(2, b"\x01vorbis"), page(2, b"\x80theora"));
        assert_eq!(unread_codec(&speex), Some("Speex"));
        assert_eq!(unread_codec(&[theora.clone(), speex.clone()].concat()), Some("Speex"));
        assert_eq!(unread_codec(&[theora, vorbis.clone()].concat()), None);
        assert_eq!(unread_codec(&[speex, vorbis].concat()), None);
        assert_eq!(unread_codec(&page(0, b"Speex   1.2")), None);
        assert_eq!(unread_codec(b"OggS\0\x02"), None);
    }
}
