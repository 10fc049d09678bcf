//! Tests of training on loaded clips: copies that are redrawn in each epoch, and class weights.

use crate::data::augment::signals::{sum_of_tones, write_wav};
use crate::data::dataset::testing::{AUGMENTATION, corpus, load};

use super::*;

const RECIPE: &str = include_str!("../../../configs/paper-ltc-16.toml");

/// Twelve clips, each with two copies.
fn setting(overrides: &str) -> (tempfile::TempDir, TrainConfig, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = corpus(folder.path());
    let augmentation = AUGMENTATION.replace("copies = 2", &format!("copies = 2\n{overrides}"));
    let mut config = TrainConfig::parse("c.toml", &(RECIPE.to_owned() + &augmentation), &[]).unwrap();
    config.training.epochs = 4;
    config.training.batch_size = 7;
    let dataset = load(&manifest, &config.data(), None);
    (folder, config, dataset)
}

fn on_threads<R: Send>(n: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(work)
}

#[test]
fn a_training_on_fresh_copies_is_the_same_on_any_threads_and_after_an_interruption() {
    let (_folder, config, data) = setting("fresh = true");
    let run = |trainer: &mut Trainer<'_>| {
        while !trainer.finished() {
            trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap();
        }
        trainer.checkpoint()
    };
    let straight = on_threads(1, || run(&mut Trainer::new(&config, &data)));
    let halfway = on_threads(3, || {
        let mut trainer = Trainer::new(&config, &data);
        trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap();
        trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap();
        trainer.checkpoint()
    });
    let resumed = on_threads(2, || run(&mut Trainer::resume(&config, &data, halfway).unwrap()));
    assert_eq!(resumed.weights, straight.weights);
    assert_eq!(resumed.moments, straight.moments);

    let (_folder, cached, same_again) = setting("");
    assert_ne!(run(&mut Trainer::new(&cached, &same_again)).weights, straight.weights);
}

#[test]
fn a_file_that_is_gone_ends_the_training_by_name() {
    let (folder, config, data) = setting("fresh = true");
    std::fs::remove_file(folder.path().join("0.wav")).unwrap();
    let error = Trainer::new(&config, &data).epoch(&mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
    assert!(error.starts_with("epoch 1, batch ") && error.contains("0.wav"), "{error}");
}

#[test]
fn an_epoch_of_which_a_copy_is_too_short_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = corpus(folder.path());
    let augmentation = AUGMENTATION.replace("copies = 2", "copies = 2\nfresh = true");
    let mut config = TrainConfig::parse("c.toml", &(RECIPE.to_owned() + &augmentation), &[]).unwrap();
    // The first step takes 0.128 s.
    (config.front_end.center, config.front_end.n_fft, config.front_end.win_length) = (false, 2048, 2048);
    let data = load(&manifest, &config.data(), None);
    write_wav(&folder.path().join("0.wav"), &sum_of_tones(&[200.0], 0.105));
    Trainer::new(&config, &data).epoch(&mut |_| ControlFlow::Continue(())).unwrap();
}

#[test]
fn classes_that_oversampling_makes_equal_weigh_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = corpus(folder.path());
    manifest.utterances.remove(0);
    let weights = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        let config = TrainConfig::parse("c.toml", RECIPE, &overrides).unwrap();
        load(&manifest, &config.data(), None).class_weights
    };
    assert_eq!(weights(&["training.class_weights=balanced"]), [1.75, 0.875, 0.875, 0.875]);
    assert_eq!(weights(&["training.class_weights=balanced", "training.oversample=true"]), [1.0; 4]);
    let given = "training.class_weights={ angry = 2.0, happy = 1.0, sad = 0.5, neutral = 1.0 }";
    assert_eq!(weights(&[given, "training.oversample=true"]), [2.0, 1.0, 0.5, 1.0]);
}
