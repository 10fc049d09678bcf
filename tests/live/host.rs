//! A host with a plugin in it.

use std::sync::{Arc, Mutex};

use moodline_engine::live::{AudioTap, Control, Live, Monitor, Settings, Source, StreamFormat, Transport};
use moodline_engine::timeline::Clock;
use moodline_engine::{Analyser, BackendChoice, Classifier, GapReason, Model, Segment, State};
use test_support::samples;
use test_support::waiting::{PATIENCE, wait_until};

/// The sample rate of the model: the recording must equal an analyser's results for the same samples.
pub(crate) const RATE: u32 = 16_000;
pub(crate) const BUFFER: usize = 512;

/// Waits until the worker has consumed everything pushed, even if it has no model yet and a save would not wait.
pub(crate) fn settle(control: &Control) {
    wait_until("the worker has taken up the audio", || control.settle(PATIENCE));
}

/// Settings of the tests; the native backend is available on every machine.
pub(crate) fn settings() -> Settings {
    Settings { window_seconds: 2.0, hop_seconds: 0.5, backend: BackendChoice::Native, ..Settings::default() }
}

/// Speech at [`RATE`], 20 s.
pub(crate) fn speech() -> Vec<f32> {
    let mut samples = samples::speech(RATE);
    samples.truncate(20 * RATE as usize);
    samples
}

/// An analyser's results for `samples` alone, as a new run.
pub(crate) fn analysed(samples: &[f32], settings: &Settings) -> Vec<Segment> {
    analysed_at(RATE, samples, settings)
}

/// [`analysed`] for samples at another rate.
pub(crate) fn analysed_at(sample_rate: u32, samples: &[f32], settings: &Settings) -> Vec<Segment> {
    let model = Model::embedded();
    let classifier = Classifier::new(&model, settings.backend).unwrap();
    let mut analyser = Analyser::new(&model, classifier, sample_rate, settings.analysis()).unwrap();
    let mut segments = Vec::new();
    analyser.push(samples, &mut |segment, _| segments.push(segment)).unwrap();
    analyser.finish(&mut |segment, _| segments.push(segment)).unwrap();
    segments
}

/// A host that plays into one instance.
pub(crate) struct Host {
    pub(crate) live: Live,
    pub(crate) monitor: Monitor,
    pub(crate) control: Control,
    pub(crate) settings: Arc<Mutex<Settings>>,
    pub(crate) source: Source,
    tap: Option<AudioTap>,
}

impl Host {
    /// An active plugin at [`RATE`].
    pub(crate) fn new(settings: Settings) -> Self {
        let mut host = Self::inactive(settings);
        host.activate(StreamFormat { sample_rate: RATE, offline: false });
        host
    }

    pub(crate) fn inactive(settings: Settings) -> Self {
        let settings = Arc::new(Mutex::new(settings));
        let read = Arc::clone(&settings);
        let live = Live::new(move || *read.lock().unwrap(), || {});
        Self { monitor: live.monitor(), control: live.control(), live, settings, source: Source::Mix, tap: None }
    }

    pub(crate) fn activate(&mut self, format: StreamFormat) {
        self.tap = None;
        self.tap = Some(self.live.connect(format));
    }

    pub(crate) fn deactivate(&mut self) {
        self.tap = None;
        self.settle();
    }

    /// Plays `samples` on both channels in buffers, starting at `transport`.
    pub(crate) fn play(&mut self, samples: &[f32], transport: Transport) {
        self.push(samples, transport);
        self.settle();
    }

    /// Continues to play, bypassed.
    pub(crate) fn bypass(&mut self, n_frames: usize, transport: Transport) {
        self.tap().skip(n_frames, transport);
        self.settle();
    }

    /// Changes the settings, which apply to the audio played from now on.
    pub(crate) fn set(&self, settings: Settings) {
        *self.settings.lock().unwrap() = settings;
        self.settle();
    }

    pub(crate) fn settle(&self) {
        settle(&self.control);
    }

    /// The host simply stops calling: it asks nothing of the worker.
    pub(crate) fn push(&mut self, samples: &[f32], mut transport: Transport) {
        let source = self.source;
        for buffer in samples.chunks(BUFFER) {
            self.tap().push(&[buffer, buffer], source, transport);
            transport = transport.after(buffer.len() as u64);
        }
    }

    pub(crate) fn tap(&mut self) -> &mut AudioTap {
        self.tap.as_mut().expect("the plugin is active")
    }

    pub(crate) fn entries(&self, clock: Clock) -> Vec<Segment> {
        self.monitor.with_timeline(clock, |timeline| timeline.entries().to_vec())
    }

    /// The recorded segments: start, end and state.
    pub(crate) fn segments(&self, clock: Clock) -> Vec<(f64, f64, State)> {
        self.monitor.with_timeline(clock, |timeline| timeline.without_gaps().iter().map(found).collect())
    }

    /// The recorded gaps: start, end and reason.
    pub(crate) fn gaps(&self, clock: Clock) -> Vec<(f64, f64, GapReason)> {
        let gap = |entry: &Segment| match entry.state {
            State::Gap(reason) => Some((entry.start_s, entry.end_s, reason)),
            State::Speech(_) | State::Unfamiliar(_) | State::NoSpeech => None,
        };
        self.entries(clock).iter().filter_map(gap).collect()
    }
}

pub(crate) fn found(segment: &Segment) -> (f64, f64, State) {
    (segment.start_s, segment.end_s, segment.state)
}

/// The frame at `seconds`, at [`RATE`].
pub(crate) fn frame(seconds: f64) -> usize {
    (seconds * f64::from(RATE)).round() as usize
}

/// A transport that plays and is at `seconds`.
pub(crate) fn playing(seconds: f64) -> Transport {
    Transport::Playing((seconds * f64::from(RATE)).round() as i64)
}

/// Asserts that `recorded` equals the results of a separate run that started at `start_s`.
#[track_caller]
pub(crate) fn assert_found(recorded: &[(f64, f64, State)], expected: &[Segment], start_s: f64) {
    assert_eq!(recorded.len(), expected.len(), "{recorded:?}");
    for (recorded, expected) in recorded.iter().zip(expected) {
        assert!((recorded.0 - expected.start_s - start_s).abs() < 1e-5, "{recorded:?}, expected {expected:?}");
        assert!((recorded.1 - expected.end_s - start_s).abs() < 1e-5, "{recorded:?}, expected {expected:?}");
        assert_eq!(recorded.2, expected.state);
    }
}
