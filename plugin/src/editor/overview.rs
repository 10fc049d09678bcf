//! The strip with everything that was recorded, in which the visible range can be dragged.

use egui::{CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, vec2};

use super::canvas::{Picture, Scale};
use super::lane;
use super::scene::Scene;
use super::view::View;

/// Distance from an edge of the visible range within which the pointer drags that edge, points.
const GRIP: f32 = 5.0;
/// Minimum drawn width of the visible range, points.
const NARROWEST: f32 = 6.0;

/// The part being dragged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Grip {
    Start,
    End,
    /// The whole range; distance of the pointer from its start, seconds.
    Whole(f64),
}

/// State of the strip kept between frames.
#[derive(Default)]
pub(crate) struct Overview {
    live: Picture,
    file: Picture,
    grip: Option<Grip>,
}

impl Overview {
    pub(crate) fn forget(&mut self) {
        self.live.forget();
        self.file.forget();
    }

    /// Moves `view` as the pointer drags it in the strip at `rect`.
    pub(crate) fn navigate(&mut self, ui: &Ui, rect: Rect, view: &mut View, bounds: Option<(f64, f64)>) {
        let response = ui.interact(rect, ui.scope_id().with("overview"), Sense::click_and_drag());
        let Some(scale) = scale(ui, rect, bounds) else { return };
        let (from, to) = visible(&scale, view);
        let grip_at = |x: f32| match x {
            x if (x - from).abs() <= GRIP && to - from > 3.0 * GRIP => Grip::Start,
            x if (x - to).abs() <= GRIP && to - from > 3.0 * GRIP => Grip::End,
            x if (from..=to).contains(&x) => Grip::Whole(scale.time(x) - view.start_s),
            _ => Grip::Whole(view.span_s / 2.0),
        };
        if let Some(pointer) = response.hover_pos() {
            let borders = matches!(self.grip.unwrap_or_else(|| grip_at(pointer.x)), Grip::Start | Grip::End);
            ui.set_cursor_icon(if borders { CursorIcon::ResizeHorizontal } else { CursorIcon::Grab });
        }
        let Some(pointer) = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on()) else {
            self.grip = None;
            return;
        };
        // The first call determines what is dragged, from where the button was pressed.
        let grip = *self.grip.get_or_insert_with(|| grip_at(ui.input(|input| input.pointer.press_origin()).unwrap_or(pointer).x));
        let time = scale.time(pointer.x);
        match grip {
            Grip::Start => view.show(time.min(view.end_s() - 1e-3), view.end_s(), bounds),
            Grip::End => view.show(view.start_s, time.max(view.start_s + 1e-3), bounds),
            Grip::Whole(offset) => view.center_on(time - offset + view.span_s / 2.0, bounds),
        }
    }

    /// Paints the strip at `rect`.
    pub(crate) fn paint(&mut self, ui: &Ui, rect: Rect, view: &View, bounds: Option<(f64, f64)>, scene: &Scene<'_>) {
        let colours = &scene.style.colours;
        ui.painter().rect(rect, 3.0, colours.plot, Stroke::new(1.0, colours.line), StrokeKind::Outside);
        let Some(scale) = scale(ui, rect, bounds) else { return };
        let painter = ui.painter().with_clip_rect(rect);
        let (upper, lower) = if scene.file.is_some() { rect.split_top_bottom_at_fraction(0.5) } else { (rect, rect) };
        let upper = if scene.file.is_some() { upper.with_max_y(upper.bottom() - 1.0) } else { upper };
        let live = self.live.shapes(scene.live_subject(&scale, upper), |grid| scene.live_columns(grid), lane::overview_shapes);
        painter.extend(live.iter().cloned());
        if scene.file.is_some() {
            let file =
                self.file.shapes(scene.file_subject(&scale, lower), |grid| scene.file_columns(grid), lane::overview_shapes);
            painter.extend(file.iter().cloned());
        }
        let (from, to) = visible(&scale, view);
        let shade = colours.ground.gamma_multiply(0.62);
        painter.rect_filled(rect.with_max_x(from), 0.0, shade);
        painter.rect_filled(rect.with_min_x(to), 0.0, shade);
        let range = Rect::from_x_y_ranges(from..=to, rect.y_range());
        painter.rect_stroke(range, 2.0, Stroke::new(1.5, colours.text), StrokeKind::Inside);
        for x in [from, to] {
            let grip = Rect::from_center_size(egui::pos2(x, rect.center().y), vec2(5.0, rect.height() * 0.4));
            painter.rect_filled(grip, 2.0, colours.text);
        }
    }
}

/// The scale on which the whole recording fits the strip.
fn scale(ui: &Ui, rect: Rect, bounds: Option<(f64, f64)>) -> Option<Scale> {
    let (start_s, end_s) = bounds?;
    let all = View { start_s, span_s: (end_s - start_s).max(1.0), follow: false };
    Some(Scale::new(&all, rect, ui.ctx().pixels_per_point()))
}

/// Left and right edge of the visible range in the strip.
fn visible(scale: &Scale, view: &View) -> (f32, f32) {
    let (left, right) = (scale.left, scale.left + scale.width);
    let (from, to) = (scale.x(view.start_s).clamp(left, right), scale.x(view.end_s()).clamp(left, right));
    let missing = (NARROWEST - (to - from)).max(0.0);
    let from = (from - missing / 2.0).clamp(left, right - NARROWEST);
    (from, (to + missing / 2.0).max(from + NARROWEST).min(right))
}
