//! Speech or not: the gate in front of the network.
//!
//! In: mono PCM at one rate, in any pieces. Out: a [`GateFrame`] every 20 ms, and for the frames of a block the answer whether somebody
//! speaks in it. A network trained on speech alone is confident about silence and noise too; the gate keeps those from it.
//!
//! Voiced speech is periodic, with a pitch that moves and a level that moves. So a frame counts when it is loud enough and its normalised
//! autocorrelation has a high peak at a lag of the human voice; a block is speech when enough frames count, in runs, and neither their
//! pitch nor their level stands still as those of hum and beeps do. Level alone cannot tell: a whisper-quiet recording lies 30 dB below a noisy
//! room.

mod decimate;
mod voicing;

use voicing::VoicingTracker;

/// Thresholds of the [`Gate`].
///
/// The defaults were chosen on the train and dev splits of three corpora of acted speech (down to -60 dBFS) against white, pink, brown and
/// room noise, hum, tones and clicks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateConfig {
    /// Quieter frames never count, dBFS of the voice band (below 0.7 kHz, spectrum flattened).
    pub level_db: f32,
    /// Smallest normalised autocorrelation of a voiced frame, 0..=1.
    pub voicing: f32,
    /// Fewest consecutive voiced frames that count; noise is voiced by accident, but not for long.
    pub min_run_frames: usize,
    /// Largest change of pitch from frame to frame within a run, natural logarithm of the ratio.
    pub max_pitch_step: f32,
    /// Voiced time that makes a block speech, seconds.
    pub min_voiced_seconds: f64,
    /// Smallest spread (10th to 90th percentile) of the level of the voiced frames, dB; hum and tones have less.
    pub min_level_spread_db: f32,
    /// Smallest spread (10th to 90th percentile) of the pitch of the voiced frames, natural logarithm of the ratio.
    pub min_pitch_spread: f32,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            level_db: -80.0,
            voicing: 0.5,
            min_run_frames: 3,
            max_pitch_step: 0.2,
            min_voiced_seconds: 0.1,
            min_level_spread_db: 3.0,
            min_pitch_spread: 0.02,
        }
    }
}

/// What the gate knows about 20 ms of audio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GateFrame {
    /// Level in the voice band, dBFS.
    pub level_db: f32,
    /// Highest normalised autocorrelation at a lag of the human voice, 0..=1; 0 below the level threshold, where it is not computed.
    pub voicing: f32,
    /// Natural logarithm of the period in seconds; means nothing without voicing.
    pub log_period: f32,
}

/// Finds speech in a stream.
#[derive(Clone)]
pub struct Gate {
    config: GateConfig,
    tracker: VoicingTracker,
}

impl Gate {
    /// A gate for mono samples at `sample_rate` Hz, at least 4000.
    #[must_use]
    pub fn new(sample_rate: u32, config: GateConfig) -> Self {
        Self { config, tracker: VoicingTracker::new(sample_rate, config.level_db) }
    }

    /// Takes samples and hands every frame they complete to `sink`. The frames do not depend on how the stream was cut.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(GateFrame)) {
        self.tracker.push(samples, sink);
    }

    /// Starts a new stream.
    pub fn reset(&mut self) {
        self.tracker.reset();
    }

    /// The frames whose centre lies in `start..end` (seconds from the start of the stream): first, and one past the last.
    #[must_use]
    pub fn frames_between(&self, start: f64, end: f64) -> (u64, u64) {
        (self.tracker.first_frame_from(start), self.tracker.first_frame_from(end))
    }

    /// Most frames [`Gate::frames_between`] can name for a block of `seconds`.
    #[must_use]
    pub fn max_frames_in(&self, seconds: f64) -> usize {
        (seconds / self.tracker.hop_seconds()).ceil() as usize + 1
    }

    /// Whether somebody speaks in these consecutive frames.
    #[must_use]
    pub fn is_speech(&self, frames: &[GateFrame]) -> bool {
        let (mut levels, mut periods) = (Vec::new(), Vec::new());
        for run in self.voiced_runs(frames) {
            levels.extend(run.iter().map(|frame| frame.level_db));
            periods.extend(run.iter().map(|frame| frame.log_period));
        }
        levels.len() as f64 * self.tracker.hop_seconds() >= self.config.min_voiced_seconds
            && spread(&mut levels) >= self.config.min_level_spread_db
            && spread(&mut periods) >= self.config.min_pitch_spread
    }

    /// Maximal runs of voiced frames whose pitch moves smoothly, those of at least `min_run_frames`.
    fn voiced_runs<'a>(&self, frames: &'a [GateFrame]) -> impl Iterator<Item = &'a [GateFrame]> {
        let GateConfig { level_db, voicing, min_run_frames, max_pitch_step, .. } = self.config;
        let voiced = move |frame: &GateFrame| frame.voicing >= voicing && frame.level_db >= level_db;
        frames
            .chunk_by(move |a, b| voiced(a) && voiced(b) && (a.log_period - b.log_period).abs() <= max_pitch_step)
            .filter(move |run| run.len() >= min_run_frames && voiced(&run[0]))
    }
}

/// Distance from the 10th to the 90th percentile; 0 for nothing.
fn spread(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f32::total_cmp);
    values[values.len() * 9 / 10] - values[values.len() / 10]
}
