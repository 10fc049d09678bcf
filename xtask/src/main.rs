//! The developer commands: `cargo xtask <command>`.
//!
//! In: the checkout. Out: an environment, a demonstration, test results, measurements. It runs `cargo`, `pip` and the built programs as processes and imports
//! nothing of Moodline, so it still runs when Moodline does not compile.

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

/// Development tasks for a checkout of Moodline.
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
    /// System packages are installed on Debian and Ubuntu by root or with passwordless sudo; elsewhere the one command to type is printed. They are needed to
    /// build the standalone and for the tests in hosts and on a screen. ONNX Runtime is downloaded once, checked against pinned SHA-256 values and kept in
    /// the user's cache folder; without it Moodline runs its native kernel.
    Setup,
    /// Show the emotions of a real recording beside the true ones.
    ///
    /// Sets up, builds, analyses tests/samples/unheard.flac, prints its phrases beside the labels of unheard.csv and writes
    /// target/demo/unheard.svg, unheard.csv and unheard.json.
    Demo,
    /// Assemble what hosts load, in target/bundled: the plugin as CLAP and VST3, the standalone, ONNX Runtime, licences.
    Bundle(bundle::Options),
    /// Build a release bundle and install it in the standard plugin folders.
    Install(install::Options),
    /// Remove what `install` put there.
    Uninstall(install::Target),
    /// Run the checks that take a minute or two: format, lints, tidy, documentation, unit tests; for use between two changes.
    Check,
    /// Run the unit tests whose names contain FILTER, of all crates; for use between two edits.
    ///
    /// What `check` and `test` have built is reused, so that only the crate that has changed is compiled.
    Unit {
        /// Part of the names, such as `sweep::plot`
        filter: String,
    },
    /// Check everything, cheapest first, and end with a summary.
    ///
    /// Setup, tidy, format, lints, documentation, build, tests. All steps run even if one fails. Tests that cannot run on this machine are listed as SKIPPED
    /// by name. Continuous integration runs the same command.
    #[command(visible_alias = "ci")]
    Test {
        /// Only build what the tests need
        #[arg(long)]
        no_run: bool,
    },
    /// Measure speed: criterion's benches, or the project against its peers.
    ///
    /// Without a flag: the benches of the front end, the network, a whole block and a training epoch.
    Bench(bench::Options),
    /// Check the sources against the rules of ARCHITECTURE.md.
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
        Command::Unit { filter } => check::unit(root, filter),
        Command::Test { no_run } => test::run(root, *no_run),
        Command::Bench(options) => bench::run(root, options),
        Command::Tidy(options) => options.run(root),
    }
}
