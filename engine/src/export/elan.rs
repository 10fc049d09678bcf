//! ELAN's annotation document (EAF): one tier with the emotions and one with their probabilities, for each voice.
//!
//! # Source
//! The Language Archive, "EAF Annotation Format", schema 3.0

use std::fmt::Write as _;
use std::path::Path;

use super::{TIERS, VoiceMarks, tier_name};
use crate::display::text::escaped;

/// The schema requires a date; it is constant, so that the same results always give the same bytes.
const DATE: &str = "1970-01-01T00:00:00+00:00";

/// The document, to be placed beside the recording called `name`.
pub(super) fn document(name: &str, voices: &[VoiceMarks]) -> String {
    let n_marks: usize = voices.iter().map(|(_, marks)| marks.len()).sum();
    let is_wav = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    let mime = if is_wav { "audio/x-wav" } else { "unknown" };
    let name = escaped(name);
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="Moodline" DATE="{DATE}" FORMAT="3.0" VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="{name}" MIME_TYPE="{mime}" RELATIVE_MEDIA_URL="./{name}"/>
        <PROPERTY NAME="lastUsedAnnotationId">{}</PROPERTY>
    </HEADER>
    <TIME_ORDER>
"#,
        TIERS.len() * n_marks
    );
    let mut line = |content: std::fmt::Arguments<'_>| {
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{content}").expect("a String takes any text");
    };
    for (index, mark) in voices.iter().flat_map(|(_, marks)| marks).enumerate() {
        for (slot, seconds) in [(2 * index + 1, mark.start_s), (2 * index + 2, mark.end_s)] {
            let milliseconds = (seconds * 1e3).round() as u64;
            line(format_args!(r#"        <TIME_SLOT TIME_SLOT_ID="ts{slot}" TIME_VALUE="{milliseconds}"/>"#));
        }
    }
    line(format_args!("    </TIME_ORDER>"));
    let (mut annotation, mut first) = (1, 0);
    for (channel, marks) in voices {
        for (tier, name) in TIERS.into_iter().enumerate() {
            let name = tier_name(name, *channel);
            line(format_args!(r#"    <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{name}">"#));
            for (index, mark) in marks.iter().enumerate() {
                let (from, to) = (2 * (first + index) + 1, 2 * (first + index) + 2);
                let value = if tier == 0 { mark.emotion.name().to_owned() } else { format!("{:.3}", mark.probability) };
                line(format_args!(
                    r#"        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{annotation}" TIME_SLOT_REF1="ts{from}" TIME_SLOT_REF2="ts{to}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"#
                ));
                annotation += 1;
            }
            line(format_args!("    </TIER>"));
        }
        first += marks.len();
    }
    line(format_args!(
        r#"    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>"#
    ));
    line(format_args!("</ANNOTATION_DOCUMENT>"));
    text
}
