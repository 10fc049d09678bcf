//! The project's part of `cargo xtask bench --peers`: reports how long a case takes, as `peers/worker.py` does for the peers.
//!
//! usage: `project FOLDER`; FOLDER holds the output of `peers/prepare.py`. Writes `ltc.onnx` there, the network that every side runs.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use moodline_core::contract::{CONTRACT_VERSION, Contract, Normalisation, Padding, StatePolicy, TrainingRecord};
use moodline_core::frontend::FrontEnd;
use moodline_core::network::{
    Carry, CellConfig, Cfc, CfcMode, NetworkConfig, NetworkKernel, PaperLtc, Pooling, Reading, Tensors,
};
use moodline_core::{Emotion, FrontEndConfig, Probabilities, onnx};
use moodline_engine::source::FileSource;
use moodline_engine::voices::{Found, Voices};
use moodline_engine::{AnalysisConfig, BackendChoice, GateConfig, Model, SpeechDetector, SpeechModel, State};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::{Batch, Dropout, LANES, Network, TauInit, initial_parameters};
use moodline_learn::optimiser::{AdamConfig, Optimiser, OptimiserConfig};
use moodline_learn::parallel::with_awake_helpers;
use ndarray::{Array1, Array3, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rayon::ThreadPoolBuilder;
use serde_json::json;

const N_FEATURES: usize = 39;
const N_SEQUENCES: usize = 1000;
const N_FRAMES: usize = 157;
const BATCH: usize = 64;
const L2: f64 = 5e-4;
const LEARNING_RATE: f64 = 5e-4;

/// Samples of all channels that the product decodes per packet.
const PACKET: usize = 2 * 8192;

const CASES: [&str; 12] = [
    "product",
    "detector",
    "features_A",
    "features_C",
    "ltc_157",
    "ltc_500",
    "block_157",
    "block_500",
    "epoch_held",
    "epoch_recomputed",
    "epoch_gru",
    "epoch_cfc",
];

/// The measured function, called repeatedly; returns its result.
type Call = Box<dyn FnMut() -> Vec<f64>>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: project FOLDER")?);
    // On a thread of the pool, as in `trainer`: from outside, each batch would wake it up and wait.
    let answered = ThreadPoolBuilder::new().build()?.install(|| answer(&folder).map_err(|error| error.to_string()));
    Ok(answered?)
}

/// Answers until there are no more requests.
fn answer(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join("ltc.onnx"), model())?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", json!({ "versions": { "moodline": env!("CARGO_PKG_VERSION") }, "cases": CASES }))?;
    let mut ready: HashMap<String, Call> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (name, seconds) = line.split_once(' ').ok_or("expected: case seconds")?;
        let mut result = None;
        if !ready.contains_key(name) {
            let mut call = prepare(folder, name)?;
            result = Some(call());
            ready.insert(name.to_owned(), call);
        }
        // INVARIANT: inserted above.
        let call = ready.get_mut(name).expect("the case is prepared");
        let milliseconds = measure(call, Duration::from_secs_f64(seconds.parse()?));
        writeln!(output, "{}", json!({ "milliseconds": milliseconds, "result": result }))?;
        output.flush()?;
    }
    Ok(())
}

/// Median milliseconds of a call, repeated for about `duration` after one call to warm up caches.
fn measure(call: &mut Call, duration: Duration) -> f64 {
    call();
    let mut times = vec![];
    let end = Instant::now() + duration;
    while times.is_empty() || Instant::now() < end {
        let start = Instant::now();
        std::hint::black_box(call());
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    let median = if times.len().is_multiple_of(2) { (times[middle - 1] + times[middle]) / 2.0 } else { times[middle] };
    1000.0 * median
}

fn prepare(folder: &Path, case: &str) -> Result<Call, Box<dyn Error>> {
    let call = match case {
        "product" => product(folder)?,
        "detector" => detector(folder)?,
        "features_A" => features(folder, FrontEndConfig::librosa_16k())?,
        "features_C" => features(folder, FrontEndConfig::speech_25_10())?,
        "ltc_157" => inference(folder, 157)?,
        "ltc_500" => inference(folder, 500)?,
        "block_157" => block(folder, FrontEndConfig::librosa_16k(), 157)?,
        "block_500" => block(folder, FrontEndConfig::speech_25_10(), 500)?,
        "epoch_held" => epoch(config(Reading::Held)),
        "epoch_recomputed" => epoch(config(Reading::Recomputed)),
        "epoch_gru" => epoch(of_64_units(CellConfig::Gru)),
        "epoch_cfc" => epoch(of_64_units(CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: None }))),
        other => return Err(format!("unknown case {other}").into()),
    };
    Ok(call)
}

/// Everything the command does with 5 s of 48 kHz stereo after decoding: the answer of the embedded model.
fn product(folder: &Path) -> Result<Call, Box<dyn Error>> {
    let stereo = floats(&folder.join("stereo.f32"))?;
    let config = AnalysisConfig::default();
    let mut voices = Voices::new(&Model::embedded(), BackendChoice::Native, FileSource::default(), (48_000, 2), config)?;
    Ok(Box::new(move || {
        let mut answers = vec![];
        let mut keep = |found: Found| {
            if let State::Speech(probabilities) = found.segment.state {
                answers.extend(Emotion::ALL.map(|emotion| f64::from(probabilities.of(emotion))));
            }
        };
        for packet in stereo.chunks(PACKET) {
            voices.push(packet, &mut keep).expect("speech is finite");
        }
        voices.finish(&mut keep).expect("speech is finite");
        assert_eq!(answers.len(), Emotion::COUNT, "a block of speech");
        answers
    }))
}

/// The speech detector alone, at its own rate.
fn detector(folder: &Path) -> Result<Call, Box<dyn Error>> {
    let speech = floats(&folder.join("speech.f32"))?;
    let mut detector = SpeechDetector::new(&SpeechModel::embedded(), 16_000, GateConfig::default(), 5.0)?;
    Ok(Box::new(move || {
        detector.reset();
        detector.push(&speech).expect("speech is finite");
        detector.finish().expect("speech is finite");
        detector.steps_between(0.0, 5.0).iter().map(|step| f64::from(step.probability)).collect()
    }))
}

/// 5 s of speech through the product's streaming front end.
fn features(folder: &Path, config: FrontEndConfig) -> Result<Call, Box<dyn Error>> {
    let speech = floats(&folder.join("speech.f32"))?;
    let mut front_end = FrontEnd::<f32>::new(&config)?;
    let mut steps: Vec<f32> = vec![];
    Ok(Box::new(move || {
        analyse(&mut front_end, &speech, &mut steps);
        steps.iter().map(|&value| f64::from(value)).collect()
    }))
}

fn inference(folder: &Path, frames: usize) -> Result<Call, Box<dyn Error>> {
    let features = floats(&folder.join(format!("features_{frames}.f32")))?;
    let mut kernel =
        NetworkKernel::new(&config(Reading::Recomputed), &weights(&standard(vec![0.0; N_FEATURES], vec![1.0; N_FEATURES])));
    Ok(Box::new(move || classify(&mut kernel, &features)))
}

/// From samples to probabilities.
fn block(folder: &Path, front_end: FrontEndConfig, frames: usize) -> Result<Call, Box<dyn Error>> {
    let speech = floats(&folder.join("speech.f32"))?;
    let scaler: Vec<f64> = floats(&folder.join(format!("scaler_{frames}.f32")))?.into_iter().map(f64::from).collect();
    let (mean, scale) = scaler.split_at(N_FEATURES);
    let mut kernel = NetworkKernel::new(&config(Reading::Recomputed), &weights(&standard(mean.to_vec(), scale.to_vec())));
    let mut front_end = FrontEnd::<f32>::new(&front_end)?;
    let mut steps = vec![];
    Ok(Box::new(move || {
        analyse(&mut front_end, &speech, &mut steps);
        classify(&mut kernel, &steps[..frames * N_FEATURES])
    }))
}

fn analyse(front_end: &mut FrontEnd<f32>, speech: &[f32], steps: &mut Vec<f32>) {
    steps.clear();
    front_end.push(speech, &mut |step| steps.extend_from_slice(step)).expect("speech is finite");
    front_end.finish(&mut |step| steps.extend_from_slice(step));
}

fn classify(kernel: &mut NetworkKernel, features: &[f32]) -> Vec<f64> {
    let mut state = vec![0.0; 16];
    let probabilities = Probabilities::softmax(kernel.run(features, &mut state)).expect("the logits are finite");
    Emotion::ALL.iter().map(|&emotion| f64::from(probabilities.of(emotion))).collect()
}

/// One pass over random sequences in batches, each followed by an update.
fn epoch(config: NetworkConfig) -> Call {
    let mut state = 1_u64;
    // A linear congruential generator is random enough: the time does not depend on what is learnt.
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let sequences = Array3::from_shape_simple_fn((N_SEQUENCES, N_FRAMES, N_FEATURES), || 3.4 * (uniform() - 0.5));
    let labels: Vec<usize> = (0..N_SEQUENCES).map(|_| (4.0 * uniform()) as usize).collect();
    let mut network = Network::<f32>::init(config, N_FEATURES, None, &mut ChaCha8Rng::seed_from_u64(1));
    let mut adam = Optimiser::new(OptimiserConfig::Adam, AdamConfig::default(), &network.parameters);
    let mut epoch = move || {
        let views: Vec<_> = sequences.axis_iter(Axis(0)).collect();
        for (sequences, labels) in views.chunks(BATCH).zip(labels.chunks(BATCH)) {
            let batch = Batch {
                sequences: sequences.to_vec(),
                labels,
                class_weights: [1.0; Emotion::COUNT],
                loss: LossConfig::CrossEntropy,
                dropout: Dropout::default(),
                mixed: &[],
            };
            let outcome = network.loss_and_gradients(&batch, L2).expect("the batch is valid");
            adam.update(&mut network.parameters, &outcome.gradients, LEARNING_RATE);
        }
    };
    Box::new(move || {
        with_awake_helpers(BATCH.div_ceil(LANES) - 1, &mut epoch);
        vec![]
    })
}

fn config(reading: Reading) -> NetworkConfig {
    let cell = PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled };
    NetworkConfig { units: 16, layers: 1, pooling: Pooling::Last, cell: CellConfig::PaperLtc(cell) }
}

fn of_64_units(cell: CellConfig) -> NetworkConfig {
    NetworkConfig { units: 64, layers: 1, pooling: Pooling::Last, cell }
}

fn standard(mean: Vec<f64>, scale: Vec<f64>) -> Normalisation {
    Normalisation::Standard { mean, scale }
}

/// Weights of an untrained network; only their number affects the time.
fn weights(normalisation: &Normalisation) -> Tensors<f32> {
    let config = config(Reading::Recomputed);
    let mut parameters: Tensors<f64> =
        initial_parameters(&config, N_FEATURES, Some(TauInit::Ones), &mut ChaCha8Rng::seed_from_u64(1));
    for (name, low, high) in [("layer0.tau", -3.0, 1.0), ("layer0.c", 0.5, 1.0), ("layer0.g", 1.0, 1.1)] {
        parameters.vector_mut(name).assign(&Array1::linspace(low, high, config.units));
    }
    config.fold(&parameters, normalisation)
}

/// The ONNX file that the peers read.
fn model() -> Vec<u8> {
    let normalisation = standard(vec![0.0; N_FEATURES], vec![1.0; N_FEATURES]);
    let contract = Contract {
        version: CONTRACT_VERSION,
        id: "bench".into(),
        front_end: FrontEndConfig::librosa_16k(),
        normalisation: normalisation.clone(),
        labels: Emotion::ALL.to_vec(),
        block_seconds: 5.0,
        padding: Padding::None,
        state: StatePolicy::ResetEachBlock,
        networks: config(Reading::Recomputed).into(),
        voice: None,
        familiarity: None,
        certainty: None,
        training: TrainingRecord {
            corpora: vec![],
            protocol: "not trained".into(),
            seed: 1,
            epoch: 1,
            config_sha256: "0".repeat(64),
            further_runs: Vec::new(),
        },
        licence: "MIT OR Apache-2.0".into(),
        metrics: Default::default(),
    };
    onnx::write(&contract, &weights(&normalisation))
}

fn floats(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // INVARIANT: each chunk has four bytes.
    Ok(bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four bytes"))).collect())
}
