//! The window: Ctrl-C, SIGTERM and SIGHUP close it, which ends the program.
//!
//! The framework's wrapper handles Ctrl-C only if it has no window, and waits forever without one if the window cannot be opened.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use egui::{Ui, ViewportCommand};
use moodline_engine::files;
use moodline_engine::stop::{self, StopRequest};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::NativeSize;
use nice_plug::editor::{Editor, HostMethods, ParentWindowHandle, ResizeHint, SpawnedEditor};
use nice_plug::plugin::ParamValue;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{EguiEditor, EguiEditorHandle, Frame, NiceEguiApp, RepaintNotifier};

use super::tell;
use crate::editor::EditorApp;
use crate::params::MoodlineParams;

/// Exit code of a program ended by Ctrl-C, by shell convention.
const INTERRUPTED: i32 = 130;

/// Exit code of a program that could not open something.
const FAILED: i32 = 1;

/// Whether the program was asked to end.
static QUITTING: AtomicBool = AtomicBool::new(false);

/// Wakes the window.
static WINDOW: OnceLock<RepaintNotifier> = OnceLock::new();

/// Handles Ctrl-C and similar signals for this program; the second one ends it at once, in case the window does not close.
///
/// # Errors
/// The signal handlers cannot be installed.
pub(super) fn listen() -> io::Result<()> {
    // The framework's wrapper handles Ctrl-C through this crate later, unless a handler is installed.
    #[cfg(unix)]
    ctrlc::set_handler(|| {}).map_err(io::Error::other)?;
    stop::on_request(|request| {
        QUITTING.store(true, Ordering::Relaxed);
        match (request, WINDOW.get()) {
            (StopRequest::First, Some(window)) => window.request_repaint(),
            _ => files::exit(INTERRUPTED),
        }
    })
}

/// The editor in a window that closes on Ctrl-C, and that starts with the parameters of the last run.
pub(super) struct ClosingApp {
    editor: EditorApp,
    params: Arc<MoodlineParams>,
    /// Values to set, by parameter id, once parameters can be set.
    kept: BTreeMap<String, ParamValue>,
}

/// Parameters that are not carried over to the next start: a window that opens frozen or inactive looks broken.
const OF_THE_MOMENT: [&str; 2] = ["bypass", "hold"];

impl ClosingApp {
    /// `editor`, whose window `notifier` wakes, with the values that were `kept` for `params`.
    pub(super) fn around(
        editor: EditorApp,
        notifier: RepaintNotifier,
        params: Arc<MoodlineParams>,
        kept: BTreeMap<String, ParamValue>,
    ) -> Self {
        // A program has one window; if there were a second, Ctrl-C would close the first.
        let _ = WINDOW.set(notifier);
        Self { editor, params, kept }
    }
}

impl NiceEguiApp for ClosingApp {
    fn build(&mut self, ctx: egui::Context, gui: GuiContext, frame: &mut Frame) -> Result<(), HandlerError> {
        for (id, value) in std::mem::take(&mut self.kept) {
            if let Some(param) = self.params.by_id(&id).filter(|_| !OF_THE_MOMENT.contains(&id.as_str())) {
                param.restore(&value, &gui.param_setter());
            }
        }
        self.editor.build(ctx, gui, frame)
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        if QUITTING.load(Ordering::Relaxed) {
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        }
        self.editor.ui(ui, frame);
    }

    fn resized(&mut self, size: WindowSize) {
        self.editor.resized(size);
    }

    fn zoom_factor_changed(&mut self, zoom_factor: f32) {
        self.editor.zoom_factor_changed(zoom_factor);
    }

    fn editor_closed(&mut self) {
        self.editor.editor_closed();
    }
}

/// The editor, which ends the program if its window cannot be opened.
pub(super) struct Window(pub(super) EguiEditor<ClosingApp>);

impl Editor for Window {
    type Handle = EguiEditorHandle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        self.0.spawn(parent, wait_for_parent, fallback_scale_factor, gui_context, host).inspect_err(|error| {
            tell(format_args!("the window cannot be opened: {error}"));
            process::exit(FAILED);
        })
    }

    fn size(&self) -> NativeSize<u32> {
        self.0.size()
    }

    fn resize_hint(&self) -> ResizeHint {
        self.0.resize_hint()
    }
}
