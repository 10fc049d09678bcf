//! `trainer robustness`: evaluates a model on degraded recordings.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use moodline_engine::{BackendChoice, Model};

use super::{Force, Pool, SplitArg};
use crate::base::console;
use crate::base::files;
use crate::base::plot::Figure as _;
use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, Splits};
use crate::measure::robustness::measure;

/// Evaluates a model on the same clips under worse conditions
#[derive(Args)]
#[command(after_help = "\
The conditions: unchanged; telephone band; white noise at 20 and 10 dB; reverb; 20 dB louder and quieter; MP3 at 64 kbit/s, if lame or ffmpeg is installed; music at 20 and 10 dB; cut
to where speech begins and ends, without and with silence around it; the middle 1, 2, 3 and 5 seconds. Writes robustness.json, which `trainer card` and `trainer report` read, and robustness.svg.

Example:
  trainer robustness --model models/first/model.onnx --manifest corpora/crema-d.csv --split test --out models/first")]
pub(super) struct RobustnessArgs {
    /// Model file
    #[arg(long, value_name = "ONNX")]
    model: PathBuf,
    /// Manifest of labelled clips; several are merged
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Clips to evaluate; with "all" the manifests need no split column
    #[arg(long, value_enum)]
    split: SplitArg,
    /// Folder to write to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Backend that runs the network: auto, onnxruntime or native
    #[arg(long, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    force: Force,
}

const FIGURES: &str = "robustness.json";
const PICTURE: &str = "robustness.svg";

pub(super) fn run(arguments: &RobustnessArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let RobustnessArgs { split, out, backend, pool, .. } = arguments;
    let model = Model::open(&arguments.model)?;
    let split = split.split();
    let manifest = Manifest::read(&arguments.manifest, if split.is_some() { Splits::Required } else { Splits::Ignored })?;
    let files = arguments.force.plan().read([&arguments.model]).read(&arguments.manifest).read(manifest.audio());
    files.write([FIGURES, PICTURE].map(|name| out.join(name))).check()?;
    let (robustness, problems) = pool.install(|| measure(&model, &manifest, split, *backend, progress, interrupt))??;
    files::create_folder(out)?;
    let figure = robustness.figure();
    for (name, content) in [(FIGURES, robustness.to_json()), (PICTURE, figure.svg()?)] {
        files::write_atomically(&out.join(name), content.as_bytes())?;
        progress.line(&format!("wrote {}", out.join(name).display()));
    }
    console::print(figure.table().to_text())?;
    for skipped in &robustness.skipped {
        console::note(format_args!("warning: SKIPPED {skipped}"));
    }
    for problem in &problems {
        console::note(format_args!("error: {problem}"));
    }
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}
