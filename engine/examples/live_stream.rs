//! A live stream: one thread provides audio, for example from a sound card; another one reads the results.
//!
//! `cargo run --release -p moodline-engine --example live_stream -- voice.wav`: the file takes the place of the sound card, ten times faster.

use std::error::Error;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use moodline_engine::decode::read_mono_resampled;
use moodline_engine::live::{Live, Settings, Source, StreamFormat, Transport};
use moodline_engine::timeline::Clock;

const SAMPLE_RATE: u32 = 48_000;
const N_FRAMES: usize = 480;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("expected the path of an audio file")?;
    let samples = read_mono_resampled(&path, SAMPLE_RATE)?;

    // Read before each look at the audio, so that the user can change the settings while the program runs.
    let settings = || Settings { window_seconds: 2.0, ..Settings::default() };
    // A program with a window would request a repaint in this closure.
    let mut live = Live::new(settings, || {});
    let (monitor, control) = (live.monitor(), live.control());
    let mut tap = live.connect(StreamFormat { sample_rate: SAMPLE_RATE, offline: false });

    // `push` does not allocate, lock or wait. Without a transport the audio is recorded on its own clock.
    let audio = thread::spawn(move || {
        for buffer in samples.chunks(N_FRAMES) {
            tap.push(&[buffer], Source::Mix, Transport::None);
            thread::sleep(Duration::from_millis(1));
        }
    });
    while !audio.is_finished() {
        thread::sleep(Duration::from_millis(100));
        let latest = monitor.status().latest.map_or("nothing yet", |segment| segment.label());
        println!("now: {latest} ({:.0} dBFS)", monitor.level().rms_db);
    }
    audio.join().map_err(|_| "the audio thread panicked")?;

    // The tap was dropped, so the stream has ended; its last, shorter block is analysed too.
    control.settle(Duration::from_secs(60));
    monitor.with_timeline(Clock::Stream, |timeline| {
        for entry in timeline.entries() {
            println!("{:7.2} s to {:7.2} s  {}", entry.start_s, entry.end_s, entry.label());
        }
    });
    Ok(())
}
