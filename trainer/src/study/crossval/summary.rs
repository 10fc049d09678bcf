//! From finished training runs to the results of each model and group.

use std::collections::{BTreeMap, BTreeSet};

use moodline_core::{Emotion, VoiceCorrection};

use super::clips::Clips;
use super::finished::Finished;
use super::job::Model;
use super::{Crossval, CrossvalOptions, jobs, speed};
use crate::base::PROGRAM;
use crate::data::manifest::Utterance;
use crate::measure::evaluate::{Answer, History, Honesty, Prediction, SpeakerMetrics, calibration};
use crate::measure::metrics::{Calibration, Confusion, Report};
use crate::study::protocol::results::{
    CrossvalResults, FoldResults, FoldSummary, GroupResults, LeakStep, ModelResults, SCHEMA, SeedResults, Spread, learning_curve,
};
use crate::study::protocol::unseen::{RiskThreshold, UnseenCorpus, UnseenResults, VoiceSetting};
use crate::study::protocol::{Fold, Plan, Sample};

/// The result of a training run, with its fold and seed.
struct FinishedFold<'a> {
    seed: u64,
    index: usize,
    fold: &'a Fold,
    finished: &'a Finished,
}

/// A test clip and its prediction.
struct Tested<'a> {
    sample: Sample,
    utterance: &'a Utterance,
    probabilities: &'a [f32; Emotion::COUNT],
}

impl Tested<'_> {
    fn prediction(&self, clips: &Clips<'_>, step_seconds: f64) -> Prediction {
        Prediction {
            utterance: self.utterance.clone(),
            probabilities: self.probabilities.map(f64::from),
            seconds: clips.n_steps(self.sample) as f64 * step_seconds,
            is_unfamiliar: false,
        }
    }
}

impl<'a> FinishedFold<'a> {
    /// The index of a group among the tests of the fold.
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
    let mut models: Vec<(Model, Vec<FinishedFold<'_>>)> = Vec::new();
    for (job, finished) in jobs.iter().zip(finished) {
        let outcome = FinishedFold { seed: job.seed, index: job.index, fold: job.fold, finished };
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
    outcomes: &[FinishedFold<'_>],
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
    let unseen = unseen_results(options, plan, clips, seeds, outcomes, &groups);
    ModelResults {
        name: model.name().to_owned(),
        description: match model {
            Model::Network => format!("network of {}", options.config.model.id),
            Model::Baseline(baseline) => baseline.description().to_owned(),
        },
        n_parameters: outcomes.iter().find_map(|outcome| outcome.finished.n_parameters),
        block_ms: speed::block_ms(options.config, model),
        seeds: seeds.to_vec(),
        unseen,
        leak,
        groups,
    }
}

/// What a correction by voice gains after each history, compared with the `cold` answers.
fn gain(setting: VoiceCorrection, predictions: &[Prediction], cold: &Confusion) -> VoiceSetting {
    let after = |history: History| {
        let mut corrected = predictions.to_vec();
        history.correct(&mut corrected, &setting);
        confusion(&answers(&corrected))
    };
    VoiceSetting {
        correction: setting,
        before: after(History::Before).uar() - cold.uar(),
        all: after(History::All).uar() - cold.uar(),
        same: after(History::Same).uar() - cold.uar(),
        natural: after(History::Natural).natural_accuracy() - cold.natural_accuracy(),
    }
}

/// The results for corpora that were left out of training; none if the protocol has no such group.
fn unseen_results(
    options: &CrossvalOptions<'_>,
    plan: &Plan,
    clips: &Clips<'_>,
    seeds: &[u64],
    outcomes: &[FinishedFold<'_>],
    groups: &[GroupResults],
) -> Option<UnseenResults> {
    let step_seconds = options.config.front_end.step_seconds();
    let correction = options.config.voice.as_ref();
    let settings = correction.map_or_else(Vec::new, VoiceSetting::grid);
    let mut gains: Vec<Vec<VoiceSetting>> = vec![Vec::new(); settings.len()];
    let (mut corpora, mut all_cold, mut all_with_voice) = (Vec::new(), Vec::new(), Vec::new());
    for (index, group) in plan.groups.iter().enumerate() {
        let Some(corpus) = &group.unseen else { continue };
        let (mut cold, mut with_voice, mut n, mut language) = (Vec::new(), Vec::new(), 0, None);
        for &seed in seeds {
            let of_seed = outcomes.iter().filter(|outcome| outcome.seed == seed);
            let mut predictions: Vec<Prediction> = of_seed
                .flat_map(|outcome| outcome.tested(index, clips))
                .map(|tested| tested.prediction(clips, step_seconds))
                .collect();
            let Some(first) = predictions.first() else { continue };
            (n, language) = (predictions.len(), first.utterance.language.clone());
            cold.push(answers(&predictions));
            let of_cold = confusion(&answers(&predictions));
            for (setting, gains) in settings.iter().zip(&mut gains) {
                gains.push(gain(*setting, &predictions, &of_cold));
            }
            if let Some(correction) = correction {
                History::Before.correct(&mut predictions, correction);
                with_voice.push(answers(&predictions));
            }
        }
        if cold.is_empty() {
            continue;
        }
        let over_seeds = |answers: &[Vec<Answer>], figure: &dyn Fn(&[Answer]) -> f64| {
            Spread::of(&answers.iter().map(|of| figure(of)).collect::<Vec<_>>())
        };
        let honesty = |figure: fn(Honesty) -> f64| over_seeds(&cold, &|answers| figure(Honesty::of(answers, 0.0)));
        corpora.push(UnseenCorpus {
            corpus: corpus.clone(),
            language,
            n,
            uar: over_seeds(&cold, &uar),
            uar_with_voice: (!with_voice.is_empty()).then(|| over_seeds(&with_voice, &uar)),
            ece: over_seeds(&cold, &|answers| calibration(answers).ece),
            surest_50: honesty(|honesty| honesty.surest_50.accuracy),
            surest_70: honesty(|honesty| honesty.surest_70.accuracy),
            activation: honesty(|honesty| honesty.activation.balanced_accuracy),
        });
        all_cold.push(cold);
        all_with_voice.push(with_voice);
    }
    if corpora.is_empty() {
        return None;
    }
    let mean = |answers: &[Vec<Vec<Answer>>], of: &dyn Fn(usize) -> bool| {
        let those: Vec<&Vec<Vec<Answer>>> =
            answers.iter().enumerate().filter(|(place, _)| of(*place)).map(|(_, of)| of).collect();
        let n_seeds = those.iter().map(|of| of.len()).min().unwrap_or(0);
        let of_seed = |seed: usize| those.iter().map(|of| uar(&of[seed])).sum::<f64>() / those.len() as f64;
        (n_seeds > 0).then(|| Spread::of(&(0..n_seeds).map(of_seed).collect::<Vec<_>>()))
    };
    let languages: BTreeSet<&String> = corpora.iter().filter_map(|corpus| corpus.language.as_ref()).collect();
    let of_language = |language: &String| {
        let spoken = |place: usize| corpora[place].language.as_ref() == Some(language);
        Some((language.clone(), mean(&all_cold, &spoken)?))
    };
    let languages = languages.into_iter().filter_map(of_language).collect();
    let pooled: Vec<Vec<Answer>> = all_cold.iter().map(|cold| cold.concat()).collect();
    Some(UnseenResults {
        uar: mean(&all_cold, &|_| true)?,
        uar_with_voice: mean(&all_with_voice, &|_| true),
        languages,
        threshold: RiskThreshold::choose(&pooled),
        voice_settings: gains.iter().filter_map(|gains| mean_setting(gains)).collect(),
        learning_curve: learning_curve(groups),
        corpora,
    })
}

/// The mean of one setting over corpora and seeds; none of none.
fn mean_setting(of: &[VoiceSetting]) -> Option<VoiceSetting> {
    let mean = |figure: fn(&VoiceSetting) -> f64| of.iter().map(figure).sum::<f64>() / of.len() as f64;
    Some(VoiceSetting {
        correction: of.first()?.correction,
        before: mean(|of| of.before),
        all: mean(|of| of.all),
        same: mean(|of| of.same),
        natural: mean(|of| of.natural),
    })
}

fn answers(predictions: &[Prediction]) -> Vec<Answer> {
    predictions.iter().map(Prediction::answer).collect()
}

fn confusion(answers: &[Answer]) -> Confusion {
    Confusion::of(answers.iter().map(|answer| (answer.truth, answer.found)))
}

fn uar(answers: &[Answer]) -> f64 {
    confusion(answers).uar()
}

fn group_results(plan: &Plan, clips: &Clips<'_>, group: usize, seeds: &[u64], outcomes: &[FinishedFold<'_>]) -> GroupResults {
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
        corpora: plan.groups[group].corpora.clone(),
        seeds: by_seed,
    }
}

/// Counts by speaker and by corpus.
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
fn predictions_csv(plan: &Plan, clips: &Clips<'_>, models: &[(Model, Vec<FinishedFold<'_>>)]) -> String {
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
    // INVARIANT: the fields are text, and writing to memory cannot fail.
    String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
}
