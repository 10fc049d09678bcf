//! `trainer report`: runs, models, evaluations, cross-validations and sweeps on one HTML page, with each figure also as SVG and CSV.
//!
//! In: folders. Out: a self-contained page, identical for the same folders, and beside it a folder of figures. Anything missing from a folder is
//! listed on the page. All numbers were computed elsewhere and are only arranged here.

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
    /// The page; its figures go into a folder beside it with the same name.
    pub out: PathBuf,
    /// Heading of the page.
    pub title: String,
    /// Measure the inference time of each model. The page then depends on the machine.
    pub latency: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The folder of figures.
    pub pictures: PathBuf,
    /// Number of figures.
    pub n_figures: usize,
    /// Content that could not be read; the remainder is reported nevertheless.
    pub problems: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The report would overwrite its own sources.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// There is nothing to report on.
    #[error("nothing to report on:\n{}", problems.join("\n"))]
    Nothing {
        /// One sentence for each folder.
        problems: Vec<String>,
    },
}

/// Writes the page and its figures, unless `files`, to which these are added, refuses.
///
/// # Errors
/// [`ReportError`]; an existing page is then unchanged.
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

/// The sections of the page in order; empty ones are left out.
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

/// What was read, what is missing, and what could not be read.
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

/// The title of a page for which none is given.
#[must_use]
pub fn default_title(out: &Path) -> String {
    out.file_stem().map_or_else(|| "Report".to_owned(), |stem| stem.to_string_lossy().replace(['-', '_'], " "))
}

#[cfg(test)]
mod tests;
