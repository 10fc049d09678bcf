//! Computed sounds: hum, tones, sirens, clicks, swelling noise, buzzes, barks, bursts of breath, crackle, and simple music.

use std::f64::consts::TAU;

use moodline_core::Sound;
use rand::Rng;

use crate::noise::{Colour, noise};
use crate::random::{index, uniform};

/// A kind of computed sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synthetic {
    /// Mains hum with its harmonics.
    Hum,
    /// One or several steady tones.
    Tones,
    /// A tone that comes and goes.
    Beeps,
    /// A tone that rises and falls.
    Siren,
    /// Clicks, regular or not.
    Clicks,
    /// Noise of changing level.
    SwellingNoise,
    /// Bursts of noise with silence between them.
    NoiseBursts,
    /// Pulses of a drifting rate, as from engines and insects.
    Buzz,
    /// Notes with harmonics that ring over each other.
    Notes,
    /// Notes or chords with harmonics, each of which ends where the next begins.
    Melody,
    /// Short harmonic bursts with a fast rise and fall of pitch and hoarse noise, like animal calls.
    Barks,
    /// Bursts of breath through a mouth, some after a short gasp: sneezes, snorts, coughs.
    Breath,
    /// Clicks of all sizes over quiet noise, as from old records and fire.
    Crackle,
    /// Steady noise with resonances: machines, wind, water.
    Roar,
    /// Steady noise.
    Noise,
}

impl Synthetic {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Hum,
        Self::Tones,
        Self::Beeps,
        Self::Siren,
        Self::Clicks,
        Self::SwellingNoise,
        Self::NoiseBursts,
        Self::Buzz,
        Self::Notes,
        Self::Melody,
        Self::Barks,
        Self::Breath,
        Self::Crackle,
        Self::Roar,
        Self::Noise,
    ];

    /// The class of the sound.
    #[must_use]
    pub const fn sound(self) -> Sound {
        if matches!(self, Self::Notes | Self::Melody) { Sound::Music } else { Sound::Other }
    }

    /// `n` samples, at an arbitrary level.
    pub fn samples(self, n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
        let seconds = |sample: usize| sample as f64 / sample_rate;
        match self {
            Self::Hum => {
                let (hz, fall) = (if uniform(rng) < 0.5 { 50.0 } else { 60.0 }, between(rng, 0.3, 2.0));
                let harmonics: Vec<(f64, f64)> = (1..30).map(f64::from).map(|k| (k * hz, uniform(rng) * k.powf(-fall))).collect();
                sum_of(n, sample_rate, &harmonics)
            }
            Self::Tones => {
                let tones: Vec<(f64, f64)> =
                    (0..=index(rng, 4)).map(|_| (octaves(rng, 60.0, 5000.0), between(rng, 0.2, 1.0))).collect();
                sum_of(n, sample_rate, &tones)
            }
            Self::Beeps => {
                let (hz, period, share) = (octaves(rng, 200.0, 4000.0), between(rng, 0.1, 1.5), between(rng, 0.2, 0.8));
                let partial = uniform(rng);
                let tone = |time: f64| (TAU * hz * time).sin() + partial * (2.0 * TAU * hz * time).sin();
                (0..n).map(seconds).map(|time| if time % period < share * period { tone(time) as f32 } else { 0.0 }).collect()
            }
            Self::Siren => {
                let (centre, depth, rate) = (octaves(rng, 150.0, 2500.0), between(rng, 0.05, 0.7), between(rng, 0.1, 8.0));
                let timbre = Timbre::new(1 + index(rng, 8), 1.0);
                let mut phase = 0.0;
                let sample = |time: f64| {
                    phase += centre * (depth * (TAU * rate * time).sin()).exp() / sample_rate;
                    timbre.at(phase)
                };
                (0..n).map(seconds).map(sample).collect()
            }
            Self::Clicks => {
                let (rate, regular) = (octaves(rng, 0.5, 60.0), uniform(rng) < 0.5);
                let decay = (-1.0 / (between(rng, 0.0002, 0.02) * sample_rate)).exp() as f32;
                let tone = octaves(rng, 300.0, 6000.0);
                let (mut envelope, mut next) = (0.0_f32, 0.0);
                let click = |time: f64| {
                    envelope *= decay;
                    if time >= next {
                        envelope = between(rng, 0.3, 1.0) as f32;
                        next = time + if regular { rate.recip() } else { -(1.0 - uniform(rng)).ln() / rate };
                    }
                    envelope * (TAU * tone * time).sin() as f32
                };
                (0..n).map(seconds).map(click).collect()
            }
            Self::SwellingNoise => {
                let (rate, depth) = (octaves(rng, 0.2, 12.0), between(rng, 0.2, 1.0));
                let swell = |time: f64| (1.0 - depth + depth * (0.5 + 0.5 * (TAU * rate * time).sin()).powi(2)) as f32;
                let noise = coloured(n, sample_rate, rng);
                noise.into_iter().enumerate().map(|(sample, value)| value * swell(seconds(sample))).collect()
            }
            Self::NoiseBursts => {
                let (rate, decay_seconds) = (octaves(rng, 0.5, 8.0), octaves(rng, 0.01, 0.4));
                let decay = (-1.0 / (decay_seconds * sample_rate)).exp() as f32;
                let (mut envelope, mut next) = (0.0_f32, 0.0);
                let noise = coloured(n, sample_rate, rng);
                let burst = |(sample, value): (usize, f32)| {
                    envelope *= decay;
                    if seconds(sample) >= next {
                        envelope = between(rng, 0.3, 1.0) as f32;
                        next = seconds(sample) + between(rng, 0.5, 1.5) / rate;
                    }
                    value * envelope
                };
                noise.into_iter().enumerate().map(burst).collect()
            }
            Self::Buzz => {
                let (hz, wander, rate) = (octaves(rng, 20.0, 500.0), between(rng, 0.0, 0.3), between(rng, 0.1, 5.0));
                // A pulse through one resonance.
                let (resonance, width) = (octaves(rng, 300.0, 3000.0), between(rng, 50.0, 500.0));
                let kept = (-std::f64::consts::PI * width / sample_rate).exp();
                let (first, second) = (2.0 * kept * (TAU * resonance / sample_rate).cos(), -kept * kept);
                let (mut phase, mut before) = (0.0_f64, [0.0, 0.0]);
                let sample = |time: f64| {
                    phase += hz * (1.0 + wander * (TAU * rate * time).sin()) / sample_rate;
                    let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
                    phase = phase.fract();
                    let value = pulse + first * before[0] + second * before[1];
                    before = [value, before[0]];
                    value as f32
                };
                (0..n).map(seconds).map(sample).collect()
            }
            Self::Notes => notes(n, sample_rate, rng),
            Self::Melody => melody(n, sample_rate, rng),
            Self::Barks => barks(n, sample_rate, rng),
            Self::Breath => breath(n, sample_rate, rng),
            Self::Crackle => crackle(n, sample_rate, rng),
            Self::Roar => {
                let dry = coloured(n, sample_rate, rng);
                let (rate, depth) = (octaves(rng, 0.05, 2.0), between(rng, 0.0, 0.6));
                let mut out: Vec<f32> = dry.iter().map(|value| 0.2 * value).collect();
                for _ in 0..1 + index(rng, 4) {
                    let (hz, loud) = (octaves(rng, 80.0, 5000.0), between(rng, 0.2, 1.0) as f32);
                    let rung = resonated(&dry, hz, hz * octaves(rng, 0.03, 0.8), sample_rate);
                    let drift = TAU * uniform(rng);
                    for (sample, (out, rung)) in out.iter_mut().zip(rung).enumerate() {
                        let swell = 1.0 - depth * (0.5 + 0.5 * (TAU * rate * seconds(sample) + drift).sin());
                        *out += rung * loud * swell as f32;
                    }
                }
                out
            }
            Self::Noise => coloured(n, sample_rate, rng),
        }
    }
}

/// Decaying notes of one timbre on a scale, with or without chords.
fn notes(n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    const SCALE: [f64; 5] = [0.0, 3.0, 5.0, 7.0, 10.0];
    const VIBRATO_HZ: f64 = 6.0;
    let (timbre, decay, attack) = (Timbre::new(6, between(rng, 0.5, 2.5)), octaves(rng, 0.08, 2.0), octaves(rng, 0.002, 0.1));
    let (tempo, voices, vibrato) = (octaves(rng, 1.0, 9.0), 1 + index(rng, 3), between(rng, 0.0, 0.02));
    let tonic = octaves(rng, 80.0, 500.0);
    let sine = Timbre::new(1, 0.0);
    let mut out = vec![0.0; n];
    let mut at = 0;
    while at < n {
        for _ in 0..voices {
            let semitones = SCALE[index(rng, 5)] + 12.0 * index(rng, 3) as f64;
            let hz = tonic * (semitones / 12.0).exp2();
            let mut envelope = Envelope::new(attack, decay, between(rng, 0.3, 1.0), sample_rate);
            let length = ((decay * 4.0 * sample_rate) as usize).min(n - at);
            for (sample, out) in out[at..at + length].iter_mut().enumerate() {
                let time = sample as f64 / sample_rate;
                let waver = vibrato / (TAU * VIBRATO_HZ) * f64::from(sine.at(VIBRATO_HZ * time));
                *out += envelope.next() * timbre.at(hz * (time + waver).max(0.0));
            }
        }
        at += (sample_rate / tempo * [1.0, 1.0, 2.0, 0.5][index(rng, 4)]) as usize + 1;
    }
    out
}

/// A line of notes, or of chords, of one timbre, as of a flute, an organ or a plucked string that is damped.
fn melody(n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    const SCALES: [[f64; 7]; 3] =
        [[0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 11.0], [0.0, 2.0, 3.0, 5.0, 7.0, 8.0, 10.0], [0.0, 3.0, 5.0, 7.0, 10.0, 12.0, 15.0]];
    const MOST_PARTIALS: usize = 12;
    let (scale, tonic) = (SCALES[index(rng, SCALES.len())], octaves(rng, 70.0, 700.0));
    let voices = if uniform(rng) < 0.6 { 1 } else { 2 + index(rng, 3) };
    // No harmonic of a note in the two octaves above the tonic lies beyond half the sampling rate.
    let n_partials = (1 + index(rng, MOST_PARTIALS)).min((sample_rate / 2.0 / (4.0 * tonic)) as usize).max(1);
    let timbre = Timbre::new(n_partials, between(rng, 0.5, 2.0));
    let (decay, attack) = (octaves(rng, 0.08, 5.0), octaves(rng, 0.002, 0.1));
    let (tempo, regular) = (octaves(rng, 0.7, 8.0), uniform(rng) < 0.5);
    let mut out = Vec::with_capacity(n);
    let mut degree = index(rng, scale.len());
    while out.len() < n {
        let beats = if regular { 1.0 } else { [0.5, 1.0, 1.0, 2.0][index(rng, 4)] };
        let length = ((sample_rate * beats / tempo) as usize + 1).min(n - out.len());
        let mut envelope = Envelope::new(attack, decay, between(rng, 0.5, 1.0), sample_rate);
        let of_voice = |voice: usize| {
            let note = degree + 2 * voice;
            tonic * ((scale[note % scale.len()] + 12.0 * (note / scale.len()) as f64) / 12.0).exp2()
        };
        let notes: Vec<f64> = (0..voices).map(of_voice).collect();
        out.extend((0..length).map(|sample| {
            let time = sample as f64 / sample_rate;
            envelope.next() * notes.iter().map(|hz| timbre.at(hz * time)).sum::<f32>()
        }));
        degree = (degree + scale.len() + index(rng, 7) - 3) % (2 * scale.len());
    }
    out
}

/// Calls in groups, from one throat: pitch, resonances and hoarseness stay about the same.
fn barks(n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    let (pitch, length) = (octaves(rng, 180.0, 1400.0), octaves(rng, 0.05, 0.45));
    let (hoarse, timbre) = (between(rng, 0.05, 1.0) as f32, Timbre::new(12, between(rng, 0.3, 1.5)));
    let resonances: Vec<(f64, f64)> =
        (0..1 + index(rng, 3)).map(|_| octaves(rng, 400.0, 4000.0)).map(|hz| (hz, 0.2 * hz)).collect();
    let (gap, in_group) = (octaves(rng, 0.03, 0.5), 1 + index(rng, 4));
    let mut out = vec![0.0; n];
    let (mut at, mut left) = (0, in_group);
    while at < n {
        let call = (sample_rate * length * between(rng, 0.7, 1.3)) as usize + 1;
        let (depth, peak, base) = (between(rng, 0.1, 0.9), between(rng, 0.05, 0.4), pitch * between(rng, 0.9, 1.15));
        let (mut phase, breath) = (0.0, coloured(call, sample_rate, rng));
        let dry: Vec<f32> = breath
            .iter()
            .enumerate()
            .map(|(sample, breath)| {
                let place = sample as f64 / call as f64;
                let arch = if place < peak { place / peak } else { 1.0 - (place - peak) / (1.0 - peak) };
                phase += base * (1.0 - depth * (1.0 - arch)) / sample_rate;
                (timbre.at(phase) + hoarse * breath) * arch as f32
            })
            .collect();
        let loud = between(rng, 0.5, 1.0) as f32;
        for &(hz, width) in &resonances {
            let rung = resonated(&dry, hz, width, sample_rate);
            out[at..].iter_mut().zip(rung).for_each(|(out, value)| *out += loud * value);
        }
        out[at..].iter_mut().zip(&dry).for_each(|(out, value)| *out += 0.1 * loud * value);
        left -= 1;
        let pause = if left == 0 { between(rng, 0.3, 2.0) } else { gap * between(rng, 0.7, 1.5) };
        left = if left == 0 { in_group } else { left };
        at += call + (sample_rate * pause) as usize;
    }
    out
}

/// Bursts of noise shaped by a mouth, each preceded, at random, by a short voiced gasp.
fn breath(n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    let timbre = Timbre::new(10, 1.0);
    let mut out = vec![0.0; n];
    let mut at = (sample_rate * between(rng, 0.0, 0.3)) as usize;
    while at < n {
        if uniform(rng) < 0.5 {
            let gasp = (sample_rate * between(rng, 0.08, 0.35)) as usize;
            let (hz, rise, loud) = (octaves(rng, 120.0, 500.0), between(rng, -0.3, 0.8), between(rng, 0.05, 0.5));
            let mut phase = 0.0;
            let breath = coloured(gasp, sample_rate, rng);
            let dry: Vec<f32> = (0..gasp)
                .map(|sample| {
                    let place = sample as f64 / gasp as f64;
                    phase += hz * (1.0 + rise * place) / sample_rate;
                    (timbre.at(phase) + 0.3 * breath[sample]) * (loud * (std::f64::consts::PI * place).sin()) as f32
                })
                .collect();
            let resonance = octaves(rng, 500.0, 2000.0);
            let rung = resonated(&dry, resonance, 0.3 * resonance, sample_rate);
            out[at..].iter_mut().zip(rung).for_each(|(out, value)| *out += value);
            at = n.min(at + gasp + (sample_rate * between(rng, 0.0, 0.2)) as usize);
        }
        let burst = (sample_rate * octaves(rng, 0.08, 0.8)) as usize;
        let (attack, decay) = (octaves(rng, 0.003, 0.06), between(rng, 2.0, 7.0));
        let mut dry = coloured(burst, sample_rate, rng);
        for (sample, value) in dry.iter_mut().enumerate() {
            let time = sample as f64 / sample_rate;
            let envelope = (time / attack).min(1.0) * (-decay * sample as f64 / burst as f64).exp();
            *value *= envelope as f32;
        }
        for _ in 0..1 + index(rng, 3) {
            let hz = octaves(rng, 500.0, 6500.0);
            let (rung, loud) = (resonated(&dry, hz, hz * between(rng, 0.1, 0.6), sample_rate), between(rng, 0.3, 1.0) as f32);
            out[at..].iter_mut().zip(rung).for_each(|(out, value)| *out += loud * value);
        }
        at += burst + (sample_rate * octaves(rng, 0.1, 2.5)) as usize;
    }
    out
}

/// Clicks of all sizes, many small and few large, over noise; on a record, some recur with every turn.
fn crackle(n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    let (rate, spread, floor) = (octaves(rng, 3.0, 400.0), between(rng, 0.5, 2.0), octaves(rng, 0.002, 0.3) as f32);
    let turn = (sample_rate * [60.0 / 33.3, 60.0 / 45.0, 60.0 / 78.0][index(rng, 3)]) as usize;
    let of_turn: Vec<(usize, f32)> = (0..index(rng, 6)).map(|_| (index(rng, turn), between(rng, 0.3, 2.0) as f32)).collect();
    let ringing = octaves(rng, 0.0001, 0.004);
    let kept = (-1.0 / (ringing * sample_rate)).exp() as f32;
    let mut impulses = vec![0.0_f32; n];
    let mut at = 0.0;
    while (at as usize) < n {
        // Approximately log-normal, from the sum of a few uniform draws.
        let size = (spread * ((0..4).map(|_| uniform(rng)).sum::<f64>() - 2.0) * 1.7).exp();
        impulses[at as usize] += (if uniform(rng) < 0.5 { -size } else { size }) as f32;
        at += 1.0 - sample_rate / rate * (1.0 - uniform(rng)).ln();
    }
    for start in (0..n).step_by(turn) {
        of_turn.iter().filter(|(place, _)| start + place < n).for_each(|(place, size)| impulses[start + place] += size);
    }
    let mut envelope = 0.0;
    let (noise, ring) = (coloured(n, sample_rate, rng), coloured(n, sample_rate, rng));
    let click = |at: usize| {
        envelope = envelope * kept + impulses[at];
        envelope * (0.5 + ring[at]) + floor * noise[at]
    };
    (0..n).map(click).collect()
}

/// Filters through one resonance at `hz`, `width` Hz wide; the level stays about the same.
fn resonated(samples: &[f32], hz: f64, width: f64, sample_rate: f64) -> Vec<f32> {
    let kept = (-std::f64::consts::PI * width / sample_rate).exp();
    let (first, second) = (2.0 * kept * (TAU * hz / sample_rate).cos(), -kept * kept);
    let loud = (1.0 - kept * kept).sqrt();
    let mut before = [0.0, 0.0];
    let sample = |sample: &f32| {
        let value = loud * f64::from(*sample) + first * before[0] + second * before[1];
        before = [value, before[0]];
        value as f32
    };
    samples.iter().map(sample).collect()
}

/// Noise of a random colour.
fn coloured(n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    noise(Colour::ALL[index(rng, Colour::ALL.len())], n, sample_rate, rng)
}

/// One period of a tone with harmonics, as a table: notes ring over each other for minutes of sound a second, too many for a sine each.
struct Timbre(Vec<f32>);

impl Timbre {
    const TABLE: usize = 2048;

    /// `n` harmonics that fall with the number of each to the power of `fall`.
    fn new(n: usize, fall: f64) -> Self {
        let amplitudes: Vec<f64> = (1..=n).map(|k| (k as f64).powf(-fall)).collect();
        // One value more than a period, for the interpolation.
        let period = (0..=Self::TABLE).map(|at| {
            let (sin, cos) = (TAU * at as f64 / Self::TABLE as f64).sin_cos();
            // sin((k + 1) x) = 2 cos(x) sin(k x) - sin((k - 1) x)
            let (mut before, mut of_k, mut sum) = (0.0, sin, 0.0);
            for amplitude in &amplitudes {
                sum += amplitude * of_k;
                (before, of_k) = (of_k, 2.0 * cos * of_k - before);
            }
            sum as f32
        });
        Self(period.collect())
    }

    /// The value after so many periods, at least 0.
    fn at(&self, periods: f64) -> f32 {
        let place = (periods - periods.trunc()) * Self::TABLE as f64;
        let (index, part) = (place as usize, (place - place.trunc()) as f32);
        self.0[index] + part * (self.0[index + 1] - self.0[index])
    }
}

/// The level of a note: a linear rise, times an exponential decay.
struct Envelope {
    rise: f64,
    step: f64,
    level: f64,
    kept: f64,
}

impl Envelope {
    /// `attack` and `decay` in seconds.
    fn new(attack: f64, decay: f64, level: f64, sample_rate: f64) -> Self {
        Self { rise: 0.0, step: (attack * sample_rate).recip(), level, kept: (-(decay * sample_rate).recip()).exp() }
    }

    /// The level at the next sample.
    fn next(&mut self) -> f32 {
        let value = self.rise.min(1.0) * self.level;
        self.rise += self.step;
        self.level *= self.kept;
        value as f32
    }
}

/// A sum of tones, each with a frequency and an amplitude, in different phases.
fn sum_of(n: usize, sample_rate: f64, tones: &[(f64, f64)]) -> Vec<f32> {
    let mut out = vec![0.0; n];
    for (number, (hz, amplitude)) in tones.iter().enumerate() {
        let step = TAU * hz / sample_rate;
        for (sample, out) in out.iter_mut().enumerate() {
            *out += (amplitude * (step * sample as f64 + number as f64).sin()) as f32;
        }
    }
    out
}

fn between(rng: &mut dyn Rng, least: f64, most: f64) -> f64 {
    least + (most - least) * uniform(rng)
}

/// Uniform over octaves.
fn octaves(rng: &mut dyn Rng, least: f64, most: f64) -> f64 {
    least * (most / least).powf(uniform(rng))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;

    #[test]
    fn a_timbre_is_a_sum_of_harmonics() {
        let timbre = Timbre::new(12, 0.7);
        for periods in [0.0, 0.1, 0.77, 3.3, 1e4 + 0.4] {
            let expected: f64 = (1..=12).map(f64::from).map(|k| (TAU * k * periods).sin() * k.powf(-0.7)).sum();
            assert!((f64::from(timbre.at(periods)) - expected).abs() < 1e-3, "{periods}");
        }
    }

    #[test]
    fn a_note_rises_and_then_decays() {
        let mut envelope = Envelope::new(0.1, 2.0, 0.5, 1000.0);
        let values: Vec<f32> = (0..3000).map(|_| envelope.next()).collect();
        assert_eq!(values[0], 0.0);
        assert!(values[..100].is_sorted() && values[100..].is_sorted_by(|a, b| a > b));
        assert!((f64::from(values[2000]) - 0.5 * (-1.0_f64).exp()).abs() < 1e-3, "{}", values[2000]);
    }

    #[test]
    fn every_sound_is_heard_and_finite_and_its_own() {
        let mut seen: Vec<Vec<f32>> = Vec::new();
        for synthetic in Synthetic::ALL {
            for number in 0..8_u8 {
                let samples = synthetic.samples(16_000, 16_000.0, &mut generator(&[&[number]]));
                let power = samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / 16_000.0;
                assert!(samples.len() == 16_000 && power > 1e-7 && power.is_finite(), "{synthetic:?} {number}: {power}");
                assert!(!seen.contains(&samples), "{synthetic:?} {number}");
                seen.push(samples);
            }
        }
    }
}
