//! The command `moodline`.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = moodline_cli::install_interrupt() {
        eprintln!("moodline: Ctrl-C will lose finished results: {error}");
    }
    moodline_cli::install_log();
    let (mut stdout, mut stderr) = (io::stdout().lock(), io::stderr());
    let interactive = io::IsTerminal::is_terminal(&stderr);
    let streams = moodline_cli::Streams { stdout: &mut stdout, stderr: &mut stderr, interactive };
    ExitCode::from(moodline_cli::run(std::env::args_os(), streams, &moodline_cli::INTERRUPTED))
}
