//! From an audio file to segments, with the built-in model.
//!
//! `cargo run --release -p moodline-engine --example wav_to_segments -- voice.wav`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

use moodline_engine::file_analysis::analyse_file;
use moodline_engine::{AnalysisConfig, BackendChoice, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("expected the path of an audio file")?;
    let config = AnalysisConfig { window_seconds: 2.0, hop_seconds: 1.0, ..AnalysisConfig::default() };
    let analysis = analyse_file(&path, &Model::embedded(), BackendChoice::Auto, config, |progress| {
        eprintln!("{:.0} % read", 100.0 * progress.share);
        ControlFlow::Continue(())
    })?;
    for warning in &analysis.warnings {
        eprintln!("{warning}");
    }
    for segment in &analysis.results.voices[0].segments {
        let probability = segment.probabilities().map_or(0.0, |probabilities| probabilities.of(probabilities.winner()));
        println!("{:7.2} s to {:7.2} s  {:<10} {:3.0} %", segment.start_s, segment.end_s, segment.label(), 100.0 * probability);
    }
    Ok(())
}
