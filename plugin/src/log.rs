//! The plugin's log output on the host's standard error, and its limit.
//!
//! The framework would also append to a file named by an environment variable, without limit and from a thread of its own. A plugin must not write to files
//! that the user did not choose for it, so that is not done here.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Maximum output in the lifetime of a process, bytes: enough for the first occurrence of every error, too little to fill a disk that a host logs to.
const MAX_BYTES: usize = 256 << 10;

/// Warnings; except those of the windowing library, which warns about each window whose thread ends before it answers.
const FILTER: &str = "warn,baseview=error";

/// Starts the log of this library; returns whether it is the first to do so.
pub(crate) fn start() -> bool {
    let logger = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(FILTER)).with_ansi(false).without_time();
    logger.with_target(false).with_writer(Bounded::new(io::stderr)).try_init().is_ok()
}

/// Writes to what `make` creates, and stops after [`MAX_BYTES`].
struct Bounded<M> {
    make: M,
    n_written: AtomicUsize,
}

impl<M> Bounded<M> {
    const fn new(make: M) -> Self {
        Self { make, n_written: AtomicUsize::new(0) }
    }
}

impl<'a, W: Write + 'a, M: Fn() -> W + 'a> MakeWriter<'a> for Bounded<M> {
    type Writer = Share<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Share { writer: (self.make)(), n_written: &self.n_written }
    }
}

/// The writer of one message.
struct Share<'a, W> {
    writer: W,
    n_written: &'a AtomicUsize,
}

impl<W: Write> Write for Share<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.n_written.fetch_add(bytes.len(), Ordering::Relaxed);
        if before < MAX_BYTES {
            self.writer.write_all(bytes)?;
            if before + bytes.len() >= MAX_BYTES {
                self.writer.write_all(b"Moodline says no more in this process.\n")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_ends_and_says_so_once() {
        let kept = Kept::default();
        let log = Bounded::new({
            let kept = kept.clone();
            move || kept.clone()
        });
        let line = [b'x'; 1000];
        for _ in 0..10_000 {
            log.make_writer().write_all(&line).unwrap();
        }
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.len() < MAX_BYTES + 2000, "{} bytes", text.len());
        assert_eq!(text.matches("no more").count(), 1);
    }
}
