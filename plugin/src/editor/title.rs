//! The title of the second lane: the file, the progress of its analysis, and buttons to cancel and to close it.

use egui::{Align, Align2, FontId, Layout, ProgressBar, Rect, RichText, Ui, UiBuilder, vec2};
use moodline_engine::live::{FileLane, FileState};

use super::colours::Colours;
use super::header::elided;
use super::headline::percent;
use super::readout::READOUT_WIDTH;

/// Width of the progress bar, points.
const BAR_WIDTH: f32 = 90.0;

/// The request of a button in the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TitleRequest {
    Cancel,
    Close,
}

/// The title of `file`.
pub(crate) struct FileTitle<'a> {
    pub(crate) file: &'a FileLane,
    /// Whether the values under the pointer are shown in the same row.
    pub(crate) is_pointed_at: bool,
    pub(crate) colours: &'a Colours,
}

/// Width of the buttons and progress at the right end of the title, points.
pub(crate) fn buttons_width(file: &FileLane) -> f32 {
    if file.state == FileState::Running { 62.0 + BAR_WIDTH + 56.0 } else { 58.0 }
}

impl FileTitle<'_> {
    /// Shows the title in `row` and any error in `lane`.
    pub(crate) fn show(&self, ui: &mut Ui, row: Rect, lane: Rect) -> Option<TitleRequest> {
        let mut request = None;
        ui.scope_builder(UiBuilder::new().max_rect(row).layout(Layout::right_to_left(Align::Center)), |ui| {
            ui.spacing_mut().interact_size.y = row.height() - 2.0;
            ui.spacing_mut().button_padding = vec2(6.0, 0.0);
            let is_running = self.file.state == FileState::Running;
            let (word, hint, asked) = if is_running {
                ("Cancel", "Stop; what was found stays", TitleRequest::Cancel)
            } else {
                ("Close", "Close this lane", TitleRequest::Close)
            };
            if ui.button(RichText::new(word).size(11.5)).on_hover_text(hint).clicked() {
                request = Some(asked);
            }
            if is_running {
                ui.add(ProgressBar::new(self.file.progress).desired_width(BAR_WIDTH).desired_height(8.0));
                ui.label(RichText::new(percent(self.file.progress)).size(11.5));
            }
        });
        let name = Rect::from_min_size(row.min + vec2(0.0, 3.0), vec2(self.room_for_name(row), row.height()));
        let painter = ui.painter().clone();
        elided(ui, &painter, name, &self.name(), FontId::proportional(11.5), self.colours.weak);
        if let FileState::Failed(reason) = &self.file.state {
            let text = painter.layout(reason.clone(), FontId::proportional(13.0), self.colours.error, lane.width() - 24.0);
            painter.with_clip_rect(lane).galley(lane.center() - text.size() / 2.0, text, self.colours.error);
        } else if self.file.segments.is_empty() && self.file.state == FileState::Running {
            let font = FontId::proportional(13.0);
            painter.text(lane.center(), Align2::CENTER_CENTER, "Analysing …", font, self.colours.weak);
        }
        request
    }

    fn room_for_name(&self, row: Rect) -> f32 {
        let free = row.width() - buttons_width(self.file);
        if self.is_pointed_at { (free - READOUT_WIDTH).max(0.0) } else { free }
    }

    fn name(&self) -> String {
        let name = self.file.path.file_name().unwrap_or(self.file.path.as_os_str()).to_string_lossy().into_owned();
        let state = match &self.file.state {
            FileState::Cancelled => " (cancelled)",
            FileState::Failed(_) => " (failed)",
            FileState::Running | FileState::Done => "",
        };
        let warnings = match self.file.warnings.len() {
            0 => String::new(),
            _ => format!(": {}", self.file.warnings.join("; ")),
        };
        format!("{name}{state}{warnings}")
    }
}
