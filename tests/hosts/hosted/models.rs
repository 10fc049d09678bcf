//! Projects with a model file that cannot be read, or that never ends: they do not block a host.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode as Access, mkfifoat};
use serde_json::{Value, json};
use test_support::own_process::in_own_process;
use test_support::waiting::PATIENCE;

use super::in_both_hosts;
use super::reference::MONO;
use crate::host::{Host, HostedPlayer as _, HostedTrack as _};

in_both_hosts!(no_model_keeps_a_host_waiting);

/// A project with a model path.
fn with_model(mut state: Value, model: &Path) -> Value {
    let mut session: Value = serde_json::from_str(state["fields"]["session"].as_str().unwrap()).unwrap();
    session["model"] = json!(model);
    state["fields"]["session"] = session.to_string().into();
    state
}

/// The name of [`at_most_on_this_machine`] among the calls.
const ALLOWED: &str = "what is allowed";

/// The longest and shortest duration of each call over several attempts.
#[derive(Default)]
struct Times(BTreeMap<&'static str, (Duration, Duration)>);

impl Times {
    fn measure<R>(&mut self, what: &'static str, call: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = call();
        let taken = start.elapsed();
        let (least, most) = self.0.entry(what).or_insert((taken, taken));
        (*least, *most) = ((*least).min(taken), (*most).max(taken));
        result
    }
}

/// The life of an instance with an unreadable model.
fn live_with<H: Host>(host: &H, model: &Path, times: &mut Times) {
    let mut track = host.track();
    let state = with_model(track.save(), model);
    assert!(times.measure("load", || track.restore(&state)));
    let mut player = times.measure("activate", || track.activate(&MONO));
    player.start();
    player.play(&[0.1; 512]);
    let saved = times.measure("save while active", || track.save());
    let session = |state: &Value| -> Value { serde_json::from_str(state["fields"]["session"].as_str().unwrap()).unwrap() };
    assert_eq!(session(&saved), session(&state));
    player.stop();
    times.measure("deactivate", || track.deactivate(player));
    times.measure("save", || track.save());
    times.measure("destroy", || drop(track));
}

/// Time limit for a host's call.
const AT_MOST: Duration = Duration::from_millis(20);

/// How long [`AT_MOST`] takes on this machine now: as in a blocking call, one thread sleeps for that time and another waits for it.
fn at_most_on_this_machine() {
    thread::spawn(|| thread::sleep(AT_MOST)).join().unwrap();
}

/// Nothing ever writes to the pipe, so a call that waits for it never returns.
fn no_model_keeps_a_host_waiting<H: Host>() {
    const ATTEMPTS: usize = 20;
    let name = format!("hosted::models::no_model_keeps_a_host_waiting::{}", H::FORMAT);
    if H::load().is_none() || !in_own_process(&name, &[]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.onnx");
    mkfifoat(CWD, &pipe, Access::RWXU).unwrap();
    let models = [pipe, "/dev/zero".into(), "/dev/tty".into(), folder.path().to_owned()];
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let host = H::load().unwrap();
        let mut times = Times::default();
        for model in models.iter().cycle().take(ATTEMPTS * models.len()) {
            times.measure(ALLOWED, at_most_on_this_machine);
            live_with(&host, model, &mut times);
        }
        done.send(times).unwrap();
    });
    let times = finished.recv_timeout(PATIENCE).expect("no call waits for what cannot be read");
    let (allowed, _) = times.0[ALLOWED];
    for (what, (least, most)) in times.0 {
        println!("{}: {what}: {least:.2?} to {most:.2?}", H::FORMAT);
        // A busy machine may be late, but not every time, and it is equally late with the control.
        assert!(least <= allowed, "{what} took {least:.2?} at least, {allowed:.2?} are {AT_MOST:?} here");
    }
}
