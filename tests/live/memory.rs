//! The memory use of an instance.

use moodline_engine::live::{Settings, StreamFormat, Transport};
use moodline_engine::timeline::Clock;
use test_support::own_process::in_own_process;
use test_support::processor::resident_bytes;

use crate::host::{Host, speech};

/// An instance must use less than this, bytes.
const LIMIT: u64 = 8_000_000;

const N_INSTANCES: u64 = 8;

/// An instance with the plugin's longest window, which has received audio.
fn playing_at(sample_rate: u32) -> Host {
    let mut host = Host::inactive(Settings { window_seconds: 10.0, hop_seconds: 0.25, ..Settings::default() });
    host.activate(StreamFormat { sample_rate, offline: false });
    host.play(&speech()[..], Transport::Playing(0));
    assert!(!host.segments(Clock::Host).is_empty());
    host
}

#[test]
#[cfg(target_os = "linux")]
fn an_instance_takes_eight_megabytes_at_most() {
    // Otherwise each thread would get its own heap, which keeps freed memory.
    let one_heap = [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_MMAP_THRESHOLD_", "131072")];
    if !in_own_process("memory::an_instance_takes_eight_megabytes_at_most", &one_heap) {
        return;
    }
    // Memory shared by all instances does not count.
    let _first = playing_at(48_000);
    for sample_rate in [8_000, 48_000, 96_000, 192_000, 383_999, 384_000] {
        let before = resident_bytes();
        let instances: Vec<Host> = (0..N_INSTANCES).map(|_| playing_at(sample_rate)).collect();
        let each = resident_bytes().saturating_sub(before) / N_INSTANCES;
        drop(instances);
        println!("{sample_rate} Hz: {:.2} MB an instance", each as f64 / 1e6);
        assert!(each < LIMIT, "{sample_rate} Hz: {each} bytes an instance");
    }
}
