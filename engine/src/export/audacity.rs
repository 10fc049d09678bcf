//! Audacity's label track: `start TAB end TAB label`, seconds with six decimals. Labels may overlap, as blocks do.

use std::fmt::Write as _;

use super::Results;

/// One label a block: the emotion with its probability in percent, or `no speech`.
pub(super) fn labels(results: &Results) -> String {
    results.segments.iter().fold(String::new(), |mut text, segment| {
        let label = segment.probabilities().map_or_else(
            || segment.label().to_owned(),
            |probabilities| format!("{} {:.0} %", segment.label(), 100.0 * probabilities.of(probabilities.winner())),
        );
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{:.6}\t{:.6}\t{label}", segment.start_s, segment.end_s).expect("a String takes any text");
        text
    })
}
