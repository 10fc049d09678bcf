//! One scene: what is said and heard one after the other, what lies beneath, and how it was recorded.

use std::collections::{BTreeMap, BTreeSet};

use moodline_core::Sound;
use moodline_core::contract::TrainingCorpus;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use super::config::ScenesConfig;
use super::sounds::{SoundEntry, SoundRecording};
use super::synthetic::Synthetic;
use crate::data::augment::fourier::Fourier;
use crate::data::augment::level::{Law, gain, quantise};
use crate::data::augment::random::{generator, index, uniform};
use crate::data::augment::time::speed;
use crate::data::augment::{Augmenter, Span};
use crate::data::manifest::Split;

/// Level that what is heard has before it is recorded, dBFS (RMS).
const REFERENCE_DB: f64 = -26.0;

/// How sounds begin and end when they are cut out of a recording, seconds.
const FADE_SECONDS: f64 = 0.01;

/// A clip of speech in memory.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Corpus it comes from.
    pub corpus: String,
    /// Who speaks.
    pub speaker: String,
    /// Mono.
    pub samples: Vec<f32>,
    /// Times of speech, seconds; at least one.
    pub speech: Vec<(f64, f64)>,
}

/// What scenes of one split are drawn from.
#[derive(Debug)]
pub struct Sources {
    clips: Vec<Clip>,
    /// Clips of each corpus.
    corpora: Vec<Vec<usize>>,
    recordings: Vec<SoundRecording>,
    /// Recordings of each kind, by what is heard.
    kinds: BTreeMap<Sound, Vec<Kind>>,
}

/// Where sounds of a kind come from.
#[derive(Clone, Debug)]
enum Kind {
    Recorded(Vec<usize>),
    Computed(Synthetic),
}

/// Samples and what is heard in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Mono.
    pub samples: Vec<f32>,
    /// What is heard in front, from sample to sample, in order.
    pub heard: Vec<(usize, usize, Sound)>,
    /// What is heard elsewhere.
    pub beneath: Sound,
}

impl Sources {
    /// Clips and recordings of a split.
    #[must_use]
    pub fn new(clips: Vec<Clip>, recordings: Vec<SoundRecording>) -> Self {
        let mut corpora: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        clips.iter().enumerate().for_each(|(at, clip)| corpora.entry(&clip.corpus).or_default().push(at));
        let corpora = corpora.into_values().collect();
        let mut by_kind: BTreeMap<(Sound, &str), Vec<usize>> = BTreeMap::new();
        recordings
            .iter()
            .enumerate()
            .for_each(|(at, sound)| by_kind.entry((sound.sound, &sound.entry.kind)).or_default().push(at));
        let mut kinds: BTreeMap<Sound, Vec<Kind>> = BTreeMap::new();
        for ((sound, _), of_kind) in by_kind {
            kinds.entry(sound).or_default().push(Kind::Recorded(of_kind));
        }
        for synthetic in Synthetic::ALL {
            kinds.entry(synthetic.sound()).or_default().push(Kind::Computed(synthetic));
        }
        Self { clips, corpora, recordings, kinds }
    }

    /// Corpora with their clips and speakers.
    #[must_use]
    pub fn corpora(&self) -> Vec<TrainingCorpus> {
        let corpus = |clips: &Vec<usize>| {
            let speakers: BTreeSet<&str> = clips.iter().map(|clip| self.clips[*clip].speaker.as_str()).collect();
            TrainingCorpus { name: self.clips[clips[0]].corpus.clone(), n_utterances: clips.len(), n_speakers: speakers.len() }
        };
        self.corpora.iter().map(corpus).collect()
    }

    /// What was recorded of sounds.
    pub fn sounds(&self) -> impl Iterator<Item = &SoundEntry> {
        self.recordings.iter().map(|recording| &recording.entry)
    }

    /// A clip; a corpus is drawn by the root of its size, so that a small one is heard too.
    fn clip(&self, rng: &mut ChaCha8Rng) -> &Clip {
        let roots = self.corpora.iter().map(|clips| (clips.len() as f64).sqrt());
        let corpus = &self.corpora[weighted(rng, roots)];
        &self.clips[corpus[index(rng, corpus.len())]]
    }

    /// `n` samples at most of a sound of any kind, and what it is.
    fn sound(&self, n: usize, config: &ScenesConfig, sample_rate: f64, rng: &mut ChaCha8Rng) -> (Vec<f32>, Sound) {
        let classes: Vec<&Sound> = self.kinds.keys().collect();
        let sound = *classes[weighted(rng, classes.iter().map(|sound| config.weight(**sound)))];
        let kinds = &self.kinds[&sound];
        let samples = match &kinds[index(rng, kinds.len())] {
            Kind::Computed(synthetic) => synthetic.samples(n, sample_rate, rng),
            Kind::Recorded(of_kind) => {
                let recording = &self.recordings[of_kind[index(rng, of_kind.len())]].samples;
                let from = index(rng, recording.len().saturating_sub(n) + 1);
                recording[from..recording.len().min(from + n)].to_vec()
            }
        };
        (samples, sound)
    }
}

impl Scene {
    /// What is heard at a sample; none within `boundary` samples of where speech begins or ends.
    #[must_use]
    pub fn heard_at(&self, sample: usize, boundary: usize) -> Option<Sound> {
        let speech = self.heard.iter().filter(|(.., sound)| *sound == Sound::Speech);
        let near = |edge: usize| sample.abs_diff(edge) < boundary;
        if speech.clone().any(|(start, end, _)| near(*start) || near(*end)) {
            return None;
        }
        let found = self.heard.iter().find(|(start, end, _)| (*start..*end).contains(&sample));
        Some(found.map_or(self.beneath, |(.., sound)| *sound))
    }
}

/// The scene of a number; nothing else decides it.
#[must_use]
pub fn draw(
    sources: &Sources,
    config: &ScenesConfig,
    augmenter: &Augmenter,
    sample_rate: f64,
    (split, number): (Split, usize),
    fourier: &mut Fourier,
) -> Scene {
    let name = [&config.seed.to_le_bytes()[..], split.name().as_bytes(), &(number as u64).to_le_bytes()];
    let rng = &mut generator(&[b"scene", name[0], name[1], name[2]]);
    let n = (config.seconds * sample_rate) as usize;
    let (mut samples, heard) = foreground(sources, config, sample_rate, n, rng);
    let beneath = add_background(&mut samples, &heard, sources, config, sample_rate, rng);
    let digest = Sha256::digest(name.concat()).into();
    let mut samples = augmenter.copy(&samples, &digest, 1, fourier).samples;
    set_level(&mut samples, config, rng);
    Scene { samples, heard, beneath }
}

/// Clips and sounds with pauses between them, and where each is.
fn foreground(
    sources: &Sources,
    config: &ScenesConfig,
    sample_rate: f64,
    n: usize,
    rng: &mut ChaCha8Rng,
) -> (Vec<f32>, Vec<(usize, usize, Sound)>) {
    let (mut samples, mut heard) = (vec![0.0; n], Vec::new());
    let speech = if uniform(rng) < config.without_speech { 0.0 } else { config.speech };
    let mut at = pause(config, sample_rate, rng);
    while at < n {
        let (mut item, times) = if uniform(rng) < speech {
            let clip = sources.clip(rng);
            let rate = config.speed.draw(rng);
            let in_item = |seconds: f64| (seconds / rate * sample_rate) as usize;
            let times = clip.speech.iter().map(|(start, end)| (in_item(*start), in_item(*end), Sound::Speech));
            (speed(&clip.samples, rate), times.collect())
        } else {
            let wanted = (config.sound_seconds.draw(rng) * sample_rate) as usize;
            let (mut item, sound) = sources.sound(wanted, config, sample_rate, rng);
            fade(&mut item, sample_rate);
            let times = vec![(0, item.len(), sound)];
            (item, times)
        };
        level_of(&mut item, &times, REFERENCE_DB + config.item_db.draw(rng));
        let end = n.min(at + item.len());
        samples[at..end].iter_mut().zip(&item).for_each(|(sample, value)| *sample += value);
        heard.extend(
            times
                .iter()
                .map(|(start, end, sound)| ((at + start).min(n), (at + end).min(n), *sound))
                .filter(|(start, end, _)| start < end),
        );
        at = end + pause(config, sample_rate, rng);
    }
    (samples, heard)
}

/// Adds something beneath all of it, or beneath what is heard alone; what is heard where nothing else is.
fn add_background(
    samples: &mut [f32],
    heard: &[(usize, usize, Sound)],
    sources: &Sources,
    config: &ScenesConfig,
    sample_rate: f64,
    rng: &mut ChaCha8Rng,
) -> Sound {
    if uniform(rng) >= config.background {
        return Sound::Other;
    }
    let (mut background, sound) = sources.sound(samples.len(), config, sample_rate, rng);
    let whole = [(0, background.len(), sound)];
    level_of(&mut background, &whole, REFERENCE_DB - config.snr_db.draw(rng));
    let gated = uniform(rng) < config.gated;
    for (at, (sample, value)) in samples.iter_mut().zip(background.iter().cycle()).enumerate() {
        if !gated || heard.iter().any(|(start, end, _)| (*start..*end).contains(&at)) {
            *sample += value;
        }
    }
    if gated { Sound::Other } else { sound }
}

/// The level of the whole scene, and by chance the steps of 16 bits.
fn set_level(samples: &mut [f32], config: &ScenesConfig, rng: &mut ChaCha8Rng) {
    let span = if uniform(rng) < config.quiet { config.quiet_db } else { config.level_db };
    let whole = [(0, samples.len(), Sound::Other)];
    level_of(samples, &whole, span.draw(rng));
    if uniform(rng) < config.sixteen_bits {
        quantise(samples, Law::Linear, 16.0);
    }
}

/// Brings what is heard to a level, dBFS (RMS); silence stays silent.
fn level_of(samples: &mut [f32], heard: &[(usize, usize, Sound)], level_db: f64) {
    let parts = heard.iter().map(|(start, end, _)| &samples[(*start).min(samples.len())..(*end).min(samples.len())]);
    let (power, n) = parts.fold((0.0, 0), |(power, n), part| {
        (power + part.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>(), n + part.len())
    });
    if power > 0.0 {
        gain(samples, level_db - 10.0 * (power / n as f64).log10());
    }
}

/// Short ones are more frequent: the place in the span is the square of an even draw.
fn pause(config: &ScenesConfig, sample_rate: f64, rng: &mut ChaCha8Rng) -> usize {
    let [least, most] = config.pause_seconds.bounds();
    let place = uniform(rng).powi(2);
    (Span::Fixed(least + (most - least) * place).draw(rng) * sample_rate) as usize
}

fn fade(samples: &mut [f32], sample_rate: f64) {
    let n = ((FADE_SECONDS * sample_rate) as usize).min(samples.len() / 2);
    let len = samples.len();
    for at in 0..n {
        let factor = (at as f32 + 0.5) / n as f32;
        samples[at] *= factor;
        samples[len - 1 - at] *= factor;
    }
}

/// The index of one of some weights, drawn in proportion to them.
fn weighted(rng: &mut ChaCha8Rng, weights: impl Iterator<Item = f64>) -> usize {
    let weights: Vec<f64> = weights.collect();
    let mut left = uniform(rng) * weights.iter().sum::<f64>();
    for (at, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return at;
        }
    }
    weights.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 16_000.0;

    fn config() -> ScenesConfig {
        let text = r#"
            seed = 3
            seconds = 6.0
            boundary_seconds = 0.02
            without_speech = 0.0
            speech = 1.0
            pause_seconds = [0.2, 1.0]
            sound_seconds = [0.5, 2.0]
            item_db = [-3.0, 3.0]
            speed = [0.8, 1.25]
            background = 0.0
            snr_db = 10.0
            gated = 0.0
            quiet = 0.0
            level_db = -20.0
            quiet_db = -60.0
            sixteen_bits = 0.0
            weights = { other = 1.0 }
            kinds = {}
            licences = []
            recording = { copies = 1, transforms = [{ kind = "gain", db = 0.0 }] }
        "#;
        let config: ScenesConfig = toml::from_str(text).unwrap();
        config.validate().unwrap();
        config
    }

    /// Half a second of a tone between two silent quarters.
    fn sources() -> Sources {
        let samples = (0..16_000).map(|n| if (4000..12_000).contains(&n) { (n as f32 * 0.3).sin() } else { 0.0 }).collect();
        Sources::new(
            vec![Clip { corpus: "tone".to_owned(), speaker: "a".to_owned(), samples, speech: vec![(0.25, 0.75)] }],
            Vec::new(),
        )
    }

    fn scene(config: &ScenesConfig, number: usize) -> Scene {
        let (augmenter, _) = Augmenter::new(&config.recording, RATE as u32).unwrap();
        draw(&sources(), config, &augmenter, RATE, (Split::Train, number), &mut Fourier::new())
    }

    #[test]
    fn labels_stay_with_the_clips_at_any_speed_and_place() {
        for number in 0..20 {
            let scene = scene(&config(), number);
            assert!(!scene.heard.is_empty());
            for (start, end, _) in &scene.heard {
                let power = |from: usize, to: usize| scene.samples[from..to].iter().map(|x| x * x).sum::<f32>();
                let middle = usize::midpoint(*start, *end);
                assert!(power(middle.saturating_sub(100), middle) > 0.01, "number {number}: sound within the times");
                assert!(
                    power(start.saturating_sub(600), start.saturating_sub(150)) < 1e-4,
                    "number {number}: silence before them"
                );
            }
        }
    }

    #[test]
    fn a_scene_follows_from_its_number_alone_and_has_its_level() {
        let config = config();
        assert_eq!(scene(&config, 4), scene(&config, 4));
        assert_ne!(scene(&config, 4), scene(&config, 5));
        for level_db in [-60.0, -12.0] {
            let config = ScenesConfig { level_db: Span::Fixed(level_db), ..config.clone() };
            let samples = scene(&config, 1).samples;
            let power = samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len() as f64;
            assert!((10.0 * power.log10() - level_db).abs() < 0.1);
        }
    }

    #[test]
    fn what_lies_beneath_is_heard_in_the_pauses_unless_it_is_gated() {
        let heard_in_pause = |gated| {
            let config = ScenesConfig { background: 1.0, gated, ..config() };
            let scene = scene(&config, 2);
            scene.samples[..scene.heard[0].0 / 2].iter().any(|sample| *sample != 0.0)
        };
        assert!(heard_in_pause(0.0) && !heard_in_pause(1.0));
    }

    #[test]
    fn near_an_edge_of_speech_nobody_knows() {
        let scene =
            Scene { samples: vec![], heard: vec![(100, 200, Sound::Speech), (300, 400, Sound::Music)], beneath: Sound::Other };
        let heard = |sample| scene.heard_at(sample, 10);
        assert_eq!(
            [heard(50), heard(95), heard(150), heard(195), heard(250)],
            [Some(Sound::Other), None, Some(Sound::Speech), None, Some(Sound::Other)]
        );
        assert_eq!((heard(300), heard(399), heard(400)), (Some(Sound::Music), Some(Sound::Music), Some(Sound::Other)));
    }
}
