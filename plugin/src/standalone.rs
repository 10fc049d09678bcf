//! Moodline as a standalone program.
//!
//! In: a microphone, or a file that is played. Out: the editor in a window, and silence, unless the input is to be audible. The framework's wrapper opens
//! devices and window; this module chooses them, and plays the file.

mod arguments;
mod devices;
mod keep;
mod player;
mod window;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use moodline_engine::decode::AudioReader;
use moodline_engine::live::Transport as Position;
use moodline_engine::timeline::Clock;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;

use crate::editor::{Input, Microphones, PlayedFile};
use crate::instance::Instance;
use crate::session::SaveScope;
use crate::{LAYOUTS, Moodline, session};
use arguments::Arguments;
use devices::{Device, FileFormat};
use keep::{Keeper, Kept, Store};
use player::Player;
use window::{ClosingApp, Window};

/// What [`Standalone::default`], which takes no arguments, is to play.
static START: Mutex<Option<Start>> = Mutex::new(None);

/// Everything determined before the window opens.
#[derive(Default)]
struct Start {
    file: Option<(AudioReader, Arc<Path>)>,
    input: Input,
    microphones: Microphones,
    monitor: bool,
    kept: Kept,
    store: Option<Store>,
}

/// Runs the program and returns its exit code: 0 the window was closed, 1 something could not be opened, 2 invalid arguments.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    if let Err(error) = window::listen() {
        tell(format_args!("Ctrl-C will end the program at once: {error}"));
    }
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    if arguments.list_devices {
        for name in devices::microphones() {
            say(name);
        }
        return ExitCode::SUCCESS;
    }
    match open(&arguments) {
        Ok(device) => {
            say(format_args!("Backend {}, {} Hz, {}", device.backend, device.sample_rate, input_name(&arguments, &device)));
            let opened = nice_export_standalone_with_args::<Standalone, _>(wrapper_arguments(&arguments, &device));
            if opened { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            tell(error);
            ExitCode::FAILURE
        }
    }
}

/// Prints a line of requested output. Errors are ignored: if the terminal is gone, they cannot be reported, and the program continues.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a line about an event.
fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "moodline-standalone: {text}");
}

/// Opens the file, if there is one, and chooses the device for it.
fn open(arguments: &Arguments) -> Result<Device, String> {
    let file = arguments.input.as_deref().map(AudioReader::open).transpose().map_err(|error| error.to_string())?;
    let format =
        file.as_ref().map(|reader| FileFormat { sample_rate: reader.sample_rate(), n_channels: player::played_channels(reader) });
    let (store, kept) = Store::open().map_or_else(Default::default, |(store, kept)| (Some(store), kept));
    let device = devices::choose(arguments, format, kept.microphone.as_deref())?;
    let names = if file.is_none() { devices::choices() } else { Vec::new() };
    let is_silent = device.microphone.is_none() && device.backend != devices::JACK;
    let input = if is_silent { Input::NoMicrophone { is_any: !names.is_empty() } } else { Input::Microphone };
    let path = arguments.input.as_deref().map(Arc::from);
    *START.lock() = Some(Start {
        file: file.zip(path),
        input,
        microphones: Microphones { names, chosen: Arc::new(Mutex::new(kept.microphone.clone())) },
        monitor: arguments.monitor,
        kept,
        store,
    });
    Ok(device)
}

fn input_name(arguments: &Arguments, device: &Device) -> String {
    match (&arguments.input, &device.microphone) {
        (Some(path), _) => format!("playing {}", path.display()),
        (None, Some((_, name))) => format!("listening to {name}"),
        (None, None) => "no input".to_owned(),
    }
}

/// The command line for the framework's wrapper.
fn wrapper_arguments(arguments: &Arguments, device: &Device) -> Vec<String> {
    let layout =
        LAYOUTS.iter().position(|layout| layout.main_input_channels.is_some_and(|n| n.get() as usize == device.n_channels));
    // INVARIANT: files are played, and devices opened, with a number of channels that has a layout.
    let layout = layout.expect("every number of channels has a layout") + 1;
    let mut options = vec![Moodline::NAME.to_owned()];
    for (name, value) in [
        ("--backend", device.backend.to_owned()),
        ("--sample-rate", device.sample_rate.to_string()),
        ("--period-size", arguments.period.to_string()),
        ("--audio-layout", layout.to_string()),
    ] {
        options.extend([name.to_owned(), value]);
    }
    if let Some((option, name)) = &device.microphone {
        options.push(format!("{option}={name}"));
    }
    options
}

/// The plugin as hosted by the framework's wrapper.
struct Standalone {
    instance: Instance,
    file: Option<AudioReader>,
    player: Option<Player>,
    input: Input,
    microphones: Microphones,
    monitor: bool,
    /// Saved parameters, until a window can set them.
    kept: BTreeMap<String, ParamValue>,
    keeper: Option<Keeper>,
}

impl Default for Standalone {
    fn default() -> Self {
        let instance = Instance::default();
        let start = START.lock().take().unwrap_or_default();
        let Start { file, mut input, microphones, monitor, kept, store } = start;
        instance.saved().take_fields(&kept.state.fields, SaveScope::Everything);
        let (reader, path) = file.unzip();
        if let Some(path) = path {
            // Its times are those of the track that was played before.
            let is_recorded = instance.monitor().with_timeline(Clock::Host, |timeline| timeline.bounds().is_some());
            input = Input::File(PlayedFile::new(&path, is_recorded));
        }
        let keep = |store| Keeper::start(store, instance.saved(), Arc::clone(&microphones.chosen));
        let keeper = store.map(keep).transpose().unwrap_or_else(|error| {
            tell(format_args!("nothing is kept for the next start, because no thread can be started: {error}"));
            None
        });
        Self { instance, file: reader, player: None, input, microphones, monitor, kept: kept.state.params, keeper }
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        self.instance.deactivate();
        if let Some(keeper) = &mut self.keeper {
            keeper.finish();
        }
    }
}

impl Standalone {
    /// Plays the next buffer of the file into `buffer` and the analysis; when the file has ended, the analysis stops.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    fn play(&mut self, buffer: &mut Buffer) {
        let Some(player) = &mut self.player else { return };
        let Input::File(file) = &self.input else { return };
        if file.waits.load(Ordering::Relaxed) {
            return;
        }
        let ended = player.has_ended();
        let (position, n_frames) = player.play(buffer.as_slice());
        if ended {
            file.has_ended.store(true, Ordering::Relaxed);
            self.instance.deactivate();
        } else if n_frames > 0 {
            self.instance.hear(buffer.as_slice_immutable(), n_frames, Position::Playing(position));
        }
    }
}

impl Plugin for Standalone {
    const NAME: &'static str = Moodline::NAME;
    const VENDOR: &'static str = Moodline::VENDOR;
    const URL: &'static str = Moodline::URL;
    const EMAIL: &'static str = Moodline::EMAIL;
    const VERSION: &'static str = Moodline::VERSION;
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &LAYOUTS;

    type Editor = Window;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.instance.saved()
    }

    fn editor(&mut self, _async_executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        let notifier = self.instance.notifier();
        let app = self.instance.editor(|mut editor| {
            editor.listen_to(self.input.clone(), self.microphones.clone());
            ClosingApp::around(editor, notifier, self.instance.params(), std::mem::take(&mut self.kept))
        });
        app.map(Window)
    }

    fn filter_state(state: &mut PluginState) {
        session::refuse_garbage(state);
    }

    fn setup_logger() -> Option<bool> {
        // The wrapper complains that Ctrl-C is already handled, and recommends its own options.
        let filter =
            EnvFilter::new("info,nice_plug::wrapper::standalone::wrapper=off,nice_plug::wrapper::standalone::backend=warn");
        let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
        let logger = logger.without_time().log_internal_errors(false);
        Some(logger.try_init().is_ok())
    }

    fn activate(&mut self, _layout: &AudioIOLayout, config: &BufferConfig, _context: &mut impl ActivateContext<Self>) -> bool {
        if let Some(file) = self.file.take() {
            match Player::start(file, config.sample_rate as u32) {
                Ok(player) => self.player = Some(player),
                Err(error) => {
                    nice_error!("The file cannot be played: {error}");
                    return false;
                }
            }
        }
        self.instance.activate(config.sample_rate, false);
        true
    }

    fn deactivate(&mut self) {
        self.instance.deactivate();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        if self.player.is_some() {
            self.play(buffer);
        } else if !matches!(self.input, Input::NoMicrophone { .. }) {
            // The wrapper's transport is the time since it was opened, which is of no use for a microphone.
            let n_frames = buffer.samples();
            self.instance.hear(buffer.as_slice_immutable(), n_frames, Position::None);
        }
        if !self.monitor {
            for channel in buffer.as_slice() {
                channel.fill(0.0);
            }
        }
        ProcessStatus::Normal
    }
}
