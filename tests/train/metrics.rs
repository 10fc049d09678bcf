//! The metrics compared with scikit-learn's, and the interval with manual calculations.

use std::collections::BTreeMap;

use moodline_core::Emotion;
use serde_json::Value;
use trainer::data::config::{ClassWeights, GivenWeights};
use trainer::data::dataset::class_weights;
use trainer::measure::metrics::{Confusion, Report, uar_interval};

fn golden() -> Value {
    test_support::golden::json("ml/golden_ml.json")
}

/// The golden data number the classes in the order angry, happy, neutral, sad.
const GOLDEN_ORDER: [Emotion; 4] = [Emotion::Angry, Emotion::Happy, Emotion::Neutral, Emotion::Sad];

fn classes(values: &Value) -> Vec<Emotion> {
    values.as_array().unwrap().iter().map(|value| GOLDEN_ORDER[value.as_u64().unwrap() as usize]).collect()
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-12, "{what}: expected {expected}, found {found}");
}

#[test]
fn all_three_reports_of_scikit_learn_come_out() {
    for case in ["report_normal", "report_class3_never_predicted", "report_class2_absent_in_truth"] {
        let golden = &golden()[case];
        let pairs = classes(&golden["y_true"]).into_iter().zip(classes(&golden["y_pred"]));
        let by_speaker = BTreeMap::from([("one".to_owned(), Confusion::of(pairs))]);
        let report = Report::of(&by_speaker);
        for (row, truth) in GOLDEN_ORDER.iter().enumerate() {
            for (column, predicted) in GOLDEN_ORDER.iter().enumerate() {
                let expected = golden["confusion"][row][column].as_u64().unwrap();
                assert_eq!(report.confusion.0[truth.index()][predicted.index()], expected, "{case}: {truth} as {predicted}");
            }
            let (class, expected) = (report.per_class.of(*truth), &golden["report"][truth.name()]);
            close(class.precision, &expected["precision"], case);
            close(class.recall, &expected["recall"], case);
            close(class.f1, &expected["f1-score"], case);
            assert_eq!(class.support as f64, expected["support"].as_f64().unwrap(), "{case}");
        }
        close(report.accuracy, &golden["accuracy"], case);
        close(report.macro_f1, &golden["macro_f1"], case);
        close(report.uar, &golden["report"]["macro avg"]["recall"], case);
        assert_eq!(report.uar_interval, None, "one speaker says nothing about others");
        assert!(report.to_string().contains("(95 % interval over speakers not available: one speaker)"), "{report}");
        assert!(serde_json::to_value(&report).unwrap().get("uar_interval").is_none());
    }
}

#[test]
fn a_class_that_does_not_occur_is_named_with_the_mean_over_the_others() {
    let golden = &golden()["report_class2_absent_in_truth"];
    let confusion = Confusion::of(classes(&golden["y_true"]).into_iter().zip(classes(&golden["y_pred"])));
    assert_eq!(confusion.absent(), [Emotion::Neutral]);
    let recalls = GOLDEN_ORDER.iter().filter(|emotion| **emotion != Emotion::Neutral);
    let balanced = recalls.map(|emotion| golden["report"][emotion.name()]["recall"].as_f64().unwrap()).sum::<f64>() / 3.0;
    let text = confusion.absent_text().unwrap();
    assert!(text.starts_with("no utterance is neutral: ") && text.ends_with(&format!("it is {balanced:.3}")), "{text}");
    let report = Report::of(&BTreeMap::from([("one".to_owned(), confusion)])).to_string();
    assert!(report.contains(&format!("\nwarning: {text}\n")), "{report}");
    assert_eq!(Confusion::of(Emotion::ALL.map(|emotion| (emotion, emotion))).absent_text(), None);
}

#[test]
fn balanced_class_weights_are_scikit_learns_and_a_missing_class_is_refused() {
    let golden = &golden()["class_weight_balanced"];
    let counts: Vec<usize> = golden["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap() as usize).collect();
    let weights = class_weights(&counts.try_into().unwrap(), ClassWeights::Balanced).unwrap();
    for (found, expected) in weights.iter().zip(golden["weights"].as_array().unwrap()) {
        assert!((f64::from(*found) - expected.as_f64().unwrap()).abs() < 1e-6);
    }
    assert_eq!(class_weights(&[5, 1, 2, 3], ClassWeights::None).unwrap(), [1.0; 4]);
    let given = ClassWeights::Given(GivenWeights { angry: 1.0, happy: 1.5, sad: 0.5, neutral: 2.0 });
    assert_eq!(class_weights(&[5, 1, 2, 3], given).unwrap(), [1.0, 1.5, 0.5, 2.0]);
    for kind in [ClassWeights::Balanced, ClassWeights::None] {
        let message = class_weights(&[5, 0, 2, 0], kind).unwrap_err().to_string();
        assert!(message.contains("happy, neutral"), "{message}");
    }
}

/// A speaker for whom every class has this recall, with ten utterances each.
fn speaker(recall_tenths: u64) -> Confusion {
    let mut confusion = Confusion::default();
    for class in 0..4 {
        confusion.0[class][class] = recall_tenths;
        confusion.0[class][(class + 1) % 4] = 10 - recall_tenths;
    }
    confusion
}

fn speakers(recalls: impl IntoIterator<Item = u64>) -> BTreeMap<String, Confusion> {
    recalls.into_iter().enumerate().map(|(index, recall)| (format!("s{index:03}"), speaker(recall))).collect()
}

#[test]
fn the_interval_is_the_spread_of_the_mean_over_speakers() {
    // With equal supports the UAR of a draw is the mean of the drawn recalls, so for 100 speakers, half at 0.3 and half at 0.7, its standard deviation is 0.2
    // / sqrt(100) = 0.02 and 95 % of the draws are within 1.96 times that.
    let by_speaker = speakers((0..100).map(|index| if index % 2 == 0 { 3 } else { 7 }));
    let [low, high] = uar_interval(&by_speaker).unwrap();
    assert!((low - (0.5 - 1.96 * 0.02)).abs() < 0.005 && (high - (0.5 + 1.96 * 0.02)).abs() < 0.005, "{low} {high}");
    assert_eq!(uar_interval(&by_speaker), Some([low, high]), "the draws are seeded");
}

#[test]
fn speakers_who_are_alike_have_no_spread() {
    let [low, high] = uar_interval(&speakers([6; 9])).unwrap();
    assert!((low - 0.6).abs() < 1e-12 && (high - 0.6).abs() < 1e-12, "{low} {high}");
    assert_eq!(uar_interval(&BTreeMap::new()), None);
    assert!(uar_interval(&speakers([6])).is_none() && uar_interval(&speakers([6, 4])).is_some());
}

#[test]
fn the_json_has_the_documented_keys() {
    let json = serde_json::to_value(Report::of(&speakers([5, 8]))).unwrap();
    for key in ["n", "uar", "accuracy", "macro_f1", "uar_interval", "labels", "per_class", "confusion"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["labels"], serde_json::json!(["angry", "happy", "sad", "neutral"]));
    assert_eq!(json["confusion"][0], serde_json::json!([13, 7, 0, 0]));
    let angry = json["per_class"]["angry"].as_object().unwrap();
    assert_eq!(angry.keys().map(String::as_str).collect::<Vec<_>>(), ["f1", "precision", "recall", "support"]);
}
