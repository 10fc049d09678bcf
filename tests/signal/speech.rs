//! The speech detector on speech, voices and noises.

use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;

use moodline_core::FrontEndConfig;
use moodline_core::frontend::features;
use moodline_core::network::NetworkKernel;
use moodline_engine::ClassifierError;
use moodline_engine::classifier::run_on_onnxruntime;
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::speech::SpeechSteps;
use moodline_engine::{GateConfig, SpeechDetector, SpeechModel};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use test_support::allocation::without_allocation;
use test_support::networks::TOLERANCE;
use test_support::sample;
use test_support::skip::skip;

const RATE: u32 = 16_000;
const BLOCK_SECONDS: f64 = 5.0;

/// A detector that has processed all of these samples and remembers them.
fn heard(samples: &[f32]) -> SpeechDetector {
    heard_at(RATE, samples, &[samples.len()])
}

/// The same at another rate, in pieces of these lengths, cyclically.
fn heard_at(rate: u32, samples: &[f32], pieces: &[usize]) -> SpeechDetector {
    let seconds = samples.len() as f64 / f64::from(rate);
    let mut detector = SpeechDetector::new(&SpeechModel::embedded(), rate, GateConfig::default(), seconds).unwrap();
    let (mut rest, mut pieces) = (samples, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
        detector.push(piece).unwrap();
        rest = later;
    }
    detector.finish().unwrap();
    detector
}

fn seconds_of_samples(samples: &[f32]) -> f64 {
    samples.len() as f64 / f64::from(RATE)
}

fn is_speech(samples: &[f32]) -> bool {
    heard(samples).is_speech(0.0, seconds_of_samples(samples))
}

/// Whether each block of five seconds of a longer recording is speech.
fn blocks_of_speech(samples: &[f32]) -> Vec<bool> {
    let detector = heard(samples);
    let n = (seconds_of_samples(samples) / BLOCK_SECONDS).ceil() as usize;
    (0..n).map(|block| detector.is_speech(block as f64 * BLOCK_SECONDS, (block + 1) as f64 * BLOCK_SECONDS)).collect()
}

fn any_block_is_speech(samples: &[f32]) -> bool {
    blocks_of_speech(samples).contains(&true)
}

fn samples_of_the_repository() -> Vec<PathBuf> {
    let folder = sample("");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let clips: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|extension| extension == "flac")).collect();
    assert_eq!(clips.len(), 17);
    clips
}

/// The samples, scaled to a level in dBFS (RMS).
fn at_level(level_db: f64, samples: &[f64]) -> Vec<f32> {
    let rms = (samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64).sqrt();
    samples.iter().map(|x| (x / rms * 10_f64.powf(level_db / 20.0)) as f32).collect()
}

fn seconds_of(seconds: usize, mut sample: impl FnMut(f64) -> f64) -> Vec<f64> {
    (0..seconds * RATE as usize).map(|index| sample(index as f64 / f64::from(RATE))).collect()
}
/// White noise, approximately Gaussian.
fn white(seed: u64, seconds: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    seconds_of(seconds, |_| (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0)
}

/// Noise whose power falls as `1 / f`: Paul Kellet's filter of white noise.
fn pink(white: &[f64]) -> Vec<f64> {
    const POLES: [(f64, f64); 6] = [
        (0.998_86, 0.055_517_9),
        (0.993_32, 0.075_075_9),
        (0.969, 0.153_852),
        (0.866_5, 0.310_485_6),
        (0.55, 0.532_952_2),
        (-0.7616, -0.016_898),
    ];
    let mut states = [0.0; 6];
    let filter = |&x: &f64| {
        for (state, (pole, gain)) in states.iter_mut().zip(POLES) {
            *state = pole * *state + gain * x;
        }
        states.iter().sum::<f64>() + 0.5362 * x
    };
    white.iter().map(filter).collect()
}

/// Noise whose power falls as `1 / f²`.
fn brown(white: &[f64]) -> Vec<f64> {
    let mut state = 0.0;
    let integrate = |&x: &f64| {
        state = 0.998 * state + x;
        state
    };
    white.iter().map(integrate).collect()
}

/// A quiet room: fluctuating low-frequency noise with a little mains hum.
fn room(white: &[f64]) -> Vec<f64> {
    let mut state = 0.0;
    let shape = |(index, x): (usize, f64)| {
        let time = index as f64 / f64::from(RATE);
        state = 0.9 * state + 0.1 * x;
        state * (1.0 + 0.3 * (1.7 * time).sin()) + 0.05 * (TAU * 50.0 * time).sin() + 0.02 * (TAU * 150.0 * time).sin()
    };
    pink(white).into_iter().enumerate().map(shape).collect()
}

#[test]
fn every_sample_of_speech_is_speech_at_any_level() {
    for path in samples_of_the_repository() {
        let samples = read_mono_resampled(&path, RATE).unwrap();
        for gain_db in [0.0, -20.0, -40.0] {
            let scaled: Vec<f32> = samples.iter().map(|x| x * 10_f32.powf(gain_db / 20.0)).collect();
            assert!(is_speech(&scaled), "{} at {gain_db} dB", path.display());
        }
        let samples: Vec<f64> = samples.iter().map(|x| f64::from(*x)).collect();
        assert!(is_speech(&at_level(-60.0, &samples)), "{} at -60 dBFS", path.display());
    }
}

#[test]
fn noise_is_no_speech_at_any_level() {
    for seed in 0..4 {
        let white = white(seed, 20);
        for (name, noise) in [("pink", pink(&white)), ("brown", brown(&white)), ("room", room(&white)), ("white", white)] {
            for level_db in [-70.0, -40.0, -20.0, -6.0] {
                assert!(!any_block_is_speech(&at_level(level_db, &noise)), "{name} noise, seed {seed}, {level_db} dBFS");
            }
        }
    }
}

#[test]
fn silence_and_dither_are_no_speech() {
    assert!(!is_speech(&vec![0.0; 80_000]));
    assert!(!is_speech(&vec![0.3; 80_000]), "a constant offset");
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let dither: Vec<f32> = (0..80_000).map(|_| f32::from(random.random_range(-1_i8..=1)) / 32_768.0).collect();
    assert!(!is_speech(&dither));
}

#[test]
fn hum_is_no_speech_clean_or_noisy() {
    for mains_hz in [50.0, 60.0] {
        let harmonic = |time: f64, k: i32| (TAU * mains_hz * f64::from(k) * time + f64::from(k)).sin() / f64::from(k);
        let hum = seconds_of(10, |time| (1..12).map(|k| harmonic(time, k)).sum());
        for (name, noise) in [("clean", vec![0.0; hum.len()]), ("white", white(1, 10)), ("pink", pink(&white(2, 10)))] {
            let sum: Vec<f64> = hum.iter().zip(&noise).map(|(x, y)| x + 0.2 * y).collect();
            assert!(!any_block_is_speech(&at_level(-30.0, &sum)), "{mains_hz} Hz, {name}");
        }
    }
}

#[test]
fn tones_and_beeps_are_no_speech() {
    for frequency in [100.0, 220.0, 440.0, 1000.0, 3000.0] {
        let tone = seconds_of(5, |time| (TAU * frequency * time).sin());
        assert!(!is_speech(&at_level(-12.0, &tone)), "a tone of {frequency} Hz");
        let beeps = seconds_of(10, |time| if time % 0.9 < 0.3 { (TAU * frequency * time).sin() } else { 0.0 });
        assert!(!any_block_is_speech(&at_level(-12.0, &beeps)), "beeps of {frequency} Hz");
    }
}

#[test]
fn clicks_are_no_speech() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let regular = seconds_of(10, |time| if (time * 2.0).fract() < 1.0 / 8000.0 { 0.9 } else { 0.0 });
    let irregular = seconds_of(20, |_| if random.random::<f64>() < 0.001 { 0.9 } else { 0.0 });
    assert!(!any_block_is_speech(&at_level(-30.0, &regular)));
    assert!(!any_block_is_speech(&at_level(-30.0, &irregular)));
}

#[test]
fn melodies_are_no_speech_and_chords_hardly_ever() {
    // A minor third, a fifth and an octave up and down, plucked and bowed, and with chords.
    const STEPS: [f64; 8] = [0.0, 3.0, 7.0, 12.0, 7.0, 3.0, 5.0, 10.0];
    let mut of_chords = Vec::new();
    for (tonic_hz, notes_a_second, decay_seconds) in [(110.0, 2.0, 0.4), (220.0, 4.0, 0.15), (330.0, 1.0, 3.0)] {
        let note = |time: f64, voice: usize| {
            let (number, since) = ((time * notes_a_second) as usize, (time * notes_a_second).fract() / notes_a_second);
            let hz = tonic_hz * (STEPS[(number + voice) % STEPS.len()] / 12.0).exp2();
            let partials = (1..=6).map(f64::from).map(|k| (TAU * k * hz * time).sin() / k);
            (since / 0.01).min(1.0) * (-since / decay_seconds).exp() * partials.sum::<f64>()
        };
        let melody = seconds_of(20, |time| note(time, 0));
        let chords = seconds_of(20, |time| (0..3).map(|voice| note(time, 2 * voice)).sum());
        assert!(!any_block_is_speech(&at_level(-20.0, &melody)), "a melody from {tonic_hz} Hz");
        of_chords.extend(blocks_of_speech(&at_level(-20.0, &chords)));
    }
    // Chords that swell and fade like a vowel are its weakness: it errs on some of them, but not on most.
    let n_false = of_chords.iter().filter(|is_speech| **is_speech).count();
    assert!(n_false * 4 <= of_chords.len(), "{n_false} of {} blocks of chords", of_chords.len());
}

#[test]
fn speech_is_found_in_noise_and_not_where_it_pauses() {
    let speech = read_mono_resampled(&sample("14a04Tb.flac"), RATE).unwrap();
    let mut samples = at_level(-70.0, &white(5, 15));
    let start = 5 * RATE as usize;
    for (sample, voice) in samples[start..].iter_mut().zip(&speech) {
        *sample += voice;
    }
    let detector = heard(&samples);
    assert!(!detector.is_speech(0.0, 5.0));
    assert!(detector.is_speech(5.0, 10.0));
    assert!(!detector.is_speech(10.0, 15.0));
    // The clip begins and ends with little silence: its speech is detected where it was placed.
    let times: Vec<(f64, f64)> = detector.speech_between(0.0, 15.0).collect();
    let (first, last) = (times.first().unwrap().0, times.last().unwrap().1);
    assert!(first > 4.9 && last < 5.1 + seconds_of_samples(&speech), "{times:?}");
    assert!(times.is_sorted_by(|a, b| a.1 < b.0), "{times:?}");
}

#[test]
fn what_is_heard_does_not_depend_on_how_the_stream_was_cut_nor_on_what_was_before() {
    let speech = read_mono_resampled(&sample("14a04Tb.flac"), RATE).unwrap();
    let seconds = seconds_of_samples(&speech);
    let whole = heard(&speech);
    assert!(whole.steps_between(0.0, seconds).len() as f64 > 0.9 * seconds / 0.03);
    let mut again = heard_at(RATE, &speech, &[1, 700, 44_000, 13]);
    assert_eq!(again.steps_between(0.0, seconds), whole.steps_between(0.0, seconds));
    again.reset();
    again.push(&speech).unwrap();
    again.finish().unwrap();
    assert_eq!(again.steps_between(0.0, seconds), whole.steps_between(0.0, seconds), "after a cut nothing is left");
}

#[test]
fn another_rate_gives_nearly_the_same_times() {
    let path = sample("14a04Tb.flac");
    let at_16k: Vec<(f64, f64)> = heard(&read_mono_resampled(&path, RATE).unwrap()).speech_between(0.0, 20.0).collect();
    let samples = read_mono_resampled(&path, 48_000).unwrap();
    let at_48k: Vec<(f64, f64)> = heard_at(48_000, &samples, &[512]).speech_between(0.0, 20.0).collect();
    assert!(!at_16k.is_empty() && at_16k.len() == at_48k.len(), "{at_16k:?} {at_48k:?}");
    for (a, b) in at_16k.iter().zip(&at_48k) {
        assert!((a.0 - b.0).abs() < 0.05 && (a.1 - b.1).abs() < 0.05, "{a:?} {b:?}");
    }
}

#[test]
fn a_level_keeps_quieter_speech_out() {
    let speech = read_mono_resampled(&sample("14a04Tb.flac"), RATE).unwrap();
    let seconds = seconds_of_samples(&speech);
    let is_speech_above = |level_db| {
        let mut detector = SpeechDetector::new(&SpeechModel::embedded(), RATE, GateConfig { level_db }, seconds).unwrap();
        detector.push(&speech).unwrap();
        detector.finish().unwrap();
        detector.is_speech(0.0, seconds)
    };
    assert!(is_speech_above(-60.0) && !is_speech_above(0.0));
}

#[test]
fn a_detector_that_runs_does_not_allocate() {
    let speech = read_mono_resampled(&sample("14a04Tb.flac"), RATE).unwrap();
    let mut detector = SpeechDetector::new(&SpeechModel::embedded(), RATE, GateConfig::default(), 5.0).unwrap();
    detector.push(&speech[..RATE as usize]).unwrap();
    let is_speech = without_allocation(|| {
        detector.push(&speech[RATE as usize..]).unwrap();
        detector.is_speech(0.5, 2.0)
    });
    assert!(is_speech);
}

#[test]
fn a_sample_that_is_not_finite_is_refused_and_a_new_stream_begins() {
    let mut detector = SpeechDetector::new(&SpeechModel::embedded(), RATE, GateConfig::default(), 5.0).unwrap();
    assert!(detector.push(&[0.0, f32::NAN]).unwrap_err().to_string().contains("finite"));
    detector.reset();
    detector.push(&[0.0; 16_000]).unwrap();
    assert!(!detector.is_speech(0.0, 0.5));
}

#[test]
fn onnx_runtime_gives_the_same_answer_at_every_step_as_the_kernel_that_every_program_runs() {
    let model = SpeechModel::embedded();
    let contract = model.contract();
    let samples = read_mono_resampled(&sample("14a04Tb.flac"), contract.front_end.sample_rate).unwrap();
    let steps = features::<f32>(&contract.front_end, &samples).unwrap();
    let (n_steps, steps) = (steps.nrows(), steps.as_slice().unwrap());
    let start = vec![0.0; contract.network.state_size()];
    let file = moodline_core::onnx::speech::write(contract, model.weights());
    let expected = match run_on_onnxruntime(&file, n_steps, steps, &start) {
        Ok(outputs) => outputs,
        Err(error @ ClassifierError::OnnxRuntimeUnavailable { .. }) => return skip("ONNX Runtime", &error.to_string()),
        Err(error) => panic!("{error}"),
    };
    let (mut kernel, mut state, mut logits) = (NetworkKernel::new(&contract.network, model.weights()), start, Vec::new());
    kernel.run_each(steps, &mut state, &mut |of_step| logits.extend(of_step));
    assert_eq!((logits.len(), expected.logits.len()), (4 * n_steps, 4 * n_steps));
    for (found, expected) in logits.iter().zip(&expected.logits).chain(state.iter().zip(&expected.final_state)) {
        assert!((found - expected).abs() <= TOLERANCE * expected.abs().max(1.0), "{found} {expected}");
    }
}

#[test]
fn a_network_that_hears_speech_only_gets_the_steps_between_the_pauses() {
    let speech = read_mono_resampled(&sample("08a02Tb.flac"), RATE).unwrap();
    let silence = vec![0.0; RATE as usize];
    let samples = [&silence[..], &speech, &silence].concat();
    let detector = heard(&samples);
    let all = FrontEndConfig { average_frames: 3, ..FrontEndConfig::speech_25_10() };
    let config = FrontEndConfig { speech_margin: Some(0.0), ..all.clone() };
    let n_steps = (seconds_of_samples(&samples) / config.step_seconds()) as u64;
    // A step's only value is its index.
    let steps: Vec<f32> = (0..n_steps).map(|step| step as f32).collect();

    let mut chosen = SpeechSteps::new(&config, 1);
    let kept = chosen.of(Some(&detector), 0, &steps).to_vec();
    let times: Vec<f64> = kept.iter().map(|step| chosen.centre_seconds(*step as u64)).collect();
    assert!(kept.is_sorted() && kept.len() as f64 * config.step_seconds() > 0.5 * seconds_of_samples(&speech), "{}", kept.len());
    assert!(times[0] > 0.9 && *times.last().unwrap() < 1.1 + seconds_of_samples(&speech), "{times:?}");
    let ranges = chosen.ranges(Some(&detector), 0..n_steps);
    assert_eq!(ranges.into_iter().flatten().map(|step| step as f32).collect::<Vec<_>>(), kept);

    let mut wide = SpeechSteps::new(&FrontEndConfig { speech_margin: Some(0.3), ..all.clone() }, 1);
    let more = wide.of(Some(&detector), 0, &steps).to_vec();
    assert_eq!((more[0], *more.last().unwrap()), (kept[0] - 10.0, kept.last().unwrap() + 10.0), "ten steps of 30 ms");
    assert_eq!(wide.around(1.0, 2.0), wide.between(0.7, 2.3));

    let within_silence = chosen.of(Some(&detector), 0, &steps[..20]).to_vec();
    assert_eq!(within_silence, steps[..20], "where nobody speaks all are kept");
    assert_eq!(chosen.of(None, 0, &steps), steps, "without a detector too");
    assert_eq!(SpeechSteps::new(&all, 1).of(Some(&detector), 0, &steps), steps);
}
