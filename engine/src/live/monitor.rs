//! What an editor and a session see.

use std::sync::Arc;

use super::file_lane::FileLane;
use super::learning::{SavedVoice, TrackVoice};
use super::models::LoadState;
use super::shared::Shared;
use super::status::{Level, ModelState, Status};
use crate::model::Model;
use crate::timeline::{Clock, Timeline, Timelines};

/// A view of a live analysis: what was found, and how it stands. A cheap clone, for any thread but the audio thread.
///
/// What is read here is a moment's view; [`Monitor::version`] tells whether another look is worth while. To ask for something, see
/// [`Control`](super::Control).
#[derive(Clone)]
pub struct Monitor(Arc<Shared>);

impl Monitor {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// A number that is raised whenever anything below has changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.signal.version()
    }

    /// A number that is raised whenever one of the timelines has changed, or what is chosen about the voice, which is much rarer than other news.
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

    /// By what the answers on `clock` are shown, those of the timeline and the newest alike. The timelines hold them as they were given.
    #[must_use]
    pub fn voice(&self, clock: Clock) -> TrackVoice {
        self.0.recorded.voice(clock, self.0.models.ready().as_ref())
    }

    /// By what the answers about `file` are shown: by the voice in it, as `moodline analyze` does, unless one is held or none is wanted. Answers of another model
    /// than the one that runs are shown as they were given.
    #[must_use]
    pub fn voice_of_file(&self, file: &FileLane) -> TrackVoice {
        let model = self.0.models.ready();
        let is_its_own = |model: &Model| file.results.as_ref().is_none_or(|found| found.model_fingerprint == model.fingerprint());
        self.0.recorded.voice_of_file(model.as_ref().filter(|model| is_its_own(model)), file.voice)
    }

    /// What a session keeps of the voice.
    #[must_use]
    pub fn saved_voice(&self) -> SavedVoice {
        self.0.recorded.saved_voice()
    }

    /// The model that runs, or would; none until it is loaded.
    #[must_use]
    pub fn model(&self) -> Option<Model> {
        self.0.models.ready()
    }

    /// How the analysis stands.
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

    /// Why the model that the user asked for last is not the one that runs, in one sentence; none where it is, or where no model runs at all.
    #[must_use]
    pub fn refused_model(&self) -> Option<String> {
        self.0.models.refusal()
    }

    /// Level of the audio heard last.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.read_status(|status| status.level)
    }

    /// Position of the newest audio heard, seconds on [`Monitor::clock`]; none before any.
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
