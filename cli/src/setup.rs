//! The model that a run works with.

use moodline_engine::{BackendChoice, Classifier, Model};

use crate::args::AnalysisArguments;
use crate::console::Streams;

/// Opens the model and finds out what runs it: one backend by name, so that all of a run have the same. Says which one it is, and why.
///
/// # Errors
/// There is no such model, or nothing runs it.
pub(crate) fn model(arguments: &AnalysisArguments, streams: &mut Streams<'_>) -> anyhow::Result<(Model, BackendChoice)> {
    let model = arguments.model.as_deref().map_or_else(|| Ok(Model::embedded()), Model::open)?;
    let classifier = Classifier::new(&model, arguments.backend)?;
    let backend = BackendChoice::from(classifier.backend());
    match classifier.fallback_reason() {
        None => streams.note(&format!("backend: {backend}\n")),
        Some(reason) => streams.note(&format!("backend: {backend} ({reason})\n")),
    }
    Ok((model, backend))
}
