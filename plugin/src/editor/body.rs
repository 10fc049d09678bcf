//! The body of the editor: the lanes on their common time axis, and the overview below.

use egui::{Align2, CursorIcon, FontId, Painter, Rect, Response, Sense, Shape, Stroke, Ui, pos2, vec2};
use moodline_engine::State;
use moodline_engine::live::{FileLane, FileState};
use moodline_engine::timeline::Clock;

use super::canvas::{Picture, Scale};
use super::lane::{self, LaneStyle};
use super::layout::{Lanes, ShownLanes};
use super::overview::Overview;
use super::readout::{Readout, paint_legend, reason_text};
use super::scene::Scene;
use super::title;
use super::view::View;
use crate::session::TimelineStyle;
use moodline_engine::display::time::{clock_text, decimals_of_step, tick_step, ticks};

/// Distance between labelled ticks, points.
const TICK_DISTANCE: f64 = 84.0;
/// Zoom per point of scrolling: a wheel notch of 40 points zooms by a factor of 1.2.
const ZOOM_PER_POINT: f64 = 0.0046;

/// State of the body kept between frames.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) view: View,
    live: Picture,
    file: Picture,
    overview: Overview,
    /// The view that shows a newly opened file in full, as far as its length is known; `None` once it is read or the user has moved the view.
    fitted: Option<View>,
}

/// Where the lanes are, and whether the pointer is on one.
pub(crate) struct BodyResponse {
    pub(crate) lanes: Lanes,
    pub(crate) is_pointed_at: bool,
}

impl Body {
    /// Discards every picture, for a change that no version number reflects.
    pub(crate) fn forget_pictures(&mut self) {
        self.live.forget();
        self.file.forget();
        self.overview.forget();
    }

    /// Shows all of a newly opened file.
    pub(crate) fn fit_file(&mut self) {
        self.view.follow = false;
        self.fitted = Some(self.view);
    }

    /// Keeps all of `file` in view while its length becomes known, until the user moves the view.
    fn keep_file_in_view(&mut self, file: &FileLane) {
        self.fitted = self.fitted.filter(|fitted| *fitted == self.view);
        if let (Some(fitted), Some(length_s)) = (&mut self.fitted, length_s(file)) {
            self.view.fit(Some((0.0, length_s)));
            *fitted = self.view;
        }
        if file.state != FileState::Running {
            self.fitted = None;
        }
    }

    /// Shows the body in `rect`; the titles of the lanes are left to the caller, except for the values under the pointer.
    pub(crate) fn show(&mut self, ui: &mut Ui, rect: Rect, scene: &Scene<'_>) -> BodyResponse {
        let lanes = Lanes::new(rect, scene.shown_lanes());
        let bounds = scene.bounds();
        if let Some(file) = scene.file {
            self.keep_file_in_view(file);
        }
        if let Some(playhead) = scene.data.snapshot.playhead {
            self.view.follow_to(playhead);
        }
        let live_response = ui.interact(lanes.live, ui.scope_id().with("live"), Sense::click_and_drag());
        let file_response = lanes.file.map(|(_, lane)| ui.interact(lane, ui.scope_id().with("file"), Sense::click_and_drag()));
        for response in std::iter::once(&live_response).chain(&file_response) {
            self.navigate(ui, response, bounds);
        }
        self.overview.navigate(ui, lanes.overview, &mut self.view, bounds);

        let scale = Scale::new(&self.view, lanes.live, ui.ctx().pixels_per_point());
        self.paint_lanes(ui, &lanes, &scale, scene, bounds.is_none());
        paint_axis(ui.painter(), &lanes, &scale, &scene.style);
        if let Some(playhead) = scene.data.snapshot.playhead {
            paint_playhead(ui.painter(), lanes.live, scale.x(playhead), &scene.style);
        }
        self.overview.paint(ui, lanes.overview, &self.view, bounds, scene);
        let responses = [Some(live_response), file_response];
        let is_pointed_at = responses.iter().flatten().any(|response| response.hover_pos().is_some());
        self.paint_titles(ui, &lanes, &scale, scene, responses);
        BodyResponse { lanes, is_pointed_at }
    }

    fn navigate(&mut self, ui: &Ui, response: &Response, bounds: Option<(f64, f64)>) {
        let seconds_per_point = self.view.span_s / f64::from(response.rect.width().max(1.0));
        if response.dragged() {
            ui.set_cursor_icon(CursorIcon::Grabbing);
            self.view.pan(-f64::from(response.drag_delta().x) * seconds_per_point, bounds);
        }
        if response.double_clicked() {
            self.view.fit(bounds);
        }
        if let Some(pointer) = response.hover_pos() {
            let time = self.view.start_s + f64::from(pointer.x - response.rect.left()) * seconds_per_point;
            let (scroll, zoom) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
            let factor = (f64::from(scroll.y) * ZOOM_PER_POINT).exp() * f64::from(zoom);
            if (factor - 1.0).abs() > 1e-6 {
                self.view.zoom(factor, time, bounds);
            }
            if scroll.x != 0.0 {
                self.view.pan(-f64::from(scroll.x) * seconds_per_point, bounds);
            }
        }
    }

    fn paint_lanes(&mut self, ui: &Ui, lanes: &Lanes, scale: &Scale, scene: &Scene<'_>, is_empty: bool) {
        let colours = &scene.style.colours;
        let rects = [Some(lanes.live), lanes.file.map(|(_, lane)| lane)];
        for rect in rects.into_iter().flatten().filter(Rect::is_positive) {
            ui.painter().rect_filled(rect, 3.0, colours.plot);
            paint_grid(ui.painter(), rect, scale, &scene.style);
        }
        let live = self.live.shapes(scene.live_subject(scale, lanes.live), |grid| scene.live_columns(grid), lane::shapes);
        ui.painter().with_clip_rect(lanes.live).extend(live.iter().cloned());
        if let Some((_, rect)) = lanes.file {
            let file = self.file.shapes(scene.file_subject(scale, rect), |grid| scene.file_columns(grid), lane::shapes);
            ui.painter().with_clip_rect(rect).extend(file.iter().cloned());
        }
        let lanes_and_ends =
            [Some((lanes.live, scene.provisional)), lanes.file.map(|(_, lane)| (lane, scene.provisional_of_file()))];
        for (lane, end) in lanes_and_ends.into_iter().flatten() {
            let Some((start_s, end_s)) = end else { continue };
            let part = Rect::from_x_y_ranges(scale.x(start_s)..=scale.x(end_s), lane.y_range()).intersect(lane);
            if part.is_positive() {
                ui.painter().extend(lane::provisional_shapes(part, &scene.style));
            }
        }
        if is_empty {
            let font = FontId::proportional(13.0);
            let text = ui.painter().layout(scene.when_empty.to_owned(), font, colours.weak, lanes.live.width() - 24.0);
            ui.painter().galley(lanes.live.center() - text.size() / 2.0, text, colours.weak);
        }
    }

    fn paint_titles(&self, ui: &Ui, lanes: &Lanes, scale: &Scale, scene: &Scene<'_>, responses: [Option<Response>; 2]) {
        let rows = [Some(lanes.live_title), lanes.file.map(|(title, _)| title)];
        let rects = [Some(lanes.live), lanes.file.map(|(_, lane)| lane)];
        let pointer = responses.iter().flatten().find_map(Response::hover_pos);
        if let Some(pointer) = pointer {
            for rect in rects.into_iter().flatten() {
                paint_cursor(ui.painter(), rect, pointer.x, &scene.style);
            }
        }
        let column = pointer.and_then(|pointer| scale.column(pointer.x));
        for (((row, picture), response), is_live) in
            rows.into_iter().zip([&self.live, &self.file]).zip(responses).zip([true, false])
        {
            let Some(row) = row else { continue };
            let painter = ui.painter();
            let colours = &scene.style.colours;
            // A lane reduced to its title has nothing under the pointer.
            let column = column.filter(|_| !is_live || lanes.live.is_positive());
            match (pointer, column.and_then(|index| picture.column(index))) {
                (Some(pointer), Some(column)) => {
                    let time_s = scale.time(pointer.x);
                    let provisional = if is_live { scene.provisional } else { scene.provisional_of_file() };
                    let readout = Readout {
                        time_s,
                        is_provisional: provisional.is_some_and(|(start_s, end_s)| (start_s..end_s).contains(&time_s)),
                        n_decimals: if scale.seconds_per_point() < 0.25 { 1 } else { 0 },
                        column,
                        confidence: scene.style.confidence,
                    };
                    // The file's title has buttons, so the values are placed to their left.
                    let right = row.right() - scene.file.filter(|_| !is_live).map_or(0.0, title::buttons_width);
                    readout.paint(painter, row.with_max_x(right), colours);
                    if let (Some(State::Gap(reason)), Some(response)) = (column.state, response) {
                        response.on_hover_text_at_pointer(format!("Gap: {}", reason_text(reason)));
                    }
                }
                _ if is_live => {
                    paint_legend(painter, row, colours);
                }
                _ => {}
            }
            if is_live {
                let name = live_name(scene.data.snapshot.clock, scene.shown_lanes());
                painter.text(row.left_center(), Align2::LEFT_CENTER, name, FontId::proportional(11.5), colours.weak);
            }
        }
    }
}

/// Length of `file` as far as it is known, seconds: estimated from the part read so far.
fn length_s(file: &FileLane) -> Option<f64> {
    let length_s = match file.state {
        FileState::Running if file.progress > 0.0 => file.duration_s / f64::from(file.progress),
        _ => file.duration_s,
    };
    (length_s > 0.0).then_some(length_s)
}

/// The name of the live lane, whose times are either the host's or the stream's own.
const fn live_name(clock: Clock, shown: ShownLanes) -> &'static str {
    match (clock, shown) {
        (Clock::Host, ShownLanes::Live) => "Host time",
        (Clock::Stream, ShownLanes::Live) => "Audio time",
        (Clock::Host, ShownLanes::Both) => "Track, host time",
        (Clock::Stream, ShownLanes::Both) => "Track, audio time",
        (_, ShownLanes::FileBelowEmpty) => "Track: nothing recorded",
    }
}

fn paint_grid(painter: &Painter, rect: Rect, scale: &Scale, style: &LaneStyle) {
    let stroke = Stroke::new(1.0, style.colours.line.gamma_multiply(0.6));
    let step = tick_step(scale.seconds_per_point(), TICK_DISTANCE);
    for time in ticks(scale.grid.start_s(), scale.grid.end_s(), step) {
        painter.vline(scale.x(time), rect.y_range(), stroke);
    }
    if style.timeline == TimelineStyle::Lines {
        for share in [0.25, 0.5, 0.75] {
            painter.hline(rect.x_range(), egui::lerp(rect.bottom()..=rect.top() + lane::RIBBON + 2.0, share), stroke);
        }
    }
}

fn paint_axis(painter: &Painter, lanes: &Lanes, scale: &Scale, style: &LaneStyle) {
    let axis = lanes.axis;
    let step = tick_step(scale.seconds_per_point(), TICK_DISTANCE);
    let n_decimals = decimals_of_step(step);
    let painter = painter.with_clip_rect(axis.expand2(vec2(super::layout::MARGIN, 0.0)));
    for time in ticks(scale.grid.start_s(), scale.grid.end_s(), step) {
        let x = scale.x(time);
        painter.vline(x, axis.top()..=axis.top() + 4.0, Stroke::new(1.0, style.colours.weak));
        let text = painter.layout_no_wrap(clock_text(time, n_decimals), FontId::proportional(10.5), style.colours.weak);
        let left = (x - text.size().x / 2.0).clamp(axis.left(), axis.right() - text.size().x);
        painter.galley(pos2(left, axis.top() + 4.0), text, style.colours.weak);
    }
}

/// A dark and a light line side by side, so that the cursor is visible on any colour.
fn paint_cursor(painter: &Painter, rect: Rect, x: f32, style: &LaneStyle) {
    painter.vline(x, rect.y_range(), Stroke::new(3.0, style.colours.plot.gamma_multiply(0.75)));
    painter.vline(x, rect.y_range(), Stroke::new(1.0, style.colours.text));
}

fn paint_playhead(painter: &Painter, rect: Rect, x: f32, style: &LaneStyle) {
    if !rect.x_range().contains(x) || !rect.is_positive() {
        return;
    }
    let accent = style.colours.accent;
    painter.vline(x, rect.y_range(), Stroke::new(1.5, accent));
    let tip = [pos2(x - 4.5, rect.top()), pos2(x + 4.5, rect.top()), pos2(x, rect.top() + 6.0)];
    painter.add(Shape::convex_polygon(tip.to_vec(), accent, Stroke::NONE));
}
