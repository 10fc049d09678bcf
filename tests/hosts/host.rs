//! What a test plays with in either format: [`Host`] is a format and its library, [`HostedTrack`] a track with an instance on it, [`HostedPlayer`] the audio
//! thread's side of one, and [`HostedWindow`] its editor.

pub(crate) mod bus;

use std::panic;
use std::thread;

use bus::Bus;
use moodline_engine::timeline::Timelines;
use serde_json::Value;

pub(crate) use moodline_engine::live::Transport;

/// Most channels the plugin takes.
pub(crate) const MAX_CHANNELS: usize = 16;

/// What a host says about the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Buffers come as fast as they are heard.
    Realtime,
    /// Buffers come as fast as they are taken.
    Offline,
}

/// What a host announces before it plays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) rate_hz: f64,
    pub(crate) n_channels: usize,
    pub(crate) max_frames: usize,
}

/// A host of one format with the plugin's library.
pub(crate) trait Host: Sized + Sync {
    /// The format, as the names of the tests in it end.
    const FORMAT: &'static str;

    type Track: HostedTrack + HostedWindow;

    /// None after saying that the test is skipped.
    fn load() -> Option<Self>;

    /// A new instance.
    fn track(&self) -> Self::Track;
}

/// A track with an instance of the plugin on it.
pub(crate) trait HostedTrack {
    type Player: HostedPlayer;

    /// Sets a parameter while no audio runs, by id; numbers and choices alike run from 0 to 1.
    fn set(&mut self, id: &str, normalized: f64);

    /// What a host keeps in its project.
    fn save(&mut self) -> Value;

    /// Whether the plugin took the state.
    fn restore(&mut self, state: &Value) -> bool;

    /// What the next activation says about the clock.
    fn set_mode(&mut self, mode: Mode);

    fn activate(&mut self, setup: &Setup) -> Self::Player;

    fn deactivate(&mut self, player: Self::Player);

    /// Processes whatever it is, whether the track is active or not; whether the plugin says that it did.
    fn process_bent(&mut self, input: &mut Bus, output: &mut Bus, n_frames: usize) -> bool;

    fn n_parameters(&mut self) -> u32;

    /// Whether the plugin knows a parameter of that index.
    fn has_parameter(&mut self, index: u32) -> bool;

    /// The recorded timelines, as a project keeps them.
    fn timelines(&mut self) -> Timelines {
        let state = self.save();
        let text: Value = serde_json::from_str(state["fields"]["timeline"].as_str().unwrap()).unwrap();
        Timelines::decode(text.as_str().unwrap()).expect("the plugin reads what it writes")
    }

    /// Activates, plays on a thread of its own, and deactivates.
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
    /// What the next buffer holds, a vector a channel.
    fn input(&mut self) -> &mut Vec<Vec<f32>>;

    /// What the plugin made of the last one.
    fn output(&mut self) -> &mut Vec<Vec<f32>>;

    /// Says where the transport is from the next buffer on.
    fn locate(&mut self, transport: Transport);

    /// Processes the first `n_frames` of the input, in the middle of which a parameter may change, and moves the transport on.
    fn process_with(&mut self, n_frames: usize, change: Option<(&str, f64)>);

    fn start(&mut self);

    fn stop(&mut self);

    /// Tells the plugin that what comes has nothing to do with what was.
    fn reset(&mut self);

    /// Plays mono `samples`, the same on every channel, in buffers as long as there is room for.
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

/// Where a track has an editor, one at a time.
pub(crate) trait HostedWindow {
    /// Opens the editor in the window `parent`; whether it came.
    fn open(&mut self, parent: u32) -> bool;

    fn close(&mut self);

    /// Makes an editor that is never shown, and takes it back at once.
    fn create_and_destroy(&mut self);

    fn can_resize(&mut self) -> bool;

    /// Width and height, pixels.
    fn size(&mut self) -> (u32, u32);

    /// The size that the editor would rather have than this one.
    fn fitting(&mut self, width: u32, height: u32) -> Option<(u32, u32)>;

    /// Whether the editor takes the size.
    fn resize(&mut self, width: u32, height: u32) -> bool;

    /// Whether the editor takes the scale of the host.
    fn scale(&mut self, factor: f64) -> bool;

    /// Does what the plugin asked the host's main thread to do.
    fn idle(&mut self);

    /// What the plugin has registered with the host's event loop and not taken back.
    fn n_registered(&self) -> usize;
}

/// Does something on a thread of its own, as the host's audio thread.
pub(crate) fn on_audio_thread<P: Send, R: Send>(player: &mut P, run: impl FnOnce(&mut P) -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(|| run(player)).join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
}

/// What both formats call the parameter `id`: the framework hashes ids as Java does strings, without the sign.
pub(crate) fn hash(id: &str) -> u32 {
    let hash = id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    hash & 0x7fff_ffff
}
