//! Kinds of files that are too valuable to be replaced by results.
//!
//! Detected from the first bytes, and from the name where users recognise files by it: a recording with a damaged header is still a recording.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::decode::{EXTENSIONS, UNREAD_EXTENSIONS};

/// Number of bytes that are read: enough for the header of any manifest.
const N_BYTES: u64 = 64 * 1024;

/// A kind of file that cannot be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Audio, or video with it.
    Recording,
    /// A table of labelled clips.
    Manifest,
    /// A model, or a checkpoint of one.
    Model,
    /// The configuration of a training run.
    Configuration,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Recording => "a recording",
            Self::Manifest => "a manifest",
            Self::Model => "a model",
            Self::Configuration => "a configuration",
        })
    }
}

impl FileKind {
    /// The kind of the file at `path`; none for files that may be replaced.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        if let Some(kind) = extension.as_deref().and_then(by_extension) {
            return Ok(Some(kind));
        }
        let mut head = Vec::new();
        File::open(path)?.take(N_BYTES).read_to_end(&mut head)?;
        Ok(by_content(&head))
    }
}

fn by_extension(extension: &str) -> Option<FileKind> {
    match extension {
        "onnx" | "safetensors" => Some(FileKind::Model),
        "toml" => Some(FileKind::Configuration),
        _ if EXTENSIONS.contains(&extension) || UNREAD_EXTENSIONS.contains(&extension) => Some(FileKind::Recording),
        _ => None,
    }
}

fn by_content(head: &[u8]) -> Option<FileKind> {
    if is_recording(head) {
        Some(FileKind::Recording)
    } else if is_model(head) {
        Some(FileKind::Model)
    } else if is_manifest(head) {
        Some(FileKind::Manifest)
    } else {
        None
    }
}

/// Signatures of audio containers, and their offsets.
const SIGNATURES: [(usize, &[u8]); 32] = [
    (0, b"RIFF"), // WAV, and AVI
    (0, b"RIFX"),
    (0, b"RF64"),
    (0, b"BW64"),
    (0, b"riff"), // Wave64, and WAV of careless writers
    (0, b"FORM"), // AIFF, 8SVX
    (0, b"FRM8"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),
    (0, b"APETAGEX"),
    (4, b"ftyp"), // MP4, MOV
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (4, b"free"),
    (4, b"skip"),
    (0, b"caff"),
    (0, b"\x1a\x45\xdf\xa3"), // Matroska, WebM
    (0, b"#!AMR"),
    (0, b".snd"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), // WMA
    (0, b"wvpk"),
    (0, b"MAC "),
    (0, b"TTA1"),
    (0, b"MPCK"),
    (0, b"MP+"),
    (0, b"DSD "),
    (0, b"FLV\x01"),
    (0, b".RMF"),
    (0, b"\x00\x00\x01\xba"), // MPEG programme stream
    (0, b"\x0b\x77"),         // AC-3
];

fn is_recording(head: &[u8]) -> bool {
    let begins = |(at, signature): &(usize, &[u8])| head.get(*at..).is_some_and(|rest| rest.starts_with(signature));
    is_binary(head) && (SIGNATURES.iter().any(begins) || is_mpeg_audio(head))
}

/// Every container has bytes near its beginning that no text has; a table about "RIFF 1.wav" starts with the same letters but has none.
fn is_binary(head: &[u8]) -> bool {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..0xf8);
    !head.iter().take(64).all(is_text)
}

/// Eleven set bits, then neither a reserved version nor a reserved sample rate; AAC in ADTS counts as its layer 0.
///
/// # Source
/// ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-7, 6.2.1
fn is_mpeg_audio(head: &[u8]) -> bool {
    let [sync, flags, rates, ..] = head else { return false };
    let (version, is_adts) = ((flags >> 3) & 3, flags & 0xf6 == 0xf0);
    let has_sync = *sync == 0xff && flags & 0xe0 == 0xe0;
    // UTF-16 begins with FF FE.
    let is_frame = *flags != 0xfe && version != 1 && flags & 6 != 0 && rates >> 4 != 15 && rates & 0x0c != 0x0c;
    has_sync && (is_adts || is_frame)
}

/// ONNX: a small format version as field 1, then one of the other fields of a `ModelProto`. Safetensors: the length of a JSON object, then the object.
///
/// # Source
/// `onnx/onnx.proto`, `ModelProto`; the format of safetensors 0.8
fn is_model(head: &[u8]) -> bool {
    let is_onnx = matches!(head, [0x08, 1..=0x40, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72, ..]);
    let is_safetensors = matches!(head, [_, _, _, _, 0, 0, 0, 0, b'{', b'"', ..]);
    is_onnx || is_safetensors
}

/// Whether a table has the columns of a manifest; predictions, which our own programs write, have them too, and one more.
fn is_manifest(head: &[u8]) -> bool {
    let is_utf16 = head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]);
    // Each relevant letter is an ASCII byte next to a zero byte.
    let ascii: Vec<u8> = if is_utf16 { head[2..].iter().copied().filter(|&byte| byte != 0).collect() } else { Vec::new() };
    let text = if is_utf16 { ascii.as_slice() } else { head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head) };
    let line = text.split(|&byte| byte == b'\n' || byte == b'\r').find(|line| !line.trim_ascii().is_empty());
    let line = String::from_utf8_lossy(line.unwrap_or_default()).to_lowercase();
    let columns: Vec<&str> = line.split([',', ';', '\t', '|']).map(|column| column.trim_matches([' ', '"', '\''])).collect();
    let has = |column| columns.contains(&column);
    has("path") && has("speaker") && has("emotion") && !has("predicted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    fn samples() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples")
    }

    #[test]
    fn every_sample_is_a_recording_under_any_name() {
        let mut n = 0;
        for folder in [samples(), samples().join("formats")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.extension().unwrap_or_default().to_string_lossy().into_owned();
                if path.is_file() && by_extension(&name) == Some(FileKind::Recording) {
                    n += 1;
                    let bytes = std::fs::read(&path).unwrap();
                    assert_eq!(by_content(&bytes), Some(FileKind::Recording), "{}", path.display());
                }
            }
        }
        assert!(n > 20, "{n} samples");
    }

    #[test]
    fn well_known_containers_are_recordings() {
        let heads: [&[u8]; 14] = [
            b"RF64\xff\xff\xff\xffWAVE",
            b"BW64\xff\xff\xff\xffWAVE",
            b"RIFX\0\0\0\0WAVE",
            b"riff\x2e\x91\xcf\x11",
            b"FORM\0\0\0\0AIFC",
            b"ID3\x04",
            b"\xff\xfb\x90\x44",
            b"\xff\xf3\x40\xc4",
            b"\xff\xf1\x50\x80",
            b"\xff\xf9\x50\x80",
            b"\0\0\0\x20ftypM4A ",
            b"caff\0\x01",
            b"\x1a\x45\xdf\xa3",
            b"#!AMR-WB\n\x04\0",
        ];
        for head in heads {
            assert_eq!(by_content(head), Some(FileKind::Recording), "{head:?}");
        }
    }

    #[test]
    fn a_model_is_one_under_any_name() {
        assert_eq!(by_content(Model::embedded().bytes()), Some(FileKind::Model));
        assert_eq!(by_content(b"\x40\0\0\0\0\0\0\0{\"__metadata__\":"), Some(FileKind::Model));
        assert_eq!((by_extension("onnx"), by_extension("toml")), (Some(FileKind::Model), Some(FileKind::Configuration)));
    }

    #[test]
    fn a_manifest_is_told_by_its_columns() {
        for head in [
            "path,speaker,emotion,split\n",
            "\u{feff}\"path\", \"corpus\", \"speaker\", \"emotion\"\r\na.wav",
            "emotion;speaker;path",
            "\n\nPath\tSpeaker\tEmotion\n",
        ] {
            assert_eq!(by_content(head.as_bytes()), Some(FileKind::Manifest), "{head}");
        }
    }

    #[test]
    fn a_manifest_in_utf_16_is_one() {
        let text = "path;speaker;emotion\na.wav;anna;sad\n".encode_utf16();
        let bytes: Vec<u8> = [0xFEFF].into_iter().chain(text).flat_map(u16::to_le_bytes).collect();
        assert_eq!(by_content(&bytes), Some(FileKind::Manifest));
    }

    #[test]
    fn results_and_texts_may_be_replaced() {
        let heads: [&[u8]; 11] = [
            b"",
            b"RIFF 1.wav: 3.00 s, 16000 Hz, mono; model liquid-1 (01234567), native\n    from        to  emotion\n",
            b"carefree.wav: 3.00 s, 16000 Hz, mono; model liquid-1 (01234567), native\n    from        to  emotion\n",
            b"file,start_s,end_s,state,emotion,angry\n",
            b"path,corpus,speaker,split,emotion,predicted,angry,happy,sad,neutral\n",
            b"{\"file\":\"talk.wav\"}",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\">",
            b"\x89PNG\r\n\x1a\n",
            b"WEBVTT\n",
            b"\xff\xfea\0n\0g\0r\0y\0",
            b"1\n00:00:00,000 --> 00:00:02,000\nangry\n",
        ];
        for head in heads {
            assert_eq!(by_content(head), None, "{}", String::from_utf8_lossy(head));
        }
    }
}
