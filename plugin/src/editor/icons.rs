//! The icons on the buttons, drawn as shapes so that no font needs to provide them.

use std::f32::consts::TAU;

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2, vec2};

/// The icons of buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Hold,
    Reset,
    Open,
    Export,
    ZoomIn,
    ZoomOut,
    Fit,
    Follow,
    Settings,
    Latency,
    About,
    Theme,
    Close,
}

/// A drawing area of 16 x 16 units.
struct Board<'a> {
    painter: &'a Painter,
    origin: Pos2,
    stroke: Stroke,
}

impl Board<'_> {
    fn at(&self, x: f32, y: f32) -> Pos2 {
        self.origin + vec2(x, y)
    }

    fn line(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(Shape::line(points, self.stroke));
    }

    fn circle(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_stroke(self.at(x, y), radius, self.stroke);
    }

    fn dot(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_filled(self.at(x, y), radius, self.stroke.color);
    }

    /// A circular arc; angles in turns, clockwise from the right.
    fn arc(&self, x: f32, y: f32, radius: f32, from: f32, to: f32) {
        let point = |index: i16| self.at(x, y) + radius * Vec2::angled(TAU * (from + (to - from) * f32::from(index) / 20.0));
        self.painter.add(Shape::line((0..=20).map(point).collect(), self.stroke));
    }
}

/// Paints `icon` in the middle of `rect`.
pub(crate) fn paint(painter: &Painter, icon: Icon, rect: Rect, ink: Color32) {
    let origin = rect.center() - Vec2::splat(8.0);
    let board = Board { painter, origin: pos2(origin.x.round(), origin.y.round()), stroke: Stroke::new(1.4, ink) };
    match icon {
        Icon::Hold => {
            for x in [4.0, 9.5] {
                let bar = Rect::from_min_size(board.at(x, 3.0), vec2(2.5, 10.0));
                painter.rect_filled(bar, 1.0, ink);
            }
        }
        Icon::Reset => {
            board.arc(8.0, 8.5, 5.0, -0.12, 0.68);
            board.line(&[(11.4, 1.6), (11.8, 5.2), (8.2, 5.4)]);
        }
        Icon::Open => {
            board.line(&[(2.0, 12.5), (2.0, 3.5), (6.0, 3.5), (7.5, 5.5), (14.0, 5.5), (14.0, 12.5), (2.0, 12.5)]);
        }
        Icon::Export => {
            board.line(&[(2.5, 9.5), (2.5, 13.5), (13.5, 13.5), (13.5, 9.5)]);
            board.line(&[(8.0, 10.5), (8.0, 2.5)]);
            board.line(&[(5.0, 5.5), (8.0, 2.5), (11.0, 5.5)]);
        }
        Icon::ZoomIn | Icon::ZoomOut => {
            board.circle(7.0, 7.0, 4.8);
            board.line(&[(10.6, 10.6), (14.0, 14.0)]);
            board.line(&[(4.8, 7.0), (9.2, 7.0)]);
            if icon == Icon::ZoomIn {
                board.line(&[(7.0, 4.8), (7.0, 9.2)]);
            }
        }
        Icon::Fit => {
            board.line(&[(2.0, 3.0), (2.0, 13.0)]);
            board.line(&[(14.0, 3.0), (14.0, 13.0)]);
            board.line(&[(4.0, 8.0), (12.0, 8.0)]);
            board.line(&[(6.2, 5.8), (4.0, 8.0), (6.2, 10.2)]);
            board.line(&[(9.8, 5.8), (12.0, 8.0), (9.8, 10.2)]);
        }
        Icon::Follow => {
            board.line(&[(13.0, 2.5), (13.0, 13.5)]);
            board.line(&[(2.0, 8.0), (10.0, 8.0)]);
            board.line(&[(7.0, 5.0), (10.0, 8.0), (7.0, 11.0)]);
        }
        Icon::Settings => {
            for (y, x) in [(4.0, 10.5), (8.0, 5.0), (12.0, 9.0)] {
                board.line(&[(2.0, y), (14.0, y)]);
                board.dot(x, y, 2.2);
            }
        }
        Icon::Latency => {
            board.circle(8.0, 9.0, 5.0);
            board.line(&[(8.0, 9.0), (8.0, 6.0)]);
            board.line(&[(6.5, 1.8), (9.5, 1.8)]);
            board.line(&[(8.0, 1.8), (8.0, 4.0)]);
            board.line(&[(12.0, 4.6), (13.2, 3.4)]);
        }
        Icon::About => {
            board.circle(8.0, 8.0, 6.0);
            board.line(&[(8.0, 7.2), (8.0, 11.2)]);
            board.dot(8.0, 4.9, 1.0);
        }
        Icon::Theme => {
            board.circle(8.0, 8.0, 5.5);
            let point = |index: i16| board.at(8.0, 8.0) + 5.5 * Vec2::angled(TAU * (0.25 + 0.025 * f32::from(index)));
            painter.add(Shape::convex_polygon((0..=20).map(point).collect(), ink, Stroke::NONE));
        }
        Icon::Close => {
            board.line(&[(4.5, 4.5), (11.5, 11.5)]);
            board.line(&[(11.5, 4.5), (4.5, 11.5)]);
        }
    }
}
