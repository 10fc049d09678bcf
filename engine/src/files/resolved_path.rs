//! The target of a path, so that two spellings of one file are recognised.
//!
//! An existing file is identified by its id in the system; a file that does not exist yet by the folder it will be in and its name. Names of such files that
//! differ only in case are the same file if the folder is case-insensitive, which is checked only where it matters.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Number of links that are followed before a cycle is assumed, as in Linux.
const MAX_LINKS: usize = 40;

/// Largest number of names in a folder that are checked to find out whether case matters.
const MAX_NAMES: usize = 256;

/// The id of a file in the system, independent of its name.
#[cfg(unix)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl FileId {
    pub(super) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self::in_metadata(&metadata))
    }

    fn in_metadata(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// The id of an open stream of this process, if it is a file.
    pub(super) fn of_stream(stream: &impl std::os::fd::AsFd) -> Option<Self> {
        let file = fs::File::from(stream.as_fd().try_clone_to_owned().ok()?);
        file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| Self::in_metadata(&metadata))
    }
}

#[cfg(windows)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId(std::sync::Arc<same_file::Handle>);

#[cfg(windows)]
impl FileId {
    pub(super) fn of(path: &Path) -> Option<Self> {
        same_file::Handle::from_path(path).ok().map(|handle| Self(std::sync::Arc::new(handle)))
    }

    /// The id of an open stream of this process, if it is a file.
    pub(super) fn of_stream(stream: &impl std::os::windows::io::AsHandle) -> Option<Self> {
        let file = fs::File::from(stream.as_handle().try_clone_to_owned().ok()?);
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let handle = if is_file { same_file::Handle::from_file(file).ok() } else { None };
        handle.map(|handle| Self(std::sync::Arc::new(handle)))
    }
}

/// Common key of all paths that lead to the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The path exists.
    There(FileId),
    /// The path does not exist: its nearest existing ancestor, and the rest of the path in lower case.
    Missing(FileId, PathBuf),
    /// Cannot be determined, for example because of a cycle of links.
    Unknown(PathBuf),
}

/// The kind of object that a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    File,
    Folder,
    /// A device or pipe, in which nothing can be destroyed.
    Device,
    Nothing,
    /// Nothing, and nothing can be created: this ancestor is not a folder.
    Below(PathBuf),
}

/// A path and its target.
#[derive(Clone, Debug)]
pub(super) struct ResolvedPath {
    /// The path as given.
    pub(super) path: PathBuf,
    pub(super) key: Key,
    pub(super) found: Found,
    /// If the target does not exist: its nearest existing ancestor, and the rest of the path, without links, `.` and `..`.
    above: PathBuf,
    way: PathBuf,
}

impl ResolvedPath {
    pub(super) fn of(path: &Path) -> Self {
        let resolved = Self::there(path).unwrap_or_else(|| {
            // The system does not resolve `file/../file`, but this must not affect the result.
            let target = target_of(path).unwrap_or_else(|_| path.to_owned());
            Self::there(&target).unwrap_or_else(|| Self::missing(&target))
        });
        Self { path: path.to_owned(), ..resolved }
    }

    fn there(path: &Path) -> Option<Self> {
        let (metadata, id) = (path.metadata().ok()?, FileId::of(path)?);
        let found = match () {
            () if metadata.is_file() => Found::File,
            () if metadata.is_dir() => Found::Folder,
            () => Found::Device,
        };
        Some(Self { path: path.to_owned(), key: Key::There(id), found, above: PathBuf::new(), way: PathBuf::new() })
    }

    fn missing(target: &Path) -> Self {
        let above = target.ancestors().skip(1).find_map(|above| Some((above, FileId::of(above)?)));
        let (above, key, found) = match above {
            None => (Path::new(""), Key::Unknown(target.to_owned()), Found::Nothing),
            Some((above, id)) => {
                let folded = way_from(above, target).to_string_lossy().to_lowercase();
                let found = if above.is_dir() { Found::Nothing } else { Found::Below(above.to_owned()) };
                (above, Key::Missing(id, PathBuf::from(folded)), found)
            }
        };
        Self { path: target.to_owned(), key, found, above: above.to_owned(), way: way_from(above, target).to_owned() }
    }

    /// An open file, with a name for messages.
    pub(super) fn open(name: &str, id: FileId) -> Self {
        Self { path: PathBuf::from(name), key: Key::There(id), found: Found::File, above: PathBuf::new(), way: PathBuf::new() }
    }

    /// The folders of its path that do not exist yet.
    pub(super) fn missing_folders(&self) -> Vec<Self> {
        let ways = self.way.ancestors().skip(1).filter(|way| !way.as_os_str().is_empty());
        ways.map(|way| Self::missing(&self.above.join(way))).collect()
    }

    /// Whether both are the same file, given equal keys. `ignores_case` tells whether file names in a folder are case-insensitive.
    pub(super) fn is_same(&self, other: &Self, ignores_case: impl Fn(&Path) -> bool) -> bool {
        self.way == other.way || ignores_case(&self.above)
    }
}

/// INVARIANT: `above` is an ancestor of `target`.
fn way_from<'a>(above: &Path, target: &'a Path) -> &'a Path {
    target.strip_prefix(above).expect("an ancestor")
}

/// The actual location of a file written to `path`: the target of links, even if it does not exist yet.
///
/// # Errors
/// When links form a cycle.
pub(super) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    if path.is_symlink() { target_of(path) } else { Ok(path.canonicalize().unwrap_or_else(|_| path.to_owned())) }
}

/// The target of `path` in any case: every link followed, and missing parts as they are written.
///
/// # Errors
/// When the path is empty, or links form a cycle.
pub(super) fn target_of(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().or_else(|_| follow(path))
}

/// As [`Path::canonicalize`], but also for missing files.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut ahead: Vec<OsString> = parts_backwards(&absolute);
    let (mut done, mut n_links) = (PathBuf::new(), 0);
    while let Some(part) = ahead.pop() {
        match Path::new(&part).components().next() {
            None | Some(Component::CurDir) => {}
            // The resolved part contains no links, so its parent is the folder it is in.
            Some(Component::ParentDir) => {
                done.pop();
            }
            Some(Component::Prefix(_) | Component::RootDir) => done.push(part),
            Some(Component::Normal(_)) => match fs::read_link(done.join(&part)) {
                Ok(_) if n_links == MAX_LINKS => {
                    return Err(io::Error::other("a link there leads in a circle, or through too many others"));
                }
                Ok(link) => {
                    n_links += 1;
                    ahead.extend(parts_backwards(&link));
                }
                Err(_) => done.push(part),
            },
        }
    }
    Ok(done)
}

fn parts_backwards(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

/// Whether file names in `folder` are case-insensitive: determined from its content, or else by creating a file.
pub(super) fn ignores_case(folder: &Path) -> bool {
    let by_content = || {
        let entries = fs::read_dir(folder).ok()?.take(MAX_NAMES);
        entries.filter_map(|entry| finds_by_other_case(&entry.ok()?.path())).next()
    };
    let by_trying = || finds_by_other_case(tempfile::Builder::new().prefix(".moodline-").tempfile_in(folder).ok()?.path());
    by_content().or_else(by_trying).unwrap_or(cfg!(any(windows, target_os = "macos")))
}

/// Whether `path` is also found with the case of its name swapped; none if the name has no case, or both names exist.
fn finds_by_other_case(path: &Path) -> Option<bool> {
    let name = path.file_name()?.to_str()?;
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let other: String = name.chars().map(swap).collect();
    if other == name {
        return None;
    }
    let other_path = path.with_file_name(&other);
    match (other_path.symlink_metadata(), FileId::of(path), FileId::of(&other_path)) {
        (Err(_), _, _) => Some(false),
        (Ok(_), Some(id), Some(other_id)) if id == other_id => {
            // Hard links with both names are both listed.
            let mut names = fs::read_dir(path.parent()?).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
            if names.any(|name| name == *other) { None } else { Some(true) }
        }
        _ => Some(false),
    }
}
