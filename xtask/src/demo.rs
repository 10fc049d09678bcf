//! From a fresh checkout to the emotions of a real recording.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::setup::{self, Purpose};
use crate::workspace;

/// Seconds a block lasts and seconds between blocks: the recording's utterances last 1.4 s to 4 s.
const WINDOW: &str = "2";
const HOP: &str = "1";

/// What a reader must know to judge the table.
const ABOUT: &str = "\
The built-in model learnt from English, German and Bangla actors (CREMA-D, EmoDB, BanglaSER). It has heard these four German speakers before: what you see
is that everything works, not how good it is on a voice it does not know. That is in models/liquid-2/MODEL_CARD.md; `moodline model` prints its contract.";

/// Sets up, builds, analyses the sample stream, and prints what was found beside what is true.
///
/// # Errors
/// The build or the analysis failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    setup::run(Purpose::Command)?;
    let shell = workspace::shell(root)?;
    cmd!(shell, "cargo build --locked --package moodline-cli").run()?;
    let moodline = workspace::program(root, "debug", "moodline")?;

    // Relative to the root, where the shell is, so that the output shows short names.
    let recording = Path::new("tests/samples/stream.flac");
    let folder = workspace::target(root).join("demo");
    fs::create_dir_all(&folder)?;
    let [svg, csv, json] = ["svg", "csv", "json"].map(|kind| folder.join("stream").with_extension(kind));
    let labels = recording.with_extension("csv");
    println!("The emotions of {}, a block of {WINDOW} s every {HOP} s, beside the true ones:\n", recording.display());
    let blocks = ["--window", WINDOW, "--hop", HOP];
    let files = [format!("csv={}", csv.display()), format!("json={}", json.display())];
    let [save_csv, save_json] = &files;
    cmd!(shell, "{moodline} analyze {blocks...} --labels {labels} --save {save_csv} --save {save_json} --plot {svg} {recording}")
        .quiet()
        .run()?;
    println!("{ABOUT}\n");
    for path in [svg, csv, json] {
        ensure!(path.is_file(), "{} was not written", path.display());
        println!("Written: {}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    Ok(())
}
