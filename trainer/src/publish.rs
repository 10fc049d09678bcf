//! What is shown to people who did not train: the page of `trainer report` and the model card.
//!
//! In: run folders, results and evaluations that lie there. Out: one HTML page, one Markdown file. It never trains or measures; the commands alone are above
//! it.

pub mod card;
pub mod report;
pub mod speech_card;
