//! From the pieces of a stream to entries on a timeline.

mod position;

use std::time::{Duration, Instant};

use moodline_core::samples::{first_unusable, is_usable};

use super::analysers::{AnalyserKey, Analysers};
use super::meter::Meter;
use super::publisher::Publisher;
use super::reader::{Missing, Piece};
use super::status::{Heard, Latest};
use super::{Settings, StreamFormat};
use crate::analysis::{Analyser, AnalysisConfig, Segmentation};
use crate::model::Model;
use crate::segment::{GapReason, Latency, Segment};
use crate::timeline::Clock;
use position::StreamPosition;

/// A shorter run says nothing about a voice and leaves no segment, seconds.
const SHORTEST_RUN_SECONDS: f64 = 0.5;

/// Analyses consecutive runs of samples and records the results, or the reason why there are none.
pub(super) struct Recorder {
    publisher: Publisher,
    /// The model, or why there is none.
    model: Result<Model, String>,
    settings: Settings,
    analysers: Analysers,
    /// A configuration for which no analyser can be created: another attempt would fail too.
    refused: Option<AnalyserKey>,
    position: StreamPosition,
    run: Option<Run>,
    epoch: u64,
    meter: Meter,
    looked: Instant,
    /// Number of frames available at this look and not yet taken.
    n_waiting: u64,
    n_taken: u64,
}

/// Samples that are analysed as one stream.
struct Run {
    analyser: Analyser,
    key: AnalyserKey,
    /// The clock on which it is recorded; none while it is only displayed.
    clock: Option<Clock>,
    start_s: f64,
    n_frames: u64,
    /// End of the last segment, seconds since the start.
    answered_s: f64,
    /// Number of frames when the remainder was last analysed.
    n_rest_answered: u64,
}

impl Run {
    fn seconds(&self) -> f64 {
        self.n_frames as f64 / f64::from(self.key.sample_rate)
    }

    /// Whether there is audio to record that no segment covers.
    fn is_unanswered(&self) -> bool {
        let covered = self.n_frames == self.n_rest_answered || self.answered_s >= self.seconds();
        self.clock.is_some() && !covered && self.seconds() >= SHORTEST_RUN_SECONDS
    }
}

impl Recorder {
    pub(super) fn new(publisher: Publisher) -> Self {
        let (epoch, stream_end_s) = publisher.epoch();
        Self {
            publisher,
            model: Err("no model was asked for".to_owned()),
            settings: Settings::default(),
            analysers: Analysers::default(),
            refused: None,
            position: StreamPosition::new(stream_end_s),
            run: None,
            epoch,
            meter: Meter::new(),
            looked: Instant::now(),
            n_waiting: 0,
            n_taken: 0,
        }
    }

    /// Before a look at the streams: sets the model and the settings to use from now on. A run continues unless they change the analysis.
    pub(super) fn prepare(&mut self, model: Result<Model, String>, settings: Settings) {
        (self.model, self.settings) = (model, settings);
        let (epoch, stream_end_s) = self.publisher.epoch();
        if epoch != self.epoch {
            self.epoch = epoch;
            self.abandon_run();
            self.position.restart_stream(stream_end_s);
        }
        if self.run.as_ref().is_some_and(|run| Some(&run.key) != self.key().as_ref()) {
            self.end_run();
        }
    }

    /// A new stream starts.
    pub(super) fn begin_stream(&mut self, format: StreamFormat) {
        self.position.begin_stream(format.sample_rate);
        self.publisher.post(|status| status.sample_rate = Some(format.sample_rate));
    }

    /// Announces the number of frames to be taken in this look, the last of which has just been heard.
    pub(super) fn expect(&mut self, n_frames: usize) {
        (self.looked, self.n_waiting) = (Instant::now(), n_frames as u64);
    }

    /// Takes the next piece of the stream.
    pub(super) fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Begin(transport) => {
                self.end_run();
                self.position.move_to(transport);
            }
            Piece::Missing(Missing { transport, n_frames, reason }) => {
                self.end_run();
                self.position.move_to(transport);
                self.pass_over(n_frames, reason);
            }
            Piece::End => self.end_run(),
            Piece::Samples(samples) => self.take_samples(samples),
        }
    }

    /// Ends the run: its last segment covers the rest after the full blocks.
    pub(super) fn end_run(&mut self) {
        let Some(run) = &mut self.run else { return };
        if run.seconds() < SHORTEST_RUN_SECONDS {
            self.abandon_run();
            return;
        }
        let mut found = Vec::new();
        let result = run.analyser.finish(&mut |segment, latency| found.push((segment, latency)));
        self.keep(&found);
        match result {
            Ok(()) => self.put_back(),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Whether audio was taken that no segment covers.
    pub(super) fn is_unanswered(&self) -> bool {
        self.run.as_ref().is_some_and(Run::is_unanswered)
    }

    /// Records the last segments that the run would have if it ended here. If it continues, later ones replace them, since they start
    /// at the same times; otherwise nothing of the audio is missing.
    pub(super) fn answer_rest(&mut self) {
        let Some(run) = self.run.as_mut().filter(|run| run.is_unanswered()) else { return };
        run.n_rest_answered = run.n_frames;
        let mut found = Vec::new();
        match run.analyser.peek(&mut |segment, latency| found.push((segment, latency))) {
            Ok(()) => self.record(&found),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// After a panic: the unanswered part of the run becomes a gap, and its analyser is discarded.
    pub(super) fn recover(&mut self, sentence: &str) {
        self.analysers = Analysers::default();
        self.fail(sentence);
    }

    /// After a look at the streams: publishes its progress, and returns the duration of the audio it took.
    pub(super) fn publish(&mut self) -> Duration {
        let sample_rate = self.position.sample_rate();
        let n_taken = std::mem::take(&mut self.n_taken);
        let run = self.run.as_ref().filter(|_| n_taken > 0);
        let heard = run.map(|run| Heard { run_s: run.seconds(), at: self.looked });
        self.publisher.post_progress(self.meter.look(), self.position.now().map(|(_, seconds)| seconds), heard);
        Duration::from_secs_f64(n_taken as f64 / f64::from(sample_rate))
    }

    fn take_samples(&mut self, samples: &mut [f32]) {
        self.n_taken += samples.len() as u64;
        self.n_waiting = self.n_waiting.saturating_sub(samples.len() as u64);
        flush_subnormals(samples);
        let Some(first) = first_unusable(samples) else {
            self.take_usable(samples);
            return;
        };
        // The samples between two unusable ones in the same piece are too few to analyse.
        let last = samples.iter().rposition(|sample| !is_usable(sample)).unwrap_or(first);
        self.take_usable(&samples[..first]);
        self.end_run();
        self.pass_over((last + 1 - first) as u64, GapReason::NotFinite);
        self.take_usable(&samples[last + 1..]);
    }

    fn take_usable(&mut self, samples: &[f32]) {
        if samples.is_empty() {
            return;
        }
        self.meter.take(samples, self.position.sample_rate());
        if self.start_run() {
            self.analyse(samples);
        } else {
            self.pass_over(samples.len() as u64, GapReason::Failure);
        }
    }

    fn key(&self) -> Option<AnalyserKey> {
        let model = self.model.as_ref().ok()?.clone();
        let (sample_rate, config) = (self.position.sample_rate(), self.settings.analysis());
        Some(AnalyserKey { model, backend: self.settings.backend, sample_rate, config })
    }

    /// Makes sure that there is a run to analyse samples with; returns whether there is one.
    fn start_run(&mut self) -> bool {
        if self.run.is_some() {
            return true;
        }
        let Some(key) = self.key().filter(|key| self.refused.as_ref() != Some(key)) else { return false };
        match self.analysers.take(&key) {
            Ok(analyser) => {
                let (clock, start_s) = self.position.now().map_or((None, 0.0), |(clock, seconds)| (Some(clock), seconds));
                let classifier = analyser.classifier();
                let (backend, fallback_reason) = (classifier.backend(), classifier.fallback_reason().map(ToOwned::to_owned));
                self.publisher.post(|status| {
                    status.backend = Some(backend);
                    status.fallback_reason = fallback_reason;
                    status.clock = clock.unwrap_or(status.clock);
                });
                self.refused = None;
                self.run = Some(Run { analyser, key, clock, start_s, n_frames: 0, answered_s: 0.0, n_rest_answered: 0 });
                true
            }
            Err(error) => {
                self.refused = Some(key);
                self.report(&error.to_string());
                false
            }
        }
    }

    fn analyse(&mut self, samples: &[f32]) {
        // Counted first, so that these samples count as heard even if the analysis panics.
        self.position.advance(samples.len() as u64);
        let Some(run) = &mut self.run else { return };
        run.n_frames += samples.len() as u64;
        let mut found = Vec::new();
        let result = run.analyser.push(samples, &mut |segment, latency| found.push((segment, latency)));
        self.keep(&found);
        if let Err(error) = result {
            self.fail(&error.to_string());
        }
    }

    /// Records and publishes results of the current run as final.
    fn keep(&mut self, found: &[(Segment, Latency)]) {
        self.record(found);
        if let (Some(run), Some((last, _))) = (&mut self.run, found.last()) {
            run.answered_s = last.end_s;
        }
    }

    fn record(&self, found: &[(Segment, Latency)]) {
        let (Some(run), Some(&(last, latency))) = (&self.run, found.last()) else { return };
        let start_s = run.start_s;
        let on_clock =
            move |segment: Segment| Segment { start_s: start_s + segment.start_s, end_s: start_s + segment.end_s, ..segment };
        let ago_s = (run.seconds() - last.end_s).max(0.0) + self.n_waiting as f64 / f64::from(run.key.sample_rate);
        let heard = self.looked.checked_sub(Duration::from_secs_f64(ago_s)).unwrap_or(self.looked);
        if let Some(clock) = run.clock {
            let AnalysisConfig { hop_seconds, segmentation, .. } = run.key.config;
            let mut answered_s = start_s + run.answered_s;
            self.publisher.record(self.epoch, clock, Some(&run.key.model), |timeline| {
                for Segment { start_s, end_s, state } in found.iter().map(|(segment, _)| on_clock(*segment)) {
                    // What was heard between two blocks has no answer of this run, and none of an earlier one.
                    timeline.remove_segments(answered_s, start_s);
                    answered_s = end_s;
                    // The next one starts a hop later, or at the end of a phrase or pause.
                    let next_s = if segmentation == Segmentation::Phrases { end_s - start_s } else { hop_seconds };
                    timeline.insert_segment(start_s, end_s, next_s, state);
                }
            });
        }
        self.publisher.post(|status| {
            status.latest = Some(Latest { segment: on_clock(last), latency, heard });
            status.problem = None;
        });
    }

    /// Records a gap from here on; there is no run.
    fn pass_over(&mut self, n_frames: u64, reason: GapReason) {
        let from = self.position.now();
        let seconds = n_frames as f64 / f64::from(self.position.sample_rate());
        self.position.advance(n_frames);
        if let Some((clock, start_s)) = from {
            self.publisher.record(self.epoch, clock, None, |timeline| timeline.insert_gap(start_s, start_s + seconds, reason));
        }
        let n_dropped = if reason == GapReason::Overrun { n_frames } else { 0 };
        self.publisher.post(|status| {
            status.latest = None;
            status.dropped_frames += n_dropped;
            status.clock = from.map_or(status.clock, |(clock, _)| clock);
        });
    }

    /// Ends a failed run: its unanswered part becomes a gap.
    fn fail(&mut self, sentence: &str) {
        self.report(sentence);
        let Some(run) = self.run.take() else { return };
        if let Some(clock) = run.clock {
            let (start_s, end_s) = (run.start_s + run.answered_s, run.start_s + run.seconds());
            self.publisher.record(self.epoch, clock, None, |timeline| timeline.insert_gap(start_s, end_s, GapReason::Failure));
        }
        self.publisher.post(|status| status.latest = None);
    }

    fn report(&self, sentence: &str) {
        tracing::warn!(sentence, "the live analysis has a problem");
        self.publisher.post(|status| status.problem = Some(sentence.to_owned()));
    }

    /// Ends the run without its last segment.
    fn abandon_run(&mut self) {
        if let Some(run) = &mut self.run {
            run.analyser.reset();
        }
        self.put_back();
    }

    /// Keeps the analyser of the run for reuse, reset to its start.
    fn put_back(&mut self) {
        if let Some(run) = self.run.take() {
            self.analysers.put_back(run.key, run.analyser);
        }
    }
}

/// Sets subnormal numbers, which slow down arithmetic by a factor of a hundred and are inaudible, to zero.
fn flush_subnormals(samples: &mut [f32]) {
    for sample in samples {
        *sample = if sample.abs() < f32::MIN_POSITIVE { 0.0 } else { *sample };
    }
}
