//! Plays a file into the plugin, as a track would.
//!
//! In: an open file. Out: frames at the device's rate, taken by the audio thread. Decoding and resampling run on a separate thread.

use std::io;
use std::thread;
use std::time::Duration;

use moodline_core::resample::Resampler;
use moodline_engine::decode::AudioReader;
use rtrb::{Consumer, Producer, RingBuffer};

use super::tell;
use crate::instance::MAX_CHANNELS;

/// Length of audio decoded in advance, seconds.
const AHEAD_SECONDS: usize = 2;

/// Interval at which the decoder checks a full ring.
const PAUSE: Duration = Duration::from_millis(20);

/// The audio thread's end of a file being played.
pub(super) struct Player {
    ring: Consumer<f32>,
    n_channels: usize,
    position: i64,
}

/// Number of channels in which a file is played: its own, or one if a track cannot have that many.
pub(super) fn played_channels(reader: &AudioReader) -> usize {
    if reader.channels() <= MAX_CHANNELS { reader.channels() } else { 1 }
}

impl Player {
    /// Starts decoding `reader` for a device at `sample_rate` Hz.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(reader: AudioReader, sample_rate: u32) -> io::Result<Self> {
        let n_channels = played_channels(&reader);
        let (producer, ring) = RingBuffer::new(AHEAD_SECONDS * sample_rate as usize * n_channels);
        thread::Builder::new().name("moodline-decoder".to_owned()).spawn(move || {
            if let Err(error) = decode(reader, sample_rate, n_channels, producer) {
                tell(error);
            }
        })?;
        Ok(Self { ring, n_channels, position: 0 })
    }

    /// Fills `channels` with the next frames of the file, followed by silence; returns the position of the first frame and their number. That is less than
    /// requested only at the end, or if reading is slower than playback.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    pub(super) fn play(&mut self, channels: &mut [&mut [f32]]) -> (i64, usize) {
        let room = channels.first().map_or(0, |channel| channel.len());
        let n_frames = room.min(self.ring.slots() / self.n_channels);
        for channel in channels.iter_mut() {
            channel[n_frames..].fill(0.0);
        }
        if let Ok(chunk) = self.ring.read_chunk(n_frames * self.n_channels) {
            for (index, sample) in chunk.into_iter().enumerate() {
                if let Some(channel) = channels.get_mut(index % self.n_channels) {
                    channel[index / self.n_channels] = sample;
                }
            }
        }
        let start = self.position;
        self.position += n_frames as i64;
        (start, n_frames)
    }

    /// Whether the whole file was played.
    pub(super) fn has_ended(&self) -> bool {
        // In this order: the decoder fills the ring before it is dropped.
        self.ring.is_abandoned() && self.ring.slots() < self.n_channels
    }
}

/// Decodes all of `reader` into `ring`, interleaved, until the player is dropped.
fn decode(mut reader: AudioReader, sample_rate: u32, n_channels: usize, mut ring: Producer<f32>) -> Result<(), String> {
    let mut lanes = (0..n_channels)
        .map(|_| Resampler::new(reader.sample_rate(), sample_rate).map(Lane::new))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let mixed = reader.channels() != n_channels;
    let mut chunk = Vec::new();
    loop {
        let more = if mixed { reader.read_mono(&mut chunk) } else { reader.read(&mut chunk) };
        if !more.map_err(|error| error.to_string())? {
            break;
        }
        for (index, lane) in lanes.iter_mut().enumerate() {
            lane.push(chunk.iter().skip(index).step_by(n_channels).copied())?;
        }
        write(&mut lanes, &mut ring);
    }
    for lane in &mut lanes {
        lane.finish();
    }
    write(&mut lanes, &mut ring);
    for warning in reader.warnings() {
        tell(warning);
    }
    Ok(())
}

/// One channel being resampled to the device's rate.
struct Lane {
    resampler: Resampler,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Lane {
    const fn new(resampler: Resampler) -> Self {
        Self { resampler, input: Vec::new(), output: Vec::new() }
    }

    fn push(&mut self, samples: impl Iterator<Item = f32>) -> Result<(), String> {
        self.input.clear();
        self.input.extend(samples);
        let output = &mut self.output;
        self.resampler.push(&self.input, &mut |part| output.extend_from_slice(part)).map_err(|error| error.to_string())
    }

    fn finish(&mut self) {
        let output = &mut self.output;
        self.resampler.finish(&mut |part| output.extend_from_slice(part));
    }
}

/// Moves the samples of the lanes into the ring, waiting for space.
fn write(lanes: &mut [Lane], ring: &mut Producer<f32>) {
    let n_channels = lanes.len();
    let n_samples = lanes[0].output.len() * n_channels;
    let mut written = 0;
    while written < n_samples && !ring.is_abandoned() {
        let n_now = ring.slots().min(n_samples - written);
        let Ok(chunk) = ring.write_chunk_uninit(n_now) else { return };
        chunk.fill_from_iter((written..written + n_now).map(|index| lanes[index % n_channels].output[index / n_channels]));
        written += n_now;
        if written < n_samples {
            thread::sleep(PAUSE);
        }
    }
    for lane in lanes {
        lane.output.clear();
    }
}
