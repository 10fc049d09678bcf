//! The model that a run works with.

use std::path::Path;

use moodline_engine::{BackendChoice, Classifier, Model};

use crate::console::Streams;

/// Opens the model at `path`, or the one built in, and finds out what runs it: one backend by name, so that all of a run have the same. Says which one it is, and why.
///
/// # Errors
/// There is no such model, or nothing runs it.
pub(crate) fn model(
    path: Option<&Path>,
    choice: BackendChoice,
    streams: &mut Streams<'_>,
) -> anyhow::Result<(Model, BackendChoice)> {
    let model = path.map_or_else(|| Ok(Model::embedded()), Model::open)?;
    let classifier = Classifier::new(&model, choice)?;
    let backend = BackendChoice::from(classifier.backend());
    match classifier.fallback_reason() {
        None => streams.note(&format!("backend: {backend}\n")),
        Some(reason) => streams.note(&format!("backend: {backend} ({reason})\n")),
    }
    Ok((model, backend))
}
