//! Detects paths that lead to another machine.
//!
//! On Windows, opening such a path is enough to send the user's name and a digest of the password there. On other systems a network share is part of
//! the folder tree because the administrator of the machine mounted it, and no path can name another one.

use std::path::Path;

/// Whether opening `path` may contact another machine, judged from the path alone.
///
/// A link or a drive letter can also lead to a share: to be sure, check again with the path's canonical form, once it may be accessed.
#[must_use]
pub(crate) fn is_remote(path: &Path) -> bool {
    cfg!(windows) && leads_away(&path.to_string_lossy())
}

/// Two separators begin a share (`\\server\share`) or a device, which can be a share too (`\\.\UNC\server`, `\\?\UNC\server`); only after
/// `\\?\` and `\??\` is a drive letter certain to be one.
pub(crate) fn leads_away(path: &str) -> bool {
    let path = path.replace('/', "\\");
    let names_a_drive = |rest: &str| rest.as_bytes().get(1) == Some(&b':');
    let verbatim = [r"\\?\", r"\??\"].into_iter().find_map(|prefix| path.strip_prefix(prefix));
    match verbatim {
        Some(rest) => !names_a_drive(rest),
        None => path.starts_with(r"\\"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_devices_lead_away_however_they_are_spelt() {
        let away = [
            r"\\server\share\onnxruntime.dll",
            "//server/share/onnxruntime.dll",
            r"\/server\share",
            r"\\?\UNC\server\share",
            r"\??\UNC\server\share",
            r"\\.\pipe\name",
            r"\\.\UNC\server\share",
            r"\\?\GLOBALROOT\Device\Mup\server\share",
        ];
        for path in away {
            assert!(leads_away(path), "{path}");
        }
    }

    #[test]
    fn drives_and_relative_paths_stay_here() {
        for path in
            [r"C:\onnxruntime.dll", "C:/onnxruntime.dll", r"\\?\C:\onnxruntime.dll", r"\onnxruntime.dll", "onnxruntime.dll", ""]
        {
            assert!(!leads_away(path), "{path}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn elsewhere_two_separators_are_one() {
        assert!(!is_remote(Path::new("//usr/lib")));
    }
}
