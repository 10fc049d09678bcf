//! An instance shared by several threads: the last one to release it deletes it.

use std::sync::mpsc;
use std::thread;

use test_support::own_process::in_own_process;

use super::module::load;
use super::track::{Plugin, Track};
use crate::host::hash;

const N_THREADS: usize = 4;
const N_INSTANCES: usize = 2_000;

/// Sets everything that can be set, from a thread that did not create the instance.
fn edit(plugin: &Plugin, saved: &[u8]) {
    for step in 0..4 {
        plugin.set(hash("window"), f64::from(step) / 4.0);
        plugin.set(hash("confidence"), f64::from(step) / 4.0);
    }
    // The instance may already be terminated, and return an error.
    let _ = plugin.restore(saved);
    plugin.set(hash("gate"), 0.5);
}

#[test]
fn instances_are_deleted_while_other_threads_edit_them() {
    const NAME: &str = "vst3_host::instances::instances_are_deleted_while_other_threads_edit_them";
    let Some(module) = load() else { return };
    if !in_own_process(NAME, &[]) {
        return;
    }
    let saved = Track::new(&module).plugin.save();
    thread::scope(|scope| {
        let editors: Vec<_> = (0..N_THREADS)
            .map(|_| {
                let (editor, shared) = mpsc::sync_channel::<Plugin>(4);
                scope.spawn(|| shared.into_iter().for_each(|plugin| edit(&plugin, &saved)));
                editor
            })
            .collect();
        for index in 0..N_INSTANCES {
            let track = Track::new(&module);
            editors[index % N_THREADS].send(track.plugin.clone()).unwrap();
            // In every other case the editing thread is the last to release it.
            if index % 2 == 0 {
                assert!(!track.plugin.save().is_empty());
            }
        }
    });
    assert_eq!(Track::new(&module).plugin.save(), saved, "an instance of its own knows nothing of the others");
}
