//! The test hosts' common interface: [`Host`] is a format and its library, [`HostedTrack`] a track with an instance on it, [`HostedPlayer`] its audio
//! thread's side, and [`HostedWindow`] its editor.

pub(crate) mod bus;

use std::panic;
use std::thread;

use bus::Bus;
use moodline_engine::timeline::Timelines;
use serde_json::Value;

pub(crate) use moodline_engine::live::Transport;

/// Maximum number of channels of the plugin.
pub(crate) const MAX_CHANNELS: usize = 16;

/// The processing mode a host announces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Buffers arrive in real time.
    Realtime,
    /// Buffers arrive as fast as they are processed.
    Offline,
}

/// The settings a host announces before playback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) rate_hz: f64,
    pub(crate) n_channels: usize,
    pub(crate) max_frames: usize,
}

/// A host of one format with the plugin's library.
pub(crate) trait Host: Sized + Sync {
    /// The format, as used at the end of test names.
    const FORMAT: &'static str;

    type Track: HostedTrack + HostedWindow;

    /// The host, or `None` after reporting that the test is skipped.
    fn load() -> Option<Self>;

    /// A new instance.
    fn track(&self) -> Self::Track;
}

/// A track with an instance of the plugin on it.
pub(crate) trait HostedTrack {
    type Player: HostedPlayer;

    /// Sets a parameter by id while no audio runs; numbers and choices alike range from 0 to 1.
    fn set(&mut self, id: &str, normalized: f64);

    /// The state that a host stores in its project.
    fn save(&mut self) -> Value;

    /// Restores a state; returns whether the plugin accepted it.
    fn restore(&mut self, state: &Value) -> bool;

    /// Sets the mode for the next activation.
    fn set_mode(&mut self, mode: Mode);

    fn activate(&mut self, setup: &Setup) -> Self::Player;

    fn deactivate(&mut self, player: Self::Player);

    /// Processes any buffers, whether the track is active or not; returns whether the plugin reports success.
    fn process_bent(&mut self, input: &mut Bus, output: &mut Bus, n_frames: usize) -> bool;

    fn n_parameters(&mut self) -> u32;

    /// Whether the plugin has a parameter with that index.
    fn has_parameter(&mut self, index: u32) -> bool;

    /// The recorded timelines, as stored in a project.
    fn timelines(&mut self) -> Timelines {
        let state = self.save();
        let text: Value = serde_json::from_str(state["fields"]["timeline"].as_str().unwrap()).unwrap();
        Timelines::decode(text.as_str().unwrap()).expect("the plugin reads what it writes")
    }

    /// Activates, plays on a separate thread, and deactivates.
    fn play<R: Send>(&mut self, setup: &Setup, run: impl FnOnce(&mut Self::Player) -> R + Send) -> R {
        let mut player = self.activate(setup);
        let result = on_audio_thread(&mut player, |player| {
            player.start();
            let result = run(player);
            player.stop();
            result
        });
        self.deactivate(player);
        result
    }
}

/// The audio thread's side of an active track.
pub(crate) trait HostedPlayer: Send {
    /// The contents of the next buffer, one vector per channel.
    fn input(&mut self) -> &mut Vec<Vec<f32>>;

    /// The plugin's output for the last buffer.
    fn output(&mut self) -> &mut Vec<Vec<f32>>;

    /// Sets the transport from the next buffer.
    fn locate(&mut self, transport: Transport);

    /// Processes the first `n_frames` of the input, during which a parameter may change, and advances the transport.
    fn process_with(&mut self, n_frames: usize, change: Option<(&str, f64)>);

    fn start(&mut self);

    fn stop(&mut self);

    /// Resets the plugin: later audio is unrelated to earlier audio.
    fn reset(&mut self);

    /// Plays mono `samples`, the same on every channel, in buffers of maximum length.
    fn play(&mut self, samples: &[f32]) {
        let n_frames = self.input()[0].len();
        for piece in samples.chunks(n_frames) {
            for channel in self.input() {
                channel[..piece.len()].copy_from_slice(piece);
            }
            self.process_with(piece.len(), None);
        }
    }
}

/// The editor of a track; there is one at a time.
pub(crate) trait HostedWindow {
    /// Opens the editor in the window `parent`; returns whether it opened.
    fn open(&mut self, parent: u32) -> bool;

    fn close(&mut self);

    /// Creates an editor that is never shown, and destroys it at once.
    fn create_and_destroy(&mut self);

    fn can_resize(&mut self) -> bool;

    /// Width and height, pixels.
    fn size(&mut self) -> (u32, u32);

    /// The size that the editor prefers to this one.
    fn fitting(&mut self, width: u32, height: u32) -> Option<(u32, u32)>;

    /// Requests a size; returns whether the editor accepts it.
    fn resize(&mut self, width: u32, height: u32) -> bool;

    /// Sets the host's scale; returns whether the editor accepts it.
    fn scale(&mut self, factor: f64) -> bool;

    /// Runs the plugin's pending main-thread requests.
    fn idle(&mut self);

    /// Number of the plugin's current registrations with the host's event loop.
    fn n_registered(&self) -> usize;
}

/// Runs something on a separate thread, as the host's audio thread.
pub(crate) fn on_audio_thread<P: Send, R: Send>(player: &mut P, run: impl FnOnce(&mut P) -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(|| run(player)).join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
}

/// The id of parameter `id` in both formats: the framework hashes ids as Java does strings, without the sign.
pub(crate) fn hash(id: &str) -> u32 {
    let hash = id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    hash & 0x7fff_ffff
}
