//! Files dropped on the window.
//!
//! The windowing crate receives drops on every system, but the egui adapter above it passes none on, and there is no hook between the two. X11 allows a
//! window to name another one that takes drops for it (`XdndProxy`), so that is used on Linux. A dedicated thread waits for such drops and sleeps otherwise.
//!
//! # Source
//! "Drag-and-Drop Protocol for the X Window System", version 5, <https://www.freedesktop.org/wiki/Specifications/XDND/>

#[cfg(target_os = "linux")]
mod xdnd;

use std::path::PathBuf;
use std::sync::Arc;

use nice_plug_egui::{Frame, RepaintNotifier};
use parking_lot::Mutex;

#[cfg(target_os = "linux")]
pub(super) use xdnd::{ProxyError, number_of};

/// The dropped file, and whether a file is being held over the window.
#[derive(Clone, Default)]
pub(crate) struct Drops {
    state: Arc<Mutex<DropState>>,
    notifier: RepaintNotifier,
}

#[derive(Default)]
struct DropState {
    hovers: bool,
    dropped: Option<PathBuf>,
}

/// Listens for drops while it exists.
pub(crate) struct Listener {
    #[cfg(target_os = "linux")]
    _proxy: Option<xdnd::Proxy>,
}

impl Drops {
    /// `notifier` requests a frame of the window.
    pub(crate) fn new(notifier: RepaintNotifier) -> Self {
        Self { state: Arc::default(), notifier }
    }

    /// Starts listening for drops on the window of `frame`. If that fails, no drops are received.
    pub(crate) fn listen(&self, frame: &Frame) -> Listener {
        #[cfg(target_os = "linux")]
        {
            let proxy = xdnd::Proxy::of(frame.baseview_window(), self.clone());
            if let Err(error) = &proxy {
                nice_plug::nice_warn!("Files cannot be dropped on the editor: {error}");
            }
            Listener { _proxy: proxy.ok() }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = frame;
            Listener {}
        }
    }

    /// The file dropped since the last call.
    pub(crate) fn take(&self) -> Option<PathBuf> {
        self.state.lock().dropped.take()
    }

    /// Whether a file is held over the window.
    pub(crate) fn hovers(&self) -> bool {
        self.state.lock().hovers
    }

    #[cfg(target_os = "linux")]
    fn hover(&self, hovers: bool) {
        if std::mem::replace(&mut self.state.lock().hovers, hovers) != hovers {
            self.notifier.request_repaint();
        }
    }

    #[cfg(target_os = "linux")]
    fn drop(&self, path: PathBuf) {
        self.state.lock().dropped = Some(path);
        self.notifier.request_repaint();
    }
}

/// The first local file of a `text/uri-list` (RFC 2483).
#[cfg(target_os = "linux")]
fn first_file(uri_list: &[u8]) -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    let path_of = |line: &[u8]| {
        let rest = line.strip_prefix(b"file://")?;
        // The text between the slashes is the host: empty, or this machine.
        let path = &rest[rest.iter().position(|byte| *byte == b'/')?..];
        Some(PathBuf::from(OsString::from_vec(percent_decoded(path))))
    };
    uri_list.split(|byte| matches!(byte, b'\r' | b'\n')).find_map(path_of)
}

#[cfg(target_os = "linux")]
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((16 * high + low) as u8);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_first_local_file_is_taken() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"file:///a/b%20c.wav\r\n", Some("/a/b c.wav")),
            (b"# comment\r\nhttp://x/y\r\nfile://host/z\r\nfile:///late", Some("/z")),
            (b"file:///%C3%A4.wav\0", Some("/\u{e4}.wav\0")),
            (b"file:///100%", Some("/100%")),
            (b"http://x/y", None),
            (b"", None),
        ];
        for (list, path) in cases {
            assert_eq!(first_file(list), path.map(PathBuf::from));
        }
    }
}
