//! Carries out the user's requests.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use egui::{Context, Popup};
use moodline_engine::display::time::duration_text;
use moodline_engine::export::Results;
use moodline_engine::live::{Asked, Status};
use moodline_engine::timeline::{Clock, Timeline, Timelines};
use moodline_engine::voice;

use super::dialogs::{Answer, MODEL_ENDING, Question};
use super::export_menu::{ExportChoice, ExportRequest};
use super::keys::{self, KeyRequest};
use super::message::Offer;
use super::model_watch::ModelNews;
use super::panels::SettingsRequest;
use super::toolbar::ToolbarRequest;
use super::{EditorApp, ParamHost, export};
use crate::session::{Session, Theme};

/// Shown if this system has no file dialogs.
const NO_DIALOG: &str = "This system has no file dialog. Drop the file on this window instead.";
const NO_DIALOG_TO_SAVE: &str = "This system has no file dialog. Export has \"Save to …\", and the settings have its folder.";

impl EditorApp {
    /// Carries out a request of the toolbar.
    pub(super) fn answer(&mut self, request: ToolbarRequest, host: &ParamHost<'_>, status: &Status) {
        let bounds = self.monitor.with_timeline(self.monitor.clock(), |timeline| timeline.bounds());
        let file_end_s = self.monitor.file().map(|file| (0.0, file.duration_s));
        let bounds = super::view::union(bounds, file_end_s);
        let view = &mut self.body.view;
        match request {
            ToolbarRequest::Hold(on) => host.change(&self.params.hold, f32::from(u8::from(on))),
            ToolbarRequest::Reset => {
                self.control.clear();
                self.messages.say("Everything recorded has been forgotten.");
            }
            ToolbarRequest::OpenFile => self.dialogs.ask(Question::Audio, None, ""),
            ToolbarRequest::Export(ExportRequest::SaveAs(choice)) => self.ask_where(choice),
            ToolbarRequest::Export(ExportRequest::SaveToFolder(choice)) => {
                let path = export::free_path(&self.export_folder(), choice.format.extension());
                let saved = self.save(&path, choice, status);
                self.messages.report(saved);
            }
            ToolbarRequest::Zoom(factor) => view.zoom(factor, view.start_s + view.span_s / 2.0, bounds),
            ToolbarRequest::Pan(parts) => view.pan(parts * view.span_s, bounds),
            ToolbarRequest::Beginning => view.show_beginning(bounds),
            ToolbarRequest::Newest => {
                view.show_end(bounds);
                // Follows the playhead if there is one.
                view.follow = self.monitor.playhead().is_some();
            }
            ToolbarRequest::Fit => view.fit(bounds),
            ToolbarRequest::Follow(on) => view.follow = on,
            ToolbarRequest::Panel(panel) => self.panel = panel,
            ToolbarRequest::SwitchTheme => {
                let mut session = self.session.write();
                session.theme = match session.theme {
                    Theme::Dark => Theme::Light,
                    Theme::Light => Theme::Dark,
                };
            }
        }
    }

    /// The request of the keys, unless they are for a widget or a popup; Escape closes the message, then the panel.
    pub(super) fn asked_by_keys(&mut self, ctx: &Context, held: bool) -> Option<ToolbarRequest> {
        if ctx.memory(|memory| memory.focused().is_some()) || Popup::is_any_open(ctx) {
            return None;
        }
        match ctx.input(|input| keys::asked(input, held, self.input.is_of_a_host()))? {
            KeyRequest::Toolbar(request) => Some(request),
            KeyRequest::Close => {
                if !self.messages.close() {
                    self.panel = None;
                }
                None
            }
        }
    }

    /// Carries out a request of the settings.
    pub(super) fn set(&mut self, request: SettingsRequest) {
        match request {
            SettingsRequest::ChooseModel => self.dialogs.ask(Question::Model, None, ""),
            SettingsRequest::BuiltInModel => {
                self.session.write().model = None;
                self.models.choose_built_in();
                self.control.use_model(None, Asked::ByUser);
            }
            SettingsRequest::ChooseFolder => self.dialogs.ask(Question::ExportFolder, Some(&self.export_folder()), ""),
            SettingsRequest::Folder(folder) => {
                if !Session::can_keep(&folder) {
                    self.messages.complain(not_kept(&folder, "exports go there now, but no project can name it"));
                }
                self.session.write().export_folder = Some(folder);
            }
            SettingsRequest::Style(style) => self.session.write().style = style,
            SettingsRequest::Segments(segments) => {
                self.session.write().segments = segments;
                if let Some(file) = self.monitor.file() {
                    self.control.analyse_file(file.path.to_path_buf());
                }
            }
            SettingsRequest::Voice(request) => self.answer_voice(request),
            SettingsRequest::Microphone(name) => {
                if let Some(microphones) = &self.microphones {
                    self.messages
                        .say(format!("{} is used from the next start on.", name.as_deref().unwrap_or("The system's microphone")));
                    *microphones.chosen.lock() = name;
                }
            }
        }
    }

    /// Collects answers of dialogs and dropped files.
    pub(super) fn take_answers(&mut self) {
        if let Some(path) = self.drops.take() {
            let has = |ending| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
            let question = if has(MODEL_ENDING) {
                Question::Model
            } else if has(voice::EXTENSION) {
                Question::Voice
            } else {
                Question::Audio
            };
            self.take_path(question, path);
        }
        match self.dialogs.take() {
            Some((question, Answer::Chosen(path))) => self.take_path(question, path),
            Some((Question::SaveAs(_) | Question::ExportFolder, Answer::NoDialog)) => {
                self.messages.complain(NO_DIALOG_TO_SAVE);
            }
            Some((Question::SaveVoice, Answer::NoDialog)) => {
                self.save_voice(&export::free_path(&self.export_folder(), voice::EXTENSION));
            }
            Some((_, Answer::NoDialog)) => self.messages.complain(NO_DIALOG),
            Some((_, Answer::Cancelled)) | None => {}
        }
    }

    /// A chosen model becomes part of the project once it runs; one that cannot be loaded is reported.
    pub(super) fn note_model(&mut self) {
        match self.models.look(&self.monitor.status(), self.monitor.refused_model()) {
            Some(ModelNews::Taken(path)) => {
                if !Session::can_keep(&path) {
                    self.messages.complain(not_kept(&path, "it is used now, but no project can name it"));
                }
                self.session.write().model = Some(path);
            }
            Some(ModelNews::Refused(sentence)) => self.messages.complain_and_offer(sentence, &[Offer::BuiltInModel]),
            None => {}
        }
    }

    /// Carries out an offer of a message.
    pub(super) fn accept(&mut self, offer: Offer) {
        match offer {
            Offer::BuiltInModel => self.set(SettingsRequest::BuiltInModel),
            Offer::PlayFile => {
                // A microphone recording has times of its own and is kept.
                let stream = self.monitor.timelines().stream;
                let learning = self.monitor.saved_voice().learning;
                self.control.restore_learnt(Timelines { host: Timeline::default(), stream }, learning.as_ref());
                if let Some(file) = self.input.waiting_file() {
                    file.waits.store(false, Ordering::Relaxed);
                }
            }
            Offer::OpenFile => {
                if let Some(file) = self.input.waiting_file() {
                    self.control.analyse_file(file.path.to_path_buf());
                }
            }
        }
    }

    /// Asks whether a waiting file may replace the recording.
    pub(super) fn ask_to_replace(&mut self) {
        let recorded = self.monitor.with_timeline(Clock::Host, Timeline::bounds);
        if let (Some(file), Some((start_s, end_s))) = (self.input.waiting_file(), recorded) {
            let name = file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy();
            let length = duration_text(end_s - start_s);
            let question = format!("{length} of timeline are kept from before. Playing {name} would replace it.");
            self.messages.ask(question, &[Offer::PlayFile, Offer::OpenFile]);
        }
    }

    pub(super) fn take_path(&mut self, question: Question, path: PathBuf) {
        match question {
            Question::Audio => self.control.analyse_file(path),
            Question::Model => {
                self.models.choose(path.clone());
                self.control.use_model(Some(path), Asked::ByUser);
            }
            Question::Voice => self.load_voice(&path),
            Question::SaveVoice => match export::with_ending(path, voice::EXTENSION) {
                Ok(path) => self.save_voice(&path),
                Err(refusal) => self.messages.complain(refusal),
            },
            Question::ExportFolder => self.set(SettingsRequest::Folder(path)),
            Question::SaveAs(choice) => {
                let path = export::with_ending(path, choice.format.extension());
                let saved = path.and_then(|path| self.save(&path, choice, &self.monitor.status()));
                self.messages.report(saved);
            }
        }
    }

    fn save(&self, path: &Path, choice: ExportChoice, status: &Status) -> Result<String, String> {
        let ExportChoice { format, file, options } = choice;
        self.results(file, status).and_then(|results| export::write(path, format, &results, &options))
    }

    fn ask_where(&mut self, choice: ExportChoice) {
        let free = export::free_path(&self.export_folder(), choice.format.extension());
        let name = free.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.dialogs.ask(Question::SaveAs(choice), Some(&self.export_folder()), &name);
    }

    /// The results to export: everything recorded, held or not, as displayed.
    fn results(&self, file: bool, status: &Status) -> Result<Results, String> {
        let (clock, certain_from) = (self.monitor.clock(), self.params.confidence.value());
        if file {
            let file = self.monitor.file();
            let results = file.as_ref().and_then(|file| Some((file, Results::clone(file.results.as_deref()?))));
            let (file, results) = results.ok_or_else(|| "The file has not been analysed to the end.".to_owned())?;
            return Ok(export::shown_by(&self.monitor.voice_of_file(file), certain_from, results));
        }
        let segments = self.monitor.with_timeline(clock, |timeline| timeline.without_gaps());
        Ok(export::results_of_track(status, &segments, &self.monitor.voice(clock), certain_from))
    }
}

/// What to say of a chosen path that a project cannot keep, and what happens `meanwhile`.
fn not_kept(path: &Path, meanwhile: &str) -> String {
    format!("The path {} is not Unicode text: {meanwhile}. Rename the folder or file to keep the choice.", path.display())
}
