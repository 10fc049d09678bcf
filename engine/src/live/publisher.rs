//! The worker's side of the shared state of a live analysis.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Settings;
use super::models::LoadState;
use super::rounds::Tickets;
use super::shared::Shared;
use super::status::{Heard, Level, WorkerStatus};
use crate::model::Model;
use crate::timeline::{Clock, Timeline};

/// The worker's access to settings and results. Cheap to clone.
#[derive(Clone)]
pub(super) struct Publisher(Arc<Shared>);

impl Publisher {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The user's settings.
    pub(super) fn settings(&self) -> Settings {
        (self.0.settings)()
    }

    /// The model to analyse with.
    pub(super) fn model(&self) -> LoadState {
        self.0.models.state()
    }

    /// Whether an editor is open.
    pub(super) fn is_watched(&self) -> bool {
        self.0.watched.load(Ordering::Relaxed)
    }

    /// Whether the worker has to end.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The epoch of the recording, and where the stream's timeline ends, seconds.
    pub(super) fn epoch(&self) -> (u64, f64) {
        self.0.recorded.epoch()
    }

    /// Records on the timeline of `clock`, unless it was replaced since `epoch`.
    pub(super) fn record(&self, epoch: u64, clock: Clock, model: Option<&Model>, write: impl FnOnce(&mut Timeline)) {
        if self.0.recorded.write(epoch, clock, model, write) {
            self.0.signal.changed();
        }
    }

    /// Publishes a change.
    pub(super) fn post(&self, write: impl FnOnce(&mut WorkerStatus)) {
        self.0.post(write);
    }

    /// Publishes level, position and the latest audio, which change all the time, if the difference would be visible.
    pub(super) fn post_progress(&self, level: Level, playhead: Option<f64>, heard: Option<Heard>) {
        const VISIBLE_DB: f32 = 0.1;
        const VISIBLE_S: f64 = 0.1;
        self.0.post_if(|status| {
            let before = status.level;
            let moved =
                (before.peak_db - level.peak_db).abs() >= VISIBLE_DB || (before.rms_db - level.rms_db).abs() >= VISIBLE_DB;
            let silent = level == Level::SILENCE && before != level;
            let goes_on = heard.is_some_and(|heard| {
                let known_s = status.heard.map_or(f64::INFINITY, |known| known.run_s);
                (heard.run_s - known_s).abs() >= VISIBLE_S
            });
            let is_news = moved || silent || goes_on || (playhead.is_some() && playhead != status.playhead);
            status.heard = match (status.heard, heard) {
                (Some(known), Some(heard)) if !goes_on => Some(Heard { at: heard.at, ..known }),
                (known, heard) => heard.or(known),
            };
            if is_news {
                status.level = level;
                status.playhead = playhead.or(status.playhead);
            }
            is_news
        });
    }

    /// The tickets of the threads that wait for the worker.
    pub(super) fn tickets(&self) -> Tickets {
        self.0.rounds.tickets()
    }

    /// Reports that everything available when `tickets` were taken has been processed.
    pub(super) fn serve(&self, tickets: Tickets) {
        self.0.rounds.serve(tickets);
    }
}
