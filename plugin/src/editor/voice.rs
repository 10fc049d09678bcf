//! Carries out the user's requests about the voice.

use std::path::Path;

use moodline_core::VoiceProfile;
use moodline_engine::Model;
use moodline_engine::files::{FilePlan, Replace};
use moodline_engine::voice::{self, HeardVoice, LearntVoice};
use moodline_engine::voices::profile_of;

use super::dialogs::Question;
use super::panels::VoiceRequest;
use super::{EditorApp, export};

impl EditorApp {
    pub(super) fn answer_voice(&mut self, request: VoiceRequest) {
        match request {
            VoiceRequest::Mode(mode) => self.control.set_voice_mode(mode),
            VoiceRequest::Reset => {
                self.control.forget_voice();
                self.messages.say("The voice was forgotten, and is learnt again from now on.");
            }
            VoiceRequest::FromFile => {
                let learnt = self.learn_from_file();
                self.messages.report(learnt);
            }
            VoiceRequest::Load => self.dialogs.ask(Question::Voice, None, ""),
            VoiceRequest::Save => {
                let free = export::free_path(&self.export_folder(), voice::EXTENSION);
                let name = free.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.dialogs.ask(Question::SaveVoice, Some(&self.export_folder()), &name);
            }
        }
    }

    /// Uses the voice in the file at `path`, or reports why that fails.
    pub(super) fn load_voice(&mut self, path: &Path) {
        let loaded = self.model().and_then(|model| {
            let profile = voice::open(path, &model).map_err(|error| error.to_string())?;
            self.hold(profile, &model).map(|heard| format!("{}: {heard}", path.display()))
        });
        self.messages.report(loaded);
    }

    /// Saves the voice in a file at `path`, and reports the outcome. A recording, a manifest or a model is never replaced.
    pub(super) fn save_voice(&mut self, path: &Path) {
        let saved = self.model().and_then(|model| {
            let profile = self.monitor.voice(self.monitor.clock()).profile.ok_or("There is no voice to save yet.")?;
            FilePlan::new(Replace::Never).write([path]).check().map_err(|refusal| refusal.to_string())?;
            voice::save(path, &profile, &model).map_err(|error| error.to_string())?;
            Ok(format!("Saved {}", path.display()))
        });
        self.messages.report(saved);
    }

    /// Reports once why the voice saved in a project cannot be used.
    pub(super) fn note_voice(&mut self) {
        let refusal = self.monitor.voice(self.monitor.clock()).refusal;
        if refusal != self.told_refusal {
            if let Some(sentence) = &refusal {
                self.messages.complain(sentence.clone());
            }
            self.told_refusal = refusal;
        }
    }

    /// Learns the voice from the answers about the open file and uses it; success and error are each one sentence.
    fn learn_from_file(&self) -> Result<String, String> {
        let model = self.model()?;
        let correction = voice::correction_of(&model).map_err(|error| error.to_string())?;
        let results = self.monitor.file().and_then(|file| file.results).ok_or("The file has not been analysed to the end.")?;
        let name = Path::new(&results.file).file_name().unwrap_or_default().display().to_string();
        if results.model_fingerprint != model.fingerprint() {
            return Err(format!("{name} was analysed with another model; open it again to learn the voice from it."));
        }
        let profile = profile_of(&results.voices, &correction);
        if profile.seconds() == 0.0 {
            return Err(format!("Nobody speaks in {name}, so there is no voice to learn."));
        }
        self.hold(profile, &model).map(|heard| format!("{name}: {heard}"))
    }

    /// Uses `profile`, learnt with `model`, and returns a description.
    fn hold(&self, profile: VoiceProfile, model: &Model) -> Result<String, String> {
        let correction = voice::correction_of(model).map_err(|error| error.to_string())?;
        self.control.hold_voice(LearntVoice::new(profile, model));
        Ok(HeardVoice::of(&profile, &correction).text())
    }

    fn model(&self) -> Result<Model, String> {
        self.monitor.model().ok_or_else(|| "There is no model yet, and a voice belongs to a model.".to_owned())
    }
}
