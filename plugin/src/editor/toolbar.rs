//! The row of buttons: actions on the timeline, ways to view it, and the panels.

use std::path::Path;

use egui::{Align, Layout, Rect, Ui, UiBuilder};
use moodline_engine::display::time::duration_text;

use super::controls::{forget_or_keep, group_space, icon_button, popup};
use super::export_menu::{ExportChoice, ExportMenu, ExportRequest};
use super::icons::Icon;

/// A panel beside the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Settings,
    Latency,
    About,
}

/// Zoom factor per [`ToolbarRequest::Zoom`].
pub(crate) const ZOOM_STEP: f64 = 1.6;

/// The request of a button or key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ToolbarRequest {
    Hold(bool),
    Reset,
    OpenFile,
    Export(ExportRequest),
    Zoom(f64),
    /// Move by this multiple of the visible range.
    Pan(f64),
    /// Show the beginning, or follow the newest data.
    Beginning,
    Newest,
    Fit,
    Follow(bool),
    Panel(Option<Panel>),
    SwitchTheme,
}

/// The inputs of the toolbar.
pub(crate) struct Toolbar<'a> {
    /// Whether buttons have words.
    pub(crate) words: bool,
    pub(crate) held: bool,
    pub(crate) follow: bool,
    pub(crate) panel: Option<Panel>,
    /// Length of the track's recording, seconds.
    pub(crate) recorded_s: Option<f64>,
    /// Whether the results of a file can be exported.
    pub(crate) has_file: bool,
    pub(crate) folder: &'a Path,
}

impl Toolbar<'_> {
    /// Shows the row in `rect` and returns the request.
    pub(crate) fn show(&self, ui: &mut Ui, rect: Rect, choice: &mut ExportChoice) -> Option<ToolbarRequest> {
        let mut request = None;
        ui.scope_builder(UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center)), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            self.timeline_buttons(ui, choice, &mut request);
            group_space(ui);
            self.view_buttons(ui, &mut request);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| self.panel_buttons(ui, &mut request));
        });
        request
    }

    fn word(&self, word: &'static str) -> Option<&'static str> {
        self.words.then_some(word)
    }

    fn timeline_buttons(&self, ui: &mut Ui, choice: &mut ExportChoice, request: &mut Option<ToolbarRequest>) {
        let hint = if self.held { "Show the current results again" } else { "Freeze the display; recording continues" };
        if icon_button(ui, Icon::Hold, self.word("Hold"), self.held, hint).clicked() {
            *request = Some(ToolbarRequest::Hold(!self.held));
        }
        self.reset(ui, request);
        if icon_button(ui, Icon::Open, self.word("Open"), false, "Analyse an audio file in a second lane").clicked() {
            *request = Some(ToolbarRequest::OpenFile);
        }
        let export = icon_button(ui, Icon::Export, self.word("Export"), false, "Save the results as a file");
        popup(&export, |ui| {
            let menu =
                ExportMenu { is_anything_recorded: self.recorded_s.is_some(), has_file: self.has_file, folder: self.folder };
            let (first, asked) = menu.show(ui, choice);
            if let Some(asked) = asked {
                *request = Some(ToolbarRequest::Export(asked));
            }
            first
        });
    }

    fn reset(&self, ui: &mut Ui, request: &mut Option<ToolbarRequest>) {
        let reset = icon_button(ui, Icon::Reset, self.word("Reset"), false, "Forget everything recorded");
        popup(&reset, |ui| {
            let Some(seconds) = self.recorded_s else {
                ui.set_width(210.0);
                ui.label("Nothing is recorded yet.");
                return None;
            };
            let question = format!("Forget {} of timeline? This cannot be undone.", duration_text(seconds));
            let (forget, keep) = forget_or_keep(ui, &question);
            if forget {
                *request = Some(ToolbarRequest::Reset);
            }
            Some(keep)
        });
    }

    fn view_buttons(&self, ui: &mut Ui, request: &mut Option<ToolbarRequest>) {
        if icon_button(ui, Icon::ZoomOut, None, false, "Show more time (wheel down, -)").clicked() {
            *request = Some(ToolbarRequest::Zoom(1.0 / ZOOM_STEP));
        }
        if icon_button(ui, Icon::ZoomIn, None, false, "Show less time (wheel up, +)").clicked() {
            *request = Some(ToolbarRequest::Zoom(ZOOM_STEP));
        }
        if icon_button(ui, Icon::Fit, self.word("All"), false, "Show everything recorded (double click)").clicked() {
            *request = Some(ToolbarRequest::Fit);
        }
        let hint = "Keep the newest results in sight; dragging the timeline turns this off";
        if icon_button(ui, Icon::Follow, self.word("Follow"), self.follow, hint).clicked() {
            *request = Some(ToolbarRequest::Follow(!self.follow));
        }
    }

    fn panel_buttons(&self, ui: &mut Ui, request: &mut Option<ToolbarRequest>) {
        if icon_button(ui, Icon::Theme, None, false, "Light or dark").clicked() {
            *request = Some(ToolbarRequest::SwitchTheme);
        }
        let panels = [
            (Panel::About, Icon::About, None, "About, and responsible use"),
            (Panel::Latency, Icon::Latency, self.word("Latency"), "How old the display is, and what runs the model"),
            (Panel::Settings, Icon::Settings, self.word("Settings"), "Settings"),
        ];
        for (panel, icon, word, hint) in panels {
            let is_open = self.panel == Some(panel);
            if icon_button(ui, icon, word, is_open, hint).clicked() {
                *request = Some(ToolbarRequest::Panel((!is_open).then_some(panel)));
            }
        }
    }
}
