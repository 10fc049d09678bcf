//! `trainer runs`: lists runs and compares their settings.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::base::console;
use crate::train::run::list::{RunState, comparison, find_runs, list};

/// Lists runs, or compares some of them
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
The figures are those of each run's best epoch on the dev split. A run is \"running\" while a process trains it, \"stopped\" when it can be continued with
`trainer train --resume`.

Examples:
  trainer runs runs
  trainer runs runs --json
  trainer runs compare runs/first runs/second"
)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    command: Option<RunsCommand>,
    /// Folder that contains runs, directly or in subfolders
    #[arg(required = true)]
    folder: Option<PathBuf>,
    /// Prints JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum RunsCommand {
    Compare(CompareArgs),
}

/// Shows differing settings and the metrics side by side
#[derive(Args)]
struct CompareArgs {
    /// Run folders
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
}

pub(super) fn run(arguments: &RunsArgs) -> anyhow::Result<ExitCode> {
    if let Some(RunsCommand::Compare(CompareArgs { runs })) = &arguments.command {
        console::print(comparison(runs)?.to_text())?;
        return Ok(ExitCode::SUCCESS);
    }
    // INVARIANT: without the subcommand the folder is required.
    let folder = arguments.folder.as_deref().expect("a folder");
    let runs = find_runs(folder)?;
    if arguments.json {
        console::print_line(&serde_json::to_string_pretty(&runs)?)?;
    } else if runs.is_empty() {
        console::print_line(format_args!("{} holds no run", folder.display()))?;
    } else {
        console::print(list(&runs).to_text())?;
    }
    let damaged: Vec<_> = runs.iter().filter(|run| run.state == RunState::Damaged).collect();
    for run in &damaged {
        console::note(format_args!("error: {}: {}", run.name, run.problem.as_deref().unwrap_or_default()));
    }
    Ok(ExitCode::from(u8::from(!damaged.is_empty())))
}
