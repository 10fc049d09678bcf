//! The commands a contributor types: `cargo xtask <command>`.
//!
//! In: the checkout. Out: an environment, a demonstration, a verdict, measurements. It drives `cargo`, `pip` and the built programs from
//! outside and imports nothing of Moodline, so it still runs when Moodline does not compile.

mod bench;
mod bundle;
mod check;
mod demo;
mod files;
mod install;
mod onnxruntime;
mod platform;
mod python;
mod setup;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use setup::Purpose;

/// Everything there is to do with a checkout of Moodline.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing: system packages (where allowed) and ONNX Runtime.
    ///
    /// System packages are installed on Debian and Ubuntu by root or with passwordless sudo; anywhere else the one command to type is
    /// printed. They are for building the standalone and for the tests in hosts and on a screen. ONNX Runtime is fetched once, checked
    /// against pinned SHA-256 values and kept in the user's cache folder; without it Moodline runs its native kernel.
    Setup,
    /// Show the emotions of a real recording beside the true ones.
    ///
    /// Sets up, builds, analyses tests/samples/unheard.flac, prints its phrases beside the labels of unheard.csv and writes
    /// target/demo/unheard.svg, unheard.csv and unheard.json.
    Demo,
    /// Put together what hosts load, in target/bundled: the plugin as CLAP and VST3, the standalone, ONNX Runtime, licences.
    Bundle(bundle::Options),
    /// Bundle for release and put it into the standard folders for plugins.
    Install(install::Options),
    /// Remove what `install` put there.
    Uninstall(install::Target),
    /// Check what takes a minute or two: format, lints, tidy, documentation, unit tests; for between two changes.
    Check,
    /// Check everything, cheapest first, and end with a summary.
    ///
    /// Setup, tidy, format, lints, documentation, build, tests. All steps run even if one fails. What could not be tested on this machine is
    /// listed as SKIPPED by name. This is also what continuous integration runs.
    #[command(visible_alias = "ci")]
    Test,
    /// Measure speed: criterion's benches, or the project against its peers.
    ///
    /// Without a flag: the benches of front end, network, whole block and training epoch.
    Bench(bench::Options),
    /// Hold the sources against the rules of ARCHITECTURE.md.
    Tidy(tidy::Options),
}

fn main() -> ExitCode {
    let outcome = run(&Arguments::parse().command, &workspace::root());
    if let Err(error) = outcome {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(command: &Command, root: &Path) -> Result<()> {
    match command {
        Command::Setup => setup::run(Purpose::Tests),
        Command::Demo => demo::run(root),
        Command::Bundle(options) => bundle::run(root, options),
        Command::Install(options) => install::run(root, options),
        Command::Uninstall(target) => install::uninstall(target),
        Command::Check => check::run(root),
        Command::Test => test::run(root),
        Command::Bench(options) => bench::run(root, options),
        Command::Tidy(options) => options.run(root),
    }
}
