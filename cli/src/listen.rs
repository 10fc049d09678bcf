//! `moodline listen`: emotions in live speech, block by block.
//!
//! In: a [`Feed`], which is a microphone or standard input. Out: one line per block on stdout. When a feed disappears, the command waits for it; meanwhile
//! times advance by the clock.

mod feed;
#[cfg(feature = "microphone")]
mod microphone;
mod pipe;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

#[cfg(not(feature = "microphone"))]
use anyhow::anyhow;
use anyhow::bail;
use moodline_engine::analysis::{AnalysisConfig, Segmentation};
use moodline_engine::decode::DecodeProblem;
use moodline_engine::display::Summary;
use moodline_engine::export::{Listening, block_line, gap_line};
use moodline_engine::source::FileSource;
use moodline_engine::voices::{Found, Voices};
use moodline_engine::{BackendChoice, Model, Segment};

use crate::args::{Lines, ListenArguments};
use crate::console::Streams;
use crate::{DONE, FAILED, setup, table};
use feed::{Feed, Heard, Layout};
use pipe::Pipe;

/// Capacity of the queue of audio pieces to analyse: several seconds from a microphone.
const QUEUE_LEN: usize = 256;

/// How often an interrupt is checked for while no audio arrives.
const LOOK: Duration = Duration::from_millis(50);

/// How often reopening a lost feed is attempted.
const RETRY: Duration = Duration::from_millis(500);

/// Runs the subcommand and returns the exit code.
pub(crate) fn run(arguments: &ListenArguments, streams: &mut Streams<'_>, interrupted: &AtomicBool) -> u8 {
    let outcome = if arguments.list_devices { list(streams) } else { listen(arguments, streams, interrupted) };
    match outcome {
        Ok(()) => DONE,
        Err(error) => {
            streams.note(&format!("moodline: {error}\n"));
            FAILED
        }
    }
}

fn listen(arguments: &ListenArguments, streams: &mut Streams<'_>, interrupted: &AtomicBool) -> anyhow::Result<()> {
    let mut feed: Box<dyn Feed> = match &arguments.input {
        Some(_) => Box::new(Pipe::new(arguments.raw)),
        None => device(arguments.device.clone())?,
    };
    let (model, backend) = setup::model(arguments.analysis.model.as_deref(), arguments.backend, streams)?;
    let setup = Setup {
        model,
        backend,
        source: arguments.analysis.source,
        config: arguments.analysis.config(Segmentation::Blocks),
        lines: arguments.format,
    };
    Listener::new(&setup, streams, interrupted).run(feed.as_mut())
}

#[cfg(feature = "microphone")]
fn device(name: Option<String>) -> anyhow::Result<Box<dyn Feed>> {
    Ok(Box::new(microphone::Microphone::new(name)))
}

#[cfg(feature = "microphone")]
fn list(streams: &mut Streams<'_>) -> anyhow::Result<()> {
    let lines: String = microphone::names().iter().map(|name| format!("{name}\n")).collect();
    Ok(streams.print(lines.as_bytes())?)
}

#[cfg(not(feature = "microphone"))]
fn device(_: Option<String>) -> anyhow::Result<Box<dyn Feed>> {
    Err(without_microphones())
}

#[cfg(not(feature = "microphone"))]
fn list(_: &mut Streams<'_>) -> anyhow::Result<()> {
    Err(without_microphones())
}

#[cfg(not(feature = "microphone"))]
fn without_microphones() -> anyhow::Error {
    anyhow!("this program was built without microphones: give - for standard input, or build it with `--features microphone`")
}

/// The model, backend and options of a session.
struct Setup {
    model: Model,
    backend: BackendChoice,
    source: FileSource,
    config: AnalysisConfig,
    lines: Lines,
}

/// One session of listening.
struct Listener<'a, 'b> {
    setup: &'a Setup,
    streams: &'a mut Streams<'b>,
    interrupted: &'a AtomicBool,
    /// Handle of the feed, while it is open.
    opened: Option<Box<dyn Any>>,
    /// State of the feed since it was last opened.
    ear: Option<Ear>,
    /// Since when the feed has been gone, and why.
    gone: Option<(Instant, String)>,
    summary: Summary,
    /// The lines are no longer being read.
    unread: bool,
}

/// State of an open feed.
struct Ear {
    name: String,
    layout: Layout,
    voices: Voices,
    /// Start of the current run, seconds on the clock of the lines.
    from_s: f64,
    /// Samples per channel in it.
    n_frames: u64,
}

impl Ear {
    fn now_s(&self) -> f64 {
        self.from_s + self.n_frames as f64 / f64::from(self.layout.sample_rate)
    }

    /// The segment on the clock of the lines.
    fn placed(&self, found: Found) -> Found {
        let Segment { start_s, end_s, state } = found.segment;
        Found { segment: Segment { start_s: self.from_s + start_s, end_s: self.from_s + end_s, state }, ..found }
    }
}

impl<'a, 'b> Listener<'a, 'b> {
    fn new(setup: &'a Setup, streams: &'a mut Streams<'b>, interrupted: &'a AtomicBool) -> Self {
        Self { setup, streams, interrupted, opened: None, ear: None, gone: None, summary: Summary::default(), unread: false }
    }

    /// Listens until the feed ends or the run is interrupted.
    fn run(mut self, feed: &mut dyn Feed) -> anyhow::Result<()> {
        let (sender, receiver) = sync_channel(QUEUE_LEN);
        self.opened = Some(feed.open(sender.clone()).map_err(anyhow::Error::msg)?);
        let mut tried = Instant::now();
        while !self.interrupted.load(Ordering::Relaxed) && !self.unread {
            match receiver.recv_timeout(LOOK) {
                Ok(heard) => {
                    if self.take(heard)?.is_break() {
                        return self.end();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // This thread also holds a sender.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.opened.is_none() && tried.elapsed() >= RETRY {
                self.opened = feed.open(sender.clone()).ok();
                tried = Instant::now();
            }
        }
        self.opened = None;
        // Audio heard before the interrupt; a pipe may still deliver more.
        for heard in receiver.try_iter().take(if self.unread { 0 } else { QUEUE_LEN }) {
            if self.take(heard)?.is_break() {
                break;
            }
        }
        self.end()
    }

    fn take(&mut self, heard: Heard) -> anyhow::Result<ControlFlow<()>> {
        match heard {
            Heard::Opened { name, layout } => self.open(name, layout)?,
            Heard::Samples(samples) => self.hear(&samples)?,
            Heard::Missed { n_frames } => self.miss(n_frames)?,
            Heard::Gone(reason) => self.lose(reason)?,
            Heard::Ended { warnings, problem } => {
                for warning in warnings {
                    self.streams.note(&format!("warning: {warning}\n"));
                }
                let Some(problem) = problem else { return Ok(ControlFlow::Break(())) };
                self.end()?;
                bail!(problem);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The feed is available, for the first time or again.
    fn open(&mut self, name: String, layout: Layout) -> anyhow::Result<()> {
        let Setup { model, backend, source, config, .. } = self.setup;
        let Layout { sample_rate, n_channels } = layout;
        if let Some(found) = source.channel().map(NonZeroUsize::get).filter(|&channel| channel > n_channels) {
            bail!("{name}: {}", DecodeProblem::Channel { expected: n_channels, found });
        }
        let voices = Voices::new(model, *backend, *source, (sample_rate, n_channels), *config)?;
        let (since, from_s) = (self.gone.take(), self.ear.as_ref().map(Ear::now_s));
        let ear = self.ear.insert(Ear { name, layout, voices, from_s: 0.0, n_frames: 0 });
        let Some((from_s, (since, reason))) = from_s.zip(since) else { return self.start() };
        ear.from_s = from_s + since.elapsed().as_secs_f64();
        let to_s = ear.from_s;
        self.streams.note(&format!("{} is back after {:.1} s\n", ear.name, to_s - from_s));
        self.tell_gap(from_s, to_s, &reason)
    }

    fn hear(&mut self, samples: &[f32]) -> anyhow::Result<()> {
        let Some(ear) = &mut self.ear else { return Ok(()) };
        let mut found = Vec::new();
        ear.voices.push(samples, &mut |one| found.push(one))?;
        ear.n_frames += (samples.len() / ear.layout.n_channels) as u64;
        self.tell(&found)
    }

    /// Ends the run and reports its last, shorter block at once.
    fn end_run(&mut self) -> anyhow::Result<()> {
        let Some(ear) = &mut self.ear else { return Ok(()) };
        let mut found = Vec::new();
        ear.voices.finish(&mut |one| found.push(one))?;
        self.tell(&found)?;
        if let Some(ear) = &mut self.ear {
            (ear.from_s, ear.n_frames) = (ear.now_s(), 0);
        }
        Ok(())
    }

    fn miss(&mut self, n_frames: u64) -> anyhow::Result<()> {
        self.end_run()?;
        let Some(ear) = &mut self.ear else { return Ok(()) };
        let from_s = ear.from_s;
        ear.from_s += n_frames as f64 / f64::from(ear.layout.sample_rate);
        let to_s = ear.from_s;
        self.tell_gap(from_s, to_s, "audio came faster than it could be taken")
    }

    fn lose(&mut self, reason: String) -> anyhow::Result<()> {
        self.opened = None;
        if self.gone.is_some() {
            return Ok(());
        }
        self.end_run()?;
        if let Some(ear) = &self.ear {
            self.streams.note(&format!("moodline: {} is gone ({reason}): waiting for it\n", ear.name));
        }
        self.gone = Some((Instant::now(), reason));
        Ok(())
    }

    /// Writes the first line.
    fn start(&mut self) -> anyhow::Result<()> {
        let Some(ear) = &self.ear else { return Ok(()) };
        let Layout { sample_rate, n_channels } = ear.layout;
        let channels = if n_channels == 1 { "mono".to_owned() } else { format!("{n_channels} channels") };
        let line = match self.setup.lines {
            Lines::Jsonl => self.about(ear).start_line(),
            Lines::Table => format!("{}\n", table::titles(self.has_channels(), false)),
        };
        self.streams.note(&format!("listening to {}: {sample_rate} Hz, {channels}\n", ear.name));
        self.say(&line)
    }

    fn tell(&mut self, found: &[Found]) -> anyhow::Result<()> {
        let certain_from = self.setup.model.certain_from();
        for one in found {
            let Some(placed) = self.ear.as_ref().map(|ear| ear.placed(*one)) else { return Ok(()) };
            // Each block counts until the start of the next one.
            let own_end_s = placed.segment.end_s.min(placed.segment.start_s + self.setup.config.hop_seconds);
            self.summary.add(&Summary::of(&[Segment { end_s: own_end_s, ..placed.segment }], 0.0, certain_from));
            let line = match self.setup.lines {
                Lines::Jsonl => block_line(&placed, certain_from),
                Lines::Table => format!("{}\n", table::row(&placed, self.has_channels(), certain_from).trim_end()),
            };
            self.say(&line)?;
        }
        Ok(())
    }

    fn tell_gap(&mut self, from_s: f64, to_s: f64, reason: &str) -> anyhow::Result<()> {
        let line = match self.setup.lines {
            Lines::Jsonl => gap_line(from_s, to_s, reason),
            Lines::Table => format!("{}\n", table::gap_row(from_s, to_s, self.has_channels())),
        };
        self.say(&line)
    }

    /// Writes the remaining blocks and the last line. Nothing is written if no audio was heard.
    fn end(&mut self) -> anyhow::Result<()> {
        self.end_run()?;
        let Some(ear) = &self.ear else { return Ok(()) };
        let duration_s = ear.now_s();
        let summary = Summary { duration_s, ..self.summary }.text();
        match self.setup.lines {
            Lines::Jsonl => {
                let (line, name) = (self.about(ear).end_line(duration_s), ear.name.clone());
                self.streams.note(&format!("{name}: {summary}\n"));
                self.say(&line)
            }
            Lines::Table => self.say(&format!("  {summary}\n")),
        }
    }

    fn has_channels(&self) -> bool {
        self.setup.source == FileSource::Each
    }

    fn about<'c>(&'c self, ear: &'c Ear) -> Listening<'c> {
        let Setup { model, source, config, .. } = self.setup;
        Listening {
            file: &ear.name,
            sample_rate: ear.layout.sample_rate,
            n_channels: ear.layout.n_channels,
            source: *source,
            model_id: model.id(),
            model_fingerprint: model.fingerprint(),
            certain_from: model.certain_from(),
            backend: ear.voices.backend(),
            config: *config,
        }
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        if !self.unread {
            self.unread = !self.streams.offer(line)?;
        }
        Ok(())
    }
}
