//! All parameters, and the choices saved in a project; nothing has to be typed.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Label, RichText, Ui};
use nice_plug::prelude::Param as _;

use super::voice::{VoiceRequest, VoiceSettings};
use crate::editor::controls::{ParamHost, choice, slider, switch};
use crate::editor::export::usual_folders;
use crate::editor::input::Microphones;
use crate::params::MoodlineParams;
use crate::presets::PRESETS;
use crate::session::{Segments, TimelineStyle};

/// Requests made in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingsRequest {
    ChooseModel,
    BuiltInModel,
    ChooseFolder,
    Folder(PathBuf),
    Style(TimelineStyle),
    Segments(Segments),
    Voice(VoiceRequest),
    /// Use the microphone with this name from the next start; `None` is the system's default.
    Microphone(Option<String>),
}

/// The inputs of the panel.
pub(crate) struct SettingsPanel<'a> {
    pub(crate) params: &'a MoodlineParams,
    pub(crate) host: &'a ParamHost<'a>,
    pub(crate) model: Option<&'a Path>,
    pub(crate) folder: &'a Path,
    pub(crate) style: TimelineStyle,
    pub(crate) segments: Segments,
    pub(crate) voice: VoiceSettings<'a>,
    /// The microphones, if there is no host to choose one.
    pub(crate) microphones: Option<&'a Microphones>,
}

impl SettingsPanel<'_> {
    pub(crate) fn show(&self, ui: &mut Ui) -> Option<SettingsRequest> {
        let mut request = None;
        let (params, host) = (self.params, self.host);
        ui.spacing_mut().item_spacing.y = 5.0;
        heading(ui, "Start from");
        self.presets(ui);
        if let Some(microphones) = self.microphones {
            heading(ui, "Microphone, from the next start on");
            microphone(ui, microphones, &mut request);
        }
        heading(ui, "Listening");
        choice(ui, host, &params.source, "Which signal of the track is analysed");
        self.segments(ui, &mut request);
        slider(ui, host, &params.window, "Window", "Length of the audio that one result covers; no phrase is longer");
        // Phrases end at pauses of the voice.
        ui.add_enabled_ui(self.segments == Segments::Blocks, |ui| {
            slider(
                ui,
                host,
                &params.hop,
                "Hop",
                "A new result every so often; a longer hop costs less. The command's is the window, unless --hop says another",
            );
        });
        slider(ui, host, &params.gate, "Speech gate", "Quieter audio is never taken for speech");
        switch(ui, host, &params.follow, "Record by the host's time while it plays, otherwise by the time of the audio");
        switch(ui, host, &params.bypass, "Analyse nothing; the audio passes unchanged either way");
        heading(ui, "Voice");
        request = self.voice.show(ui).map(SettingsRequest::Voice).or(request);
        heading(ui, "Showing");
        slider(
            ui,
            host,
            &params.smoothing,
            "Smoothing",
            "Affects only the display; exports contain every result as it was found",
        );
        slider(ui, host, &params.confidence, "Confidence", "Less probable emotions are shown as uncertain");
        self.style(ui, &mut request);
        heading(ui, "Model");
        choice(ui, host, &params.backend, "The backend that runs the network");
        self.model(ui, &mut request);
        heading(ui, "Export folder");
        self.folder(ui, &mut request);
        request
    }

    /// Presets; each makes one gesture per parameter it sets, so that a host can undo it.
    fn presets(&self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for preset in &PRESETS {
                if ui.button(preset.name).on_hover_text(preset.description).clicked() {
                    for (id, value) in preset.values {
                        if let Some(param) = self.params.continuous(id) {
                            self.host.change(param, param.preview_normalized(*value));
                        }
                    }
                }
            }
        });
    }

    fn style(&self, ui: &mut Ui, request: &mut Option<SettingsRequest>) {
        ui.horizontal(|ui| {
            ui.label("Timeline");
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                for (style, name) in [(TimelineStyle::Lines, "Lines"), (TimelineStyle::Areas, "Areas")] {
                    if ui.selectable_label(self.style == style, name).clicked() {
                        *request = Some(SettingsRequest::Style(style));
                    }
                }
            });
        });
    }

    fn segments(&self, ui: &mut Ui, request: &mut Option<SettingsRequest>) {
        ui.horizontal(|ui| {
            ui.label("Results");
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                for (segments, name, hint) in [
                    (
                        Segments::Phrases,
                        "Phrases",
                        "A result for what is said between two pauses; an open file is analysed again",
                    ),
                    (
                        Segments::Blocks,
                        "Blocks",
                        "A result for every block of audio, whatever is said; an open file is analysed again",
                    ),
                ] {
                    let is_chosen = self.segments == segments;
                    if ui.selectable_label(is_chosen, name).on_hover_text(hint).clicked() && !is_chosen {
                        *request = Some(SettingsRequest::Segments(segments));
                    }
                }
            });
        });
    }

    fn model(&self, ui: &mut Ui, request: &mut Option<SettingsRequest>) {
        let name = self.model.map_or_else(|| "Built-in model".to_owned(), |path| path.display().to_string());
        path_label(ui, &name);
        ui.horizontal(|ui| {
            if ui.button("Choose …").on_hover_text("Another model file").clicked() {
                *request = Some(SettingsRequest::ChooseModel);
            }
            if ui.add_enabled(self.model.is_some(), egui::Button::new("Built-in")).clicked() {
                *request = Some(SettingsRequest::BuiltInModel);
            }
        });
    }

    fn folder(&self, ui: &mut Ui, request: &mut Option<SettingsRequest>) {
        path_label(ui, &self.folder.display().to_string());
        ui.horizontal(|ui| {
            if ui.button("Choose …").on_hover_text("Another folder").clicked() {
                *request = Some(SettingsRequest::ChooseFolder);
            }
            // A list of the usual folders, for systems without dialogs.
            ComboBox::from_id_salt("usual folders").selected_text("Usual places").show_ui(ui, |ui| {
                for folder in usual_folders() {
                    if ui.selectable_label(folder == self.folder, folder.display().to_string()).clicked() {
                        *request = Some(SettingsRequest::Folder(folder));
                    }
                }
            });
        });
    }
}

fn microphone(ui: &mut Ui, microphones: &Microphones, request: &mut Option<SettingsRequest>) {
    const SYSTEM: &str = "The system's";
    if microphones.names.is_empty() {
        ui.label("There is none.");
        return;
    }
    let chosen = microphones.chosen.lock().clone();
    let list = ComboBox::from_id_salt("microphone").width(ui.available_width()).truncate();
    list.selected_text(chosen.as_deref().unwrap_or(SYSTEM)).show_ui(ui, |ui| {
        for name in std::iter::once(None).chain(microphones.names.iter().map(Some)) {
            let is_chosen = name == chosen.as_ref();
            if ui.selectable_label(is_chosen, name.map_or(SYSTEM, String::as_str)).clicked() && !is_chosen {
                *request = Some(SettingsRequest::Microphone(name.cloned()));
            }
        }
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).small().strong().color(ui.visuals().weak_text_color()));
}

fn path_label(ui: &mut Ui, text: &str) {
    ui.add(Label::new(RichText::new(text).small()).truncate()).on_hover_text(text);
}
