//! The shape of each emotion, so that emotions are not distinguished by colour alone.
//!
//! Angry: a spiky star. Happy: a smiling disc. Sad: a drop. Neutral: a square with a straight line.

use std::f32::consts::TAU;

use egui::epaint::{CircleShape, PathShape, RectShape};
use egui::{Color32, Mesh, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};
use moodline_core::Emotion;

use super::colours::{self, Colours};

/// Points of the star.
const N_SPIKES: usize = 8;
/// Minimum radius at which the lines inside a shape can be distinguished, points.
const SMALLEST_WITH_DETAIL: f32 = 6.0;

/// The shape of `emotion`, `radius` points around `center`, in its colour with `outline` around it.
pub(crate) fn shapes(emotion: Emotion, center: Pos2, radius: f32, outline: Color32) -> Vec<Shape> {
    let stroke = Stroke::new((radius / 10.0).clamp(0.75, 1.5), outline);
    let fill = colours::of_emotion(emotion);
    let detailed = radius >= SMALLEST_WITH_DETAIL;
    let ink = colours::ink_on(emotion);
    match emotion {
        Emotion::Angry => star(center, radius, fill, stroke),
        Emotion::Happy => {
            let disc = CircleShape { center, radius: radius * 0.94, fill, stroke };
            let face = if detailed { smile(center, radius, ink) } else { Vec::new() };
            std::iter::once(disc.into()).chain(face).collect()
        }
        Emotion::Sad => {
            vec![PathShape { points: drop_points(center, radius), closed: true, fill, stroke: stroke.into() }.into()]
        }
        Emotion::Neutral => {
            let side = radius * 1.6;
            let rect = Rect::from_center_size(center, Vec2::splat(side));
            let square = RectShape::new(rect, radius * 0.3, fill, stroke, StrokeKind::Middle);
            let half = vec2(side * 0.26, 0.0);
            let line = detailed.then(|| Shape::line_segment([center - half, center + half], Stroke::new(radius * 0.17, ink)));
            std::iter::once(square.into()).chain(line).collect()
        }
    }
}

/// A question mark on the background of a lane, `radius` points around `center`: an emotion that is not probable enough.
pub(crate) fn question(center: Pos2, radius: f32, colours: &Colours) -> Vec<Shape> {
    let stroke = Stroke::new(radius * 0.32, colours.text);
    let hook = (0..=12).map(|index| {
        let angle = TAU * (-0.5 + 0.055 * f32::from(index as u8));
        center + radius * (vec2(0.0, -0.4) + 0.55 * Vec2::angled(angle))
    });
    let stem = center + vec2(0.0, radius * 0.45);
    let points = hook.chain(std::iter::once(stem)).collect();
    let ground = Rect::from_center_size(center, vec2(2.6 * radius, 2.4 * radius));
    vec![
        Shape::rect_filled(ground, 0.0, colours.plot),
        Shape::line(points, stroke),
        Shape::circle_filled(center + vec2(0.0, radius * 0.9), radius * 0.2, colours.text),
    ]
}

/// A star is not convex, so it is filled as triangles around its centre; the stroke smooths their edges.
fn star(center: Pos2, radius: f32, fill: Color32, stroke: Stroke) -> Vec<Shape> {
    let points = star_points(center, radius);
    let mut mesh = Mesh::default();
    mesh.colored_vertex(center, fill);
    for point in &points {
        mesh.colored_vertex(*point, fill);
    }
    let n = points.len() as u32;
    for index in 0..n {
        mesh.add_triangle(0, 1 + index, 1 + (index + 1) % n);
    }
    vec![Shape::mesh(mesh), Shape::closed_line(points, stroke)]
}

fn star_points(center: Pos2, radius: f32) -> Vec<Pos2> {
    let point = |index: usize| {
        let reach = if index.is_multiple_of(2) { radius * 1.06 } else { radius * 0.62 };
        let angle = TAU * index as f32 / (2 * N_SPIKES) as f32 - TAU / 4.0;
        center + reach * Vec2::angled(angle)
    };
    (0..2 * N_SPIKES).map(point).collect()
}

fn smile(center: Pos2, radius: f32, ink: Color32) -> Vec<Shape> {
    let point = |index: u8| center + radius * 0.52 * Vec2::angled(TAU * (0.07 + 0.03 * f32::from(index)));
    let mouth = Shape::line((0..=12).map(point).collect(), Stroke::new(radius * 0.15, ink));
    let eye = |side: f32| Shape::circle_filled(center + radius * vec2(0.32 * side, -0.2), radius * 0.1, ink);
    vec![mouth, eye(-1.0), eye(1.0)]
}

/// A drop: three quarters of a circle, with a tip at the top.
fn drop_points(center: Pos2, radius: f32) -> Vec<Pos2> {
    let (middle, round) = (center + vec2(0.0, 0.24 * radius), 0.72 * radius);
    let tip = pos2(center.x, center.y - 1.05 * radius);
    let arc = (0..=24).map(|index| {
        let angle = TAU * (-0.07 + 0.64 * index as f32 / 24.0);
        middle + round * Vec2::angled(angle)
    });
    std::iter::once(tip).chain(arc).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stay_within_their_radius() {
        let center = pos2(10.0, 20.0);
        for point in star_points(center, 8.0).into_iter().chain(drop_points(center, 8.0)) {
            assert!(point.distance(center) <= 8.0 * 1.1, "{point:?}");
        }
    }
}
