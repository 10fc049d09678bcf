//! ONNX Runtime's library, taken out of the PyPI wheel `onnxruntime`, pinned and checked, and kept in the user's cache.
//!
//! The wheel is fetched for the platform of this program, not for the local Python: any Python 3 with pip will do.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::files::sha256;
use crate::python::Python;
use crate::workspace;

/// The version all pins are of.
pub(crate) const VERSION: &str = "1.31.1";

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
    /// Name in the cache; without the version, so that a new pin replaces the old file.
    installed: &'static str,
}

/// What PyPI has; the wheel no longer exists for Intel Macs.
const PINS: &[Pin] = &[
    Pin {
        platform: ("linux", "x86_64"),
        tag: "manylinux_2_28_x86_64",
        wheel_sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        library: "onnxruntime/capi/libonnxruntime.so.1.31.1",
        library_sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
        installed: "libonnxruntime.so",
    },
    Pin {
        platform: ("linux", "aarch64"),
        tag: "manylinux_2_28_aarch64",
        wheel_sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        library: "onnxruntime/capi/libonnxruntime.so.1.31.1",
        library_sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
        installed: "libonnxruntime.so",
    },
    Pin {
        platform: ("macos", "aarch64"),
        tag: "macosx_14_0_arm64",
        wheel_sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
        library: "onnxruntime/capi/libonnxruntime.1.31.1.dylib",
        library_sha256: "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
        installed: "libonnxruntime.dylib",
    },
    Pin {
        platform: ("windows", "x86_64"),
        tag: "win_amd64",
        wheel_sha256: "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
        library: "onnxruntime/capi/onnxruntime.dll",
        library_sha256: "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9",
        installed: "onnxruntime.dll",
    },
    Pin {
        platform: ("windows", "aarch64"),
        tag: "win_arm64",
        wheel_sha256: "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0",
        library: "onnxruntime/capi/onnxruntime.dll",
        library_sha256: "f4f7729bf4aa0c78b6ab5253747f3593bb9a28b4c4275a0a9f59f04ea580d61f",
        installed: "onnxruntime.dll",
    },
];

/// Licence texts kept beside the library: path inside the wheel, name in the cache.
const LICENCES: &[(&str, &str)] =
    &[("onnxruntime/LICENSE", "LICENSE"), ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt")];

/// Makes sure the pinned library is in the cache and returns its path; asks the network only when it is not.
///
/// # Errors
/// One sentence that says why ONNX Runtime cannot be had: no wheel for this platform, no pip, no network, a wrong file.
pub(crate) fn ensure_installed() -> Result<PathBuf> {
    let pin = PINS
        .iter()
        .find(|pin| pin.platform == (OS, ARCH))
        .with_context(|| format!("PyPI has no ONNX Runtime {VERSION} for {OS} on {ARCH}"))?;
    install(pin, &workspace::cache()?.join("onnxruntime"), download)
}

/// The licence texts that lie beside `library`, and what to call copies of them among other files.
pub(crate) fn licences(library: &Path) -> Vec<(PathBuf, String)> {
    let name = |name: &str| (library.with_file_name(name), format!("ONNXRUNTIME-{name}"));
    LICENCES.iter().map(|(_, installed)| name(installed)).collect()
}

/// Puts the library and its licences into `folder`, the library last and by renaming, so that whoever finds it finds it whole.
fn install(pin: &Pin, folder: &Path, download: impl FnOnce(&Pin, &Path) -> Result<PathBuf>) -> Result<PathBuf> {
    let installed = folder.join(pin.installed);
    if installed.is_file() && sha256(&installed)? == pin.library_sha256 {
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
    for (entry, name) in LICENCES {
        fs::rename(unpack(entry, name)?, folder.join(name))?;
    }
    let library = unpack(pin.library, pin.installed)?;
    check(&library, pin.library_sha256)?;
    fs::rename(library, &installed)?;
    Ok(installed)
}

fn check(path: &Path, expected: &str) -> Result<()> {
    let found = sha256(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ensure!(found == expected, "{name} was refused: expected SHA-256 {expected}, found {found}");
    Ok(())
}

/// Fetches the wheel of `pin` into `folder` with pip.
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
        let path = folder.join("onnxruntime.whl");
        let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in [("library.so", LIBRARY), (LICENCES[0].0, b"licence"), (LICENCES[1].0, b"notices")] {
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
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library");
        fs::write(&library, LIBRARY).unwrap();
        Pin {
            platform: (OS, ARCH),
            tag: "any",
            wheel_sha256: leak(sha256(&wheel(folder.path())).unwrap()),
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
