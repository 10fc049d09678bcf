//! `moodline features`: a recording as the network sees it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use moodline_core::FrontEndConfig;
use moodline_engine::Model;
use moodline_engine::features::{Features, features_of_file};
use moodline_engine::files::{AtomicFile, FilePlan, Replace, write_atomically};
use ndarray::ArrayView2;
use ndarray_npy::WriteNpyExt as _;

use crate::args::{FeaturesArguments, FeaturesFormat};
use crate::console::Streams;
use crate::{DONE, FAILED, USAGE};

pub(crate) fn run(arguments: &FeaturesArguments, streams: &mut Streams<'_>, interrupted: &AtomicBool) -> u8 {
    let plan =
        FilePlan::new(Replace::forced(arguments.force)).read([&arguments.file]).read(&arguments.model).write(&arguments.output);
    if let Err(refusal) = plan.check() {
        streams.note(&format!("moodline: {refusal}\n"));
        return USAGE;
    }
    match write(arguments, streams, interrupted) {
        Ok(()) => DONE,
        Err(error) => {
            streams.note(&format!("moodline: {error}\n"));
            FAILED
        }
    }
}

fn write(arguments: &FeaturesArguments, streams: &mut Streams<'_>, interrupted: &AtomicBool) -> anyhow::Result<()> {
    arguments.output.as_deref().map_or(Ok(()), AtomicFile::check)?;
    let model = arguments.model.as_deref().map_or_else(|| Ok(Model::embedded()), Model::open)?;
    let window_seconds = arguments.window.unwrap_or(model.contract().block_seconds);
    let features = features_of_file(&arguments.file, &model, window_seconds, || interrupted.load(Ordering::Relaxed))?;
    for warning in &features.warnings {
        streams.note(&format!("warning: {warning}\n"));
    }
    let bytes = match arguments.format {
        FeaturesFormat::Csv => csv(&features).into_bytes(),
        FeaturesFormat::Npy => {
            streams.note(&description(&features, &model.contract().front_end));
            npy(&features)?
        }
    };
    match &arguments.output {
        None => streams.print(&bytes)?,
        Some(path) => write_atomically(path, &bytes)?,
    }
    Ok(())
}

/// The information that an array of numbers lacks.
fn description(features: &Features, front_end: &FrontEndConfig) -> String {
    let left_out = if front_end.speech_margin.is_some() {
        "; steps without speech are left out: --format csv has the time of each"
    } else {
        ""
    };
    format!(
        "{} steps of {} s, the first at {:.4} s, with {} features{left_out}: {}\n",
        features.steps().len(),
        features.step_seconds,
        features.times_s.first().copied().unwrap_or_default(),
        features.names.len(),
        features.names.join(" ")
    )
}

/// One row per step; numbers have enough digits to be distinguished from every other.
fn csv(features: &Features) -> String {
    let mut text = format!("time_s,{}\n", features.names.join(","));
    for (step, time_s) in features.steps().zip(&features.times_s) {
        let values: Vec<String> = step.iter().map(ToString::to_string).collect();
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{time_s:.4},{}", values.join(",")).expect("a String takes any text");
    }
    text
}

fn npy(features: &Features) -> anyhow::Result<Vec<u8>> {
    let shape = (features.steps().len(), features.names.len());
    let mut bytes = Vec::new();
    let written = ArrayView2::from_shape(shape, &features.values)?.write_npy(&mut bytes);
    written.map_err(|error| anyhow::anyhow!("the features cannot be written as an array: {error}"))?;
    Ok(bytes)
}
