//! `moodline model`: the description of a model.

use std::fmt::Write as _;

use moodline_core::contract::{Normalisation, Padding, StatePolicy, TrainingRun};
use moodline_core::network::{NetworkConfig, Pooling};
use moodline_core::{Certainty, Contract};
use moodline_engine::Model;
use moodline_engine::files::{FilePlan, Replace};
use serde_json::json;

use crate::args::ModelArguments;
use crate::console::Streams;
use crate::{FAILED, USAGE};

pub(crate) fn run(arguments: &ModelArguments, streams: &mut Streams<'_>) -> u8 {
    if let Err(refusal) = FilePlan::new(Replace::Never).read(&arguments.file).check() {
        streams.note(&format!("moodline: {refusal}\n"));
        return USAGE;
    }
    let model = match &arguments.file {
        None => Model::embedded(),
        Some(path) => match Model::open(path) {
            Ok(model) => model,
            Err(error) => {
                streams.note(&format!("moodline: {error}\n"));
                return FAILED;
            }
        },
    };
    let text = if arguments.json { json_text(&model) } else { plain_text(&model) };
    streams.print_all(&text)
}

fn json_text(model: &Model) -> String {
    format!("{:#}\n", json!({ "fingerprint": model.fingerprint(), "contract": model.contract() }))
}

fn plain_text(model: &Model) -> String {
    let contract = model.contract();
    let mut text = String::new();
    // INVARIANT: writing to a String cannot fail.
    let mut line = |name: &str, value: String| writeln!(text, "{name:<14}{value}").expect("a String takes any text");
    line("model", contract.id.clone());
    line("fingerprint", model.fingerprint().to_owned());
    line("contract", format!("version {}", contract.version));
    line("labels", contract.labels.iter().map(|label| label.name()).collect::<Vec<_>>().join(", "));
    front_end_lines(contract, &mut line);
    line("normalisation", normalisation(&contract.normalisation));
    line("blocks", blocks(contract));
    network_lines(model, &mut line);
    if contract.voice.is_some() {
        line("voice", "answers are corrected by what was heard of a voice, where it was varied".to_owned());
    }
    if let Some(familiarity) = &contract.familiarity {
        line(
            "unfamiliar",
            format!(
                "blocks farther than {:.2} from those of the training, of which an average one is about 1 away",
                familiarity.limit
            ),
        );
    }
    if let Some(Certainty { least_probability, risk }) = contract.certainty {
        let (percent, right) = (100.0 * least_probability, 100.0 * (1.0 - risk));
        line(
            "uncertain",
            format!(
                "below {percent:.0} %; of the others, {right:.0} % are right with voices of a corpus that it did not learn from"
            ),
        );
    }
    training_lines(contract, &mut line);
    for (name, value) in &contract.metrics {
        line(name, format!("{value:.4}"));
    }
    line("licence", contract.licence.clone());
    text
}

fn front_end_lines(contract: &Contract, line: &mut impl FnMut(&str, String)) {
    let config = &contract.front_end;
    let groups: Vec<String> = config.groups.iter().map(|group| format!("{group:?}").to_lowercase()).collect();
    line("features", format!("{} a step: {} ({} coefficients)", config.n_features(), groups.join(", "), config.n_mfcc));
    line(
        "front end",
        format!(
            "{} Hz, n_fft {}, window {} ({:?}), hop {}, {} mel bands of {} to {} Hz",
            config.sample_rate,
            config.n_fft,
            config.win_length,
            config.window,
            config.hop_length,
            config.n_mels,
            config.fmin,
            config.fmax
        ),
    );
    if let Some(floor_db) = config.floor_db {
        line(
            "floor",
            format!(
                "{floor_db} dB below the loudest mel band of the block, added to the power of each; derivatives are those of steps"
            ),
        );
    }
    if let Some(margin) = config.speech_margin {
        line(
            "hears",
            format!(
                "of a block only the steps in which somebody speaks, as the detector of speech finds them, and {margin} s around"
            ),
        );
    }
    line("step", format!("{:.0} ms: {} frame(s) averaged", 1e3 * config.step_seconds(), config.average_frames));
}

fn normalisation(normalisation: &Normalisation) -> String {
    match normalisation {
        Normalisation::Standard { mean, .. } => format!("standard, {} features, folded into the weights", mean.len()),
    }
}

fn blocks(contract: &Contract) -> String {
    let Padding::None = contract.padding;
    let StatePolicy::ResetEachBlock = contract.state;
    format!("up to {} s, shorter ones at their own length, state reset at each", contract.block_seconds)
}

fn network_lines(model: &Model, line: &mut impl FnMut(&str, String)) {
    let networks = model.contract().networks.members();
    for network in networks {
        one_network(network, line);
    }
    if networks.len() > 1 {
        line("together", format!("the mean of the logarithms of {} networks' probabilities", networks.len()));
    }
    let (n_folded, n_trained) =
        (model.weights().count(), model.contract().networks.n_parameters(model.contract().front_end.n_features()));
    line("weights", format!("{n_folded}, folded from {n_trained} trained values"));
}

fn one_network(network: &NetworkConfig, line: &mut impl FnMut(&str, String)) {
    let NetworkConfig { units, layers, pooling, cell } = network;
    let layers = if *layers == 1 { "1 layer".to_owned() } else { format!("{layers} layers") };
    line("network", format!("{layers} of {units} units"));
    line("cell", cell.details());
    line(
        "pooling",
        match pooling {
            Pooling::Last => "the last step of a block".to_owned(),
            Pooling::Mean => "mean over the steps of a block".to_owned(),
            Pooling::MeanDeviation => "mean and deviation over the steps of a block".to_owned(),
            Pooling::Attention => "attention over the steps of a block".to_owned(),
        },
    );
}

fn training_lines(contract: &Contract, line: &mut impl FnMut(&str, String)) {
    let training = &contract.training;
    for corpus in &training.corpora {
        line("trained on", format!("{}: {} utterances of {} speakers", corpus.name, corpus.n_utterances, corpus.n_speakers));
    }
    line("protocol", training.protocol.clone());
    for TrainingRun { seed, epoch, config_sha256 } in training.runs() {
        line("run", format!("seed {seed}, epoch {epoch}, configuration {config_sha256}"));
    }
}
