//! The visible part of the time axis, and how zooming, panning and following change it. Pure, no screen.

/// The shortest visible range, seconds: a few blocks at the shortest hop.
const MIN_SPAN_S: f64 = 2.0;
/// The longest visible range while the recording is shorter than this, seconds.
const EMPTY_SPAN_S: f64 = 60.0;
/// The fraction of the range that following leaves free to the right of the playhead, so that the newest block does not touch the edge.
const FREE_AHEAD: f64 = 0.04;
/// How far the view may extend beyond the recording, as a fraction of the visible range.
const BEYOND: f64 = 0.5;

/// The visible range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// Left edge, seconds.
    pub(crate) start_s: f64,
    /// Length, seconds; always positive.
    pub(crate) span_s: f64,
    /// Whether the range moves with the playhead.
    pub(crate) follow: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { start_s: 0.0, span_s: EMPTY_SPAN_S, follow: true }
    }
}

impl View {
    pub(crate) fn end_s(&self) -> f64 {
        self.start_s + self.span_s
    }

    /// Divides the length of the range by `factor`, keeping `anchor_s` in place on screen. A following view keeps its right edge.
    pub(crate) fn zoom(&mut self, factor: f64, anchor_s: f64, bounds: Option<(f64, f64)>) {
        let anchor_s = if self.follow { self.end_s() - FREE_AHEAD * self.span_s } else { anchor_s };
        let part = (anchor_s - self.start_s) / self.span_s;
        self.span_s = (self.span_s / factor).clamp(MIN_SPAN_S, longest_span(bounds));
        self.start_s = anchor_s - part * self.span_s;
        self.stay_near(bounds);
    }

    /// Moves the range by `seconds` and stops following.
    pub(crate) fn pan(&mut self, seconds: f64, bounds: Option<(f64, f64)>) {
        self.follow = false;
        self.start_s += seconds;
        self.stay_near(bounds);
    }

    /// Centres the range on `time_s` and stops following.
    pub(crate) fn center_on(&mut self, time_s: f64, bounds: Option<(f64, f64)>) {
        self.follow = false;
        self.start_s = time_s - self.span_s / 2.0;
        self.stay_near(bounds);
    }

    /// Shows `start_s..end_s` and stops following.
    pub(crate) fn show(&mut self, start_s: f64, end_s: f64, bounds: Option<(f64, f64)>) {
        self.follow = false;
        self.span_s = (end_s - start_s).clamp(MIN_SPAN_S, longest_span(bounds));
        self.start_s = start_s;
        self.stay_near(bounds);
    }

    /// Shows everything that was recorded.
    pub(crate) fn fit(&mut self, bounds: Option<(f64, f64)>) {
        let Some((start_s, end_s)) = bounds else {
            *self = Self { follow: self.follow, ..Self::default() };
            return;
        };
        self.follow = false;
        self.span_s = (end_s - start_s).max(MIN_SPAN_S);
        self.start_s = start_s;
    }

    /// Shows the beginning of the recording, and stops following.
    pub(crate) fn show_beginning(&mut self, bounds: Option<(f64, f64)>) {
        self.follow = false;
        self.start_s = bounds.map_or(0.0, |(start_s, _)| start_s);
    }

    /// Shows the end of the recording.
    pub(crate) fn show_end(&mut self, bounds: Option<(f64, f64)>) {
        let (start_s, end_s) = bounds.unwrap_or((0.0, 0.0));
        self.start_s = (end_s - self.span_s * (1.0 - FREE_AHEAD)).max(start_s);
    }

    /// Moves a following range so that the playhead is near its right edge.
    pub(crate) fn follow_to(&mut self, playhead_s: f64) {
        if self.follow {
            self.start_s = (playhead_s - self.span_s * (1.0 - FREE_AHEAD)).max(playhead_s.min(0.0));
        }
    }

    /// Keeps part of the recording visible.
    fn stay_near(&mut self, bounds: Option<(f64, f64)>) {
        let (start_s, end_s) = bounds.unwrap_or((0.0, EMPTY_SPAN_S));
        let lowest = start_s - BEYOND * self.span_s;
        let highest = (end_s - (1.0 - BEYOND) * self.span_s).max(lowest);
        self.start_s = self.start_s.clamp(lowest, highest);
    }
}

fn longest_span(bounds: Option<(f64, f64)>) -> f64 {
    bounds.map_or(EMPTY_SPAN_S, |(start_s, end_s)| (1.5 * (end_s - start_s)).max(EMPTY_SPAN_S))
}

/// The smallest range that contains both, or the only one.
pub(crate) fn union(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Option<(f64, f64)> = Some((0.0, 3600.0));

    fn standing(start_s: f64, span_s: f64) -> View {
        View { start_s, span_s, follow: false }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut view = standing(100.0, 200.0);
        view.zoom(2.0, 150.0, HOUR);
        assert_eq!(view, standing(125.0, 100.0));
        view.zoom(0.5, 150.0, HOUR);
        assert_eq!(view, standing(100.0, 200.0));
    }

    #[test]
    fn zoom_ends_at_two_seconds_and_at_one_and_a_half_recordings() {
        let mut view = standing(100.0, 200.0);
        for _ in 0..100 {
            view.zoom(1.5, 150.0, HOUR);
        }
        assert_eq!(view.span_s, 2.0);
        for _ in 0..100 {
            view.zoom(0.5, 150.0, HOUR);
        }
        assert_eq!(view.span_s, 5400.0);
        assert!(view.start_s <= 0.0 && view.end_s() >= 3600.0);
    }

    #[test]
    fn something_recorded_is_always_in_sight() {
        let mut view = standing(0.0, 100.0);
        view.pan(1e9, HOUR);
        assert_eq!((view.start_s, view.end_s()), (3550.0, 3650.0));
        view.pan(-1e9, HOUR);
        assert_eq!((view.start_s, view.end_s()), (-50.0, 50.0));
    }

    #[test]
    fn following_keeps_the_playhead_near_the_right_border_until_one_pans() {
        let mut view = View::default();
        view.follow_to(10.0);
        assert_eq!(view.start_s, 0.0);
        view.follow_to(1000.0);
        assert!((view.end_s() - 1000.0 - 0.04 * 60.0).abs() < 1e-9);
        view.zoom(2.0, 0.0, HOUR);
        assert!(view.follow && (0.96 * view.span_s + view.start_s - 1000.0).abs() < 1e-9);
        view.pan(-5.0, HOUR);
        let start_s = view.start_s;
        view.follow_to(2000.0);
        assert_eq!(view.start_s, start_s);
    }

    #[test]
    fn home_and_end_are_where_the_recording_begins_and_ends() {
        let mut view = standing(100.0, 200.0);
        view.show_end(HOUR);
        assert_eq!(view.end_s(), 3608.0);
        view.show_beginning(HOUR);
        assert_eq!(view, standing(0.0, 200.0));
        view.show_end(Some((0.0, 100.0)));
        assert_eq!(view.start_s, 0.0, "what fits is shown from its beginning");
    }

    #[test]
    fn a_pre_roll_before_zero_is_followed() {
        let mut view = View::default();
        view.follow_to(-3.0);
        assert!(view.start_s <= -3.0 && view.end_s() >= -3.0);
    }

    #[test]
    fn fitting_shows_exactly_what_was_recorded() {
        let mut view = View::default();
        view.fit(Some((-5.0, 95.0)));
        assert_eq!(view, standing(-5.0, 100.0));
        view.fit(None);
        assert_eq!((view.start_s, view.span_s), (0.0, 60.0));
    }

    #[test]
    fn a_union_holds_both() {
        assert_eq!(union(Some((0.0, 1.0)), Some((-1.0, 0.5))), Some((-1.0, 1.0)));
        assert_eq!(union(None, Some((2.0, 3.0))), Some((2.0, 3.0)));
        assert_eq!(union(None, None), None);
    }
}
