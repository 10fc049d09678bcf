//! The ratios as a picture: one bar per peer on a logarithmic axis, with a mark at the promised ratio.

use std::fmt::Write as _;

use super::report::Results;

/// Length of the axis.
const AXIS: f64 = 530.0;
const MARGIN: f64 = 12.0;
const RIGHT: f64 = 70.0;
/// Width of a character of the names, at most on average: 12 px of any usual sans-serif font.
const CHARACTER: f64 = 6.8;
const TOP: f64 = 64.0;
const TITLE_HEIGHT: f64 = 26.0;
const BAR_HEIGHT: f64 = 20.0;
const GAP: f64 = 10.0;

/// Text that is readable on a light and on a dark page, because the picture has its own background.
const STYLE: &str =
    "<style>text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-weight:bold}.small{fill:#666}</style>";

/// `bench/ratios.svg`.
pub(super) fn svg(results: &Results) -> String {
    let peers = results.cases.iter().flat_map(|case| &case.peers);
    let largest = peers.flat_map(|peer| [peer.ratio, peer.target.unwrap_or(1.0)]).fold(10.0, f64::max);
    // Up to the end of the decade's next third, so that no label leaves the picture.
    let decades = (largest.log10() * 3.0).ceil() / 3.0;
    let longest = results.cases.iter().flat_map(|case| &case.peers).map(|peer| peer.name.chars().count()).max().unwrap_or(0);
    let left = (MARGIN + longest as f64 * CHARACTER + GAP).round();
    let total = left + AXIS + RIGHT;
    let x = |ratio: f64| left + AXIS * (ratio.max(1.0).log10() / decades);

    let mut rows = String::new();
    let mut y = TOP;
    for case in results.cases.iter().filter(|case| !case.peers.is_empty()) {
        let _ = writeln!(rows, "<text class=\"title\" x=\"12\" y=\"{:.0}\">{}</text>", y + 17.0, escaped(&case.title));
        y += TITLE_HEIGHT;
        for peer in &case.peers {
            let kept = case.kept(peer);
            let colour = match kept {
                Some(true) => "#2a7f62",
                Some(false) => "#b3382c",
                None => "#7d8ca3",
            };
            let (baseline, width) = (y + 14.0, x(peer.ratio) - left);
            let _ = writeln!(
                rows,
                "<text x=\"{:.0}\" y=\"{baseline:.0}\" text-anchor=\"end\">{}</text>",
                left - 8.0,
                escaped(&peer.name)
            );
            let _ = writeln!(
                rows,
                "<rect x=\"{left}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>",
                y + 2.0,
                BAR_HEIGHT - 4.0
            );
            if let Some(target) = peer.target {
                let at = x(target);
                let _ = writeln!(rows, "<path d=\"M{at:.1} {y:.0}v{BAR_HEIGHT}\" stroke=\"#000\" stroke-width=\"2\"/>");
            }
            let label = x(peer.ratio.max(peer.target.unwrap_or(1.0))) + 6.0;
            let _ = writeln!(rows, "<text x=\"{label:.1}\" y=\"{baseline:.0}\">{:.1}</text>", peer.ratio);
            y += BAR_HEIGHT;
        }
        y += GAP;
    }
    let height = y + 10.0;
    let mut grid = String::new();
    for ratio in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0] {
        if ratio <= 10.0_f64.powf(decades) {
            let at = x(ratio);
            let _ = writeln!(grid, "<path d=\"M{at:.1} {:.0}V{:.0}\" stroke=\"#ddd\"/>", TOP - 6.0, height - 10.0);
            let _ = writeln!(
                grid,
                "<text class=\"small\" x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{ratio}</text>",
                TOP - 12.0
            );
        }
    }
    let head = "How many times faster than its peers Moodline is (one thread; a black mark is the target; green: kept, red: not)";
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {total} {height:.0}\" width=\"{total}\" height=\"{height:.0}\">\n{STYLE}\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text class=\"title\" x=\"12\" y=\"24\">{head}</text>\n{grid}{rows}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::results;
    use super::*;

    #[test]
    fn a_promise_that_is_not_kept_is_red_and_names_are_escaped() {
        let picture = svg(&results(1.0, 14.0));
        assert!(picture.contains("#b3382c") && picture.contains("a &lt; b"), "{picture}");
        assert!(svg(&results(1.0, 16.0)).contains("#2a7f62"));
    }

    #[test]
    fn the_longest_name_begins_within_the_picture() {
        let mut results = results(1.0, 14.0);
        results.cases[0].peers[0].name = "n".repeat(90);
        let picture = svg(&results);
        let (before, _) = picture.split_once(&"n".repeat(90)).unwrap();
        let (_, name) = before.rsplit_once("<text x=\"").unwrap();
        let end: f64 = name.split('"').next().unwrap().parse().unwrap();
        assert!(end >= 90.0 * CHARACTER, "ends at {end}");
    }
}
