//! Tests that cannot run on this machine report that by name instead of passing silently.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread;

/// Reports that the calling test is skipped because `component` is missing, and why.
///
/// The line goes to standard output, where `--nocapture` shows it, and to the file named by `MOODLINE_SKIPS`, which `cargo xtask test` summarises.
pub fn skip(component: &str, why: &str) {
    println!("SKIPPED: {component}: {why}");
    let Some(path) = env::var_os("MOODLINE_SKIPS") else { return };
    let thread = thread::current();
    let line = format!("{}\t{component}: {why}\n", thread.name().unwrap_or("?"));
    let mut file =
        OpenOptions::new().create(true).append(true).open(path).expect("the file named by MOODLINE_SKIPS can be written");
    file.write_all(line.as_bytes()).expect("the file named by MOODLINE_SKIPS can be written");
}
