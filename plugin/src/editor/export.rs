//! Writes results: the same reports and formats as the command, using the same code.

use std::path::{Path, PathBuf};

use moodline_engine::Segment;
use moodline_engine::export::{ExportOptions, Format, Results};
use moodline_engine::files::{FilePlan, Replace, write_atomically};
use moodline_engine::live::{ModelState, Status, TrackVoice};
use moodline_engine::voices::Voice;

/// Base name of exported files.
const STEM: &str = "moodline";
/// Placeholder for unknown values in results, such as the model of a timeline that was restored and not continued.
const UNKNOWN: &str = "unknown";

/// The formats as named in the menu.
pub(crate) const fn format_name(format: Format) -> &'static str {
    match format {
        Format::Csv => "CSV",
        Format::Json => "JSON",
        Format::Srt => "SRT subtitles",
        Format::Vtt => "WebVTT subtitles",
        Format::Audacity => "Audacity labels",
        Format::Reaper => "REAPER regions",
        Format::Audition => "Audition markers",
        Format::Midi => "Pro Tools (MIDI)",
        Format::Edl => "Resolve (EDL)",
        Format::Fcpxml => "Final Cut (FCPXML)",
        Format::Premiere => "Premiere (XML)",
        Format::TextGrid => "Praat TextGrid",
        Format::Elan => "ELAN",
        Format::Rttm => "RTTM",
    }
}

/// The results recorded on the track, as corrected for `voice`; answers are certain from the probability `certain_from` on.
pub(crate) fn results_of_track(status: &Status, segments: &[Segment], voice: &TrackVoice, certain_from: f32) -> Results {
    let (model_id, model_fingerprint) = match &status.model {
        ModelState::Ready { id, fingerprint } => (id.clone(), fingerprint.clone()),
        ModelState::Loading | ModelState::Failed(_) => (UNKNOWN.to_owned(), UNKNOWN.to_owned()),
    };
    let results = Results {
        file: "track".to_owned(),
        sample_rate: status.sample_rate.unwrap_or(0),
        // The analysis receives one signal, however many channels the track has.
        n_channels: 1,
        duration_s: segments.iter().map(|segment| segment.end_s).fold(0.0, f64::max),
        model_id,
        model_fingerprint,
        backend: status.backend.map_or_else(|| UNKNOWN.to_owned(), |backend| backend.name().to_owned()),
        certain_from,
        voices: vec![Voice { segments: segments.to_vec(), ..Voice::default() }],
    };
    shown_by(voice, certain_from, results)
}

/// The results as corrected for `voice`; answers are certain from the probability `certain_from` on.
pub(crate) fn shown_by(voice: &TrackVoice, certain_from: f32, mut results: Results) -> Results {
    results.certain_from = certain_from;
    for of in &mut results.voices {
        of.segments = voice.shown_segments(&of.segments).into_owned();
        of.heard = voice.heard;
    }
    results
}

/// An unused name for a new file in `folder`: an export never replaces another without being asked to.
pub(crate) fn free_path(folder: &Path, ending: &str) -> PathBuf {
    let named = |number: u32| match number {
        1 => folder.join(format!("{STEM}.{ending}")),
        n => folder.join(format!("{STEM}-{n}.{ending}")),
    };
    // A dangling link also counts as existing.
    (1..).map(named).find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| named(1))
}

/// Writes `results` to `path` and reports success or failure in one sentence. A recording, a manifest or a model is never replaced, whatever the answer in
/// the dialog.
pub(crate) fn write(path: &Path, format: Format, results: &Results, options: &ExportOptions) -> Result<String, String> {
    FilePlan::new(Replace::Never).write([path]).check().map_err(|refusal| refusal.to_string())?;
    match write_atomically(path, &format.file(results, options)) {
        Ok(()) => Ok(format!("Saved {}", path.display())),
        Err(error) => Err(error.to_string()),
    }
}

/// `path` with `ending`, if it has none.
///
/// # Errors
/// With its ending the path names an existing file, which the dialog did not ask about: a sentence.
pub(crate) fn with_ending(path: PathBuf, ending: &str) -> Result<PathBuf, String> {
    if path.extension().is_some() {
        return Ok(path);
    }
    let complete = path.with_extension(ending);
    match complete.symlink_metadata() {
        Ok(_) => Err(format!("{} exists; to replace it, choose the name with its ending", complete.display())),
        Err(_) => Ok(complete),
    }
}

/// The existing folders to choose from if no dialog can be shown, the documents folder first.
pub(crate) fn usual_folders() -> Vec<PathBuf> {
    let Some(home) = std::env::home_dir().filter(|home| home.is_dir()) else { return vec![std::env::temp_dir()] };
    let inside = ["Documents", "Music", "Desktop", "Downloads"].map(|name| home.join(name));
    inside.into_iter().filter(|folder| folder.is_dir()).chain([home]).collect()
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;
    use moodline_engine::State;

    use super::*;

    const OPTIONS: ExportOptions = ExportOptions::DEFAULT;

    fn status() -> Status {
        Status {
            model: ModelState::Ready { id: "small".into(), fingerprint: "12ab".into() },
            backend: Some(moodline_engine::Backend::Native),
            fallback_reason: None,
            latest: None,
            latency: None,
            latest_age: None,
            listening_s: None,
            dropped_frames: 0,
            sample_rate: Some(44_100),
            problem: None,
        }
    }

    fn segments() -> Vec<Segment> {
        let speech = State::Speech(Probabilities::new([0.7, 0.1, 0.1, 0.1]).unwrap());
        let segment = |start_s: f64, state| Segment { start_s, end_s: start_s + 5.0, state };
        vec![segment(0.0, speech), segment(5.0, State::NoSpeech)]
    }

    #[test]
    fn every_format_is_written_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let results = results_of_track(&status(), &segments(), &TrackVoice::default(), 0.4);
        for format in Format::ALL {
            let first = free_path(folder.path(), format.extension());
            assert!(write(&first, format, &results, &OPTIONS).unwrap().contains("moodline."), "{format}");
            assert_eq!(std::fs::read(&first).unwrap(), format.file(&results, &OPTIONS));
            let second = free_path(folder.path(), format.extension());
            assert_eq!(second, folder.path().join(format!("moodline-2.{}", format.extension())));
        }
        assert_eq!(results.duration_s, 10.0);
    }

    #[test]
    fn recordings_models_and_manifests_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let results = results_of_track(&status(), &segments(), &TrackVoice::default(), 0.4);
        let model = moodline_engine::Model::embedded();
        let (wav, manifest) = (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", b"path,speaker,emotion\na.wav,anna,sad\n");
        for (name, bytes, kind) in [
            ("talk.wav", &wav[..], "a recording"),
            ("talk", wav, "a recording"),
            ("damaged.flac", b"", "a recording"),
            ("model.onnx", model.bytes(), "a model"),
            ("model.csv", model.bytes(), "a model"),
            ("corpus.csv", manifest, "a manifest"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let error = write(&path, Format::Csv, &results, &OPTIONS).unwrap_err();
            assert!(error.contains(name) && error.contains(kind) && !error.contains("--force"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}");
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("moodline.csv");
        let error = write(&path, Format::Csv, &results_of_track(&status(), &segments(), &TrackVoice::default(), 0.4), &OPTIONS)
            .unwrap_err();
        assert!(error.contains("missing") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn names_without_an_ending_get_the_formats() {
        let folder = tempfile::tempdir().unwrap();
        let completed = |name: &str| with_ending(folder.path().join(name), Format::Audacity.extension());
        assert_eq!(completed("b"), Ok(folder.path().join("b.txt")));
        assert_eq!(completed("b.log"), Ok(folder.path().join("b.log")));
        std::fs::write(folder.path().join("b.txt"), "by hand").unwrap();
        let refusal = completed("b").unwrap_err();
        assert!(refusal.ends_with("b.txt exists; to replace it, choose the name with its ending"), "{refusal}");
    }
}
