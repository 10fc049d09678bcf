//! The plugin on the audio thread, without a host around it: it allocates nothing and changes nothing.

use moodline::Moodline;
use nice_plug::prelude::*;
use tests_in_process::Host;

use crate::allocation::without_allocation;

const MAX_FRAMES: usize = 1024;

fn config(sample_rate: f32, process_mode: ProcessMode) -> BufferConfig {
    BufferConfig { sample_rate, min_buffer_size: None, max_buffer_size: MAX_FRAMES as u32, process_mode }
}

/// Samples of every kind, which depend on `seed`.
fn hostile(n_channels: usize, seed: u32) -> Vec<Vec<f32>> {
    const RARE: [u32; 9] =
        [0x8000_0000, 0x0000_0001, 0x807f_ffff, 0x7f80_0000, 0xff80_0000, 0x7f80_0001, 0x7fc1_2345, 0xffff_ffff, 0x3f00_0000];
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 24 < 64 { RARE[(state >> 8) as usize % RARE.len()] } else { state.rotate_left(7) }
    };
    (0..n_channels).map(|_| (0..MAX_FRAMES).map(|_| f32::from_bits(next())).collect()).collect()
}

/// Processes the first `n_frames` of `channels` in place, as hosts do.
fn process(plugin: &mut Moodline, host: &mut Host, channels: &mut [Vec<f32>], n_frames: usize) {
    let mut buffer = Buffer::default();
    #[allow(unsafe_code, reason = "the framework fills its buffers this way only; the channels outlive the buffer")]
    unsafe {
        buffer.set_slices(n_frames, |slices| *slices = channels.iter_mut().map(|channel| &mut channel[..n_frames]).collect());
    }
    let mut aux = AuxiliaryBuffers { inputs: &mut [], outputs: &mut [] };
    let status = without_allocation(|| plugin.process(&mut buffer, &mut aux, host));
    assert_eq!(status, ProcessStatus::Normal);
}

/// Sets a parameter by id, as a wrapper does.
fn set(plugin: &Moodline, id: &str, normalized: f32) {
    let params = plugin.params();
    let (_, pointer, _) = params.param_map().into_iter().find(|(other, ..)| other == id).unwrap();
    #[allow(unsafe_code, reason = "what a wrapper does; the parameters are alive")]
    unsafe {
        pointer._internal_set_normalized_value(normalized)
    };
}

fn bits(channels: &[Vec<f32>]) -> Vec<u32> {
    channels.iter().flatten().map(|sample| sample.to_bits()).collect()
}

#[test]
fn every_layout_and_rate_passes_bit_exactly_without_allocating() {
    for layout in Moodline::AUDIO_IO_LAYOUTS {
        let n_channels = layout.main_input_channels.unwrap().get();
        assert_eq!(layout.main_output_channels.unwrap().get(), n_channels);
        for rate_hz in [0.0, 8e3, 44.1e3, 48e3, 192e3, 384e3, 1e6] {
            let (mut plugin, mut host) = (Moodline::default(), Host::new(rate_hz));
            assert!(plugin.activate(layout, &config(rate_hz, ProcessMode::Realtime), &mut host));
            for (index, n_frames) in [1, 7, 64, 512, 1024, 3, 0, 511].into_iter().enumerate() {
                let mut channels = hostile(n_channels as usize, index as u32);
                let before = bits(&channels);
                process(&mut plugin, &mut host, &mut channels, n_frames);
                assert!(bits(&channels) == before, "{n_channels} channels, {rate_hz} Hz, {n_frames} frames");
            }
        }
    }
}

#[test]
fn no_setting_and_no_transport_allocates_or_changes_audio() {
    let (mut plugin, mut host) = (Moodline::default(), Host::new(48e3));
    assert!(plugin.activate(&Moodline::AUDIO_IO_LAYOUTS[0], &config(48e3, ProcessMode::Realtime), &mut host));
    let mut channels = hostile(2, 5);
    let before = bits(&channels);
    let mut position = 0_i64;
    for source in [0.0, 0.25, 0.5, 0.75, 1.0] {
        for (bypass, follow) in [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)] {
            set(&plugin, "source", source);
            set(&plugin, "bypass", bypass);
            set(&plugin, "follow", follow);
            for (playing, jump) in
                [(true, 0), (true, 480_000), (true, -960_000), (false, 0), (true, i64::MAX / 4), (true, i64::MIN / 4)]
            {
                position = position.wrapping_add(jump);
                host.transport.playing = playing;
                for at in [Some(position), None] {
                    host.transport.pos_samples = at;
                    process(&mut plugin, &mut host, &mut channels, 256);
                }
            }
        }
    }
    assert!(bits(&channels) == before);
}

#[test]
fn an_overrun_does_not_allocate_either() {
    let (mut plugin, mut host) = (Moodline::default(), Host::new(8e3));
    assert!(plugin.activate(&Moodline::AUDIO_IO_LAYOUTS[1], &config(8e3, ProcessMode::Realtime), &mut host));
    let mut channels = hostile(1, 9);
    for _ in 0..2_000 {
        // 2000 buffers of 128 ms at once: far more than any ring holds.
        process(&mut plugin, &mut host, &mut channels, MAX_FRAMES);
    }
}

#[test]
fn it_may_be_activated_again_and_again_and_processed_without() {
    let (mut plugin, mut host) = (Moodline::default(), Host::new(48e3));
    let mut channels = hostile(2, 3);
    let before = bits(&channels);
    process(&mut plugin, &mut host, &mut channels, 64);
    for rate_hz in [48e3, 48e3, 44.1e3] {
        assert!(plugin.activate(&Moodline::AUDIO_IO_LAYOUTS[0], &config(rate_hz, ProcessMode::Realtime), &mut host));
        process(&mut plugin, &mut host, &mut channels, 64);
    }
    plugin.deactivate();
    plugin.deactivate();
    process(&mut plugin, &mut host, &mut channels, 64);
    assert!(bits(&channels) == before);
}

#[test]
fn there_is_no_thread_before_the_first_activation() {
    let plugins: Vec<_> = (0..8).map(|_| Moodline::default()).collect();
    for plugin in &plugins {
        assert_eq!(plugin.monitor().status().sample_rate, None);
        assert_eq!(plugin.monitor().playhead(), None);
    }
}
