//! The files that a run reads and writes, checked before the first byte is written.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::kind::FileKind;
use super::resolved_path::{self, FileId, Found, Key, ResolvedPath};

/// Whether an output may take the place of a recording, a manifest, a model or a configuration that the run does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Never.
    Never,
    /// Only with the option `--force`, which this command has.
    UnlessForced,
    /// The user gave `--force`.
    Forced,
}

impl Replace {
    /// The value for this state of `--force`.
    #[must_use]
    pub const fn forced(force: bool) -> Self {
        if force { Self::Forced } else { Self::UnlessForced }
    }
}

/// Why a run would destroy something. The sentence names both files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An output is also an input of the run.
    #[error("{}", input_sentence(output, input))]
    Input {
        /// The output.
        output: PathBuf,
        /// The same file, as named among the inputs.
        input: PathBuf,
    },
    /// Two outputs are one file.
    #[error("{}", twice_sentence(first, second))]
    Twice {
        /// One output.
        first: PathBuf,
        /// The same file, as named by the other output.
        second: PathBuf,
    },
    /// A folder is in the place of an output file.
    #[error("{}: expected the name of a file to write, found a folder", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A file is in the place of a required folder.
    #[error("{} would be in {}, which is a file: choose another folder", path.display(), file.display())]
    InFile {
        /// The output.
        path: PathBuf,
        /// The existing or planned file.
        file: PathBuf,
    },
    /// The existing file must not be replaced.
    #[error("{} is {kind} and would be overwritten: choose another name{}", path.display(), or_force(*replace))]
    Kept {
        /// The output.
        path: PathBuf,
        /// The kind of the existing file.
        kind: FileKind,
        /// Whether `--force` would allow it.
        replace: Replace,
    },
    /// The kind of the existing file cannot be determined.
    #[error(
        "{} would be overwritten and cannot be read to see what it is ({source}): choose another name{}",
        path.display(),
        or_force(*replace)
    )]
    Unreadable {
        /// The output.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
        /// Whether `--force` would allow it.
        replace: Replace,
    },
}

fn input_sentence(output: &Path, input: &Path) -> String {
    let same = if output.as_os_str() == input.as_os_str() {
        String::new()
    } else {
        format!(" is the same file as {}, which", input.display())
    };
    format!("{}{same} is an input and would be overwritten: choose another name for the output", output.display())
}

fn twice_sentence(first: &Path, second: &Path) -> String {
    let same = if first.as_os_str() == second.as_os_str() {
        String::new()
    } else {
        format!(" and {} are the same file, which", second.display())
    };
    format!("{}{same} would be written twice: choose another name for one of them", first.display())
}

const fn or_force(replace: Replace) -> &'static str {
    match replace {
        Replace::Never => "",
        Replace::UnlessForced | Replace::Forced => "; --force replaces it",
    }
}

/// The files of a run. Collect all of them, then [`Self::check`].
#[derive(Clone, Debug)]
pub struct FilePlan {
    replace: Replace,
    reads: Vec<PathBuf>,
    writes: Vec<PathBuf>,
    own: Vec<PathBuf>,
}

impl FilePlan {
    /// Creates the plan of a run without files.
    #[must_use]
    pub const fn new(replace: Replace) -> Self {
        Self { replace, reads: Vec::new(), writes: Vec::new(), own: Vec::new() }
    }

    /// Files that the run reads. No output may replace one of them, even if forced.
    #[must_use]
    pub fn read<P: AsRef<Path>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.reads.extend(paths.into_iter().map(|path| path.as_ref().to_owned()));
        self
    }

    /// Files that the run will write.
    #[must_use]
    pub fn write<P: AsRef<Path>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.writes.extend(paths.into_iter().map(|path| path.as_ref().to_owned()));
        self
    }

    /// Files that the run will write into its own folder, such as its checkpoints; they may be replaced, whatever their kind.
    #[must_use]
    pub fn write_own<P: AsRef<Path>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.own.extend(paths.into_iter().map(|path| path.as_ref().to_owned()));
        self
    }

    /// Checks the files, however their paths are written, and writes nothing.
    ///
    /// # Errors
    /// [`Refusal`] when an output is an input (including standard output, if it goes to a file), when two are one file, when a file would be
    /// in the place of a folder or the other way round, or when a recording, a manifest, a model or a configuration would be replaced.
    pub fn check(&self) -> Result<(), Refusal> {
        self.check_in(&resolved_path::ignores_case)
    }

    /// [`Self::check`], where `ignores_case` tells whether file names in a folder are case-insensitive.
    pub(super) fn check_in(&self, ignores_case: &dyn Fn(&Path) -> bool) -> Result<(), Refusal> {
        let (mut inputs, mut outputs) = (Files::new(ignores_case), Files::new(ignores_case));
        for path in &self.reads {
            inputs.add(ResolvedPath::of(path));
        }
        let written: Vec<ResolvedPath> = self.writes.iter().chain(&self.own).map(|path| ResolvedPath::of(path)).collect();
        for resolved in standard_streams().iter().chain(&written) {
            if let Some(input) = inputs.like(resolved) {
                return Err(Refusal::Input { output: resolved.path.clone(), input: input.path.clone() });
            }
            if let Some(first) = outputs.like(resolved) {
                return Err(Refusal::Twice { first: first.path.clone(), second: resolved.path.clone() });
            }
            outputs.add(resolved.clone());
        }
        for resolved in &written {
            match &resolved.found {
                Found::Folder => return Err(Refusal::Folder { path: resolved.path.clone() }),
                Found::Below(file) => return Err(Refusal::InFile { path: resolved.path.clone(), file: file.clone() }),
                Found::File | Found::Device | Found::Nothing => {}
            }
            if let Some(file) = resolved.missing_folders().iter().find_map(|folder| outputs.like(folder)) {
                return Err(Refusal::InFile { path: resolved.path.clone(), file: file.path.clone() });
            }
        }
        written[..self.writes.len()].iter().try_for_each(|resolved| self.check_kind(resolved))
    }

    fn check_kind(&self, resolved: &ResolvedPath) -> Result<(), Refusal> {
        if resolved.found != Found::File || self.replace == Replace::Forced {
            return Ok(());
        }
        let (path, replace) = (resolved.path.clone(), self.replace);
        // The name of a link is irrelevant: its target would be replaced.
        match resolved_path::target_of(&path).and_then(|target| FileKind::of(&target)) {
            Ok(None) => Ok(()),
            Ok(Some(kind)) => Err(Refusal::Kept { path, kind, replace }),
            Err(source) => Err(Refusal::Unreadable { path, source, replace }),
        }
    }
}

/// Paths, grouped by their keys. Devices are left out, since writing to them destroys nothing.
struct Files<'a> {
    ignores_case: &'a dyn Fn(&Path) -> bool,
    by_key: HashMap<Key, Vec<ResolvedPath>>,
}

impl<'a> Files<'a> {
    fn new(ignores_case: &'a dyn Fn(&Path) -> bool) -> Self {
        Self { ignores_case, by_key: HashMap::new() }
    }

    fn add(&mut self, resolved: ResolvedPath) {
        if resolved.found != Found::Device {
            self.by_key.entry(resolved.key.clone()).or_default().push(resolved);
        }
    }

    /// The first path to the same file.
    fn like(&self, resolved: &ResolvedPath) -> Option<&ResolvedPath> {
        self.by_key.get(&resolved.key)?.iter().find(|other| resolved.is_same(other, self.ignores_case))
    }
}

/// Targets of standard output and standard error, if they are files: a shell that appends to a recording destroys it too.
fn standard_streams() -> Vec<ResolvedPath> {
    let output = FileId::of_stream(&io::stdout()).map(|id| ResolvedPath::open("standard output", id));
    let error = FileId::of_stream(&io::stderr()).map(|id| ResolvedPath::open("standard error", id));
    let mut streams: Vec<ResolvedPath> = output.into_iter().chain(error).collect();
    streams.dedup_by(|second, first| second.key == first.key);
    streams
}
