//! Makes sure that the first frame of a window is drawn, however long a host takes to show it.
//!
//! Under X11, baseview asks the server to report when a frame is due, but handles the report only once its window is mapped. A report that arrives earlier is
//! lost; baseview waits for it forever, and the window stays empty. egui-baseview makes the request 30 ms after the window is created, so a host that is
//! slower to show it, or a busy machine, is enough (`docs/upstream`). A synthetic map notification, which any client may send, makes baseview listen from the
//! beginning; the real one comes later and changes nothing.

use nice_plug_egui::Frame;

/// To be called on the window's thread, before its event loop begins. If it fails, a window that is shown late may stay empty.
#[cfg(target_os = "linux")]
pub(super) fn expect(frame: &Frame) {
    if let Err(error) = linux::tell_that_it_is_mapped(frame.baseview_window()) {
        nice_plug::nice_warn!("A window that is shown late may stay empty: {error}");
    }
}

/// On other systems, windows are drawn when shown.
#[cfg(not(target_os = "linux"))]
pub(super) const fn expect(_frame: &Frame) {}

#[cfg(target_os = "linux")]
mod linux {
    use nice_plug_egui::baseview::WindowContext;
    use x11rb::protocol::xproto::{ConnectionExt as _, EventMask, MAP_NOTIFY_EVENT, MapNotifyEvent};

    use crate::editor::drops::{ProxyError, number_of};

    pub(super) fn tell_that_it_is_mapped(window: &WindowContext) -> Result<(), ProxyError> {
        let window = number_of(window).ok_or(ProxyError::NoNumber)?;
        let (connection, _) = x11rb::connect(None)?;
        let notice =
            MapNotifyEvent { response_type: MAP_NOTIFY_EVENT, sequence: 0, event: window, window, override_redirect: false };
        // Sent only to the client that created the window. Checked, so that it arrives before anything else can happen to the window.
        Ok(connection.send_event(false, window, EventMask::NO_EVENT, notice)?.check()?)
    }
}
