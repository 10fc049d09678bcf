//! The system packages that Moodline needs, which of them are missing, and how to get them.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::platform::{Platform, System};
use crate::python::Python;

/// The purpose to prepare the machine for; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// The command and ONNX Runtime.
    Command,
    /// Also building the plugin and the standalone.
    Plugin,
    /// Also running every test, including those in real hosts and on a screen.
    Tests,
}

/// A system package, with its name on Debian and Ubuntu.
struct Package {
    name: &'static str,
    reason: &'static str,
    purpose: Purpose,
    /// How to detect it, however it was installed.
    sign: Sign,
}

/// Evidence that a package is installed.
enum Sign {
    /// Python can do this.
    Python(fn(&Python) -> bool),
    /// This program runs when given this argument.
    Program(&'static str, &'static str),
    /// pkg-config knows this library.
    Header(&'static str),
    /// The dynamic linker knows this library.
    Library(&'static str),
    /// Only the package database can tell.
    Database,
}

/// The whole list: a machine that can run this program has Rust and a linker.
///
/// The plugin links to none of these: X11, GL and xkbcommon are loaded when an editor opens. The standalone links to ALSA and loads JACK.
const PACKAGES: &[Package] = &[
    package(
        "python3",
        "runs pip and the checks of the tests that are written in Python",
        Purpose::Command,
        Sign::Python(|_| true),
    ),
    package("python3-pip", "fetches ONNX Runtime", Purpose::Command, Sign::Python(Python::has_pip)),
    package(
        "python3-venv",
        "keeps the Python packages of tests and benches apart from the system's",
        Purpose::Command,
        Sign::Python(Python::has_venv),
    ),
    package("cmake", "builds the decoder for Opus", Purpose::Command, Sign::Program("cmake", "--version")),
    package("make", "does what CMake says", Purpose::Command, Sign::Program("make", "--version")),
    package(
        "pkg-config",
        "finds ALSA and JACK when the standalone is built, and ALSA for `moodline listen`",
        Purpose::Plugin,
        Sign::Program("pkg-config", "--version"),
    ),
    package("libasound2-dev", "ALSA, for the standalone and `moodline listen`", Purpose::Plugin, Sign::Header("alsa")),
    package("libjack-jackd2-dev", "JACK, for the standalone", Purpose::Plugin, Sign::Header("jack")),
    package("xvfb", "a screen without a monitor, for the tests of the editor", Purpose::Tests, Sign::Program("Xvfb", "-help")),
    package("libgl1", "OpenGL, which the editor draws with", Purpose::Tests, Sign::Library("libGL.so.1")),
    package("libgl1-mesa-dri", "OpenGL without a graphics card, for the tests of the editor", Purpose::Tests, Sign::Database),
    package("libx11-xcb1", "X11, for the editor", Purpose::Tests, Sign::Library("libX11-xcb.so.1")),
    package("libxcursor1", "X11, for the editor", Purpose::Tests, Sign::Library("libXcursor.so.1")),
    package("libxkbcommon-x11-0", "X11, for the editor", Purpose::Tests, Sign::Library("libxkbcommon-x11.so.0")),
    package(
        "strace",
        "shows that the audio thread makes no system call, and that no program uses the network",
        Purpose::Tests,
        Sign::Program("strace", "--version"),
    ),
    package("iproute2", "a network of its own, for the test that none is used", Purpose::Tests, Sign::Program("ip", "-Version")),
    package("chromium", "a browser to read pages in", Purpose::Tests, Sign::Program("chromium", "--version")),
    package("chromium-driver", "clicks and types in it", Purpose::Tests, Sign::Program("chromedriver", "--version")),
    package("ardour", "a host to test the plugin in", Purpose::Tests, Sign::Database),
    package("slurm-wlm", "a cluster of this machine, for the tests of sweeps", Purpose::Tests, Sign::Database),
    package(
        "ffmpeg",
        "what recordings are compared with, and decoded by as a last resort",
        Purpose::Tests,
        Sign::Program("ffmpeg", "-version"),
    ),
    package("jq", "reads what `moodline listen` writes, as the README says", Purpose::Tests, Sign::Program("jq", "--version")),
    package("munge", "how the parts of Slurm know each other", Purpose::Tests, Sign::Program("munge", "--version")),
];

const fn package(name: &'static str, reason: &'static str, purpose: Purpose, sign: Sign) -> Package {
    Package { name, reason, purpose, sign }
}

impl Package {
    fn is_missing(&self, python: Option<&Python>) -> bool {
        match self.sign {
            Sign::Python(can) => !python.is_some_and(can),
            Sign::Program(name, argument) => !succeeds(name, &[argument]),
            Sign::Header(name) => !has_header(name),
            Sign::Library(name) => !output("ldconfig", &["-p"]).contains(name),
            Sign::Database => !output("dpkg-query", &["--show", "--showformat=${Status}", self.name]).ends_with("ok installed"),
        }
    }
}

/// Whether pkg-config knows this library; the Rust crates for ALSA and JACK check the same.
fn has_header(library: &str) -> bool {
    succeeds("pkg-config", &["--exists", library])
}

/// Whether the standalone can be built; only Linux needs headers for it.
pub(crate) fn can_build_standalone() -> bool {
    Platform::this().system != System::Linux || (has_header("alsa") && has_header("jack"))
}

/// Installs what is missing for `purpose`, or prints the one command to type.
///
/// On systems other than Linux, only Python is checked: the plugin's other needs are part of the system.
pub(crate) fn packages(purpose: Purpose) {
    let python = Python::find();
    let purpose = if Platform::this().system == System::Linux { purpose } else { Purpose::Command };
    let wanted = PACKAGES.iter().filter(|package| package.purpose <= purpose);
    let missing: Vec<_> = wanted.filter(|package| package.is_missing(python.as_ref())).collect();
    if missing.is_empty() {
        return;
    }
    for package in &missing {
        println!("Missing: {} ({})", package.name, package.reason);
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    if !succeeds("apt-get", &["--version"]) {
        println!("Install what these are called on this system with its package manager; without them Moodline does less.");
        return;
    }
    let by_hand = format!("sudo apt-get update && sudo apt-get install --yes --no-install-recommends {}", names.join(" "));
    let Some(prefix) = privileged() else {
        println!("To install, type: {by_hand}");
        return;
    };
    if let Err(error) = apt_install(prefix, &names) {
        println!("Some packages could not be installed: {error:#}. To try again, type: {by_hand}");
    }
}

/// The prefix for a command that needs root, or `None` if this user cannot get root without being asked for a password.
fn privileged() -> Option<&'static [&'static str]> {
    if output("id", &["-u"]).trim() == "0" {
        return Some(&[]);
    }
    succeeds("sudo", &["--non-interactive", "true"]).then_some(&["sudo", "--non-interactive"])
}

/// Installs all packages at once or, if one of them is unavailable, the others one by one.
fn apt_install(prefix: &[&str], names: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        // Through `env`, because sudo drops the caller's variables.
        let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes"], arguments].concat();
        println!("$ {}", words.join(" "));
        let status =
            Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).status().context("apt-get could not be started")?;
        ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
        Ok(())
    };
    let install = |names: &[&str]| apt(&[&["install", "--no-install-recommends"], names].concat());
    apt(&["update"])?;
    if install(names).is_ok() {
        return Ok(());
    }
    let failed: Vec<_> = names.iter().copied().filter(|name| install(&[name]).is_err()).collect();
    ensure!(failed.is_empty(), "apt-get found no way to install {}", failed.join(", "));
    Ok(())
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The output of a program; empty if it does not exist or fails.
fn output(program: &str, arguments: &[&str]) -> String {
    // Debian keeps some programs where only root's path leads.
    let run = |program: &str| Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = run(program).or_else(|_| run(&format!("/sbin/{program}")));
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_needs_nothing_that_only_the_plugin_needs() {
        let of = |purpose| PACKAGES.iter().filter(move |package| package.purpose <= purpose).map(|package| package.name);
        assert_eq!(of(Purpose::Command).collect::<Vec<_>>(), ["python3", "python3-pip", "python3-venv", "cmake", "make"]);
        assert!(of(Purpose::Plugin).any(|name| name == "libasound2-dev") && of(Purpose::Plugin).all(|name| name != "ardour"));
        assert_eq!(of(Purpose::Tests).count(), PACKAGES.len());
    }

    #[test]
    fn absent_things_are_missing() {
        let missing = |sign| package("no-such-package", "", Purpose::Tests, sign).is_missing(None);
        assert!(missing(Sign::Program("no-such-program", "--version")));
        assert!(missing(Sign::Header("no-such-library")));
        assert!(missing(Sign::Library("libno-such-library.so.9")));
        assert!(missing(Sign::Database));
        assert!(missing(Sign::Python(|_| true)));
    }

    #[test]
    fn a_program_that_is_not_there_prints_nothing() {
        assert_eq!(output("no-such-program", &[]), "");
    }
}
