//! Output for readers who were not involved in training: the page of `trainer report` and the model card.
//!
//! In: run folders, results and the evaluations in them. Out: one HTML page, one Markdown file. Never trains or evaluates; only the commands are
//! above it.

pub mod card;
pub mod report;
pub mod speech_card;
