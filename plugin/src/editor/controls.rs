//! Widgets: buttons with drawn icons, and parameter controls that go through the host, so that it can record automation and undo.

use egui::{
    Align, ComboBox, Id, Key, Layout, Popup, PopupCloseBehavior, Response, Role, Sense, Slider, TextWrapMode, Ui, Vec2,
    WidgetInfo, WidgetText, vec2,
};
use nice_plug::context::gui::ParamSetter;
use nice_plug::prelude::Param;

use super::icons::{self, Icon};

/// Side length of an icon-only button, points.
pub(crate) const BUTTON: f32 = 26.0;

/// Width of setting names, points.
const NAME_WIDTH: f32 = 78.0;
/// Width of setting values, points.
const VALUE_WIDTH: f32 = 58.0;

/// Access to the host's parameters; without a host, values are read-only.
pub(crate) struct ParamHost<'a>(pub(crate) Option<ParamSetter<'a>>);

impl ParamHost<'_> {
    pub(crate) fn begin(&self, param: &impl Param) {
        if let Some(setter) = &self.0 {
            setter.begin_set_parameter(param);
        }
    }

    /// Must be between [`Host::begin`] and [`Host::end`].
    fn set<P: Param>(&self, param: &P, normalized: f32) {
        if let Some(setter) = &self.0 {
            setter.set_parameter(param, param.preview_plain(normalized));
        }
    }

    pub(crate) fn end(&self, param: &impl Param) {
        if let Some(setter) = &self.0 {
            setter.end_set_parameter(param);
        }
    }

    /// One complete gesture.
    pub(crate) fn change(&self, param: &impl Param, normalized: f32) {
        self.begin(param);
        self.set(param, normalized);
        self.end(param);
    }
}

/// A button with an icon and, where there is room, a word; `on` shows it as active.
pub(crate) fn icon_button(ui: &mut Ui, icon: Icon, word: Option<&str>, on: bool, hint: &str) -> Response {
    let text = word
        .map(|word| WidgetText::from(word).into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, egui::TextStyle::Button));
    let width = text.as_ref().map_or(BUTTON, |text| BUTTON + text.size().x + 6.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, BUTTON), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), on, hint));
    if ui.is_rect_visible(rect) {
        let style = ui.style().interact(&response);
        let selection = ui.visuals().selection;
        let (fill, ink) =
            if on { (selection.bg_fill, selection.stroke.color) } else { (style.weak_bg_fill, style.fg_stroke.color) };
        ui.painter().rect(rect, style.corner_radius, fill, style.bg_stroke, egui::StrokeKind::Inside);
        icons::paint(ui.painter(), icon, rect.with_max_x(rect.left() + BUTTON), ink);
        if let Some(text) = text {
            let at = egui::pos2(rect.left() + BUTTON - 1.0, rect.center().y - text.size().y / 2.0);
            ui.painter().galley_with_override_text_color(at, text, ink);
        }
    }
    response.on_hover_text(hint)
}

/// Shows the popup of `button` and moves the keyboard focus into it: the widget that `content` returns gets the focus, Tab stays inside, and Escape closes
/// the popup and returns the focus to the button.
pub(crate) fn popup(button: &Response, content: impl FnOnce(&mut Ui) -> Option<Id>) {
    let id = Popup::default_response_id(button);
    let was_open = Popup::is_id_open(&button.ctx, id);
    let closes = button.ctx.input(|input| input.key_pressed(Key::Escape));
    Popup::from_toggle_button_response(button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        // The layer would still block the button in the next frame.
        if !closes {
            ui.memory_mut(|memory| memory.set_modal_layer(ui.layer_id()));
        }
        let first = content(ui);
        if let Some(first) = first.filter(|_| !was_open) {
            ui.memory_mut(|memory| memory.request_focus(first));
        }
    });
    if was_open && closes {
        button.request_focus();
    }
}

/// The confirmation of a [`popup`] before something is forgotten: whether to forget it, and the button that keeps it, which gets the focus.
pub(crate) fn forget_or_keep(ui: &mut Ui, question: &str) -> (bool, Id) {
    ui.set_width(210.0);
    ui.label(question);
    ui.horizontal(|ui| {
        let forget = ui.button("Forget it").clicked();
        let keep = ui.button("Keep it");
        if forget || keep.clicked() {
            ui.close();
        }
        (forget, keep.id)
    })
    .inner
}

/// A setting: its name, with `content` at the right.
fn setting<R>(ui: &mut Ui, name: &str, hint: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        let at_right = Layout::right_to_left(Align::Center);
        let label = ui.allocate_ui_with_layout(
            vec2(NAME_WIDTH, ui.spacing().interact_size.y),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_width(NAME_WIDTH);
                ui.label(name)
            },
        );
        label.inner.on_hover_text(hint);
        ui.with_layout(at_right, content).inner
    })
    .inner
}

/// A slider for a continuous parameter. A double click resets it; the arrow keys move it while it has the focus.
pub(crate) fn slider(ui: &mut Ui, host: &ParamHost<'_>, param: &impl Param, name: &str, hint: &str) {
    let mut value = param.unmodulated_normalized_value();
    let response = setting(ui, name, hint, |ui| {
        let text = param.normalized_value_to_string(value, true);
        let at_right = Layout::right_to_left(Align::Center);
        ui.allocate_ui_with_layout(vec2(VALUE_WIDTH, ui.available_height()), at_right, |ui| {
            ui.set_min_width(VALUE_WIDTH);
            ui.label(text);
        });
        ui.spacing_mut().slider_width = ui.available_width();
        ui.add(Slider::new(&mut value, 0.0..=1.0).show_value(false)).on_hover_text(hint)
    });
    let dragging = response.dragged();
    if response.drag_started() {
        host.begin(param);
    }
    if response.changed() {
        if dragging || response.drag_stopped() {
            host.set(param, value);
        } else {
            host.change(param, value);
        }
    }
    if response.drag_stopped() {
        host.end(param);
    }
    if response.double_clicked() {
        host.change(param, param.default_normalized_value());
    }
}

/// A list for a parameter with few values.
pub(crate) fn choice(ui: &mut Ui, host: &ParamHost<'_>, param: &impl Param, hint: &str) {
    let steps = param.step_count().unwrap_or(1).max(1);
    let current = param.unmodulated_normalized_value();
    setting(ui, param.name(), hint, |ui| {
        let list = ComboBox::from_id_salt(param.name()).width(ui.available_width());
        list.selected_text(param.normalized_value_to_string(current, true)).show_ui(ui, |ui| {
            for step in 0..=steps {
                let value = step as f32 / steps as f32;
                let chosen = (value - current).abs() < 0.5 / steps as f32;
                if ui.selectable_label(chosen, param.normalized_value_to_string(value, true)).clicked() && !chosen {
                    host.change(param, value);
                }
            }
        });
    });
}

/// A checkbox for a parameter that is on or off.
pub(crate) fn switch(ui: &mut Ui, host: &ParamHost<'_>, param: &impl Param, hint: &str) {
    let mut on = param.unmodulated_normalized_value() >= 0.5;
    if ui.checkbox(&mut on, param.name()).on_hover_text(hint).changed() {
        host.change(param, f32::from(u8::from(on)));
    }
}

/// Space between groups of buttons, a fraction of the size of an icon button.
pub(crate) fn group_space(ui: &mut Ui) {
    ui.allocate_space(Vec2::new(6.0, BUTTON));
}
