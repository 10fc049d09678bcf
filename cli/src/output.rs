//! Destinations of results: standard output, one file, or a folder with one file per recording. Files appear complete or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::display::text::printable;
use moodline_engine::export::{ExportOptions, Results};
use moodline_engine::files::{AtomicFile, WriteError, folder_of, write_atomically};

use crate::args::Shape;
use crate::console::Streams;
use crate::inputs::Input;
use crate::labels::Label;
use crate::page::{self, IndexRow, PageAudio};
use crate::table;

/// The target of one `--output`, `--save` or `--plot`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OutputTarget {
    Stdout,
    File(PathBuf),
    Folder(PathBuf),
}

impl OutputTarget {
    /// A path is a folder if one exists there or if it is written as one.
    pub(crate) fn of(path: &Path) -> Self {
        let written_as_folder = path.to_string_lossy().ends_with(std::path::is_separator);
        if written_as_folder || path.is_dir() { Self::Folder(path.to_owned()) } else { Self::File(path.to_owned()) }
    }

    /// Checks before any work is done that files can be created here; creates the folder.
    pub(crate) fn prepare(&self) -> Result<(), WriteError> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(path) => AtomicFile::check(path),
            Self::Folder(path) => {
                make_folder(path)?;
                AtomicFile::check(&path.join("results"))
            }
        }
    }

    /// The files for the results of recordings with these names, in a format with this extension; excludes the index of a folder of pages.
    pub(crate) fn files<'a>(&self, names: impl Iterator<Item = &'a Path>, extension: &str) -> Vec<PathBuf> {
        match self {
            Self::Stdout => Vec::new(),
            Self::File(path) => vec![path.clone()],
            Self::Folder(folder) => names.map(|name| path_in(folder, name, extension)).collect(),
        }
    }
}

/// The file of one recording in a folder of results: `inner/name.wav` becomes `folder/inner/name.wav.csv`, so that recordings that differ only in their
/// extension do not collide.
fn path_in(folder: &Path, name: &Path, extension: &str) -> PathBuf {
    let mut path = folder.join(name).into_os_string();
    path.push(".");
    path.push(extension);
    PathBuf::from(path)
}

/// [`path_in`], with its parent folders created.
pub(crate) fn file_in(folder: &Path, name: &Path, extension: &str) -> Result<PathBuf, WriteError> {
    let path = path_in(folder, name, extension);
    make_folder(path.parent().unwrap_or(folder))?;
    Ok(path)
}

fn make_folder(path: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(path).map_err(|source| WriteError { path: path.to_owned(), source })
}

/// Options shared by all results of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputOptions {
    pub(crate) export: ExportOptions,
    pub(crate) analysis: AnalysisConfig,
    pub(crate) page_audio: PageAudio,
}

/// One analysed recording.
#[derive(Clone, Copy)]
pub(crate) struct Done<'a> {
    pub(crate) results: &'a Results,
    /// Its path, and its name within the path the user gave.
    pub(crate) input: &'a Input,
    pub(crate) labels: Option<&'a [Label]>,
}

/// Receives the reports of a run in one format.
pub(crate) struct Destination {
    shape: Shape,
    options: OutputOptions,
    target: OutputTarget,
    /// The single output file, once there are results.
    file: Option<AtomicFile>,
    /// Rows of the index of a folder of pages.
    pages: Vec<IndexRow>,
    n_reports: usize,
    /// Something could not be written, so the single file is incomplete.
    broken: bool,
}

impl Destination {
    pub(crate) const fn new(shape: Shape, target: OutputTarget, options: OutputOptions) -> Self {
        Self { shape, options, target, file: None, pages: Vec::new(), n_reports: 0, broken: false }
    }

    /// Adds the results of one recording.
    pub(crate) fn add(&mut self, done: Done<'_>, streams: &mut Streams<'_>) -> anyhow::Result<()> {
        let bytes = self.bytes(done)?;
        self.n_reports += 1;
        let result = match &self.target {
            OutputTarget::Stdout => streams.print(&bytes),
            OutputTarget::Folder(folder) => {
                file_in(folder, &done.input.name, self.shape.extension()).and_then(|path| write_atomically(&path, &bytes))
            }
            OutputTarget::File(path) => append(&mut self.file, path, &bytes),
        };
        self.broken |= result.is_err();
        if result.is_ok() && self.shape == Shape::Page {
            self.pages.push(index_row(done, self.shape.extension()));
        }
        Ok(result?)
    }

    fn bytes(&self, done: Done<'_>) -> anyhow::Result<Vec<u8>> {
        let Done { results, input, labels } = done;
        let OutputOptions { export, analysis, page_audio } = &self.options;
        let starts_a_file = self.n_reports == 0 || matches!(self.target, OutputTarget::Folder(_));
        Ok(match self.shape {
            Shape::Table => table::text(results, labels).into_bytes(),
            Shape::Export(format) if starts_a_file => format.file(results, export),
            Shape::Export(format) => format.body(results, export),
            Shape::Page => {
                let file = match &self.target {
                    OutputTarget::Stdout => PathBuf::from("page"),
                    OutputTarget::File(path) => path.clone(),
                    OutputTarget::Folder(folder) => file_in(folder, &input.name, self.shape.extension())?,
                };
                page::page(results, analysis, &input.path, folder_of(&file), *page_audio)?.into_bytes()
            }
        })
    }

    /// The path of the index of a folder of pages.
    pub(crate) fn index_file(shape: Shape, target: &OutputTarget) -> Option<PathBuf> {
        match target {
            OutputTarget::Folder(folder) if shape == Shape::Page => Some(folder.join(page::INDEX_FILE)),
            _ => None,
        }
    }

    /// Whether tables go to standard output.
    pub(crate) fn shows_tables(&self) -> bool {
        self.shape == Shape::Table && self.target == OutputTarget::Stdout
    }

    /// Adds a line with the totals below the tables.
    pub(crate) fn add_total(&mut self, line: &str, streams: &mut Streams<'_>) -> Result<(), WriteError> {
        let result = match &self.target {
            _ if self.shape != Shape::Table => Ok(()),
            OutputTarget::Stdout => streams.print(line.as_bytes()),
            OutputTarget::File(path) => append(&mut self.file, path, line.as_bytes()),
            OutputTarget::Folder(_) => Ok(()),
        };
        self.broken |= result.is_err();
        result
    }

    /// Moves the single file into place, unless there were no results or part of it could not be written. A folder of pages gets its index.
    pub(crate) fn finish(self) -> Result<(), WriteError> {
        if let (OutputTarget::Folder(folder), [_, ..]) = (&self.target, self.pages.as_slice()) {
            write_atomically(&folder.join(page::INDEX_FILE), page::index(&self.pages).as_bytes())?;
        }
        self.file.filter(|_| !self.broken).map_or(Ok(()), AtomicFile::commit)
    }
}

fn index_row(done: Done<'_>, extension: &str) -> IndexRow {
    let page = path_in(Path::new(""), &done.input.name, extension);
    IndexRow {
        page: page.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect(),
        name: printable(&done.input.name.to_string_lossy()).into_owned(),
        summary: done.results.summary(),
    }
}

fn append(file: &mut Option<AtomicFile>, path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    match file {
        Some(file) => file.write(bytes),
        none => none.insert(AtomicFile::create(path)?).write(bytes),
    }
}
