//! Bounces of ten minutes, as fast as possible, in either declared mode.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use moodline_engine::Segment;
use moodline_engine::timeline::Clock;

use super::in_both_hosts;
use super::reference::{MONO, analysed, analysed_every, assert_same, assert_truthful, frame, recorded, speech};
use crate::host::{Host, HostedPlayer, HostedTrack, Mode, Setup, Transport, on_audio_thread};

in_both_hosts!(
    a_bounce_is_whole,
    a_bounce_after_playing_is_whole,
    after_a_bounce_the_clock_counts_again,
    a_bounce_in_real_time_tells_what_it_lost,
    a_bounce_in_real_time_loses_nothing_while_the_worker_keeps_up,
    sixteen_bounces_at_once_are_whole,
    sixteen_bounces_in_real_time_tell_what_they_lost,
);

const LENGTH_S: f64 = 600.0;

/// The plugin's hop, and the longest one that can be chosen.
const HOP_S: f64 = 0.5;
const LONGEST_HOP_S: f64 = 5.0;

/// Buffer sizes that many hosts use for a bounce.
const BOUNCING: Setup = Setup { max_frames: 1024, ..MONO };

const N_INSTANCES: usize = 16;

fn ten_minutes() -> &'static [f32] {
    static SAMPLES: OnceLock<Vec<f32>> = OnceLock::new();
    SAMPLES.get_or_init(|| speech(LENGTH_S))
}

fn expected() -> &'static [Segment] {
    static SEGMENTS: OnceLock<Vec<Segment>> = OnceLock::new();
    SEGMENTS.get_or_init(|| analysed(ten_minutes()))
}

/// A track with the backend that is available on every machine.
fn track<H: Host>(host: &H) -> H::Track {
    let mut track = host.track();
    track.set("backend", 1.0);
    track
}

/// Plays `samples` from the start of the host's timeline.
fn bounce(track: &mut impl HostedTrack, mode: Mode, samples: &[f32]) {
    track.set_mode(mode);
    track.play(&BOUNCING, |player| {
        player.locate(Transport::Playing(0));
        player.play(samples);
    });
}

fn a_bounce_is_whole<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = track(&host);
    bounce(&mut track, Mode::Offline, ten_minutes());
    assert_same(&recorded(&mut track, Clock::Host, LENGTH_S), expected());
}

fn a_bounce_after_playing_is_whole<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = track(&host);
    bounce(&mut track, Mode::Realtime, &ten_minutes()[..frame(7.0)]);
    bounce(&mut track, Mode::Offline, ten_minutes());
    assert_same(&recorded(&mut track, Clock::Host, LENGTH_S), expected());
}

fn after_a_bounce_the_clock_counts_again<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = track(&host);
    track.set_mode(Mode::Offline);
    track.play(&BOUNCING, |player| player.play(&ten_minutes()[..frame(60.0)]));
    let bounced = track.timelines();
    track.set_mode(Mode::Realtime);
    track.play(&BOUNCING, |player| {
        player.locate(Transport::Stopped);
        player.play(&ten_minutes()[..frame(20.0)]);
    });
    assert_eq!(track.timelines(), bounced, "nothing is recorded while the transport stands still");
    bounce(&mut track, Mode::Realtime, ten_minutes());
    let lost_s = assert_truthful(&recorded(&mut track, Clock::Host, LENGTH_S), HOP_S, ten_minutes());
    println!("{}: {lost_s:.0} s of {LENGTH_S} s are gaps", H::FORMAT);
}

fn a_bounce_in_real_time_tells_what_it_lost<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = track(&host);
    bounce(&mut track, Mode::Realtime, ten_minutes());
    let lost_s = assert_truthful(&recorded(&mut track, Clock::Host, LENGTH_S), HOP_S, ten_minutes());
    println!("{}: {lost_s:.0} s of {LENGTH_S} s are gaps", H::FORMAT);
}

/// A hundred times real time is far slower than the worker, but fills the ring of 30 s three times a second. A busy machine may delay the worker for that
/// long, but not every time.
fn a_bounce_in_real_time_loses_nothing_while_the_worker_keeps_up<H: Host>() {
    const SPEED: f64 = 100.0;
    const ATTEMPTS: usize = 30;
    let Some(host) = H::load() else { return };
    let samples = &ten_minutes()[..frame(120.0)];
    let mut lost_s = Vec::new();
    while lost_s.last() != Some(&0.0) && lost_s.len() < ATTEMPTS {
        let mut track = track(&host);
        track.play(&BOUNCING, |player| {
            player.locate(Transport::Playing(0));
            play_at(player, samples, SPEED);
        });
        let recorded = recorded(&mut track, Clock::Host, samples.len() as f64 / MONO.rate_hz);
        lost_s.push(assert_truthful(&recorded, HOP_S, samples));
    }
    println!("{}: seconds lost at {SPEED} times the clock, attempt by attempt: {lost_s:?}", H::FORMAT);
    assert_eq!(lost_s.last(), Some(&0.0));
}

/// Plays at the given multiple of real time.
fn play_at(player: &mut impl HostedPlayer, samples: &[f32], speed: f64) {
    let start = Instant::now();
    for (index, second) in samples.chunks(frame(1.0)).enumerate() {
        player.play(second);
        let due = Duration::from_secs_f64((index + 1) as f64 / speed);
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
}

/// Bounces all tracks alternately, buffer by buffer, on one thread.
fn bounce_all<T: HostedTrack>(tracks: &mut [T], mode: Mode) {
    let mut players: Vec<_> = tracks
        .iter_mut()
        .map(|track| {
            track.set_mode(mode);
            track.activate(&BOUNCING)
        })
        .collect();
    on_audio_thread(&mut players, |players| {
        for player in players.iter_mut() {
            player.start();
            player.locate(Transport::Playing(0));
        }
        for buffer in ten_minutes().chunks(BOUNCING.max_frames) {
            for player in players.iter_mut() {
                player.play(buffer);
            }
        }
        players.iter_mut().for_each(HostedPlayer::stop);
    });
    for (track, player) in tracks.iter_mut().zip(players) {
        track.deactivate(player);
    }
}

/// Sixteen tracks with as few blocks as possible: the network does not matter here.
fn sixteen<H: Host>(host: &H) -> Vec<H::Track> {
    let sparse = || {
        let mut track = track(host);
        track.set("hop", 1.0);
        track
    };
    (0..N_INSTANCES).map(|_| sparse()).collect()
}

fn sixteen_bounces_at_once_are_whole<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut tracks = sixteen(&host);
    bounce_all(&mut tracks, Mode::Offline);
    let expected = analysed_every(LONGEST_HOP_S, ten_minutes());
    for track in &mut tracks {
        assert_same(&recorded(track, Clock::Host, LENGTH_S), &expected);
    }
}

fn sixteen_bounces_in_real_time_tell_what_they_lost<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut tracks = sixteen(&host);
    bounce_all(&mut tracks, Mode::Realtime);
    let lost_s = |track| assert_truthful(&recorded(track, Clock::Host, LENGTH_S), LONGEST_HOP_S, ten_minutes());
    let lost_s: Vec<_> = tracks.iter_mut().map(lost_s).collect();
    println!("{}: seconds lost of {LENGTH_S}, instance by instance: {lost_s:.0?}", H::FORMAT);
}
