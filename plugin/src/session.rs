//! State saved in the host's project in addition to the parameters.
//!
//! In: a state stored by a host. Out: the [`Session`], and, in the monitor, the recorded timelines and the voice. State from a host may be anything: it is
//! [checked](validate) as a whole before any of it is used.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moodline_engine::analysis::Segmentation;
use moodline_engine::live::{Asked, Control, Monitor, SavedLearning, SavedVoice};
use moodline_engine::timeline::{DecodeTimelineError, Timelines};
use nice_plug::params::internals::ParamPtr;
use nice_plug::params::persist::{PersistentField, deserialize_field, serialize_field};
use nice_plug::plugin::PluginState;
use nice_plug::prelude::*;
use parking_lot::RwLock;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::params::MoodlineParams;

/// Longest time for which saving waits until the worker has analysed what was played: enough for sixteen tracks bounced at the same time on two cores, short
/// enough that no host appears to hang. Without a backlog it takes a moment.
const SETTLE: Duration = Duration::from_secs(3);

/// Width or height of an editor that is kept in a session, logical pixels: not the few that a hidden window has, and far larger than any screen, but nothing that
/// breaks a window system.
const WINDOW_SIDES: RangeInclusive<u32> = 100..=16_384;

/// The editor's choices that are saved in a project.
///
/// Fields missing from an older version's state get their default; fields of a newer version are ignored.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Session {
    /// The model file; `None` is the built-in model. Saved if it is [text](Session::can_keep).
    #[serde(serialize_with = "as_text")]
    pub model: Option<PathBuf>,
    /// Destination of exports if no dialog can be shown. Saved if it is [text](Session::can_keep).
    #[serde(serialize_with = "as_text")]
    pub export_folder: Option<PathBuf>,
    /// Colours of the editor.
    pub theme: Theme,
    /// How the timeline is drawn.
    pub style: TimelineStyle,
    /// What each answer covers.
    pub segments: Segments,
    /// Size of the editor in logical pixels; `None` if it was never opened. A size that no window should have is read as `None`.
    #[serde(deserialize_with = "usable_size")]
    pub window_size: Option<(u32, u32)>,
}

impl Session {
    /// Whether a project can keep `path`: states are text, and on Linux a path need not be.
    #[must_use]
    pub fn can_keep(path: &Path) -> bool {
        path.to_str().is_some()
    }

    /// Remembers the size of the editor, unless it is one of a hidden or collapsed window.
    pub fn note_window_size(&mut self, size: (u32, u32)) {
        self.window_size = usable(size).or(self.window_size);
    }
}

fn usable(size: (u32, u32)) -> Option<(u32, u32)> {
    Some(size).filter(|(width, height)| WINDOW_SIDES.contains(width) && WINDOW_SIDES.contains(height))
}

fn usable_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(u32, u32)>, D::Error> {
    Ok(Option::deserialize(deserializer)?.and_then(usable))
}

fn as_text<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().and_then(Path::to_str).serialize(serializer)
}

/// Colours of the editor.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light shapes on a dark background.
    #[default]
    Dark,
    /// Dark shapes on a light background.
    Light,
}

/// How the editor draws the four probabilities.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimelineStyle {
    /// Stacked areas, which fill the height.
    #[default]
    Areas,
    /// One line per emotion.
    Lines,
}

/// What each answer covers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Segments {
    /// A block of audio every hop, regardless of content.
    #[default]
    Blocks,
    /// The speech between two pauses, and the pauses.
    Phrases,
}

impl From<Segments> for Segmentation {
    fn from(segments: Segments) -> Self {
        match segments {
            Segments::Blocks => Self::Blocks,
            Segments::Phrases => Self::Phrases,
        }
    }
}

/// Everything that a host saves for an instance.
pub struct Saved {
    /// The parameters.
    pub params: Arc<MoodlineParams>,
    /// The choices of the editor.
    pub session: SavedSession,
    /// The recorded timelines, and the voice that they are corrected for.
    pub timelines: SavedTimelines,
}

/// Names of the fields saved in addition to the parameters.
const SESSION: &str = "session";
const TIMELINE: &str = "timeline";
const VOICE: &str = "voice";

// SAFETY: the pointers are to parameters that live as long as this.
#[allow(unsafe_code, reason = "the framework's derive cannot put parameters into groups and leave them in their order")]
unsafe impl Params for Saved {
    fn param_map(&self) -> Vec<(String, ParamPtr, String)> {
        self.params.map()
    }

    fn serialize_fields(&self) -> BTreeMap<String, String> {
        self.fields(SaveScope::Everything)
    }

    fn deserialize_fields(&self, fields: &BTreeMap<String, String>) {
        self.take_fields(fields, SaveScope::Everything);
    }
}

/// How much of an instance is saved or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveScope {
    /// All of it, for a project.
    Everything,
    /// Without recordings, for a preset or a duplicate.
    WithoutTimeline,
}

impl Saved {
    /// The fields saved in addition to the parameters: JSON by name.
    #[must_use]
    pub fn fields(&self, part: SaveScope) -> BTreeMap<String, String> {
        // INVARIANT: strings and numbers are valid JSON, and paths are written as strings or not at all.
        let session = self.session.map(|session| serialize_field(session).expect("a session is valid JSON"));
        let mut fields = BTreeMap::from([(SESSION.to_owned(), session)]);
        if part == SaveScope::Everything {
            fields.insert(TIMELINE.to_owned(), serialize_field(&self.timelines.encode()).expect("a text is valid JSON"));
        }
        let voice = self.timelines.monitor.saved_voice();
        let voice = if part == SaveScope::Everything { voice } else { voice.without_timelines() };
        fields.insert(VOICE.to_owned(), serialize_field(&voice).expect("a voice is valid JSON"));
        fields
    }

    /// Restores the fields saved in addition to the parameters; missing or unreadable fields are left unchanged.
    pub fn take_fields(&self, fields: &BTreeMap<String, String>, part: SaveScope) {
        if let Some(Ok(session)) = fields.get(SESSION).map(|text| deserialize_field(text)) {
            self.session.set(session);
        }
        let voice: Option<SavedVoice> = fields.get(VOICE).and_then(|text| deserialize_field(text).ok());
        match fields.get(TIMELINE).map(|text| deserialize_field::<String>(text)) {
            Some(Ok(timeline)) if part == SaveScope::Everything => {
                self.timelines.restore(&timeline, voice.as_ref().and_then(|voice| voice.learning.as_ref()));
            }
            _ => {}
        }
        if let Some(voice) = voice {
            self.timelines.control.choose_voice(voice);
        }
    }
}

/// The session, and the analysis that must follow when a host restores it.
pub struct SavedSession {
    /// The session shared with the editor.
    pub session: Arc<RwLock<Session>>,
    /// Receives the model to use.
    pub control: Control,
}

impl PersistentField<'_, Session> for SavedSession {
    fn set(&self, restored: Session) {
        let mut session = self.session.write();
        if restored.model != session.model {
            self.control.use_model(restored.model.clone(), Asked::ByProject);
        }
        *session = restored;
    }

    fn map<F, R>(&self, read: F) -> R
    where
        F: Fn(&Session) -> R,
    {
        read(&self.session.read())
    }
}

/// The timelines, as text written by [`Timelines::encode`].
pub struct SavedTimelines {
    /// The source of the timelines to save.
    pub monitor: Monitor,
    /// Receives restored timelines.
    pub control: Control,
}

impl SavedTimelines {
    /// `learning` says which audio the voice is learnt from.
    fn restore(&self, encoded: &str, learning: Option<&SavedLearning>) {
        match Timelines::decode(encoded) {
            Ok(timelines) => self.control.restore_learnt(timelines, learning),
            Err(error) => nice_error!("The recorded timeline was not restored: {error}"),
        }
    }

    fn encode(&self) -> String {
        if !self.control.settle(SETTLE) {
            nice_warn!("The analysis lags behind, so the saved timeline ends before what was played last");
        }
        self.monitor.timelines().encode()
    }
}

/// Why a state was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// A parameter has an invalid value.
    #[error("parameter \"{id}\": expected {expected}, found {found}")]
    Parameter {
        /// Id of the parameter.
        id: String,
        /// The accepted values.
        expected: String,
        /// The value in the state.
        found: String,
    },
    /// The state as a whole is not in the framework's format.
    #[error("the state cannot be read: {0}")]
    Json(String),
    /// The session is invalid.
    #[error("the session cannot be read: {0}")]
    Session(String),
    /// The timeline is not a JSON string.
    #[error("the timeline is not a JSON string: {0}")]
    TimelineText(String),
    /// The timeline is damaged.
    #[error(transparent)]
    Timeline(#[from] DecodeTimelineError),
    /// The voice is damaged, or a newer version saved it.
    #[error("the voice cannot be read: {0}")]
    Voice(String),
}

/// Checks every part of `state` that this version knows; missing or unknown parameters and fields are not errors, so that the state of older and newer
/// versions loads.
///
/// # Errors
///
/// The first invalid part.
pub fn validate(state: &PluginState) -> Result<(), StateError> {
    let params = MoodlineParams::default();
    for (id, value) in &state.params {
        // A parameter that does not exist accepts anything.
        let checked = params.by_id(id).map_or(Ok(()), |param| param.check(value));
        checked.map_err(|expected| StateError::Parameter { id: id.clone(), expected, found: format!("{value:?}") })?;
    }
    if let Some(text) = state.fields.get(SESSION) {
        let _: Session = deserialize_field(text).map_err(|error| StateError::Session(error.to_string()))?;
    }
    if let Some(text) = state.fields.get(TIMELINE) {
        let encoded: String = deserialize_field(text).map_err(|error| StateError::TimelineText(error.to_string()))?;
        Timelines::decode(&encoded)?;
    }
    if let Some(text) = state.fields.get(VOICE) {
        let voice: SavedVoice = deserialize_field(text).map_err(|error| StateError::Voice(error.to_string()))?;
        voice.validate().map_err(StateError::Voice)?;
    }
    Ok(())
}

/// Clears a state that Moodline could not have written, so that loading it changes nothing.
///
/// The framework uses what it can from a state and cannot refuse one; half of a damaged state would be worse than none.
pub fn refuse_garbage(state: &mut PluginState) {
    if let Err(error) = validate(state) {
        nice_error!("The state was refused and nothing was changed: {error}");
        state.params.clear();
        state.fields.clear();
    }
}
