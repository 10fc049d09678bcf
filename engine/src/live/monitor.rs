//! The view of an editor and a session.

use std::sync::Arc;

use super::file_lane::FileLane;
use super::learning::{SavedVoice, TrackVoice};
use super::models::LoadState;
use super::shared::Shared;
use super::status::{Level, ModelState, Status};
use crate::model::Model;
use crate::timeline::{Clock, Timeline, Timelines};

/// A view of a live analysis: its results and its status. Cheap to clone, for any thread but the audio thread.
///
/// Every value read here is a snapshot; [`Monitor::version`] tells whether another look is worthwhile. For requests, see
/// [`Control`](super::Control).
#[derive(Clone)]
pub struct Monitor(Arc<Shared>);

impl Monitor {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// A number that increases whenever anything below has changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.signal.version()
    }

    /// A number that increases whenever one of the timelines or a choice about the voice has changed, which is much rarer than other changes.
    #[must_use]
    pub fn timeline_version(&self) -> u64 {
        self.0.recorded.version()
    }

    /// Reads the timeline on `clock`. The worker waits meanwhile: be quick, and call nothing else here.
    pub fn with_timeline<R>(&self, clock: Clock, read: impl FnOnce(&Timeline) -> R) -> R {
        self.0.recorded.with_timeline(clock, read)
    }

    /// The clock of the current or last run that was recorded.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.read_status(|status| status.clock)
    }

    /// A copy of everything recorded, for saving.
    #[must_use]
    pub fn timelines(&self) -> Timelines {
        self.0.recorded.timelines()
    }

    /// The voice for which the answers on `clock` are corrected, both on the timeline and in the latest segment. The timelines hold the original answers.
    #[must_use]
    pub fn voice(&self, clock: Clock) -> TrackVoice {
        self.0.recorded.voice(clock, self.0.models.ready().as_ref())
    }

    /// The voice for which the answers about `file` are corrected: the voice in it, as in `moodline analyze`, unless one is held or the correction is off.
    /// Answers of a model other than the current one are not corrected.
    #[must_use]
    pub fn voice_of_file(&self, file: &FileLane) -> TrackVoice {
        let model = self.0.models.ready();
        let is_its_own = |model: &Model| file.results.as_ref().is_none_or(|found| found.model_fingerprint == model.fingerprint());
        self.0.recorded.voice_of_file(model.as_ref().filter(|model| is_its_own(model)), file.voice)
    }

    /// The part of the voice that a session keeps.
    #[must_use]
    pub fn saved_voice(&self) -> SavedVoice {
        self.0.recorded.saved_voice()
    }

    /// The model in use, or to be used; none until it is loaded.
    #[must_use]
    pub fn model(&self) -> Option<Model> {
        self.0.models.ready()
    }

    /// The status of the analysis.
    #[must_use]
    pub fn status(&self) -> Status {
        let model = match self.0.models.state() {
            LoadState::NotYet | LoadState::Loading => ModelState::Loading,
            LoadState::Failed(sentence) => ModelState::Failed(sentence),
            LoadState::Ready(model) => {
                ModelState::Ready { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() }
            }
        };
        self.0.read_status(|status| status.with_model(model))
    }

    /// Why the model last requested by the user is not the one in use, in one sentence; none if it is, or if no model is in use at all.
    #[must_use]
    pub fn refused_model(&self) -> Option<String> {
        self.0.models.refusal()
    }

    /// Level of the latest audio.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.read_status(|status| status.level)
    }

    /// Position of the latest audio, seconds on [`Monitor::clock`]; none before any.
    #[must_use]
    pub fn playhead(&self) -> Option<f64> {
        self.0.read_status(|status| status.playhead)
    }

    /// The second lane, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<FileLane> {
        self.0.files.lane()
    }
}
