//! Requests of an editor and a session.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::learning::{SavedLearning, SavedVoice, VoiceMode};
use super::models::Asked;
use super::shared::Shared;
use crate::timeline::{Clock, Timelines};
use crate::voice::LearntVoice;

/// Longest wait for a worker that has no model yet.
const WITHOUT_MODEL: Duration = Duration::from_millis(20);

/// The commands to a live analysis. Cheap to clone, for any thread but the audio thread; only [`Control::settle`] waits.
#[derive(Clone)]
pub struct Control(Arc<Shared>);

impl Control {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Replaces everything recorded by what a session saved. The stream's clock continues from its end. If only one clock has a timeline, that clock is
    /// shown until audio arrives. The model that gave the answers is unknown, so no voice is learnt from them.
    pub fn restore(&self, timelines: Timelines) {
        self.restore_learnt(timelines, None);
    }

    /// The same, with information about the answers: the voice is learnt from them, as when [`Monitor::saved_voice`](super::Monitor::saved_voice) saved it.
    pub fn restore_learnt(&self, timelines: Timelines, learning: Option<&SavedLearning>) {
        let has = [Clock::Host, Clock::Stream].map(|clock| timelines.on(clock).bounds().is_some());
        self.0.recorded.replace(timelines, learning);
        self.0.post(|status| {
            status.clock = match has {
                [true, false] => Clock::Host,
                [false, true] => Clock::Stream,
                [true, true] | [false, false] => status.clock,
            };
            status.latest = None;
            status.heard = None;
            status.playhead = None;
            status.dropped_frames = 0;
        });
        self.0.signal.wake_worker();
    }

    /// Forgets everything recorded; the stream's clock starts at 0 again.
    pub fn clear(&self) {
        self.restore(Timelines::default());
    }

    /// Chooses the voice for which answers are corrected. Holding uses what was learnt so far, or the previously held voice if the correction was off; it has
    /// no effect without a model that can correct its answers.
    pub fn set_voice_mode(&self, mode: VoiceMode) {
        let clock = self.0.read_status(|status| status.clock);
        self.0.recorded.set_voice_mode(
            mode,
            clock,
            self.0.models.ready().filter(|model| model.contract().voice.is_some()).as_ref(),
        );
        self.0.signal.changed();
    }

    /// Holds `voice`: answers are corrected for it.
    pub fn hold_voice(&self, voice: LearntVoice) {
        self.0.recorded.hold_voice(voice);
        self.0.signal.changed();
    }

    /// Forgets the voice and learns it again from what is recorded from now on.
    pub fn forget_voice(&self) {
        self.0.recorded.forget_voice();
        self.0.signal.changed();
    }

    /// Takes the choices that a session saved. Information about its timelines is passed with them: [`Control::restore_learnt`].
    pub fn choose_voice(&self, saved: SavedVoice) {
        self.0.recorded.choose_voice(saved);
        self.0.signal.changed();
    }

    /// Requests the model at `path`, or the built-in one; `asked` says on whose behalf. It loads in the background, once there is audio, an editor or a
    /// file to analyse; until then nothing is read. If a model requested by the user cannot be loaded, the previous one stays in use, and
    /// [`Monitor::refused_model`](super::Monitor::refused_model) gives the reason.
    pub fn use_model(&self, path: Option<PathBuf>, asked: Asked) {
        self.0.models.choose(path, asked);
    }

    /// Says whether an editor is open: the worker then looks more often, for the level meter.
    pub fn set_watched(&self, watched: bool) {
        self.0.watched.store(watched, Ordering::Relaxed);
        if watched {
            self.0.models.need();
            self.0.signal.wake_worker();
        }
    }

    /// Analyses the file at `path` in the second lane, replacing the previous one.
    pub fn analyse_file(&self, path: PathBuf) {
        self.0.models.need();
        let settings = (self.0.settings)();
        self.0.files.start(path, settings, &self.0.models, &self.0.signal);
    }

    /// Stops the analysis of the file; the results so far remain.
    pub fn cancel_file(&self) {
        self.0.files.cancel();
        self.0.signal.changed();
    }

    /// Empties the second lane.
    pub fn close_file(&self) {
        self.0.files.close();
        self.0.signal.changed();
    }

    /// Waits until everything pushed before has been processed and answered, including a partial block, but no longer than `at_most`; returns whether it
    /// was. While a model file is being read, which may take indefinitely, it waits 20 ms at most. For saving and tests, never for the audio thread.
    pub fn settle(&self, at_most: Duration) -> bool {
        let shared = &self.0;
        let limit = || match shared.is_closed() {
            true => None,
            false if shared.models.is_reading() => Some(at_most.min(WITHOUT_MODEL)),
            false => Some(at_most),
        };
        !shared.signal.has_worker() || shared.rounds.wait(|| shared.signal.wake_worker(), limit)
    }
}
