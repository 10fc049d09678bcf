//! Hosts that break the rules get an answer and continue to run.

use test_support::own_process::in_own_process;

use super::in_both_hosts;
use crate::host::bus::Bus;
use crate::host::{Host, HostedPlayer as _, HostedTrack as _, Setup};

in_both_hosts!(
    there_is_no_parameter_after_the_last,
    audio_before_activation_is_an_error_and_stays_as_it_is,
    audio_after_deactivation_is_an_error_and_stays_as_it_is,
    channels_that_are_not_there_end_nothing,
);

const N_FRAMES: usize = 64;

const STEREO: Setup = Setup { rate_hz: 48e3, n_channels: 2, max_frames: N_FRAMES };

/// The sample value played, and the previous contents of the output.
const PLAYED: f32 = 0.25;
const UNTOUCHED: f32 = -0.75;

/// Runs a test in a separate process, which it may end.
fn alone<H: Host>(name: &str, run: impl FnOnce(&H)) {
    let Some(host) = H::load() else { return };
    if in_own_process(&format!("hosted::rules::{name}::{}", H::FORMAT), &[]) {
        run(&host);
    }
}

/// A bus in which channels may be missing.
fn bus(sample: f32, channels: &[bool]) -> Bus {
    Bus::Channels(channels.iter().map(|is_there| is_there.then(|| vec![sample; N_FRAMES])).collect())
}

/// All samples that the plugin may have written.
fn written(bus: &Bus) -> Vec<f32> {
    let Bus::Channels(channels) = bus else { return Vec::new() };
    channels.iter().flatten().flatten().copied().collect()
}

fn there_is_no_parameter_after_the_last<H: Host>() {
    alone::<H>("there_is_no_parameter_after_the_last", |host| {
        let mut track = host.track();
        let n = track.n_parameters();
        assert!(n >= 10 && (0..n).all(|index| track.has_parameter(index)));
        for index in [n, n + 1, u32::MAX / 2, u32::MAX] {
            assert!(!track.has_parameter(index), "{index} of {n}");
        }
    });
}

fn audio_before_activation_is_an_error_and_stays_as_it_is<H: Host>() {
    alone::<H>("audio_before_activation_is_an_error_and_stays_as_it_is", |host| {
        let mut track = host.track();
        let (mut input, mut output) = (bus(PLAYED, &[true; 2]), bus(UNTOUCHED, &[true; 2]));
        for _ in 0..3 {
            assert!(!track.process_bent(&mut input, &mut output, N_FRAMES));
        }
        assert!(written(&output).iter().all(|&sample| sample == UNTOUCHED));
        track.play(&STEREO, |player| player.play(&[PLAYED; N_FRAMES]));
    });
}

fn audio_after_deactivation_is_an_error_and_stays_as_it_is<H: Host>() {
    alone::<H>("audio_after_deactivation_is_an_error_and_stays_as_it_is", |host| {
        let mut track = host.track();
        track.play(&STEREO, |player| player.play(&[PLAYED; N_FRAMES]));
        let (mut input, mut output) = (bus(PLAYED, &[true; 2]), bus(UNTOUCHED, &[true; 2]));
        assert!(!track.process_bent(&mut input, &mut output, N_FRAMES));
        assert!(written(&output).iter().all(|&sample| sample == UNTOUCHED));
    });
}

/// Channel counts other than the layout's, and null pointers, each on both sides.
fn bent(sample: f32) -> Vec<Bus> {
    let mut buses = vec![Bus::Absent, Bus::Null, Bus::NoList(2), Bus::NoList(0), bus(sample, &[]), bus(sample, &[true; 16])];
    for channels in [&[true][..], &[false], &[true; 2], &[true, false], &[false, true], &[false; 2], &[true; 3]] {
        buses.push(bus(sample, channels));
    }
    buses
}

fn channels_that_are_not_there_end_nothing<H: Host>() {
    alone::<H>("channels_that_are_not_there_end_nothing", |host| {
        let mut track = host.track();
        let mut player = track.activate(&STEREO);
        player.start();
        for (input, output) in
            bent(PLAYED).iter().flat_map(|input| bent(UNTOUCHED).into_iter().map(move |output| (input, output)))
        {
            let (mut heard, mut made) = (input.clone(), output.clone());
            for n_frames in [N_FRAMES, 0] {
                track.process_bent(&mut heard, &mut made, n_frames);
            }
            let what = format!("{input:.2?} to {output:.2?}");
            assert!(written(&heard).iter().all(|&sample| sample == PLAYED), "what is played is changed: {what}");
            let is_known = |sample: &f32| [PLAYED, UNTOUCHED, 0.0].contains(sample);
            assert!(written(&made).iter().all(is_known), "something else comes out: {what}");
            // It continues when the host obeys the rules again.
            player.output()[1].fill(UNTOUCHED);
            player.play(&[PLAYED; N_FRAMES]);
            assert_eq!(player.output()[1], [PLAYED; N_FRAMES], "after {what}");
        }
        player.stop();
        track.deactivate(player);
    });
}
