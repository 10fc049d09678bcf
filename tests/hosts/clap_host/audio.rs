//! The output audio is identical to the input audio, bit for bit.

use clack_host::prelude::InputEvents;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use test_support::clap::{MAX_CHANNELS, Player, Track, load, set_event};

const RATES_HZ: [f64; 11] = [8e3, 11_025.0, 16e3, 22_050.0, 44.1e3, 48e3, 88.2e3, 96e3, 176.4e3, 192e3, 384e3];

/// Buffer sizes, used in turn: tiny, odd and large.
const N_FRAMES: [usize; 9] = [1, 2, 17, 64, 511, 512, 1, 4097, 8192];

/// Arbitrary bits: numbers of every magnitude, denormals, infinities, and NaNs with any payload.
fn fill_with_any_bits(player: &mut Player, n_frames: usize, random: &mut ChaCha8Rng) {
    for sample in player.input.iter_mut().flat_map(|channel| &mut channel[..n_frames]) {
        *sample = f32::from_bits(random.next_u32());
    }
}

/// Bit patterns that are easily lost, each where the loss would be noticed.
fn fill_with_rare_values(player: &mut Player, n_frames: usize) {
    const RARE: [u32; 8] = [
        0x8000_0000, // -0.0
        0x0000_0001, // smallest denormal
        0x807f_ffff, // largest negative denormal
        0x7f80_0000, // infinity
        0xff80_0000, // -infinity
        0x7f80_0001, // signalling NaN
        0xffc1_2345, // quiet NaN with a payload
        0x7f7f_ffff, // largest number
    ];
    for (offset, channel) in player.input.iter_mut().enumerate() {
        for (index, sample) in channel[..n_frames].iter_mut().enumerate() {
            *sample = f32::from_bits(RARE[(index + offset) % RARE.len()]);
        }
    }
}

#[track_caller]
fn assert_passed(player: &Player, n_frames: usize) {
    let bits = |channels: &[Vec<f32>]| -> Vec<u32> {
        channels.iter().flat_map(|channel| &channel[..n_frames]).map(|sample| sample.to_bits()).collect()
    };
    assert!(bits(&player.input) == bits(&player.output), "{n_frames} frames were changed");
}

#[test]
fn every_rate_layout_and_buffer_size_passes_bit_exactly() {
    let Some(entry) = load() else { return };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut track = Track::new(&entry);
    for n_channels in 1..=MAX_CHANNELS {
        track.select_layout(n_channels);
        for rate_hz in RATES_HZ {
            track.play(rate_hz, n_channels, 8192, |player| {
                player.position = Some(0);
                for n_frames in N_FRAMES {
                    fill_with_any_bits(player, n_frames, &mut random);
                    player.process(n_frames, &InputEvents::empty());
                    assert_passed(player, n_frames);
                    fill_with_rare_values(player, n_frames);
                    player.process(n_frames, &InputEvents::empty());
                    assert_passed(player, n_frames);
                }
            });
        }
    }
}

#[test]
fn rates_that_no_model_takes_pass_too() {
    let Some(entry) = load() else { return };
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut track = Track::new(&entry);
    for rate_hz in [1.0, 100.0, 3_999.5, 44_099.97, 400e3, 1.536e6, 1e9] {
        track.play(rate_hz, 2, 512, |player| {
            for _ in 0..20 {
                fill_with_any_bits(player, 512, &mut random);
                player.process(512, &InputEvents::empty());
                assert_passed(player, 512);
            }
        });
    }
}

#[test]
fn no_parameter_changes_the_audio() {
    let Some(entry) = load() else { return };
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let changes = [
        ("bypass", 1.0),
        ("bypass", 0.0),
        ("source", 4.0),
        ("window", 1.0),
        ("hop", 0.0),
        ("follow", 0.0),
        ("gate", 0.7),
        ("hold", 1.0),
        ("bypass", 1.0),
        ("backend", 2.0),
    ];
    Track::new(&entry).play(48e3, 2, 512, |player| {
        for (id, value) in changes {
            // In the middle of a buffer, as with automation.
            let event = [set_event(100, id, value)];
            fill_with_any_bits(player, 512, &mut random);
            player.process(512, &InputEvents::from_buffer(&event));
            assert_passed(player, 512);
        }
    });
}
