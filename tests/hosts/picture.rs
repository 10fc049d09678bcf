//! The standalone as a user sees it: it plays a recording on a virtual screen, and its window is compared with a committed picture.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use moodline_core::Emotion;
use moodline_engine::display::palette;
use test_support::own_process::outlives_terminal;
use test_support::screen::{Picture, Screen};
use test_support::skip::skip;
use test_support::waiting::{comes_true, end_of, wait_until};
use test_support::{golden, hosts, sample};

/// Maximum fraction of pixels that may differ: the digits of measured times are different in every run.
const TOLERANCE: f64 = 0.02;

/// Minimum fraction of the window covered by the four emotions' colours once the timeline is full.
const COVERED: f64 = 0.05;

/// How long the screen must not change to count as finished, and how long if it is not yet as expected: a busy machine may pause in the middle.
const STILL: Duration = Duration::from_secs(5);
const STILL_WRONG: Duration = Duration::from_secs(120);

/// A program that is ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn reference() -> Picture {
    Picture::read(&golden::path("shots/standalone.png"))
}

fn shots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("shots");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The fraction of pixels that have the colour of an emotion.
fn covered(picture: &Picture) -> f64 {
    let colours = picture.colours();
    let of_emotions = Emotion::ALL.iter().filter_map(|&emotion| colours.get(&palette::rgb(emotion))).sum::<usize>();
    of_emotions as f64 / picture.pixels.len() as f64
}

/// Watches the window until its timeline is complete and nothing changes any more.
fn finished(screen: &Screen, program: &mut Running) -> Picture {
    let x11 = screen.connect();
    let reference = reference();
    let mut latest: Option<(Picture, Instant)> = None;
    let is_finished = comes_true(|| {
        if let Some(status) = program.0.try_wait().unwrap() {
            panic!("the standalone ended: {status}");
        }
        let Some(picture) = screen.window(&x11).and_then(|window| Picture::of(&x11, window)) else { return false };
        match &latest {
            Some((same, since)) if *same == picture => {
                let is_right = picture.has_size_of(&reference) && picture.difference(&reference) <= TOLERANCE;
                since.elapsed() > if is_right { STILL } else { STILL_WRONG } && covered(&picture) > COVERED
            }
            _ => {
                latest = Some((picture, Instant::now()));
                false
            }
        }
    });
    let (picture, _) = latest.expect("there is a window");
    if !is_finished {
        picture.write(&shots().join("standalone-unfinished.png"));
        panic!("the window still changes or shows no timeline; target/shots/standalone-unfinished.png is what it shows");
    }
    picture
}

/// The standalone playing a recording on `screen`, with no user data except what is in `home`.
fn started(standalone: &Path, screen: &Screen, home: &Path) -> Running {
    started_with(standalone, screen, home, Some(&sample("unheard.flac")))
}

/// The standalone with this input, or without one.
fn started_with(standalone: &Path, screen: &Screen, home: &Path, input: Option<&Path>) -> Running {
    let mut command = Command::new(standalone);
    command.args(["--backend", "dummy"]);
    command.args(input.iter().flat_map(|input| [OsStr::new("--input"), input.as_os_str()]));
    // No user data may show in the picture, and no graphics card may draw it.
    command.env("DISPLAY", &screen.display).env("HOME", home).env("LIBGL_ALWAYS_SOFTWARE", "1");
    for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "WAYLAND_DISPLAY"] {
        command.env_remove(variable);
    }
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
}

#[test]
fn the_standalone_shows_the_timeline_of_a_recording() {
    let Some(standalone) = hosts::standalone() else { return };
    let Some(screen) = Screen::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let picture = finished(&screen, &mut started(&standalone, &screen, home.path()));
    let shot = shots().join("standalone.png");
    picture.write(&shot);
    let reference = reference();
    assert_eq!((picture.width, picture.height), (reference.width, reference.height));
    let difference = picture.difference(&reference);
    assert!(
        difference <= TOLERANCE,
        "{:.1} % of the pixels differ, at most {:.1} % may; compare {} with tests/golden/shots/standalone.png",
        100.0 * difference,
        100.0 * TOLERANCE,
        shot.display()
    );
}

#[test]
fn every_signal_closes_the_window_of_the_standalone() {
    let Some(standalone) = hosts::standalone() else { return };
    let Some(screen) = Screen::start() else { return };
    let (home, x11) = (tempfile::tempdir().unwrap(), screen.connect());
    for signal in ["-INT", "-TERM", "-HUP"] {
        if signal == "-HUP" && outlives_terminal() {
            skip("SIGHUP", "it is ignored here");
            continue;
        }
        let mut program = started(&standalone, &screen, home.path());
        wait_until(&format!("{signal}: there is a window"), || {
            assert!(program.0.try_wait().unwrap().is_none(), "{signal}: it ended before it was asked to");
            let picture = screen.window(&x11).and_then(|window| Picture::of(&x11, window));
            picture.is_some_and(|picture| picture.colours().len() >= 3)
        });
        assert!(Command::new("kill").args([signal, &program.0.id().to_string()]).status().unwrap().success());
        let status = end_of(&mut program.0).unwrap_or_else(|| panic!("{signal}: it does not end"));
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[test]
fn the_standalone_keeps_what_it_recorded_for_the_next_start() {
    let Some(standalone) = hosts::standalone() else { return };
    let Some(screen) = Screen::start() else { return };
    let (home, x11) = (tempfile::tempdir().unwrap(), screen.connect());
    let shows_a_timeline = |what: &str, program: &mut Running| {
        wait_until(what, || {
            assert!(program.0.try_wait().unwrap().is_none(), "{what}: it ended");
            let picture = screen.window(&x11).and_then(|window| Picture::of(&x11, window));
            picture.is_some_and(|picture| covered(&picture) > COVERED)
        });
    };
    let end = |mut program: Running| {
        assert!(Command::new("kill").args(["-TERM", &program.0.id().to_string()]).status().unwrap().success());
        assert_eq!(end_of(&mut program.0).expect("it ends").code(), Some(0));
    };
    let mut program = started(&standalone, &screen, home.path());
    shows_a_timeline("what is recorded is shown", &mut program);
    end(program);
    let mut program = started_with(&standalone, &screen, home.path(), None);
    shows_a_timeline("what was kept is shown", &mut program);
    end(program);
}

#[test]
fn an_empty_timeline_or_another_recording_would_be_noticed() {
    let reference = reference();
    assert!(covered(&reference) > COVERED);
    let background = reference.background();
    let mut empty = reference.clone();
    let mut other = reference.clone();
    let colours = Emotion::ALL.map(palette::rgb);
    for (empty, other) in empty.pixels.iter_mut().zip(&mut other.pixels) {
        if let Some(index) = colours.iter().position(|colour| colour == empty) {
            *empty = background;
            *other = colours[(index + 1) % colours.len()];
        }
    }
    assert!(empty.difference(&reference) > TOLERANCE, "{}", empty.difference(&reference));
    assert!(other.difference(&reference) > TOLERANCE, "{}", other.difference(&reference));
    assert_eq!(reference.difference(&reference), 0.0);
}
