//! The results as files: `sweep.json`, `results.csv` (one line per trial), `summary.csv` and `summary.md` (one line per configuration), `sweep.svg`.

use super::folder::{PICTURE, RESULTS, SUMMARY, SUMMARY_TEXT, SweepFolder};
use super::plot::SweepFigure;
use super::results::SweepResults;
use super::{SweepError, tables};
use crate::base::files;
use crate::base::plot::Figure as _;

/// Writes all tables and the figure.
///
/// `sweep.json` keeps the stored test results until the choice is made again.
pub(super) fn write(folder: &SweepFolder, results: &SweepResults) -> Result<(), SweepError> {
    let write = |name: &str, text: &str| files::write_atomically(&folder.root().join(name), text.as_bytes());
    let mut stored = results.clone();
    if stored.chosen.is_none() {
        stored.chosen = folder.results().and_then(|before| before.chosen);
    }
    write(RESULTS, &tables::trials(results).to_csv())?;
    write(SUMMARY, &tables::summary(results).to_csv())?;
    write(SUMMARY_TEXT, &results.to_markdown())?;
    if results.configurations.iter().any(|configuration| configuration.dev.is_some()) {
        write(PICTURE, &SweepFigure(results).svg()?)?;
    }
    Ok(write("sweep.json", &stored.to_json())?)
}
