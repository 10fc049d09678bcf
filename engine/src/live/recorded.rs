//! The timelines of a live analysis, written by the worker and read by all others, and the voice that is learnt from them.

use moodline_core::VoiceProfile;
use parking_lot::Mutex;

use super::learning::{Learning, SavedLearning, SavedVoice, TrackVoice, VoiceMode};
use crate::model::Model;
use crate::timeline::{Clock, Timeline, Timelines};
use crate::voice::LearntVoice;

/// The recorded data.
#[derive(Default)]
pub(super) struct Recorded(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    timelines: Timelines,
    learning: Learning,
    /// The latest learning result, cached because a long timeline takes milliseconds.
    learnt: Option<Learnt>,
    /// Incremented when everything is replaced: later results of an earlier run are then discarded.
    epoch: u64,
    /// Incremented with every change.
    version: u64,
}

/// The history that `model` has learnt from a version of the timeline on `clock`.
struct Learnt {
    model: Model,
    clock: Clock,
    version: u64,
    profile: VoiceProfile,
}

impl Recorded {
    /// Incremented with every change.
    pub(super) fn version(&self) -> u64 {
        self.0.lock().version
    }

    /// Reads the timeline on `clock`, while it is locked against writing.
    pub(super) fn with_timeline<R>(&self, clock: Clock, read: impl FnOnce(&Timeline) -> R) -> R {
        read(self.0.lock().timelines.on(clock))
    }

    /// A copy of everything.
    pub(super) fn timelines(&self) -> Timelines {
        self.0.lock().timelines.clone()
    }

    /// Replaces everything recorded; `saved` says which part is learnt from.
    pub(super) fn replace(&self, timelines: Timelines, saved: Option<&SavedLearning>) {
        let mut contents = self.0.lock();
        contents.learning.replace(saved, &timelines);
        contents.timelines = timelines;
        contents.epoch += 1;
        contents.version += 1;
    }

    /// The epoch of the recording, and where the stream's timeline ends, seconds.
    pub(super) fn epoch(&self) -> (u64, f64) {
        let contents = self.0.lock();
        (contents.epoch, contents.timelines.stream.bounds().map_or(0.0, |(_, end_s)| end_s.max(0.0)))
    }

    /// Writes to the timeline of `clock`, unless everything was replaced since `epoch`; returns whether it did. Answers are those of `model`, from which
    /// learning starts again if they were another's.
    pub(super) fn write(&self, epoch: u64, clock: Clock, model: Option<&Model>, write: impl FnOnce(&mut Timeline)) -> bool {
        let mut contents = self.0.lock();
        let Contents { timelines, learning, version, epoch: current, .. } = &mut *contents;
        if *current != epoch {
            return false;
        }
        if let Some(model) = model {
            learning.note_model(model, timelines);
        }
        write(timelines.on_mut(clock));
        *version += 1;
        true
    }

    /// The voice for which the answers of `model` on `clock` are corrected.
    pub(super) fn voice(&self, clock: Clock, model: Option<&Model>) -> TrackVoice {
        let mut contents = self.0.lock();
        let Contents { timelines, learning, learnt, version, .. } = &mut *contents;
        let version = *version;
        learning.voice(model, |model| {
            let known = learnt.take_if(|known| (known.clock, known.version, &known.model) == (clock, version, model));
            let learn =
                || Learnt { model: model.clone(), clock, version, profile: learning.learnt(timelines.on(clock), clock, model) };
            learnt.insert(known.unwrap_or_else(learn)).profile
        })
    }

    /// The voice for which the answers of `model` about a file are corrected; `own` is the history of the voice in the file.
    pub(super) fn voice_of_file(&self, model: Option<&Model>, own: VoiceProfile) -> TrackVoice {
        self.0.lock().learning.voice(model, |_| own)
    }

    /// The part of the voice that a session keeps.
    pub(super) fn saved_voice(&self) -> SavedVoice {
        let contents = self.0.lock();
        contents.learning.saved(&contents.timelines)
    }

    /// Takes the choices of a session.
    pub(super) fn choose_voice(&self, saved: SavedVoice) {
        self.change_voice(|learning, timelines| learning.choose(saved, timelines));
    }

    /// Corrects answers for the learnt voice, not at all, or for what `model` has learnt so far from the timeline on `clock`.
    pub(super) fn set_voice_mode(&self, mode: VoiceMode, clock: Clock, model: Option<&Model>) {
        self.change_voice(|learning, timelines| match (mode, model) {
            (VoiceMode::Hold, _) if learning.has_held() => learning.hold(None, timelines),
            (VoiceMode::Hold, Some(model)) => {
                let learnt = learning.learnt(timelines.on(clock), clock, model);
                learning.hold(Some(LearntVoice::new(learnt, model)), timelines);
            }
            (VoiceMode::Hold, None) => {}
            (VoiceMode::Off | VoiceMode::Learn, _) => learning.release(mode, timelines),
        });
    }

    /// Corrects answers for `voice`.
    pub(super) fn hold_voice(&self, voice: LearntVoice) {
        self.change_voice(|learning, timelines| learning.hold(Some(voice), timelines));
    }

    /// Restarts learning the voice from now on.
    pub(super) fn forget_voice(&self) {
        self.change_voice(|learning, timelines| learning.forget(timelines));
    }

    fn change_voice(&self, change: impl FnOnce(&mut Learning, &Timelines)) {
        let mut contents = self.0.lock();
        let Contents { timelines, learning, .. } = &mut *contents;
        change(learning, timelines);
        contents.version += 1;
    }
}
