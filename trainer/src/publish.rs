//! What is shown to people who did not train: the page of `trainer report`, the model card, and what a model says of its own answers.
//!
//! In: run folders, results and evaluations that lie there. Out: one HTML page, one Markdown file, a model that says from where on its answers are certain. It never trains or measures; the commands alone are above
//! it.

pub mod card;
pub mod certainty;
pub mod report;
pub mod speech_card;
