//! What an editor and a session ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::learning::{SavedLearning, SavedVoice, VoiceMode};
use super::models::Asked;
use super::shared::Shared;
use crate::timeline::{Clock, Timelines};
use crate::voice::LearntVoice;

/// Longest time for which anybody waits for a worker that has no model yet.
const WITHOUT_MODEL: Duration = Duration::from_millis(20);

/// The commands to a live analysis. A cheap clone, for any thread but the audio thread; none but [`Control::settle`] waits for anything.
#[derive(Clone)]
pub struct Control(Arc<Shared>);

impl Control {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Replaces everything recorded by what a session saved. The stream's clock continues where that ends. If only one clock has a timeline, that is the one
    /// to look at until audio comes. Which model answered is not known, so no voice is learnt from it.
    pub fn restore(&self, timelines: Timelines) {
        self.restore_learnt(timelines, None);
    }

    /// The same, with what is known of the answers: the voice is learnt from them, as it was when [`Monitor::saved_voice`](super::Monitor::saved_voice) said so.
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

    /// Chooses by what answers are shown. To hold takes what was learnt so far, or the voice that was held before the answers were shown by nothing; without a
    /// model that can correct its answers it does nothing.
    pub fn set_voice_mode(&self, mode: VoiceMode) {
        let clock = self.0.read_status(|status| status.clock);
        self.0.recorded.set_voice_mode(
            mode,
            clock,
            self.0.models.ready().filter(|model| model.contract().voice.is_some()).as_ref(),
        );
        self.0.signal.changed();
    }

    /// Holds `voice`: answers are shown by it.
    pub fn hold_voice(&self, voice: LearntVoice) {
        self.0.recorded.hold_voice(voice);
        self.0.signal.changed();
    }

    /// Forgets the voice and learns it again from what is recorded from now on.
    pub fn forget_voice(&self) {
        self.0.recorded.forget_voice();
        self.0.signal.changed();
    }

    /// Takes the choices that a session saved. What is about its timelines goes with them: [`Control::restore_learnt`].
    pub fn choose_voice(&self, saved: SavedVoice) {
        self.0.recorded.choose_voice(saved);
        self.0.signal.changed();
    }

    /// Asks for the model at `path`, or the built-in one; `asked` says who does. It loads in the background, once there is audio, an editor or a
    /// file to analyse; until then nothing is read. One that the user asked for and cannot be had leaves the one that ran, and
    /// [`Monitor::refused_model`](super::Monitor::refused_model) says why.
    pub fn use_model(&self, path: Option<PathBuf>, asked: Asked) {
        self.0.models.choose(path, asked);
    }

    /// Says whether an editor is open: the worker looks more often then, for the level.
    pub fn set_watched(&self, watched: bool) {
        self.0.watched.store(watched, Ordering::Relaxed);
        if watched {
            self.0.models.need();
            self.0.signal.wake_worker();
        }
    }

    /// Analyses the file at `path` into the second lane, instead of the one before.
    pub fn analyse_file(&self, path: PathBuf) {
        self.0.models.need();
        let settings = (self.0.settings)();
        self.0.files.start(path, settings, &self.0.models, &self.0.signal);
    }

    /// Stops the analysis of the file; what was found so far stays.
    pub fn cancel_file(&self) {
        self.0.files.cancel();
        self.0.signal.changed();
    }

    /// Empties the second lane.
    pub fn close_file(&self) {
        self.0.files.close();
        self.0.signal.changed();
    }

    /// Waits until everything pushed before was taken up and answered for, also what does not fill a block, `at_most` so long; returns whether it
    /// was. While a model file is being read, which may take for ever, it waits 20 ms at most. For saving and tests, never for the audio thread.
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
