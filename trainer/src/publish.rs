//! Output for readers who were not involved in training: the page of `trainer report`, the model card, and the threshold in a model.
//!
//! In: run folders, results and the evaluations in them. Out: one HTML page, one Markdown file, a model with a threshold. Never trains or evaluates; only the commands are
//! above it.

pub mod adopt;
pub mod card;
pub mod report;
pub mod speech_card;

/// Name of the card in the folder of a model.
pub(crate) const CARD: &str = "MODEL_CARD.md";
