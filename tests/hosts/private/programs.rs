//! The observed programs, each busy until told to stop.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use clack_extensions::gui::{GuiApiType, GuiConfiguration, PluginGui, Window};
use moodline_cli::Streams;
use moodline_engine::decode::read_mono_resampled;
use tempfile::TempDir;
use test_support::clap::{Track, library, load};
use test_support::screen::Screen;
use test_support::waiting::{end_of, wait_until};
use test_support::{hosts, repository, sample};
use tests_train::workplace;
use trainer::base::progress::{Interrupt, Progress};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, WindowClass};
use x11rb::rust_connection::RustConnection;

use super::trace::{Trace, traced};

/// Set for a process that is one of the programs: its work folder.
const WORK: &str = "MOODLINE_TEST_PRIVATE_WORK";

/// A file with this name in that folder tells it to stop.
const STOP: &str = "stop";

/// Pause between two rounds of work. A client in a library does not depend on the program's activity, and other tests need the processor.
const REST: Duration = Duration::from_secs(3);

/// A program running under strace with its own home and work folder; dropping this ends it.
pub(super) struct Watched {
    name: &'static str,
    place: TempDir,
    strace: Child,
}

/// Starts all available programs, with this ONNX Runtime library.
pub(super) fn start_all(screen: Option<&Screen>, onnxruntime: Option<&Path>) -> Vec<Watched> {
    let start = |name, command: Command| Watched::start(name, &command, screen, onnxruntime);
    let mut all = vec![
        start("the command", test("private::programs::the_command_until_it_is_told_to_stop")),
        start("the trainer", test("private::programs::the_trainer_until_it_is_told_to_stop")),
    ];
    if library().is_some() {
        all.push(start("the plugin", test("private::programs::the_plugin_until_it_is_told_to_stop")));
    }
    if let Some(standalone) = screen.and(hosts::standalone()) {
        let mut command = Command::new(standalone);
        command.args(["--backend", "dummy", "--input"]).arg(sample("unheard.flac"));
        all.push(start("the standalone", command));
    }
    all
}

/// A test of this binary, run as a program.
fn test(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]);
    command
}

impl Watched {
    fn start(name: &'static str, command: &Command, screen: Option<&Screen>, onnxruntime: Option<&Path>) -> Self {
        let place = workplace(&[]);
        let at = |name: &str| place.path().join(name);
        for folder in ["home/.cache", "home/.config", "work"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let mut strace = traced(command, &at("trace"));
        strace.current_dir(at("work")).env("HOME", at("home")).env(WORK, at("work")).stdin(Stdio::null()).stdout(Stdio::null());
        // Mesa ignores HOME.
        strace.env("XDG_CACHE_HOME", at("home/.cache"));
        let own =
            ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "MESA_SHADER_CACHE_DIR", "WAYLAND_DISPLAY", "DISPLAY", "ORT_DISABLE_TELEMETRY"];
        for variable in own {
            strace.env_remove(variable);
        }
        strace.envs(onnxruntime.map(|library| ("MOODLINE_ONNXRUNTIME", library)));
        strace.envs(screen.map(|screen| ("DISPLAY", &screen.display))).env("LIBGL_ALWAYS_SOFTWARE", "1");
        Self { name, strace: strace.spawn().unwrap(), place }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The program's work folder, and those listed in the README.
    pub(super) fn may_write(&self) -> Vec<PathBuf> {
        let mut folders = super::named_in_readme(&self.place.path().join("home"));
        folders.push(self.place.path().join("work"));
        folders
    }

    /// Waits until the program has loaded this ONNX Runtime library.
    pub(super) fn wait_until_it_runs(&mut self, library: &Path) {
        wait_until(&format!("{} loads {}", self.name, library.display()), || {
            assert!(self.strace.try_wait().unwrap().is_none(), "{} has ended", self.name);
            self.trace().runs_code_of(library)
        });
    }

    /// Ends the program and returns its trace. The standalone is ended as by a closing session, the others end by themselves.
    pub(super) fn stop(&mut self) -> Trace {
        let still_runs = self.strace.try_wait().unwrap().is_none();
        assert!(still_runs, "{} has ended before it was told to", self.name);
        fs::write(self.place.path().join("work").join(STOP), "").unwrap();
        if self.name == "the standalone" {
            self.signal("TERM");
        }
        assert!(end_of(&mut self.strace).is_some(), "{} does not stop", self.name);
        self.trace()
    }

    fn trace(&self) -> Trace {
        Trace::read(&self.place.path().join("trace"), &self.place.path().join("work"))
    }

    /// Sends a signal to the program itself: strace ignores signals.
    fn signal(&self, signal: &str) {
        if let Some(process) = self.trace().process() {
            Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, process]).status().unwrap();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.strace.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal("KILL");
            // It may have ended by itself.
            let _ = self.strace.wait();
        }
    }
}

/// The work folder, if this process is one of the programs.
fn work() -> Option<PathBuf> {
    env::var_os(WORK).map(PathBuf::from)
}

/// Repeats `round` until the process is told to stop.
fn until_told_to_stop(work: &Path, mut round: impl FnMut()) {
    while !work.join(STOP).exists() {
        round();
        thread::sleep(REST);
    }
}

/// Does nothing as a test, like the two below: it runs the command as a long-lived process.
#[test]
fn the_command_until_it_is_told_to_stop() {
    let Some(work) = work() else { return };
    until_told_to_stop(&work, || {
        let arguments =
            ["moodline", "analyze", "--backend", "auto", "--hop", "1", "--save", "json=found.json", "--plot", "found.svg"];
        let arguments = arguments.into_iter().map(OsString::from).chain([sample("unheard.flac").into()]);
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let streams = Streams { stdout: &mut stdout, stderr: &mut stderr, interactive: false };
        let code = moodline_cli::run(arguments, streams, &AtomicBool::new(false));
        assert_eq!(code, 0, "{}", String::from_utf8_lossy(&stderr));
    });
}

#[test]
fn the_trainer_until_it_is_told_to_stop() {
    let Some(work) = work() else { return };
    let config = repository().join("trainer/configs/paper-ltc-16.toml").display().to_string();
    let run = |arguments: &[&str]| {
        let arguments = ["trainer"].iter().chain(arguments).map(OsString::from);
        assert_eq!(trainer::cli::run(arguments, Progress::Silent, &Interrupt::default()), ExitCode::SUCCESS);
    };
    let (short, small) = (["--set", "training.epochs=3"], ["--set", "training.batch_size=3"]);
    let train = ["train", "--config", &config, "--manifest", "../corpus.csv", "--out", "run"];
    run(&[&train[..], &short, &small].concat());
    run(&["export", "run", "--out", "model.onnx"]);
    until_told_to_stop(&work, || {
        run(&["evaluate", "--model", "model.onnx", "--manifest", "../corpus.csv", "--split", "test", "--report", "report"]);
    });
}

#[test]
fn the_plugin_until_it_is_told_to_stop() {
    let Some(work) = work() else { return };
    let speech = read_mono_resampled(&sample("unheard.flac"), 48_000).unwrap();
    let mut track = Track::new(&load().unwrap());
    let window = env::var_os("DISPLAY").map(|_| open_editor(&mut track));
    until_told_to_stop(&work, || {
        track.play(48e3, 2, 512, |player| {
            player.position = Some(0);
            player.play(&speech);
        });
    });
    if window.is_some() {
        track.with(|gui: &PluginGui, handle| gui.destroy(handle));
    }
}

/// Opens the plugin's editor in a window on the display; the connection keeps the window alive.
fn open_editor(track: &mut Track) -> RustConnection {
    const EMBEDDED: GuiConfiguration<'_> = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };
    let (x11, screen) = x11rb::connect(None).unwrap();
    let (root, window) = (x11.setup().roots[screen].root, x11.generate_id().unwrap());
    let look = CreateWindowAux::new();
    x11.create_window(0, window, root, 0, 0, 760, 460, 0, WindowClass::INPUT_OUTPUT, 0, &look).unwrap();
    x11.map_window(window).unwrap().check().unwrap();
    track.with(|gui: &PluginGui, handle| {
        gui.create(handle, EMBEDDED).unwrap();
        #[allow(unsafe_code, reason = "the window outlives the editor, which is destroyed first")]
        unsafe { gui.set_parent(handle, Window::from_x11_handle(window.into())) }.unwrap();
        gui.show(handle).unwrap();
    });
    x11
}
