//! Loading, starting, stopping, and leaks.

use std::fs;
use std::thread;

use clack_extensions::audio_ports::PluginAudioPorts;
use clack_extensions::audio_ports_config::PluginAudioPortsConfig;
use clack_extensions::latency::PluginLatency;
use clack_host::prelude::InputEvents;
use moodline_engine::timeline::Clock;
use test_support::clap::{MAX_CHANNELS, Track, load};
use test_support::own_process::in_own_process;
use test_support::processor::resident_bytes;
use test_support::waiting::comes_true;

use crate::hosted::reference::recorded;

#[test]
fn the_library_says_what_it_is() {
    let Some(entry) = load() else { return };
    let factory = entry.get_plugin_factory().unwrap();
    let descriptors: Vec<_> = factory.plugin_descriptors().collect();
    let [descriptor] = &descriptors[..] else { panic!("{} plugins", descriptors.len()) };
    assert_eq!(descriptor.id().unwrap().to_str(), Ok("org.moodline.moodline"));
    assert_eq!(descriptor.name().unwrap().to_str(), Ok("Moodline"));
    assert_eq!(descriptor.vendor().unwrap().to_str(), Ok("Moodline"));
    assert_eq!(descriptor.version().unwrap().to_str(), Ok(env!("CARGO_PKG_VERSION")));
    let features: Vec<_> = descriptor.features().map(|feature| feature.to_str().unwrap()).collect();
    assert_eq!(features, ["analyzer", "audio-effect", "mono", "stereo", "surround"]);
}

#[test]
fn ports_are_one_in_one_out_and_stereo_first() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    let counts = track.with(|ports: &PluginAudioPorts, handle| (ports.count(handle, true), ports.count(handle, false)));
    assert_eq!(counts, (1, 1));
    let n_layouts = track.with(|config: &PluginAudioPortsConfig, handle| config.count(handle));
    // As many outputs as inputs, then one channel to two and back.
    assert_eq!(n_layouts as usize, MAX_CHANNELS + 2);
    // The host makes no choice: this fails if the first layout is not stereo.
    track.play(48e3, 2, 64, |player| player.process(64, &InputEvents::empty()));
}

#[test]
fn no_latency_before_during_and_after() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    let latency = |track: &mut Track| track.with(|latency: &PluginLatency, handle| latency.get(handle));
    assert_eq!(latency(&mut track), 0);
    track.play(96e3, 2, 512, |player| player.play(&[0.1; 96_000]));
    assert_eq!(latency(&mut track), 0);
}

#[test]
fn it_starts_again_after_stop_reset_and_a_change_of_everything() {
    let Some(entry) = load() else { return };
    let mut track = Track::new(&entry);
    for (rate_hz, n_channels, max_frames) in [(48e3, 2, 512), (48e3, 2, 512), (44.1e3, 1, 64), (192e3, 8, 8192), (8e3, 2, 1)] {
        track.select_layout(n_channels);
        track.play(rate_hz, n_channels, max_frames, |player| {
            for _ in 0..3 {
                player.play(&[0.25; 10_000]);
                assert_eq!(player.output[0][0].to_bits(), 0.25_f32.to_bits());
                player.reset();
            }
        });
    }
}

#[test]
fn two_instances_do_not_know_of_each_other() {
    let Some(entry) = load() else { return };
    let (mut one, mut other) = (Track::new(&entry), Track::new(&entry));
    one.set(&[("window", 1.0), ("source", 3.0)]);
    assert_eq!((one.value("window"), one.value("source")), (1.0, 3.0));
    assert_eq!((other.value("window") * 8.0, other.value("source")), (3.0, 0.0));
}

#[test]
fn two_instances_play_at_once() {
    let Some(entry) = load() else { return };
    let play = |rate_hz: f64, position: Option<i64>, clock: Clock| {
        let mut track = Track::new(&entry);
        track.play(rate_hz, 2, 512, |player| {
            player.position = position;
            player.play(&vec![0.1; 6 * rate_hz as usize]);
        });
        recorded(&mut track, clock, 6.0);
        track.timelines()
    };
    let (with_transport, without) = thread::scope(|scope| {
        let one = scope.spawn(|| play(48e3, Some(0), Clock::Host));
        let other = scope.spawn(|| play(44.1e3, None, Clock::Stream));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert!(!with_transport.host.entries().is_empty() && with_transport.stream.entries().is_empty());
    assert!(without.host.entries().is_empty() && !without.stream.entries().is_empty());
}

fn n_threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn resident_kib() -> u64 {
    resident_bytes() / 1024
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_starts_leave_no_thread_and_no_memory() {
    let Some(entry) = load() else { return };
    // glibc adapts to freed rings by keeping their memory for later; with this setting it returns all of it, so the rest is leaks.
    let give_back = [("MALLOC_MMAP_THRESHOLD_", "1048576")];
    if !in_own_process("clap_host::lifecycle::a_thousand_starts_leave_no_thread_and_no_memory", &give_back) {
        return;
    }
    let mut track = Track::new(&entry);
    let before_the_first = n_threads();
    let cycle = |track: &mut Track, index: usize| {
        let (rate_hz, max_frames) = [(44.1e3, 64), (48e3, 512), (96e3, 1)][index % 3];
        track.play(rate_hz, 2, max_frames, |player| player.play(&[0.1; 64]));
    };
    for index in 0..50 {
        cycle(&mut track, index);
    }
    track.save();
    let (threads, memory) = (n_threads(), resident_kib());
    for index in 0..1000 {
        cycle(&mut track, index);
    }
    track.save();
    // The ring of one stream is 4 MB. Workers end asynchronously, and then free the rings of finished streams.
    let freed = comes_true(|| resident_kib() < memory + 4 * 1024);
    println!("1000 cycles: {threads} -> {} threads, {memory} -> {} KiB", n_threads(), resident_kib());
    assert!(freed, "{} KiB after 1000 cycles, {memory} KiB before", resident_kib());
    assert!(comes_true(|| n_threads() <= threads), "{} threads, {threads} before", n_threads());

    for _ in 0..50 {
        cycle(&mut Track::new(&entry), 0);
    }
    drop(track);
    // The framework's own background thread lives at most until the last instance is gone.
    assert!(comes_true(|| n_threads() <= before_the_first), "{} threads, {before_the_first} at first", n_threads());
}
