//! The user's Python, run as a process to get packages from PyPI: ONNX Runtime's library, the ONNX checker, the peers of the benches.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::files::hex;

/// Seconds without an answer after which a registry counts as unreachable.
const TIMEOUT_SECONDS: &str = "30";

/// A working Python interpreter.
#[derive(Clone, Debug)]
pub(crate) struct Python(PathBuf);

impl Python {
    /// The first Python 3 that has pip and can create virtual environments, otherwise the first Python 3; searched for on the path and where a system package
    /// installs it.
    pub(crate) fn find() -> Option<Self> {
        let candidates = ["python3", "python", "/usr/bin/python3"].map(|name| Self(name.into()));
        let mut found =
            candidates.into_iter().filter(|python| python.runs("import sys; assert sys.version_info[0] == 3")).peekable();
        let first = found.peek().cloned();
        found.find(|python| python.has_pip() && python.has_venv()).or(first)
    }

    /// Whether this program exits without an error.
    pub(crate) fn runs(&self, program: &str) -> bool {
        let status =
            self.command().args(["-c", program]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Whether `python -m pip` works.
    pub(crate) fn has_pip(&self) -> bool {
        self.runs("import pip")
    }

    /// Whether virtual environments can be created; Debian packages `ensurepip` separately.
    pub(crate) fn has_venv(&self) -> bool {
        self.runs("import venv, ensurepip")
    }

    /// A process of this interpreter, without arguments yet.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// The interpreter's path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Runs pip and reports a failure in one sentence.
    ///
    /// # Errors
    /// pip could not be started or failed; the message contains the last line of pip's output.
    pub(crate) fn pip(&self, arguments: &[&str]) -> Result<()> {
        let output = self
            .command()
            .args([
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
                "--retries",
                "2",
                "--timeout",
                TIMEOUT_SECONDS,
            ])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .with_context(|| format!("{self} could not be started"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            bail!("pip failed ({})", text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message").trim());
        }
        Ok(())
    }

    fn version(&self) -> Result<String> {
        let output = self.command().args(["-c", "import sys, platform; print(sys.version, platform.machine())"]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// A virtual environment `name` in the cache with exactly what the `requirements` file pins, created if it does not exist yet.
///
/// The folder name contains a fingerprint of the pins and the interpreter, and a marker file is written last, so an interrupted or outdated installation is
/// never mistaken for a complete one.
///
/// # Errors
/// One sentence: no Python, no venv module, or pip's failure.
pub(crate) fn environment(cache: &Path, name: &str, requirements: &Path) -> Result<Python> {
    let python = Python::find().context("python3 is not installed")?;
    let pins = fs::read(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let digest = Sha256::new().chain_update(&pins).chain_update(python.version()?).finalize();
    let folder = cache.join("python").join(format!("{name}-{}", &hex(&digest)[..12]));
    let interpreter = Python(if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") });
    let marker = folder.join("complete");
    if marker.is_file() && interpreter.runs("") {
        return Ok(interpreter);
    }
    if !python.has_venv() {
        bail!("{python} cannot make virtual environments (on Debian and Ubuntu: the package python3-venv)");
    }
    println!("Installing the Python packages of {} into {} ...", requirements.display(), folder.display());
    let made = python.command().args(["-m", "venv", "--clear"]).arg(&folder).stdin(Stdio::null()).output()?;
    if !made.status.success() {
        bail!("{python} could not make the virtual environment {}", folder.display());
    }
    interpreter.pip(&["install", "-r", &requirements.to_string_lossy()])?;
    fs::write(&marker, pins)?;
    Ok(interpreter)
}
