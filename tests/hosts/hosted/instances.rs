//! Creating and destroying instances.

use std::thread;

use test_support::own_process::in_own_process;

use super::in_both_hosts;
use super::reference::MONO;
use crate::host::{Host, HostedPlayer as _, HostedTrack as _};

in_both_hosts!(instances_come_and_go_on_several_threads);

const N_THREADS: usize = 4;
const N_INSTANCES: usize = 10_000;

fn instances_come_and_go_on_several_threads<H: Host>() {
    let name = format!("hosted::instances::instances_come_and_go_on_several_threads::{}", H::FORMAT);
    let Some(host) = H::load() else { return };
    if !in_own_process(&name, &[]) {
        return;
    }
    let live_and_die = |index: usize| {
        let mut track = host.track();
        let state = track.save();
        track.set("window", f64::from(index as u32 % 9) / 8.0);
        if index.is_multiple_of(20) {
            track.play(&MONO, |player| player.play(&[0.1; 512]));
        }
        assert!(track.restore(&state));
        assert_eq!(track.save()["params"], state["params"]);
        track.set("hop", 0.5);
    };
    thread::scope(|scope| {
        for first in 0..N_THREADS {
            scope.spawn(move || (first..N_INSTANCES).step_by(N_THREADS).for_each(live_and_die));
        }
    });
    // The last one works as well as the first.
    live_and_die(0);
}
