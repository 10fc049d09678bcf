//! From a fresh checkout to the emotions of a real recording.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::setup::{self, Purpose};
use crate::workspace;

/// What a reader must know to interpret the table.
const ABOUT: &str = "\
The built-in model learnt from English, German and Bangla actors (CREMA-D, EmoDB, BanglaSER). It never heard these two speakers, but others of the same
corpus; how good it is on corpora that it never heard is in models/liquid-2/MODEL_CARD.md. `moodline model` prints its contract.";

/// Sets up, builds, analyses the sample recording, and prints the results beside the true emotions.
///
/// # Errors
/// The build or the analysis failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    setup::run(Purpose::Command)?;
    let shell = workspace::shell(root)?;
    cmd!(shell, "cargo build --locked --package moodline-cli").run()?;
    let moodline = workspace::program(root, "debug", "moodline")?;

    // Relative to the root, which is the shell's directory, so that the output shows short names.
    let recording = Path::new("tests/samples/unheard.flac");
    let folder = workspace::target(root).join("demo");
    fs::create_dir_all(&folder)?;
    let [svg, csv, json] = ["svg", "csv", "json"].map(|kind| folder.join("unheard").with_extension(kind));
    let labels = recording.with_extension("csv");
    println!("The emotions of {}, phrase by phrase, beside the true ones:\n", recording.display());
    // Two people take turns, so there is no single voice to correct for.
    let settings = ["--segments", "phrases", "--voice", "none"];
    let files = [format!("csv={}", csv.display()), format!("json={}", json.display())];
    let [save_csv, save_json] = &files;
    cmd!(
        shell,
        "{moodline} analyze {settings...} --labels {labels} --save {save_csv} --save {save_json} --plot {svg} {recording}"
    )
    .quiet()
    .run()?;
    println!("{ABOUT}\n");
    for path in [svg, csv, json] {
        ensure!(path.is_file(), "{} was not written", path.display());
        println!("Written: {}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    Ok(())
}
