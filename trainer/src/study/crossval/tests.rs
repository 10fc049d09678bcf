use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use moodline_core::Emotion;
use tempfile::TempDir;

use super::*;
use crate::data::augment::signals::{RATE, write_wav};
use crate::data::manifest::{Split, Utterance};
use crate::study::protocol::results::{GroupResults, SCHEMA};
use crate::study::protocol::unseen::{UnseenCorpus, UnseenRecord};

const N_SPEAKERS: usize = 8;
const N_TEXTS: usize = 2;
const N_CLIPS: usize = N_SPEAKERS * N_TEXTS * Emotion::COUNT;
const SEEDS: [u64; 2] = [0, 1];

/// 0.4 s of a tone whose harmonics encode the emotion, whose pitch encodes the speaker, and whose tremolo encodes the text.
fn tone(speaker: usize, text: usize, emotion: Emotion) -> Vec<f32> {
    let pitch = 110.0 + 15.0 * speaker as f32;
    (0..RATE as usize * 2 / 5)
        .map(|index| {
            let t = index as f32 / RATE as f32 * std::f32::consts::TAU;
            let tremolo = 1.0 + 0.3 * (t * (4.0 + 3.0 * text as f32)).sin();
            let harmonic = (t * pitch * (2 + 3 * emotion.index()) as f32).sin();
            0.2 * tremolo * ((t * pitch).sin() + harmonic)
        })
        .collect()
}

/// A folder with two corpora of four speakers each, two speakers per session, and a manifest of both.
fn workplace() -> (TempDir, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = vec!["path,corpus,speaker,emotion,split,session,text".to_owned()];
    for speaker in 0..N_SPEAKERS {
        for text in 0..N_TEXTS {
            for emotion in Emotion::ALL {
                let name = format!("{speaker}-{text}-{emotion}.wav");
                write_wav(&folder.path().join(&name), &tone(speaker, text, emotion));
                let corpus = ["first", "second"][speaker % 2];
                let split = ["train", "train", "dev", "test"][speaker / 2];
                lines.push(format!("{name},{corpus},s{speaker},{emotion},{split},{},t{text}", speaker / 4));
            }
        }
    }
    let path = folder.path().join("clips.csv");
    fs::write(&path, lines.join("\n")).unwrap();
    let manifest = Manifest::read(&[path], crate::data::manifest::Splits::Required).unwrap();
    (folder, manifest)
}

fn config(more: &[&str]) -> TrainConfig {
    let small = ["training.epochs=2", "training.batch_size=8", "network.units=4", "model.id=small"];
    let overrides: Vec<String> = small.iter().chain(more).map(ToString::to_string).collect();
    TrainConfig::parse("c", include_str!("../../../configs/paper-ltc-16.toml"), &overrides).unwrap()
}

struct Place {
    folder: TempDir,
    manifest: Manifest,
    config: TrainConfig,
}

impl Place {
    fn new(more: &[&str]) -> Self {
        let (folder, manifest) = workplace();
        Self { folder, manifest, config: config(more) }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(
        &self,
        protocol: Protocol,
        out: &str,
        change: impl FnOnce(&mut CrossvalOptions<'_>),
    ) -> Result<Crossval, CrossvalError> {
        let out = self.out(out);
        let mut options = CrossvalOptions {
            config: &self.config,
            manifest: &self.manifest,
            protocol,
            folds: 2,
            split_seed: 0,
            unseen_only: false,
            seeds: &SEEDS,
            baselines: &[],
            cache: None,
            out: &out,
            resume: false,
        };
        change(&mut options);
        crossval(&options, Progress::Silent, &Interrupt::default())
    }
}

/// Everything except durations.
fn timeless(mut results: CrossvalResults) -> CrossvalResults {
    let groups = results.models.iter_mut().flat_map(|model| &mut model.groups);
    groups.flat_map(|group| &mut group.folds).for_each(|fold| fold.seconds = 0.0);
    results.models.iter_mut().for_each(|model| model.block_ms = None);
    results
}

#[test]
fn every_clip_is_tested_once_for_each_seed_and_the_folder_holds_it_all() {
    let place = Place::new(&[]);
    let Crossval { results, predictions } = place.run(Protocol::Kfold, "out", |_| {}).unwrap();
    let [model] = &results.models[..] else { panic!("the network alone") };
    let [group] = &model.groups[..] else { panic!("one group") };
    assert_eq!(group.pooled.n as usize, N_CLIPS * SEEDS.len());
    assert_eq!(group.seeds.iter().map(|seed| seed.report.n as usize).collect::<Vec<_>>(), [N_CLIPS; 2]);
    assert_eq!(group.folds.len(), 2 * SEEDS.len());
    assert_eq!(group.per_speaker.len(), N_SPEAKERS);
    assert_eq!(group.per_corpus.keys().collect::<Vec<_>>(), ["first", "second"]);
    let mean = group.seeds.iter().map(|seed| seed.report.uar).sum::<f64>() / 2.0;
    assert!((group.uar.mean - mean).abs() < 1e-12 && group.uar.deviation.is_some());

    let mut tested: Vec<String> = predictions
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            format!("{} {}", fields[2], fields[4])
        })
        .collect();
    tested.sort_unstable();
    let n = tested.len();
    tested.dedup();
    assert_eq!((n, tested.len()), (N_CLIPS * SEEDS.len(), N_CLIPS * SEEDS.len()));

    let read = |name: &str| fs::read_to_string(place.out("out").join(name)).unwrap();
    let parsed: CrossvalResults = serde_json::from_str(&read("results.json")).unwrap();
    assert_eq!((parsed.schema, &parsed), (SCHEMA, &results));
    assert_eq!(read("predictions.csv"), predictions);
    assert_eq!(read("folds.csv").lines().count(), 1 + 2 * SEEDS.len());
    assert!(read("confusion-network-test.svg").starts_with("<svg"));
    let summary = read("summary.md");
    assert!(summary.contains(&format!("| network | test | {N_CLIPS} | {:.3} ± ", group.uar.mean)), "{summary}");
    for seed in &group.seeds {
        assert!(summary.contains(&format!("| {} | {:.3} | ", seed.seed, seed.report.uar)), "each seed is listed: {summary}");
    }
}

#[test]
fn the_other_honest_protocols_run_to_the_end() {
    let place = Place::new(&[]);
    // Speakers 6 and 7 are the test split; sessions are per corpus; 2 groups of texts times 2 of speakers.
    for (protocol, n_folds, n_tested) in [
        (Protocol::Fixed, 1, N_CLIPS / 4),
        (Protocol::Session, 4, N_CLIPS),
        (Protocol::Speaker, N_SPEAKERS, N_CLIPS),
        (Protocol::Text, 2 * 2, N_CLIPS),
    ] {
        let out = protocol.name();
        let results = place.run(protocol, out, |options| options.seeds = &SEEDS[..1]).unwrap().results;
        let [group] = &results.models[0].groups[..] else { panic!("{protocol}: one group") };
        assert_eq!((group.folds.len(), group.pooled.n as usize), (n_folds, n_tested), "{protocol}");
        assert!(place.out(out).join("summary.md").exists(), "{protocol}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let place = Place::new(&[]);
    let with_threads = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let baselines = &[Baseline::Forest, Baseline::SvmRbf, Baseline::CnnBilstm];
        pool.install(|| place.run(Protocol::Kfold, &format!("threads-{n}"), |options| options.baselines = baselines)).unwrap()
    };
    let (one, three) = (with_threads(1), with_threads(3));
    assert_eq!(one.predictions, three.predictions);
    assert_eq!(timeless(one.results), timeless(three.results));
}

#[test]
fn an_interrupted_run_keeps_what_is_finished_and_goes_on_to_the_same_results() {
    let place = Place::new(&["training.epochs=40"]);
    let straight = place.run(Protocol::Speaker, "straight", |_| {}).unwrap();

    let out = place.out("broken");
    let interrupt = Interrupt::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let options = |resume: bool| CrossvalOptions {
        config: &place.config,
        manifest: &place.manifest,
        protocol: Protocol::Speaker,
        folds: 2,
        split_seed: 0,
        unseen_only: false,
        seeds: &SEEDS,
        baselines: &[],
        cache: None,
        out: &out,
        resume,
    };
    let stopped = std::thread::scope(|scope| {
        scope.spawn(|| {
            let finished = out.join("folds").join("network-000-0.json");
            while !finished.exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            interrupt.request();
        });
        pool.install(|| crossval(&options(false), Progress::Silent, &interrupt))
    });
    let Err(CrossvalError::Interrupted { done, of: 16 }) = stopped else { panic!("{stopped:?}") };
    assert!((1..16).contains(&done), "{done}");
    assert_eq!(fs::read_dir(out.join("folds")).unwrap().count(), done);
    assert!(!out.join("results.json").exists());

    // Finished runs are used as they are.
    let finished = out.join("folds").join("network-000-0.json");
    let mut stored: serde_json::Value = serde_json::from_str(&fs::read_to_string(&finished).unwrap()).unwrap();
    stored["seconds"] = 1234.5.into();
    fs::write(&finished, stored.to_string()).unwrap();
    let resumed = crossval(&options(true), Progress::Silent, &Interrupt::default()).unwrap();
    assert!(resumed.results.models[0].groups[0].folds.iter().any(|fold| fold.seconds == 1234.5));
    assert_eq!(resumed.predictions, straight.predictions);
    assert_eq!(timeless(resumed.results), timeless(straight.results));
}

#[test]
fn what_was_finished_with_something_else_is_refused() {
    let mut place = Place::new(&[]);
    place.run(Protocol::Kfold, "out", |_| {}).unwrap();
    let again = |place: &Place, change: fn(&mut CrossvalOptions<'_>)| {
        let refused = place.run(Protocol::Kfold, "out", |options| {
            options.resume = true;
            change(options);
        });
        refused.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(again(&place, |_| {}), Ok(()));
    let expected = "was made with another configuration, protocol, manifest or audio than asked for now";
    assert!(again(&place, |options| options.split_seed = 1).unwrap_err().contains(expected));

    place.config = config(&["training.l2=0.5"]);
    let error = again(&place, |_| {}).unwrap_err();
    assert!(error.contains(expected) && error.contains("network-000-0.json"), "{error}");
    place.config = config(&[]);

    let clip = place.folder.path().join("0-0-angry.wav");
    let before = fs::read(&clip).unwrap();
    write_wav(&clip, &tone(0, 1, Emotion::Sad));
    assert!(again(&place, |_| {}).unwrap_err().contains(expected), "other audio under the same name");
    fs::write(&clip, before).unwrap();

    fs::write(place.out("out/folds/network-001-1.json"), "{").unwrap();
    assert!(again(&place, |_| {}).unwrap_err().contains("found a file that is none"));
    let occupied = place.run(Protocol::Kfold, "out", |_| {}).unwrap_err().to_string();
    assert!(occupied.contains("is not empty"), "{occupied}");
    fs::create_dir(place.out("empty")).unwrap();
    let nothing = place.run(Protocol::Kfold, "empty", |options| options.resume = true).unwrap_err().to_string();
    assert!(nothing.contains("holds no run"), "{nothing}");
}

#[test]
fn clips_that_cannot_be_used_are_named_and_left_out_of_all_folds() {
    let place = Place::new(&[]);
    write_wav(&place.folder.path().join("3-1-sad.wav"), &[0.0; 8000]);
    let results = place.run(Protocol::Kfold, "out", |_| {}).unwrap().results;
    assert_eq!(results.left_out.len(), 1);
    assert!(results.left_out[0].contains("3-1-sad.wav"), "{:?}", results.left_out);
    assert_eq!(results.models[0].groups[0].seeds[0].report.n as usize, N_CLIPS - 1);
    assert!(results.to_markdown().contains("## Left out"));
}

#[test]
fn a_cross_corpus_run_writes_its_matrix() {
    let place = Place::new(&[]);
    let results = place.run(Protocol::CrossCorpus, "out", |_| {}).unwrap().results;
    assert_eq!(results.folds.len(), 3, "one training serves a whole row");
    let csv = fs::read_to_string(place.out("out/matrix-network.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "trained on,first,second");
    assert_eq!(lines.iter().skip(1).map(|line| line.split(',').next().unwrap()).collect::<Vec<_>>(), ["first", "second", "all"]);
    let cell = |row: usize, column: usize| lines[row].split(',').nth(column).unwrap().parse::<f64>().unwrap();
    let group = |name: &str| results.models[0].groups.iter().find(|group| group.name == name).unwrap();
    assert!((cell(1, 2) - group("first to second").uar.mean).abs() < 1e-4);
    assert!((cell(3, 1) - group("all to first").uar.mean).abs() < 1e-4);
    assert!(fs::read_to_string(place.out("out/matrix-network.svg")).unwrap().contains("second"));
    assert!(place.out("out/confusion-network-3-first-to-second.svg").exists());
}

#[test]
fn what_decides_between_recipes_is_measured_on_corpora_left_out_cold_and_with_a_voice() {
    let voice = ["voice.prior_seconds=3.0", "voice.memory_seconds=600.0", "voice.least_variety=0.01", "voice.full_variety=0.05"];
    let mut place = Place::new(&voice);
    for (index, utterance) in place.manifest.utterances.iter_mut().enumerate() {
        utterance.language = Some(["one", "other"][(index / (N_TEXTS * Emotion::COUNT)) % 2].to_owned());
    }
    let results = place.run(Protocol::CrossCorpus, "out", |options| options.unseen_only = true).unwrap().results;
    let [model] = &results.models[..] else { panic!("the network alone") };
    let unseen = model.unseen.as_ref().unwrap();
    let names: Vec<_> = unseen.corpora.iter().map(|of| (of.corpus.as_str(), of.language.as_deref(), of.n)).collect();
    // Three of the four speakers of each corpus are in its train and dev splits.
    let n = 3 * N_TEXTS * Emotion::COUNT;
    assert_eq!(names, [("first", Some("one"), n), ("second", Some("other"), n)]);
    let mean = |figure: &dyn Fn(&UnseenCorpus) -> f64| unseen.corpora.iter().map(figure).sum::<f64>() / 2.0;
    assert!((unseen.uar.mean - mean(&|of| of.uar.mean)).abs() < 1e-12 && unseen.uar.deviation.is_some());
    assert!((unseen.uar_with_voice.unwrap().mean - mean(&|of| of.uar_with_voice.unwrap().mean)).abs() < 1e-12);
    assert_eq!(unseen.languages["one"], unseen.corpora[0].uar);
    let own = unseen.voice_settings[0];
    assert_eq!(Some(own.correction), place.config.voice);
    assert!((own.before - (unseen.uar_with_voice.unwrap().mean - unseen.uar.mean)).abs() < 1e-12);
    assert!((unseen.threshold.curve[0].coverage - 1.0).abs() < 1e-9, "every answer has a quarter at least");
    let group = model.groups.iter().find(|group| group.name == "first, unseen").unwrap();
    assert_eq!((group.uar, &group.corpora[..]), (unseen.corpora[0].uar, &["second".to_owned()][..]));

    let read = |name: &str| fs::read_to_string(place.out("out").join(name)).unwrap();
    let record: UnseenRecord = serde_json::from_str(&read("unseen.json")).unwrap();
    assert_eq!((&record.results, &record.seeds[..]), (unseen, &SEEDS[..]));
    let summary = read("summary.md");
    let (first, all) = (summary.find("on corpora that it never heard").unwrap(), summary.find("## All groups").unwrap());
    assert!(first < all && summary.contains(&format!("| first | one | {n} | {} |", unseen.corpora[0].uar)), "{summary}");
    assert!(!place.out("out/matrix-network.csv").exists(), "no test split was looked at");
}

#[test]
fn clips_in_which_listeners_heard_something_else_are_tested_on_but_not_learned_from() {
    let is_unheard = |index: usize, utterance: &Utterance| utterance.split == Some(Split::Train) && index.is_multiple_of(3);
    let mut place = Place::new(&["training.perceived_only=true"]);
    for (index, utterance) in place.manifest.utterances.iter_mut().enumerate() {
        utterance.is_perceived = Some(!is_unheard(index, utterance));
    }
    let predictions = |place: &Place, name: &str| {
        place.run(Protocol::Fixed, name, |_| {}).unwrap();
        fs::read_to_string(place.out(name).join("predictions.csv")).unwrap()
    };
    let marked = predictions(&place, "marked");
    place.config = config(&[]);
    let ignored = predictions(&place, "ignored");
    let mut place = Place::new(&[]);
    let utterances = std::mem::take(&mut place.manifest.utterances).into_iter().enumerate();
    place.manifest.utterances =
        utterances.filter(|(index, utterance)| !is_unheard(*index, utterance)).map(|(_, utterance)| utterance).collect();
    assert_eq!(marked, predictions(&place, "removed"));
    assert_ne!(marked, ignored);
}

#[test]
fn the_learning_curve_counts_corpora_that_are_not_the_tested_one() {
    let mut place = Place::new(&[]);
    // Three corpora: the third gets the last speaker of each split except train, and is only used for testing.
    for utterance in &mut place.manifest.utterances {
        if utterance.speaker == "s6" || utterance.speaker == "s7" {
            utterance.corpus = "third".to_owned();
        }
        if utterance.speaker == "s2" || utterance.speaker == "s3" {
            utterance.split = Some(Split::Test);
        }
    }
    let results = place.run(Protocol::CrossCorpus, "out", |_| {}).unwrap().results;
    let curve = &results.models[0].unseen.as_ref().unwrap().learning_curve;
    let points: Vec<_> = curve.iter().map(|point| (point.test_on.as_str(), point.n_corpora, point.n_choices)).collect();
    assert_eq!(points, [("first", 1, 1), ("second", 1, 1), ("third", 1, 2), ("third", 2, 1)]);
    let group = |name: &str| results.models[0].groups.iter().find(|group| group.name == name).unwrap().uar.mean;
    let expected = (group("first to third") + group("second to third")) / 2.0;
    assert!((curve[2].uar.mean - expected).abs() < 1e-12);
    assert!(fs::read_to_string(place.out("out/learning-curve-network.csv")).unwrap().starts_with("corpora learned from,third"));
}

#[test]
fn the_leak_is_measured_seed_by_seed_against_the_same_network_and_data() {
    let place = Place::new(&[]);
    let results = place.run(Protocol::Paper, "out", |_| {}).unwrap().results;
    let model = &results.models[0];
    let group = |name: &str| -> &GroupResults { model.groups.iter().find(|group| group.name == name).unwrap() };
    let whole = model.leak.last().unwrap();
    assert_eq!((whole.from.as_str(), whole.to.as_str()), ("honest-copies", "published-originals"));
    let difference = group("published-originals").uar.mean - group("honest-copies").uar.mean;
    assert!((whole.points.mean - 100.0 * difference).abs() < 1e-9);
    assert!(whole.points.deviation.is_some());
    for name in ["honest", "dev-is-test", "random-clips", "published-originals"] {
        assert_eq!(group(name).seeds[0].report.n as usize, N_CLIPS, "{name}");
    }
    assert_eq!(group("published").seeds[0].report.n as usize, 4 * N_CLIPS, "each clip and its three copies");
    // With the test clips as the dev set, the best dev UAR is the result.
    for fold in &group("random-clips").folds {
        assert!((fold.dev_uar - fold.uar).abs() < 1e-9);
    }
    let summary = fs::read_to_string(place.out("out/summary.md")).unwrap();
    assert!(
        summary.contains("the leak, in points of UAR") && summary.contains("| honest-copies | published-originals | "),
        "{summary}"
    );
    let beside = |name: &str| summary.lines().find(|line| line.starts_with(&format!("| {name} | "))).unwrap().to_owned();
    assert!(beside("happy: recall").starts_with("| happy: recall | 0.00 | "), "{summary}");
    let accuracy = [group("published"), group("honest-copies")].map(|group| group.accuracy.to_string()).join(" | ");
    assert_eq!(beside("accuracy"), format!("| accuracy | 0.630 | {accuracy} |"));
}

#[test]
fn baselines_run_through_the_same_folds() {
    let place = Place::new(&[]);
    let all = &[Baseline::Forest, Baseline::Logistic, Baseline::SvmLinear, Baseline::SvmRbf, Baseline::Knn, Baseline::CnnBilstm];
    let results = place.run(Protocol::Kfold, "out", |options| options.baselines = all).unwrap().results;
    let names: Vec<&str> = results.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["network", "forest", "logistic", "svm-linear", "svm-rbf", "knn", "cnn-bilstm"]);
    let (network, classical, reference) = (&results.models[0], &results.models[1..6], &results.models[6]);
    for model in classical {
        let group = &model.groups[0];
        assert_eq!(group.seeds[0].report.n as usize, N_CLIPS, "{}", model.name);
        assert!(group.folds.iter().all(|fold| !fold.chosen.is_empty() && fold.best_epoch.is_none()), "{}", model.name);
        // Chance level is 0.25.
        assert!(group.uar.mean > 0.35, "{}: {}", model.name, group.uar.mean);
    }
    let seeds: Vec<usize> = results.models.iter().map(|model| model.seeds.len()).collect();
    assert_eq!(seeds, [2, 2, 1, 2, 2, 1, 2], "where nothing is drawn one seed stands for all");

    assert!(reference.groups[0].folds.iter().all(|fold| fold.chosen.is_empty() && fold.best_epoch.is_some()));
    assert_eq!(reference.groups[0].pooled.n as usize, N_CLIPS * SEEDS.len());
    assert!(reference.n_parameters > network.n_parameters && reference.block_ms > Some(0.0) && network.block_ms > Some(0.0));
    assert!(classical.iter().all(|model| model.block_ms.is_none()));
    let summary = results.to_markdown();
    let line = summary.lines().find(|line| line.starts_with("- cnn-bilstm: ")).unwrap();
    assert!(line.contains(" parameters; ") && line.contains(" s a training, ") && line.contains(" ms a block"), "{line}");
}
