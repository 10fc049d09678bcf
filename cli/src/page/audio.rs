//! How a page accesses the recording: by a link relative to the page, or embedded in it.

use std::path::{Component, Path, PathBuf};

use anyhow::bail;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use moodline_engine::decode::STANDARD_INPUT;
use moodline_engine::display::time::duration_text;

use super::opus;

/// Longest recording that is embedded in a page, seconds: browsers still open the resulting page at once.
const LONGEST_EMBEDDED_S: f64 = 4.0 * 3600.0;

/// The recording, of `duration_s` seconds, as a `data:` URL: converted to Opus, so that every browser plays it and the page of an hour of stereo takes 28 MB.
///
/// # Errors
/// It cannot be read a second time, or is too long.
pub(super) fn embedded(path: &Path, duration_s: f64) -> anyhow::Result<String> {
    if duration_s > LONGEST_EMBEDDED_S {
        let (most, found) = (duration_text(LONGEST_EMBEDDED_S), duration_text(duration_s));
        bail!("{}: expected at most {most} to be a part of a page, found {found}: link to it", path.display());
    }
    if path.as_os_str() == STANDARD_INPUT {
        bail!("expected a file to be a part of a page, found standard input, which is read once: use --page-audio none");
    }
    Ok(format!("data:audio/ogg;base64,{}", BASE64_STANDARD.encode(opus::of_file(path)?)))
}

/// The URL of `target` relative to a page in `folder`.
pub(super) fn relative_url(folder: &Path, target: &Path) -> String {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
    let (folder, target) = (absolute(folder), absolute(target));
    let n_common = folder.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(n_common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(target.components().skip(n_common)).collect();
    let parts: Vec<String> = path.components().map(|part| encoded(&part.as_os_str().to_string_lossy())).collect();
    // A name with a colon would be mistaken for a scheme.
    if path.starts_with("..") { parts.join("/") } else { format!("./{}", parts.join("/")) }
}

/// One component of a path, percent-encoded for a URL.
pub(super) fn encoded(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn links_are_relative_and_any_name_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("results");
        fs::create_dir_all(inner.join("deep")).unwrap();
        let recording = folder.path().join("a b#1%é.wav");
        fs::write(&recording, "").unwrap();
        assert_eq!(relative_url(&inner, &recording), "../a%20b%231%25%C3%A9.wav");
        assert_eq!(relative_url(&inner.join("deep"), &recording), "../../a%20b%231%25%C3%A9.wav");
        assert_eq!(relative_url(folder.path(), &recording), "./a%20b%231%25%C3%A9.wav");
    }

    #[test]
    fn what_cannot_be_a_part_of_a_page_is_refused() {
        for (path, duration_s, words) in [
            ("talk.aiff", 15_000.0, "talk.aiff: expected at most 4:00:00 h to be a part of a page, found 4:10:00 h"),
            ("-", 60.0, "expected a file to be a part of a page, found standard input"),
        ] {
            let error = embedded(Path::new(path), duration_s).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
