//! The voice of a track: it is learnt from the recorded answers, or held.
//!
//! In: the timelines, the model, and the user's choices. Out: a [`TrackVoice`], with which answers are corrected for display and export. The timelines keep the
//! network's original answers. What is learnt from them is recomputed when they change, so that it does not depend on how they were created: a passage that is
//! played again counts once, and a replaced one no longer counts.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use moodline_core::{VoiceCorrection, VoiceProfile, VoiceWeights};
use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::segment::{Segment, State};
use crate::timeline::{CAPACITY, Clock, Timeline, Timelines};
use crate::voice::{self, HeardVoice, LearntVoice};

/// The voice for which displayed answers are corrected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoiceMode {
    /// None: answers are shown as the network gave them. Learning continues.
    Off,
    /// The recorded voice, as far as it has been heard.
    #[default]
    Learn,
    /// A voice that remains unchanged. Nothing is learnt from recordings in the meantime.
    Hold,
}

/// The part of the voice that a session keeps in addition to the timelines.
///
/// Fields that an older version did not save get their defaults; fields of a newer version are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedVoice {
    /// The voice for which displayed answers are corrected.
    pub mode: VoiceMode,
    /// The held voice.
    pub held: Option<LearntVoice>,
    /// Which part of the timelines saved with it is learnt from; none if the model that gave the answers is unknown.
    pub learning: Option<SavedLearning>,
}

/// The part of saved timelines that is learnt from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedLearning {
    /// The model that gave the answers.
    model_fingerprint: String,
    /// First and last start of the runs of blocks on the host's clock that are not learnt from, seconds.
    except_host: Vec<(f64, f64)>,
    /// The same on the stream's clock.
    except_stream: Vec<(f64, f64)>,
}

impl SavedVoice {
    /// Checks data from an external source.
    ///
    /// # Errors
    /// What was expected and found, in a sentence.
    pub fn validate(&self) -> Result<(), String> {
        if self.mode == VoiceMode::Hold && self.held.is_none() {
            return Err("expected a voice to hold, found none".to_owned());
        }
        self.learning.as_ref().map_or(Ok(()), SavedLearning::validate)
    }

    /// The choices, without the information about the timelines.
    #[must_use]
    pub fn without_timelines(self) -> Self {
        Self { learning: None, ..self }
    }
}

impl SavedLearning {
    fn validate(&self) -> Result<(), String> {
        for times in [&self.except_host, &self.except_stream] {
            if times.len() > CAPACITY {
                return Err(format!("expected at most {CAPACITY} stretches that are not learnt from, found {}", times.len()));
            }
            let ordered = times.iter().flat_map(|(start_s, end_s)| [start_s, end_s]);
            if !ordered.is_sorted_by(|one, next| one <= next) {
                return Err("expected stretches in order, found others".to_owned());
            }
        }
        Ok(())
    }
}

/// The voice for which the answers of a track are corrected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackVoice {
    /// The user's choice.
    pub mode: VoiceMode,
    /// Whether the current model can correct its answers for a voice; false until it is loaded.
    pub is_possible: bool,
    /// The voice; none if answers are shown uncorrected.
    pub profile: Option<VoiceProfile>,
    /// A summary of it for display.
    pub heard: Option<HeardVoice>,
    /// Why the held voice cannot be used, in one sentence.
    pub refusal: Option<String>,
    /// Factors applied to each answer.
    pub weights: VoiceWeights,
}

impl TrackVoice {
    /// The state, corrected for display.
    #[must_use]
    pub fn shown(&self, state: State) -> State {
        match state {
            State::Speech(answer) => State::Speech(self.weights.apply(&answer)),
            State::Unfamiliar(answer) => State::Unfamiliar(self.weights.apply(&answer)),
            State::NoSpeech | State::Gap(_) => state,
        }
    }

    /// The segments, corrected for display.
    #[must_use]
    pub fn shown_segments<'a>(&self, segments: &'a [Segment]) -> Cow<'a, [Segment]> {
        if self.weights.change_nothing() {
            return Cow::Borrowed(segments);
        }
        let mut shown = segments.to_vec();
        voice::apply(&mut shown, &self.weights);
        Cow::Owned(shown)
    }

    fn of(mode: VoiceMode, profile: VoiceProfile, correction: &VoiceCorrection) -> Self {
        let (heard, weights) = (HeardVoice::of(&profile, correction), profile.weights(correction));
        Self { mode, is_possible: true, profile: Some(profile), heard: Some(heard), refusal: None, weights }
    }
}

/// The voice of a live analysis.
#[derive(Default)]
pub(super) struct Learning {
    mode: VoiceMode,
    held: Option<LearntVoice>,
    /// The model whose answers are learnt from; none before the first, and if it is unknown.
    model_fingerprint: Option<String>,
    host: Except,
    stream: Except,
}

impl Learning {
    /// The history that `model` has learnt from `timeline`, which is the one on `clock`.
    pub(super) fn learnt(&self, timeline: &Timeline, clock: Clock, model: &Model) -> VoiceProfile {
        let mut profile = VoiceProfile::default();
        if let Some(correction) = self.correction(model) {
            let except = self.except(clock);
            let entries = timeline.insertions().filter(|(_, number)| !except.has(*number)).map(|(entry, _)| entry);
            voice::learn(&mut profile, entries, correction);
        }
        profile
    }

    /// The voice for which the answers of `model` are corrected; `learnt` gives the history learnt from them.
    pub(super) fn voice(&self, model: Option<&Model>, learnt: impl FnOnce(&Model) -> VoiceProfile) -> TrackVoice {
        let mode = self.mode;
        let known = model.and_then(|model| Some((model, model.contract().voice.as_ref()?)));
        let Some((model, correction)) = known else { return TrackVoice { mode, ..TrackVoice::default() } };
        let profile = match (mode, &self.held) {
            (VoiceMode::Off, _) => return TrackVoice { mode, is_possible: true, ..TrackVoice::default() },
            (VoiceMode::Hold, Some(held)) => held.profile_for(model),
            (VoiceMode::Hold | VoiceMode::Learn, _) => Ok(learnt(model)),
        };
        match profile {
            Ok(profile) => TrackVoice::of(mode, profile, correction),
            Err(problem) => TrackVoice {
                mode,
                is_possible: true,
                refusal: Some(format!("the voice that is held cannot be used: {problem}")),
                ..TrackVoice::default()
            },
        }
    }

    /// Whether a voice is held, in use or not.
    pub(super) const fn has_held(&self) -> bool {
        self.held.is_some()
    }

    /// Corrects answers for the learnt voice, or not at all.
    pub(super) fn release(&mut self, mode: VoiceMode, timelines: &Timelines) {
        if mode == VoiceMode::Learn {
            self.held = None;
        }
        self.mode = mode;
        self.host.resume(timelines.host.n_insertions());
        self.stream.resume(timelines.stream.n_insertions());
    }

    /// Corrects answers for `voice`, or for the previously held one.
    pub(super) fn hold(&mut self, voice: Option<LearntVoice>, timelines: &Timelines) {
        self.held = voice.or_else(|| self.held.take());
        if self.held.is_some() {
            self.mode = VoiceMode::Hold;
            self.host.pause(timelines.host.n_insertions());
            self.stream.pause(timelines.stream.n_insertions());
        }
    }

    /// Restarts learning from the entries written from now on.
    pub(super) fn forget(&mut self, timelines: &Timelines) {
        self.release(VoiceMode::Learn, timelines);
        self.forget_written(timelines);
    }

    /// Entries written from now on are answers of `model`.
    pub(super) fn note_model(&mut self, model: &Model, timelines: &Timelines) {
        if self.model_fingerprint.as_deref() != Some(model.fingerprint()) {
            self.model_fingerprint = Some(model.fingerprint().to_owned());
            self.forget_written(timelines);
        }
    }

    /// Handles the replacement of the timelines by these, where `saved` says which part is learnt from.
    pub(super) fn replace(&mut self, saved: Option<&SavedLearning>, timelines: &Timelines) {
        self.model_fingerprint = saved.map(|saved| saved.model_fingerprint.clone());
        for clock in [Clock::Host, Clock::Stream] {
            let timeline = timelines.on(clock);
            let except = self.except_mut(clock);
            except.forget(timeline.n_insertions());
            if let Some(saved) = saved {
                except.restore(timeline, if clock == Clock::Host { &saved.except_host } else { &saved.except_stream });
            }
        }
        if self.mode == VoiceMode::Hold {
            self.hold(None, timelines);
        }
    }

    /// Takes the choices of a session.
    pub(super) fn choose(&mut self, SavedVoice { mode, held, .. }: SavedVoice, timelines: &Timelines) {
        if mode == VoiceMode::Hold {
            self.hold(held, timelines);
        } else {
            self.release(mode, timelines);
            self.held = held;
        }
    }

    /// The data that a session keeps.
    pub(super) fn saved(&self, timelines: &Timelines) -> SavedVoice {
        let learning = self.model_fingerprint.clone().map(|model_fingerprint| SavedLearning {
            model_fingerprint,
            except_host: self.host.times(&timelines.host),
            except_stream: self.stream.times(&timelines.stream),
        });
        SavedVoice { mode: self.mode, held: self.held.clone(), learning }
    }

    fn correction<'a>(&self, model: &'a Model) -> Option<&'a VoiceCorrection> {
        let is_its_own = self.model_fingerprint.as_deref() == Some(model.fingerprint());
        model.contract().voice.as_ref().filter(|_| is_its_own)
    }

    fn forget_written(&mut self, timelines: &Timelines) {
        let is_held = self.mode == VoiceMode::Hold;
        for clock in [Clock::Host, Clock::Stream] {
            let n_insertions = timelines.on(clock).n_insertions();
            let except = self.except_mut(clock);
            except.forget(n_insertions);
            if is_held {
                except.pause(n_insertions);
            }
        }
    }

    const fn except(&self, clock: Clock) -> &Except {
        match clock {
            Clock::Host => &self.host,
            Clock::Stream => &self.stream,
        }
    }

    const fn except_mut(&mut self, clock: Clock) -> &mut Except {
        match clock {
            Clock::Host => &mut self.host,
            Clock::Stream => &mut self.stream,
        }
    }
}

/// Entries of a timeline that are not learnt from: those written by these ranges of insertions, which are ordered and disjoint.
#[derive(Default)]
struct Except(Vec<RangeInclusive<u64>>);

/// The end of a pause that is still in progress.
const OPEN: u64 = u64::MAX;

impl Except {
    fn has(&self, insertion: u64) -> bool {
        let at = self.0.partition_point(|range| *range.end() < insertion);
        self.0.get(at).is_some_and(|range| range.contains(&insertion))
    }

    /// Excludes everything up to the insertion `now`, and nothing after it.
    fn forget(&mut self, now: u64) {
        self.0 = vec![0..=now];
    }

    /// Excludes everything after the insertion `now`, until learning resumes.
    fn pause(&mut self, now: u64) {
        if self.0.last().is_none_or(|last| *last.end() != OPEN) {
            self.0.push(now + 1..=OPEN);
        }
    }

    /// Ends the exclusion after the insertion `now`.
    fn resume(&mut self, now: u64) {
        if let Some(start) = self.0.pop_if(|last| *last.end() == OPEN).map(|last| *last.start())
            && start <= now
        {
            self.0.push(start..=now);
        }
    }

    /// The blocks of `timeline` that are not learnt from: first and last start of each consecutive run, seconds.
    fn times(&self, timeline: &Timeline) -> Vec<(f64, f64)> {
        let mut times: Vec<(f64, f64)> = Vec::new();
        let mut goes_on = false;
        for (entry, number) in timeline.insertions().filter(|(entry, _)| !entry.is_gap()) {
            let is_one = self.has(number);
            match times.last_mut() {
                Some(last) if is_one && goes_on => last.1 = entry.start_s,
                _ if is_one => times.push((entry.start_s, entry.start_s)),
                _ => {}
            }
            goes_on = is_one;
        }
        times
    }

    /// Excludes the blocks of `timeline` that start within `times`, which are in order.
    fn restore(&mut self, timeline: &Timeline, times: &[(f64, f64)]) {
        let is_one = |entry: &Segment| {
            let n_begun = times.partition_point(|(start_s, _)| *start_s <= entry.start_s);
            n_begun > 0 && entry.start_s <= times[n_begun - 1].1
        };
        let mut numbers: Vec<u64> = timeline.insertions().filter(|(entry, _)| is_one(entry)).map(|(_, number)| number).collect();
        numbers.sort_unstable();
        let runs = numbers.chunk_by(|one, next| one + 1 >= *next);
        self.0 = runs.map(|run| run[0]..=run[run.len() - 1]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt_from(except: &Except) -> Vec<u64> {
        (1..=10).filter(|insertion| !except.has(*insertion)).collect()
    }

    #[test]
    fn what_was_forgotten_or_came_in_a_pause_is_not_learnt_from() {
        let mut except = Except::default();
        assert_eq!(learnt_from(&except).len(), 10);
        except.forget(2);
        except.pause(4);
        except.pause(5);
        assert_eq!(learnt_from(&except), [3, 4]);
        except.resume(7);
        except.resume(8);
        assert_eq!(learnt_from(&except), [3, 4, 8, 9, 10]);
        except.pause(9);
        except.resume(9);
        assert_eq!(learnt_from(&except), [3, 4, 8, 9, 10], "a pause in which nothing came");

        let mut timeline = Timeline::default();
        for number in 0..10 {
            let start_s = f64::from(number);
            timeline.insert_segment(start_s, start_s + 1.0, 1.0, State::NoSpeech);
        }
        let times = except.times(&timeline);
        assert_eq!(times, [(0.0, 1.0), (4.0, 6.0)]);
        let mut restored = Except::default();
        restored.restore(&timeline, &times);
        assert_eq!(learnt_from(&restored), learnt_from(&except));
    }
}
