//! The standalone program.

use std::process::ExitCode;

fn main() -> ExitCode {
    moodline::standalone::run(std::env::args_os())
}
