//! One model on one split: confusion, speakers, corpora, calibration, voices, robustness.

use super::page::Section;
use super::source::{EvaluationPart, Material};
use crate::base::plot::{Bar, Bars, Reference, counted, series};
use crate::measure::evaluate::{CorpusMetrics, calibration as calibration_of, figures_by_corpus, voice_figure};
use crate::measure::{ConfusionFigure, Reliability};

/// Name of the evaluation and its data.
pub(super) fn title(part: &EvaluationPart) -> String {
    format!("{} on {}, {} split", part.name, part.evaluation.manifests.join(", "), part.evaluation.split)
}

pub(super) fn confusion(material: &Material) -> Option<Section> {
    if material.evaluations.is_empty() {
        return None;
    }
    let mut section = Section::new("Confusion matrices");
    for part in &material.evaluations {
        let title = title(part);
        let report = &part.evaluation.report;
        let failed = match part.evaluation.n_failed {
            0 => String::new(),
            n => format!(" {n} clips could not be measured."),
        };
        let absent = report.confusion.absent_text().map_or_else(String::new, |text| format!(" Note that {text}."));
        let n_speakers = part.evaluation.per_speaker.len();
        let caption = format!("{title}: {} utterances of {n_speakers} speakers.{failed}{absent}", report.n);
        section.figure(format!("confusion-{}", part.name), caption, ConfusionFigure::of(title, report));
    }
    Some(section)
}

pub(super) fn speakers_and_corpora(material: &Material) -> Option<Section> {
    if material.evaluations.is_empty() {
        return None;
    }
    let mut section = Section::new("Speakers and corpora");
    section.text(
        "A speaker with few utterances, or without one of the emotions (a class that does not occur counts as recall 0), has a figure that says little.",
    );
    for part in &material.evaluations {
        let title = title(part);
        let mut speakers: Vec<_> = part.evaluation.per_speaker.iter().collect();
        speakers.sort_by(|a, b| b.1.uar.total_cmp(&a.1.uar).then_with(|| a.0.cmp(b.0)));
        let bars = |bars: Vec<Bar>, title: String, subtitle: &str| Bars {
            title,
            subtitle: subtitle.to_owned(),
            x_label: "UAR".to_owned(),
            bars,
            reference: Some(Reference::chance()),
        };
        let bar = |label: &str, value, interval, note, index| Bar {
            group: String::new(),
            label: label.to_owned(),
            value,
            interval,
            note,
            colour: series(index),
        };
        let by_speaker =
            speakers.iter().map(|(name, metrics)| bar(name, metrics.uar, None, format!("n = {}", metrics.n), 0)).collect();
        section.figure(
            format!("speakers-{}", part.name),
            format!("{title}: UAR of each of {} speakers, the best first.", speakers.len()),
            bars(by_speaker, format!("By speaker: {title}"), "n counts utterances"),
        );
        let of_answers = part.answers.as_deref().map(figures_by_corpus);
        let corpora = of_answers.as_ref().unwrap_or(&part.evaluation.per_corpus);
        if corpora.is_empty() {
            continue;
        }
        let of_corpus = |(name, metrics): (&String, &CorpusMetrics)| {
            bar(name, metrics.uar, metrics.uar_interval, counted(metrics.n, metrics.uar_interval), 2)
        };
        let by_corpus = corpora.iter().map(of_corpus).collect();
        section.figure(
            format!("corpora-{}", part.name),
            format!("{title}: UAR of each corpus, with 95 % intervals over its speakers."),
            bars(by_corpus, format!("By corpus: {title}"), "whiskers: 95 % bootstrap interval over the corpus's speakers"),
        );
    }
    Some(section)
}

pub(super) fn calibration(material: &Material) -> Option<Section> {
    let measured: Vec<_> = material
        .evaluations
        .iter()
        .filter_map(|part| {
            let counted = part.answers.as_deref().map(calibration_of);
            Some((part, counted.or_else(|| part.evaluation.calibration.clone())?))
        })
        .collect();
    if measured.is_empty() {
        return None;
    }
    let mut section = Section::new("Calibration");
    section.text(
        "How often the model is right when it is so sure. Bars below the dashed line: surer than it should be. The expected calibration error (Guo et al. 2017) is \
         the mean distance from the line, weighted by the answers in each of 15 bins.",
    );
    for (part, calibration) in measured {
        let title = title(part);
        let caption = format!(
            "{title}: reliability diagram, expected calibration error {:.3} (of a calibrated model: {:.3}), n = {}.",
            calibration.ece,
            calibration.ece_if_calibrated(),
            calibration.n
        );
        section.figure(format!("reliability-{}", part.name), caption, Reliability { title, calibration });
    }
    Some(section)
}

pub(super) fn voices(material: &Material) -> Option<Section> {
    let measured: Vec<_> = material.evaluations.iter().filter(|part| !part.evaluation.voice_curve.is_empty()).collect();
    if measured.is_empty() {
        return None;
    }
    let mut section = Section::new("A voice that is heard for longer");
    section
        .text("Every clip is measured at every point of a curve; what differs is how much of the same voice was heard before.");
    for part in measured {
        let title = title(part);
        let caption = format!("{title}: UAR, and accuracy of natural speech, by the seconds heard of each voice.");
        section.figure(format!("voice-{}", part.name), caption, voice_figure(&part.evaluation.voice_curve, title));
    }
    Some(section)
}

pub(super) fn robustness(material: &Material) -> Option<Section> {
    if material.robustness.is_empty() {
        return None;
    }
    let mut section = Section::new("Worse recordings");
    for (name, robustness) in &material.robustness {
        let caption = format!("{name}: the same clips, changed; {}.", robustness.place());
        section.figure(format!("robustness-{name}"), caption, robustness.figure());
        if !robustness.skipped.is_empty() {
            section.text(format!("Not measured: {}.", robustness.skipped.join("; ")));
        }
    }
    Some(section)
}
