//! Brings a bare machine to where everything can be built, run and tested, or says what it could not do.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::onnxruntime;
use crate::python::Python;

/// A system package, named as Debian and Ubuntu name it.
struct Package {
    name: &'static str,
    reason: &'static str,
    missing: fn(Option<&Python>) -> bool,
}

/// The whole list: whoever can run this program has Rust and a linker, and nothing else of the system is linked to.
const PACKAGES: &[Package] = &[
    Package { name: "python3", reason: "runs pip and the ONNX checks of the tests", missing: |python| python.is_none() },
    Package { name: "python3-pip", reason: "fetches ONNX Runtime", missing: |python| !python.is_some_and(Python::has_pip) },
    Package {
        name: "python3-venv",
        reason: "keeps the Python packages of tests and benches apart from the system's",
        missing: |python| !python.is_some_and(Python::has_venv),
    },
];

/// Installs what is missing and reports it; nothing it installs is indispensable, so what cannot be had is no error.
pub(crate) fn run() -> Result<()> {
    install_packages();
    match onnxruntime::ensure_installed() {
        Ok(path) => println!("ONNX Runtime {} is ready: {}", onnxruntime::VERSION, path.display()),
        Err(error) => println!("ONNX Runtime is not available: {error:#}. Moodline runs its native kernel instead."),
    }
    Ok(())
}

fn install_packages() {
    let python = Python::find();
    let missing: Vec<_> = PACKAGES.iter().filter(|package| (package.missing)(python.as_ref())).collect();
    if missing.is_empty() {
        return;
    }
    for package in &missing {
        println!("Missing: {} ({})", package.name, package.reason);
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    if !succeeds("apt-get", &["--version"]) {
        println!("Install Python 3 with pip and venv with the package manager of this system to have them.");
        return;
    }
    let by_hand = format!("sudo apt-get update && sudo apt-get install --yes --no-install-recommends {}", names.join(" "));
    let Some(prefix) = privileged() else {
        println!("To install, type: {by_hand}");
        return;
    };
    if let Err(error) = apt_install(prefix, &names) {
        println!("The packages could not be installed: {error:#}. To try again, type: {by_hand}");
    }
}

/// What to put before a command that needs root, or none if this user may not run it without being asked for a password.
fn privileged() -> Option<&'static [&'static str]> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    succeeds("sudo", &["--non-interactive", "true"]).then_some(&["sudo", "--non-interactive"])
}

fn apt_install(prefix: &[&str], names: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        // Through `env`, because sudo drops the caller's variables.
        let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes"], arguments].concat();
        println!("$ {}", words.join(" "));
        let status =
            Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).status().context("apt-get could not be started")?;
        ensure!(status.success(), "apt-get {} failed", arguments[0]);
        Ok(())
    };
    apt(&["update"])?;
    apt(&[&["install", "--no-install-recommends"], names].concat())
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
