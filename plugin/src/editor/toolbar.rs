//! The row of buttons: what one does to the timeline, how one looks at it, and the panels.

use std::path::Path;

use egui::{Align, Button, Layout, Popup, PopupCloseBehavior, Rect, RichText, Ui, UiBuilder};
use moodline_engine::export::Format;

use super::axis::duration_text;
use super::controls::{group_space, icon_button};
use super::export::format_name;
use super::icons::Icon;

/// A panel beside the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Settings,
    Latency,
    About,
}

/// What a button asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ToolbarRequest {
    Hold(bool),
    Reset,
    OpenFile,
    SaveAs { format: Format, file: bool },
    SaveToFolder { format: Format, file: bool },
    Zoom(f64),
    Fit,
    Follow(bool),
    Panel(Option<Panel>),
    SwitchTheme,
}

/// What the buttons depend on.
pub(crate) struct Toolbar<'a> {
    /// Whether buttons have words.
    pub(crate) words: bool,
    pub(crate) held: bool,
    pub(crate) follow: bool,
    pub(crate) panel: Option<Panel>,
    /// Length of what was recorded on the track, seconds.
    pub(crate) recorded_s: Option<f64>,
    /// Whether the results of a file can be exported.
    pub(crate) has_file: bool,
    pub(crate) folder: &'a Path,
}

/// The choices in the menu for exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExportChoice {
    pub(crate) format: Format,
    pub(crate) file: bool,
}

impl Default for ExportChoice {
    fn default() -> Self {
        Self { format: Format::Csv, file: false }
    }
}

impl Toolbar<'_> {
    /// Shows the row in `rect` and returns what was asked for.
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
        let hint = if self.held { "Show what happens now again" } else { "Freeze what is shown; recording goes on" };
        if icon_button(ui, Icon::Hold, self.word("Hold"), self.held, hint).clicked() {
            *request = Some(ToolbarRequest::Hold(!self.held));
        }
        self.reset(ui, request);
        if icon_button(ui, Icon::Open, self.word("Open"), false, "Analyse an audio file in a second lane").clicked() {
            *request = Some(ToolbarRequest::OpenFile);
        }
        let export = icon_button(ui, Icon::Export, self.word("Export"), false, "Save the results as a file");
        Popup::from_toggle_button_response(&export)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.export_menu(ui, choice, request));
    }

    /// Forgetting needs a second click, so that a slip loses nothing.
    fn reset(&self, ui: &mut Ui, request: &mut Option<ToolbarRequest>) {
        let reset = icon_button(ui, Icon::Reset, self.word("Reset"), false, "Forget everything recorded");
        Popup::from_toggle_button_response(&reset).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            ui.set_width(210.0);
            let Some(seconds) = self.recorded_s else {
                ui.label("Nothing is recorded yet.");
                return;
            };
            ui.label(format!("Forget {} of timeline? This cannot be undone.", duration_text(seconds)));
            ui.horizontal(|ui| {
                if ui.button("Forget it").clicked() {
                    *request = Some(ToolbarRequest::Reset);
                    ui.close();
                }
                if ui.button("Keep it").clicked() {
                    ui.close();
                }
            });
        });
    }

    fn export_menu(&self, ui: &mut Ui, choice: &mut ExportChoice, request: &mut Option<ToolbarRequest>) {
        ui.set_width(210.0);
        if self.has_file {
            ui.horizontal(|ui| {
                ui.selectable_value(&mut choice.file, false, "Track");
                ui.selectable_value(&mut choice.file, true, "File");
            });
            ui.separator();
        } else {
            choice.file = false;
        }
        for format in Format::ALL {
            ui.radio_value(&mut choice.format, format, format_name(format));
        }
        ui.separator();
        let ExportChoice { format, file } = *choice;
        let is_anything = file || self.recorded_s.is_some();
        let mut ask = |ui: &mut Ui, text: RichText, hint: String, asked: ToolbarRequest| {
            let button = Button::new(text).min_size(egui::vec2(ui.available_width(), 26.0));
            if ui.add_enabled(is_anything, button).on_hover_text(hint).on_disabled_hover_text("Nothing is recorded yet").clicked()
            {
                *request = Some(asked);
                ui.close();
            }
        };
        let name =
            self.folder.file_name().map_or_else(|| self.folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        ask(ui, RichText::new("Save as …"), "Choose where".to_owned(), ToolbarRequest::SaveAs { format, file });
        let hint = format!("Save in {} under a new name; the settings have the folder", self.folder.display());
        ask(ui, RichText::new(format!("Save to {name}")), hint, ToolbarRequest::SaveToFolder { format, file });
    }

    fn view_buttons(&self, ui: &mut Ui, request: &mut Option<ToolbarRequest>) {
        if icon_button(ui, Icon::ZoomOut, None, false, "Show more time (wheel down)").clicked() {
            *request = Some(ToolbarRequest::Zoom(1.0 / 1.6));
        }
        if icon_button(ui, Icon::ZoomIn, None, false, "Show less time (wheel up)").clicked() {
            *request = Some(ToolbarRequest::Zoom(1.6));
        }
        if icon_button(ui, Icon::Fit, self.word("All"), false, "Show everything recorded (double click)").clicked() {
            *request = Some(ToolbarRequest::Fit);
        }
        let hint = "Keep the newest in sight; dragging the timeline ends it";
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
            (Panel::Latency, Icon::Latency, self.word("Latency"), "How old what you see is, and what runs the model"),
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
