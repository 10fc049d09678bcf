//! Helpers for files and their digests.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut Sink(&mut digest)).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex(&digest.finalize()))
}

struct Sink<'a>(&'a mut Sha256);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies a file, or a folder with all its contents, to a path that does not exist yet.
///
/// # Errors
/// Something cannot be read or written.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
        return Ok(());
    }
    fs::create_dir(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Removes a file, or a folder with all its contents; returns whether it existed.
///
/// # Errors
/// It cannot be removed.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    let outcome = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    outcome.with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(true)
}

/// Moves the file or folder `new` to `old`, replacing it if it exists; both must be on the same disk.
///
/// A concurrent reader finds the old one, briefly none, or the new one, but never a partial one.
///
/// # Errors
/// It cannot be moved; `old` is then unchanged.
pub(crate) fn replace(old: &Path, new: &Path) -> Result<()> {
    let aside = new.with_extension("old");
    let had_one = old.symlink_metadata().is_ok();
    if had_one {
        fs::rename(old, &aside).with_context(|| format!("cannot replace {}", old.display()))?;
    }
    if let Err(error) = fs::rename(new, old) {
        if had_one {
            fs::rename(&aside, old).with_context(|| format!("{} is now {}", old.display(), aside.display()))?;
        }
        return Err(error).with_context(|| format!("cannot write {}", old.display()));
    }
    remove(&aside)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("old/inside")).unwrap();
        fs::write(at("old/inside/stale"), "stale").unwrap();
        fs::create_dir_all(at("source/inside")).unwrap();
        fs::write(at("source/inside/fresh"), "fresh").unwrap();
        copy(&at("source"), &at("new")).unwrap();
        replace(&at("old"), &at("new")).unwrap();
        assert_eq!(fs::read_to_string(at("old/inside/fresh")).unwrap(), "fresh");
        assert!(!at("old/inside/stale").exists() && !at("new").exists() && !at("new.old").exists());
        assert!(remove(&at("old")).unwrap());
        assert!(!remove(&at("old")).unwrap());
    }

    #[test]
    fn what_cannot_be_replaced_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old");
        fs::write(&old, "old").unwrap();
        let error = replace(&old, &folder.path().join("absent")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write"), "{error}");
        assert_eq!(fs::read_to_string(&old).unwrap(), "old");
        replace(&folder.path().join("other"), &old).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("other")).unwrap(), "old");
    }

    #[test]
    fn the_digest_is_the_standard_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        assert_eq!(sha256(file.path()).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
