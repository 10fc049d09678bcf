//! Inference time of a network per block.

use moodline_learn::network::LANES;
use ndarray::{Array2, ArrayView2};

use super::job::Model;
use crate::measure::latency;
use crate::study::baselines::{Baseline, reference_network};
use crate::train::config::TrainConfig;
use crate::train::trainer::{Trainable, initial_network};

/// Number of runs for the median, and of warm-up runs before them.
const RUNS: usize = 51;
const WARM_UP: usize = 5;

/// Inference time of a network per block, ms; none for other methods. It depends only on the sizes, so an untrained network suffices.
///
/// As many blocks as the trainer computes side by side are measured together, so that both networks fill their vector registers and a single group
/// runs on one thread.
pub(super) fn block_ms(config: &TrainConfig, model: Model) -> Option<f64> {
    match model {
        Model::Network => Some(median_ms(config, &initial_network(config))),
        Model::Baseline(Baseline::CnnBilstm) => Some(median_ms(config, &reference_network(config))),
        Model::Baseline(_) => None,
    }
}

fn median_ms(config: &TrainConfig, network: &impl Trainable) -> f64 {
    let n_steps = (config.training.block_seconds / config.front_end.step_seconds()).round().max(1.0) as usize;
    let block = Array2::zeros((n_steps, config.front_end.n_features()));
    let blocks: Vec<ArrayView2<'_, f32>> = vec![block.view(); LANES];
    // INVARIANT: the block has as many features as the recipe and thus the network.
    let of_all = latency::median_ms(RUNS, WARM_UP, || network.predict(&blocks)).expect("a block fits the network");
    of_all / LANES as f64
}
