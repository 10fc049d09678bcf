//! What the body shows in a frame: columns of the track and of the file, and the inputs of their pictures.

use egui::Rect;
use moodline_engine::live::{FileLane, FileState, TrackVoice};
use moodline_engine::timeline::Timeline;

use super::canvas::{Scale, Subject};
use super::columns::{Column, Grid};
use super::lane::LaneStyle;
use super::layout::ShownLanes;
use super::snapshot::{FrameData, Snapshot, file_columns, provisional_of_file};
use super::view::union;

/// What the body shows in this frame.
pub(crate) struct Scene<'a> {
    pub(crate) data: &'a FrameData<'a>,
    /// Version of the file's data, which keeps changing while the rest is held.
    pub(crate) file_version: u64,
    pub(crate) file: Option<&'a FileLane>,
    /// The voice that answers about the file are corrected for.
    pub(crate) file_voice: TrackVoice,
    pub(crate) style: LaneStyle,
    pub(crate) smoothing_s: f64,
    /// The end of the track that the next block will replace: start and end in seconds.
    pub(crate) provisional: Option<(f64, f64)>,
    /// Hint shown while there is nothing to see.
    pub(crate) when_empty: &'static str,
}

impl Scene<'_> {
    /// Start and end of the time with content.
    pub(crate) fn bounds(&self) -> Option<(f64, f64)> {
        let live = self.data.with_timeline(Timeline::bounds);
        union(live, self.file.map(|file| (0.0, file.duration_s.max(1.0))))
    }

    /// The same for the file, while it is analysed.
    pub(crate) fn provisional_of_file(&self) -> Option<(f64, f64)> {
        let file = self.file.filter(|file| file.state == FileState::Running)?;
        provisional_of_file(&file.segments)
    }

    /// Which lanes have something to show.
    pub(crate) fn shown_lanes(&self) -> ShownLanes {
        match self.file {
            None => ShownLanes::Live,
            Some(_) if self.data.with_timeline(Timeline::bounds).is_none() => ShownLanes::FileBelowEmpty,
            Some(_) => ShownLanes::Both,
        }
    }

    /// The inputs of a picture of the track at `rect`.
    pub(crate) fn live_subject(&self, scale: &Scale, rect: Rect) -> Subject {
        let Snapshot { timeline_version, clock, voice, .. } = &self.data.snapshot;
        let version = (*timeline_version, *clock as u64);
        Subject { version, grid: scale.grid, rect, style: self.style, smoothing_s: self.smoothing_s, weights: voice.weights }
    }

    /// The inputs of a picture of the file at `rect`.
    pub(crate) fn file_subject(&self, scale: &Scale, rect: Rect) -> Subject {
        Subject { version: (self.file_version, 0), weights: self.file_voice.weights, ..self.live_subject(scale, rect) }
    }

    pub(crate) fn live_columns(&self, grid: &Grid) -> Vec<Column> {
        self.data.columns(grid, self.smoothing_s)
    }

    pub(crate) fn file_columns(&self, grid: &Grid) -> Vec<Column> {
        self.file.map_or_else(Vec::new, |file| file_columns(&file.segments, &self.file_voice, grid, self.smoothing_s))
    }
}
