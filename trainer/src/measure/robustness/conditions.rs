//! Degradations of recordings.

use std::path::Path;
use std::process::{Command, Stdio};

use moodline_engine::decode::{DecodeError, read_mono_resampled};
use moodline_engine::speech::{GateConfig, SpeechDetector, SpeechModel};
use moodline_fourier::Fourier;
use sha2::{Digest as _, Sha256};

use crate::data::augment::{AugmentationConfig, Augmenter, Span, Transform, TransformConfig};
use moodline_augment::noise::{Colour, add_at_snr};
use moodline_augment::random::generator;
use moodline_augment::synthetic::Synthetic;

/// A change applied to every clip.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Human-readable name.
    pub name: String,
    change: Change,
    sample_rate: u32,
}

#[derive(Clone, Debug)]
enum Change {
    Nothing,
    /// The first copy made by this augmenter.
    Transform(Box<Augmenter>),
    /// An excerpt of this many seconds from the middle; shorter clips are unchanged.
    Excerpt(f64),
    /// From the start to the end of speech, with this many seconds of silence around it.
    Cut(f64),
    /// Music in the background at this signal-to-noise ratio, dB.
    Music(f64),
    Mp3(Encoder),
}

/// A program that encodes MP3 files.
#[derive(Clone, Copy, Debug)]
enum Encoder {
    Lame,
    Ffmpeg,
}

/// All conditions for audio at `sample_rate`, starting with the original clips, and a sentence for each that is not available here.
#[must_use]
pub fn conditions(sample_rate: u32) -> (Vec<Condition>, Vec<String>) {
    let condition = |name: &str, change: Change| Condition { name: name.to_owned(), change, sample_rate };
    let fixed = Span::Fixed;
    let noise = |snr_db: f64| Transform::Noise { colours: vec![Colour::White], snr_db: fixed(snr_db) };
    let gain = |db: f64| Transform::Gain { db: fixed(db) };
    let transforms = [
        ("telephone band, 300 to 3400 Hz", Transform::BandLimit { low_hz: Some(fixed(300.0)), high_hz: Some(fixed(3400.0)) }),
        ("white noise, 20 dB SNR", noise(20.0)),
        ("white noise, 10 dB SNR", noise(10.0)),
        ("reverb, 0.5 s, direct sound +3 dB", Transform::Reverb { t60_seconds: fixed(0.5), direct_db: fixed(3.0) }),
        ("20 dB louder, not clipped", gain(20.0)),
        ("20 dB quieter", gain(-20.0)),
    ];
    let mut conditions = vec![condition("as they are", Change::Nothing)];
    for (name, transform) in transforms {
        conditions.push(condition(name, Change::Transform(Box::new(always(transform, sample_rate)))));
    }
    let mut skipped = Vec::new();
    match Encoder::find() {
        Some(encoder) => conditions.push(condition("MP3, 64 kbit/s", Change::Mp3(encoder))),
        None => skipped.push("MP3, 64 kbit/s: neither lame nor ffmpeg is installed".to_owned()),
    }
    for snr_db in [20.0, 10.0] {
        conditions.push(condition(&format!("computed music, {snr_db} dB SNR"), Change::Music(snr_db)));
    }
    conditions.push(condition("cut where speech begins and ends", Change::Cut(0.0)));
    for seconds in [0.3, 1.0] {
        conditions.push(condition(&format!("the same with {seconds} s of silence around"), Change::Cut(seconds)));
    }
    for seconds in [1.0, 2.0, 3.0, 5.0] {
        conditions.push(condition(&format!("middle {seconds} s"), Change::Excerpt(seconds)));
    }
    (conditions, skipped)
}

fn always(transform: Transform, sample_rate: u32) -> Augmenter {
    let transforms = vec![TransformConfig { probability: 1.0, transform }];
    let config = AugmentationConfig { copies: 1, transforms, ..AugmentationConfig::default() };
    // INVARIANT: only folders of noise can be missing, and none is used.
    Augmenter::new(&config, sample_rate).expect("transforms without files").0
}

impl Condition {
    /// A clip under this condition. Random draws are seeded by `name`.
    ///
    /// # Errors
    /// [`DecodeError`] if the file from an encoder is not audio.
    pub fn apply(&self, samples: &[f32], name: &str, fourier: &mut Fourier) -> Result<Vec<f32>, DecodeError> {
        Ok(match &self.change {
            Change::Nothing => samples.to_vec(),
            Change::Transform(augmenter) => augmenter.copy(samples, &Sha256::digest(name).into(), 1, fourier).samples,
            Change::Excerpt(seconds) => middle(samples, (seconds * f64::from(self.sample_rate)) as usize).to_vec(),
            Change::Cut(margin_seconds) => cut(samples, self.sample_rate, *margin_seconds),
            Change::Music(snr_db) => {
                let mut mixed = samples.to_vec();
                let rng = &mut generator(&[b"music", name.as_bytes()]);
                let music = Synthetic::Notes.samples(samples.len(), f64::from(self.sample_rate), rng);
                add_at_snr(&mut mixed, &music, 0, *snr_db);
                mixed
            }
            Change::Mp3(encoder) => return encoder.round_trip(samples, self.sample_rate),
        })
    }
}

/// The part from the start to the end of speech (the whole clip if the detector finds none), surrounded by silence.
fn cut(samples: &[f32], sample_rate: u32, margin_seconds: f64) -> Vec<f32> {
    let (rate, seconds) = (f64::from(sample_rate), samples.len() as f64 / f64::from(sample_rate));
    // INVARIANT: the rate is that of a front end, and decoded samples are finite.
    let mut speech =
        SpeechDetector::new(&SpeechModel::embedded(), sample_rate, GateConfig::default(), seconds).expect("a usable rate");
    speech.push(samples).and_then(|()| speech.finish()).expect("finite samples");
    let times: Vec<(f64, f64)> = speech.speech_between(0.0, seconds).collect();
    let [from, to] = [times.first().map_or(0.0, |time| time.0), times.last().map_or(seconds, |time| time.1)]
        .map(|seconds| ((seconds * rate) as usize).min(samples.len()));
    let silence = vec![0.0; (margin_seconds * rate) as usize];
    [&silence, &samples[from..to], &silence].concat()
}

fn middle(samples: &[f32], n: usize) -> &[f32] {
    let from = samples.len().saturating_sub(n) / 2;
    &samples[from..(from + n).min(samples.len())]
}

impl Encoder {
    fn find() -> Option<Self> {
        let starts = |program: &str, argument: &str| {
            let quiet = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
            quiet.is_ok_and(|status| status.success())
        };
        if starts("lame", "--version") {
            Some(Self::Lame)
        } else if starts("ffmpeg", "-version") {
            Some(Self::Ffmpeg)
        } else {
            None
        }
    }

    /// Encodes and decodes the samples. Any failure leaves a file that is not audio, which the decoder reports.
    fn round_trip(self, samples: &[f32], sample_rate: u32) -> Result<Vec<f32>, DecodeError> {
        let file = |suffix: &str| tempfile::Builder::new().prefix("moodline-").suffix(suffix).tempfile();
        let (Ok(wav), Ok(mp3)) = (file(".wav"), file(".mp3")) else {
            return read_mono_resampled(Path::new("a temporary file"), sample_rate);
        };
        if write_wav(wav.path(), samples, sample_rate).is_ok() {
            let mut command = match self {
                Self::Lame => {
                    let mut command = Command::new("lame");
                    command.args(["--quiet", "-m", "m", "-b", "64"]).arg(wav.path()).arg(mp3.path());
                    command
                }
                Self::Ffmpeg => {
                    let mut command = Command::new("ffmpeg");
                    command.args(["-loglevel", "error", "-y", "-i"]).arg(wav.path()).args(["-b:a", "64k"]).arg(mp3.path());
                    command
                }
            };
            command.stdin(Stdio::null()).status().ok();
        }
        read_mono_resampled(mp3.path(), sample_rate)
    }
}

fn write_wav(path: &Path, samples: &[f32], sample_rate: u32) -> Result<(), hound::Error> {
    let spec = hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        writer.write_sample((sample * f32::from(i16::MAX)) as i16)?;
    }
    writer.finalize()
}

#[cfg(test)]
mod tests {
    use test_support::sample;

    use super::*;

    #[test]
    fn a_cut_clip_begins_and_ends_with_speech_and_its_margins_are_silent() {
        let clip = read_mono_resampled(&sample("08a02Tb.flac"), 16_000).unwrap();
        let padded = [vec![0.0; 16_000], clip.clone(), vec![0.0; 16_000]].concat();
        let tight = cut(&padded, 16_000, 0.0);
        assert!(tight.len() < clip.len() + 3200 && tight.len() > clip.len() / 2, "{} of {}", tight.len(), clip.len());
        let with_margin = cut(&padded, 16_000, 0.3);
        assert_eq!(with_margin[4800..with_margin.len() - 4800], tight);
        assert!(with_margin[..4800].iter().all(|sample| *sample == 0.0));
        assert_eq!(cut(&tone(440.0), 16_000, 0.0), tone(440.0), "without speech");
    }

    /// One second of a tone at `hz`.
    fn tone(hz: f64) -> Vec<f32> {
        (0..16_000).map(|n| (0.3 * (std::f64::consts::TAU * hz * f64::from(n) / 16_000.0).sin()) as f32).collect()
    }

    fn level_db(samples: &[f32]) -> f64 {
        10.0 * (samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64).log10()
    }

    #[test]
    fn every_condition_does_what_its_name_says_and_does_it_again() {
        let (conditions, skipped) = conditions(16_000);
        let clip = [tone(1000.0), tone(1000.0)].concat();
        let changed = |name: &str, samples: &[f32]| {
            let condition = conditions.iter().find(|condition| condition.name.starts_with(name)).unwrap();
            let mut fourier = Fourier::new();
            let changed = condition.apply(samples, "clip", &mut fourier).unwrap();
            assert_eq!(changed, condition.apply(samples, "clip", &mut fourier).unwrap(), "{name}");
            changed
        };
        let of = |name: &str| level_db(&changed(name, &clip)) - level_db(&clip);
        assert_eq!(changed("as they are", &clip), clip);
        assert!((of("20 dB louder") - 20.0).abs() < 0.1 && (of("20 dB quieter") + 20.0).abs() < 0.1);
        assert!(of("telephone band").abs() < 0.5);
        assert!(level_db(&changed("telephone band", &tone(6000.0))) < level_db(&tone(6000.0)) - 40.0);
        let noise: Vec<f32> =
            changed("white noise, 10 dB", &clip).iter().zip(&clip).map(|(noisy, clean)| noisy - clean).collect();
        assert!((level_db(&clip) - level_db(&noise) - 10.0).abs() < 0.1);
        assert_eq!((changed("middle 1 s", &clip).len(), changed("middle 5 s", &clip).len()), (16_000, 32_000));
        assert_ne!(changed("reverb", &clip), clip);
        let music: Vec<f32> =
            changed("computed music, 10", &clip).iter().zip(&clip).map(|(mixed, clean)| mixed - clean).collect();
        assert!((level_db(&clip) - level_db(&music) - 10.0).abs() < 0.1);
        if skipped.is_empty() {
            let coded = changed("MP3", &clip);
            assert!((level_db(middle(&coded, 16_000)) - level_db(&clip)).abs() < 1.0);
        }
    }
}
