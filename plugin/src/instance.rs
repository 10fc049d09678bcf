//! One Moodline on a track: parameters, analysis and editor, independent of the plugin format.
//!
//! In: the audio and the transport of a host. Out: the audio, unchanged; the results are in the [`Monitor`].

use std::sync::Arc;

use moodline_engine::live::{AudioTap, Control, Live, Monitor, Settings, StreamFormat, Transport as Position};
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::*;
use nice_plug_egui::{EguiEditor, EguiEditorState, NiceEguiApp, RepaintNotifier};
use parking_lot::RwLock;

use crate::editor::{self, EditorApp, EditorParts};
use crate::params::MoodlineParams;
use crate::session::{Saved, SavedSession, SavedTimelines, Session};

/// Maximum number of channels of a track: that of 9.1.6 and of third-order ambisonics.
pub const MAX_CHANNELS: usize = 16;

/// Size of the editor until a host or a user changes it, logical pixels.
const EDITOR_SIZE: LogicalSize<f64> = LogicalSize { width: 760.0, height: 460.0 };

/// The part shared by both plugin types.
pub struct Instance {
    params: Arc<MoodlineParams>,
    saved: Arc<Saved>,
    session: Arc<RwLock<Session>>,
    editor_state: Arc<EguiEditorState>,
    notifier: RepaintNotifier,
    // Dropped before `live`, so that the last run is completed rather than abandoned.
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

    /// The results of the analysis.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        self.live.monitor()
    }

    /// Requests to the analysis.
    #[must_use]
    pub fn control(&self) -> Control {
        self.live.control()
    }

    /// The parts that an editor needs.
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

    /// The editor, wrapped by `around`; a host may request it before activating anything.
    #[must_use]
    pub fn editor<A: NiceEguiApp>(&self, around: impl FnOnce(EditorApp) -> A) -> Option<EguiEditor<A>> {
        editor::create(self.editor_parts(), Arc::clone(&self.editor_state), around)
    }

    /// Asks an open window for a repaint.
    #[must_use]
    pub fn notifier(&self) -> RepaintNotifier {
        self.notifier.clone()
    }

    /// Starts a stream, ending any that is still open. Never fails: a rate that cannot be analysed is reported as a problem in the status, because the audio
    /// of a track must pass through regardless of the analysis.
    pub fn activate(&mut self, sample_rate_hz: f32, offline: bool) {
        let format = StreamFormat {
            // Saturates: an invalid rate becomes one that the analysis refuses.
            sample_rate: sample_rate_hz.round() as u32,
            offline,
        };
        self.offline = offline;
        self.tap = None;
        self.tap = Some(self.live.connect(format));
    }

    /// Ends the stream: the recording gets its last block.
    ///
    /// # Realtime safety
    ///
    /// Drops its end of the rings, whose memory the worker frees.
    pub fn deactivate(&mut self) {
        self.tap = None;
    }

    /// Ends the current run when the host stops or resets: the run gets its last block, and later audio starts a new one.
    ///
    /// # Realtime safety
    /// As [`AudioTap::pause`].
    pub fn pause(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.pause();
        }
    }

    /// Sets whether the host renders offline from the next buffer.
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

    /// Passes one buffer of the host to the analysis. `channels` have equal lengths; channels beyond [`MAX_CHANNELS`] are ignored.
    ///
    /// # Realtime safety
    ///
    /// Reads atomics and writes to preallocated rings: no allocation, lock, system call or panic. Offline it waits for space in the ring, so that a bounce
    /// loses nothing.
    pub fn process<C: AsRef<[f32]>>(&mut self, channels: &[C], transport: &Transport) {
        let n_frames = channels.first().map_or(0, |channel| channel.as_ref().len());
        self.hear(channels, n_frames, position_of(transport, self.offline));
    }

    /// Passes the first `n_frames` of `channels` to the analysis, the first of them at `position`.
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

/// The position of the host, in frames only: a change of tempo moves bars, not frames.
///
/// A host without a transport leaves everything empty, or reports that it is stopped while it renders, which no host with a transport does.
fn position_of(transport: &Transport, offline: bool) -> Position {
    match (transport.playing, transport.pos_samples()) {
        (true, Some(frame)) => Position::Playing(frame),
        (false, Some(_)) if !offline => Position::Stopped,
        _ => Position::None,
    }
}
