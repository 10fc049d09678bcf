//! From the finished trainings to the figures of each model and group.

use std::collections::BTreeMap;

use moodline_core::Emotion;

use super::clips::Clips;
use super::finished::Finished;
use super::job::Model;
use super::{Crossval, CrossvalOptions, jobs, speed};
use crate::base::PROGRAM;
use crate::data::manifest::Utterance;
use crate::measure::evaluate::SpeakerMetrics;
use crate::measure::metrics::{Calibration, Confusion, Report};
use crate::study::protocol::results::{
    CrossvalResults, FoldResults, FoldSummary, GroupResults, LeakStep, ModelResults, SCHEMA, SeedResults, Spread,
};
use crate::study::protocol::{Fold, Plan, Sample};

/// A finished training and what it was of.
struct Outcome<'a> {
    seed: u64,
    index: usize,
    fold: &'a Fold,
    finished: &'a Finished,
}

/// A tested clip.
struct Tested<'a> {
    sample: Sample,
    utterance: &'a Utterance,
    probabilities: &'a [f32; Emotion::COUNT],
}

impl<'a> Outcome<'a> {
    /// The place of a group among the tests of the fold.
    fn test(&self, group: usize) -> Option<usize> {
        self.fold.tests.iter().position(|test| test.group == group)
    }

    fn tested(&self, group: usize, clips: &Clips<'a>) -> Vec<Tested<'a>> {
        let Some(test) = self.test(group) else { return Vec::new() };
        let (samples, found) = (&self.fold.tests[test].samples, &self.finished.tests[test]);
        samples
            .iter()
            .zip(found)
            .map(|(&sample, probabilities)| Tested { sample, utterance: clips.utterance(sample), probabilities })
            .collect()
    }
}

pub(super) fn summarise(options: &CrossvalOptions<'_>, plan: &Plan, clips: &Clips<'_>, finished: &[Finished]) -> Crossval {
    let jobs = jobs(options, plan);
    let mut models: Vec<(Model, Vec<Outcome<'_>>)> = Vec::new();
    for (job, finished) in jobs.iter().zip(finished) {
        let outcome = Outcome { seed: job.seed, index: job.index, fold: job.fold, finished };
        match models.last_mut() {
            Some((model, outcomes)) if *model == job.model => outcomes.push(outcome),
            _ => models.push((job.model, vec![outcome])),
        }
    }
    let results = CrossvalResults {
        schema: SCHEMA,
        program: PROGRAM.to_owned(),
        protocol: options.protocol,
        description: plan.description.clone(),
        model: options.config.model.id.clone(),
        config_sha256: options.config.sha256(),
        manifests: options.manifest.sources.clone(),
        split_seed: options.split_seed,
        seeds: options.seeds.to_vec(),
        left_out: clips.problems.0.iter().map(ToString::to_string).collect(),
        folds: plan.folds.iter().map(|fold| fold_summary(plan, fold, clips)).collect(),
        models: models.iter().map(|(model, outcomes)| model_results(options, plan, clips, *model, outcomes)).collect(),
    };
    Crossval { results, predictions: predictions_csv(plan, clips, &models) }
}

fn fold_summary(plan: &Plan, fold: &Fold, clips: &Clips<'_>) -> FoldSummary {
    let speakers = |samples: &mut dyn Iterator<Item = &Sample>| {
        let mut speakers: Vec<String> = samples.map(|sample| clips.utterance(*sample).speaker.clone()).collect();
        speakers.sort_unstable();
        speakers.dedup();
        speakers
    };
    FoldSummary {
        name: fold.name.clone(),
        n_train: fold.train.len(),
        n_dev: fold.dev.len(),
        n_test: fold.tests.iter().map(|test| (plan.groups[test.group].name.clone(), test.samples.len())).collect(),
        train_speakers: speakers(&mut fold.train.iter()),
        dev_speakers: speakers(&mut fold.dev.iter()),
        test_speakers: speakers(&mut fold.tests.iter().flat_map(|test| &test.samples)),
    }
}

fn model_results(
    options: &CrossvalOptions<'_>,
    plan: &Plan,
    clips: &Clips<'_>,
    model: Model,
    outcomes: &[Outcome<'_>],
) -> ModelResults {
    let seeds = model.seeds(options.seeds);
    let is_tested = |group: &usize| outcomes.iter().any(|outcome| outcome.test(*group).is_some());
    let tested: Vec<usize> = (0..plan.groups.len()).filter(is_tested).collect();
    let groups: Vec<GroupResults> = tested.iter().map(|&group| group_results(plan, clips, group, seeds, outcomes)).collect();
    let of_group = |group: usize| tested.iter().position(|&other| other == group).map(|place| &groups[place]);
    let leak = plan
        .steps
        .iter()
        .filter_map(|step| {
            let (from, to) = (of_group(step.from)?, of_group(step.to)?);
            let points: Vec<f64> =
                from.seeds.iter().zip(&to.seeds).map(|(from, to)| 100.0 * (to.report.uar - from.report.uar)).collect();
            let name = step.name.to_owned();
            Some(LeakStep { name, from: from.name.clone(), to: to.name.clone(), points: Spread::of(&points) })
        })
        .collect();
    ModelResults {
        name: model.name().to_owned(),
        description: match model {
            Model::Network => format!("network of {}", options.config.model.id),
            Model::Baseline(baseline) => baseline.description().to_owned(),
        },
        n_parameters: outcomes.iter().find_map(|outcome| outcome.finished.n_parameters),
        block_ms: speed::block_ms(options.config, model),
        seeds: seeds.to_vec(),
        leak,
        groups,
    }
}

fn group_results(plan: &Plan, clips: &Clips<'_>, group: usize, seeds: &[u64], outcomes: &[Outcome<'_>]) -> GroupResults {
    let mut pooled = ByVoice::default();
    let mut answers = Vec::new();
    let mut by_seed = Vec::with_capacity(seeds.len());
    for &seed in seeds {
        let mut of_seed = ByVoice::default();
        for outcome in outcomes.iter().filter(|outcome| outcome.seed == seed) {
            for tested in outcome.tested(group, clips) {
                of_seed.add(&tested);
                pooled.add(&tested);
                answers.push((tested.utterance.emotion, tested.probabilities.map(f64::from)));
            }
        }
        by_seed.push(SeedResults { seed, report: Report::of(&of_seed.speakers) });
    }
    let over_seeds =
        |figure: &dyn Fn(&Report) -> f64| Spread::of(&by_seed.iter().map(|seed| figure(&seed.report)).collect::<Vec<_>>());
    let folds = outcomes.iter().filter_map(|outcome| {
        let confusion = outcome.finished.confusion(outcome.fold, outcome.test(group)?, clips);
        Some(FoldResults {
            fold: outcome.index,
            seed: outcome.seed,
            best_epoch: outcome.finished.best_epoch,
            chosen: outcome.finished.chosen.clone(),
            dev_uar: outcome.finished.dev_uar,
            uar: confusion.uar(),
            accuracy: confusion.accuracy(),
            confusion,
            seconds: outcome.finished.seconds,
        })
    });
    GroupResults {
        name: plan.groups[group].name.clone(),
        train_on: plan.groups[group].train_on.clone(),
        test_on: plan.groups[group].test_on.clone(),
        uar: over_seeds(&|report| report.uar),
        accuracy: over_seeds(&|report| report.accuracy),
        macro_f1: over_seeds(&|report| report.macro_f1),
        recall: Emotion::ALL.map(|emotion| over_seeds(&|report| report.per_class.of(emotion).recall)),
        pooled: Report::of(&pooled.speakers),
        calibration: Some(Calibration::of(answers)),
        folds: folds.collect(),
        per_speaker: figures(&pooled.speakers),
        per_corpus: figures(&pooled.corpora),
        seeds: by_seed,
    }
}

/// Counts by who speaks and by corpus.
#[derive(Default)]
struct ByVoice {
    speakers: BTreeMap<String, Confusion>,
    corpora: BTreeMap<String, Confusion>,
}

impl ByVoice {
    fn add(&mut self, tested: &Tested<'_>) {
        let Utterance { speaker, corpus, emotion, .. } = tested.utterance;
        let found = Emotion::most_probable(tested.probabilities);
        self.speakers.entry(speaker.clone()).or_default().add(*emotion, found);
        self.corpora.entry(corpus.clone()).or_default().add(*emotion, found);
    }
}

fn figures(confusions: &BTreeMap<String, Confusion>) -> BTreeMap<String, SpeakerMetrics> {
    let figures =
        |confusion: &Confusion| SpeakerMetrics { n: confusion.n(), uar: confusion.uar(), accuracy: confusion.accuracy() };
    confusions.iter().map(|(name, confusion)| (name.clone(), figures(confusion))).collect()
}

/// One line for each model, group, seed and clip.
fn predictions_csv(plan: &Plan, clips: &Clips<'_>, models: &[(Model, Vec<Outcome<'_>>)]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |fields: &[&str]| {
        // INVARIANT: writing to memory cannot fail, and every line has as many fields as the header.
        writer.write_record(fields).expect("a line of fourteen fields");
    };
    let mut header = vec!["model", "group", "seed", "fold", "path", "copy", "corpus", "speaker", "emotion", "predicted"];
    header.extend(Emotion::ALL.map(Emotion::name));
    write(&header);
    for (model, outcomes) in models {
        for (index, group) in plan.groups.iter().enumerate() {
            for outcome in outcomes {
                let (seed, fold) = (outcome.seed.to_string(), outcome.index.to_string());
                for Tested { sample, utterance, probabilities } in outcome.tested(index, clips) {
                    let Utterance { name, corpus, speaker, emotion, .. } = utterance;
                    let [angry, happy, sad, neutral] = probabilities.map(|probability| format!("{probability:.6}"));
                    let (copy, predicted) = (sample.copy.to_string(), Emotion::most_probable(probabilities).name());
                    let place = [model.name(), &group.name, &seed, &fold, name, &copy, corpus, speaker];
                    let answer = [emotion.name(), predicted, &angry, &happy, &sad, &neutral];
                    write(&[&place[..], &answer[..]].concat());
                }
            }
        }
    }
    // INVARIANT: the fields are text, and memory takes all of it.
    String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
}
