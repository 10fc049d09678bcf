//! `moodline voice learn`: recordings of one voice in, what the model hears in it out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use moodline_core::{VoiceCorrection, VoiceProfile};
use moodline_engine::file_analysis::{FileAnalysis, FileConfig};
use moodline_engine::files::{self, AtomicFile, FilePlan, Replace};
use moodline_engine::voice::{self, HeardVoice};
use moodline_engine::voices::VoiceChoice;
use moodline_engine::{BackendChoice, Model};

use crate::args::LearnArguments;
use crate::console::Streams;
use crate::inputs::{self, Inputs};
use crate::progress::ProgressLine;
use crate::work::{self, AnalysisSetup, Failure, WorkEvent};
use crate::{DONE, FAILED, USAGE};

/// Runs the subcommand and returns the exit code.
pub(crate) fn learn(arguments: &LearnArguments, streams: &mut Streams<'_>, interrupted: &AtomicBool) -> u8 {
    let Inputs { inputs, failures, warnings } = inputs::expand(&arguments.paths);
    let plan = FilePlan::new(Replace::forced(arguments.force))
        .read(inputs.iter().map(|input| &input.path))
        .read(&arguments.model)
        .write(Some(&arguments.out));
    if let Err(refusal) = plan.check() {
        streams.note(&format!("moodline: {refusal}\n"));
        return USAGE;
    }
    failures.iter().for_each(|failure| streams.note(&format!("moodline: {failure}\n")));
    warnings.iter().for_each(|warning| streams.note(&format!("warning: {warning}\n")));
    let n_failed = failures.len();
    let paths = once_each(inputs.into_iter().map(|input| input.path).collect(), streams);
    match hear(arguments, paths, streams, interrupted) {
        Ok(n_more) if n_failed + n_more == 0 => DONE,
        Ok(_) => FAILED,
        Err(error) => {
            streams.note(&format!("moodline: {error}\n"));
            FAILED
        }
    }
}

/// Analyses all recordings in order, so that the same recordings produce the same file, and writes the profile; returns the number of recordings that failed.
fn hear(
    arguments: &LearnArguments,
    paths: Vec<PathBuf>,
    streams: &mut Streams<'_>,
    interrupted: &AtomicBool,
) -> anyhow::Result<usize> {
    AtomicFile::check(&arguments.out)?;
    let model = arguments.model.as_deref().map_or_else(|| Ok(Model::embedded()), Model::open)?;
    let correction = voice::correction_of(&model)?;
    let n_bytes = paths.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum();
    let mut progress = ProgressLine::new(streams.interactive, n_bytes, paths.len());
    let mut found: Vec<Option<FileAnalysis>> = vec![None; paths.len()];
    let mut n_failed = 0;
    let config = FileConfig { voice: VoiceChoice::None, ..FileConfig::default() };
    let setup = AnalysisSetup { model: model.clone(), backend: BackendChoice::Native, config };
    let n_jobs = available_parallelism().map_or(1, usize::from);
    work::run(paths, setup, n_jobs, interrupted, |event| match event {
        WorkEvent::Read(n_bytes) => progress.advance(n_bytes),
        WorkEvent::Finished(index, result) => match *result {
            Ok(analysis) => {
                progress.finish_one(&format!("{}: heard", analysis.results.file), streams);
                found[index] = Some(analysis);
            }
            Err(Failure::Interrupted) => {}
            Err(Failure::Error(sentence)) => {
                n_failed += 1;
                progress.pause(|| streams.note(&format!("moodline: {sentence}\n")));
            }
        },
    });
    anyhow::ensure!(!interrupted.load(Ordering::Relaxed), "interrupted; nothing was written");
    let profile = profile_of(found.iter().flatten(), &correction);
    anyhow::ensure!(
        profile.seconds() > 0.0,
        "expected recordings in which somebody speaks, found no speech; nothing was written"
    );
    voice::save(&arguments.out, &profile, &model)?;
    streams.note(&format!("{}: {}\n", arguments.out.display(), HeardVoice::of(&profile, &correction).text()));
    Ok(n_failed)
}

/// The files, each once: a recording that is heard twice says nothing more about the voice, but would count twice.
fn once_each(paths: Vec<PathBuf>, streams: &mut Streams<'_>) -> Vec<PathBuf> {
    let repeats = files::repeats(&paths);
    for (path, first) in paths.iter().zip(&repeats).filter_map(|(path, first)| Some((path, &paths[(*first)?]))) {
        streams.note(&format!("warning: {}: the same recording as {}, and heard once\n", path.display(), first.display()));
    }
    paths.into_iter().zip(repeats).filter_map(|(path, first)| first.is_none().then_some(path)).collect()
}

fn profile_of<'a>(recordings: impl Iterator<Item = &'a FileAnalysis>, correction: &VoiceCorrection) -> VoiceProfile {
    let mut profile = VoiceProfile::default();
    let voices = recordings.flat_map(|recording| &recording.results.voices);
    voices.for_each(|one| voice::learn(&mut profile, &one.segments, correction));
    profile
}
