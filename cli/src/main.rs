//! The command `moodline`.

use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = moodline_cli::install_interrupt() {
        // There is nowhere to report that standard error is closed.
        let _ = writeln!(io::stderr(), "moodline: Ctrl-C will lose finished results: {error}");
    }
    moodline_cli::install_log();
    moodline_engine::panics::hide_expected();
    let (mut stdout, mut stderr) = (io::stdout().lock(), io::stderr());
    let interactive = io::IsTerminal::is_terminal(&stderr);
    let streams = moodline_cli::Streams { stdout: &mut stdout, stderr: &mut stderr, interactive };
    ExitCode::from(moodline_cli::run(std::env::args_os(), streams, &moodline_cli::INTERRUPTED))
}
