//! The editor's window: the resources that live while it is open, its size, and its style.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use egui::{Context, FontFamily, FontId, Id, Rect, Stroke, StrokeKind, TextStyle, Ui, ViewportCommand, vec2};
use moodline_engine::live::Control;
use moodline_engine::panics;
use nice_plug::context::gui::GuiContext;

use super::colours::Colours;
use super::drops::Listener;

/// Margin after which a scheduled time has surely passed.
pub(crate) const BLINK: Duration = Duration::from_millis(20);

/// Lives as long as a window. The framework does not report when a window closes, but drops its egui context then, and this with it.
pub(crate) struct OpenWindow {
    gui: GuiContext,
    control: Control,
    n_open: Arc<AtomicUsize>,
    _drops: Listener,
}

impl OpenWindow {
    fn id() -> Id {
        Id::unique("moodline open window")
    }

    /// Ties access to the host, and the worker's notifications, to the window of `ctx`.
    pub(crate) fn attach(ctx: &Context, gui: GuiContext, control: &Control, n_open: &Arc<AtomicUsize>, drops: Listener) {
        n_open.fetch_add(1, Ordering::Relaxed);
        control.set_watched(true);
        let open = Self { gui, control: control.clone(), n_open: Arc::clone(n_open), _drops: drops };
        ctx.data_mut(|data| data.insert_temp(Self::id(), Arc::new(open)));
    }

    /// Access to the host's parameters.
    pub(crate) fn host(ctx: &Context) -> Option<GuiContext> {
        ctx.data(|data| data.get_temp::<Arc<Self>>(Self::id())).map(|open| open.gui.clone())
    }
}

impl Drop for OpenWindow {
    fn drop(&mut self) {
        // A host may open the next window before it closes this one.
        if self.n_open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.control.set_watched(false);
        }
    }
}

/// Runs `action`; a panic in it closes this window and becomes a message in the next one. It cannot be handled further up: the framework passes a panic in a
/// window's thread on to the host's, where it ends the process.
pub(crate) fn catch_panic(ctx: &Context, action: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(action)).err()?;
    let reason = panics::reason(&*panic);
    ctx.send_viewport_cmd(ViewportCommand::Close);
    Some(format!("The window was closed by an internal error ({reason}). The analysis continued; please report this."))
}

/// Requests the size stored in a session, unless the window already has it.
pub(crate) fn resize(ui: &Ui, width: u32, height: u32) {
    let wanted = vec2(width as f32, height as f32);
    if (ui.max_rect().size() - wanted).abs().max_elem() > 1.0 {
        ui.send_viewport_cmd(ViewportCommand::InnerSize(wanted));
    }
}

/// Applies the editor's style to egui: compact, without animations, in `colours`.
pub(crate) fn apply_style(ctx: &Context, colours: &Colours) {
    ctx.options_mut(|options| {
        options.zoom_with_keyboard = false;
    });
    ctx.all_styles_mut(|style| {
        style.visuals = colours.visuals();
        // Animations would cause repaints while nothing changes.
        style.animation_time = 0.0;
        // Floating scroll bars would cover the values beside them.
        style.spacing.scroll.floating_allocated_width = 8.0;
        style.interaction.selectable_labels = false;
        style.spacing.item_spacing = vec2(8.0, 4.0);
        style.spacing.button_padding = vec2(8.0, 3.0);
        style.spacing.interact_size.y = 22.0;
        let sizes = [(TextStyle::Small, 11.0), (TextStyle::Body, 13.0), (TextStyle::Button, 13.0), (TextStyle::Heading, 16.0)];
        for (text_style, size) in sizes {
            style.text_styles.insert(text_style, FontId::new(size, FontFamily::Proportional));
        }
    });
}

/// Shows that a file held over the window can be dropped.
pub(crate) fn show_drop_hint(ui: &Ui, body: Rect, colours: &Colours) {
    let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, Id::unique("moodline drop hint")));
    painter.rect(body, 6.0, colours.surface.gamma_multiply(0.9), Stroke::new(2.0, colours.accent), StrokeKind::Inside);
    painter.text(body.center(), egui::Align2::CENTER_CENTER, "Drop to analyse", FontId::proportional(20.0), colours.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_sentence_and_closes_the_window() {
        let ctx = Context::default();
        let mut sentence = None;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| sentence = catch_panic(ui.ctx(), || panic!("min > max")));
        output.textures_delta.clear();
        assert!(sentence.unwrap().contains("internal error (min > max)"));
        let commands: Vec<_> = output.viewport_output.values().flat_map(|viewport| viewport.commands.clone()).collect();
        assert!(commands.contains(&ViewportCommand::Close), "{commands:?}");
        assert_eq!(catch_panic(&ctx, || {}), None);
    }
}
