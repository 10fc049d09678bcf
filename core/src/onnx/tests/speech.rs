//! The file of a speech detector is checked as strictly as that of a model of emotions, and neither is taken for the other.

use prost::Message as _;

use super::*;
use crate::contract::{Detection, SPEECH_CONTRACT_VERSION, SpeechContract, TrainingCorpus, TrainingRecord};
use crate::network::samples::Sample;
use crate::onnx::{names, speech};
use crate::sound::Sound;

fn detector() -> (SpeechContract, Tensors<f32>) {
    let sample = Sample::new(CellConfig::LiquidGate, 5, (Pooling::Last, 2));
    let contract = SpeechContract {
        version: SPEECH_CONTRACT_VERSION,
        id: "detector".to_owned(),
        front_end: crate::FrontEndConfig { n_mfcc: 2, ..crate::FrontEndConfig::speech_25_10() },
        normalisation: sample.normalisation(),
        labels: vec![Sound::Music, Sound::Speech, Sound::Other, Sound::Voice],
        delay_steps: 4,
        detection: Detection {
            onset: 0.6,
            offset: 0.3,
            min_pause_seconds: 0.2,
            min_speech_seconds: 0.1,
            min_block_seconds: 0.25,
        },
        network: sample.config.clone(),
        training: TrainingRecord {
            corpora: vec![TrainingCorpus { name: "sample".to_owned(), n_utterances: 7, n_speakers: 2 }],
            protocol: "Speakers of dev and test are in no other split.".to_owned(),
            seed: 1,
            epoch: 3,
            config_sha256: "0".repeat(64),
            further_runs: Vec::new(),
        },
        licence: "CC0-1.0".to_owned(),
        metrics: [("dev_loss".to_owned(), 0.5)].into(),
    };
    (contract, sample.weights())
}

fn file() -> ModelProto {
    let (contract, weights) = detector();
    ModelProto::decode(speech::write(&contract, &weights).as_slice()).unwrap()
}

#[test]
fn what_was_written_is_read_back_and_answers_for_every_step() {
    let (contract, weights) = detector();
    let bytes = speech::write(&contract, &weights);
    let read = speech::read(&bytes).unwrap();
    assert_eq!((&read.contract, &read.weights), (&contract, &weights));
    assert_eq!(speech::write(&read.contract, &read.weights), bytes, "one detector has one encoding");
    let graph = file().graph.unwrap();
    let logits = graph.output.iter().find(|output| output.name == names::LOGITS).unwrap();
    let shape = logits.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap().shape.as_ref().unwrap();
    assert_eq!(shape.dim.len(), 3, "batch, frames and kinds of sound");
}

#[test]
fn every_altered_or_missing_entry_is_refused_by_name() {
    let n_entries = file().metadata_props.len();
    assert_eq!(n_entries, 2 * 13 + 1);
    for i in 0..n_entries {
        let key = file().metadata_props[i].key.clone();
        let refused = |change: &dyn Fn(&mut ModelProto)| {
            let mut file = file();
            change(&mut file);
            speech::read(&file.encode_to_vec()).expect_err("the change must be refused")
        };
        let altered = refused(&|file| file.metadata_props[i].value.push(' '));
        assert_eq!(field(&altered), key.trim_start_matches("moodline.").trim_end_matches(".sha256"), "{altered}");
        let missing = refused(&|file| {
            file.metadata_props.remove(i);
        });
        assert!(field(&missing) == key || field(&missing) == "kind", "{missing}");
    }
}

#[test]
fn a_graph_or_weight_of_another_network_is_refused() {
    let mut changed = file();
    changed.graph.as_mut().unwrap().node.swap(0, 1);
    assert!(speech::read(&changed.encode_to_vec()).is_err());
    let mut changed = file();
    changed.graph.as_mut().unwrap().initializer[0].raw_data[3] ^= 1;
    assert!(matches!(speech::read(&changed.encode_to_vec()), Err(ModelError::Altered(_))));
}

#[test]
fn every_value_that_cannot_be_run_is_refused_by_name() {
    type Change = fn(&mut SpeechContract);
    let changes: [(&str, Change); 10] = [
        ("version", |contract| contract.version += 1),
        ("id", |contract| contract.id = "../up".to_owned()),
        ("front_end.groups", |contract| contract.front_end.groups.push(crate::config::FeatureGroup::Prosody)),
        ("labels", |contract| contract.labels[0] = Sound::Other),
        ("delay_steps", |contract| contract.delay_steps = 1000),
        ("detection.onset", |contract| contract.detection.onset = 1.0),
        ("detection.offset", |contract| contract.detection.offset = 0.9),
        ("detection.min_block_seconds", |contract| contract.detection.min_block_seconds = 9.0),
        ("network.pooling", |contract| contract.network.pooling = Pooling::Mean),
        ("licence", |contract| contract.licence = " ".to_owned()),
    ];
    for (name, change) in changes {
        let (mut contract, weights) = detector();
        change(&mut contract);
        let error = speech::read(&speech::write(&contract, &weights)).unwrap_err();
        assert_eq!(field(&error), name, "{error}");
    }
}

#[test]
fn neither_kind_of_model_is_taken_for_the_other() {
    let (contract, weights) = detector();
    let error = read(&speech::write(&contract, &weights)).unwrap_err();
    assert_eq!(field(&error), "kind", "{error}");
    assert!(error.to_string().contains("a model of emotions"), "{error}");
    let error = speech::read(&paper().bytes()).unwrap_err();
    assert_eq!(field(&error), "kind", "{error}");
    assert!(error.to_string().contains("a speech detector"), "{error}");
}
