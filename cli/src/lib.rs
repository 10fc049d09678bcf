//! The command `moodline`: analyses audio files and live speech, and shows the features a model sees and the model's description.
//!
//! In: arguments and files. Out: results on stdout or in files, everything else on stderr, and an exit code: 0 done, 1 some input failed
//! (the others were still processed), 2 usage. [`run`] is the whole command, so that tests can call it without a process.

mod analyze;
mod args;
mod console;
mod features;
mod inputs;
mod labels;
mod listen;
mod model;
mod output;
mod page;
mod plot;
mod progress;
mod setup;
mod table;
mod voice;
mod work;

use std::ffi::OsString;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use moodline_engine::files;
use moodline_engine::stop::{self, StopRequest};

pub use console::Streams;

/// Set when the program is asked to end: no more audio is read, and finished results are written.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// All inputs were analysed.
pub const DONE: u8 = 0;
/// Some input failed, or a result could not be written.
pub const FAILED: u8 = 1;
/// The arguments make no sense.
pub const USAGE: u8 = 2;

/// Runs the command and returns its exit code.
///
/// `arguments` start with the name of the program, as in [`std::env::args_os`]. The run stops early when `interrupted` becomes true.
pub fn run(arguments: impl IntoIterator<Item = OsString>, mut streams: Streams<'_>, interrupted: &AtomicBool) -> u8 {
    let command = match args::Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command,
        Err(error) if error.use_stderr() => {
            streams.note(&error.render().to_string());
            return USAGE;
        }
        Err(help) => return streams.print_all(&help.render().to_string()),
    };
    match command {
        args::Command::Analyze(arguments) => analyze::run(&arguments, &mut streams, interrupted),
        args::Command::Listen(arguments) => listen::run(&arguments, &mut streams, interrupted),
        args::Command::Features(arguments) => features::run(&arguments, &mut streams, interrupted),
        args::Command::Model(arguments) => model::run(&arguments, &mut streams),
        args::Command::Voice(args::VoiceCommand::Learn(arguments)) => voice::learn(&arguments, &mut streams, interrupted),
    }
}

/// Lets the first Ctrl-C (SIGTERM, SIGHUP) set [`INTERRUPTED`] and the second end the process.
///
/// # Errors
/// The operating system refuses the handler.
pub fn install_interrupt() -> io::Result<()> {
    const INTERRUPT_EXIT_CODE: i32 = 130;
    stop::on_request(|request| match request {
        StopRequest::First => INTERRUPTED.store(true, Ordering::Relaxed),
        StopRequest::Again => files::exit(INTERRUPT_EXIT_CODE),
    })
}

/// Sends log lines to stderr, at the level set by `RUST_LOG`; errors only by default.
pub fn install_log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false).init();
}
