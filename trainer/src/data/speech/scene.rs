//! One scene: consecutive speech and sounds, the background, and the recording conditions.

use std::collections::{BTreeMap, BTreeSet};

use moodline_core::Sound;
use moodline_core::contract::TrainingCorpus;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use super::config::ScenesConfig;
use super::sounds::{SoundEntry, SoundRecording};
use crate::data::augment::{Augmenter, Span};
use crate::data::manifest::Split;
use moodline_augment::level::{Law, gain, quantise};
use moodline_augment::random::{generator, index, uniform};
use moodline_augment::synthetic::Synthetic;
use moodline_augment::time::speed;
use moodline_fourier::Fourier;

/// Level of each item before the recording conditions are applied, dBFS (RMS).
const REFERENCE_DB: f64 = -26.0;

/// Number of recordings that a computed kind counts as, as it has about as many forms as a recorded collection.
const COMPUTED_RECORDINGS: usize = 16;

/// Smallest and largest number of voices in a crowd: with fewer, individual voices would be intelligible.
const CROWD_VOICES: [usize; 2] = [7, 14];

/// Largest level difference between a sound and a second one overlaid on it, dB.
const LAYER_DB: f64 = 12.0;

/// Length of the fades at the start and end of excerpts, seconds.
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
    /// Speech segments, seconds; at least one.
    pub speech: Vec<(f64, f64)>,
}

impl Clip {
    /// The clip from `before` seconds before its speech to `after` seconds after it, and the index of its first sample.
    fn part(&self, before: f64, after: f64, sample_rate: f64) -> (&[f32], usize) {
        let n = self.samples.len();
        let (start, end) = (self.speech[0].0 - before, self.speech[self.speech.len() - 1].1 + after);
        let first = ((start.max(0.0) * sample_rate) as usize).min(n);
        (&self.samples[first..((end * sample_rate) as usize).clamp(first, n)], first)
    }
}

/// Sources of the scenes of one split.
#[derive(Debug)]
pub struct Sources {
    clips: Vec<Clip>,
    /// Indices of the clips of each corpus.
    corpora: Vec<Vec<usize>>,
    recordings: Vec<SoundRecording>,
    /// Kinds of each class of sounds.
    kinds: BTreeMap<Sound, Vec<Kind>>,
}

/// Source of the sounds of a kind.
#[derive(Clone, Debug)]
enum Kind {
    Recorded(Vec<usize>),
    Computed(Synthetic),
    /// Many clips of speech at once.
    Crowd,
}

impl Kind {
    /// Relative frequency within the class: the square root of the number of recordings, so that a large kind is not under-represented and a small
    /// one still occurs.
    fn weight(&self) -> f64 {
        let n = match self {
            Self::Recorded(of_kind) => of_kind.len(),
            Self::Computed(_) | Self::Crowd => COMPUTED_RECORDINGS,
        };
        (n as f64).sqrt()
    }
}

/// Samples and their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Mono.
    pub samples: Vec<f32>,
    /// The foreground: first sample, end and class of each segment, in order.
    pub heard: Vec<(usize, usize, Sound)>,
    /// The class everywhere else.
    pub beneath: Sound,
}

impl Sources {
    /// From the clips and recordings of a split.
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
        kinds.entry(Sound::Other).or_default().push(Kind::Crowd);
        Self { clips, corpora, recordings, kinds }
    }

    /// The corpora with their clips and speakers.
    #[must_use]
    pub fn corpora(&self) -> Vec<TrainingCorpus> {
        let corpus = |clips: &Vec<usize>| {
            let speakers: BTreeSet<&str> = clips.iter().map(|clip| self.clips[*clip].speaker.as_str()).collect();
            TrainingCorpus { name: self.clips[clips[0]].corpus.clone(), n_utterances: clips.len(), n_speakers: speakers.len() }
        };
        self.corpora.iter().map(corpus).collect()
    }

    /// The recorded sounds.
    pub fn sounds(&self) -> impl Iterator<Item = &SoundEntry> {
        self.recordings.iter().map(|recording| &recording.entry)
    }

    /// Draws a clip; corpora are weighted by the square root of their size, so that small ones occur too.
    fn clip(&self, rng: &mut ChaCha8Rng) -> &Clip {
        let roots = self.corpora.iter().map(|clips| (clips.len() as f64).sqrt());
        let corpus = &self.corpora[weighted(rng, roots)];
        &self.clips[corpus[index(rng, corpus.len())]]
    }

    /// At most `n` samples of a sound of any kind, and its class.
    fn sound(&self, n: usize, config: &ScenesConfig, sample_rate: f64, rng: &mut ChaCha8Rng) -> (Vec<f32>, Sound) {
        let classes: Vec<&Sound> = self.kinds.keys().collect();
        let sound = *classes[weighted(rng, classes.iter().map(|sound| config.weight(**sound)))];
        let kinds = &self.kinds[&sound];
        let samples = match &kinds[weighted(rng, kinds.iter().map(Kind::weight))] {
            Kind::Computed(synthetic) => synthetic.samples(n, sample_rate, rng),
            Kind::Crowd => self.crowd(n, rng),
            Kind::Recorded(of_kind) => {
                let recording = &self.recordings[of_kind[index(rng, of_kind.len())]].samples;
                let from = index(rng, recording.len().saturating_sub(n) + 1);
                recording[from..recording.len().min(from + n)].to_vec()
            }
        };
        (samples, sound)
    }

    /// `n` samples of so many simultaneous voices of similar level that no word is intelligible.
    fn crowd(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let [least, most] = CROWD_VOICES;
        let mut out = vec![0.0; n];
        for _ in 0..least + index(rng, most - least + 1) {
            let mut voice = Vec::with_capacity(n);
            while voice.len() < n {
                let clip = self.clip(rng);
                let mut samples = clip.samples.clone();
                level_of(&mut samples, &[(0, clip.samples.len(), Sound::Speech)], REFERENCE_DB + 4.0 * uniform(rng));
                // The first clip starts somewhere in the middle.
                let from = if voice.is_empty() { index(rng, samples.len()) } else { 0 };
                voice.extend_from_slice(&samples[from..]);
            }
            out.iter_mut().zip(&voice).for_each(|(out, sample)| *out += sample);
        }
        out
    }
}

impl Scene {
    /// The class at a sample; none within `boundary` samples of the start or end of speech.
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

/// The scene with this number in a split; all draws depend only on the seed, the split and the number.
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

/// Clips and sounds with pauses between them, and the segments they occupy.
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
            let (part, first) =
                clip.part(often_little(config.margin_seconds, rng), often_little(config.margin_seconds, rng), sample_rate);
            let in_item = |seconds: f64| (((seconds * sample_rate - first as f64) / rate).max(0.0)) as usize;
            let times = clip.speech.iter().map(|(start, end)| (in_item(*start), in_item(*end), Sound::Speech)).collect();
            let mut item = speed(part, rate);
            fade(&mut item, sample_rate);
            (item, times)
        } else {
            let wanted = (config.sound_seconds.draw(rng) * sample_rate) as usize;
            let (mut item, sound) = sources.sound(wanted, config, sample_rate, rng);
            if uniform(rng) < config.layered {
                add_layer(&mut item, sources, config, sample_rate, rng);
            }
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

/// Overlays a second sound of any kind that is no louder than the first.
fn add_layer(item: &mut [f32], sources: &Sources, config: &ScenesConfig, sample_rate: f64, rng: &mut ChaCha8Rng) {
    let (mut layer, _) = sources.sound(item.len(), config, sample_rate, rng);
    level_of(item, &[(0, item.len(), Sound::Other)], REFERENCE_DB);
    let n = layer.len();
    level_of(&mut layer, &[(0, n, Sound::Other)], REFERENCE_DB - LAYER_DB * uniform(rng));
    item.iter_mut().zip(&layer).for_each(|(sample, value)| *sample += value);
}

/// Adds a background under the whole scene, or only under its items; returns the class between items.
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

/// Sets the level of the whole scene and, at random, rounds it to 16 bits.
fn set_level(samples: &mut [f32], config: &ScenesConfig, rng: &mut ChaCha8Rng) {
    let span = if uniform(rng) < config.quiet { config.quiet_db } else { config.level_db };
    let whole = [(0, samples.len(), Sound::Other)];
    level_of(samples, &whole, span.draw(rng));
    if uniform(rng) < config.sixteen_bits {
        quantise(samples, Law::Linear, 16.0);
    }
}

/// Scales the samples so that the segments in `heard` reach a level, dBFS (RMS); silence stays silent.
fn level_of(samples: &mut [f32], heard: &[(usize, usize, Sound)], level_db: f64) {
    let parts = heard.iter().map(|(start, end, _)| &samples[(*start).min(samples.len())..(*end).min(samples.len())]);
    let (power, n) = parts.fold((0.0, 0), |(power, n), part| {
        (power + part.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>(), n + part.len())
    });
    if power > 0.0 {
        gain(samples, level_db - 10.0 * (power / n as f64).log10());
    }
}

/// Length of a pause, samples.
fn pause(config: &ScenesConfig, sample_rate: f64, rng: &mut ChaCha8Rng) -> usize {
    (often_little(config.pause_seconds, rng) * sample_rate) as usize
}

/// A number from a span in which small values are more frequent: the position in the span is the square of a uniform draw.
fn often_little(span: Span, rng: &mut ChaCha8Rng) -> f64 {
    let [least, most] = span.bounds();
    least + (most - least) * uniform(rng).powi(2)
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

/// A random index, drawn in proportion to the weights.
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
mod tests;
