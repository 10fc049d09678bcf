//! What symphonia does not report about an MP4, M4A or MOV file: which parts of a track are played when, and the names of unknown codecs.
//!
//! # Source
//! ISO/IEC 14496-12, 8.2 to 8.6; QuickTime File Format; the tag iTunSMPB as written by iTunes

use std::io;

use super::bytes::Bytes;
use super::edits::Edit;

/// Largest number of table entries that are read.
const MOST_ENTRIES: usize = 10_000;

/// Approximate length of the text of iTunSMPB, characters.
const SMPB_BYTES: u64 = 256;

/// Information about one track with sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SoundTrack {
    pub(super) id: u32,
    /// Code of its sample format.
    pub(super) codec: [u8; 4],
    /// Ticks per second of its own clock.
    timescale: u32,
    edits: Vec<Entry>,
}

/// An entry of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Duration, ticks of the movie's clock.
    duration: u64,
    /// Start, ticks of the track's clock; without it, silence.
    media_time: Option<u64>,
}

/// The tracks with sound, and their common information.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Movie {
    pub(super) tracks: Vec<SoundTrack>,
    /// Ticks per second of the movie's clock.
    timescale: u32,
    /// Numbers of samples before the audio and in it, as counted by iTunes.
    smpb: Option<(u64, u64)>,
}

/// Whether a file that begins with `head` is a movie.
pub(super) fn is_movie(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"styp"))
}

impl Movie {
    /// Reads the index, wherever it is. Damaged parts are skipped: symphonia reports them.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn read(bytes: &mut Bytes) -> io::Result<Self> {
        let mut movie = Self::default();
        let all = Atom { name: *b"file", start: 0, end: bytes.position() + bytes.n_left().unwrap_or(0) };
        for atom in all.children(bytes)?.into_iter().filter(|atom| atom.name == *b"moov") {
            for child in atom.children(bytes)? {
                match &child.name {
                    b"mvhd" => movie.timescale = child.timescale(bytes)?,
                    b"trak" => movie.tracks.extend(SoundTrack::read(child, bytes)?),
                    b"udta" => movie.smpb = child.smpb(bytes)?,
                    _ => {}
                }
            }
        }
        Ok(movie)
    }

    /// The parts of the track with this `id` that are played, in samples at `sample_rate`; empty with neither an edit list nor iTunSMPB.
    pub(super) fn edits(&self, id: u32, sample_rate: u32) -> Vec<Edit> {
        let Some(track) = self.tracks.iter().find(|track| track.id == id) else { return Vec::new() };
        let samples = |ticks: u64, timescale: u32| {
            let samples = u128::from(ticks) * u128::from(sample_rate) + u128::from(timescale) / 2;
            u64::try_from(samples / u128::from(timescale.max(1))).unwrap_or(u64::MAX)
        };
        if let (true, Some((n_priming, n_samples))) = (track.edits.is_empty(), self.smpb) {
            return vec![Edit::Play { start: n_priming, n_frames: Some(n_samples) }];
        }
        let edit = |entry: &Entry| {
            let n_frames = samples(entry.duration, self.timescale);
            match entry.media_time {
                None => Edit::Silence { n_frames },
                // 0 means an unknown length, in a fragmented file.
                Some(time) => Edit::Play { start: samples(time, track.timescale), n_frames: Some(n_frames).filter(|&n| n > 0) },
            }
        };
        track.edits.iter().map(edit).collect()
    }
}

impl SoundTrack {
    fn read(track: Atom, bytes: &mut Bytes) -> io::Result<Option<Self>> {
        let mut sound = Self::default();
        let mut is_sound = false;
        for atom in track.descendants(bytes, &[*b"edts", *b"mdia", *b"minf", *b"stbl"])? {
            match &atom.name {
                b"tkhd" => {
                    let is_long = atom.full(bytes)? == 1;
                    bytes.skip(if is_long { 16 } else { 8 })?;
                    sound.id = u32::from_be_bytes(bytes.array()?);
                }
                b"elst" => sound.edits = atom.edit_list(bytes)?,
                b"mdhd" => sound.timescale = atom.timescale(bytes)?,
                // QuickTime also has one for the location of the data.
                b"hdlr" => {
                    atom.full(bytes)?;
                    bytes.skip(4)?;
                    is_sound |= bytes.array()? == *b"soun";
                }
                b"stsd" => {
                    atom.full(bytes)?;
                    bytes.skip(8)?;
                    sound.codec = bytes.array()?;
                }
                _ => {}
            }
        }
        Ok(is_sound.then_some(sound))
    }

    /// The codec in words, if it is a known one that is not supported.
    pub(super) const fn unread_codec(&self) -> Option<&'static str> {
        Some(match &self.codec {
            b"samr" => "AMR",
            b"sawb" | b"sawp" => "AMR-WB",
            b"sevc" => "EVRC",
            b"sqcp" | b"Qclp" => "QCELP",
            b"agsm" | b"GSM " => "GSM 6.10",
            b"ac-3" => "AC-3",
            b"ec-3" => "E-AC-3",
            b"ac-4" => "AC-4",
            b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" => "DTS",
            b"mlpa" => "TrueHD",
            b"MAC3" | b"MAC6" => "MACE",
            b"QDM2" | b"QDMC" => "QDesign Music",
            b"spex" => "Speex",
            b"enca" => "encrypted",
            _ => return None,
        })
    }

    /// The codec in words, or else its code in the file.
    pub(super) fn codec_name(&self) -> String {
        self.unread_codec().map_or_else(|| format!("of the kind '{}'", self.codec.escape_ascii()), str::to_owned)
    }
}

/// A box and the position of its body.
#[derive(Clone, Copy)]
struct Atom {
    name: [u8; 4],
    start: u64,
    end: u64,
}

impl Atom {
    fn children(self, bytes: &mut Bytes) -> io::Result<Vec<Self>> {
        let (mut children, mut at) = (Vec::new(), self.start);
        while children.len() < MOST_ENTRIES && at + 8 <= self.end {
            bytes.go_to(at)?;
            let Some((len, rest)) = bytes.peek(16)?.split_first_chunk() else { break };
            let Some(name) = rest.first_chunk().copied() else { break };
            let (len, header) = match u32::from_be_bytes(*len) {
                0 => (self.end - at, 8),
                1 => match rest.get(4..).and_then(<[u8]>::first_chunk) {
                    Some(long) => (u64::from_be_bytes(*long), 16),
                    None => break,
                },
                len => (u64::from(len), 8),
            };
            let end = at.saturating_add(len).min(self.end);
            if end < at + header {
                break;
            }
            children.push(Self { name, start: at + header, end });
            at = end;
        }
        Ok(children)
    }

    /// All boxes inside it, and recursively those inside boxes with one of these names.
    fn descendants(self, bytes: &mut Bytes, names: &[[u8; 4]]) -> io::Result<Vec<Self>> {
        let mut found = self.children(bytes)?;
        let mut next = 0;
        while let Some(&atom) = found.get(next) {
            next += 1;
            if names.contains(&atom.name) && found.len() < MOST_ENTRIES {
                found.extend(atom.children(bytes)?);
            }
        }
        Ok(found)
    }

    /// Goes to the position after version and flags; returns the version.
    fn full(self, bytes: &mut Bytes) -> io::Result<u8> {
        bytes.go_to(self.start)?;
        let [version, ..] = bytes.array::<4>()?;
        Ok(version)
    }

    /// The timescale in a movie header or media header.
    fn timescale(self, bytes: &mut Bytes) -> io::Result<u32> {
        let is_long = self.full(bytes)? == 1;
        bytes.skip(if is_long { 16 } else { 8 })?;
        bytes.array().map(u32::from_be_bytes)
    }

    fn edit_list(self, bytes: &mut Bytes) -> io::Result<Vec<Entry>> {
        let is_long = self.full(bytes)? == 1;
        let n_entries = u32::from_be_bytes(bytes.array()?) as usize;
        let mut entries = Vec::new();
        while entries.len() < n_entries.min(MOST_ENTRIES) && bytes.position() < self.end {
            let (duration, media_time) = if is_long {
                (u64::from_be_bytes(bytes.array()?), i64::from_be_bytes(bytes.array()?))
            } else {
                (u64::from(u32::from_be_bytes(bytes.array()?)), i64::from(i32::from_be_bytes(bytes.array()?)))
            };
            // The rate, which is 1.
            bytes.skip(4)?;
            entries.push(Entry { duration, media_time: u64::try_from(media_time).ok() });
        }
        Ok(entries)
    }

    /// Priming and number of samples from the tags of a movie.
    fn smpb(self, bytes: &mut Bytes) -> io::Result<Option<(u64, u64)>> {
        for atom in self.children(bytes)?.into_iter().filter(|atom| atom.name == *b"meta") {
            let list = Self { start: atom.start + 4, ..atom };
            for entry in list.descendants(bytes, &[*b"ilst"])?.into_iter().filter(|atom| atom.name == *b"----") {
                let parts = entry.children(bytes)?;
                let mut text = |name: &[u8; 4], n_head: u64| -> io::Result<String> {
                    let Some(part) = parts.iter().find(|part| part.name == *name) else { return Ok(String::new()) };
                    bytes.go_to(part.start.saturating_add(n_head))?;
                    let n = part.end.saturating_sub(part.start + n_head).min(SMPB_BYTES);
                    Ok(String::from_utf8_lossy(bytes.peek(n as usize)?).into_owned())
                };
                if text(b"name", 4)? == "iTunSMPB" {
                    let numbers = text(b"data", 8)?;
                    let mut numbers = numbers.split_whitespace().skip(1).map(|word| u64::from_str_radix(word, 16).ok());
                    let (priming, _padding, n_samples) = (numbers.next(), numbers.next(), numbers.next());
                    return Ok(priming.flatten().zip(n_samples.flatten()).filter(|&(_, n)| n > 0));
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    fn atom(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(8 + body.len() as u32).to_be_bytes()[..], name, body].concat()
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn movie(edits: &[u8], tags: &[u8]) -> Movie {
        let data = atom(b"hdlr", &[&numbers(&[0])[..], b"dhlrurl "].concat());
        let media = [
            atom(b"mdhd", &numbers(&[0, 0, 0, 48_000, 0])),
            atom(b"hdlr", &[&numbers(&[0, 0])[..], b"soun"].concat()),
            atom(b"minf", &[data, atom(b"stbl", &atom(b"stsd", &[&numbers(&[0, 1, 8])[..], b"samr"].concat()))].concat()),
        ];
        let track = [atom(b"tkhd", &numbers(&[0, 0, 0, 7, 0])), atom(b"edts", edits), atom(b"mdia", &media.concat())];
        let moov = [atom(b"mvhd", &numbers(&[0, 0, 0, 1000, 0])), atom(b"trak", &track.concat()), tags.to_vec()];
        let all = [atom(b"ftyp", b"isom"), atom(b"mdat", &[0; 1000]), atom(b"moov", &moov.concat())].concat();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&all).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        Movie::read(&mut Bytes::of_file(file).unwrap()).unwrap()
    }

    #[test]
    fn an_edit_list_says_what_is_played() {
        let list = atom(b"elst", &numbers(&[0, 2, 3000, u32::MAX, 1 << 16, 2000, 1024, 1 << 16]));
        let movie = movie(&list, &[]);
        assert_eq!(movie.tracks[0].codec_name(), "AMR");
        let expected = [Edit::Silence { n_frames: 48_000 }, Edit::Play { start: 341, n_frames: Some(32_000) }];
        assert_eq!(movie.edits(7, 16_000), expected);
        assert_eq!(movie.edits(8, 16_000), []);
    }

    #[test]
    fn the_tag_of_itunes_counts_where_there_is_no_edit_list() {
        let name = atom(b"name", &[&numbers(&[0])[..], b"iTunSMPB"].concat());
        let data = atom(b"data", &[&numbers(&[1, 0])[..], b" 00000000 00000840 000001CA 000000000000BB80"].concat());
        let list = atom(b"ilst", &atom(b"----", &[atom(b"mean", b"\0\0\0\0com.apple.iTunes"), name, data].concat()));
        let tags = atom(b"udta", &atom(b"meta", &[&numbers(&[0])[..], &list].concat()));
        assert_eq!(movie(&[], &tags).edits(7, 44_100), [Edit::Play { start: 2112, n_frames: Some(48_000) }]);
        assert_eq!(movie(&[], &[]).edits(7, 44_100), []);
    }
}
