//! The log of a run, `log.txt` in its folder: host, progress and warnings, each line with its time.
//!
//! A line that cannot be written (because the disk is full) is lost without ending the run.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::base::PROGRAM;
use crate::base::files::FileError;

/// Destination of this thread's messages during a run: standard error as before, and the log of the run.
#[derive(Clone, Debug)]
pub struct RunLog(Dispatch);

impl RunLog {
    /// Opens the log at `path`; lines are appended to existing ones.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(FileError::at("write", path))?;
        let to_file = fmt::layer()
            .with_writer(Mutex::new(file))
            .with_ansi(false)
            .with_target(false)
            .log_internal_errors(false)
            .with_filter(LevelFilter::INFO);
        Ok(Self(Dispatch::new(registry().with(to_file).with(to_standard_error()))))
    }

    /// Executes `work` with the messages of this thread going to the log.
    pub fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        tracing::dispatcher::with_default(&self.0, work)
    }
}

/// Messages for the user of the program: warnings, or what `RUST_LOG` selects.
pub fn to_standard_error<S: tracing::Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    // When standard error is closed, nothing can be reported, not even that.
    fmt::layer().with_writer(std::io::stderr).log_internal_errors(false).with_filter(filter)
}

/// The environment of a run: program, system, threads; nothing that identifies the machine or its folders.
#[must_use]
pub fn host() -> String {
    format!(
        "{}, {} {}, {} of {} threads",
        PROGRAM,
        std::env::consts::OS,
        std::env::consts::ARCH,
        rayon::current_num_threads(),
        std::thread::available_parallelism().map_or(1, usize::from)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_what_is_said_outside_is_not_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        for line in ["first", "second"] {
            RunLog::open(&path).unwrap().during(|| tracing::info!("{line} line"));
            tracing::info!("elsewhere");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].ends_with("INFO first line") && lines[1].ends_with("INFO second line"), "{text}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_ends_nothing() {
        let log = RunLog::open(Path::new("/dev/full")).unwrap();
        assert_eq!(
            log.during(|| {
                tracing::warn!("no room for this");
                7
            }),
            7
        );
    }
}
