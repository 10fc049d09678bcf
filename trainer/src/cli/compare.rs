//! `trainer compare`: recipes side by side, on corpora that were left out of their training.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Force;
use crate::base::console;
use crate::study::protocol::compare::Comparison;
use crate::study::protocol::unseen::UnseenRecord;

/// Compares recipes by the corpora that were left out of their training
#[derive(Args)]
#[command(after_help = "\
Reads the unseen.json of each folder. All recipes must have been measured on the same manifests with the same seeds; the first is what the others are compared with,
and each is called by the name of its folder. Writes comparison.svg, comparison.csv and summary.md.

Example:
  for groups in mfcc,delta mfcc,delta,delta2; do
    trainer crossval --protocol cross-corpus --unseen-only --config my.toml --set front_end.groups=[$groups] --manifest a.csv b.csv --out results/$groups
  done
  trainer compare results/mfcc,delta results/mfcc,delta,delta2 --out docs/groups")]
pub(super) struct CompareArgs {
    /// Folders of `trainer crossval --protocol cross-corpus`
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// Folder of the comparison
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    force: Force,
}

pub(super) fn run(arguments: &CompareArgs) -> anyhow::Result<ExitCode> {
    let CompareArgs { folders, out, force } = arguments;
    let read: Vec<PathBuf> = folders.iter().map(|folder| folder.join(UnseenRecord::FILE)).collect();
    force.plan().read(&read).write_own(Comparison::files(out)).check()?;
    let comparison = Comparison::read(folders)?;
    comparison.write(out)?;
    console::print(comparison.table().to_text())?;
    Ok(ExitCode::SUCCESS)
}
