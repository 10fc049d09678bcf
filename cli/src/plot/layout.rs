//! Where the parts of a picture are: one row of time, or several below each other.

use moodline_engine::display::time::tick_step;

use super::PlotOptions;
use super::canvas::Frame;

/// Default width of a picture, units.
pub(crate) const WIDTH: u32 = 1200;

const LEFT: f64 = 76.0;
/// Space to the right of the chart, for the legend.
const RIGHT: f64 = 120.0;
const HEAD: f64 = 72.0;
const FOOT: f64 = 58.0;
/// Space between parts, units.
pub(super) const GAP: f64 = 8.0;
/// Distance between labelled ticks, units.
const TICK_DISTANCE: f64 = 84.0;

/// Most time that a picture of this width shows in one row, unless rows are requested.
const ONE_ROW_S: f64 = 600.0;
/// Conventional row lengths, seconds.
const ROWS_S: [f64; 10] = [60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0];
/// Maximum number of rows of a long recording.
const MOST_ROWS: f64 = 12.0;

/// Heights of the parts of a row, units.
struct Heights {
    strip: f64,
    chart: f64,
    ticks: f64,
}

const SINGLE: Heights = Heights { strip: 32.0, chart: 282.0, ticks: 58.0 };
const ONE_OF_MANY: Heights = Heights { strip: 24.0, chart: 72.0, ticks: 34.0 };

/// Space between two lanes of a row of time.
const LANE_GAP: f64 = 12.0;

/// One voice in one row of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    /// Index of the voice.
    pub(super) voice: usize,
    /// Whether it is the lowest lane of its row of time, which has the times below it.
    pub(super) is_lowest: bool,
    /// The strip of emotions found.
    pub(super) found: Frame,
    /// The strip of true emotions.
    pub(super) truth: Option<Frame>,
    /// The chart of probabilities.
    pub(super) chart: Frame,
    seconds_per_unit: f64,
}

impl Row {
    pub(super) fn x(&self, seconds: f64) -> f64 {
        self.chart.left + (seconds.clamp(self.start_s, self.end_s) - self.start_s) / self.seconds_per_unit
    }

    pub(super) fn y(&self, probability: f64) -> f64 {
        self.chart.bottom - (self.chart.bottom - self.chart.top) * probability
    }

    /// The part of `frame` within a stretch of time; `None` if the stretch does not touch the row.
    pub(super) fn part(&self, frame: Frame, (start_s, end_s): (f64, f64)) -> Option<Frame> {
        (end_s > self.start_s && start_s < self.end_s).then(|| Frame { left: self.x(start_s), right: self.x(end_s), ..frame })
    }
}

/// The rows of a picture, with those for the same time grouped together, and its time axis.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) rows: Vec<Row>,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Right end of a full row.
    pub(super) right: f64,
    /// Time between ticks, seconds.
    pub(super) tick_s: f64,
    pub(super) seconds_per_unit: f64,
}

impl Layout {
    pub(super) fn new(duration_s: f64, n_voices: usize, has_labels: bool, options: &PlotOptions) -> Self {
        let width = f64::from(options.width);
        let right = width - RIGHT;
        let row_s = options.row_s.unwrap_or_else(|| row_length(duration_s, width)).min(duration_s);
        let seconds_per_unit = row_s / (right - LEFT);
        let n_rows = (duration_s / row_s - 1e-9).ceil().max(1.0) as u32;
        let is_single = n_rows == 1 && n_voices == 1;
        let Heights { strip, chart: chart_height, ticks } = if is_single { SINGLE } else { ONE_OF_MANY };
        let mut rows = Vec::new();
        let mut top = HEAD;
        for index in 0..n_rows {
            let start_s = f64::from(index) * row_s;
            let end_s = (start_s + row_s).min(duration_s);
            let frame = |top: f64, height: f64| Frame {
                left: LEFT,
                top,
                right: LEFT + (end_s - start_s) / seconds_per_unit,
                bottom: top + height,
            };
            for voice in 0..n_voices {
                let is_lowest = voice + 1 == n_voices;
                let found = frame(top, strip);
                let truth = has_labels.then(|| frame(found.bottom + GAP, strip));
                let chart = frame(truth.unwrap_or(found).bottom + if is_single { 2.0 * GAP } else { 0.5 * GAP }, chart_height);
                rows.push(Row { start_s, end_s, voice, is_lowest, found, truth, chart, seconds_per_unit });
                top = chart.bottom + if is_lowest { ticks } else { LANE_GAP };
            }
        }
        let height = if is_single { top } else { top + FOOT - ticks };
        Self { rows, width, height, right, tick_s: tick_step(seconds_per_unit, TICK_DISTANCE), seconds_per_unit }
    }

    /// Whether there is a single voice in a single row.
    pub(super) const fn is_single(&self) -> bool {
        self.rows.len() == 1
    }

    /// Whether all of the time fits in one row.
    pub(super) fn has_one_time(&self) -> bool {
        self.rows.last().is_none_or(|last| last.start_s <= self.rows[0].start_s)
    }

    /// Width and height in whole units.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height.ceil() as u32)
    }
}

/// Time per row, seconds: all of a short recording, otherwise enough to keep the number of rows small.
pub(crate) fn row_length(duration_s: f64, width: f64) -> f64 {
    if duration_s <= ONE_ROW_S * width / f64::from(WIDTH) {
        return duration_s;
    }
    let day_s = 86_400.0;
    ROWS_S
        .into_iter()
        .find(|row_s| duration_s / row_s <= MOST_ROWS)
        .unwrap_or_else(|| (duration_s / MOST_ROWS / day_s).ceil() * day_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: PlotOptions = PlotOptions { width: WIDTH, row_s: None };

    #[test]
    fn three_hours_are_twelve_rows_of_a_quarter_of_an_hour() {
        let layout = Layout::new(3.0 * 3600.0, 1, false, &DEFAULT);
        assert_eq!((layout.rows.len(), layout.rows[11].start_s, layout.tick_s), (12, 9900.0, 120.0));
        for (duration_s, n_rows) in [(3.0, 1), (600.0, 1), (601.0, 11), (3600.0, 12), (86_400.0, 12), (1e6, 12)] {
            assert_eq!(Layout::new(duration_s, 1, true, &DEFAULT).rows.len(), n_rows, "{duration_s} s");
        }
    }

    #[test]
    fn rows_cover_the_time_and_the_last_ends_with_it() {
        let options = PlotOptions { width: 2000, row_s: Some(60.0) };
        let layout = Layout::new(150.0, 1, false, &options);
        let times: Vec<_> = layout.rows.iter().map(|row| (row.start_s, row.end_s)).collect();
        assert_eq!(times, [(0.0, 60.0), (60.0, 120.0), (120.0, 150.0)]);
        let [first, _, last] = layout.rows.as_slice() else { panic!() };
        assert!((first.chart.right - 1880.0).abs() < 1e-9 && (last.chart.width() - first.chart.width() / 2.0).abs() < 1e-9);
        assert!(last.part(last.chart, (30.0, 120.0)).is_none() && last.part(last.chart, (119.0, 121.0)).is_some());
        assert_eq!(Layout::new(150.0, 1, false, &PlotOptions { width: 8000, row_s: None }).rows.len(), 1);
    }

    #[test]
    fn voices_are_lanes_of_the_same_time() {
        let layout = Layout::new(150.0, 2, false, &PlotOptions { width: 2000, row_s: Some(100.0) });
        let lanes: Vec<_> = layout.rows.iter().map(|row| (row.start_s, row.voice, row.is_lowest)).collect();
        assert_eq!(lanes, [(0.0, 0, false), (0.0, 1, true), (100.0, 0, false), (100.0, 1, true)]);
        assert!(layout.rows.windows(2).all(|pair| pair[0].chart.bottom < pair[1].found.top), "none covers another");
        let both = Layout::new(150.0, 2, false, &DEFAULT);
        assert!(both.has_one_time() && !both.is_single() && !layout.has_one_time());
    }
}
