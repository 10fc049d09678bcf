//! `trainer adopt`: what was chosen on corpora left out of training becomes part of a model.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use moodline_core::VoiceCorrection;

use super::Force;
use crate::base::console;
use crate::publish::adopt::{Adopted, adopt, model_file};
use crate::study::protocol::unseen::UnseenRecord;

/// Puts what was chosen on corpora left out of training into a model: from which probability on its answers are certain, and how it corrects by voice
#[derive(Args)]
#[command(after_help = "\
Reads model.onnx and unseen.json (of `trainer crossval --protocol cross-corpus`) in the folder and writes model.onnx with the threshold, and the most useful correction by voice, in its
contract. Every program then marks answers below the threshold as uncertain. The fingerprint of the model changes: measure it again.

Example:
  cp results/unseen/unseen.json models/first/
  trainer adopt models/first --force
  trainer adopt models/first --least-variety 0.2 --full-variety 0.4 --force")]
pub(super) struct AdoptArgs {
    /// Folder of the model
    folder: PathBuf,
    /// Correct by voice from this variety on, in nats, instead of the most useful one: a committee is surer than the network that the corpora were left out for
    #[arg(long, value_name = "NATS", requires = "full_variety")]
    least_variety: Option<f64>,
    /// Correct in full from this variety on, in nats
    #[arg(long, value_name = "NATS", requires = "least_variety")]
    full_variety: Option<f64>,
    #[command(flatten)]
    force: Force,
}

pub(super) fn run(arguments: &AdoptArgs) -> anyhow::Result<ExitCode> {
    let AdoptArgs { folder, least_variety, full_variety, force } = arguments;
    force.plan().read([folder.join(UnseenRecord::FILE)]).write([model_file(folder)]).check()?;
    let (Adopted { certainty, voice }, model) =
        adopt(folder, least_variety.zip(*full_variety).map(|(least, full)| [least, full]))?;
    let voice = voice.map_or_else(String::new, |VoiceCorrection { prior_seconds, least_variety, full_variety, .. }| {
        format!(
            "; a voice is corrected from {least_variety} nats on, in full from {full_variety}, with {prior_seconds} s of prior"
        )
    });
    console::print_line(format_args!(
        "{}: answers are certain from {} on, for a risk of {}{voice}; fingerprint {}",
        model_file(folder).display(),
        certainty.least_probability,
        certainty.risk,
        model.fingerprint()
    ))?;
    Ok(ExitCode::SUCCESS)
}
