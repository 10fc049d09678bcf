use moodline_core::frontend::Scaler;
use moodline_core::network::DENSE_KERNEL;
use ndarray::Array2;

use super::*;

/// Clips of one step each, `counts` per class.
fn part(counts: [usize; Emotion::COUNT], n_features: usize) -> Part {
    let labels: Vec<usize> = counts.into_iter().enumerate().flat_map(|(class, n)| std::iter::repeat_n(class, n)).collect();
    let features = labels.iter().enumerate().map(|(clip, _)| Array2::from_elem((2, n_features), clip as f32 * 0.01)).collect();
    Part { features, speakers: vec!["s".to_owned(); labels.len()], corpora: vec!["c".to_owned(); labels.len()], labels }
}

fn setting(overrides: &[&str]) -> (TrainConfig, Dataset) {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let config = TrainConfig::parse("c", include_str!("../../../configs/paper-ltc-16.toml"), &overrides).unwrap();
    let n_features = config.front_end.n_features();
    let scaler = Scaler { mean: vec![0.0; n_features], scale: vec![1.0; n_features] };
    let train = part([9, 2, 5, 1], n_features);
    let data = Dataset { dev: train.clone(), train, scaler, class_weights: [1.0; 4], corpora: Vec::new(), fresh: None };
    (config, data)
}

#[test]
fn oversampling_makes_all_classes_as_large_as_the_largest_and_draws_anew_in_each_epoch() {
    let (config, data) = setting(&["training.oversample=true", "training.batch_size=5"]);
    let trainer = Trainer::new(&config, &data);
    assert_eq!(trainer.batches_per_epoch(), 36_usize.div_ceil(5));
    let counts = |order: &[usize], of: &dyn Fn(usize) -> usize, n: usize| {
        let mut counts = vec![0; n];
        order.iter().for_each(|&clip| counts[of(clip)] += 1);
        counts
    };
    let (first, second) = (trainer.order(1), trainer.order(2));
    assert_eq!(counts(&first, &|clip| data.train.labels[clip], 4), [9; 4]);
    assert!(counts(&first, &|clip| clip, 17).iter().all(|&n| n >= 1), "no clip is lost");
    assert_eq!(first, trainer.order(1));
    assert_ne!(counts(&first, &|clip| clip, 17), counts(&second, &|clip| clip, 17));

    let (config, data) = setting(&[]);
    let mut order = Trainer::new(&config, &data).order(1);
    order.sort_unstable();
    assert_eq!(order, (0..17).collect::<Vec<_>>());
}

#[test]
fn the_share_of_a_corpus_goes_with_a_power_of_its_size_and_its_classes_come_equally_often() {
    let (config, mut data) = setting(&["training.corpus_exponent=0.5", "training.batch_size=5"]);
    // Thirteen clips of one corpus and four of another, of two classes.
    let large = |clip: usize| clip < 13;
    data.train.corpora = (0..17).map(|clip| if large(clip) { "large" } else { "small" }.to_owned()).collect();
    let trainer = Trainer::new(&config, &data);
    let (first, second) = (trainer.order(1), trainer.order(2));
    let count = |of: &dyn Fn(usize) -> bool| first.iter().filter(|&&clip| of(clip)).count();
    // 17 clips in proportion to the square roots of 13 and 4: 10.9 and 6.1, shared by three classes and by two.
    let label = |clip: usize| data.train.labels[clip];
    assert_eq!([0, 1, 2].map(|class| count(&|clip| large(clip) && label(clip) == class)), [4, 4, 4]);
    assert_eq!([2, 3].map(|class| count(&|clip| !large(clip) && label(clip) == class)), [3, 3]);
    assert_eq!(trainer.batches_per_epoch(), first.len().div_ceil(5));
    assert_eq!(first, trainer.order(1));
    assert_ne!(first, second);
    let distinct: std::collections::BTreeSet<usize> = first.iter().copied().filter(|&clip| label(clip) == 0).collect();
    assert_eq!(distinct.len(), 4, "no clip twice while others were not heard");
}

#[test]
fn with_an_average_the_average_is_what_is_measured_and_kept() {
    let (config, data) = setting(&["training.average=0.5", "training.epochs=1"]);
    let mut trainer = Trainer::new(&config, &data);
    let record = trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    let average = trainer.average.clone().unwrap();
    assert_ne!(average, trainer.network.parameters);
    assert_eq!(trainer.best_weights, average);
    let network = Network::new(config.network.clone(), average).unwrap();
    assert_eq!(measure(&network, &data.dev).unwrap().loss, record.dev_loss);
}
#[test]
fn masks_and_mixtures_change_the_training_and_survive_an_interruption() {
    let batch =
        "augmentation.batch={ mixup = 0.4, time_mask = { count = 1, most = 0.5 }, feature_mask = { count = 1, most = 9 } }";
    let (plain, data) = setting(&["training.epochs=2", "training.batch_size=5"]);
    let (varied, _) = setting(&["training.epochs=2", "training.batch_size=5", batch]);
    let run = |trainer: &mut Trainer<'_>| trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    let (mut without, mut with) = (Trainer::new(&plain, &data), Trainer::new(&varied, &data));
    run(&mut without);
    run(&mut with);
    assert_ne!(without.network.parameters, with.network.parameters);
    let mut resumed = Trainer::resume(&varied, &data, with.checkpoint()).unwrap();
    run(&mut resumed);
    run(&mut with);
    assert_eq!(resumed.network.parameters, with.network.parameters);
}

#[test]
fn what_a_wiring_leaves_out_stays_out_and_the_rest_learns() {
    let wired = [
        "network.units=12",
        "wiring.kind=auto_ncp",
        "wiring.outputs=3",
        "wiring.sparsity=0.5",
        "training.optimiser.kind=adam_w",
        "training.optimiser.weight_decay=0.1",
        "training.average=0.5",
        "training.epochs=2",
    ];
    let ltc = "network.cell={kind = \"ltc\", solver = \"semi_implicit\", unfolds = 2, elapsed = 1.0}";
    for overrides in [wired.to_vec(), [&wired[..], &["initialisation.tau=", ltc]].concat()] {
        let (config, data) = setting(&overrides);
        let mut trainer = Trainer::new(&config, &data);
        let start = trainer.network.parameters.clone();
        while !trainer.finished() {
            trainer.epoch(&mut |_| ControlFlow::Continue(())).unwrap();
        }
        let mut wired = trainer.network.parameters.clone();
        masks(&config).unwrap().wire(&mut wired);
        // The sign of an erev is learned; applying the wiring again restores the initial one.
        for tensor in wired.iter().filter(|tensor| !tensor.name.ends_with("erev")) {
            assert_eq!(trainer.network.parameters.get(&tensor.name), tensor, "what is missing is still missing");
        }
        let pairs = start.get(DENSE_KERNEL).values.iter().zip(&trainer.network.parameters.get(DENSE_KERNEL).values);
        assert!(pairs.clone().all(|(before, after)| (before == after) == (*before == 0.0)), "motor neurons alone are read");
        assert_eq!(pairs.filter(|(before, _)| **before != 0.0).count(), 3 * Emotion::COUNT);
    }
}
