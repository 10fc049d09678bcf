//! From the name of a protocol to its folds.
//!
//! In: a [`Protocol`], a [`Manifest`] and [`PlanOptions`]. Out: a [`Plan`]. The honest protocols and the published one are implemented in their own
//! modules; this one selects between them.

use crate::data::manifest::Manifest;
use crate::study::paper;
use crate::study::protocol::honest::Planner;
use crate::study::protocol::{Plan, PlanOptions, Protocol, ProtocolError};

/// Creates the folds.
///
/// # Errors
/// [`ProtocolError`] if the manifest lacks what the protocol needs.
pub fn plan(protocol: Protocol, manifest: &Manifest, options: &PlanOptions) -> Result<Plan, ProtocolError> {
    let planner = Planner { protocol, manifest, options };
    match protocol {
        Protocol::Fixed => planner.fixed(),
        Protocol::Kfold => planner.kfold(),
        Protocol::Session => planner.session(),
        Protocol::Speaker => planner.speaker(),
        Protocol::CrossCorpus => planner.cross_corpus(),
        Protocol::Text => planner.text(),
        Protocol::Paper => paper::protocol::plan(&planner),
    }
}
