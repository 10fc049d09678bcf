//! FCPXML: a project of Final Cut Pro, which Resolve also imports as a timeline: an empty clip with one marker per mark.
//!
//! # Source
//! Apple, "FCPXML Reference", document type 1.8

use std::fmt::Write as _;

use super::frames::{FrameRate, StartTime};
use crate::display::text::escaped;
use crate::marks::Mark;

pub(super) fn document(title: &str, duration_s: f64, marks: &[Mark], rate: FrameRate, start: StartTime) -> String {
    let title = escaped(title);
    let n_frames = marks.iter().map(|mark| rate.frame_at(mark.end_s)).fold(rate.frame_at(duration_s).max(1), u64::max);
    let (begin, length, frame) = (time(start.frame(rate), rate), time(n_frames, rate), time(1, rate));
    let (format, counting) = (rate.short_name(), rate.counting());
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.8">
  <resources>
    <format id="r1" name="FFVideoFormat1080p{format}" frameDuration="{frame}" width="1920" height="1080"/>
  </resources>
  <library>
    <event name="Moodline">
      <project name="{title}">
        <sequence format="r1" duration="{length}" tcStart="{begin}" tcFormat="{counting}">
          <spine>
            <gap name="{title}" offset="{begin}" start="0s" duration="{length}">
"#
    );
    for mark in marks {
        let first = rate.frame_at(mark.start_s);
        let (from, length) = (time(first, rate), time((rate.frame_at(mark.end_s) - first).max(1), rate));
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, r#"              <marker start="{from}" duration="{length}" value="{}"/>"#, mark.label())
            .expect("a String takes any text");
    }
    text.push_str(
        "            </gap>\n          </spine>\n        </sequence>\n      </project>\n    </event>\n  </library>\n</fcpxml>\n",
    );
    text
}

/// `n_frames` as a fraction of a second.
fn time(n_frames: u64, rate: FrameRate) -> String {
    let (numerator, denominator) = rate.frame_duration();
    if n_frames == 0 { "0s".to_owned() } else { format!("{}/{denominator}s", n_frames * numerator) }
}
