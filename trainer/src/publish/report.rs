//! `trainer report`: runs, models, evaluations, cross-validations and sweeps as one HTML page, each picture also as SVG and CSV.
//!
//! In: folders. Out: a page that needs nothing else and says the same for the same folders, and beside it a folder of pictures. What a folder
//! lacks is named on the page. Numbers come from `metrics`; this only puts them side by side.

use std::path::{Path, PathBuf};

use crate::base::files::{self, FileError, FilePlan, Refusal};
use crate::base::plot::PlotError;

mod compare;
mod crossval;
mod evaluations;
mod page;
mod runs;
mod source;
mod sweeps;

use page::{Item, Picture, Section};
use source::Material;

/// What to report on, and where.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Folders of runs, models, evaluations, cross-validations and sweeps.
    pub folders: Vec<PathBuf>,
    /// The page; its pictures go into a folder beside it that is called like it.
    pub out: PathBuf,
    /// Heading of the page.
    pub title: String,
    /// Measure how long each model takes. The page then depends on the machine.
    pub latency: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The folder of pictures.
    pub pictures: PathBuf,
    /// How many there are.
    pub n_figures: usize,
    /// What is there but could not be read; the rest is reported all the same.
    pub problems: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// It would overwrite what it reports on.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A picture.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// There is nothing to report on.
    #[error("nothing to report on:\n{}", problems.join("\n"))]
    Nothing {
        /// One sentence for each folder.
        problems: Vec<String>,
    },
}

/// Writes the page and its pictures, unless `files`, which then also knows these, refuses.
///
/// # Errors
/// [`ReportError`]; a page that was there before is then as it was.
pub fn write_report(options: &ReportOptions, files: FilePlan) -> Result<Written, ReportError> {
    let material = Material::read(&options.folders, options.latency)?;
    if material.folders.iter().all(|(_, kinds)| kinds.is_empty()) {
        return Err(ReportError::Nothing { problems: material.problems });
    }
    let pictures = options.out.with_extension("");
    let pictures = if pictures == options.out { options.out.with_extension("files") } else { pictures };
    let folder = pictures.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let sections = sections(&material, options.latency);
    let (html, drawn) = page::page(&options.title, &folder, &sections)?;
    let n_figures = drawn.len();
    let of_picture = |Picture { name, svg, csv }| {
        [("svg", svg), ("csv", csv)].map(|(extension, content)| (pictures.join(format!("{name}.{extension}")), content))
    };
    let contents: Vec<(PathBuf, String)> = drawn.into_iter().flat_map(of_picture).chain([(options.out.clone(), html)]).collect();
    let files = files.read(options.folders.iter().flat_map(|folder| source::files(folder)));
    files.write(contents.iter().map(|(path, _)| path)).check()?;

    files::create_folder(&pictures)?;
    for (path, content) in &contents {
        files::write_atomically(path, content.as_bytes())?;
    }
    Ok(Written { page: options.out.clone(), pictures, n_figures, problems: material.problems })
}

/// The page from top to bottom; sections that would be empty are left out.
fn sections(material: &Material, latency: bool) -> Vec<Section> {
    let mut sections = vec![overview(material)];
    sections.extend(compare::uar(material));
    sections.extend(compare::accuracy(material));
    sections.extend(sweeps::table_1(material));
    sections.extend(sweeps::sweeps(material));
    sections.extend(crossval::crossval(material));
    sections.extend(evaluations::confusion(material));
    sections.extend(evaluations::speakers_and_corpora(material));
    sections.extend(evaluations::calibration(material));
    sections.extend(evaluations::voices(material));
    sections.extend(evaluations::robustness(material));
    sections.extend(compare::cost(material, latency));
    sections.extend(runs::learning_curves(material));
    sections
}

/// What was read, what is missing, what could not be read.
fn overview(material: &Material) -> Section {
    let mut section = Section::new("What this is made of");
    let mut table = crate::base::table::Table::new(["folder", "holds"]);
    for (name, kinds) in &material.folders {
        table.push([name.clone(), if kinds.is_empty() { "nothing to report on".to_owned() } else { kinds.join(", ") }]);
    }
    section.table("Folders, as they were given", table);
    let lists = [("Could not be read:", &material.problems), ("Not there, and so not shown:", &material.gaps)];
    for (heading, items) in lists {
        if !items.is_empty() {
            section.text(heading);
            section.items.push(Item::List(items.clone()));
        }
    }
    section.text(
        "UAR is the unweighted average recall of the four emotions; guessing gives 0.25. Intervals are 95 % bootstrap intervals over speakers. Deviations are \
         sample deviations over seeds.",
    );
    section
}

/// The title a page gets when none is given.
#[must_use]
pub fn default_title(out: &Path) -> String {
    out.file_stem().map_or_else(|| "Report".to_owned(), |stem| stem.to_string_lossy().replace(['-', '_'], " "))
}

#[cfg(test)]
mod tests;
