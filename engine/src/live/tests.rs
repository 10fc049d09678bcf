//! Nothing waits for a disk that does not respond.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::*;
use crate::model::Model;

/// Far longer than any operation takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// An instance whose project names a model on a disk that does not respond until `release` is dropped.
struct Stalled {
    live: Live,
    release: Sender<()>,
    /// Receives a message when reading begins and when it ends.
    begun: Receiver<()>,
    ended: Receiver<()>,
}

impl Stalled {
    fn new() -> Self {
        let (release, held) = channel::<()>();
        let (begins, begun) = channel();
        let (ends, ended) = channel();
        let channels = Mutex::new((held, begins, ends));
        let read = move |_: &Path, _| {
            let (held, begins, ends) = &*channels.lock();
            let _ = begins.send(());
            let _ = held.recv();
            let _ = ends.send(());
            Ok(Model::embedded())
        };
        let live = Live::with_models(Settings::default, || {}, Box::new(read));
        live.control().use_model(Some("project.onnx".into()), Asked::ByProject);
        Self { live, release, begun, ended }
    }
}

fn format() -> StreamFormat {
    StreamFormat { sample_rate: 48_000, offline: false }
}

#[test]
fn no_start_save_or_end_waits_for_a_model_that_cannot_be_read() {
    let mut longest = [Duration::ZERO; 3];
    let mut timed = |index: usize, start: Instant| longest[index] = longest[index].max(start.elapsed());
    for _ in 0..20 {
        let Stalled { mut live, release, begun, ended } = Stalled::new();
        let start = Instant::now();
        let mut tap = live.connect(format());
        timed(0, start);
        begun.recv_timeout(PATIENCE).expect("the model is read once there is audio");
        tap.push(&[&[0.1; 512]], Source::Mix, Transport::None);
        let start = Instant::now();
        assert!(!live.control().settle(Duration::MAX), "there is no model to take up audio with");
        timed(1, start);
        let start = Instant::now();
        drop(tap);
        drop(live);
        timed(2, start);
        assert!(ended.try_recv().is_err(), "the reader is still blocked when the instance is gone");
        drop(release);
        ended.recv_timeout(PATIENCE).expect("it goes on by itself");
    }
    let [started, saved, ended] = longest;
    println!("longest of 20: start {started:?}, save {saved:?}, end {ended:?}");
}
