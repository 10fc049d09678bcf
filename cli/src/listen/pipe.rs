//! Standard input as a live feed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::thread;

use moodline_engine::decode::{AudioReader, DecodeError, RawFormat, ReadOptions, STANDARD_INPUT};

use super::feed::{Feed, Heard, Layout};

/// Standard input: a recording in any supported format, or raw samples in a format that is given.
pub(super) struct Pipe {
    raw: Option<RawFormat>,
}

impl Pipe {
    pub(super) const fn new(raw: Option<RawFormat>) -> Self {
        Self { raw }
    }
}

impl Feed for Pipe {
    fn open(&mut self, sender: SyncSender<Heard>) -> Result<Box<dyn Any>, String> {
        let options = ReadOptions { raw: self.raw, ..ReadOptions::default() };
        // A thread blocked on a pipe cannot be cancelled: it is left running until the program ends.
        thread::spawn(move || {
            let read = catch_unwind(AssertUnwindSafe(|| read(options, &sender)));
            let (warnings, problem) = match read {
                Ok(Ok(warnings)) => (warnings, None),
                Ok(Err(error)) => (Vec::new(), Some(error.to_string())),
                Err(_) => (Vec::new(), Some(format!("{STANDARD_INPUT}: an internal error stopped the analysis; this is a bug"))),
            };
            // The receiver may be gone.
            let _ = sender.send(Heard::Ended { warnings, problem });
        });
        Ok(Box::new(()))
    }
}

/// Sends all audio as it arrives; returns the warnings.
fn read(options: ReadOptions, sender: &SyncSender<Heard>) -> Result<Vec<String>, DecodeError> {
    let mut reader = AudioReader::open_with(Path::new(STANDARD_INPUT), options)?;
    let layout = Layout { sample_rate: reader.sample_rate(), n_channels: reader.channels() };
    let mut heard = Heard::Opened { name: STANDARD_INPUT.to_owned(), layout };
    loop {
        if sender.send(heard).is_err() {
            return Ok(Vec::new());
        }
        let mut samples = Vec::new();
        if !reader.read(&mut samples)? {
            break;
        }
        heard = Heard::Samples(samples);
    }
    Ok(reader.warnings().iter().map(|warning| format!("{STANDARD_INPUT}: {warning}")).collect())
}
