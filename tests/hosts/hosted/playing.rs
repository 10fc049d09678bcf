//! Basic use in both formats: audio passes, parameters move, state is restored.

use moodline_engine::timeline::Clock;
use serde_json::Value;

use super::in_both_hosts;
use super::reference::{MONO, recorded, speech};
use crate::host::{Host, HostedPlayer as _, HostedTrack as _, MAX_CHANNELS, Setup};

in_both_hosts!(every_number_of_channels_is_played, state_moves_to_another_instance, automation_reaches_the_parameter,);

fn every_number_of_channels_is_played<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = host.track();
    for n_channels in 1..=MAX_CHANNELS {
        track.play(&Setup { rate_hz: 48e3, n_channels, max_frames: 64 }, |player| {
            for (channel, samples) in player.input().iter_mut().enumerate() {
                samples.fill(0.01 * channel as f32);
            }
            player.process_with(64, None);
            let heard = player.input().clone();
            assert_eq!(&heard, player.output(), "{n_channels} channels");
        });
    }
}

fn state_moves_to_another_instance<H: Host>() {
    let Some(host) = H::load() else { return };
    let (mut one, mut other) = (host.track(), host.track());
    for (id, normalized) in [("backend", 1.0), ("window", 0.25), ("follow", 0.0), ("source", 0.5)] {
        one.set(id, normalized);
    }
    one.play(&MONO, |player| player.play(&speech(7.0)));
    assert!(!recorded(&mut one, Clock::Stream, 7.0).entries().is_empty());
    let saved = one.save();
    assert!(other.restore(&saved));
    assert_eq!(other.save(), saved);
    assert!(!other.timelines().stream.entries().is_empty(), "what was heard is part of the state");
    assert!(!other.restore(&Value::Null), "nothing is no state");
    assert_eq!(other.save(), saved);
}

fn automation_reaches_the_parameter<H: Host>() {
    let Some(host) = H::load() else { return };
    let mut track = host.track();
    track.play(&MONO, |player| player.process_with(512, Some(("window", 1.0))));
    let saved = track.save();
    assert_eq!(saved["params"]["window"]["f32"], 10.0, "{saved}");
}
