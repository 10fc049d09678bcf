//! `trainer certainty`: from which probability on the answers of a model are certain.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Force;
use crate::base::console;
use crate::publish::certainty::{model_file, set_certainty};
use crate::study::protocol::unseen::UnseenRecord;

/// Sets from which probability on the answers of a model are certain, as measured on corpora left out of training
#[derive(Args)]
#[command(after_help = "\
Reads model.onnx and unseen.json (of `trainer crossval --protocol cross-corpus`) in the folder and writes model.onnx with the threshold in its contract. Every program then marks
answers below it as uncertain. The fingerprint of the model changes: measure it again.

Example:
  cp results/unseen/unseen.json models/first/
  trainer certainty models/first --force")]
pub(super) struct CertaintyArgs {
    /// Folder of the model
    folder: PathBuf,
    #[command(flatten)]
    force: Force,
}

pub(super) fn run(arguments: &CertaintyArgs) -> anyhow::Result<ExitCode> {
    let CertaintyArgs { folder, force } = arguments;
    force.plan().read([folder.join(UnseenRecord::FILE)]).write([model_file(folder)]).check()?;
    let (certainty, model) = set_certainty(folder)?;
    console::print_line(format_args!(
        "{}: answers are certain from {} on, for a risk of {}; fingerprint {}",
        model_file(folder).display(),
        certainty.least_probability,
        certainty.risk,
        model.fingerprint()
    ))?;
    Ok(ExitCode::SUCCESS)
}
