//! The editor window: shows the results of the analysis and offers everything a user can request.
//!
//! In: the [`Monitor`], the parameters and the session. Out: requests to the [`Control`], parameter gestures through the host, choices written to the
//! session, and files. A frame reads a few small values and repaints cached pictures; there is a new frame only when something changed.

mod body;
mod canvas;
mod colours;
mod columns;
mod controls;
mod dialogs;
mod drops;
mod export;
mod export_menu;
mod first_frame;
mod glyph;
mod header;
mod headline;
mod icons;
mod input;
mod keys;
mod lane;
mod layout;
mod message;
mod model_watch;
mod overview;
mod panels;
mod readout;
mod requests;
mod scene;
mod snapshot;
mod thread;
mod title;
mod toolbar;
mod view;
mod voice;
mod window;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use egui::{CentralPanel, Frame as Border, Rect, Ui};
use moodline_engine::Segment;
use moodline_engine::live::{Control, FileLane, Monitor, Status};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::editor::{ResizeHint, SizeConstraints};
use nice_plug::plugin::TrackInfo;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{EguiEditor, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, RepaintNotifier, create_egui_editor};
use parking_lot::RwLock;

use crate::params::MoodlineParams;
use crate::session::{Session, Theme};
use body::Body;
use colours::Colours;
use controls::ParamHost;
use dialogs::Dialogs;
use drops::Drops;
use export_menu::ExportChoice;
use header::Header;
use headline::{Headline, HeadlineSettings};
use lane::LaneStyle;
use layout::Layout;
use message::Messages;
use model_watch::ModelWatch;
use panels::{LatencyPanel, SettingsPanel, VoiceSettings};
use scene::Scene;
use snapshot::{FrameData, Held};
use title::{FileTitle, TitleRequest};
use toolbar::{Panel, Toolbar, ToolbarRequest};
use window::OpenWindow;

pub use input::{Input, Microphones, PlayedFile};
pub(crate) use layout::MIN_SIZE;
pub(crate) use thread::WindowThread;

/// How often the window polls the analysis: often enough for a smooth meter and playhead. Mouse input is shown at once.
const NEWS_INTERVAL: Duration = Duration::from_millis(30);

/// The editor of an instance; it outlives its windows.
pub struct EditorApp {
    params: Arc<MoodlineParams>,
    monitor: Monitor,
    control: Control,
    session: Arc<RwLock<Session>>,
    n_open: Arc<AtomicUsize>,
    body: Body,
    held: Option<Held>,
    panel: Option<Panel>,
    export: ExportChoice,
    messages: Messages,
    models: ModelWatch,
    /// The last reported reason why a voice cannot be used.
    told_refusal: Option<String>,
    dialogs: Dialogs,
    drops: Drops,
    /// The theme that was last applied to the open window.
    theme: Option<Theme>,
    /// The file that was opened last.
    file_path: Option<Arc<Path>>,
    /// The segments that the file's pictures were last made from, and how often those have changed.
    file_segments: Option<Arc<[Segment]>>,
    file_version: u64,
    /// The size requested by a session, until the window has it.
    wanted_size: Option<(u32, u32)>,
    /// Message of the panic that closed the last window.
    panic_message: Option<String>,
    /// The track the plugin is on, if the host provides it.
    track: TrackInfo,
    input: Input,
    microphones: Option<Microphones>,
    window_thread: WindowThread,
}

/// The parts of an instance that its editor needs.
#[derive(Clone)]
pub struct EditorParts {
    /// The parameters.
    pub params: Arc<MoodlineParams>,
    /// The results of the analysis.
    pub monitor: Monitor,
    /// Requests to the analysis.
    pub control: Control,
    /// The choices saved in a project.
    pub session: Arc<RwLock<Session>>,
    /// Requests a repaint of an open window.
    pub notifier: RepaintNotifier,
}

/// Creates the editor of an instance, wrapped by `around`; nothing is shown or started before a host opens it.
pub(crate) fn create<A: NiceEguiApp>(
    parts: EditorParts,
    state: Arc<EguiEditorState>,
    around: impl FnOnce(EditorApp) -> A,
) -> Option<EguiEditor<A>> {
    let notifier = parts.notifier.clone();
    let app = around(EditorApp::new(parts));
    let settings = EguiNiceSettings::new().with_tile("Moodline").with_resize_hint(resize_hint());
    create_egui_editor(state, notifier, settings.with_repaint_poll_interval(NEWS_INTERVAL), app)
}

fn resize_hint() -> ResizeHint {
    let min_size = LogicalSize::new(MIN_SIZE.x, MIN_SIZE.y);
    ResizeHint { size_constraints: SizeConstraints::min_logical_size(min_size), ..ResizeHint::RESIZABLE }
}

impl EditorApp {
    /// An editor without a window.
    #[must_use]
    pub fn new(parts: EditorParts) -> Self {
        let EditorParts { params, monitor, control, session, notifier } = parts;
        Self {
            params,
            monitor,
            control,
            session,
            n_open: Arc::default(),
            body: Body::default(),
            held: None,
            panel: None,
            export: ExportChoice::default(),
            messages: Messages::default(),
            models: ModelWatch::default(),
            told_refusal: None,
            dialogs: Dialogs::new(notifier.clone()),
            drops: Drops::new(notifier),
            theme: None,
            file_path: None,
            file_segments: None,
            file_version: 0,
            wanted_size: None,
            panic_message: None,
            track: TrackInfo::default(),
            input: Input::default(),
            microphones: None,
            window_thread: WindowThread::default(),
        }
    }

    /// The thread of the open window.
    pub(crate) fn window_thread(&self) -> WindowThread {
        self.window_thread.clone()
    }

    /// Sets the audio source, if it is not a track of a host, and the available alternatives. If a file is waiting, asks about it.
    pub fn listen_to(&mut self, input: Input, microphones: Microphones) {
        self.input = input;
        self.microphones = Some(microphones);
        self.ask_to_replace();
    }

    /// Zooms out to everything that was recorded.
    pub fn show_everything(&mut self) {
        let bounds = self.monitor.with_timeline(self.monitor.clock(), |timeline| timeline.bounds());
        self.body.view.fit(bounds);
    }

    /// Shows a frame and carries out the user's requests. Without a host, parameters are read-only.
    pub fn show(&mut self, ui: &mut Ui, host: Option<&GuiContext>) {
        let colours = self.apply_theme(ui.ctx());
        self.take_answers();
        self.note_model();
        self.note_voice();
        self.hold_or_release();
        let host = ParamHost(host.map(GuiContext::param_setter));
        CentralPanel::default().frame(Border::new().fill(colours.ground)).show(ui, |ui| self.show_parts(ui, &host, &colours));
    }

    /// Applies the session's colours to egui.
    fn apply_theme(&mut self, ctx: &egui::Context) -> Colours {
        let theme = self.session.read().theme;
        let colours = Colours::of(theme);
        if self.theme != Some(theme) {
            self.theme = Some(theme);
            window::apply_style(ctx, &colours);
        }
        colours
    }

    /// Follows the hold parameter, which may be automated by the host.
    fn hold_or_release(&mut self) {
        let hold = self.params.hold.value();
        if hold != self.held.is_some() {
            self.held = hold.then(|| Held::take(&self.monitor));
            self.body.forget_pictures();
        }
    }

    fn show_parts(&mut self, ui: &mut Ui, host: &ParamHost<'_>, colours: &Colours) {
        // A host may make the window smaller than the advertised minimum: the rest is clipped.
        let window = Rect::from_min_size(ui.max_rect().min, ui.max_rect().size().max(MIN_SIZE));
        let layout = Layout::new(window, self.panel.is_some());
        let file = self.monitor.file();
        self.note_file(file.as_ref());
        let held = self.held.take();
        let monitor = self.monitor.clone();
        let data = FrameData::new(&monitor, held.as_ref());
        let bounds = data.with_timeline(|timeline| timeline.bounds());
        self.show_header(ui, &layout, &data, held.is_some(), colours);
        let request = self.asked_by_keys(ui.ctx(), held.is_some());
        let request = self.show_toolbar(ui, &layout, held.is_some(), bounds, file.as_ref()).or(request);
        self.show_body(ui, &layout, &data, file.as_ref(), colours);
        let status = data.snapshot.status.clone();
        drop(data);
        self.held = held;
        self.show_panel(ui, &layout, &status, file.as_ref(), host, colours);
        if let Some(offer) = self.messages.show(ui, layout.body, colours) {
            self.accept(offer);
        }
        if self.drops.hovers() {
            window::show_drop_hint(ui, layout.body, colours);
        }
        if let Some(request) = request {
            self.answer(request, host, &status);
        }
    }

    /// Increments the version of the file's data when there is more or different data. A newly opened file becomes the one to view and export.
    fn note_file(&mut self, file: Option<&FileLane>) {
        let path = file.map(|file| &file.path);
        if let Some(path) = path.filter(|path| self.file_path.as_ref().is_none_or(|known| !Arc::ptr_eq(known, path))) {
            self.file_path = Some(Arc::clone(path));
            self.body.fit_file();
            self.export.file = true;
        }
        let segments = file.map(|file| &file.segments);
        let is_known = match (segments, &self.file_segments) {
            (Some(new), Some(known)) => Arc::ptr_eq(new, known),
            (new, known) => new.is_none() && known.is_none(),
        };
        if !is_known {
            self.file_segments = segments.cloned();
            self.file_version += 1;
        }
    }

    fn headline_settings(&self) -> HeadlineSettings {
        HeadlineSettings {
            bypassed: self.params.bypass.value(),
            confidence: self.params.confidence.value(),
            window_s: self.params.window.value(),
            hop_s: self.params.hop.value(),
            segments: self.session.read().segments,
        }
    }

    fn show_header(&self, ui: &mut Ui, layout: &Layout, data: &FrameData<'_>, held: bool, colours: &Colours) {
        let status = &data.snapshot.status;
        let latest = data.latest(f64::from(self.params.smoothing.value()));
        let settings = self.headline_settings();
        let headline = Headline::new(status, latest.as_ref(), &self.input, &settings);
        if !held {
            // Nothing else triggers a repaint when the newest segment becomes stale or audio stops.
            let stale = status.latest_age.filter(|_| headline.is_answer());
            let stale = stale.map(|age| settings.stale_after().saturating_sub(age));
            for moment in stale.into_iter().chain(status.listening_s.map(|_| Status::LISTENING)) {
                ui.ctx().request_repaint_after(moment + window::BLINK);
            }
        }
        let voice = panels::voice_text(&data.snapshot.voice);
        let (detail, is_problem) = headline.detail(status, data.heard().as_deref(), voice.as_deref());
        let header = Header {
            headline: &headline,
            detail: &detail,
            is_problem,
            level: self.monitor.level(),
            track: &self.track,
            held,
            with_bars: layout.bars,
            colours,
        };
        header.show(ui, layout.header);
    }

    fn show_toolbar(
        &mut self,
        ui: &mut Ui,
        layout: &Layout,
        held: bool,
        bounds: Option<(f64, f64)>,
        file: Option<&FileLane>,
    ) -> Option<ToolbarRequest> {
        let toolbar = Toolbar {
            words: layout.words,
            held,
            follow: self.body.view.follow,
            panel: self.panel,
            recorded_s: bounds.map(|(start_s, end_s)| end_s - start_s),
            has_file: file.is_some_and(|file| file.results.is_some()),
            folder: &self.export_folder(),
        };
        toolbar.show(ui, layout.toolbar, &mut self.export)
    }

    fn show_body(&mut self, ui: &mut Ui, layout: &Layout, data: &FrameData<'_>, file: Option<&FileLane>, colours: &Colours) {
        // Not within the scene, whose other parts read the session, too: a second read waits for a host that waits to restore a state.
        let timeline = self.session.read().style;
        let scene = Scene {
            data,
            file_version: self.file_version,
            file,
            file_voice: file.map(|file| self.monitor.voice_of_file(file)).unwrap_or_default(),
            style: LaneStyle { colours: *colours, timeline, confidence: self.params.confidence.value() },
            smoothing_s: f64::from(self.params.smoothing.value()),
            provisional: data.provisional(f64::from(self.headline_settings().next_s())),
            when_empty: self.input.when_empty(),
        };
        let seen = self.body.show(ui, layout.body, &scene);
        if let (Some(file), Some((title, lane))) = (file, seen.lanes.file) {
            let request = FileTitle { file, is_pointed_at: seen.is_pointed_at, colours }.show(ui, title, lane);
            match request {
                Some(TitleRequest::Cancel) => self.control.cancel_file(),
                Some(TitleRequest::Close) => self.control.close_file(),
                None => {}
            }
        }
    }

    fn show_panel(
        &mut self,
        ui: &mut Ui,
        layout: &Layout,
        status: &Status,
        file: Option<&FileLane>,
        host: &ParamHost<'_>,
        colours: &Colours,
    ) {
        let (Some(panel), Some(rect)) = (self.panel, layout.panel) else { return };
        let session = self.session.read().clone();
        let folder = self.export_folder();
        let (closed, request) = panels::show(ui, panel, rect, layout.panel_overlays, colours, |ui| match panel {
            Panel::Settings => {
                let model = session.model.as_deref();
                let (style, segments, microphones) = (session.style, session.segments, self.microphones.as_ref());
                let has_file = file.is_some_and(|file| file.results.is_some());
                let voice = VoiceSettings { voice: &self.monitor.voice(self.monitor.clock()), has_file };
                SettingsPanel { params: &self.params, host, model, folder: &folder, style, segments, voice, microphones }.show(ui)
            }
            Panel::Latency => {
                LatencyPanel { status, settings: &self.headline_settings(), colours }.show(ui);
                None
            }
            Panel::About => {
                panels::about(ui);
                None
            }
        });
        if closed {
            self.panel = None;
        }
        if let Some(request) = request {
            self.set(request);
        }
    }

    /// Destination of exports without a dialog: the session's choice, or the first of the usual folders.
    fn export_folder(&self) -> PathBuf {
        let chosen = self.session.read().export_folder.clone();
        chosen.or_else(|| export::usual_folders().into_iter().next()).unwrap_or_default()
    }
}

impl NiceEguiApp for EditorApp {
    fn build(&mut self, ctx: egui::Context, gui: GuiContext, frame: &mut Frame) -> Result<(), HandlerError> {
        self.window_thread.note();
        self.theme = None;
        if let Some(panic_message) = self.panic_message.take() {
            self.messages.complain(panic_message);
        }
        let Session { theme, window_size, .. } = self.session.read().clone();
        self.wanted_size = window_size;
        frame.set_clear_color(Colours::of(theme).ground.into());
        first_frame::expect(frame);
        let drops = self.drops.listen(frame);
        OpenWindow::attach(&ctx, gui, &self.control, &self.n_open, drops);
        Ok(())
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        if self.panic_message.is_some() {
            return;
        }
        if let Some((width, height)) = self.wanted_size.take() {
            window::resize(ui, width, height);
        }
        let host = OpenWindow::host(ui.ctx());
        self.panic_message = window::catch_panic(&ui.ctx().clone(), || self.show(ui, host.as_ref()));
    }

    fn track_info_changed(&mut self, track: TrackInfo) {
        self.track = track;
    }

    fn resized(&mut self, size: WindowSize) {
        if self.wanted_size.is_none() {
            let (width, height) = (size.logical.width.round() as u32, size.logical.height.round() as u32);
            self.session.write().note_window_size((width, height));
        }
    }
}

#[cfg(test)]
mod tests;
