//! The life of a run on small real clips: determinism, interruption and resumption, refusals, full disks, export and evaluation.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use moodline_core::network::Tensors;
use moodline_engine::{BackendChoice, Model};
use test_support::skip::skip;
use tests_train::{options, run, workplace};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::dataset::Dataset;
use trainer::data::manifest::{Manifest, Split, Splits};
use trainer::measure::evaluate::History;
use trainer::measure::evaluate::evaluate;
use trainer::train::checkpoint::Checkpoint;
use trainer::train::export::{OnnxRuntimeLeg, TOLERANCE, export};
use trainer::train::run::folder::{RunFolder, RunFolderError};
use trainer::train::run::{RunError, TrainOptions, TrainedRun};
use trainer::train::trainer::Trainer;

mod command;

fn last(options: &TrainOptions) -> Checkpoint {
    Checkpoint::read(&RunFolder::open(&options.out).unwrap().last_checkpoint()).unwrap()
}

/// Every bit of the parameters.
fn bits(parameters: &Tensors<f32>) -> Vec<u32> {
    parameters.iter().flat_map(|tensor| &tensor.values).map(|value| value.to_bits()).collect()
}

/// Every bit that determines how a run continues.
fn state_bits(checkpoint: &Checkpoint) -> Vec<Vec<u32>> {
    let [first, second] = &checkpoint.moments;
    let average = checkpoint.average.as_ref().unwrap_or(&checkpoint.weights);
    [&checkpoint.weights, first, second, average, &checkpoint.best_weights].map(bits).to_vec()
}

#[test]
fn one_two_and_three_threads_give_the_same_bits_and_another_seed_others() {
    let place = workplace(&[]);
    let with_threads = |threads: usize, seed: &str| {
        let options = options(&place, &format!("run-{threads}-{seed}"), &[&format!("training.seed={seed}")]);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| run(&options)).unwrap();
        state_bits(&last(&options))
    };
    let one = with_threads(1, "7");
    assert_eq!(one, with_threads(2, "7"));
    assert_eq!(one, with_threads(3, "7"));
    assert_ne!(one, with_threads(1, "8"));
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let place = workplace(&[]);
    let recipes: [&[&str]; 5] = [
        &[],
        &["training.schedule={kind=\"plateau\", learning_rate=0.01, patience=1, min_delta=10.0}"],
        &[
            "training.schedule={kind=\"cosine\", learning_rate=0.01, warm_up=0.2}",
            "training.optimiser={kind=\"adam_w\", weight_decay=0.01}",
            "training.loss={kind=\"label_smoothing\", epsilon=0.1}",
            "training.oversample=true",
            "training.average=0.9",
        ],
        &["training.optimiser={kind=\"sgd\", momentum=0.9, nesterov=true}", "training.loss={kind=\"focal\", gamma=2.0}"],
        &[
            "network.units=8",
            "network.layers=2",
            "network.pooling=attention",
            "network.cell={kind=\"liquid_gate\"}",
            "initialisation.tau=",
            "training.input_dropout=0.2",
            "training.dropout=0.3",
        ],
    ];
    for (name, choices) in recipes.into_iter().enumerate() {
        let recipe: Vec<&str> = ["training.epochs=6"].into_iter().chain(choices.iter().copied()).collect();
        let straight = options(&place, &format!("straight-{name}"), &recipe);
        run(&straight).unwrap();

        let mut broken = options(&place, &format!("broken-{name}"), &recipe);
        for expected_epochs in 1..6 {
            let outcome = interrupt_after_next_epoch(&broken);
            assert!(outcome.interrupted, "after epoch {expected_epochs}");
            assert_eq!(outcome.history.len(), expected_epochs);
            broken.resume = true;
        }
        assert!(!run(&broken).unwrap().interrupted);
        assert_eq!(state_bits(&last(&straight)), state_bits(&last(&broken)), "{recipe:?}");
        let lines = |options: &TrainOptions, file: &str| fs::read_to_string(options.out.join(file)).unwrap().lines().count();
        assert_eq!((lines(&broken, "metrics.csv"), lines(&broken, "metrics.jsonl")), (7, 6));
        assert_eq!(lines(&straight, "metrics.csv"), 7);
    }
}

/// Runs until one more epoch is saved.
fn interrupt_after_next_epoch(options: &TrainOptions) -> TrainedRun {
    let interrupt = Interrupt::default();
    trainer::train::run::train_watched(options, Progress::Silent, &interrupt, &mut |_| interrupt.request()).unwrap()
}

#[test]
fn an_epoch_broken_off_is_run_again_from_the_last_checkpoint() {
    let place = workplace(&[]);
    let options = options(&place, "run", &[]);
    let manifest = Manifest::read(&options.manifests, Splits::Required).unwrap();
    let dataset =
        Dataset::load(&manifest, &options.config.data(), None, Progress::Silent, &Interrupt::default()).unwrap().dataset;
    let finish = |mut trainer: Trainer<'_>| {
        while !trainer.finished() {
            assert!(trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap().is_some());
        }
        state_bits(&trainer.checkpoint())
    };
    let mut trainer = Trainer::new(&options.config, &dataset);
    trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap();
    let checkpoint = trainer.checkpoint();
    assert_eq!(trainer.epoch(&mut |_| ControlFlow::Break(())).unwrap(), None);
    let resumed = Trainer::resume(&options.config, &dataset, checkpoint).unwrap();
    assert_eq!(finish(resumed), finish(Trainer::new(&options.config, &dataset)));
}

#[test]
fn a_finished_run_stays_as_it_is() {
    let place = workplace(&[]);
    let mut options = options(&place, "run", &["training.epochs=1"]);
    run(&options).unwrap();
    let checkpoint = RunFolder::open(&options.out).unwrap().last_checkpoint();
    let before = fs::read(&checkpoint).unwrap();
    options.resume = true;
    assert_eq!(run(&options).unwrap().history.len(), 1);
    assert_eq!(before, fs::read(&checkpoint).unwrap());
}

#[test]
fn a_used_folder_another_configuration_and_other_manifests_are_refused() {
    let place = workplace(&[]);
    let first = options(&place, "run", &["training.epochs=1"]);
    run(&first).unwrap();
    assert!(matches!(run(&first), Err(RunError::Folder(RunFolderError::NotEmpty { .. }))));

    let mut changed = options(&place, "run", &["training.epochs=1", "network.units=8"]);
    changed.resume = true;
    let message = run(&changed).unwrap_err().to_string();
    assert!(message.contains("network.units expected 16, found 8"), "{message}");

    let mut other = first.clone();
    other.resume = true;
    other.manifests = vec![workplace(&[]).keep().join("corpus.csv")];
    run(&other).unwrap();
    let text = fs::read_to_string(&other.manifests[0]).unwrap();
    fs::write(&other.manifests[0], text.replacen(",train", ",dev", 4)).unwrap();
    assert!(matches!(run(&other), Err(RunError::Folder(RunFolderError::ManifestsChanged { .. }))));
    fs::remove_dir_all(other.manifests[0].parent().unwrap()).unwrap();

    let mut nowhere = options(&place, "nowhere", &[]);
    nowhere.resume = true;
    let message = run(&nowhere).unwrap_err().to_string();
    assert!(message.contains("holds no run"), "{message}");
    assert!(!nowhere.out.exists());
}

#[test]
fn bad_clips_are_named_together_and_left_out_until_a_class_is_empty() {
    let bad =
        [("noise.wav", "no audio".as_bytes().to_vec()), ("short.wav", wav(&[0.5; 100])), ("silent.wav", wav(&[0.0; 16_000]))];
    let names = bad.iter().map(|(name, _)| *name).chain(["gone.wav"]);
    let lines: Vec<String> = names.map(|name| format!("{name},emodb,emodb:03,sad,train")).collect();
    let place = workplace(&lines);
    for (name, bytes) in &bad {
        fs::write(place.path().join(name), bytes).unwrap();
    }
    let options = options(&place, "run", &["training.epochs=1"]);
    let problems = run(&options).unwrap().problems.to_string();
    for expected in [
        "4 clips were left out",
        "gone.wav: ",
        "noise.wav",
        "short.wav: expected at least 0.1 s of audio, found 0.006",
        "silent.wav: the clip is silent",
    ] {
        assert!(problems.contains(expected), "{problems}");
    }

    // Without the real sad clips to train on, only these four remain.
    let manifest = &options.manifests[0];
    let text = fs::read_to_string(manifest).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !(line.contains("sad,train") && line.contains(".flac"))).collect();
    fs::write(manifest, kept.join("\n")).unwrap();
    let second = TrainOptions { out: place.path().join("second"), ..options };
    let message = run(&second).unwrap_err().to_string();
    assert!(message.contains("no usable clip of sad") && message.contains("silent.wav"), "{message}");
    assert!(!second.out.exists(), "a run that cannot start leaves nothing behind");
}

/// A 16-bit mono WAV file at 16 kHz.
fn wav(samples: &[f32]) -> Vec<u8> {
    let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for sample in samples {
        writer.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn a_class_without_a_clip_to_decide_by_is_named() {
    let place = workplace(&[]);
    let path = place.path().join("corpus.csv");
    let manifest = fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = manifest.lines().filter(|line| !line.ends_with(",sad,dev")).collect();
    assert!(kept.len() < manifest.lines().count(), "speaker 12 is sad, too");
    fs::write(&path, kept.join("\n")).unwrap();
    let options = options(&place, "run", &["training.epochs=1"]);
    run(&options).unwrap();
    let log = fs::read_to_string(RunFolder::open(&options.out).unwrap().log_path()).unwrap();
    assert!(log.contains("warning: the dev split has no clip that is sad:") && log.contains("at most 0.75"), "{log}");
}

#[test]
fn a_damaged_cache_entry_is_computed_again_and_nothing_changes_without_a_cache() {
    let place = workplace(&[]);
    let first = options(&place, "first", &["training.epochs=1"]);
    run(&first).unwrap();
    let entries = || -> BTreeMap<PathBuf, Vec<u8>> {
        let folders = fs::read_dir(place.path().join("cache")).unwrap().map(|folder| folder.unwrap().path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    };
    let good = entries();
    assert_eq!(good.len(), 12, "the test split is not read in training");
    for (index, (path, bytes)) in good.iter().enumerate() {
        let mut bad = bytes.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(path, if index % 2 == 0 { &bad } else { &bytes[..middle] }).unwrap();
    }
    let second = options(&place, "second", &["training.epochs=1"]);
    run(&second).unwrap();
    assert_eq!(entries(), good);
    let third = TrainOptions { cache: None, ..options(&place, "third", &["training.epochs=1"]) };
    run(&third).unwrap();
    assert_eq!(state_bits(&last(&first)), state_bits(&last(&second)));
    assert_eq!(state_bits(&last(&first)), state_bits(&last(&third)));
}

#[test]
fn a_number_that_overflows_is_named_with_epoch_batch_and_parameter() {
    let place = workplace(&[]);
    let wild = options(
        &place,
        "run",
        &[
            "training.schedule={kind=\"plateau\", learning_rate=1.0}",
            "training.adam.epsilon=1e-300",
            "training.l2=1e39",
            "training.max_gradient_norm=",
        ],
    );
    let message = run(&wild).unwrap_err().to_string();
    assert!(message.starts_with("epoch 1, batch 1: ") && message.contains("must be finite"), "{message}");
    assert!(message.contains("'layer0.kernel'") || message.contains("'loss'"), "{message}");
    assert_eq!(last(&wild).state.epoch, 0, "the checkpoint before is intact");
}

#[test]
fn an_output_folder_that_cannot_be_made_is_one_sentence() {
    let place = workplace(&[]);
    let options = options(&place, "corpus.csv/run", &[]);
    let message = run(&options).unwrap_err().to_string();
    assert!(message.starts_with("cannot create folder") && message.lines().count() == 1, "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_no_finished_epoch() {
    let place = workplace(&[]);
    let straight = options(&place, "straight", &[]);
    run(&straight).unwrap();

    let mut full = options(&place, "full", &[]);
    let csv = full.out.join("metrics.csv");
    let result = trainer::train::run::train_watched(&full, Progress::Silent, &Interrupt::default(), &mut |epoch| {
        if epoch == 1 {
            fs::remove_file(&csv).unwrap();
            std::os::unix::fs::symlink("/dev/full", &csv).unwrap();
        }
    });
    let message = result.unwrap_err().to_string();
    assert!(message.contains("metrics.csv: No space left on device") && message.contains("--resume"), "{message}");
    let history = last(&full).state.history.len();
    assert!((1..=2).contains(&history), "{history}");
    fs::remove_file(&csv).unwrap();
    full.resume = true;
    run(&full).unwrap();
    assert_eq!(state_bits(&last(&straight)), state_bits(&last(&full)));
    assert_eq!(fs::read_to_string(&csv).unwrap().lines().count(), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_on_a_full_disk_keeps_its_old_content() {
    let place = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(place.path()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        skip("a small file system", "it takes the right to mount one");
        return;
    }
    let path = place.path().join("result");
    let outcome = std::panic::catch_unwind(|| {
        trainer::base::files::write_atomically(&path, b"old").unwrap();
        let message = trainer::base::files::write_atomically(&path, &vec![1; 1 << 20]).unwrap_err().to_string();
        assert!(message.contains("result: No space left on device"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no half-written file stays");
    });
    std::process::Command::new("umount").arg(place.path()).status().unwrap();
    outcome.unwrap();
}

#[test]
fn what_is_exported_answers_as_the_trainer_did() {
    let place = workplace(&[]);
    let options = options(&place, "run", &[]);
    let outcome = run(&options).unwrap();
    let out = place.path().join("models/small/model.onnx");
    let exported = export(&[RunFolder::open(&options.out).unwrap()], &out, OnnxRuntimeLeg::IfFound).unwrap();
    if let Some(reason) = &exported.skipped {
        skip("ONNX Runtime", reason);
    }
    assert!(exported.largest_difference <= TOLERANCE);
    assert_eq!(exported.n_parameters, 1012);
    assert_eq!(fs::read(&exported.configs[0]).unwrap(), fs::read(options.out.join("config.toml")).unwrap());

    let model = Model::open(&out).unwrap();
    let contract = model.contract();
    assert_eq!(contract.training.config_sha256, options.config.sha256());
    assert_eq!((contract.training.corpora[0].n_utterances, contract.training.corpora[0].n_speakers), (8, 2));
    let manifest = Manifest::read(&options.manifests, Splits::Required).unwrap();
    let measure = |split, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let measure =
            || evaluate(&model, &manifest, split, BackendChoice::Native, History::Cold, Progress::Silent, &Interrupt::default());
        pool.install(measure).unwrap()
    };
    // The clips are shorter than a block, so the engine gets the same input as the trainer and must find the same.
    let best = &outcome.history[outcome.best_epoch.unwrap() - 1];
    let dev = measure(Some(Split::Dev), 1).evaluation;
    assert_eq!((dev.report.n, dev.split.as_str(), dev.backend.as_str()), (4, "dev", "native"));
    assert!((dev.report.uar - best.dev_uar).abs() < 1e-12 && (dev.report.accuracy - best.dev_accuracy).abs() < 1e-12);

    let all = measure(None, 1);
    assert_eq!(all.predictions, measure(None, 3).predictions);
    assert_eq!(all.evaluation.per_speaker.len(), 4);
    let report = place.path().join("report");
    assert_eq!(all.write_report(&report).unwrap().len(), 4);
    assert_eq!(fs::read_to_string(report.join("predictions.csv")).unwrap().lines().count(), 17);
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(report.join("metrics.json")).unwrap()).unwrap();
    assert_eq!((json["n"].as_u64(), json["model"]["id"].as_str()), (Some(16), Some("small")));
    assert!(fs::read_to_string(report.join("confusion.svg")).unwrap().contains("per cent of the true class"));

    // What listeners perceived divides the clips, and changes nothing else.
    assert_eq!(all.evaluation.perceived, None);
    let mut with_listeners = manifest.clone();
    with_listeners.utterances[..3].iter_mut().for_each(|clip| clip.is_perceived = Some(true));
    with_listeners.utterances[3].is_perceived = Some(false);
    let native = BackendChoice::Native;
    let found = evaluate(&model, &with_listeners, None, native, History::Cold, Progress::Silent, &Interrupt::default()).unwrap();
    let n_right = all.predictions[..3].iter().filter(|clip| clip.emotion() == clip.utterance.emotion).count();
    let perceived = found.evaluation.perceived.unwrap();
    assert_eq!((perceived.n, perceived.accuracy), (3, n_right as f64 / 3.0));
    assert_eq!(found.evaluation.report, all.evaluation.report);

    // A clip that the trainer would exclude is not used for measurement, either.
    let mut with_damage = manifest.clone();
    let mut damaged = manifest.utterances[0].clone();
    damaged.path = place.path().join("damaged.wav");
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    let mut writer = hound::WavWriter::create(&damaged.path, spec).unwrap();
    (0..16_000).for_each(|index| writer.write_sample(if index == 8000 { f32::INFINITY } else { 0.1 }).unwrap());
    writer.finalize().unwrap();
    with_damage.utterances.push(damaged);
    let found = evaluate(&model, &with_damage, None, native, History::Cold, Progress::Silent, &Interrupt::default()).unwrap();
    assert_eq!(found.predictions, all.predictions);
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    assert!(problems.len() == 1 && problems[0].contains("damaged.wav: expected finite samples"), "{problems:?}");
}

#[test]
fn a_run_that_was_edited_or_never_trained_is_not_exported() {
    let place = workplace(&[]);
    let options = options(&place, "run", &["training.epochs=1"]);
    run(&options).unwrap();
    let folder = RunFolder::open(&options.out).unwrap();
    let out = place.path().join("model.onnx");
    let text = fs::read_to_string(folder.config_path()).unwrap();
    fs::write(folder.config_path(), text.replace("clip = 20.0", "clip = 21.0")).unwrap();
    let message = export(std::slice::from_ref(&folder), &out, OnnxRuntimeLeg::IfFound).unwrap_err().to_string();
    assert!(message.contains("not the one the checkpoint was trained with"), "{message}");
    fs::write(folder.config_path(), text).unwrap();
    let mut bytes = fs::read(folder.best_checkpoint()).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(folder.best_checkpoint(), bytes).unwrap();
    let message = export(std::slice::from_ref(&folder), &out, OnnxRuntimeLeg::IfFound).unwrap_err().to_string();
    assert!(message.contains("the checkpoint is damaged"), "{message}");
    fs::remove_file(folder.best_checkpoint()).unwrap();
    let message = export(std::slice::from_ref(&folder), &out, OnnxRuntimeLeg::IfFound).unwrap_err().to_string();
    assert!(message.contains("no finished epoch"), "{message}");
    assert!(!out.exists() && !place.path().join("train.toml").exists());
}
