//! Final Cut Pro 7 XML, the only form in which Premiere Pro imports markers from a file: an empty sequence with one marker per mark.
//!
//! # Source
//! Apple, "Final Cut Pro XML Interchange Format", version 5

use std::fmt::Write as _;

use super::frames::{FrameRate, StartTime};
use crate::display::text::escaped;
use crate::marks::Mark;

pub(super) fn document(title: &str, duration_s: f64, marks: &[Mark], rate: FrameRate, start: StartTime) -> String {
    let title = escaped(title);
    let n_frames = marks.iter().map(|mark| rate.frame_at(mark.end_s)).fold(rate.frame_at(duration_s).max(1), u64::max);
    let ntsc = if rate.is_ntsc() { "TRUE" } else { "FALSE" };
    let rate_element = format!("<rate><timebase>{}</timebase><ntsc>{ntsc}</ntsc></rate>", rate.nominal());
    let (frame, time_code) = (start.frame(rate), rate.time_code(start.frame(rate)));
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="5">
  <sequence id="moodline">
    <name>{title}</name>
    <duration>{n_frames}</duration>
    {rate_element}
    <timecode>
      {rate_element}
      <string>{time_code}</string>
      <frame>{frame}</frame>
      <displayformat>{}</displayformat>
    </timecode>
    <media>
      <video>
        <format><samplecharacteristics>{rate_element}<width>1920</width><height>1080</height></samplecharacteristics></format>
        <track/>
      </video>
      <audio><track/></audio>
    </media>
"#,
        rate.counting()
    );
    for mark in marks {
        let (from, to) = (rate.frame_at(mark.start_s), rate.frame_at(mark.end_s));
        let label = mark.label();
        // INVARIANT: writing to a String cannot fail.
        writeln!(
            text,
            "    <marker><name>{label}</name><comment></comment><in>{from}</in><out>{}</out></marker>",
            to.max(from + 1)
        )
        .expect("a String takes any text");
    }
    text.push_str("  </sequence>\n</xmeml>\n");
    text
}
