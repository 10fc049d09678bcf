//! Keyboard shortcuts while no widget has the focus, as in media players and timelines.

use egui::{InputState, Key, Modifiers};

use super::toolbar::{ToolbarRequest, ZOOM_STEP};

/// How far an arrow key pans, as a fraction of the visible range; with Shift, by a page.
const ARROW: f64 = 0.1;
const PAGE: f64 = 0.9;

/// The request made by a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KeyRequest {
    /// A request that a button could make.
    Toolbar(ToolbarRequest),
    /// Close whatever is open.
    Close,
}

/// The requests of this frame's keys. Space belongs to the host if there is one, as its play/stop key.
pub(crate) fn asked(input: &InputState, held: bool, has_host: bool) -> Option<KeyRequest> {
    let request = |key: Key, modifiers: Modifiers| {
        let far = if modifiers.shift { PAGE } else { ARROW };
        Some(KeyRequest::Toolbar(match key {
            Key::Space if !has_host => ToolbarRequest::Hold(!held),
            Key::ArrowLeft => ToolbarRequest::Pan(-far),
            Key::ArrowRight => ToolbarRequest::Pan(far),
            Key::PageUp => ToolbarRequest::Pan(-PAGE),
            Key::PageDown => ToolbarRequest::Pan(PAGE),
            Key::ArrowUp | Key::Plus | Key::Equals => ToolbarRequest::Zoom(ZOOM_STEP),
            Key::ArrowDown | Key::Minus => ToolbarRequest::Zoom(1.0 / ZOOM_STEP),
            Key::Home => ToolbarRequest::Beginning,
            Key::End => ToolbarRequest::Newest,
            Key::Escape => return Some(KeyRequest::Close),
            _ => return None,
        }))
    };
    input.events.iter().find_map(|event| match event {
        // Keys with Ctrl, Alt or Cmd belong to others.
        egui::Event::Key { key, pressed: true, modifiers, .. } if (*modifiers | Modifiers::SHIFT) == Modifiers::SHIFT => {
            request(*key, *modifiers)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use egui::{Context, Event, RawInput};

    use super::*;

    #[test]
    fn space_holds_where_no_host_plays_by_it() {
        let space = |modifiers| Event::Key { key: Key::Space, physical_key: None, pressed: true, repeat: false, modifiers };
        let asked = |modifiers, held, has_host| {
            let mut request = None;
            let input = RawInput { events: vec![space(modifiers)], ..RawInput::default() };
            let mut output = Context::default().run_ui(input, |ui| request = ui.input(|input| asked(input, held, has_host)));
            output.textures_delta.clear();
            request
        };
        assert_eq!(asked(Modifiers::NONE, false, false), Some(KeyRequest::Toolbar(ToolbarRequest::Hold(true))));
        assert_eq!(asked(Modifiers::NONE, true, false), Some(KeyRequest::Toolbar(ToolbarRequest::Hold(false))));
        assert_eq!(asked(Modifiers::CTRL, false, false), None);
        assert_eq!(asked(Modifiers::NONE, false, true), None);
    }
}
