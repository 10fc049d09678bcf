//! The temporary files of this process, tracked so that none is left behind when it ends during a write.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use parking_lot::Mutex;

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary file that exists, until this is dropped.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// Registers the file at `path` that `open` creates.
    pub(super) fn create(path: &Path, open: impl FnOnce(&Path) -> io::Result<File>) -> io::Result<(Self, File)> {
        // Locked while the file is created, so that it never exists without being listed.
        let mut list = UNFINISHED.lock();
        let file = open(path)?;
        list.insert(path.to_owned());
        Ok((Self(path.to_owned()), file))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().remove(&self.0);
    }
}

/// Ends the process immediately, leaving no partially written files. For a user who does not want to wait.
pub fn exit(code: i32) -> ! {
    // Never unlocked, so that no other thread starts a file that would not be removed.
    let list = UNFINISHED.lock();
    for path in &*list {
        let _ = fs::remove_file(path);
    }
    process::exit(code)
}
