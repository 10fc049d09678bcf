//! Decides between recipes: how well emotions are recognised on a corpus excluded from training.
//!
//! In: the predictions for corpora that were left out of training, clip by clip and seed by seed. Out: [`UnseenResults`]: each corpus and language,
//! cold and with voice correction, the confidence threshold for showing predictions, and the benefit of an additional corpus.

use std::collections::BTreeMap;

use moodline_core::{Emotion, VoiceCorrection};
use serde::{Deserialize, Serialize};

use super::spread::Spread;
use crate::base::plot::{Line, LinePanel, Lines, series};
use crate::base::table::Table;
use crate::data::manifest::ManifestSource;
use crate::measure::evaluate::Answer;
use crate::measure::metrics::NATURAL_SHARES;

/// Acceptable error rate, on unseen corpora, of predictions shown without a question mark.
pub const ACCEPTED_RISK: f64 = 0.4;

/// Acceptable loss of UAR from a history of the current emotion, and of the accuracy of natural speech from a natural history.
pub const ACCEPTED_HARM: f64 = 0.02;

/// Settings of the voice correction that are tried: [`VoiceCorrection::prior_seconds`], and the variety at which it begins and at which it is
/// complete.
const PRIOR_SECONDS: [f64; 4] = [3.0, 10.0, 30.0, 100.0];
const VARIETIES: [(f64, f64); 6] = [(0.05, 0.15), (0.1, 0.2), (0.12, 0.24), (0.1, 0.3), (0.15, 0.3), (0.2, 0.4)];

/// Thresholds that are tried, in hundredths: from the value that retains every prediction (the most probable of four has at least a quarter) to one
/// that retains hardly any.
const HUNDREDTHS: std::ops::RangeInclusive<u32> = 25..=95;

/// Below this fraction of all predictions, the accuracy at a threshold is not informative.
const LEAST_COVERAGE: f64 = 0.05;

/// Results of a model on corpora excluded from training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnseenResults {
    /// Mean over the corpora, over the seeds; this decides between recipes.
    pub uar: Spread,
    /// The same after the speaker's earlier clips; none if the recipe has no voice correction.
    pub uar_with_voice: Option<Spread>,
    /// Mean over the corpora of each language, if the manifests give it.
    pub languages: BTreeMap<String, Spread>,
    /// Each corpus.
    pub corpora: Vec<UnseenCorpus>,
    /// The confidence threshold for retaining predictions.
    pub threshold: RiskThreshold,
    /// Settings of the voice correction that were tried, including the recipe's own; empty if it has none.
    pub voice_settings: Vec<VoiceSetting>,
    /// The effect of the number of training corpora.
    pub learning_curve: Vec<LearningPoint>,
}

/// [`UnseenResults`] of a recipe's network and their provenance: `unseen.json`, which a model card quotes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnseenRecord {
    /// Program and version that wrote it.
    pub program: String,
    /// Name of the recipe.
    pub model: String,
    /// SHA-256 of the recipe.
    pub config_sha256: String,
    /// The manifests.
    pub manifests: Vec<ManifestSource>,
    /// Training seeds.
    pub seeds: Vec<u64>,
    /// Number of trained values of the network.
    pub n_parameters: Option<usize>,
    /// The results.
    pub results: UnseenResults,
}

/// One corpus that was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnseenCorpus {
    /// Its name.
    pub corpus: String,
    /// The language spoken, if the manifest gives it.
    pub language: Option<String>,
    /// Number of clips.
    pub n: usize,
    /// Over the seeds, cold.
    pub uar: Spread,
    /// After the speaker's earlier clips.
    pub uar_with_voice: Option<Spread>,
    /// [`crate::measure::metrics::Calibration::ece`]
    pub ece: Spread,
    /// Accuracy of the most confident half.
    pub surest_50: Spread,
    /// Accuracy of the most confident 70 %.
    pub surest_70: Spread,
    /// Calm against excited, mean of both recalls.
    pub activation: Spread,
}

/// The predictions retained at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskPoint {
    /// Smallest probability of the most probable emotion.
    pub threshold: f64,
    /// Fraction of all predictions that is retained, with equal weight for each corpus.
    pub coverage: f64,
    /// Fraction of these that are correct; 0 if there are none.
    pub accuracy: f64,
}

/// Effect of other settings of the voice correction: differences from the cold predictions, of UAR unless stated otherwise, mean over corpora and seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceSetting {
    /// The settings.
    pub correction: VoiceCorrection,
    /// After the speaker's earlier clips.
    pub before: f64,
    /// After all others.
    pub all: f64,
    /// After the others with the same label: the harm.
    pub same: f64,
    /// [`Confusion::natural_accuracy`](crate::measure::metrics::Confusion::natural_accuracy) after a history that is mostly neutral.
    pub natural: f64,
}

/// A threshold chosen for a risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskThreshold {
    /// [`ACCEPTED_RISK`]
    pub risk: f64,
    /// The lowest threshold at and above which the risk is never exceeded; none if there is no such threshold.
    pub chosen: Option<RiskPoint>,
    /// All thresholds that were tried.
    pub curve: Vec<RiskPoint>,
}

/// UAR on a corpus after training on a number of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningPoint {
    /// The test corpus; its test split is used.
    pub test_on: String,
    /// Number of training corpora, not including the test corpus.
    pub n_corpora: usize,
    /// Number of training runs with different choices of these corpora.
    pub n_choices: usize,
    /// Mean over these choices, over the seeds.
    pub uar: Spread,
}

impl VoiceSetting {
    /// Settings around the recipe's `own`, which come first.
    #[must_use]
    pub fn grid(own: &VoiceCorrection) -> Vec<VoiceCorrection> {
        let mut settings = vec![*own];
        for prior_seconds in PRIOR_SECONDS {
            for (least_variety, full_variety) in VARIETIES {
                let correction = VoiceCorrection { prior_seconds, least_variety, full_variety, ..*own };
                if correction != *own {
                    settings.push(correction);
                }
            }
        }
        settings
    }

    /// The setting that is most useful if histories of all emotions and of one are equally likely, of those that do acceptable harm to one emotion and to
    /// natural speech; none if there are none.
    #[must_use]
    pub fn best(settings: &[Self]) -> Option<&Self> {
        let harmless = settings.iter().filter(|setting| setting.same.min(setting.natural) >= -ACCEPTED_HARM);
        // The first in case of a tie, so that no change of the recipe is suggested without benefit.
        harmless.reduce(|best, other| if other.usefulness() > best.usefulness() { other } else { best })
    }

    fn usefulness(&self) -> f64 {
        0.5 * (self.before + self.all) + self.same
    }
}

impl RiskThreshold {
    /// Chooses the threshold for [`ACCEPTED_RISK`] from the predictions for each corpus.
    #[must_use]
    pub fn choose(corpora: &[Vec<Answer>]) -> Self {
        let sureness = |answer: &Answer| answer.probabilities.into_iter().fold(0.0, f64::max);
        let curve: Vec<RiskPoint> = HUNDREDTHS
            .map(|hundredths| {
                let threshold = f64::from(hundredths) / 100.0;
                let (mut told, mut right) = (0.0, 0.0);
                for answers in corpora {
                    let weight = 1.0 / (answers.len() * corpora.len()) as f64;
                    for answer in answers.iter().filter(|answer| sureness(answer) >= threshold) {
                        told += weight;
                        right += if answer.found == answer.truth { weight } else { 0.0 };
                    }
                }
                RiskPoint { threshold, coverage: told, accuracy: if told > 0.0 { right / told } else { 0.0 } }
            })
            .collect();
        let holds = |point: &&RiskPoint| point.coverage < LEAST_COVERAGE || point.accuracy >= 1.0 - ACCEPTED_RISK;
        let chosen = curve.iter().rev().take_while(holds).filter(|point| point.coverage >= LEAST_COVERAGE).last().copied();
        Self { risk: ACCEPTED_RISK, chosen, curve }
    }
}

impl UnseenResults {
    /// A row for each corpus and one for their mean.
    #[must_use]
    pub fn table(&self) -> Table {
        let columns = [
            "corpus",
            "language",
            "clips",
            "UAR cold",
            "with a voice",
            "ECE",
            "surest 50 % right",
            "surest 70 % right",
            "calm or excited",
        ];
        let mut table = Table::new(columns);
        let or_none = |spread: &Option<Spread>| spread.map_or_else(|| "-".to_owned(), |spread| spread.to_string());
        for of in &self.corpora {
            let UnseenCorpus { corpus, language, n, uar, uar_with_voice, ece, surest_50, surest_70, activation } = of;
            let figures = [ece, surest_50, surest_70, activation].map(ToString::to_string);
            let language = language.clone().unwrap_or_else(|| "-".to_owned());
            let first = [corpus.clone(), language, n.to_string(), uar.to_string(), or_none(uar_with_voice)];
            table.push(first.into_iter().chain(figures));
        }
        let mean = ["mean".to_owned(), String::new(), String::new(), self.uar.to_string(), or_none(&self.uar_with_voice)];
        table.push(mean.into_iter().chain(std::iter::repeat_n(String::new(), 4)));
        table
    }

    /// The benefit of an additional corpus.
    #[must_use]
    pub fn learning_table(&self) -> Table {
        let mut table = Table::new(["tested on", "corpora learned from, not that one", "choices of them", "UAR"]);
        for LearningPoint { test_on, n_corpora, n_choices, uar } in &self.learning_curve {
            table.push([test_on.clone(), n_corpora.to_string(), n_choices.to_string(), uar.to_string()]);
        }
        table
    }

    /// The note below [`UnseenResults::table`].
    #[must_use]
    pub fn note(&self) -> String {
        let languages: Vec<String> = self.languages.iter().map(|(language, uar)| format!("{language} {uar}")).collect();
        let languages = if languages.len() > 1 {
            format!(" Mean over the corpora of each language: {}.", languages.join(", "))
        } else {
            String::new()
        };
        let told = match self.threshold.chosen {
            Some(RiskPoint { threshold, coverage, accuracy }) => format!(
                "answers of a probability of at least {threshold:.2} keep it ({:.0} % of all, {:.0} % of them right)",
                100.0 * coverage,
                100.0 * accuracy
            ),
            None => "no threshold keeps it".to_owned(),
        };
        format!(
            "Trained on all corpora but the one of the row, tested on its train and dev splits; recipes are told apart by the mean. With a voice: after the speaker's \
             earlier clips, in the order of the manifest.{languages} Of the answers that are told, {:.0} % may be wrong: {told}.",
            100.0 * self.threshold.risk
        )
    }

    /// The settings of the voice correction, the recipe's own first.
    #[must_use]
    pub fn voice_table(&self) -> Table {
        let best = VoiceSetting::best(&self.voice_settings);
        let columns = [
            "prior_seconds",
            "least_variety",
            "full_variety",
            "after earlier clips",
            "after all others",
            "after the same emotion",
            "natural speech",
            "",
        ];
        let mut table = Table::new(columns);
        for (place, setting) in self.voice_settings.iter().enumerate() {
            let VoiceSetting { correction, before, all, same, natural } = setting;
            let own = if place == 0 { "the recipe's own" } else { "" };
            let mark = if best == Some(setting) { "most useful" } else { own };
            let settings =
                [correction.prior_seconds, correction.least_variety, correction.full_variety].map(|value| value.to_string());
            let figures = [before, all, same, natural].map(|figure| format!("{figure:+.3}"));
            table.push(settings.into_iter().chain(figures).chain([mark.to_owned()]));
        }
        table
    }

    /// The tables with explanations.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let learning =
            if self.learning_curve.is_empty() { String::new() } else { format!("\n{}", self.learning_table().to_markdown()) };
        let voice = if self.voice_settings.is_empty() {
            String::new()
        } else {
            format!(
                "\nCorrection by voice, against cold answers: change of the UAR, and of the accuracy of natural speech ({:.0} % neutral) after such a \
                 history. The most useful is the one that gains most if histories of all emotions and of one are equally likely, without losing more than \
                 {ACCEPTED_HARM} after one emotion or in natural speech:\n\n{}",
                100.0 * NATURAL_SHARES[Emotion::Neutral.index()],
                self.voice_table().to_markdown()
            )
        };
        format!("{}\n{}\n{voice}{learning}", self.table().to_markdown(), self.note())
    }
}

impl UnseenRecord {
    /// File name in the folder of a cross-validation or a model.
    pub const FILE: &str = "unseen.json";

    /// As JSON, with a trailing newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: numbers, text and maps with text keys serialise.
        serde_json::to_string_pretty(self).expect("results serialise") + "\n"
    }
}

/// A curve for each corpus that was tested with more than one number of training corpora; none if there is no such corpus.
#[must_use]
pub fn learning_figure(points: &[LearningPoint], title: &str) -> Option<Lines> {
    let mut corpora: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for point in points {
        corpora.entry(&point.test_on).or_default().push((point.n_corpora as f64, point.uar.mean));
    }
    corpora.retain(|_, points| points.len() > 1);
    let lines: Vec<Line> = corpora
        .into_iter()
        .enumerate()
        .map(|(index, (name, points))| Line { name: name.to_owned(), points, colour: series(index), dashed: false })
        .collect();
    (!lines.is_empty()).then(|| Lines {
        title: title.to_owned(),
        x_label: "corpora learned from".to_owned(),
        panels: vec![LinePanel { y_label: "UAR on a corpus that is not among them".to_owned(), lines }],
        guide: None,
    })
}

/// Small results for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Two seeds of a recipe with this threshold, whose UAR is 0.5 and 0.7 on the corpora `a` and `b`.
    pub(crate) fn record(threshold: Option<f64>) -> UnseenRecord {
        let corpus = |name: &str, uar: f64| UnseenCorpus {
            corpus: name.to_owned(),
            language: None,
            n: 10,
            uar: Spread::of(&[uar - 0.02, uar + 0.02]),
            uar_with_voice: None,
            ece: Spread::of(&[0.1]),
            surest_50: Spread::of(&[0.8]),
            surest_70: Spread::of(&[0.7]),
            activation: Spread::of(&[0.9]),
        };
        let chosen = threshold.map(|threshold| RiskPoint { threshold, coverage: 0.7, accuracy: 0.6 });
        UnseenRecord {
            program: "trainer".to_owned(),
            model: "small".to_owned(),
            config_sha256: "c".repeat(64),
            manifests: vec![ManifestSource { name: "a.csv".to_owned(), sha256: "a".repeat(64) }],
            seeds: vec![0, 1],
            n_parameters: Some(100),
            results: UnseenResults {
                uar: Spread::of(&[0.58, 0.62]),
                uar_with_voice: None,
                languages: BTreeMap::new(),
                corpora: vec![corpus("a", 0.5), corpus("b", 0.7)],
                threshold: RiskThreshold { risk: ACCEPTED_RISK, chosen, curve: Vec::new() },
                voice_settings: Vec::new(),
                learning_curve: Vec::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(of: &[(f64, bool)]) -> Vec<Answer> {
        let answer = |&(sure, right): &(f64, bool)| {
            let rest = (1.0 - sure) / 3.0;
            let truth = if right { Emotion::Angry } else { Emotion::Sad };
            let [name, corpus, speaker] = ["a.wav", "c", "s"].map(str::to_owned);
            let probabilities = [sure, rest, rest, rest];
            Answer { name, corpus, speaker, split: None, truth, found: Emotion::Angry, probabilities }
        };
        of.iter().map(answer).collect()
    }

    #[test]
    fn the_lowest_threshold_is_chosen_from_which_on_the_risk_is_kept() {
        // Predictions at 0.8 are right, at 0.6 half of the time, at 0.3 never.
        let corpus = answers(&[(0.8, true), (0.8, true), (0.8, true), (0.6, true), (0.6, false), (0.3, false), (0.3, false)]);
        let RiskThreshold { chosen, curve, .. } = RiskThreshold::choose(&[corpus]);
        let chosen = chosen.unwrap();
        assert_eq!(chosen.threshold, 0.31);
        assert!((chosen.accuracy - 0.8).abs() < 1e-12, "four of the five that are told");
        assert!((chosen.coverage - 5.0 / 7.0).abs() < 1e-12);
        assert!((curve[0].coverage - 1.0).abs() < 1e-12, "every answer counts");
    }

    #[test]
    fn the_most_useful_correction_is_one_that_does_little_harm() {
        let own = VoiceCorrection { prior_seconds: 3.0, memory_seconds: 600.0, least_variety: 0.15, full_variety: 0.3 };
        let grid = VoiceSetting::grid(&own);
        assert_eq!((grid.len(), grid[0]), (PRIOR_SECONDS.len() * VARIETIES.len(), own));
        assert!(grid.iter().all(|correction| correction.validate().is_ok()));
        let setting =
            |place: usize, gain, same| VoiceSetting { correction: grid[place], before: gain, all: gain, same, natural: 0.0 };
        let settings = [setting(0, 0.01, 0.0), setting(1, 0.05, -0.03), setting(2, 0.04, -0.02), setting(3, 0.045, -0.03)];
        assert_eq!(VoiceSetting::best(&settings), Some(&settings[2]));
        assert_eq!(VoiceSetting::best(&settings[1..2]), None);
        let unnatural = |natural| VoiceSetting { natural, ..setting(4, 0.09, 0.0) };
        assert_eq!(VoiceSetting::best(&[settings[0], unnatural(-0.03)]), Some(&settings[0]));
        assert_eq!(VoiceSetting::best(&[settings[0], unnatural(-0.02)]), Some(&unnatural(-0.02)));
        let harmful = [setting(0, 0.01, 0.0), setting(1, 0.025, -0.02)];
        assert_eq!(
            VoiceSetting::best(&harmful),
            Some(&harmful[0]),
            "what is lost after one emotion counts as what is gained after all"
        );
        assert_eq!(
            VoiceSetting::best(&[setting(0, 0.01, 0.0), setting(1, 0.01, 0.0)]),
            Some(&settings[0]),
            "the first of equals"
        );
    }

    #[test]
    fn small_corpora_weigh_like_large_ones_and_a_risk_that_nothing_keeps_has_no_threshold() {
        let large = answers(&[(0.5, true); 90]);
        let small = answers(&[(0.5, false); 10]);
        let RiskThreshold { chosen, curve, .. } = RiskThreshold::choose(&[large, small]);
        assert!((curve[0].accuracy - 0.5).abs() < 1e-12);
        assert_eq!(chosen, None);
    }
}
