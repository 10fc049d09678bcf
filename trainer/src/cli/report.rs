//! `trainer report`: one page about runs, models, evaluations, cross-validations and sweeps.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Force;
use crate::base::console;
use crate::publish::report::{ReportOptions, default_title, write_report};

/// Writes one HTML page about runs, models, evaluations, cross-validations and sweeps
#[derive(Args)]
#[command(after_help = "\
Each folder is what it holds: a run (config.toml, run.json; with folders of `trainer evaluate --report` in it), a model (model.onnx), evaluations (metrics*.json with
predictions*.csv), a cross-validation (results.json), a sweep (sweep.json), robustness.json. What one lacks is named on the page. The page needs
no other file; its figures are also beside it, each as SVG and CSV, in a folder called like the page.

Examples:
  trainer report runs/first models/first --out report.html
  trainer report sweeps/table-1 crossval/paper models/* --out docs/report.html --title \"Reproduction\" --latency

Exit codes: 0 done, 1 something could not be read (the rest is reported) or nothing could be written, 2 wrong usage.")]
pub(super) struct ReportArgs {
    /// Folders to report on
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// Page to write
    #[arg(long, value_name = "HTML")]
    out: PathBuf,
    /// Heading of the page [default: its file name]
    #[arg(long)]
    title: Option<String>,
    /// Measures the inference time of each model on this machine, which makes the page differ from machine to machine
    #[arg(long)]
    latency: bool,
    #[command(flatten)]
    force: Force,
}

pub(super) fn run(arguments: &ReportArgs) -> anyhow::Result<ExitCode> {
    let ReportArgs { folders, out, title, latency, force } = arguments;
    let title = title.clone().unwrap_or_else(|| default_title(out));
    let options = ReportOptions { folders: folders.clone(), out: out.clone(), title, latency: *latency };
    let written = write_report(&options, force.plan())?;
    console::print_line(format_args!(
        "wrote {} and {} figures in {}",
        written.page.display(),
        written.n_figures,
        written.pictures.display()
    ))?;
    for problem in &written.problems {
        console::note(format_args!("error: {problem}"));
    }
    Ok(ExitCode::from(u8::from(!written.problems.is_empty())))
}
