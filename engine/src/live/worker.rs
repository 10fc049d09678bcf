//! The worker thread of an instance.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;

use super::models::LoadState;
use super::publisher::Publisher;
use super::reader::StreamReader;
use super::recorder::Recorder;
use super::rhythm::{Next, Poll, Rhythm};
use super::threads::guarded;

/// How often it checks whether the model is loaded; the model's loader also wakes it.
const WAITING: Duration = Duration::from_millis(500);

/// Processes the streams of one instance, one after another, until the instance is dropped.
pub(super) struct Worker {
    publisher: Publisher,
    incoming: Receiver<StreamReader>,
    stream: Option<StreamReader>,
    recorder: Recorder,
    rhythm: Rhythm,
}

impl Worker {
    pub(super) fn new(publisher: Publisher, incoming: Receiver<StreamReader>) -> Self {
        let recorder = Recorder::new(publisher.clone());
        Self { publisher, incoming, stream: None, recorder, rhythm: Rhythm::new(Instant::now()) }
    }

    /// Runs until the analysis is closed. A panic costs only the run in which it happened.
    pub(super) fn run(mut self) {
        while !self.publisher.is_closed() {
            let tickets = self.publisher.tickets();
            let wait = guarded(|| self.round(tickets.are_open())).unwrap_or_else(|sentence| {
                // Reporting it may panic too, in the host's own closures.
                let _ = guarded(|| self.recorder.recover(&sentence));
                None
            });
            if wait.is_some() {
                self.publisher.serve(tickets);
            }
            if wait != Some(Duration::ZERO) {
                thread::park_timeout(wait.unwrap_or(WAITING));
            }
        }
    }

    /// Processes everything available, and analyses the uncovered remainder if the host has stopped or a thread `waits`. Returns the time until
    /// the next look; none while the model is not loaded and the audio waits in its ring.
    fn round(&mut self, waits: bool) -> Option<Duration> {
        let at = Instant::now();
        self.pass_over_ended();
        let is_taken = self.take_up();
        if let Some(stream) = &self.stream {
            stream.looked();
        }
        if !is_taken {
            return None;
        }
        let Next { wait, stopped } = self.rhythm.after(Poll {
            at,
            taken: self.recorder.publish(),
            unanswered: self.recorder.is_unanswered(),
            watched: self.publisher.is_watched(),
        });
        if stopped || waits {
            self.recorder.answer_rest();
        }
        Some(wait)
    }

    /// Reads the streams as far as possible; returns false if there is no model yet.
    fn take_up(&mut self) -> bool {
        let model = match self.publisher.model() {
            LoadState::NotYet | LoadState::Loading => return false,
            LoadState::Ready(model) => Ok(model),
            LoadState::Failed(sentence) => Err(sentence),
        };
        self.recorder.prepare(model.clone(), self.publisher.settings());
        while self.has_stream() {
            let Self { recorder, publisher, stream: Some(stream), .. } = self else { break };
            recorder.expect(stream.n_waiting());
            stream.read(|piece| {
                recorder.take(piece);
                if publisher.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if publisher.is_closed() || !stream.is_ended() {
                break;
            }
            recorder.end_run();
            // That took a while, during which the settings may have changed and the host may have filled the next stream.
            recorder.prepare(model.clone(), publisher.settings());
            self.stream = None;
        }
        true
    }

    /// Drops streams that have ended and are empty, with or without a model: a host that activates the plugin again and again
    /// must not let them accumulate.
    fn pass_over_ended(&mut self) {
        while self.has_stream() && self.stream.as_ref().is_some_and(StreamReader::is_ended) {
            self.recorder.end_run();
            self.stream = None;
        }
    }

    /// Whether there is a stream to read: the current one, or the next.
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
