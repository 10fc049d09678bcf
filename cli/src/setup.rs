//! The model that a run works with.

use std::path::Path;

use moodline_engine::{BackendChoice, Classifier, Model};

use crate::console::Streams;

/// Opens the model at `path`, or the built-in one, and resolves the backend once, so that a whole run uses the same one. Reports which backend it is, and why.
///
/// # Errors
/// The model does not exist, or no backend can run it.
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
