//! The models as seen by other tools: onnx.checker, and ONNX Runtime called from Python.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use moodline_core::contract::Normalisation;
use moodline_core::network::{NetworkConfig, NetworkKernel, Pooling};
use moodline_core::{Emotion, Probabilities};
use moodline_engine::{BackendChoice, Classifier, Model, SpeechModel};
use serde_json::{Value, json};
use test_support::networks::{cells, model};
use test_support::{hosts, repository, tests_file};

/// Maximum difference between two implementations of the same network in f32.
const TOLERANCE: f64 = 1e-5;

/// The published models, and one for every cell, cycling through poolings and numbers of layers.
fn models(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(repository().join("models")).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<_> = folders.map(|folder| folder.join("model.onnx")).filter(|path| path.is_file()).collect();
    models.sort();
    assert!(!models.is_empty(), "there is a model");
    let poolings = [Pooling::Attention, Pooling::MeanDeviation, Pooling::Last, Pooling::Mean];
    for (index, cell) in cells().into_iter().enumerate() {
        let path = folder.join(format!("{index}.onnx"));
        let network = NetworkConfig { layers: 1 + index % 3, pooling: poolings[index % 4], units: 17, cell };
        fs::write(&path, model(&network, index as u64).bytes()).unwrap();
        models.push(path);
    }
    models
}

/// Features of about the same magnitude as the model's training data, different at every step.
fn block(normalisation: &Normalisation, n_steps: usize) -> Vec<Vec<f32>> {
    let Normalisation::Standard { mean, scale } = normalisation;
    let value = |step: usize, feature: usize| mean[feature] + scale[feature] * (1.3 * step as f64 + 0.7 * feature as f64).sin();
    (0..n_steps).map(|step| (0..mean.len()).map(|feature| value(step, feature) as f32).collect()).collect()
}

fn ask_python(python: &Path, model: &Path, block: &[Vec<f32>]) -> Value {
    let mut command = Command::new(python);
    command.arg(tests_file("python/check_onnx.py")).arg(model);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!({ "features": block }).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{} was refused; the reason is above", model.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A speech detector answers at every step.
fn check_detector(python: &Path, path: &Path, detector: &SpeechModel) {
    let contract = detector.contract();
    let block = block(&contract.normalisation, 50);
    let answer = ask_python(python, path, &block);
    let mut kernel = NetworkKernel::new(&contract.network, detector.weights());
    let (mut state, mut step) = (vec![0.0; contract.network.state_size()], 0);
    kernel.run_each(&block.concat(), &mut state, &mut |logits| {
        let ours = Probabilities::softmax(logits).unwrap();
        for theirs in [&answer["whole"][step], &answer["batched"][0][step], &answer["batched"][1][step]] {
            for (ours, theirs) in ours.as_array().iter().zip(theirs.as_array().unwrap()) {
                let (ours, theirs) = (f64::from(*ours), theirs.as_f64().unwrap());
                assert!((ours - theirs).abs() <= TOLERANCE, "{}, step {step}: {ours} and {theirs}", path.display());
            }
        }
        step += 1;
    });
    assert_eq!(step, block.len());
}

#[test]
fn onnx_checker_and_python_onnxruntime_accept_every_model_and_agree_with_the_native_kernel() {
    let Some(python) = hosts::python("numpy, onnx, onnxruntime") else { return };
    let folder = tempfile::tempdir().unwrap();
    for path in models(folder.path()) {
        if let Ok(detector) = SpeechModel::open(&path) {
            check_detector(&python, &path, &detector);
            continue;
        }
        let model = Model::open(&path).unwrap();
        let block = block(&model.contract().normalisation, 50);
        let answer = ask_python(&python, &path, &block);
        let mut native = Classifier::new(&model, BackendChoice::Native).unwrap();
        let ours = native.classify(&block.concat(), block.len()).unwrap();
        let labels: &[Emotion] = &model.contract().labels;
        let mut answers = vec![&answer["whole"], &answer["batched"][0], &answer["batched"][1]];
        if model.contract().networks.members()[0].pooling == Pooling::Last {
            // The other poolings only cover the steps of one call.
            answers.push(&answer["chunked"]);
        }
        for theirs in answers {
            for (index, &label) in labels.iter().enumerate() {
                let (ours, theirs) = (f64::from(ours.of(label)), theirs[index].as_f64().unwrap());
                assert!((ours - theirs).abs() <= TOLERANCE, "{}, {label}: {ours} and {theirs}", path.display());
            }
        }
    }
}
