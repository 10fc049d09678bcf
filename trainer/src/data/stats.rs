//! The composition of a corpus, before any training.
//!
//! In: a [`Manifest`]. Out: [`Statistics`]: classes, speakers, durations, levels and bandwidths of each corpus, plus duplicate, silent and unreadable
//! recordings. Every recording is measured unmodified, at its own rate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use moodline_core::frontend::frames::Framer;
use moodline_core::frontend::spectrum::PowerSpectrum;
use moodline_core::{Emotion, FrontEndConfig};
use moodline_engine::decode::{AudioReader, DecodeError};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, Utterance};
use crate::data::silence::SILENCE_PEAK;

mod plot;

/// Window of the long-term average spectrum, samples.
const N_FFT: usize = 2048;

/// The bandwidth of a recording ends where its long-term average spectrum remains this far below the peak, dB. A studio recording of speech stays
/// above that up to its Nyquist frequency; bands removed by a telephone or a lossy codec are below.
const BANDWIDTH_DROP_DB: f64 = 70.0;

/// Measurements of one recording.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioFigures {
    /// Seconds.
    pub duration_s: f64,
    /// Hz.
    pub sample_rate: u32,
    /// Channels of the file.
    pub n_channels: usize,
    /// Peak of the mean of the channels, dBFS; minus infinity for digital silence.
    pub peak_db: f64,
    /// RMS, dBFS; minus infinity for digital silence.
    pub level_db: f64,
    /// Upper end of its spectrum, Hz; 0 for silence.
    pub bandwidth_hz: f64,
    /// Whether no sample is above [`SILENCE_PEAK`].
    pub is_silent: bool,
    /// SHA-256 of the samples: equal for equal audio, whatever the container.
    pub digest: [u8; 32],
}

/// Five quantiles of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Smallest value.
    pub min: f64,
    /// 5th percentile.
    pub p5: f64,
    /// Median.
    pub median: f64,
    /// 95th percentile.
    pub p95: f64,
    /// Largest value.
    pub max: f64,
}

impl Spread {
    /// Of at least one value; percentiles use the nearest rank.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| values[(values.len() * percent).div_ceil(100).max(1) - 1];
        let (&min, &max) = (values.first()?, values.last()?);
        Some(Self { min, p5: rank(5), median: rank(50), p95: rank(95), max })
    }
}

/// Figures of one corpus. Silent recordings are counted but have no level and no bandwidth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CorpusStatistics {
    /// Its name in the manifest.
    pub corpus: String,
    /// Recordings that could be read.
    pub n_recordings: usize,
    /// Number of distinct speakers.
    pub n_speakers: usize,
    /// Recordings per emotion.
    pub classes: BTreeMap<String, usize>,
    /// Smallest and largest number of recordings per speaker.
    pub per_speaker: [usize; 2],
    /// Total duration, hours.
    pub hours: f64,
    /// Recordings per sample rate, Hz.
    pub sample_rates: BTreeMap<u32, usize>,
    /// Recordings per number of channels.
    pub channels: BTreeMap<usize, usize>,
    /// Seconds.
    pub duration_s: Spread,
    /// dBFS.
    pub peak_db: Option<Spread>,
    /// dBFS.
    pub level_db: Option<Spread>,
    /// Hz.
    pub bandwidth_hz: Option<Spread>,
    /// Names of the silent recordings.
    pub silent: Vec<String>,
}

/// Recordings with identical samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Their names.
    pub names: Vec<String>,
    /// Their emotions; more than one if the same audio has conflicting labels.
    pub emotions: BTreeSet<String>,
    /// Their splits; more than one if the same audio is in several splits.
    pub splits: BTreeSet<String>,
}

/// All statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Sorted by name.
    pub corpora: Vec<CorpusStatistics>,
    /// Groups of recordings with identical audio.
    pub duplicates: Vec<Duplicate>,
    /// Recordings that cannot be read, one sentence each.
    pub problems: Vec<String>,
    #[serde(skip)]
    recordings: Vec<(Utterance, AudioFigures)>,
}

/// The user stopped the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted; nothing was written")]
pub struct Interrupted;

impl Statistics {
    /// Reads and measures every recording, on all threads of the pool.
    ///
    /// # Errors
    /// [`Interrupted`]; unreadable recordings are listed as problems.
    pub fn measure(manifest: &Manifest, progress: Progress, interrupt: &Interrupt) -> Result<Self, Interrupted> {
        let bar = progress.bar("recordings", manifest.utterances.len());
        let outcomes: Vec<Option<Result<AudioFigures, DecodeError>>> = manifest
            .utterances
            .par_iter()
            .map(|utterance| {
                let outcome = (!interrupt.requested()).then(|| measure(&utterance.path));
                bar.advance();
                outcome
            })
            .collect();
        bar.finish();
        let (mut recordings, mut problems) = (Vec::new(), Vec::new());
        for (utterance, outcome) in manifest.utterances.iter().zip(outcomes) {
            match outcome.ok_or(Interrupted)? {
                Ok(measured) => recordings.push((utterance.clone(), measured)),
                Err(error) => problems.push(error.to_string()),
            }
        }
        Ok(Self { corpora: corpora(&recordings), duplicates: duplicates(&recordings), problems, recordings })
    }

    /// The figures as indented JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: finite numbers and strings.
        serde_json::to_string_pretty(self).expect("plain data") + "\n"
    }
}

/// Reads one recording to its end.
fn measure(path: &Path) -> Result<AudioFigures, DecodeError> {
    let mut reader = AudioReader::open(path)?;
    let (mut chunk, mut samples) = (Vec::new(), Vec::new());
    while reader.read_mono(&mut chunk)? {
        samples.extend_from_slice(&chunk);
    }
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    let mut hash = Sha256::new();
    for sample in &samples {
        hash.update(sample.to_le_bytes());
    }
    let is_silent = peak <= SILENCE_PEAK;
    Ok(AudioFigures {
        duration_s: samples.len() as f64 / f64::from(reader.sample_rate()),
        sample_rate: reader.sample_rate(),
        n_channels: reader.channels(),
        peak_db: 20.0 * f64::from(peak).log10(),
        level_db: 10.0 * (energy / samples.len() as f64).log10(),
        bandwidth_hz: if is_silent { 0.0 } else { bandwidth(&samples, reader.sample_rate()) },
        is_silent,
        digest: hash.finalize().into(),
    })
}

/// The frequency above which the long-term average spectrum is more than [`BANDWIDTH_DROP_DB`] below its peak, Hz.
fn bandwidth(samples: &[f32], sample_rate: u32) -> f64 {
    // Whole frames only: padding half a frame would spread the spectrum.
    let config = FrontEndConfig {
        sample_rate,
        n_fft: N_FFT,
        win_length: N_FFT,
        hop_length: N_FFT / 2,
        center: false,
        ..FrontEndConfig::speech_25_10()
    };
    let mut spectrum = PowerSpectrum::<f64>::new(&config);
    let mut frames = Framer::<f64>::new(&config, config.n_fft);
    let mut samples: Vec<f64> = samples.iter().map(|&sample| f64::from(sample)).collect();
    samples.resize(samples.len().max(N_FFT), 0.0);
    let mut power = vec![0.0; spectrum.n_bins()];
    let mut sum = power.clone();
    let mut add = |frame: &[f64]| {
        spectrum.of_frame(frame, &mut power);
        sum.iter_mut().zip(&power).for_each(|(sum, power)| *sum += power);
    };
    frames.push(&samples, &mut add);
    frames.finish(&mut add);
    let peak = sum.iter().copied().fold(0.0, f64::max);
    let floor = peak * 10.0_f64.powf(-BANDWIDTH_DROP_DB / 10.0);
    let last = sum.iter().rposition(|&power| power > floor).unwrap_or(0);
    last as f64 * f64::from(sample_rate) / N_FFT as f64
}

fn corpora(recordings: &[(Utterance, AudioFigures)]) -> Vec<CorpusStatistics> {
    let mut by_corpus: BTreeMap<&str, Vec<&(Utterance, AudioFigures)>> = BTreeMap::new();
    for recording in recordings {
        by_corpus.entry(&recording.0.corpus).or_default().push(recording);
    }
    by_corpus.into_iter().filter_map(|(corpus, recordings)| of_corpus(corpus, &recordings)).collect()
}

fn of_corpus(corpus: &str, recordings: &[&(Utterance, AudioFigures)]) -> Option<CorpusStatistics> {
    let spread = |value: fn(&AudioFigures) -> f64, of: &dyn Fn(&AudioFigures) -> bool| {
        Spread::of(recordings.iter().filter(|(_, measured)| of(measured)).map(|(_, measured)| value(measured)).collect())
    };
    let audible = |measured: &AudioFigures| !measured.is_silent;
    let mut speakers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut classes: BTreeMap<String, usize> = Emotion::ALL.iter().map(|emotion| (emotion.name().to_owned(), 0)).collect();
    let (mut sample_rates, mut channels) = (BTreeMap::new(), BTreeMap::new());
    for (utterance, measured) in recordings {
        *speakers.entry(&utterance.speaker).or_default() += 1;
        *classes.entry(utterance.emotion.name().to_owned()).or_default() += 1;
        *sample_rates.entry(measured.sample_rate).or_default() += 1;
        *channels.entry(measured.n_channels).or_default() += 1;
    }
    Some(CorpusStatistics {
        corpus: corpus.to_owned(),
        n_recordings: recordings.len(),
        n_speakers: speakers.len(),
        classes,
        per_speaker: [speakers.values().copied().min()?, speakers.values().copied().max()?],
        hours: recordings.iter().map(|(_, measured)| measured.duration_s).sum::<f64>() / 3600.0,
        sample_rates,
        channels,
        duration_s: spread(|measured| measured.duration_s, &|_| true)?,
        peak_db: spread(|measured| measured.peak_db, &audible),
        level_db: spread(|measured| measured.level_db, &audible),
        bandwidth_hz: spread(|measured| measured.bandwidth_hz, &audible),
        silent: recordings
            .iter()
            .filter(|(_, measured)| measured.is_silent)
            .map(|(utterance, _)| utterance.name.clone())
            .collect(),
    })
}

/// Groups of identical audio, excluding silence.
fn duplicates(recordings: &[(Utterance, AudioFigures)]) -> Vec<Duplicate> {
    let mut by_digest: BTreeMap<[u8; 32], Vec<&Utterance>> = BTreeMap::new();
    for (utterance, measured) in recordings.iter().filter(|(_, measured)| !measured.is_silent) {
        by_digest.entry(measured.digest).or_default().push(utterance);
    }
    let mut groups: Vec<Duplicate> = by_digest
        .into_values()
        .filter(|group| group.len() > 1)
        .map(|group| Duplicate {
            names: group.iter().map(|utterance| utterance.name.clone()).collect(),
            emotions: group.iter().map(|utterance| utterance.emotion.name().to_owned()).collect(),
            splits: group.iter().filter_map(|utterance| utterance.split).map(|split| split.name().to_owned()).collect(),
        })
        .collect();
    groups.sort_by(|a, b| a.names.cmp(&b.names));
    groups
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for corpus in &self.corpora {
            writeln!(f, "{corpus}")?;
        }
        for Duplicate { names, emotions, splits } in &self.duplicates {
            write!(f, "same audio: {}", names.join(", "))?;
            if emotions.len() > 1 {
                write!(f, "; with different labels: {}", emotions.iter().cloned().collect::<Vec<_>>().join(", "))?;
            }
            if splits.len() > 1 {
                write!(f, "; in different splits: {}", splits.iter().cloned().collect::<Vec<_>>().join(", "))?;
            }
            writeln!(f)?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "cannot be read: {problem}"))
    }
}

impl fmt::Display for CorpusStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = |counts: &mut dyn Iterator<Item = (String, usize)>| {
            counts.map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "{}: {} recordings, {} speakers, {:.2} h", self.corpus, self.n_recordings, self.n_speakers, self.hours)?;
        let of_class = |emotion: Emotion| (emotion.name().to_owned(), self.classes[emotion.name()]);
        writeln!(f, "  classes      {}", counts(&mut Emotion::ALL.into_iter().map(of_class)))?;
        writeln!(f, "  per speaker  {} to {}", self.per_speaker[0], self.per_speaker[1])?;
        writeln!(f, "  rates        {}", counts(&mut self.sample_rates.iter().map(|(hz, &n)| (format!("{hz} Hz:"), n))))?;
        writeln!(f, "  channels     {}", counts(&mut self.channels.iter().map(|(channels, &n)| (format!("{channels}:"), n))))?;
        writeln!(f, "               {:>9} {:>9} {:>9} {:>9} {:>9}", "min", "5 %", "median", "95 %", "max")?;
        let mut row = |title: &str, spread: Option<Spread>, digits: usize| match spread {
            Some(Spread { min, p5, median, p95, max }) => {
                writeln!(
                    f,
                    "  {title:<12} {min:>9.digits$} {p5:>9.digits$} {median:>9.digits$} {p95:>9.digits$} {max:>9.digits$}"
                )
            }
            None => Ok(()),
        };
        row("seconds", Some(self.duration_s), 2)?;
        row("level dBFS", self.level_db, 1)?;
        row("peak dBFS", self.peak_db, 1)?;
        row("bandwidth Hz", self.bandwidth_hz, 0)?;
        self.silent.iter().try_for_each(|name| writeln!(f, "  silent: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!(spread, Spread { min: 1.0, p5: 5.0, median: 50.0, p95: 95.0, max: 100.0 });
        assert_eq!(Spread::of(vec![7.0]).unwrap().p5, 7.0);
        assert_eq!(Spread::of(vec![]), None);
    }

    #[test]
    fn bandwidth_is_where_the_highest_partial_ends() {
        for (rate, partials) in [(16_000, [200.0, 3400.0]), (48_000, [300.0, 12_000.0]), (8_000, [100.0, 1000.0])] {
            let tone = |n: u32| {
                let time = f64::from(n) / f64::from(rate);
                partials.iter().map(|hz| (std::f64::consts::TAU * hz * time).sin()).sum::<f64>() * 0.3
            };
            // The noise floor of 16-bit audio must not count.
            let samples: Vec<f32> = (0..rate).map(|n| (tone(n) * 32_767.0).round() as f32 / 32_768.0).collect();
            let found = bandwidth(&samples, rate);
            let bin = f64::from(rate) / N_FFT as f64;
            assert!((found - partials[1]).abs() < 12.0 * bin, "{rate}: {found}");
        }
    }
}
