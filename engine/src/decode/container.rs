//! Detection of the format of a recording from its first bytes, never from its name, and the reader for it.
//!
//! Nothing is treated as audio on suspicion: each format has its signature, and MPEG audio, which has almost none, is accepted only if several frames
//! follow each other. Known but unsupported formats are refused by name.

use std::io::{self, Read as _, Seek as _, SeekFrom};

use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::FormatReader;
use symphonia::core::formats::prelude::FormatOptions;
use symphonia::core::io::MediaSourceStream;
use symphonia::default::formats::{AdtsReader, CafReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader};

use super::blocks::{BlockReader, Span, Waveform};
use super::bytes::Bytes;
use super::error::{DecodeProblem, DecodeWarning};
use super::mp4::{self, Movie, SoundTrack};
use super::raw::RawFormat;
use super::{aiff, caf, mpeg, ogg, riff, tags};

/// Number of bytes that identify a format.
const HEAD_BYTES: usize = 512;
/// MPEG audio must begin within this many bytes after the tags.
const MPEG_DEPTH_BYTES: usize = 64 * 1024;
/// Number of bytes that must contain the frames after the first one: four of the longest.
const MPEG_FRAMES_BYTES: usize = 32 * 1024;
/// The identification headers of an Ogg file are within this many bytes.
const OGG_HEADERS_BYTES: usize = 16 * 1024;
/// The names of a Matroska file's codecs are within this many bytes.
const MATROSKA_HEADERS_BYTES: usize = 64 * 1024;
/// Shortest unread audio after the end given in the header that causes a warning, seconds.
const UNREAD_SECONDS: f64 = 0.5;

/// A recording with its reader.
pub(super) struct Container {
    pub(super) format: Box<dyn FormatReader>,
    pub(super) kind: Kind,
    pub(super) warnings: Vec<DecodeWarning>,
}

/// Properties of a container that symphonia does not report.
pub(super) enum Kind {
    /// None.
    Plain,
    /// A raw stream of AAC, which has no length.
    Adts,
    /// A raw stream of MPEG audio: it may consist of different parts, and the first one does not give the length of the others.
    Mpeg,
    /// MP4 and MOV.
    Movie(Movie),
    /// Matroska and WebM, whose packets have timestamps; the names of its codecs.
    Matroska(Vec<String>),
    /// CAF with packets, whose first and last samples may have been added by the encoder.
    PaddedPackets,
}

/// Detects the format of `bytes` and reads up to the first packet.
///
/// # Errors
/// The unsupported format that was found, a damaged header, or an error of the system.
pub(super) fn open(bytes: Bytes) -> Result<Container, DecodeProblem> {
    let mut bytes = tags::stripped(bytes).map_err(DecodeProblem::Io)?;
    let head = bytes.peek(HEAD_BYTES).map_err(DecodeProblem::Io)?.to_vec();
    let plain = |format: Box<dyn FormatReader>, kind| Container { format, kind, warnings: Vec::new() };
    if head.is_empty() {
        return Err(DecodeProblem::Empty);
    }
    if riff::is_wave(&head) {
        return match riff::read(&mut bytes)? {
            riff::Content::Waveform(waveform) => blocks(bytes, &waveform),
            riff::Content::Mpeg(span) => mpeg_within(bytes, span),
        };
    }
    if aiff::is_aiff(&head) {
        let waveform = aiff::read(&mut bytes)?;
        return blocks(bytes, &waveform);
    }
    if head.starts_with(b"caff") {
        if let Some(waveform) = caf::read(&mut bytes)? {
            return blocks(bytes, &waveform);
        }
        bytes.go_to(0).map_err(DecodeProblem::Io)?;
        return Ok(plain(Box::new(reader(CafReader::try_new(stream(bytes), options()))?), Kind::PaddedPackets));
    }
    if head.starts_with(b"fLaC") {
        return Ok(plain(Box::new(reader(FlacReader::try_new(stream(bytes), options()))?), Kind::Plain));
    }
    if head.starts_with(b"OggS") {
        if let Some(name) = ogg::unread_codec(bytes.peek(OGG_HEADERS_BYTES).map_err(DecodeProblem::Io)?) {
            return Err(DecodeProblem::Unsupported { found: name.to_owned() });
        }
        return Ok(plain(Box::new(reader(OggReader::try_new(stream(bytes), options()))?), Kind::Plain));
    }
    if mp4::is_movie(&head) {
        let mut bytes = on_disk(bytes).map_err(DecodeProblem::Io)?;
        // An index that cannot be read here is damaged, which symphonia reports.
        let movie = Movie::read(&mut bytes).unwrap_or_default();
        bytes.go_to(0).map_err(DecodeProblem::Io)?;
        let format = reader(IsoMp4Reader::try_new(stream(bytes), options())).map_err(|problem| unread_movie(&movie, problem))?;
        return Ok(plain(Box::new(format), Kind::Movie(movie)));
    }
    if head.starts_with(b"\x1a\x45\xdf\xa3") {
        let codecs = matroska_codecs(bytes.peek(MATROSKA_HEADERS_BYTES).map_err(DecodeProblem::Io)?);
        // Read as a pipe, so that positions in the header beyond the end of a truncated file do no harm.
        let bytes = Bytes::of_pipe(bytes);
        return Ok(plain(Box::new(reader(MkvReader::try_new(stream(bytes), options()))?), Kind::Matroska(codecs)));
    }
    if let Some(name) = name(&head) {
        return Err(DecodeProblem::Unsupported { found: name });
    }
    mpeg(bytes)
}

/// Reads `bytes` as samples of this format.
///
/// # Errors
/// There are none, or an error of the system.
pub(super) fn raw(mut bytes: Bytes, format: RawFormat) -> Result<Container, DecodeProblem> {
    if bytes.peek(1).map_err(DecodeProblem::Io)?.is_empty() {
        return Err(DecodeProblem::Empty);
    }
    let waveform = format.waveform(&bytes);
    blocks(bytes, &waveform)
}

fn stream(bytes: Bytes) -> MediaSourceStream<'static> {
    MediaSourceStream::new(Box::new(bytes), Default::default())
}

fn options() -> FormatOptions {
    FormatOptions::default()
}

fn reader<T>(result: Result<T, SymphoniaError>) -> Result<T, DecodeProblem> {
    result.map_err(DecodeProblem::of_header)
}

fn blocks(bytes: Bytes, waveform: &Waveform) -> Result<Container, DecodeProblem> {
    let seconds = waveform.unread_seconds();
    let warnings = (seconds >= UNREAD_SECONDS).then_some(DecodeWarning::Unread { seconds }).into_iter().collect();
    let format = BlockReader::new(bytes, waveform).map_err(DecodeProblem::Io)?;
    Ok(Container { format: Box::new(format), kind: Kind::Plain, warnings })
}

/// A stream of MPEG audio inside a WAV file.
fn mpeg_within(mut bytes: Bytes, span: Span) -> Result<Container, DecodeProblem> {
    bytes.go_to(span.start).map_err(DecodeProblem::Io)?;
    mpeg(bytes.part(span.len))
}

/// A stream of MPEG audio or AAC, possibly after some garbage.
fn mpeg(mut bytes: Bytes) -> Result<Container, DecodeProblem> {
    let head = bytes.peek(MPEG_DEPTH_BYTES + MPEG_FRAMES_BYTES).map_err(DecodeProblem::Io)?;
    let is_all = head.len() < MPEG_DEPTH_BYTES + MPEG_FRAMES_BYTES;
    let (at, first) = mpeg::find(head, is_all, MPEG_DEPTH_BYTES).ok_or(DecodeProblem::NotAudio)?;
    bytes.skip(at as u64).map_err(DecodeProblem::Io)?;
    let stream = stream(bytes.part(None));
    let (format, kind): (Box<dyn FormatReader>, _) = if first.is_adts {
        (Box::new(reader(AdtsReader::try_new(stream, options()))?), Kind::Adts)
    } else {
        (Box::new(reader(MpaReader::try_new(stream, options()))?), Kind::Mpeg)
    };
    Ok(Container { format, kind, warnings: Vec::new() })
}

/// Copies a pipe to an unnamed file, since the index of a movie may be at its end.
fn on_disk(mut bytes: Bytes) -> io::Result<Bytes> {
    if bytes.is_file() {
        return Ok(bytes);
    }
    let mut file = tempfile::tempfile()?;
    io::copy(&mut bytes.by_ref(), &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Bytes::of_file(file)
}

/// Names the codec when symphonia refuses a whole movie because of an unknown codec.
fn unread_movie(movie: &Movie, problem: DecodeProblem) -> DecodeProblem {
    match (problem, movie.tracks.iter().find_map(SoundTrack::unread_codec)) {
        (DecodeProblem::Header { .. } | DecodeProblem::Unsupported { .. }, Some(name)) => {
            DecodeProblem::Unsupported { found: name.to_owned() }
        }
        (problem, _) => problem,
    }
}

/// The names of codecs in the header of a Matroska file.
///
/// # Source
/// RFC 9559, 5.1.4.1.21: the element CodecID is 0x86, then its length
fn matroska_codecs(head: &[u8]) -> Vec<String> {
    let names = memchr::memmem::find_iter(head, b"A_").filter_map(|at| {
        let [.., 0x86, size] = head.get(..at)? else { return None };
        let name = head.get(at..at + usize::from(size & 0x7f))?;
        (size & 0x80 != 0 && name.is_ascii()).then(|| String::from_utf8_lossy(name).into_owned())
    });
    names.collect()
}

/// Known but unsupported formats, by their first bytes.
const NAMED: [(usize, &[u8], &str); 27] = [
    (0, b"#!AMR-WB", "AMR-WB"),
    (0, b"#!AMR", "AMR"),
    (0, b"#!SILK", "SILK"),
    (0, b"\x02#!SILK", "SILK"),
    (0, b".snd", "Sun AU"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"TTA1", "True Audio"),
    (0, b"TTA2", "True Audio"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"DSD ", "DSD"),
    (0, b"FRM8", "DSD"),
    (0, b"FLV\x01", "Flash video"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"Creative Voice File", "Creative Voice"),
    (0, b"NIST_1A", "NIST SPHERE"),
    (0, b"MThd", "MIDI, which has notes and no sound"),
    (0, b"\x00\x00\x01\xba", "an MPEG programme stream"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"OMG", "ATRAC"),
    (0, b"ea3", "ATRAC"),
    (8, b"8SVX", "8SVX"),
    (8, b"AVI ", "AVI video"),
];

fn name(head: &[u8]) -> Option<String> {
    let begins = |at: usize, signature: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(signature));
    let every = |distance: usize, n: usize, is_mark: fn(u8) -> bool| {
        (0..n).all(|index| head.get(index * distance).is_some_and(|&byte| is_mark(byte)))
    };
    if let Some((_, _, name)) = NAMED.iter().find(|(at, signature, _)| begins(*at, signature)) {
        return Some((*name).to_owned());
    }
    // Packets of a transport stream; frames of GSM, whose only signature is their first four bits.
    if every(188, 2, |byte| byte == 0x47) {
        return Some("an MPEG transport stream".to_owned());
    }
    if every(33, 12, |byte| byte >> 4 == 0xd) {
        return Some("GSM 6.10".to_owned());
    }
    let is_riff = begins(0, b"RIFF") || begins(0, b"RIFX") || begins(0, b"FORM");
    is_riff.then(|| format!("'{}' in RIFF", head.get(8..12).unwrap_or_default().escape_ascii()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn problem(bytes: &[u8]) -> String {
        open(Bytes::of_pipe(Cursor::new(bytes.to_vec()))).err().unwrap().to_string()
    }

    #[test]
    fn what_is_known_and_not_read_is_named() {
        let frames = [&[0xd4][..], &[0x55; 32]].concat().repeat(20);
        for (bytes, name) in [
            (&b"#!AMR\n\x04\x31"[..], "AMR"),
            (b"#!AMR-WB\n\x04", "AMR-WB"),
            (b"wvpk....", "WavPack"),
            (b"RIFF\0\0\0\0AVI LIST", "AVI video"),
            (b"RIFF\0\0\0\0RMIDdata", "'RMID' in RIFF"),
            (b"FORM\0\0\0\x088SVX", "8SVX"),
            (&frames, "GSM 6.10"),
        ] {
            let sentence = problem(bytes);
            assert!(sentence.starts_with(&format!("the audio is {name}, which is not supported")), "{sentence}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_audio() {
        for bytes in [&b"Dear diary"[..], &[0xff; 1000], &[0; 200_000], b"\xff\xfb\x90\x44 and so on"] {
            assert!(problem(bytes).starts_with("expected audio"), "{}", problem(bytes));
        }
    }

    #[test]
    fn the_codecs_of_matroska_are_found() {
        let head = [&b"\x1a\x45\xdf\xa3 A_NO \x86\x86A_OPUS \x86\x87V_MPEG4"[..], b"\x86\x88A_TRUEHD"].concat();
        assert_eq!(matroska_codecs(&head), ["A_OPUS", "A_TRUEHD"]);
    }
}
