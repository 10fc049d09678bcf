//! Makes sure that the first frame of a window comes, however long a host takes to show it.
//!
//! Under X11 baseview asks the server to tell when a frame is due, and listens to that only once its window is mapped. A frame that is asked for
//! before is told to nobody; baseview waits for it forever, and the window stays empty. egui-baseview asks 30 ms after the window is made, so a
//! host that is slower to show it, or a machine with other things to do, is enough (`docs/upstream`). A notice that the window is mapped, which
//! any client may send, lets baseview listen from the beginning; the true one comes later and changes nothing.

use nice_plug_egui::Frame;

/// For the thread of the window, before its loop begins. Where it cannot be done, the window is as slow as it would be.
#[cfg(target_os = "linux")]
pub(super) fn expect(frame: &Frame) {
    if let Err(error) = linux::tell_that_it_is_mapped(frame.baseview_window()) {
        nice_plug::nice_warn!("A window that is shown late may stay empty: {error}");
    }
}

/// Other systems draw when they show.
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
        // To nobody but the client that made the window. Checked, so that it is there before anything else can happen to the window.
        Ok(connection.send_event(false, window, EventMask::NO_EVENT, notice)?.check()?)
    }
}
