//! The VST3 plugin in Ardour, as packaged by Debian and Ubuntu, without a screen: scanned, inserted, played, saved and reopened.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use moodline_engine::timeline::Timelines;
use serde_json::Value;
use test_support::skip::skip;
use test_support::waiting::end_of;
use test_support::{hosts, tests_file};

/// The window set by `tests/ardour/session.lua`, seconds.
const WINDOW: f64 = 7.5;

/// Minimum playing time, seconds; a busy machine stops later.
const PLAYED: f64 = 4.0;

/// An installation of Ardour, and a separate home for it.
struct Ardour {
    /// The folder of its programs and libraries, named after Ardour with its major version.
    folder: PathBuf,
    home: tempfile::TempDir,
}

impl Ardour {
    fn find() -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").ok().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let is_ardour = |folder: &PathBuf| folder.join("luasession").is_file() && folder.join("ardour-vst3-scanner").is_file();
        let found = folders.into_iter().find(is_ardour);
        if found.is_none() {
            skip("Ardour", "it is not installed; `cargo xtask setup` installs it on Debian and Ubuntu");
        }
        Some(Self { folder: found?, home: tempfile::tempdir().unwrap() })
    }

    /// Runs one of its programs with the environment of its own launchers, and returns the output.
    fn run(&self, program: &str, arguments: &[&Path], variables: &[(&str, &Path)]) -> String {
        let name = self.folder.file_name().unwrap();
        let output = self.home.path().join(format!("{program}.txt"));
        let mut command = Command::new(self.folder.join(program));
        command.args(arguments).env("HOME", self.home.path()).env("LD_LIBRARY_PATH", &self.folder);
        command.env("ARDOUR_DLL_PATH", &self.folder).env("VAMP_PATH", self.folder.join("vamp"));
        command.env("ARDOUR_DATA_PATH", Path::new("/usr/share").join(name));
        command.env("ARDOUR_CONFIG_PATH", Path::new("/etc").join(name));
        for own in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DISPLAY"] {
            command.env_remove(own);
        }
        let file = File::create(&output).unwrap();
        command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let status = end_of(&mut command.spawn().unwrap());
        let text = String::from_utf8_lossy(&fs::read(output).unwrap()).into_owned();
        assert!(status.is_some_and(|status| status.success()), "{program}: {status:?}:\n{text}");
        text
    }

    /// Runs Ardour's scanner on the plugin, as Ardour does at startup.
    fn scan(&self, bundle: &Path) -> String {
        let installed = self.home.path().join(".vst3/moodline.vst3");
        copy(bundle, &installed);
        self.run("ardour-vst3-scanner", &[Path::new("-f"), Path::new("-v"), &installed], &[])
    }

    fn session(&self, step: &str) -> String {
        let script = tests_file("ardour/session.lua");
        let folder = self.home.path().join("session");
        let text = self.run("luasession", &[&script], &[("SESSION_FOLDER", &folder), ("STEP", Path::new(step))]);
        assert!(text.contains("done=true"), "{step}:\n{text}");
        text
    }

    /// The plugin's state in the session file `name`.
    fn saved(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.home.path().join("session").join(name)).unwrap();
        let (_, after) = text.split_once("<chunk>").unwrap_or_else(|| panic!("{name} holds no state of the plugin"));
        let bytes = BASE64_STANDARD.decode(after.split_once('<').unwrap().0).unwrap();
        // The plugin's own JSON is surrounded by the tables of Steinberg's preset format.
        let start = bytes.iter().position(|&byte| byte == b'{').unwrap();
        serde_json::Deserializer::from_slice(&bytes[start..]).into_iter().next().unwrap().unwrap()
    }
}

/// Copies a folder; every file appears one minute old, because Ardour considers a scan outdated if it is not newer than the plugin.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let copied = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &copied);
        } else {
            fs::copy(entry.path(), &copied).unwrap();
            let file = File::options().write(true).open(&copied).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        }
    }
}

fn value_of<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{name} is missing:\n{text}"))
}

fn timelines(state: &Value) -> Timelines {
    let encoded: String = serde_json::from_str(state["fields"]["timeline"].as_str().unwrap()).unwrap();
    Timelines::decode(&encoded).unwrap()
}

/// Equal except for the last digit of numbers, which a host stores as a fraction of the range.
fn assert_same(first: &Value, second: &Value) {
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            assert!(first.keys().eq(second.keys()), "{first:?}, {second:?}");
            first.iter().for_each(|(name, value)| assert_same(value, &second[name]));
        }
        (Value::Number(first), Value::Number(second)) => {
            assert!((first.as_f64().unwrap() - second.as_f64().unwrap()).abs() < 1e-5, "{first}, {second}");
        }
        _ => assert_eq!(first, second),
    }
}

#[test]
fn a_session_keeps_the_plugin_its_parameters_and_its_timeline() {
    let Some(bundle) = hosts::vst3() else { return };
    let Some(ardour) = Ardour::find() else { return };
    let scan = ardour.scan(&bundle);
    assert!(scan.contains("Found Plugin: Moodline"), "{scan}");

    let (created, reopened) = (ardour.session("create"), ardour.session("reopen"));
    for text in [&created, &reopened] {
        assert_eq!(value_of(text, "name"), "Moodline");
        assert_eq!(value_of(text, "latency"), "0");
        assert_eq!(value_of(text, "parameter"), "Window");
        assert_eq!(value_of(text, "value").parse::<f64>().unwrap(), WINDOW);
    }

    let (first, second) = (ardour.saved("moodline.ardour"), ardour.saved("reopened.ardour"));
    assert_eq!(first["params"]["window"]["f32"], WINDOW);
    assert_same(&first["params"], &second["params"]);
    let played = timelines(&first);
    let (start, end) = played.host.bounds().expect("what was played is on the host's time");
    let reached: f64 = value_of(&created, "reached").parse().unwrap();
    assert!(start.abs() < 0.1 && (PLAYED - 0.5..reached + 1.0).contains(&end), "{start} s to {end} s of {reached} s");
    assert_eq!(timelines(&second).host.entries(), played.host.entries());
}
