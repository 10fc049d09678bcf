//! The voice that answers are corrected for: what is known about it, and what can be done with it.

use egui::{Align, Button, Label, Layout, Response, RichText, Ui};
use moodline_engine::live::{TrackVoice, VoiceMode};

use crate::editor::controls::{forget_or_keep, popup};

/// Explains what a voice is.
const EXPLANATION: &str = "One voice sounds angry to the model whatever is said, another sad. What it has heard of a voice takes that out of its \
                           answers, once they differ enough among themselves. The open file is shown by the voice in it, unless one is held.";

/// Shown if the model does not support voices.
const NOT_POSSIBLE: &str = "The current model does not correct its answers for a voice; the built-in one does";

/// Requests made in this panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoiceRequest {
    Mode(VoiceMode),
    /// Forget the voice and start learning again.
    Reset,
    /// Learn it from the open file.
    FromFile,
    Load,
    Save,
}

/// The inputs of this part of the settings.
pub(crate) struct VoiceSettings<'a> {
    pub(crate) voice: &'a TrackVoice,
    /// Whether a file has been analysed completely.
    pub(crate) has_file: bool,
}

impl VoiceSettings<'_> {
    pub(crate) fn show(&self, ui: &mut Ui) -> Option<VoiceRequest> {
        let mut request = None;
        let text =
            self.voice.refusal.clone().or_else(|| text(self.voice)).unwrap_or_else(|| "voice: nothing heard yet".to_owned());
        ui.add(Label::new(RichText::new(text).small()).wrap()).on_hover_text(EXPLANATION);
        let possible = ui.add_enabled_ui(self.voice.is_possible, |ui| {
            ui.horizontal(|ui| {
                self.modes(ui, &mut request);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| anew(ui, &mut request));
            });
            ui.horizontal(|ui| self.buttons(ui, &mut request));
        });
        possible.response.on_disabled_hover_text(NOT_POSSIBLE);
        request
    }

    fn modes(&self, ui: &mut Ui, request: &mut Option<VoiceRequest>) {
        for (mode, name, hint) in [
            (VoiceMode::Learn, "Learn", "Learn the voice from what is recorded; the whole timeline is corrected by it"),
            (VoiceMode::Hold, "Hold", "Keep the voice as it is; nothing is learnt from what is recorded meanwhile"),
            (VoiceMode::Off, "Off", "Show answers as the model gives them"),
        ] {
            if ui.selectable_label(self.voice.mode == mode, name).on_hover_text(hint).clicked() && self.voice.mode != mode {
                *request = Some(VoiceRequest::Mode(mode));
            }
        }
    }

    fn buttons(&self, ui: &mut Ui, request: &mut Option<VoiceRequest>) {
        let mut ask = |asked| *request = Some(asked);
        if enabled(ui, self.has_file, "From file", "Learn the voice from the open file, and hold it", "Open a file first")
            .clicked()
        {
            ask(VoiceRequest::FromFile);
        }
        if ui.button("Load …").on_hover_text("Hold the voice of a .voice file").clicked() {
            ask(VoiceRequest::Load);
        }
        let is_any = self.voice.heard.is_some_and(|heard| heard.seconds > 0.0);
        let hint = "Save the voice as a .voice file, for other projects and the command";
        if enabled(ui, is_any, "Save …", hint, "There is no voice to save yet").clicked() {
            ask(VoiceRequest::Save);
        }
    }
}

fn anew(ui: &mut Ui, request: &mut Option<VoiceRequest>) {
    let anew = ui.button("Learn anew").on_hover_text("Forget the voice, and learn it from what is recorded from now on");
    popup(&anew, |ui| {
        let (forget, keep) = forget_or_keep(ui, "Forget the voice? The timeline stays.");
        if forget {
            *request = Some(VoiceRequest::Reset);
        }
        Some(keep)
    });
}

fn enabled(ui: &mut Ui, is_enabled: bool, name: &str, hint: &str, disabled_hint: &str) -> Response {
    ui.add_enabled(is_enabled, Button::new(name)).on_hover_text(hint).on_disabled_hover_text(disabled_hint)
}

/// The voice that answers are corrected for, such as `voice: 42 s heard`; `None` if it is the default and nothing was heard yet.
pub(crate) fn text(voice: &TrackVoice) -> Option<String> {
    if voice.refusal.is_some() {
        return Some("voice: of another model".to_owned());
    }
    let heard = voice.heard.filter(|heard| heard.seconds > 0.0 || voice.mode == VoiceMode::Hold);
    match (voice.mode, heard) {
        (VoiceMode::Off, _) if voice.is_possible => Some("voice: off".to_owned()),
        (VoiceMode::Learn, Some(heard)) if heard.is_too_alike() => {
            Some(format!("{}, not yet varied enough", heard.seconds_text()))
        }
        (VoiceMode::Hold, Some(heard)) => Some(format!("{}, held", heard.text())),
        (_, heard) => heard.map(|heard| heard.text()),
    }
}

#[cfg(test)]
mod tests {
    use moodline_engine::voice::HeardVoice;

    use super::*;

    #[test]
    fn it_says_how_much_was_heard_and_what_comes_of_it() {
        let voice = |mode, seconds, trust| TrackVoice {
            mode,
            is_possible: true,
            heard: Some(HeardVoice { seconds, variety: 0.2, trust }),
            ..TrackVoice::default()
        };
        for (voice, said) in [
            (voice(VoiceMode::Learn, 0.0, 0.0), None),
            (voice(VoiceMode::Learn, 42.0, 0.0), Some("voice: 42 s heard, not yet varied enough")),
            (voice(VoiceMode::Learn, 42.0, 0.6), Some("voice: 42 s heard, used by 60 %")),
            (voice(VoiceMode::Learn, 42.0, 1.0), Some("voice: 42 s heard")),
            (voice(VoiceMode::Hold, 42.0, 1.0), Some("voice: 42 s heard, held")),
            (TrackVoice { heard: None, ..voice(VoiceMode::Off, 42.0, 1.0) }, Some("voice: off")),
            (TrackVoice::default(), None),
            (TrackVoice { refusal: Some("no".to_owned()), ..TrackVoice::default() }, Some("voice: of another model")),
        ] {
            assert_eq!(text(&voice).as_deref(), said);
        }
    }
}
