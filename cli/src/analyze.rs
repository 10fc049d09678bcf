//! `moodline analyze`: audio files in, results out.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::decode::ReadOptions;
use moodline_engine::display::Summary;
use moodline_engine::export::ExportOptions;
use moodline_engine::file_analysis::{Excerpt, FileAnalysis, FileConfig};
use moodline_engine::files::{FilePlan, Replace, write_atomically};
use moodline_engine::voice;
use moodline_engine::voices::{Voice, VoiceChoice};

use crate::args::{AnalyzeArguments, SegmentsArgument, Shape, VoiceArgument};
use crate::console::Streams;
use crate::inputs::{self, Input, Inputs};
use crate::labels::{self, Label};
use crate::output::{self, Destination, Done, OutputOptions, OutputTarget};
use crate::page::PageAudio;
use crate::plot::{self, PictureFormat, PlotOptions};
use crate::progress::ProgressLine;
use crate::setup;
use crate::work::{self, AnalysisSetup, Failure, WorkEvent};
use crate::{DONE, FAILED, USAGE};

/// Runs the subcommand and returns the exit code.
pub(crate) fn run(arguments: &AnalyzeArguments, streams: &mut Streams<'_>, interrupted: &AtomicBool) -> u8 {
    let Inputs { inputs, failures, warnings } = inputs::expand(&arguments.paths);
    let plan = OutputPlan::of(arguments);
    if let Err(sentence) = plan.check(&inputs, arguments) {
        streams.note(&format!("moodline: {sentence}\n"));
        return USAGE;
    }
    for failure in &failures {
        streams.note(&format!("moodline: {failure}\n"));
    }
    for warning in &warnings {
        streams.note(&format!("warning: {warning}\n"));
    }
    if inputs.is_empty() {
        return FAILED;
    }
    match prepare(arguments, &plan, streams) {
        Ok((setup, labels)) => {
            let mut writer = ResultWriter::new(plan, &inputs, &setup, labels.as_deref(), streams);
            writer.n_failed += failures.len();
            let n_jobs = arguments.jobs.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
            let paths = inputs.iter().map(|input| input.path.clone()).collect();
            work::run(paths, setup, n_jobs, interrupted, |event| writer.take(event));
            writer.end(interrupted)
        }
        Err(error) => {
            streams.note(&format!("moodline: {error}\n"));
            FAILED
        }
    }
}

/// Which results are written to which destination.
struct OutputPlan {
    results: Vec<(Shape, OutputTarget)>,
    export: ExportOptions,
    page_audio: PageAudio,
    plot: Option<OutputTarget>,
    picture: PlotOptions,
}

impl OutputPlan {
    fn of(arguments: &AnalyzeArguments) -> Self {
        let main = (arguments.format, arguments.output.as_deref().map_or(OutputTarget::Stdout, OutputTarget::of));
        let saved = arguments.save.iter().map(|saved| (saved.shape, OutputTarget::of(&saved.path)));
        Self {
            results: std::iter::once(main).chain(saved).collect(),
            export: arguments.export.options(),
            page_audio: arguments.export.page_audio,
            plot: arguments.plot.as_deref().map(OutputTarget::of),
            picture: arguments.plot_options(),
        }
    }

    fn targets(&self) -> impl Iterator<Item = &OutputTarget> {
        self.results.iter().map(|(_, target)| target).chain(&self.plot)
    }

    /// Refuses options that make no sense for this many inputs, in one sentence.
    fn check(&self, inputs: &[Input], arguments: &AnalyzeArguments) -> Result<(), String> {
        let several = inputs.len() > 1;
        for (shape, target) in &self.results {
            if several && !shape.holds_many() && !matches!(target, OutputTarget::Folder(_)) {
                return Err(format!(
                    "{} files describe one recording, found {}: give a folder for the results",
                    shape.name(),
                    inputs.len()
                ));
            }
        }
        if let Some(OutputTarget::File(path)) = &self.plot {
            if several {
                return Err(format!("--plot FILE shows one recording, found {}: give a folder", inputs.len()));
            }
            PictureFormat::of(path)?;
        }
        if let Some(to_s) = arguments.to.filter(|&to_s| to_s <= arguments.from) {
            return Err(format!("expected --to behind --from, {} s, found {to_s} s", arguments.from));
        }
        if arguments.segments == SegmentsArgument::Phrases && arguments.analysis.hop.is_some() {
            return Err("expected --hop with --segments blocks only: a phrase ends where a pause begins".to_owned());
        }
        if arguments.labels.is_some() && several {
            return Err(format!("--labels belongs to one recording, found {}", inputs.len()));
        }
        let mut names = HashSet::new();
        let has_folder = self.targets().any(|target| matches!(target, OutputTarget::Folder(_)));
        if let Some(input) = inputs.iter().find(|input| has_folder && !names.insert(&input.name)) {
            let name = input.name.display();
            return Err(format!("two recordings are called {name}, and their results would overwrite each other"));
        }
        let files = FilePlan::new(Replace::forced(arguments.force))
            .read(inputs.iter().map(|input| &input.path))
            .read(&arguments.analysis.model)
            .read(&arguments.labels)
            .read(arguments.voice.file())
            .write(self.files(inputs));
        files.check().map_err(|refusal| refusal.to_string())
    }

    /// Every file that will be written.
    fn files(&self, inputs: &[Input]) -> Vec<PathBuf> {
        let names = || inputs.iter().map(|input| input.name.as_path());
        let results = self.results.iter().flat_map(|(shape, target)| target.files(names(), shape.extension()));
        let indices = self.results.iter().filter_map(|(shape, target)| Destination::index_file(*shape, target));
        results
            .chain(indices)
            .chain(self.plot.iter().flat_map(|target| target.files(names(), PictureFormat::Svg.extension())))
            .collect()
    }
}

/// Everything that can fail before the first file is read.
fn prepare(
    arguments: &AnalyzeArguments,
    plan: &OutputPlan,
    streams: &mut Streams<'_>,
) -> anyhow::Result<(AnalysisSetup, Option<Vec<Label>>)> {
    let labels = arguments.labels.as_deref().map(labels::read).transpose()?;
    let (model, backend) = setup::model(arguments.analysis.model.as_deref(), arguments.backend, streams)?;
    plan.targets().try_for_each(OutputTarget::prepare)?;
    let voice = match &arguments.voice {
        VoiceArgument::None => VoiceChoice::None,
        VoiceArgument::File => VoiceChoice::OfFile,
        VoiceArgument::Channel => VoiceChoice::OfChannel,
        VoiceArgument::Kept(path) => VoiceChoice::Known(voice::open(path, &model)?),
    };
    let config = FileConfig {
        analysis: arguments.analysis.config(arguments.segments.into()),
        read: ReadOptions { track: arguments.track.map(NonZeroUsize::get), decoder: arguments.decoder, raw: None },
        excerpt: Excerpt { source: arguments.analysis.source, from_s: arguments.from, to_s: arguments.to },
        voice,
    };
    Ok((AnalysisSetup { model, backend, config }, labels))
}

/// Writes results in the order of the inputs, regardless of the order in which they finish.
struct ResultWriter<'a, 'b> {
    inputs: &'a [Input],
    labels: Option<&'a [Label]>,
    config: AnalysisConfig,
    destinations: Vec<Destination>,
    plot: Option<OutputTarget>,
    picture: PlotOptions,
    streams: &'a mut Streams<'b>,
    progress: ProgressLine,
    /// Totals over all recordings so far.
    total: Summary,
    waiting: BTreeMap<usize, Result<FileAnalysis, Failure>>,
    next: usize,
    n_done: usize,
    n_failed: usize,
}

impl<'a, 'b> ResultWriter<'a, 'b> {
    fn new(
        plan: OutputPlan,
        inputs: &'a [Input],
        setup: &AnalysisSetup,
        labels: Option<&'a [Label]>,
        streams: &'a mut Streams<'b>,
    ) -> Self {
        let options = OutputOptions { export: plan.export, analysis: setup.config.analysis, page_audio: plan.page_audio };
        let n_bytes = inputs.iter().filter_map(|input| input.path.metadata().ok()).map(|metadata| metadata.len()).sum();
        Self {
            inputs,
            labels,
            config: setup.config.analysis,
            destinations: plan.results.into_iter().map(|(shape, target)| Destination::new(shape, target, options)).collect(),
            plot: plan.plot,
            picture: plan.picture,
            total: Summary::default(),
            progress: ProgressLine::new(streams.interactive, n_bytes, inputs.len()),
            streams,
            waiting: BTreeMap::new(),
            next: 0,
            n_done: 0,
            n_failed: 0,
        }
    }

    fn take(&mut self, event: WorkEvent) {
        match event {
            WorkEvent::Read(n_bytes) => self.progress.advance(n_bytes),
            WorkEvent::Finished(index, result) => {
                self.waiting.insert(index, *result);
                while let Some(result) = self.waiting.remove(&self.next) {
                    self.deliver(self.next, result);
                    self.next += 1;
                }
            }
        }
    }

    fn deliver(&mut self, index: usize, result: Result<FileAnalysis, Failure>) {
        match result {
            Err(Failure::Interrupted) => {}
            Err(Failure::Error(sentence)) => self.fail(&sentence),
            Ok(analysis) => {
                let seconds = analysis.results.duration_s;
                let speed = seconds / analysis.elapsed.as_secs_f64().max(1e-9);
                let file = &analysis.results.file;
                self.progress.finish_one(&format!("{file}: {seconds:.1} s of audio, {speed:.0} x real time"), self.streams);
                let summary = analysis.results.summary();
                let (voices, is_said) = (&analysis.results.voices, self.shows_tables());
                for Voice { channel, segments, .. } in voices.iter().filter(|_| !is_said) {
                    let name =
                        channel.filter(|_| voices.len() > 1).map_or_else(String::new, |channel| format!(", channel {channel}"));
                    self.note(&format!(
                        "{file}{name}: {}\n",
                        Summary::of(segments, seconds, analysis.results.certain_from).text()
                    ));
                }
                for warning in &analysis.warnings {
                    self.note(&format!("warning: {warning}\n"));
                }
                match self.write(index, &analysis) {
                    Ok(()) => {
                        self.n_done += 1;
                        self.total.add(&summary);
                    }
                    Err(error) => self.fail(&error.to_string()),
                }
            }
        }
    }

    /// Whether tables, which have a summary of their own, go to standard output.
    fn shows_tables(&self) -> bool {
        self.destinations.iter().any(Destination::shows_tables)
    }

    /// Writes one recording's results to all destinations; a failure at one (a closed terminal) does not affect the others.
    fn write(&mut self, index: usize, analysis: &FileAnalysis) -> anyhow::Result<()> {
        let Self { inputs, labels, config, destinations, plot, picture, streams, progress, .. } = self;
        let (results, name) = (&analysis.results, inputs[index].name.as_path());
        let done = Done { results, input: &inputs[index], labels: *labels };
        let added = progress.pause(|| {
            let each = destinations.iter_mut().map(|destination| destination.add(done, streams));
            each.fold(Ok(()), Result::and)
        });
        let draw = |path: &Path, format: PictureFormat| -> anyhow::Result<()> {
            Ok(write_atomically(path, &plot::draw(format, results, config, *labels, picture)?)?)
        };
        let drawn = match plot {
            None | Some(OutputTarget::Stdout) => Ok(()),
            Some(OutputTarget::Folder(folder)) => output::file_in(folder, name, PictureFormat::Svg.extension())
                .map_err(anyhow::Error::from)
                .and_then(|path| draw(&path, PictureFormat::Svg)),
            // INVARIANT: the plan was checked, so the name has one of the two endings.
            Some(OutputTarget::File(path)) => draw(path, PictureFormat::of(path).expect("the name of a picture")),
        };
        added.and(drawn)
    }

    fn fail(&mut self, sentence: &str) {
        self.n_failed += 1;
        self.note(&format!("moodline: {sentence}\n"));
    }

    fn note(&mut self, text: &str) {
        let Self { progress, streams, .. } = self;
        progress.pause(|| streams.note(text));
    }

    /// Moves the files into place and returns the exit code.
    fn end(mut self, interrupted: &AtomicBool) -> u8 {
        // After an interrupt: results queued behind a recording that did not finish.
        for (index, result) in std::mem::take(&mut self.waiting) {
            self.deliver(index, result);
        }
        self.progress.end();
        let stopped = interrupted.load(Ordering::Relaxed) && self.n_done + self.n_failed < self.inputs.len();
        let total = (self.n_done > 1).then(|| format!("{} recordings: {}\n", self.n_done, self.total.text()));
        if let Some(total) = total.as_deref().filter(|_| !self.shows_tables()) {
            self.note(total);
        }
        for mut destination in std::mem::take(&mut self.destinations) {
            let added = total.as_deref().map_or(Ok(()), |total| destination.add_total(total, self.streams));
            if let Err(error) = added {
                self.fail(&error.to_string());
            }
            if let Err(error) = destination.finish() {
                self.fail(&error.to_string());
            }
        }
        if stopped {
            let sentence = format!("interrupted; {} of {} recordings were finished and written", self.n_done, self.inputs.len());
            self.fail(&sentence);
        }
        if self.n_failed == 0 { DONE } else { FAILED }
    }
}
