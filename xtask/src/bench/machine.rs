//! The machine used for a measurement.

use serde::{Deserialize, Serialize};

/// Where and when the measurement ran.
#[derive(Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) date: String,
    pub(super) cpu: String,
    pub(super) cores: u32,
    pub(super) os: String,
    pub(super) python: String,
    #[serde(default)]
    pub(super) compiler: String,
}

impl Machine {
    /// A description for the report, without Python, which only the peers need.
    pub(super) fn markdown(&self) -> String {
        let Self { date, cpu, cores, os, compiler, .. } = self;
        format!("- Date: {date}\n- Machine: {cpu}, {cores} cores; {os}\n- Compiler: {compiler}\n")
    }

    /// A machine of which nothing is known.
    #[cfg(test)]
    pub(super) fn of_tests() -> Self {
        let text = || "x".to_owned();
        Self { date: text(), cpu: text(), cores: 2, os: text(), python: text(), compiler: text() }
    }
}
