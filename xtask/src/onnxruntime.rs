//! ONNX Runtime's library, extracted from the PyPI wheel `onnxruntime`, pinned and verified, and kept in the user's cache.
//!
//! The wheel is downloaded for the platform of this program, not of the local Python: any Python 3 with pip will do.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::files::sha256;
use crate::python::Python;
use crate::workspace;

// The library downloaded here and the one the engine loads are checked for the same markers, although this program depends on no crate of ours.
#[path = "../../engine/src/classifier/telemetry.rs"]
mod telemetry;

/// The version of all pins: the last one whose builds have no telemetry client on any system.
pub(crate) const VERSION: &str = "1.28.0";

/// One platform's wheel and the library in it.
struct Pin {
    /// `std::env::consts::OS` and `ARCH`.
    platform: (&'static str, &'static str),
    /// pip's name for the platform.
    tag: &'static str,
    wheel_sha256: &'static str,
    /// Path inside the wheel.
    library: &'static str,
    library_sha256: &'static str,
    /// Name in the cache, without the version, so that a new pin replaces the old file.
    installed: &'static str,
}

/// The wheels on PyPI; there is no longer one for Intel Macs.
const PINS: &[Pin] = &[
    Pin {
        platform: ("linux", "x86_64"),
        tag: "manylinux_2_28_x86_64",
        wheel_sha256: "a166b78ee04f3a37fa1ef82034b6a3ce96d9684e582d4d30b296de83e9998bb5",
        library: "onnxruntime/capi/libonnxruntime.so.1.28.0",
        library_sha256: "aa4079d18f4ea7a5f3a94d80cd4bbe0f2740436626622d64d793803a20381083",
        installed: "libonnxruntime.so",
    },
    Pin {
        platform: ("linux", "aarch64"),
        tag: "manylinux_2_28_aarch64",
        wheel_sha256: "8d66f9ceb29909c70839e4e4fb3435c7b490050d8f162bd5f3aba4ca01ee517f",
        library: "onnxruntime/capi/libonnxruntime.so.1.28.0",
        library_sha256: "23a37c2994bc273e1d59a4f49af6cba5bf1cfbc29f04907ec27df375aba50a7d",
        installed: "libonnxruntime.so",
    },
    Pin {
        platform: ("macos", "aarch64"),
        tag: "macosx_14_0_arm64",
        wheel_sha256: "f5c5daabd28aad610f83fdcf32acec8fb57e6adc6c6a39fe2a3c755db957b410",
        library: "onnxruntime/capi/libonnxruntime.1.28.0.dylib",
        library_sha256: "99909e99214e31fe2296c9f7fae5abc2eaf0145342efe8b0a6ed82e9ddb0a0a0",
        installed: "libonnxruntime.dylib",
    },
    Pin {
        platform: ("windows", "x86_64"),
        tag: "win_amd64",
        wheel_sha256: "0d650aeee29368414367b65529e90afe4bf1bab76254789063b8b2f7ea3013c8",
        library: "onnxruntime/capi/onnxruntime.dll",
        library_sha256: "14e186627f109a15f28f0b36f6e8ea07c79eac666818e63c39a9792f415bf649",
        installed: "onnxruntime.dll",
    },
    Pin {
        platform: ("windows", "aarch64"),
        tag: "win_arm64",
        wheel_sha256: "0faf85fb447a663c9cdadc39bd6b19bdf7bedded6699e45731b9b36c46fd993d",
        library: "onnxruntime/capi/onnxruntime.dll",
        library_sha256: "a3c722907fb82ae7aa999d90bc81b8dc6358f1260125078485b392d53eea716c",
        installed: "onnxruntime.dll",
    },
];

/// Licence texts kept beside the library: path inside the wheel, name in the cache.
const LICENCES: &[(&str, &str)] =
    &[("onnxruntime/LICENSE", "LICENSE"), ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt")];

/// Makes sure that the pinned library is in the cache and returns its path; accesses the network only if it is not.
///
/// # Errors
/// One sentence that says why ONNX Runtime is unavailable: no wheel for this platform, no pip, no network, a wrong file.
pub(crate) fn ensure_installed() -> Result<PathBuf> {
    let pin = PINS
        .iter()
        .find(|pin| pin.platform == (OS, ARCH))
        .with_context(|| format!("PyPI has no ONNX Runtime {VERSION} for {OS} on {ARCH}"))?;
    install(pin, &workspace::cache()?.join("onnxruntime"), download)
}

/// The licence texts next to `library`, and the names for copies of them among other files.
pub(crate) fn licences(library: &Path) -> Vec<(PathBuf, String)> {
    let name = |name: &str| (library.with_file_name(name), format!("ONNXRUNTIME-{name}"));
    LICENCES.iter().map(|(_, installed)| name(installed)).collect()
}

/// Installs the library and its licences in `folder`, the library last and by renaming, so that it is complete whenever it exists.
fn install(pin: &Pin, folder: &Path, download: impl FnOnce(&Pin, &Path) -> Result<PathBuf>) -> Result<PathBuf> {
    let installed = folder.join(pin.installed);
    if installed.is_file() && sha256(&installed)? == pin.library_sha256 {
        refuse_telemetry(&installed)?;
        return Ok(installed);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let staging = tempfile::Builder::new().prefix(".download").tempdir_in(folder)?;
    let wheel = download(pin, staging.path())?;
    check(&wheel, pin.wheel_sha256)?;
    let mut archive = zip::ZipArchive::new(File::open(&wheel)?).context("the wheel is not a zip archive")?;
    let mut unpack = |entry: &str, name: &str| -> Result<PathBuf> {
        let path = staging.path().join(name);
        let mut source = archive.by_name(entry).with_context(|| format!("the wheel has no {entry}"))?;
        io::copy(&mut source, &mut File::create(&path)?)?;
        Ok(path)
    };
    let library = unpack(pin.library, pin.installed)?;
    check(&library, pin.library_sha256)?;
    refuse_telemetry(&library)?;
    for (entry, name) in LICENCES {
        fs::rename(unpack(entry, name)?, folder.join(name))?;
    }
    fs::rename(library, &installed)?;
    Ok(installed)
}

fn check(path: &Path, expected: &str) -> Result<()> {
    let found = sha256(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ensure!(found == expected, "{name} was refused: expected SHA-256 {expected}, found {found}");
    Ok(())
}

/// Even a file with the right digest may contain telemetry.
fn refuse_telemetry(library: &Path) -> Result<()> {
    let marker = telemetry::client_in(library).with_context(|| format!("cannot read {}", library.display()))?;
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    marker.map_or(Ok(()), |marker| {
        bail!("{name} was refused: it has a telemetry client, as '{marker}' in it shows; pin a version without")
    })
}

/// Downloads the wheel of `pin` into `folder` with pip.
fn download(pin: &Pin, folder: &Path) -> Result<PathBuf> {
    let Some(python) = Python::find().filter(Python::has_pip) else {
        bail!("python3 with pip is not installed");
    };
    println!("Fetching ONNX Runtime {VERSION} (about 20 MB) ...");
    let requirement = format!("onnxruntime=={VERSION}");
    let destination = folder.to_string_lossy();
    let abi = ["--python-version", "311", "--implementation", "cp", "--abi", "cp311", "--platform", pin.tag];
    let mut arguments = vec!["download", "--only-binary=:all:", "--no-deps", "--dest", &destination];
    arguments.extend(abi);
    arguments.push(&requirement);
    python.pip(&arguments).context("the wheel could not be fetched; is there a network?")?;
    let wheels = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    wheels.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl")).context("pip fetched no wheel")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIBRARY: &[u8] = b"a library";

    fn wheel(folder: &Path) -> PathBuf {
        wheel_with(folder, LIBRARY)
    }

    fn wheel_with(folder: &Path, library: &[u8]) -> PathBuf {
        let path = folder.join("onnxruntime.whl");
        let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in [("library.so", library), (LICENCES[0].0, b"licence"), (LICENCES[1].0, b"notices")] {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text).unwrap();
        }
        archive.finish().unwrap();
        path
    }

    fn leak(text: String) -> &'static str {
        Box::leak(text.into_boxed_str())
    }

    fn pin() -> Pin {
        pin_of(LIBRARY)
    }

    fn pin_of(bytes: &[u8]) -> Pin {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library");
        fs::write(&library, bytes).unwrap();
        Pin {
            platform: (OS, ARCH),
            tag: "any",
            wheel_sha256: leak(sha256(&wheel_with(folder.path(), bytes)).unwrap()),
            library: "library.so",
            library_sha256: leak(sha256(&library).unwrap()),
            installed: "libonnxruntime.so",
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_library_and_its_licences_are_installed_once() {
        let cache = tempfile::tempdir().unwrap();
        let installed = install(&pin(), cache.path(), |_, folder| Ok(wheel(folder))).unwrap();
        assert_eq!(fs::read(&installed).unwrap(), LIBRARY);
        assert_eq!(names(cache.path()), ["LICENSE", "ThirdPartyNotices.txt", "libonnxruntime.so"]);
        install(&pin(), cache.path(), |_, _| panic!("asked the network for what is there")).unwrap();
    }

    #[test]
    fn a_damaged_library_is_replaced() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join("libonnxruntime.so"), "damaged").unwrap();
        let installed = install(&pin(), cache.path(), |_, folder| Ok(wheel(folder))).unwrap();
        assert_eq!(fs::read(installed).unwrap(), LIBRARY);
    }

    #[test]
    fn a_wheel_with_another_digest_is_refused_and_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let corrupt = |_: &Pin, folder: &Path| {
            let path = wheel(folder);
            let mut bytes = fs::read(&path).unwrap();
            bytes[40] ^= 1;
            fs::write(&path, bytes).unwrap();
            Ok(path)
        };
        let error = install(&pin(), cache.path(), corrupt).unwrap_err().to_string();
        assert!(error.contains("was refused: expected SHA-256"), "{error}");
        assert!(names(cache.path()).is_empty());
    }

    #[test]
    fn a_library_that_would_call_home_is_refused_though_its_digest_is_right() {
        let library = b"a library that asks for https://mobile.events.data.microsoft.com/OneCollector/1.0/";
        let cache = tempfile::tempdir().unwrap();
        let install = || install(&pin_of(library), cache.path(), |_, folder| Ok(wheel_with(folder, library)));
        let error = install().unwrap_err().to_string();
        assert!(error.contains("libonnxruntime.so was refused: it has a telemetry client"), "{error}");
        assert!(names(cache.path()).is_empty());
        fs::write(cache.path().join("libonnxruntime.so"), library).unwrap();
        let error = install().unwrap_err().to_string();
        assert!(error.contains("it has a telemetry client"), "in the cache already: {error}");
    }

    #[test]
    fn a_failed_download_is_reported_and_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let error = install(&pin(), cache.path(), |_, _| bail!("no network")).unwrap_err().to_string();
        assert_eq!(error, "no network");
        assert!(names(cache.path()).is_empty());
    }

    #[test]
    fn every_pin_is_of_the_one_version() {
        for pin in PINS {
            assert_eq!((pin.wheel_sha256.len(), pin.library_sha256.len()), (64, 64));
            assert!(pin.library.contains(VERSION) || pin.library.ends_with(".dll"), "{}", pin.library);
        }
    }
}
