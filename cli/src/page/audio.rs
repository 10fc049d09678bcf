//! How a page gets at the recording: by a link relative to itself, or as a part of itself.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Largest recording that becomes a part of a page, bytes: a third more as text, which browsers still open at once.
pub(crate) const MOST_EMBEDDED: u64 = 48 * 1024 * 1024;

/// Endings of what browsers play, with the type that they want to hear.
const PLAYABLE: [(&str, &str); 12] = [
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("m4a", "audio/mp4"),
    ("m4b", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("mp4", "audio/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("wave", "audio/wav"),
    ("webm", "audio/webm"),
];

/// The recording as a `data:` URL.
pub(super) fn embedded(path: &Path) -> anyhow::Result<String> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    let Some((_, kind)) = PLAYABLE.iter().find(|(playable, _)| *playable == extension) else {
        bail!(
            "{}: browsers play no such file, so that it cannot be a part of the page: convert it, or link to it",
            path.display()
        );
    };
    let unreadable = || format!("{}: the recording cannot be read again", path.display());
    let n_bytes = path.metadata().with_context(unreadable)?.len();
    if n_bytes > MOST_EMBEDDED {
        let most = MOST_EMBEDDED / 1024 / 1024;
        bail!("{}: expected at most {most} MiB to be a part of a page, found {n_bytes} bytes: link to it", path.display());
    }
    let bytes = fs::read(path).with_context(unreadable)?;
    Ok(format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes)))
}

/// The URL of `target` relative to a page in `folder`.
pub(super) fn relative_url(folder: &Path, target: &Path) -> String {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
    let (folder, target) = (absolute(folder), absolute(target));
    let n_common = folder.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(n_common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(target.components().skip(n_common)).collect();
    let parts: Vec<String> = path.components().map(|part| encoded(&part.as_os_str().to_string_lossy())).collect();
    // A name with a colon would be taken for a scheme.
    if path.starts_with("..") { parts.join("/") } else { format!("./{}", parts.join("/")) }
}

/// One part of a path, as a URL has it.
pub(super) fn encoded(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
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
    fn what_browsers_do_not_play_is_refused() {
        let error = embedded(Path::new("talk.aiff")).unwrap_err().to_string();
        assert!(error.starts_with("talk.aiff: browsers play no such file"), "{error}");
    }
}
