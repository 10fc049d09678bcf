//! One Moodline on a track: parameters, analysis and editor, whatever the plugin format.
//!
//! In: the audio and the transport of a host. Out: nothing but the unchanged audio; what was heard is in the [`Monitor`].

use std::sync::Arc;

use moodline_engine::live::{AudioTap, Control, Live, Monitor, Settings, StreamFormat, Transport as Position};
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::*;
use nice_plug_egui::{EguiEditor, EguiEditorState, NiceEguiApp, RepaintNotifier};
use parking_lot::RwLock;

use crate::editor::{self, EditorApp, EditorParts};
use crate::params::MoodlineParams;
use crate::session::{Saved, SavedSession, SavedTimelines, Session};

/// Most channels of a track: those of 9.1.6 and of third-order ambisonics.
pub const MAX_CHANNELS: usize = 16;

/// Size of the editor until a host or a user changes it, logical pixels.
const EDITOR_SIZE: LogicalSize<f64> = LogicalSize { width: 760.0, height: 460.0 };

/// What both plugin types wrap.
pub struct Instance {
    params: Arc<MoodlineParams>,
    saved: Arc<Saved>,
    session: Arc<RwLock<Session>>,
    editor_state: Arc<EguiEditorState>,
    notifier: RepaintNotifier,
    // Dropped before `live`, so that the last run is ended and not abandoned.
    tap: Option<AudioTap>,
    offline: bool,
    live: Live,
}

impl Default for Instance {
    fn default() -> Self {
        let params = Arc::new(MoodlineParams::default());
        let notifier = RepaintNotifier::new();
        let session = Arc::new(RwLock::new(Session::default()));
        let live = Live::new(
            {
                let (params, session) = (Arc::clone(&params), Arc::clone(&session));
                move || Settings { segmentation: session.read().segments.into(), ..params.settings() }
            },
            {
                let notifier = notifier.clone();
                move || notifier.request_repaint()
            },
        );
        let saved = Arc::new(Saved {
            params: Arc::clone(&params),
            session: SavedSession { session: Arc::clone(&session), control: live.control() },
            timelines: SavedTimelines { monitor: live.monitor(), control: live.control() },
        });
        Self {
            params,
            saved,
            session,
            editor_state: EguiEditorState::from_size(EDITOR_SIZE, 1.0),
            notifier,
            tap: None,
            offline: false,
            live,
        }
    }
}

impl Instance {
    /// The parameters.
    #[must_use]
    pub fn params(&self) -> Arc<MoodlineParams> {
        Arc::clone(&self.params)
    }

    /// Everything a host saves.
    #[must_use]
    pub fn saved(&self) -> Arc<Saved> {
        Arc::clone(&self.saved)
    }

    /// What was heard.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        self.live.monitor()
    }

    /// What can be asked of the analysis.
    #[must_use]
    pub fn control(&self) -> Control {
        self.live.control()
    }

    /// What an editor needs.
    #[must_use]
    pub fn editor_parts(&self) -> EditorParts {
        EditorParts {
            params: self.params(),
            monitor: self.monitor(),
            control: self.control(),
            session: Arc::clone(&self.session),
            notifier: self.notifier(),
        }
    }

    /// The editor, with what `around` puts around it; a host may ask for it before it activates anything.
    #[must_use]
    pub fn editor<A: NiceEguiApp>(&self, around: impl FnOnce(EditorApp) -> A) -> Option<EguiEditor<A>> {
        editor::create(self.editor_parts(), Arc::clone(&self.editor_state), around)
    }

    /// Asks an open window for a repaint.
    #[must_use]
    pub fn notifier(&self) -> RepaintNotifier {
        self.notifier.clone()
    }

    /// Starts a stream; one that is still open ends. Never fails: a rate that cannot be analysed is a problem in the status, because the
    /// audio of a track must pass whatever the analysis thinks of it.
    pub fn activate(&mut self, sample_rate_hz: f32, offline: bool) {
        let format = StreamFormat {
            // Saturates: nonsense becomes a rate that the analysis refuses.
            sample_rate: sample_rate_hz.round() as u32,
            offline,
        };
        self.offline = offline;
        self.tap = None;
        self.tap = Some(self.live.connect(format));
    }

    /// Ends the stream: what was recorded gets its last block.
    ///
    /// # Realtime safety
    ///
    /// Lets go of its end of the rings, whose memory the worker frees.
    pub fn deactivate(&mut self) {
        self.tap = None;
    }

    /// What the host stopped or reset ends here: it gets its last block, and what comes next starts afresh.
    ///
    /// # Realtime safety
    /// As [`AudioTap::pause`].
    pub fn pause(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.pause();
        }
    }

    /// Whether the host renders offline from the next buffer on.
    ///
    /// # Realtime safety
    /// As [`AudioTap::set_offline`].
    pub fn set_offline(&mut self, offline: bool) {
        if self.offline != offline {
            self.offline = offline;
            if let Some(tap) = &mut self.tap {
                tap.set_offline(offline);
            }
        }
    }

    /// Hands one buffer of the host to the analysis. `channels` have equal lengths; those beyond [`MAX_CHANNELS`] are not heard.
    ///
    /// # Realtime safety
    ///
    /// Reads atomics and writes to preallocated rings: no allocation, lock, system call or panic. Offline it waits for room in the ring,
    /// so that a bounce loses nothing.
    pub fn process<C: AsRef<[f32]>>(&mut self, channels: &[C], transport: &Transport) {
        let n_frames = channels.first().map_or(0, |channel| channel.as_ref().len());
        self.hear(channels, n_frames, position_of(transport, self.offline));
    }

    /// Hands the first `n_frames` of `channels` to the analysis, the first of them at `position`.
    ///
    /// # Realtime safety
    ///
    /// As [`Instance::process`].
    pub fn hear<C: AsRef<[f32]>>(&mut self, channels: &[C], n_frames: usize, position: Position) {
        let Some(tap) = &mut self.tap else { return };
        let position = if self.params.follow.value() { position } else { Position::None };
        if self.params.bypass.value() {
            return tap.skip(n_frames, position);
        }
        let mut views: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (view, channel) in views.iter_mut().zip(channels) {
            let channel = channel.as_ref();
            *view = &channel[..n_frames.min(channel.len())];
        }
        tap.push(&views[..channels.len().min(MAX_CHANNELS)], self.params.source.value().into(), position);
    }
}

/// Where the host is, of which only frames matter: a change of tempo moves bars, not frames.
///
/// A host without a transport leaves everything empty, or says that it stands still while it renders, which nobody does who has one.
fn position_of(transport: &Transport, offline: bool) -> Position {
    match (transport.playing, transport.pos_samples()) {
        (true, Some(frame)) => Position::Playing(frame),
        (false, Some(_)) if !offline => Position::Stopped,
        _ => Position::None,
    }
}
