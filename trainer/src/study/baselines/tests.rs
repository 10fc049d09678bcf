use std::collections::BTreeMap;

use moodline_core::frontend::Scaler;
use ndarray::Array2;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::*;

/// `tests/golden/scripts/golden_baselines.py`, scikit-learn 1.9.1.
#[derive(Deserialize)]
struct Golden {
    train: Vec<Vec<f64>>,
    train_labels: Vec<usize>,
    test: Vec<Vec<f64>>,
    test_labels: Vec<usize>,
    /// By penalty.
    logistic: BTreeMap<String, Vec<[f64; 4]>>,
    /// By number of neighbours.
    knn: BTreeMap<String, Vec<[f64; 4]>>,
    /// For the other methods.
    accuracy: BTreeMap<String, f64>,
}

impl Golden {
    fn read() -> Self {
        golden::table("baselines.json")
    }

    fn answer(&self, settings: &Settings) -> Vec<[f32; 4]> {
        let train = Table { rows: self.train.clone(), labels: self.train_labels.clone() };
        let test = Table { rows: self.test.clone(), labels: self.test_labels.clone() };
        settings.answer(&train, &[&test], 7).unwrap().remove(0)
    }

    fn accuracy(&self, settings: &Settings) -> f64 {
        let found = self.answer(settings);
        let hits =
            found.iter().zip(&self.test_labels).filter(|(found, label)| Emotion::most_probable(found).index() == **label).count();
        hits as f64 / found.len() as f64
    }
}

fn largest_difference(found: &[[f32; 4]], expected: &[[f64; 4]]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    pairs.map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max)
}

#[test]
fn logistic_regression_and_nearest_neighbours_are_scikit_learns() {
    let golden = Golden::read();
    assert_eq!((golden.logistic.len(), golden.knn.len()), (3, 3));
    for (penalty, expected) in &golden.logistic {
        let found = golden.answer(&Settings::Logistic { penalty: penalty.parse().unwrap() });
        let difference = largest_difference(&found, expected);
        assert!(difference < 1e-4, "penalty {penalty}: {difference:e}");
    }
    for (k, expected) in &golden.knn {
        let difference = largest_difference(&golden.answer(&Settings::Knn { k: k.parse().unwrap() }), expected);
        assert!(difference < 1e-6, "k {k}: {difference:e}");
    }
}

#[test]
fn forest_and_support_vector_machines_are_as_good_as_scikit_learns() {
    let golden = Golden::read();
    let gamma = Some(1.0 / golden.train[0].len() as f64);
    for (name, settings) in [
        ("forest", Settings::Forest { smallest_leaf: 1 }),
        ("svm-linear", Settings::Svm { gamma: None, c: 0.1 }),
        ("svm-rbf", Settings::Svm { gamma, c: 1.0 }),
    ] {
        let (found, expected) = (golden.accuracy(&settings), golden.accuracy[name]);
        // A difference of four of the eighty clips: the forests draw other trees, and the machines stop at other points.
        assert!(found >= expected - 0.05, "{name}: {found:.4}, scikit-learn {expected:.4}");
    }
}

#[test]
fn probabilities_sum_to_one_and_a_seed_decides_all_that_is_drawn() {
    let golden = Golden::read();
    for baseline in Baseline::value_variants() {
        for settings in Settings::of(*baseline, golden.train[0].len()) {
            let found = golden.answer(&settings);
            assert_eq!(found, golden.answer(&settings), "{baseline}");
            assert!(found.iter().all(|answer| (answer.iter().sum::<f32>() - 1.0).abs() < 1e-5), "{baseline}");
        }
    }
}

#[test]
fn statistics_are_numpys() {
    // numpy.percentile([1, 2, 4, 8], [10, 90]) == [1.3, 6.8]; numpy.std == 2.68095...
    let features = Array2::from_shape_vec((4, 2), vec![8.0, 3.0, 1.0, 3.0, 4.0, 3.0, 2.0, 3.0]).unwrap();
    let expected = [3.75, 2.680_951_323_690_903, 1.3, 6.8, 3.0, 0.0, 3.0, 3.0];
    for (found, expected) in statistics(&features).into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }
}

/// Clips of one step; the first feature is the class plus some noise, the second is constant.
fn part(n: usize, noise: f32) -> Part {
    let labels: Vec<usize> = (0..n).map(|clip| clip % 4).collect();
    let value = |clip: usize| (clip % 4) as f32 + noise * ((clip * 37 % 11) as f32 / 11.0 - 0.5);
    let features = (0..n).map(|clip| Array2::from_shape_vec((1, 2), vec![value(clip), 5.0]).unwrap()).collect();
    Part { features, speakers: vec!["s".to_owned(); n], corpora: vec!["c".to_owned(); n], labels }
}

#[test]
fn hyper_parameters_are_chosen_by_those_who_decide_and_tested_clips_change_nothing() {
    let scaler = Scaler { mean: vec![0.0; 2], scale: vec![1.0; 2] };
    let data =
        Dataset { train: part(48, 1.5), dev: part(20, 1.0), scaler, class_weights: [1.0; 4], corpora: Vec::new(), fresh: None };
    let config = config();
    let run = |tests: &[Part]| fit_and_predict(Baseline::Knn, &config, &data, tests, &Interrupt::default()).unwrap();
    let (one, other) = (run(&[part(8, 0.5)]), run(&[part(12, 9.0), part(8, 0.5)]));
    assert_eq!((&one.chosen, one.dev_uar), (&other.chosen, other.dev_uar));
    assert_eq!(one.tests[0], other.tests[1]);
    assert_eq!(other.tests.iter().map(Vec::len).collect::<Vec<_>>(), [12, 8]);

    // The choice is the best on the dev clips.
    let columns = Columns::fit(&data.train);
    let (train, dev) = (columns.table(&data.train), columns.table(&data.dev));
    for settings in Settings::of(Baseline::Knn, train.width()) {
        let found = settings.answer(&train, &[&dev], 0).unwrap().remove(0);
        let uar = Confusion::of(dev.emotions().zip(found.iter().map(Emotion::most_probable))).uar();
        assert!(uar <= one.dev_uar, "{settings}: {uar}");
        assert!(settings.to_string() != one.chosen || uar == one.dev_uar);
    }

    let interrupt = Interrupt::default();
    interrupt.request();
    let interrupted = fit_and_predict(Baseline::Knn, &config, &data, &[], &interrupt);
    assert!(matches!(interrupted, Err(BaselineError::Interrupted)));
}

/// Clips of 12 to 19 steps in which the first feature rises or falls and the second is high early or late; all means are equal.
fn moving(n: usize, n_features: usize, seed: u64) -> Part {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut noise = || 0.5 * ((rng.next_u32() >> 8) as f32 / (1_u32 << 23) as f32 - 1.0);
    let labels: Vec<usize> = (0..n).map(|clip| clip % 4).collect();
    let features = labels.iter().enumerate().map(|(clip, label)| {
        let steps = 12 + clip % 8;
        Array2::from_shape_fn((steps, n_features), |(step, feature)| {
            let time = 2.0 * step as f32 / (steps - 1) as f32 - 1.0;
            let sign = |bit: usize| if label & bit > 0 { 1.0 } else { -1.0 };
            let signal = match feature {
                0 => time * sign(1),
                1 => time.signum() * sign(2),
                _ => 0.0,
            };
            signal + noise()
        })
    });
    Part { features: features.collect(), speakers: vec!["s".to_owned(); n], corpora: vec!["c".to_owned(); n], labels }
}

fn config() -> TrainConfig {
    let overrides = ["training.epochs=12", "training.batch_size=8"].map(str::to_owned);
    TrainConfig::parse("c", include_str!("../../../configs/paper-ltc-16.toml"), &overrides).unwrap()
}

#[test]
fn the_reference_network_learns_what_only_order_tells_with_the_same_bits_on_any_number_of_threads() {
    let mut config = config();
    let n_features = config.front_end.n_features();
    let part = |n, seed| moving(n, n_features, seed);
    let scaler = Scaler { mean: vec![0.0; n_features], scale: vec![1.0; n_features] };
    let data =
        Dataset { train: part(96, 1), dev: part(32, 2), scaler, class_weights: [1.0; 4], corpora: Vec::new(), fresh: None };
    let tests = [part(64, 3)];
    let run = |config: &TrainConfig, n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let fit = || fit_and_predict(Baseline::CnnBilstm, config, &data, &tests, &Interrupt::default());
        pool.install(fit).unwrap()
    };
    let outcome = run(&config, 1);
    let truth = tests[0].labels.iter().map(|label| Emotion::ALL[*label]);
    let uar = Confusion::of(truth.zip(outcome.tests[0].iter().map(Emotion::most_probable))).uar();
    assert!(uar > 0.9, "{uar}");
    assert!(outcome.best_epoch.is_some_and(|epoch| (1..=12).contains(&epoch)) && outcome.n_parameters > Some(100_000));
    assert_eq!(outcome, run(&config, 3));
    config.training.seed += 1;
    assert_ne!(outcome.tests, run(&config, 1).tests);

    let interrupt = Interrupt::default();
    interrupt.request();
    let interrupted = fit_and_predict(Baseline::CnnBilstm, &config, &data, &tests, &interrupt);
    assert!(matches!(interrupted, Err(BaselineError::Interrupted)));
}
