//! `trainer streams`: evaluates a model on whole recordings with several passages.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use moodline_engine::{BackendChoice, Model};

use super::{Force, Pool};
use crate::base::console;
use crate::base::files;
use crate::base::progress::Progress;
use crate::measure::streams::{StreamFigures, Track, measure};

/// Evaluates a model on whole recordings with labelled passages
#[derive(Args)]
#[command(after_help = "\
The same passages three ways: cut out and analysed alone, as the phrases of the whole recording, and as its blocks. A track is a table with the columns start_s, end_s and
emotion beside a recording of the same name. With --out also writes streams.json and streams.csv.

Example:
  trainer streams --model models/first/model.onnx streaming/interview.csv streaming/panel.csv")]
pub(super) struct StreamsArgs {
    /// Tables of passages
    #[arg(required = true, value_name = "CSV")]
    tracks: Vec<PathBuf>,
    /// Model file
    #[arg(long, value_name = "ONNX")]
    model: PathBuf,
    /// Folder to write to
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Backend that runs the network: auto, onnxruntime or native
    #[arg(long, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    force: Force,
}

const FIGURES: &str = "streams.json";
const TABLE: &str = "streams.csv";

pub(super) fn run(arguments: &StreamsArgs, progress: Progress) -> anyhow::Result<ExitCode> {
    let StreamsArgs { model, out, backend, pool, .. } = arguments;
    let files = arguments.force.plan().read([model]).read(&arguments.tracks);
    files.write(out.iter().flat_map(|out| [FIGURES, TABLE].map(|name| out.join(name)))).check()?;
    let model = Model::open(model)?;
    let tracks = arguments.tracks.iter().map(|path| Track::read(path)).collect::<Result<Vec<_>, _>>()?;
    let figures = pool.install(|| measure(&model, &tracks, *backend))??;
    let table = StreamFigures::table(&figures);
    if let Some(out) = out {
        files::create_folder(out)?;
        for (name, content) in [(FIGURES, serde_json::to_string_pretty(&figures)? + "\n"), (TABLE, table.to_csv())] {
            files::write_atomically(&out.join(name), content.as_bytes())?;
            progress.line(&format!("wrote {}", out.join(name).display()));
        }
    }
    console::print(table.to_text())?;
    Ok(ExitCode::SUCCESS)
}
