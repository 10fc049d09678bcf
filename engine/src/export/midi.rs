//! A Standard MIDI File with markers: the only form in which Pro Tools imports markers from a file; most other DAWs import it too.
//!
//! A MIDI marker has no end: each mark begins with its label, and a marker called `end` follows unless another mark of its voice begins immediately.
//!
//! # Source
//! MIDI Manufacturers Association, "Standard MIDI Files 1.0" (RP-001): format 0; meta events 0x06 (marker), 0x51 (tempo), 0x2F (end of track)

use crate::marks::Mark;

/// At this tempo a quarter note is half a second, so that a tick is a millisecond.
const MICROSECONDS_A_QUARTER: u32 = 500_000;
const TICKS_A_QUARTER: u16 = 500;

/// Largest variable-length quantity.
const LONGEST_DELTA: u64 = 0x0FFF_FFFF;

const TRACK_NAME: u8 = 0x03;
const MARKER: u8 = 0x06;
const END_OF_TRACK: u8 = 0x2F;
const TEMPO: u8 = 0x51;

pub(super) fn file(title: &str, marks: &[Mark]) -> Vec<u8> {
    let mut track = Track { bytes: Vec::new(), now_ms: 0 };
    track.meta(0.0, TRACK_NAME, title.as_bytes());
    track.meta(0.0, TEMPO, &MICROSECONDS_A_QUARTER.to_be_bytes()[1..]);
    let mut markers: Vec<(f64, String)> = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        markers.push((mark.start_s, mark.label()));
        let next = marks[index + 1..].iter().find(|next| next.channel == mark.channel);
        if next.is_none_or(|next| ticks(next.start_s) > ticks(mark.end_s)) {
            markers.push((mark.end_s, mark.of_channel("end")));
        }
    }
    // The marks of several voices are interleaved.
    markers.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at_s, label) in markers {
        track.meta(at_s, MARKER, label.as_bytes());
    }
    track.meta(0.0, END_OF_TRACK, b"");
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01".to_vec();
    file.extend(TICKS_A_QUARTER.to_be_bytes());
    file.extend(b"MTrk");
    // INVARIANT: a track of 4 GiB would have a hundred million marks.
    file.extend(u32::try_from(track.bytes.len()).expect("a track of less than 4 GiB").to_be_bytes());
    file.extend(track.bytes);
    file
}

/// Ticks, which are milliseconds.
fn ticks(seconds: f64) -> u64 {
    (seconds * 1e3).round() as u64
}

struct Track {
    bytes: Vec<u8>,
    now_ms: u64,
}

impl Track {
    /// Adds a meta event at a time, or immediately if that time is past.
    fn meta(&mut self, at_s: f64, kind: u8, content: &[u8]) {
        let delta = ticks(at_s).saturating_sub(self.now_ms).min(LONGEST_DELTA);
        self.now_ms += delta;
        self.number(delta);
        self.bytes.extend([0xFF, kind]);
        self.number(content.len() as u64);
        self.bytes.extend(content);
    }

    /// Writes seven bits per byte, the most significant first; all but the last have the highest bit set.
    fn number(&mut self, value: u64) {
        for shift in [21, 14, 7] {
            if value >> shift > 0 {
                self.bytes.push(0x80 | (value >> shift & 0x7F) as u8);
            }
        }
        self.bytes.push((value & 0x7F) as u8);
    }
}
