//! One sentence about what just happened: a file that was saved, or could not be.

use std::time::{Duration, Instant};

use egui::{Align, Color32, Frame, Label, Layout, Margin, Rect, RichText, Stroke, Ui, UiBuilder};

use super::colours::Colours;
use super::controls::icon_button;
use super::icons::Icon;

/// How long good news stays; bad news stays until it is closed.
const GOOD_NEWS: Duration = Duration::from_secs(12);

/// The newest message.
#[derive(Default)]
pub(crate) struct Messages {
    current: Option<Message>,
}

struct Message {
    text: String,
    is_error: bool,
    since: Instant,
}

impl Messages {
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.current = Some(Message { text: text.into(), is_error: false, since: Instant::now() });
    }

    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.current = Some(Message { text: text.into(), is_error: true, since: Instant::now() });
    }

    /// What became of something, either way.
    pub(crate) fn report(&mut self, result: Result<String, String>) {
        match result {
            Ok(text) => self.say(text),
            Err(text) => self.complain(text),
        }
    }

    /// Shows the message at the bottom of `body`, over what is there.
    pub(crate) fn show(&mut self, ui: &mut Ui, body: Rect, colours: &Colours) {
        let Some(message) = &self.current else { return };
        let age = message.since.elapsed();
        if !message.is_error && age >= GOOD_NEWS {
            self.current = None;
            return;
        }
        if !message.is_error {
            ui.ctx().request_repaint_after(GOOD_NEWS.saturating_sub(age));
        }
        let ink = if message.is_error { colours.error } else { colours.text };
        let closed = show_strip(ui, body, colours, &message.text, ink);
        if closed {
            self.current = None;
        }
    }
}

/// Returns whether it was closed.
fn show_strip(ui: &mut Ui, body: Rect, colours: &Colours, text: &str, ink: Color32) -> bool {
    let area = egui::Area::new(ui.scope_id().with("message")).order(egui::Order::Foreground).fixed_pos(body.left_bottom());
    let area = area.pivot(egui::Align2::LEFT_BOTTOM).constrain_to(body);
    let frame = Frame::new()
        .fill(colours.surface)
        .stroke(Stroke::new(1.0, colours.accent))
        .corner_radius(5)
        .inner_margin(Margin::symmetric(10, 4));
    let shown = area.show(ui.ctx(), |ui| {
        frame
            .show(ui, |ui| {
                ui.set_width(body.width() - 22.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let closed = icon_button(ui, Icon::Close, None, false, "Close this message").clicked();
                    let rest = ui.available_rect_before_wrap();
                    ui.scope_builder(UiBuilder::new().max_rect(rest).layout(Layout::left_to_right(Align::Center)), |ui| {
                        ui.add(Label::new(RichText::new(text).color(ink)).wrap());
                    });
                    closed
                })
                .inner
            })
            .inner
    });
    shown.inner
}
