//! The Export menu: what to export, in which format, with which options, and where to.

use std::path::Path;

use egui::{Button, DragValue, Grid, Id, Ui};
use moodline_engine::export::{CsvDialect, ExportOptions, Format, FrameRate};

use super::export::format_name;

/// Width of the menu, points.
const WIDTH: f32 = 320.0;
/// Height of its buttons, points.
const BUTTON_HEIGHT: f32 = 26.0;
/// Maximum of the setting for the shortest mark, seconds.
const LONGEST_MIN_MARK_S: f64 = 60.0;

/// The choices made in the menu.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ExportChoice {
    pub(crate) format: Format,
    /// Export the results of the file instead of the track.
    pub(crate) file: bool,
    pub(crate) options: ExportOptions,
}

impl Default for ExportChoice {
    fn default() -> Self {
        Self { format: Format::Csv, file: false, options: ExportOptions::DEFAULT }
    }
}

/// Requests made in the menu.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ExportRequest {
    /// Ask where to save.
    SaveAs(ExportChoice),
    /// Save in the export folder under a new name.
    SaveToFolder(ExportChoice),
}

/// The inputs of the menu.
pub(crate) struct ExportMenu<'a> {
    pub(crate) is_anything_recorded: bool,
    /// Whether the results of a file can be exported.
    pub(crate) has_file: bool,
    pub(crate) folder: &'a Path,
}

impl ExportMenu<'_> {
    /// Shows the menu; returns the widget of the chosen format, and the request.
    pub(crate) fn show(&self, ui: &mut Ui, choice: &mut ExportChoice) -> (Option<Id>, Option<ExportRequest>) {
        ui.set_width(WIDTH);
        if self.has_file {
            choice.file |= !self.is_anything_recorded;
            ui.horizontal(|ui| {
                ui.add_enabled_ui(self.is_anything_recorded, |ui| {
                    let track = ui.selectable_value(&mut choice.file, false, "Track");
                    track.on_disabled_hover_text("Nothing is recorded yet");
                });
                ui.selectable_value(&mut choice.file, true, "File");
            });
            ui.separator();
        }
        let chosen = formats(ui, &mut choice.format);
        ui.separator();
        options(ui, choice);
        (chosen, self.buttons(ui, ExportChoice { file: choice.file && self.has_file, ..*choice }))
    }

    fn buttons(&self, ui: &mut Ui, choice: ExportChoice) -> Option<ExportRequest> {
        let mut request = None;
        let is_anything = choice.file || self.is_anything_recorded;
        let name =
            self.folder.file_name().map_or_else(|| self.folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        let hint = format!("Save in {} under a new name; the settings have the folder", self.folder.display());
        // Side by side, because the smallest window has no spare line.
        ui.horizontal(|ui| {
            let size = [(ui.available_width() - ui.spacing().item_spacing.x) / 2.0, BUTTON_HEIGHT];
            let mut ask = |text: String, hint: String, asked: ExportRequest| {
                let clicked = ui.add_enabled_ui(is_anything, |ui| {
                    let button = ui.add_sized(size, Button::new(text).truncate());
                    button.on_hover_text(hint).on_disabled_hover_text("Nothing is recorded yet").clicked()
                });
                if clicked.inner {
                    request = Some(asked);
                    ui.close();
                }
            };
            ask("Save as …".to_owned(), "Choose where".to_owned(), ExportRequest::SaveAs(choice));
            ask(format!("Save to {name}"), hint, ExportRequest::SaveToFolder(choice));
        });
        request
    }
}

/// The formats in two columns, each in order from top to bottom; returns the widget of the chosen one.
fn formats(ui: &mut Ui, chosen: &mut Format) -> Option<Id> {
    let mut widget = None;
    let n_rows = Format::ALL.len().div_ceil(2);
    Grid::new("formats").num_columns(2).min_col_width(WIDTH / 2.0 - 8.0).spacing([8.0, 2.0]).show(ui, |ui| {
        for row in 0..n_rows {
            for format in Format::ALL.into_iter().skip(row).step_by(n_rows) {
                let button = ui.radio_value(chosen, format, format_name(format));
                widget = widget.or((*chosen == format).then_some(button.id));
            }
            ui.end_row();
        }
    });
    widget
}

/// The options of the format.
fn options(ui: &mut Ui, choice: &mut ExportChoice) {
    let ExportChoice { format, options, .. } = choice;
    match format {
        Format::Json => {}
        Format::Csv => {
            ui.horizontal(|ui| {
                ui.selectable_value(&mut options.csv, CsvDialect::Rfc4180, "0.5, 1.0")
                    .on_hover_text("For programs: commas between columns, decimal points");
                ui.selectable_value(&mut options.csv, CsvDialect::Excel, "0,5; 1,0")
                    .on_hover_text("For spreadsheets that write decimals with a comma: semicolons between columns");
            });
        }
        _ => {
            ui.horizontal(|ui| {
                let length = &mut options.marks.min_length_s;
                let value = DragValue::new(length).range(0.0..=LONGEST_MIN_MARK_S).speed(0.1).max_decimals(1).suffix(" s");
                ui.label("Shortest mark");
                ui.add(value).on_hover_text("Shorter ones go to the longer neighbour");
            });
        }
    }
    if format.has_frames() {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for rate in FrameRate::ALL {
                ui.selectable_value(&mut options.frame_rate, rate, rate.name()).on_hover_text("Frame rate of the timeline");
            }
        });
    }
}
