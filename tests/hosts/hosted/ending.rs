//! The last words are recorded, however a host ends.

use std::time::{Duration, Instant};

use moodline_engine::timeline::Clock;

use super::in_both_hosts;
use super::reference::{MONO, analysed, assert_same, frame, recorded, speech};
use crate::host::{Host, HostedPlayer, HostedTrack, Transport, on_audio_thread};

in_both_hosts!(
    the_end_comes_when_the_host_stops_calling,
    the_end_comes_after_stop_processing,
    the_end_comes_after_a_reset,
    the_end_comes_after_deactivate,
    a_pause_of_the_host_changes_nothing,
);

/// A whole block is 5 s: one length is shorter, the other has a few blocks and a remainder. Seconds.
const LENGTHS_S: [f64; 2] = [4.0, 12.3];

/// Waits until the saved project contains the command's results; returns how long that took.
fn wait_for(track: &mut impl HostedTrack, samples: &[f32]) -> Duration {
    let start = Instant::now();
    let recorded = recorded(track, Clock::Host, samples.len() as f64 / MONO.rate_hz);
    let waited = start.elapsed();
    assert_same(&recorded, &analysed(samples));
    waited
}

/// Plays, ends playback with `end`, and waits for the last block without any further action.
fn ends<H: Host>(end: impl Fn(&mut <H::Track as HostedTrack>::Player) + Send + Sync) {
    let Some(host) = H::load() else { return };
    for seconds in LENGTHS_S {
        let mut track = host.track();
        track.set("backend", 1.0);
        let samples = speech(seconds);
        let mut player = track.activate(&MONO);
        on_audio_thread(&mut player, |player| {
            player.start();
            player.locate(Transport::Playing(0));
            player.play(&samples);
            end(player);
        });
        let waited = wait_for(&mut track, &samples);
        println!("{}: the last block of {seconds} s came after {waited:.2?}", H::FORMAT);
        track.deactivate(player);
        assert_same(&track.timelines().host, &analysed(&samples));
    }
}

fn the_end_comes_when_the_host_stops_calling<H: Host>() {
    ends::<H>(|_| {});
}

fn the_end_comes_after_stop_processing<H: Host>() {
    ends::<H>(HostedPlayer::stop);
}

fn the_end_comes_after_a_reset<H: Host>() {
    ends::<H>(HostedPlayer::reset);
}

fn the_end_comes_after_deactivate<H: Host>() {
    let Some(host) = H::load() else { return };
    for seconds in LENGTHS_S {
        let mut track = host.track();
        track.set("backend", 1.0);
        let samples = speech(seconds);
        track.play(&MONO, |player| {
            player.locate(Transport::Playing(0));
            player.play(&samples);
        });
        let waited = wait_for(&mut track, &samples);
        println!("{}: the last block of {seconds} s came after {waited:.2?}", H::FORMAT);
    }
}

/// A busy machine, or a host that draws something first, delays the audio; if it continues, nothing was cut.
fn a_pause_of_the_host_changes_nothing<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = host.track();
    track.set("backend", 1.0);
    let samples = speech(20.0);
    let pauses = [frame(4.0), frame(12.3), frame(12.4)];
    let mut player = track.activate(&MONO);
    player.locate(Transport::Playing(0));
    on_audio_thread(&mut player, HostedPlayer::start);
    let mut played = 0;
    for pause in pauses {
        on_audio_thread(&mut player, |player| player.play(&samples[played..pause]));
        played = pause;
        wait_for(&mut track, &samples[..played]);
    }
    on_audio_thread(&mut player, |player| player.play(&samples[played..]));
    track.deactivate(player);
    wait_for(&mut track, &samples);
}
