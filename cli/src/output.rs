//! Where results go: standard output, one file, or a folder with one file a recording. Files appear complete or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use moodline_engine::export::Results;
use moodline_engine::files::{AtomicFile, WriteError, write_atomically};

use crate::args::Shape;
use crate::console::Streams;
use crate::labels::Label;
use crate::table;

/// Where one `--output`, `--save` or `--plot` points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OutputTarget {
    Stdout,
    File(PathBuf),
    Folder(PathBuf),
}

impl OutputTarget {
    /// A path is a folder when it is one, or is written as one.
    pub(crate) fn of(path: &Path) -> Self {
        let written_as_folder = path.to_string_lossy().ends_with(std::path::is_separator);
        if written_as_folder || path.is_dir() { Self::Folder(path.to_owned()) } else { Self::File(path.to_owned()) }
    }

    /// Checks that files can be made here, before any work is done; makes the folder.
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

    /// The files that results of recordings with these names go to, in a format with this extension.
    pub(crate) fn files<'a>(&self, names: impl Iterator<Item = &'a Path>, extension: &str) -> Vec<PathBuf> {
        match self {
            Self::Stdout => Vec::new(),
            Self::File(path) => vec![path.clone()],
            Self::Folder(folder) => names.map(|name| path_in(folder, name, extension)).collect(),
        }
    }
}

/// The file of one recording in a folder of results: `inner/name.wav` becomes `folder/inner/name.wav.csv`, so that recordings that
/// differ only in their ending do not collide.
fn path_in(folder: &Path, name: &Path, extension: &str) -> PathBuf {
    let mut path = folder.join(name).into_os_string();
    path.push(".");
    path.push(extension);
    PathBuf::from(path)
}

/// [`path_in`], with the folders in between made.
pub(crate) fn file_in(folder: &Path, name: &Path, extension: &str) -> Result<PathBuf, WriteError> {
    let path = path_in(folder, name, extension);
    make_folder(path.parent().unwrap_or(folder))?;
    Ok(path)
}

fn make_folder(path: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(path).map_err(|source| WriteError { path: path.to_owned(), source })
}

/// Takes the reports of a run in one format.
pub(crate) struct Destination {
    shape: Shape,
    target: OutputTarget,
    /// The one file, from the first results on.
    file: Option<AtomicFile>,
    n_reports: usize,
    /// Something could not be written, so what is in the one file is not complete.
    broken: bool,
}

impl Destination {
    pub(crate) const fn new(shape: Shape, target: OutputTarget) -> Self {
        Self { shape, target, file: None, n_reports: 0, broken: false }
    }

    /// Adds the results of one recording. `name` is the recording's path within what the user named.
    pub(crate) fn add(
        &mut self,
        results: &Results,
        name: &Path,
        labels: Option<&[Label]>,
        streams: &mut Streams<'_>,
    ) -> Result<(), WriteError> {
        let body = match self.shape {
            Shape::Table => table::text(results, labels),
            Shape::Export(format) => format.body(results),
        };
        let starts_a_file = self.n_reports == 0 || matches!(self.target, OutputTarget::Folder(_));
        let text = match self.shape {
            Shape::Export(format) if starts_a_file => format!("{}{body}", format.header()),
            _ => body,
        };
        self.n_reports += 1;
        let result = match &self.target {
            OutputTarget::Stdout => streams.print(&text),
            OutputTarget::Folder(folder) => {
                file_in(folder, name, self.shape.extension()).and_then(|path| write_atomically(&path, text.as_bytes()))
            }
            OutputTarget::File(path) => append(&mut self.file, path, text.as_bytes()),
        };
        self.broken |= result.is_err();
        result
    }

    /// Puts the one file in its place; there is none without results, or when a part of it could not be written.
    pub(crate) fn finish(self) -> Result<(), WriteError> {
        self.file.filter(|_| !self.broken).map_or(Ok(()), AtomicFile::commit)
    }
}

fn append(file: &mut Option<AtomicFile>, path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    match file {
        Some(file) => file.write(bytes),
        none => none.insert(AtomicFile::create(path)?).write(bytes),
    }
}
