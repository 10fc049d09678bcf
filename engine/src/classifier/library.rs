//! Search for ONNX Runtime's library.
//!
//! In: the environment of the process. Out: files to try, in order. The working directory is never searched, because placing a file next to an
//! audio file must not be enough to run code; for the same reason relative paths in the environment are ignored, and no code
//! comes from another machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::remote;

/// Environment variable that names the library or its folder.
pub(super) const VARIABLE: &str = "MOODLINE_ONNXRUNTIME";

/// The places to search for ONNX Runtime's library, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibrarySearch {
    /// Files, or folders that may contain one.
    places: Vec<PathBuf>,
    /// Places on other machines, which are not searched at all.
    remote: Vec<PathBuf>,
}

impl LibrarySearch {
    /// `MOODLINE_ONNXRUNTIME`, the folder of this library or program or its bundle, the user's data folder, the cache folder that
    /// `cargo xtask setup` fills, the system's folders.
    ///
    /// A plugin is a library in another vendor's program, so the relevant path is that of the binary this code was linked into.
    #[must_use]
    pub fn of_this_process() -> Self {
        let linked_into = process_path::get_dylib_path().filter(|path| path.is_absolute());
        Self::new(|variable| env::var_os(variable), linked_into.or_else(|| env::current_exe().ok()).as_deref())
    }

    /// The same for any environment and any path of the library or program.
    #[must_use]
    pub fn new(variable: impl Fn(&str) -> Option<OsString>, linked_into: Option<&Path>) -> Self {
        let folder = |name: &str| variable(name).map(PathBuf::from);
        let mut places = Vec::new();
        places.extend(folder(VARIABLE));
        places.extend(linked_into.into_iter().flat_map(bundle_folders));
        places.extend(data_folder(&folder).map(|data| data.join("moodline")));
        places.extend(cache_folder(&folder).map(|cache| cache.join("moodline").join("onnxruntime")));
        places.extend(system_folders(&folder));
        Self::in_places(places)
    }

    /// Exactly these files and folders, except relative ones and those on other machines.
    #[must_use]
    pub fn in_places(places: Vec<PathBuf>) -> Self {
        let (remote, mut places): (Vec<_>, Vec<_>) = places.into_iter().partition(|place| remote::is_remote(place));
        places.retain(|place| place.is_absolute());
        Self { places, remote }
    }

    /// Files and folders, in order; all absolute.
    #[must_use]
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// Files and folders that were left out because they are on other machines.
    #[must_use]
    pub fn remote(&self) -> &[PathBuf] {
        &self.remote
    }

    /// The library files that exist now, in order.
    #[must_use]
    pub fn candidates(&self) -> Vec<PathBuf> {
        self.places.iter().flat_map(|place| if place.is_dir() { libraries_in(place) } else { existing(place) }).collect()
    }
}

fn existing(file: &Path) -> Vec<PathBuf> {
    if file.is_file() { vec![file.to_owned()] } else { Vec::new() }
}

/// The plain name first, then versioned names in descending order.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<OsString> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name())).filter(|name| is_library(name)).collect();
    names.sort_by_cached_key(|name| std::cmp::Reverse(version(name)));
    names.into_iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

#[cfg(windows)]
fn is_library(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case("onnxruntime.dll")
}

#[cfg(target_os = "macos")]
fn is_library(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "libonnxruntime.dylib" || name.starts_with("libonnxruntime.") && name.ends_with(".dylib")
}

#[cfg(not(any(windows, target_os = "macos")))]
fn is_library(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")
}

/// The numbers in a file name. A name without numbers counts as the latest, since it was installed deliberately.
fn version(name: &OsStr) -> Vec<u32> {
    let name = name.to_string_lossy();
    let numbers: Vec<u32> = name.split('.').filter_map(|part| part.parse().ok()).collect();
    if numbers.is_empty() { vec![u32::MAX] } else { numbers }
}

/// The folder of the library or program, and the folder where a macOS bundle keeps its libraries.
fn bundle_folders(linked_into: &Path) -> Vec<PathBuf> {
    let Some(folder) = linked_into.parent() else { return Vec::new() };
    let mut folders = vec![folder.to_owned()];
    if cfg!(target_os = "macos") {
        folders.extend(folder.parent().map(|contents| contents.join("Frameworks")));
    }
    folders
}

#[cfg(windows)]
fn data_folder(folder: &impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    folder("LOCALAPPDATA")
}

#[cfg(target_os = "macos")]
fn data_folder(folder: &impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    absolute(folder("XDG_DATA_HOME")).or_else(|| Some(folder("HOME")?.join("Library").join("Application Support")))
}

#[cfg(not(any(windows, target_os = "macos")))]
fn data_folder(folder: &impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    absolute(folder("XDG_DATA_HOME")).or_else(|| Some(folder("HOME")?.join(".local").join("share")))
}

#[cfg(windows)]
fn cache_folder(folder: &impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    absolute(folder("XDG_CACHE_HOME")).or_else(|| folder("LOCALAPPDATA"))
}

#[cfg(target_os = "macos")]
fn cache_folder(folder: &impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    absolute(folder("XDG_CACHE_HOME")).or_else(|| Some(folder("HOME")?.join("Library").join("Caches")))
}

#[cfg(not(any(windows, target_os = "macos")))]
fn cache_folder(folder: &impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    absolute(folder("XDG_CACHE_HOME")).or_else(|| Some(folder("HOME")?.join(".cache")))
}

/// Removes relative paths: the XDG base directory specification requires them to be ignored.
fn absolute(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| path.is_absolute())
}

#[cfg(windows)]
fn system_folders(folder: &impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let places = [("ProgramFiles", "Moodline"), ("SystemRoot", "System32")];
    places.into_iter().filter_map(|(variable, name)| Some(folder(variable)?.join(name))).collect()
}

#[cfg(target_os = "macos")]
fn system_folders(_: &impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    ["/Library/Application Support/moodline", "/opt/homebrew/lib", "/usr/local/lib"].map(PathBuf::from).to_vec()
}

#[cfg(not(any(windows, target_os = "macos")))]
fn system_folders(_: &impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    ["/usr/local/lib/moodline", "/usr/local/lib", multiarch.as_str(), "/usr/lib64", "/usr/lib"].map(PathBuf::from).to_vec()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn search(variables: &[(&str, &Path)], program: Option<&Path>) -> LibrarySearch {
        let variables: BTreeMap<String, OsString> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.as_os_str().to_owned())).collect();
        LibrarySearch::new(|name| variables.get(name).cloned(), program)
    }

    fn library(folder: &Path) -> PathBuf {
        let name = if cfg!(windows) {
            "onnxruntime.dll"
        } else if cfg!(target_os = "macos") {
            "libonnxruntime.dylib"
        } else {
            "libonnxruntime.so"
        };
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, "a library").unwrap();
        path
    }

    #[cfg(not(windows))]
    #[test]
    fn the_order_is_variable_bundle_data_cache_system() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let places = ["named", "bundle", "data/moodline", "cache/moodline/onnxruntime"].map(|place| root.join(place));
        let libraries = places.each_ref().map(|place| library(place));
        let variables =
            [(VARIABLE, places[0].as_path()), ("XDG_DATA_HOME", &root.join("data")), ("XDG_CACHE_HOME", &root.join("cache"))];
        let search = search(&variables, Some(&places[1].join("moodline")));
        assert_eq!(search.candidates()[..4], libraries);
        assert!(search.places().len() > 4, "the system's folders come last");
        assert!(
            search.places().iter().rposition(|place| !place.starts_with(root))
                > search.places().iter().rposition(|place| place.starts_with(root))
        );
    }

    #[cfg(not(any(windows, target_os = "macos")))]
    #[test]
    fn without_xdg_variables_the_home_folder_counts() {
        let places = search(&[("HOME", Path::new("/home/user"))], None).places;
        assert_eq!(places[0], Path::new("/home/user/.local/share/moodline"));
        assert_eq!(places[1], Path::new("/home/user/.cache/moodline/onnxruntime"));
    }

    #[test]
    fn nothing_relative_and_nothing_in_the_working_directory_is_looked_at() {
        let here = env::current_dir().unwrap();
        for relative in [".", "", "libonnxruntime.so", "folder/lib", ".."].map(Path::new) {
            let variables =
                [VARIABLE, "XDG_DATA_HOME", "XDG_CACHE_HOME", "HOME", "LOCALAPPDATA", "SystemRoot"].map(|name| (name, relative));
            for place in search(&variables, Some(relative)).places() {
                assert!(place.is_absolute() && !place.starts_with(&here), "{relative:?} led to {}", place.display());
            }
        }
        assert!(LibrarySearch::in_places(vec!["libonnxruntime.so".into(), ".".into()]).places().is_empty());
    }

    #[cfg(windows)]
    #[test]
    fn nothing_on_another_machine_is_looked_at() {
        let share = Path::new(r"\\server\share\onnxruntime.dll");
        let search = search(&[(VARIABLE, share)], Some(share));
        assert!(search.places().iter().all(|place| !remote::is_remote(place)));
        assert_eq!(search.remote()[0], share);
    }

    #[test]
    fn the_variable_may_name_the_file_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("any-name.bin");
        fs::write(&file, "a library").unwrap();
        assert_eq!(search(&[(VARIABLE, &file)], None).candidates()[0], file);
    }

    #[cfg(not(any(windows, target_os = "macos")))]
    #[test]
    fn in_a_folder_the_plain_name_comes_first_and_then_the_latest_version() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["libonnxruntime.so", "libonnxruntime.so.1.28.0", "libonnxruntime.so.1.9.0"];
        for name in ["libonnxruntime_providers_shared.so", "libother.so", names[2], names[0], names[1]] {
            fs::write(folder.path().join(name), "a library").unwrap();
        }
        fs::create_dir(folder.path().join("libonnxruntime.so.2")).unwrap();
        let found = LibrarySearch::in_places(vec![folder.path().to_owned()]).candidates();
        assert_eq!(found, names.map(|name| folder.path().join(name)));
    }
}
