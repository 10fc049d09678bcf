//! Tags around a recording of any format: ID3 and APE, before or after it.
//!
//! # Source
//! ID3 tag version 2.4.0, main structure, 3.1 and 3.4; APEv2 specification, tag header; ID3v1

use std::io::{self, Read as _};

use super::bytes::Bytes;

/// Length of the header, and of the footer, of an ID3v2 tag.
const ID3V2_HEADER: usize = 10;
/// Length of an ID3v1 tag.
const ID3V1: u64 = 128;
/// Length of the header, and of the footer, of an APE tag.
const APE_HEADER: usize = 32;

/// The bytes between the tags.
///
/// # Errors
/// An error of the system.
pub(super) fn stripped(mut bytes: Bytes) -> io::Result<Bytes> {
    loop {
        let head = bytes.peek(APE_HEADER)?;
        let Some(len) = id3v2_len(head, *b"ID3").or_else(|| ape_len(head)) else { break };
        bytes.skip(len)?;
    }
    let mut bytes = bytes.part(None);
    while let Some(len) = trailing_len(&mut bytes)? {
        bytes = bytes.without_last(len)?;
    }
    bytes.go_to(0)?;
    Ok(bytes)
}

/// Length of a whole ID3v2 tag whose header, or footer, is at the start of `head`.
fn id3v2_len(head: &[u8], signature: [u8; 3]) -> Option<u64> {
    let header: &[u8; ID3V2_HEADER] = head.get(..ID3V2_HEADER)?.try_into().ok()?;
    let [a, b, c, major, minor, flags, size @ ..] = *header;
    if [a, b, c] != signature || major == 0xff || minor == 0xff || size.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    let body = size.iter().fold(0, |sum, &byte| sum << 7 | u64::from(byte));
    let n_headers = if flags & 0x10 != 0 { 2 } else { 1 };
    Some(body + n_headers * ID3V2_HEADER as u64)
}

/// Length of a whole APE tag whose header, or footer, is at the start of `head`.
fn ape_len(head: &[u8]) -> Option<u64> {
    let header = head.get(..APE_HEADER)?.strip_prefix(b"APETAGEX")?;
    let field = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (size, flags) = (u64::from(field(4)), field(12));
    // The size includes the items and the footer.
    let has_header = flags & 1 << 31 != 0;
    Some(size + if has_header { APE_HEADER as u64 } else { 0 })
}

/// Length of a tag at the end of the file.
fn trailing_len(bytes: &mut Bytes) -> io::Result<Option<u64>> {
    bytes.go_to(0)?;
    let Some(len) = bytes.n_left() else { return Ok(None) };
    let begins = |bytes: &mut Bytes, from_end: u64| -> io::Result<Vec<u8>> {
        bytes.go_to(len.saturating_sub(from_end))?;
        let mut tail = Vec::new();
        bytes.take(from_end).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let found = if len >= ID3V1 && begins(bytes, ID3V1)?.starts_with(b"TAG") {
        Some(ID3V1)
    } else if let Some(tag) = ape_len(&begins(bytes, APE_HEADER as u64)?) {
        Some(tag)
    } else {
        id3v2_len(&begins(bytes, ID3V2_HEADER as u64)?, *b"3DI")
    };
    Ok(found.filter(|&tag| tag > 0 && tag <= len))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Seek as _, SeekFrom, Write as _};

    use super::*;

    fn id3v2(n_body: u32) -> Vec<u8> {
        let size = [21, 14, 7, 0].map(|shift| (n_body >> shift & 0x7f) as u8);
        let mut tag = b"ID3\x03\0\0".to_vec();
        tag.extend(size);
        tag.resize(tag.len() + n_body as usize, 0xff);
        tag
    }

    fn ape() -> Vec<u8> {
        let frame = |flags: u32| {
            let fields = [2000, 40 + APE_HEADER as u32, 1, flags].map(u32::to_le_bytes).concat();
            [&b"APETAGEX"[..], &fields, &[0; 8]].concat()
        };
        [frame(5 << 29), vec![0x55; 40], frame(1 << 31)].concat()
    }

    fn id3v1() -> Vec<u8> {
        [&b"TAG"[..], &[0x20; 125]].concat()
    }

    fn whole(mut bytes: Bytes) -> Vec<u8> {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn tags_of_any_size_and_number_are_left_out() {
        for n_body in [0, 1, 60 * 1024, 70 * 1024, 3 << 20] {
            let front = [id3v2(n_body), id3v2(5), ape()].concat();
            let all = [front.clone(), b"sound".to_vec(), ape(), id3v1()].concat();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&all).unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            assert_eq!(whole(stripped(Bytes::of_file(file).unwrap()).unwrap()), b"sound", "{n_body}");
            let pipe = Bytes::of_pipe(Cursor::new([front, b"sound".to_vec()].concat()));
            assert_eq!(whole(stripped(pipe).unwrap()), b"sound", "{n_body}");
        }
    }

    #[test]
    fn what_is_no_tag_stays() {
        for text in [&b"ID3"[..], b"", b"TAG", b"ID3\x03\0\0\xff\0\0\0 what", b"APETAGEX"] {
            let bytes = Bytes::of_pipe(Cursor::new(text.to_vec()));
            assert_eq!(whole(stripped(bytes).unwrap()), text);
        }
    }
}
