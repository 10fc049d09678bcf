//! Augmented copies of one file, to listen to and to look at.
//!
//! In: an audio file and a configuration. Out: WAV files of the clip, of each single transform and of each copy as used in training, and one picture
//! of their spectrograms.

mod picture;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use moodline_fourier::Fourier;
use sha2::{Digest as _, Sha256};

use crate::base::files::{self, FileError, FilePlan, Refusal};
use crate::data::augment::noise_files::files_of;
use crate::data::augment::{AugmentationConfig, Augmenter, Copy, Mode};
use crate::data::config::DataConfig;
use crate::data::dataset::{ClipProblem, DatasetError, augmenter_of, decode, n_samples};

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// The configuration requests no copies.
    #[error("the configuration has no [augmentation] with copies: there is nothing to preview")]
    NoCopies,
    /// The file cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipProblem),
    /// The noise cannot be read.
    #[error(transparent)]
    Noise(#[from] DatasetError),
    /// A recording would be overwritten.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A sound cannot be encoded.
    #[error("cannot make a WAV file: {0}")]
    Wav(#[from] hound::Error),
    /// The picture cannot be drawn.
    #[error("cannot draw the spectrograms: {0}")]
    Picture(String),
}

/// The files that were written.
#[derive(Debug)]
pub struct Preview {
    /// The WAV files and the picture.
    pub written: Vec<PathBuf>,
    /// Noise recordings that were left out.
    pub problems: Vec<ClipProblem>,
}

/// File name of the picture.
const PICTURE: &str = "spectrograms.png";

/// One sound.
struct Take {
    file: String,
    title: String,
    samples: Vec<f32>,
}

/// Writes the preview of the first block of `audio` to `folder`, unless `files`, to which its outputs are added, refuses.
///
/// # Errors
/// [`PreviewError`]
pub fn preview(audio: &Path, config: &DataConfig, folder: &Path, files: FilePlan) -> Result<Preview, PreviewError> {
    let (augmenter, problems) = augmenter_of(config)?;
    let augmenter = augmenter.ok_or(PreviewError::NoCopies)?;
    let (front_end, block_seconds) = (&config.front_end, config.block_seconds);
    let digest: [u8; 32] = Sha256::digest(files::read(audio)?).into();
    let samples = decode(audio, &audio.display().to_string(), front_end, block_seconds)?;
    let mut takes = takes(&augmenter, &samples, &digest);
    takes.iter_mut().for_each(|take| take.samples.truncate(n_samples(block_seconds, front_end)));

    let path_of = |file: &str| folder.join(file);
    let outputs = takes.iter().map(|take| path_of(&take.file)).chain([path_of(PICTURE)]);
    let noises = config.augmentation.iter().flat_map(AugmentationConfig::noise_folders).flat_map(files_of);
    files.read([audio]).read(noises.flatten()).write(outputs).check()?;

    files::create_folder(folder)?;
    let mut written = Vec::with_capacity(takes.len() + 1);
    for take in &takes {
        let path = path_of(&take.file);
        files::write_atomically(&path, &wav(&take.samples, front_end.sample_rate)?)?;
        written.push(path);
    }
    let path = path_of(PICTURE);
    let picture =
        picture::spectrograms(&takes, front_end.sample_rate).map_err(|error| PreviewError::Picture(error.to_string()))?;
    files::write_atomically(&path, &picture)?;
    written.push(path);
    Ok(Preview { written, problems })
}

fn takes(augmenter: &Augmenter, samples: &[f32], digest: &[u8; 32]) -> Vec<Take> {
    let fourier = &mut Fourier::new();
    let mut takes = vec![Take { file: "original.wav".to_owned(), title: "original".to_owned(), samples: samples.to_vec() }];
    let mut add = |file: String, name: &str, Copy { samples, drawn }: Copy| {
        let drawn: Vec<String> = drawn.iter().map(ToString::to_string).collect();
        let what = if drawn.is_empty() { "as it is".to_owned() } else { drawn.join(", ") };
        takes.push(Take { file, title: format!("{name}: {what}"), samples });
    };
    if augmenter.config().mode == Mode::Chain {
        for (index, transform) in augmenter.config().transforms.iter().enumerate() {
            let file = format!("transform-{:02}-{}.wav", index + 1, transform.transform.name());
            add(file, "alone", augmenter.alone(samples, digest, index, fourier));
        }
    }
    for copy in 1..=augmenter.n_copies() {
        add(format!("copy-{copy:02}.wav"), &format!("copy {copy}"), augmenter.copy(samples, digest, copy, fourier));
    }
    takes
}

/// A mono WAV file of 32-bit floats, which preserves values above full scale.
fn wav(samples: &[f32], sample_rate: u32) -> Result<Vec<u8>, hound::Error> {
    let spec = hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
    for &sample in samples {
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use moodline_engine::decode::read_mono_resampled;

    use super::*;
    use crate::base::files::Replace;
    use crate::data::augment::signals::{sum_of_tones, write_wav};
    use crate::data::dataset::testing::config;

    fn no_plan() -> FilePlan {
        FilePlan::new(Replace::Never)
    }

    #[test]
    fn a_preview_holds_the_original_each_transform_and_each_copy() {
        let folder = tempfile::tempdir().unwrap();
        let audio = folder.path().join("voice.wav");
        let samples = sum_of_tones(&[300.0, 1500.0], 0.5);
        write_wav(&audio, &samples);
        let config = config(
            "[augmentation]\ncopies = 2\ntransforms = [{ kind = 'speed', rate = 0.8 }, { kind = 'gain', db = 12, probability = 0.5 }]",
        );
        let out = folder.path().join("out");
        let Preview { written, problems } = preview(&audio, &config, &out, no_plan()).unwrap();
        assert!(problems.is_empty());
        let names: Vec<String> = written.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        let expected =
            ["original.wav", "transform-01-speed.wav", "transform-02-gain.wav", "copy-01.wav", "copy-02.wav", "spectrograms.png"];
        assert_eq!(names, expected);
        let back = |name: &str| read_mono_resampled(&out.join(name), 16_000).unwrap();
        assert!(back("original.wav").iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-4));
        assert_eq!(back("transform-01-speed.wav").len(), 10_000);
        assert!(back("transform-02-gain.wav").iter().any(|sample| *sample > 1.5), "a gain may leave full scale");
        let picture = std::fs::read(out.join("spectrograms.png")).unwrap();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000);
    }

    #[test]
    fn what_cannot_be_previewed_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let audio = folder.path().join("voice.wav");
        let error = preview(&audio, &config(""), folder.path(), no_plan()).unwrap_err();
        assert!(error.to_string().contains("no [augmentation] with copies"), "{error}");
        let config = config("[augmentation]\ncopies = 1\ntransforms = [{ kind = 'gain', db = 1 }]");
        assert!(preview(&audio, &config, folder.path(), no_plan()).unwrap_err().to_string().contains("voice.wav"));
        write_wav(&audio, &[0.0; 8000]);
        assert!(preview(&audio, &config, folder.path(), no_plan()).unwrap_err().to_string().contains("silent"));
    }
}
