//! The speech detector, from clips, times and sounds to a measured model, through the command.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use moodline_engine::SpeechModel;
use moodline_engine::decode::read_mono_resampled;
use tempfile::TempDir;
use test_support::repository;
use tests_train::workplace;
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::manifest::{Manifest, Splits};
use trainer::train::speech::SpeechConfig;

const RATE: u32 = 16_000;

/// The shipped recipe, reduced to take seconds, for sounds of the kinds `bell` and `hiss`.
fn small_recipe() -> String {
    let path = repository().join("trainer/configs/speech-2.toml");
    let mut recipe: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let changes = r#"
        network = { units = 6 }
        training = { epochs = 2, scenes = 3, epochs_of_scenes = 1, dev_scenes = 2, batch_size = 2 }
        scenes = { seconds = 2.0, kinds = { bell = "music", hiss = "other" }, licences = ["CC0"] }
    "#;
    for (section, values) in toml::from_str::<toml::Table>(changes).unwrap() {
        let section = recipe[&section].as_table_mut().unwrap();
        values.as_table().unwrap().iter().for_each(|(key, value)| {
            section.insert(key.clone(), value.clone());
        });
    }
    toml::to_string(&recipe).unwrap()
}

/// A [`workplace`] with the recipe, speech times that exclude the first and last tenth of each clip, and tables of sounds.
fn place() -> TempDir {
    let place = workplace(&[]);
    fs::write(place.path().join("recipe.toml"), small_recipe()).unwrap();
    let manifest = Manifest::read(&[place.path().join("corpus.csv")], Splits::Required).unwrap();
    let mut times = "path,start_s,end_s\n".to_owned();
    for utterance in &manifest.utterances {
        let seconds = read_mono_resampled(&utterance.path, RATE).unwrap().len() as f64 / f64::from(RATE);
        writeln!(times, "{},{:.3},{:.3}", utterance.name, 0.1 * seconds, 0.9 * seconds).unwrap();
    }
    fs::write(place.path().join("times.csv"), times).unwrap();
    let mut sounds = "path,kind,licence,source\n".to_owned();
    // Enough that some are in the dev split, whichever they are.
    for number in 0..40 {
        let (kind, hz) = if number % 2 == 0 { ("bell", 300.0) } else { ("hiss", 6000.0) };
        let samples =
            (0..RATE).map(|n| (n as f32 * hz / RATE as f32 * std::f32::consts::TAU).sin() * (1.0 - n as f32 / RATE as f32));
        write_wav(&place.path().join(format!("{number}.wav")), samples);
        writeln!(sounds, "{number}.wav,{kind},CC0,here").unwrap();
    }
    sounds += "missing.wav,bell,all rights reserved,elsewhere\nmissing.wav,drum,CC0,elsewhere\n";
    fs::write(place.path().join("sounds.csv"), sounds).unwrap();
    place
}

fn write_wav(path: &Path, samples: impl Iterator<Item = f32>) {
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.for_each(|sample| writer.write_sample((sample * 20_000.0) as i16).unwrap());
    writer.finalize().unwrap();
}

/// Runs `trainer speech` with these arguments, in which `@` is replaced by the place.
fn speech(place: &TempDir, arguments: &str) -> ExitCode {
    let folder = place.path().display().to_string();
    let arguments = arguments.split_whitespace().map(|argument| OsString::from(argument.replace('@', &folder)));
    let all = ["trainer", "speech"].into_iter().map(OsString::from).chain(arguments);
    trainer::cli::run(all, Progress::Silent, &Interrupt::default())
}

const TRAIN: &str = "train --config @/recipe.toml --manifest @/corpus.csv --times @/times.csv --sounds @/sounds.csv --out";

#[test]
fn a_detector_is_trained_and_measured_and_the_same_seed_gives_the_same_file_on_any_number_of_threads() {
    let place = place();
    assert_eq!(speech(&place, &format!("{TRAIN} @/a --threads 1")), ExitCode::SUCCESS);
    assert_eq!(speech(&place, &format!("{TRAIN} @/b --threads 3")), ExitCode::SUCCESS);
    let read = |name: &str| fs::read(place.path().join(name)).unwrap();
    for name in ["model.onnx", "train.toml", "epochs.csv", "sounds.csv"] {
        assert_eq!(read(&format!("a/{name}")), read(&format!("b/{name}")), "{name}");
    }
    let model = SpeechModel::from_bytes(&read("a/model.onnx")).unwrap();
    let contract = model.contract();
    assert_eq!((contract.network.units, contract.training.corpora.len()), (6, 1));
    assert_eq!((contract.training.corpora[0].n_utterances, contract.training.corpora[0].n_speakers), (8, 2));
    let sounds = String::from_utf8(read("a/sounds.csv")).unwrap();
    assert!(sounds.starts_with("kind,licence,source,recordings\nbell,CC0,here,") && sounds.lines().count() == 3, "{sounds}");

    // The labels themselves as a peer, which finds everything.
    fs::write(place.path().join("peer.json"), r#"{"name": "labels", "ms_per_5_s": 1.0}"#).unwrap();
    let hisses: String = (0..40).map(|number| format!("{number}.wav,,\n")).collect();
    fs::write(place.path().join("peer.csv"), String::from_utf8(read("times.csv")).unwrap() + &hisses + "missing.wav,,\n")
        .unwrap();
    let free: String = String::from_utf8(read("sounds.csv"))
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("missing"))
        .fold(String::new(), |text, line| text + line + "\n");
    fs::write(place.path().join("free.csv"), free).unwrap();
    let evaluate =
        "evaluate @/a --sounds @/free.csv --labelled @/corpus.csv --labels @/times.csv --manifest @/corpus.csv --peer @/peer.csv";
    assert_eq!(speech(&place, evaluate), ExitCode::SUCCESS);
    let metrics: serde_json::Value = serde_json::from_slice(&read("a/metrics.json")).unwrap();
    assert_eq!(metrics["fingerprint"], model.fingerprint());
    let peer = &metrics["detectors"][1];
    assert_eq!((&peer["name"], &peer["labelled"]["onset_error_s"]), (&"labels".into(), &0.0.into()));
    assert_eq!(peer["labelled"]["speech"]["n"], peer["labelled"]["speech"]["speech"]);
    assert_eq!((&peer["clips"]["emodb"]["n"], &peer["clips"]["emodb"]["speech"]), (&16.into(), &16.into()));
    assert_eq!((&peer["sounds"]["hiss"]["n"], &peer["sounds"]["hiss"]["speech"]), (&20.into(), &0.into()));
    let card = String::from_utf8(read("a/MODEL_CARD.md")).unwrap();
    assert!(card.contains(model.fingerprint()) && card.contains("| bell | music |") && card.contains("labels"), "{card}");
    assert!(!card.contains("Free speech"), "{card}");

    let spoken = "kind,licence,source,recordings\nde,GPL-2,game 1,30\nfr,GPL-2,game 1,12\n";
    fs::write(place.path().join("a/speech.csv"), spoken).unwrap();
    assert_eq!(speech(&place, &format!("{evaluate} --force")), ExitCode::SUCCESS);
    let card = String::from_utf8(read("a/MODEL_CARD.md")).unwrap();
    assert!(card.contains("42 recordings in 2 languages") && card.contains("Licences: GPL-2."), "{card}");
}

#[test]
fn what_is_missing_is_named() {
    let place = place();
    fs::write(place.path().join("times.csv"), "path,start_s,end_s\n").unwrap();
    assert_ne!(speech(&place, &format!("{TRAIN} @/a")), ExitCode::SUCCESS);
    assert!(!place.path().join("a").exists(), "nothing was written");
    let parse = |from: &str, to: &str| {
        let text = small_recipe();
        assert!(text.contains(from), "{from} in {text}");
        SpeechConfig::parse("recipe.toml", &text.replace(from, to)).unwrap_err().to_string()
    };
    for (from, to, expected) in [
        ("hiss = \"other\"", "hiss = \"speech\"", "scenes.kinds must be voice, music or other"),
        ("onset = 0", "onset = 2", "detection.onset must be above 0 and below 1"),
        ("epochs = 2", "epochs = 0", "training.epochs must be 1..=1000000"),
        ("copies = 1", "copies = 2", "scenes.recording.copies must be 1"),
        ("delay_steps", "delay", "delay"),
    ] {
        let message = parse(from, to);
        assert!(message.contains(expected), "{message}");
    }
}
