//! Installs the bundle where hosts look for it, and uninstalls it.

mod places;

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::bundle::{self, Build, layout};
use crate::files;
use crate::platform::{Platform, System};
use places::{Places, Scope};

/// Names of the licences in the bundle, which are installed next to ONNX Runtime.
const LICENCES: &[&str] =
    &["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt", "ONNXRUNTIME-LICENSE", "ONNXRUNTIME-ThirdPartyNotices.txt"];

/// Which users to install for.
#[derive(Args)]
pub(crate) struct Target {
    /// For this user only (the default).
    #[arg(long, conflicts_with = "system")]
    user: bool,
    /// For all users of this machine; usually needs an administrator.
    #[arg(long)]
    system: bool,
}

impl Target {
    fn scope(&self) -> Scope {
        if self.system { Scope::System } else { Scope::User }
    }
}

/// What to install, and for whom.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// Install this bundle instead of building one first.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

/// One item of the bundle, with its source and destination.
#[derive(Debug, PartialEq)]
struct Item {
    from: PathBuf,
    to: PathBuf,
    /// Whether a bundle may lack it.
    optional: bool,
}

/// Builds a release bundle unless given one, and installs it.
///
/// # Errors
/// It does not build, or a folder cannot be written.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let scope = options.target.scope();
    let places = Places::standard(Platform::this().system, scope, |name| env::var(name).ok())?;
    let folder = match &options.from {
        Some(folder) => folder.clone(),
        None => {
            bundle::build_and_bundle(root, Build::RELEASE)?;
            bundle::folder(root)
        }
    };
    for path in install(&items(Platform::this(), &folder, &places)).map_err(|error| explain(error, scope, &folder))? {
        println!("Installed: {}", path.display());
    }
    println!("Let your host scan its plugins again; Moodline is listed among the analysers.");
    Ok(())
}

/// Removes what [`run`] installed; copies of other users or of the whole machine are kept.
///
/// # Errors
/// A file cannot be removed.
pub(crate) fn uninstall(target: &Target) -> Result<()> {
    let scope = target.scope();
    let places = Places::standard(Platform::this().system, scope, |name| env::var(name).ok())?;
    let items = items(Platform::this(), Path::new(""), &places);
    let removed = remove(&items, &places).map_err(|error| explain_removal(error, scope))?;
    for path in &removed {
        println!("Removed: {}", path.display());
    }
    if removed.is_empty() {
        println!("Nothing to remove: Moodline is not installed in {}.", places.clap.display());
    }
    Ok(())
}

/// The destination of each item. On macOS every bundle contains ONNX Runtime itself.
fn items(platform: Platform, folder: &Path, places: &Places) -> Vec<Item> {
    let names = layout::names(platform);
    let item = |name: &str, place: &Path, optional: bool| Item { from: folder.join(name), to: place.join(name), optional };
    let mut items = vec![
        item(&names.clap, &places.clap, false),
        item(&names.vst3, &places.vst3, false),
        item(&names.standalone, &places.standalone, false),
    ];
    if platform.system != System::MacOs {
        items.push(item(&names.onnxruntime, &places.data, true));
    }
    items.extend(LICENCES.iter().map(|name| item(name, &places.data, true)));
    items
}

/// Copies each item next to its destination first and then moves it as a whole, so that a host scanning at the same time never finds a partial plugin.
fn install(items: &[Item]) -> Result<Vec<PathBuf>> {
    for Item { from, optional, .. } in items {
        ensure!(*optional || from.exists(), "{} is not there; `cargo xtask bundle moodline --release` makes it", from.display());
    }
    let mut installed = vec![];
    for Item { from, to, .. } in items.iter().filter(|item| item.from.exists()) {
        let folder = to.parent().context("a place lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let staging = tempfile::Builder::new().prefix(".moodline").tempdir_in(folder);
        let staging = staging.with_context(|| format!("cannot write to {}", folder.display()))?;
        let fresh = staging.path().join("fresh");
        files::copy(from, &fresh)?;
        files::replace(to, &fresh)?;
        installed.push(to.clone());
    }
    Ok(installed)
}

fn remove(items: &[Item], places: &Places) -> Result<Vec<PathBuf>> {
    let mut removed = vec![];
    for Item { to, .. } in items {
        if files::remove(to)? {
            removed.push(to.clone());
        }
    }
    // Only an empty folder can be removed; one with other contents is shared with others.
    let _ = fs::remove_dir(&places.data);
    Ok(removed)
}

/// Adds the command to type if permission was denied.
fn explain(error: anyhow::Error, scope: Scope, folder: &Path) -> anyhow::Error {
    let Some(program) = forbidden(&error, scope) else { return error };
    error.context(format!(
        "this needs an administrator; type: sudo {} install --system --from {}",
        program.display(),
        folder.display()
    ))
}

fn explain_removal(error: anyhow::Error, scope: Scope) -> anyhow::Error {
    let Some(program) = forbidden(&error, scope) else { return error };
    error.context(format!("this needs an administrator; type: sudo {} uninstall --system", program.display()))
}

/// The path of this program, if the error says that the system's folders are not writable.
fn forbidden(error: &anyhow::Error, scope: Scope) -> Option<PathBuf> {
    let denied = |cause: &std::io::Error| cause.kind() == ErrorKind::PermissionDenied;
    let is_denied = error.chain().filter_map(|cause| cause.downcast_ref()).any(denied);
    (scope == Scope::System && is_denied && cfg!(unix)).then(|| env::current_exe().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::tests::{LINUX, MACOS};

    /// A bundle, and destinations under the same temporary folder.
    fn scene(folder: &Path) -> (PathBuf, Places) {
        let bundle = folder.join("bundle");
        fs::create_dir_all(bundle.join("moodline.vst3/Contents")).unwrap();
        for file in
            ["moodline.clap", "moodline.vst3/Contents/moodline.so", "moodline-standalone", "libonnxruntime.so", "LICENSE-MIT"]
        {
            fs::write(bundle.join(file), "new").unwrap();
        }
        let at = |name: &str| folder.join(name);
        (bundle, Places { clap: at(".clap"), vst3: at(".vst3"), standalone: at("bin"), data: at("share/moodline") })
    }

    #[test]
    fn what_was_installed_can_be_installed_again_and_removed_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let (bundle, places) = scene(folder.path());
        let items = items(LINUX, &bundle, &places);
        fs::create_dir_all(places.vst3.join("moodline.vst3/Contents")).unwrap();
        fs::write(places.vst3.join("moodline.vst3/Contents/stale.so"), "old").unwrap();
        for _ in 0..2 {
            assert_eq!(install(&items).unwrap().len(), 5);
            assert_eq!(fs::read_to_string(places.vst3.join("moodline.vst3/Contents/moodline.so")).unwrap(), "new");
            assert!(!places.vst3.join("moodline.vst3/Contents/stale.so").exists());
            assert_eq!(fs::read_dir(&places.vst3).unwrap().count(), 1, "something was left behind");
        }
        fs::write(places.clap.join("other.clap"), "somebody else's").unwrap();
        assert_eq!(remove(&items, &places).unwrap().len(), 5);
        assert!(!places.data.exists() && places.clap.join("other.clap").exists());
        assert!(remove(&items, &places).unwrap().is_empty());
    }

    #[test]
    fn a_bundle_that_is_not_whole_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (bundle, places) = scene(folder.path());
        fs::remove_file(bundle.join("moodline-standalone")).unwrap();
        let error = install(&items(LINUX, &bundle, &places)).unwrap_err().to_string();
        assert!(error.contains("moodline-standalone is not there") && error.contains("cargo xtask bundle"), "{error}");
        assert!(!places.clap.exists());
    }

    #[test]
    fn on_macos_nothing_lies_outside_the_bundles_but_licences() {
        let (_, places) = scene(tempfile::tempdir().unwrap().path());
        let names: Vec<_> = items(MACOS, Path::new(""), &places)
            .iter()
            .map(|item| item.to.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names[..3], ["moodline.clap", "moodline.vst3", "Moodline.app"]);
        assert_eq!(names[3..], *LICENCES);
    }

    #[test]
    fn a_folder_that_may_not_be_written_leads_to_the_command_to_type() {
        let denied = || anyhow::Error::new(std::io::Error::from(ErrorKind::PermissionDenied)).context("cannot write");
        if cfg!(unix) {
            let text = format!("{:#}", explain(denied(), Scope::System, Path::new("bundled")));
            assert!(text.contains("sudo ") && text.contains("install --system --from bundled"), "{text}");
        }
        assert_eq!(explain(denied(), Scope::User, Path::new("")).to_string(), "cannot write");
    }
}
