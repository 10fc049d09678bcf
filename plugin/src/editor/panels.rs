//! The panels: settings, latency, about. Beside the timeline if there is room, otherwise over it.

mod about;
mod latency;
mod settings;
mod voice;

use egui::{Align, Frame, Layout, Margin, Rect, RichText, ScrollArea, Stroke, Ui, UiBuilder};

use super::colours::Colours;
use super::controls::icon_button;
use super::icons::Icon;
use super::layout::PANEL_WIDTH;
use super::toolbar::Panel;

pub(crate) use latency::LatencyPanel;
pub(crate) use settings::{SettingsPanel, SettingsRequest};
pub(crate) use voice::{VoiceRequest, VoiceSettings, text as voice_text};

/// Shows a panel with `content` at `rect`; returns whether it was closed, and the result of `content`.
pub(crate) fn show<R>(
    ui: &mut Ui,
    panel: Panel,
    rect: Rect,
    overlays: bool,
    colours: &Colours,
    content: impl FnOnce(&mut Ui) -> R,
) -> (bool, R) {
    let frame =
        Frame::new().fill(colours.surface).stroke(Stroke::new(1.0, colours.line)).corner_radius(5).inner_margin(Margin::same(10));
    let inside = |ui: &mut Ui| {
        frame
            .show(ui, |ui| {
                ui.set_width(PANEL_WIDTH - 22.0);
                ui.set_height(rect.height() - 22.0);
                let closed = title(ui, panel);
                let result = ScrollArea::vertical().auto_shrink(false).show(ui, content).inner;
                (closed, result)
            })
            .inner
    };
    if overlays {
        let area = egui::Area::new(ui.scope_id().with("panel")).order(egui::Order::Middle).fixed_pos(rect.min).constrain(false);
        area.show(ui.ctx(), inside).inner
    } else {
        ui.scope_builder(UiBuilder::new().max_rect(rect), inside).inner
    }
}

fn title(ui: &mut Ui, panel: Panel) -> bool {
    let name = match panel {
        Panel::Settings => "Settings",
        Panel::Latency => "Latency",
        Panel::About => "About Moodline",
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).heading());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            icon_button(ui, Icon::Close, None, false, "Close this panel").clicked()
        })
        .inner
    })
    .inner
}

/// The contents of the About panel.
pub(crate) fn about(ui: &mut Ui) {
    about::show(ui);
}
