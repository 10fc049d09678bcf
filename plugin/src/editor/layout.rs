//! Positions of the parts of the editor at any size. Pure, no widgets.

use egui::{Rect, Vec2, pos2, vec2};

/// Minimum size of the editor, logical points.
pub(crate) const MIN_SIZE: Vec2 = vec2(480.0, 300.0);
/// Space around and between parts, points.
pub(crate) const MARGIN: f32 = 8.0;
/// Buttons have words beside their icons from this width, points.
const WIDTH_WITH_WORDS: f32 = 740.0;
/// The header has the four bars from this width, points.
const WIDTH_WITH_BARS: f32 = 620.0;
/// A panel is placed beside the timeline from this width; below it, over the timeline. Points.
const WIDTH_WITH_DOCK: f32 = 700.0;
/// Width of a panel, points.
pub(crate) const PANEL_WIDTH: f32 = 264.0;
/// Height of the row of buttons, points.
const TOOLBAR_HEIGHT: f32 = 26.0;
/// Height of the title row of a lane, points.
const TITLE_HEIGHT: f32 = 20.0;
/// Height of the time axis, points.
const AXIS_HEIGHT: f32 = 16.0;

/// The parts of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) header: Rect,
    pub(crate) toolbar: Rect,
    pub(crate) body: Rect,
    /// The open panel.
    pub(crate) panel: Option<Rect>,
    /// Whether the panel covers part of the body.
    pub(crate) panel_overlays: bool,
    /// Whether buttons have words.
    pub(crate) words: bool,
    /// Whether the header has the four bars.
    pub(crate) bars: bool,
}

impl Layout {
    /// The parts of a window that covers `window`.
    pub(crate) fn new(window: Rect, has_panel: bool) -> Self {
        let header_height = if window.height() >= 380.0 { 68.0 } else { 56.0 };
        let header = window.with_max_y(window.top() + header_height);
        let inner = window.with_min_y(header.bottom()).shrink(MARGIN);
        let toolbar = inner.with_max_y(inner.top() + TOOLBAR_HEIGHT);
        let below = inner.with_min_y(toolbar.bottom() + MARGIN);
        let panel_overlays = window.width() < WIDTH_WITH_DOCK;
        let panel = has_panel.then(|| below.with_min_x((below.right() - PANEL_WIDTH).max(below.left())));
        let body = match panel {
            Some(panel) if !panel_overlays => below.with_max_x(panel.left() - MARGIN),
            _ => below,
        };
        let words = window.width() >= WIDTH_WITH_WORDS;
        Self { header, toolbar, body, panel, panel_overlays, words, bars: window.width() >= WIDTH_WITH_BARS }
    }
}

/// The parts of the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lanes {
    pub(crate) live_title: Rect,
    /// Has zero height if the track has nothing to show and the file uses its space.
    pub(crate) live: Rect,
    /// Title and lane of the file, if there is one.
    pub(crate) file: Option<(Rect, Rect)>,
    pub(crate) axis: Rect,
    pub(crate) overview: Rect,
}

/// Which lanes have something to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownLanes {
    /// There is no file.
    Live,
    /// Track and file.
    Both,
    /// A file, and a track of which nothing is recorded: its lane is a title.
    FileBelowEmpty,
}

impl Lanes {
    /// The parts of `body` for these lanes.
    pub(crate) fn new(body: Rect, shown: ShownLanes) -> Self {
        let overview_height = if body.height() >= 240.0 { 36.0 } else { 24.0 };
        let overview = body.with_min_y(body.bottom() - overview_height);
        let axis =
            Rect::from_min_max(pos2(body.left(), overview.top() - AXIS_HEIGHT - 4.0), pos2(body.right(), overview.top() - 4.0));
        let lanes = body.with_max_y(axis.top());
        let titled = |part: Rect| {
            let title = part.with_max_y(part.top() + TITLE_HEIGHT);
            (title, part.with_min_y(title.bottom()))
        };
        let ((live_title, live), file) = match shown {
            ShownLanes::Live => (titled(lanes), None),
            ShownLanes::Both => {
                let (upper, lower) = lanes.split_top_bottom_at_fraction(0.5);
                (titled(upper.with_max_y(upper.bottom() - 4.0)), Some(titled(lower)))
            }
            ShownLanes::FileBelowEmpty => {
                let (upper, lower) = lanes.split_top_bottom_at_y(lanes.top() + TITLE_HEIGHT);
                (titled(upper), Some(titled(lower)))
            }
        };
        Self { live_title, live, file, axis, overview }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> impl Iterator<Item = Rect> {
        let sizes = [MIN_SIZE, vec2(700.0, 300.0), vec2(760.0, 460.0), vec2(1400.0, 900.0), vec2(480.0, 900.0)];
        sizes.into_iter().map(|size| Rect::from_min_size(pos2(0.0, 0.0), size))
    }

    #[test]
    fn parts_never_overlap_and_never_leave_the_window() {
        for window in sizes() {
            let shown = [ShownLanes::Live, ShownLanes::Both, ShownLanes::FileBelowEmpty];
            for (has_panel, shown) in shown.into_iter().flat_map(|shown| [(false, shown), (true, shown)]) {
                let layout = Layout::new(window, has_panel);
                let lanes = Lanes::new(layout.body, shown);
                let mut parts = vec![layout.header, layout.toolbar, lanes.live_title, lanes.axis, lanes.overview];
                if shown == ShownLanes::FileBelowEmpty {
                    assert_eq!(lanes.live.height(), 0.0);
                } else {
                    parts.push(lanes.live);
                }
                parts.extend(lanes.file.into_iter().flat_map(|(title, lane)| [title, lane]));
                parts.extend(layout.panel.filter(|_| !layout.panel_overlays));
                for (index, part) in parts.iter().enumerate() {
                    assert!(part.is_positive() && window.contains_rect(*part), "{part} in {window}");
                    for other in &parts[index + 1..] {
                        let both = part.intersect(*other);
                        assert!(!both.is_positive(), "{part} and {other} in {window}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_timeline_is_usable_at_the_smallest_size() {
        let window = Rect::from_min_size(pos2(0.0, 0.0), MIN_SIZE);
        let body = Layout::new(window, false).body;
        assert!(Lanes::new(body, ShownLanes::Live).live.height() >= 100.0);
        for (shown, lowest) in [(ShownLanes::Both, 40.0), (ShownLanes::FileBelowEmpty, 90.0)] {
            let (_, file) = Lanes::new(body, shown).file.unwrap();
            assert!(file.height() >= lowest, "{shown:?}: {}", file.height());
        }
    }
}
