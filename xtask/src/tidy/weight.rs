//! The size of the checkout, which everyone has to clone first.

use std::path::Path;

/// Maximum total size of all tracked files, bytes.
const MOST: u64 = 8_000_000;

/// Number of largest files to name.
const N_NAMED: usize = 5;

/// The violation if these files, relative to `root`, are too large.
pub(super) fn check(root: &Path, files: &[String]) -> Option<String> {
    // A tracked file that was just deleted has size zero.
    let size = |file: &str| std::fs::symlink_metadata(root.join(file)).map_or(0, |metadata| metadata.len());
    violation(files.iter().map(|file| (size(file), file.as_str())).collect(), MOST)
}

fn violation(mut sizes: Vec<(u64, &str)>, most: u64) -> Option<String> {
    let total: u64 = sizes.iter().map(|(size, _)| size).sum();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let largest: Vec<&str> = sizes.iter().take(N_NAMED).map(|(_, file)| *file).collect();
    (total > most).then(|| {
        format!(
            "the tracked files have {total} bytes, at most {most} are allowed: leave out what one command makes again, compress test data as \
             tests/golden does, or shorten it; the largest are {}",
            largest.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_said_with_the_largest_files() {
        let sizes = || vec![(10, "small"), (70, "large"), (20, "middle")];
        assert_eq!(violation(sizes(), 100), None);
        let sentence = violation(sizes(), 99).unwrap();
        assert!(sentence.starts_with("the tracked files have 100 bytes, at most 99 are allowed: "), "{sentence}");
        assert!(sentence.ends_with("the largest are large, middle, small"), "{sentence}");
    }

    #[test]
    fn a_deleted_file_weighs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), vec![0; 7]).unwrap();
        let files = ["a", "gone"].map(str::to_owned);
        assert_eq!(check(folder.path(), &files), None);
    }
}
