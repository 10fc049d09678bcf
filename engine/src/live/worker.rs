//! The worker thread of an instance.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam::channel::Receiver;

use super::models::Loaded;
use super::monitor::Monitor;
use super::reader::StreamReader;
use super::recorder::Recorder;
use super::threads::guarded;

/// How often it looks while an editor shows the level, and otherwise: as often as there is a block to classify. Every look finds the caches
/// cold, which many instances feel.
const WATCHED: Duration = Duration::from_millis(20);
const UNWATCHED: Duration = Duration::from_millis(500);

/// After so much audio in one look it looks again at once.
const BUSY: Duration = Duration::from_secs(1);

/// Takes the streams of one instance, one after the other, until the instance is dropped.
pub(super) struct Worker {
    monitor: Arc<Monitor>,
    incoming: Receiver<StreamReader>,
    stream: Option<StreamReader>,
    recorder: Recorder,
}

/// How a look at the streams ended.
#[derive(Clone, Copy, PartialEq)]
enum Round {
    /// Everything that was there was taken up.
    CaughtUp,
    /// The same, and it was so much that there may be more already.
    Busy,
    /// The model is not there yet; the audio waits in its ring.
    Waiting,
}

impl Worker {
    pub(super) fn new(monitor: Arc<Monitor>, incoming: Receiver<StreamReader>) -> Self {
        let recorder = Recorder::new(Arc::clone(&monitor));
        Self { monitor, incoming, stream: None, recorder }
    }

    /// Runs until the monitor is closed. A panic costs the run it happened in, and nothing else.
    pub(super) fn run(mut self) {
        while !self.monitor.is_closed() {
            let tickets = self.monitor.tickets();
            let round = guarded(|| self.round()).unwrap_or_else(|sentence| {
                // Telling of it may panic as well, where the host's own closures do.
                let _ = guarded(|| self.recorder.recover(&sentence));
                Round::Waiting
            });
            if round != Round::Waiting {
                self.monitor.serve(tickets);
            }
            if round != Round::Busy {
                thread::park_timeout(if self.monitor.is_watched() { WATCHED } else { UNWATCHED });
            }
        }
    }

    fn round(&mut self) -> Round {
        self.pass_over_ended();
        let model = match self.monitor.models().loaded() {
            Loaded::NotYet | Loaded::Loading => return Round::Waiting,
            Loaded::Ready(model) => Ok(model),
            Loaded::Failed(sentence) => Err(sentence),
        };
        self.recorder.prepare(model, self.monitor.settings());
        while self.has_stream() {
            let Self { recorder, monitor, stream: Some(stream), .. } = self else { break };
            recorder.expect(stream.n_waiting());
            stream.read(|piece| {
                recorder.take(piece);
                if monitor.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if monitor.is_closed() || !stream.is_ended() {
                break;
            }
            recorder.end_run();
            self.stream = None;
        }
        if self.recorder.publish() >= BUSY { Round::Busy } else { Round::CaughtUp }
    }

    /// Lets go of streams that ended with nothing left to read, with or without a model: a host that activates the plugin again and again
    /// must not pile them up.
    fn pass_over_ended(&mut self) {
        while self.has_stream() && self.stream.as_ref().is_some_and(StreamReader::is_ended) {
            self.recorder.end_run();
            self.stream = None;
        }
    }

    /// Whether there is a stream to read: the present one, or the next.
    fn has_stream(&mut self) -> bool {
        if self.stream.is_none() {
            self.stream = self.incoming.try_recv().ok();
            if let Some(stream) = &self.stream {
                self.recorder.begin_stream(stream.format());
            }
        }
        self.stream.is_some()
    }
}
