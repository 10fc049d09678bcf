//! Tests of what `[augmentation]` accepts.

use super::*;
use moodline_augment::random::generator;

fn parse(text: &str) -> Result<AugmentationConfig, String> {
    let config: AugmentationConfig = toml::from_str(text).map_err(|error| error.to_string())?;
    config.validate().map_err(|error| error.to_string())?;
    Ok(config)
}

/// One transform of each kind, with valid values.
pub(crate) const EVERY_KIND: &str = r#"
    copies = 2
    seed = 7
    transforms = [
        { kind = "pitch_shift", semitones = [-2, 2.5], probability = 0.5 },
        { kind = "time_stretch", rate = 0.9, cut = true },
        { kind = "speed", rate = [0.85, 1.18] },
        { kind = "vocal_tract", alpha = [0.9, 1.1] },
        { kind = "gain", db = [-12, 6] },
        { kind = "tilt", db_per_octave = [-3, 3] },
        { kind = "equaliser", bands = 6, db = [-8, 8] },
        { kind = "band_limit", low_hz = 300, high_hz = 3400 },
        { kind = "reverb", t60_seconds = [0.1, 0.4], direct_db = [0, 15] },
        { kind = "noise", colours = ["white", "brown"], snr_db = [10, 50] },
        { kind = "hiss", sigma = 0.005 },
        { kind = "clipping", threshold_db = [-12, -1] },
        { kind = "gate", threshold_db = [-50, -20], range_db = [10, 80] },
        { kind = "codec", law = "mu_law", bits = [6, 8], high_hz = 3400 },
    ]
    [batch]
    mixup = 0.2
"#;

#[test]
fn every_kind_is_read_and_comes_back_from_its_own_text() {
    let config = parse(EVERY_KIND).unwrap();
    assert_eq!(config.transforms.len(), 14);
    assert_eq!(config.transforms[0].probability, 0.5);
    assert_eq!(config.transforms[1].probability, 1.0);
    assert_eq!(config.transforms[1].transform, Transform::TimeStretch { rate: Span::Fixed(0.9), cut: true });
    for TransformConfig { transform, .. } in &config.transforms {
        assert_eq!(Table::try_from(transform.clone()).unwrap()["kind"].as_str(), Some(transform.name()));
    }
    let text = toml::to_string(&config).unwrap();
    assert_eq!(parse(&text).unwrap(), config, "{text}");
    let defaults = parse("transforms = [{ kind = \"noise\", snr_db = 20 }, { kind = \"codec\", bits = 8 }]").unwrap();
    assert_eq!(defaults.copies, 0);
    assert!(matches!(&defaults.transforms[0].transform, Transform::Noise { colours, .. } if colours.len() == 3));
    assert!(matches!(defaults.transforms[1].transform, Transform::Codec { law: Law::MuLaw, .. }));
}

#[test]
fn the_example_of_the_guide_is_accepted() {
    let guide = include_str!("../../../../../docs/train-your-own.md");
    let (_, example) = guide.split_once("\n    [augmentation]\n").unwrap();
    let lines = example.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let config = parse(&lines.collect::<Vec<_>>().join("\n").replace("[augmentation.batch]", "[batch]")).unwrap();
    assert_eq!((config.copies, config.transforms.len()), (4, 6));
    assert_eq!(config.batch.unwrap().mixup, Some(0.2));
}

#[test]
fn what_is_out_of_range_is_refused_by_its_place() {
    for (transform, expected) in [
        (
            "kind = \"pitch_shift\", semitones = 13",
            "augmentation.transforms[1].semitones must be a number or [least, most] from -12 to 12, found 13",
        ),
        (
            "kind = \"pitch_shift\", semitones = [2, -2]",
            "transforms[1].semitones must be a number or [least, most] from -12 to 12, found [2, -2]",
        ),
        ("kind = \"pitch_shift\", semitones = nan", "transforms[1].semitones must be"),
        ("kind = \"time_stretch\", rate = 0", "transforms[1].rate must be a number or [least, most] from 0.5 to 2, found 0"),
        ("kind = \"speed\", rate = [0.85, 2.1]", "transforms[1].rate must be"),
        ("kind = \"vocal_tract\", alpha = 1.3", "transforms[1].alpha must be"),
        ("kind = \"gain\", db = 50", "transforms[1].db must be a number or [least, most] from -60 to 40 dB, found 50"),
        ("kind = \"tilt\", db_per_octave = -13", "transforms[1].db_per_octave must be"),
        ("kind = \"equaliser\", bands = 6, db = [-30, 0]", "transforms[1].db must be"),
        ("kind = \"equaliser\", bands = 0, db = 1", "transforms[1].bands must be 1..=16, found 0"),
        ("kind = \"band_limit\", low_hz = 10", "transforms[1].low_hz must be"),
        ("kind = \"band_limit\", high_hz = 30000", "transforms[1].high_hz must be"),
        ("kind = \"band_limit\"", "transforms[1].low_hz must be given, or high_hz"),
        (
            "kind = \"band_limit\", low_hz = [60, 900], high_hz = [800, 3400]",
            "transforms[1].high_hz must be above 900 Hz, where low_hz ends: nothing would be left of the band, found 800 Hz",
        ),
        (
            "kind = \"reverb\", t60_seconds = 4, direct_db = 0",
            "transforms[1].t60_seconds must be a number or [least, most] from 0.05 to 3 s, found 4",
        ),
        ("kind = \"reverb\", t60_seconds = 1, direct_db = 50", "transforms[1].direct_db must be"),
        (
            "kind = \"noise\", snr_db = [10, 90]",
            "transforms[1].snr_db must be a number or [least, most] from -20 to 80 dB, found [10, 90]",
        ),
        ("kind = \"noise\", colours = [], snr_db = 10", "transforms[1].colours must be some of"),
        ("kind = \"noise_files\", folder = \"n\", snr_db = -30", "transforms[1].snr_db must be"),
        ("kind = \"hiss\", sigma = 2", "transforms[1].sigma must be"),
        ("kind = \"clipping\", threshold_db = 1", "transforms[1].threshold_db must be"),
        ("kind = \"gate\", threshold_db = -30, range_db = 90", "transforms[1].range_db must be"),
        ("kind = \"codec\", bits = 2", "transforms[1].bits must be"),
        ("kind = \"codec\", bits = 8, high_hz = 100", "transforms[1].high_hz must be"),
        ("kind = \"gain\", db = 1, probability = 1.5", "transforms[1].probability must be above 0 and at most 1, found 1.5"),
        ("kind = \"gain\", db = 1, probability = 0", "transforms[1].probability must be"),
        ("kind = \"gain\", db = 1, probability = \"often\"", "probability: expected a number, found \"often\""),
        ("kind = \"gain\", volume = 1", "kind = \"gain\": unknown field `volume`, expected `db`"),
        ("kind = \"gain\"", "kind = \"gain\": missing field `db`"),
        ("kind = \"louder\", db = 1", "unknown variant `louder`"),
        ("db = 1", "missing field `kind`"),
    ] {
        let text = format!("copies = 1\ntransforms = [{{ kind = \"gain\", db = 0 }}, {{ {transform} }}]");
        let error = parse(&text).unwrap_err();
        assert!(error.contains(expected), "{transform}\n{error}\n{expected}");
    }
    for (text, expected) in [
        ("copies = 65", "augmentation.copies must be 0..=64, found 65"),
        ("fresh = true", "augmentation.fresh must be absent where there are no copies, found true"),
        ("copies = 1", "augmentation.transforms must be at least one where there are copies, found none"),
        (
            "mode = \"each\"\ntransforms = [{ kind = \"gain\", db = 1, probability = 0.5 }]",
            "transforms[0].probability must be 1 or absent",
        ),
        ("mode = \"all\"", "unknown variant `all`"),
        ("copy = 1", "unknown field `copy`"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}\n{expected}");
    }
}

#[test]
fn draws_stay_within_their_span_and_fill_it() {
    let rng = &mut generator(&[b"span"]);
    let draws: Vec<f64> = (0..2000).map(|_| Span::Between([-2.0, 6.0]).draw(rng)).collect();
    let (least, most) = draws.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    assert!((-2.0..-1.9).contains(&least) && (5.9..=6.0).contains(&most));
    assert_eq!(Span::Fixed(0.9).draw(rng), 0.9);
}
