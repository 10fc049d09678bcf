//! Results of the protocol `paper` compared with those reported in the paper.

use super::protocol::{HONEST_COPIES, NAMES, PUBLISHED};
use super::published::{CITATION, CLASSES, LATENCY_S, N_CLIPS, N_PARAMETERS, TABLE_1};
use crate::base::table::Table;
use crate::measure::metrics::Report;
use crate::study::protocol::Protocol;
use crate::study::protocol::results::{CrossvalResults, GroupResults, ModelResults, Spread};

/// Every number given in the paper for its best network, compared with the same number for a network trained and tested here as published and
/// honestly, both with copies; none for other protocols and for methods other than networks.
pub(crate) fn beside_the_paper(results: &CrossvalResults, model: &ModelResults) -> Option<Table> {
    let group = |name: &str| model.groups.iter().find(|group| group.name == name);
    let (Some(published), Some(honest)) = (group(NAMES[PUBLISHED]), group(NAMES[HONEST_COPIES])) else { return None };
    if results.protocol != Protocol::Paper || model.block_ms.is_none() {
        return None;
    }
    let mut table = Table::new(["", "paper, on IEMOCAP", "here, as published", "here, honest"]);
    let mut compare = |name: &str, paper: String, ours: &dyn Fn(&GroupResults) -> String| {
        table.push([name.to_owned(), paper, ours(published), ours(honest)]);
    };
    let over_seeds = |group: &GroupResults, figure: &dyn Fn(&Report) -> f64| {
        Spread::of(&group.seeds.iter().map(|seed| figure(&seed.report)).collect::<Vec<_>>()).to_string()
    };
    let n_classes = CLASSES.len() as f64;
    let mean = |place: usize| format!("{:.3}", CLASSES.iter().map(|(_, figures)| figures[place]).sum::<f64>() / n_classes);
    compare("accuracy", format!("{:.3}", TABLE_1[0].accuracy), &|group| group.accuracy.to_string());
    compare("UAR (paper: mean of its recalls)", mean(1), &|group| group.uar.to_string());
    compare("macro-F1 (paper: mean of its F1)", mean(2), &|group| group.macro_f1.to_string());
    for (emotion, [precision, recall, f1]) in CLASSES {
        let paper = |figure: f64| format!("{figure:.2}");
        compare(&format!("{emotion}: precision"), paper(precision), &|group| {
            over_seeds(group, &|report| report.per_class.of(emotion).precision)
        });
        compare(&format!("{emotion}: recall"), paper(recall), &|group| {
            over_seeds(group, &|report| report.per_class.of(emotion).recall)
        });
        compare(&format!("{emotion}: F1"), paper(f1), &|group| over_seeds(group, &|report| report.per_class.of(emotion).f1));
    }
    let [n_train, n_test] = N_CLIPS;
    compare("clips trained on, copies included", n_train.to_string(), &|group| {
        results.mean_n_train(model, &group.name).map_or_else(String::new, |n| format!("{n:.0}"))
    });
    compare("clips tested, in all folds", n_test.to_string(), &|group| {
        (group.pooled.n / group.seeds.len().max(1) as u64).to_string()
    });
    let n_parameters = model.n_parameters.map_or_else(String::new, |n| n.to_string());
    compare("trained values", N_PARAMETERS.to_string(), &|_| n_parameters.clone());
    let block = model.block_ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
    compare("a prediction without its features, ms", format!("{:.0}", 1000.0 * LATENCY_S), &|_| block.clone());
    Some(table)
}

/// The note below [`beside_the_paper`].
pub(crate) fn note_beside_the_paper() -> String {
    format!(
        "Paper: {CITATION}; its network was tested on one random fifth, ours on five. Its latency is a call of Keras' predict for one block; ours is the time of a block \
         of sixteen that are computed side by side."
    )
}
