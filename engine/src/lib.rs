//! The emotion of a voice over time: audio in, segments with emotions out.
//!
//! In: audio files, or the audio of a host, and a model. Out: [`Segment`]s, the timeline on which they are recorded, and the text formats to which they are
//! exported. This crate is independent of plugin APIs and user interfaces.
//!
//! - [`file_analysis`] analyses a whole file; [`decode`] reads it, [`export`] writes the results.
//! - An [`Analyser`] turns any stream of mono samples into segments, [`voices`] does so for several channels; a [`Classifier`] runs its [`Model`].
//! - [`live`] does the same for the audio of a real-time thread, and records a [`timeline`].
//!
//! # From a file to segments
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use moodline_engine::file_analysis::analyse_file;
//! use moodline_engine::{AnalysisConfig, BackendChoice, Model};
//!
//! # // Three seconds of silence, 16 kHz, 16 bits.
//! # let n_bytes = 2 * 3 * 16_000_u32;
//! # let format = [b"WAVEfmt \x10\0\0\0\x01\0\x01\0".as_slice(), &16_000_u32.to_le_bytes(), &32_000_u32.to_le_bytes(), b"\x02\0\x10\0data"].concat();
//! # let header = [b"RIFF".as_slice(), &(36 + n_bytes).to_le_bytes(), &format, &n_bytes.to_le_bytes()].concat();
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("voice.wav");
//! # std::fs::write(&path, [header, vec![0; n_bytes as usize]].concat())?;
//! let config = AnalysisConfig { window_seconds: 2.0, hop_seconds: 1.0, ..AnalysisConfig::default() };
//! let analysis = analyse_file(&path, &Model::embedded(), BackendChoice::Native, config, |_| ControlFlow::Continue(()))?;
//! for segment in &analysis.results.voices[0].segments {
//!     println!("{:.1} s to {:.1} s: {}", segment.start_s, segment.end_s, segment.label());
//! }
//! # assert_eq!(analysis.results.voices[0].segments.iter().map(|segment| segment.label()).collect::<Vec<_>>(), ["no speech", "no speech"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # From the bytes of a model to probabilities
//!
//! ```
//! use moodline_engine::{Analyser, AnalysisConfig, BackendChoice, Classifier, Model};
//!
//! # let bytes = Model::embedded().bytes().to_vec();
//! # let samples = (0..48_000).map(|n| (n as f32 * 0.05).sin()).collect::<Vec<_>>();
//! let model = Model::from_bytes(bytes)?;
//! let classifier = Classifier::new(&model, BackendChoice::Native)?;
//! // The network runs for every block, whether it contains speech or not.
//! let config = AnalysisConfig { window_seconds: 3.0, hop_seconds: 3.0, gate: None, ..AnalysisConfig::default() };
//! let mut analyser = Analyser::new(&model, classifier, 16_000, config)?;
//! let mut found = Vec::new();
//! let mut keep = |segment, _latency| found.push(segment);
//! analyser.push(&samples, &mut keep)?;
//! analyser.finish(&mut keep)?;
//! let probabilities = found[0].answer().expect("without a gate the network is asked about every block");
//! println!("{} with {:.0} %", probabilities.winner(), 100.0 * probabilities.of(probabilities.winner()));
//! # assert_eq!(found.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A live stream on a thread of its own
//!
//! ```
//! use std::thread;
//! use std::time::Duration;
//!
//! use moodline_engine::live::{Live, Settings, Source, StreamFormat, Transport};
//! use moodline_engine::timeline::Clock;
//!
//! let mut live = Live::new(Settings::default, || {});
//! let mut tap = live.connect(StreamFormat { sample_rate: 48_000, offline: false });
//! // `push` neither allocates, locks nor waits: it may be called by the thread of a sound card.
//! thread::spawn(move || (0..100).for_each(|_| tap.push(&[&[0.0; 480]], Source::Mix, Transport::None))).join().unwrap();
//! // The tap is dropped, so the stream has ended.
//! # // The model is read in the background, and settling does not wait for it.
//! while !live.control().settle(Duration::from_secs(10)) {}
//! let entries = live.monitor().with_timeline(Clock::Stream, |timeline| timeline.entries().to_vec());
//! # assert!(!entries.is_empty() && entries.iter().all(|entry| entry.label() == "no speech"));
//! ```
//!
//! The same examples as programs: `wav_to_segments`, `model_bytes_to_probabilities` and `live_stream` in `examples/`.

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod analysis;
mod block;
pub mod classifier;
pub mod decode;
pub mod display;
pub mod export;
pub mod features;
pub mod file_analysis;
#[doc(hidden)] // For Moodline's own programs, whose rules do not apply to others.
pub mod files;
pub mod live;
pub mod marks;
pub mod model;
#[doc(hidden)] // For Moodline's own programs.
pub mod panics;
mod remote;
pub mod segment;
pub mod source;
pub mod speech;
#[cfg(feature = "stop")]
#[doc(hidden)] // For Moodline's own programs.
pub mod stop;
#[doc(hidden)] // For Moodline's own programs.
pub mod tables;
pub mod timeline;
pub mod voice;
pub mod voices;

pub use analysis::{Analyser, AnalysisConfig, AnalysisError};
pub use classifier::{Backend, BackendChoice, Classifier, ClassifierError};
pub use model::{Model, OpenModelError};
pub use segment::{GapReason, Latency, Segment, State};
pub use speech::{GateConfig, SpeechDetector, SpeechModel};
