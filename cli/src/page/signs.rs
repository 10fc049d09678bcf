//! Shows by shape and in words what a stretch contains: in strips and bands, in the legend, and in tables.

use moodline_core::Emotion;
use moodline_engine::display::palette;
use moodline_engine::marks::Told;

/// Height of a drawing, units.
pub(super) const HEIGHT: f64 = 100.0;

pub(super) fn hex(emotion: Emotion) -> String {
    let [red, green, blue] = palette::rgb(emotion);
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// How a part of a strip looks, in a square: for the legend and next to a word.
pub(super) fn swatch(told: Told) -> String {
    let shapes = match told {
        Told::Emotion(emotion) => format!("<path d=\"M0 0H{HEIGHT}V{HEIGHT}H0Z\" fill=\"{}\"/>", hex(emotion)),
        other => in_doubt(other, (0.0, HEIGHT), HEIGHT / 2.0, HEIGHT),
    };
    format!("<svg viewBox=\"0 0 {HEIGHT} {HEIGHT}\" aria-hidden=\"true\">{shapes}</svg>")
}

/// The shape for a stretch without a clear emotion, as in the editor: a half-height bar, oblique lines with this spacing and slant, or a single line.
pub(super) fn in_doubt(told: Told, (left, right): (f64, f64), apart: f64, slant: f64) -> String {
    let bar = |top: f64, bottom: f64, class: &str| {
        format!("<path class=\"{class}\" d=\"M{left:.1} {top}H{right:.1}V{bottom}H{left:.1}Z\"/>")
    };
    match told {
        Told::Emotion(_) => String::new(),
        Told::Uncertain(_) => bar(HEIGHT / 2.0, HEIGHT, "sign"),
        Told::Unfamiliar => bar(0.0, HEIGHT, "quiet") + &oblique(left, right, apart, slant),
        Told::Nothing => bar(0.0, HEIGHT, "quiet") + &bar(0.46 * HEIGHT, 0.54 * HEIGHT, "sign"),
    }
}

/// Lines rising to the right, on one grid for the whole row so that neighbours join.
fn oblique(left: f64, right: f64, apart: f64, slant: f64) -> String {
    let (first, last) = (((left - slant) / apart).floor() as i64 + 1, (right / apart).ceil() as i64);
    let line = |index: i64| {
        let foot = index as f64 * apart;
        let (from, to) = (foot.max(left), (foot + slant).min(right));
        let y = |x: f64| HEIGHT * (1.0 - (x - foot) / slant);
        if from < to { format!("M{from:.1} {:.1}L{to:.1} {:.1}", y(from), y(to)) } else { String::new() }
    };
    format!("<path class=\"oblique\" d=\"{}\"/>", (first..last).map(line).collect::<String>())
}

/// The description of a stretch, in words.
pub(super) fn words(told: Told) -> String {
    match told {
        Told::Emotion(emotion) => emotion.name().to_owned(),
        Told::Uncertain(emotion) => format!("uncertain, leaning {emotion}"),
        Told::Unfamiliar => "unfamiliar".to_owned(),
        Told::Nothing => "no speech".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oblique_lines_stay_in_their_part_and_on_one_grid() {
        let numbers = |path: &str| -> Vec<f64> {
            let text = path.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
            text.split(['M', 'L', ' ']).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect()
        };
        let points = numbers(&oblique(33.0, 71.0, 10.0, 20.0));
        assert!(points.len() > 16);
        for point in points.chunks_exact(2) {
            assert!((33.0..=71.0).contains(&point[0]) && (0.0..=HEIGHT).contains(&point[1]), "{point:?}");
        }
        for line in points.chunks_exact(4) {
            let foot = line[0] - 20.0 * (1.0 - line[1] / HEIGHT);
            assert!((foot / 10.0 - (foot / 10.0).round()).abs() < 0.02, "{line:?}");
        }
    }
}
