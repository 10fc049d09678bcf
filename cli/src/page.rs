//! One page per recording, and an index of several: self-contained files that open in any browser without a network.
//!
//! In: results and the recording. Out: HTML. Shapes are drawn here, so that a page reads and prints without scripts; its own script, whose hash is in its
//! content security policy, plays the recording and shows the position.

mod audio;
mod document;
mod index;
mod moments;
mod opus;
mod policy;
mod signs;
mod waveform;

use std::path::Path;

use clap::ValueEnum;
use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::export::Results;

pub(crate) use index::{FILE as INDEX_FILE, IndexRow};

/// How a page accesses the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageAudio {
    /// By a link relative to the page.
    Link,
    /// Embedded in the page, as Opus.
    Embed,
    /// Not at all.
    None,
}

/// The page of the recording at `path`, to be written into `folder`.
///
/// # Errors
/// The recording cannot be read a second time, or cannot be embedded in the page.
pub(crate) fn page(
    results: &Results,
    config: &AnalysisConfig,
    path: &Path,
    folder: &Path,
    audio: PageAudio,
) -> anyhow::Result<String> {
    let source = match audio {
        PageAudio::Link => Some(audio::relative_url(folder, path)),
        PageAudio::Embed => Some(audio::embedded(path, results.duration_s)?),
        PageAudio::None => None,
    };
    let n_parts = document::outline_parts(results.duration_s);
    let outlines = waveform::outlines(path, &results.voices, results.duration_s, n_parts)?;
    Ok(document::html(results, config, &outlines, source.as_deref()))
}

/// The index of the pages in a folder.
pub(crate) fn index(rows: &[IndexRow]) -> String {
    index::html(rows)
}
