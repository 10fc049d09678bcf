//! From the bytes of a model and the samples of one block to four probabilities.
//!
//! `cargo run --release -p moodline-engine --example model_bytes_to_probabilities -- model.onnx voice.wav`

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use moodline_core::Emotion;
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::{Analyser, AnalysisConfig, BackendChoice, Classifier, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(audio)) = (arguments.next(), arguments.next()) else {
        return Err("expected the path of a model and the path of an audio file".into());
    };
    let model = Model::from_bytes(fs::read(model)?)?;
    let contract = model.contract();
    let sample_rate = contract.front_end.sample_rate;
    let samples = read_mono_resampled(&audio, sample_rate)?;

    // One block of the length used in training, whatever it contains.
    let seconds = contract.block_seconds;
    let config = AnalysisConfig { window_seconds: seconds, hop_seconds: seconds, gate: None, ..AnalysisConfig::default() };
    let classifier = Classifier::new(&model, BackendChoice::Native)?;
    let mut analyser = Analyser::new(&model, classifier, sample_rate, config)?;
    let n_block = (seconds * f64::from(sample_rate)) as usize;
    let mut answer = None;
    let mut keep = |segment: moodline_engine::Segment, _| answer = answer.or_else(|| segment.probabilities().copied());
    analyser.push(&samples[..n_block.min(samples.len())], &mut keep)?;
    analyser.finish(&mut keep)?;

    let probabilities = answer.ok_or("the file is too short for a single step of the network")?;
    for emotion in Emotion::ALL {
        println!("{:<8} {:.4}", emotion.name(), probabilities.of(emotion));
    }
    Ok(())
}
