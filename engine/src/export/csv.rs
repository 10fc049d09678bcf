//! Comma-separated values, RFC 4180 with line feeds.

use std::fmt::Write as _;

use super::Results;
use crate::segment::Segment;

/// The columns.
pub(super) const HEADER: &str = "file,start_s,end_s,state,emotion,angry,happy,sad,neutral,features_ms,inference_ms\n";

/// One row a block.
pub(super) fn rows(results: &Results) -> String {
    let file = quoted(&results.file);
    results.timed().fold(String::new(), |mut text, (segment, latency)| {
        let Segment { start_s, end_s, state } = segment;
        let emotion = segment.emotion().map_or("", |emotion| emotion.name());
        let probabilities = segment.probabilities().map_or_else(
            || ",,,".to_owned(),
            |probabilities| probabilities.as_array().map(|value| format!("{value:.6}")).join(","),
        );
        let (features, inference) = (latency.features.as_secs_f64() * 1e3, latency.inference.as_secs_f64() * 1e3);
        let state = state.name();
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{file},{start_s:.6},{end_s:.6},{state},{emotion},{probabilities},{features:.3},{inference:.3}")
            .expect("a String takes any text");
        text
    })
}

/// `text` as one field: quoted where a comma, quote or line break would end it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
