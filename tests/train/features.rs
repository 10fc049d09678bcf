//! `moodline features` and the trainer's cache give the same values.

use moodline_core::FrontEndConfig;
use moodline_core::config::FeatureGroup;
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::features::features_of_file;
use test_support::recordings::wav;
use test_support::{sample, shipped};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::dataset::ClipLoader;
use trainer::data::manifest::{Manifest, Splits};

const RATE: u32 = 16_000;

#[test]
fn a_clip_has_the_features_that_the_trainer_caches() {
    let manifest = Manifest::read(&[sample("samples.csv")], Splits::Ignored).unwrap();
    for id in ["liquid-2", "liquid-1", "paper-ltc-16"] {
        let model = shipped(id);
        let (front_end, block_seconds) = (&model.contract().front_end, model.contract().block_seconds);
        let utterances: Vec<_> = manifest.utterances.iter().collect();
        let loader = ClipLoader::new(front_end, block_seconds, None);
        let (clips, problems) = loader.load(&utterances, Progress::Silent, &Interrupt::default()).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let mut n_whole = 0;
        for clip in &clips {
            let found = features_of_file(&clip.utterance.path, &model, block_seconds, || false).unwrap();
            assert_eq!(found.names.len(), clip.features.ncols());
            // A longer clip is cut before its features are computed, so its end differs.
            if found.steps().len() == clip.features.nrows() {
                assert_eq!(found.values, clip.features.as_slice().unwrap(), "{id}: {}", clip.utterance.name);
                n_whole += 1;
            }
        }
        assert!(n_whole >= 12, "{id}: {n_whole} clips are shorter than a block");
    }
}

#[test]
fn every_value_has_a_name() {
    let groups = vec![FeatureGroup::Prosody, FeatureGroup::Delta];
    let config = FrontEndConfig { groups, n_mfcc: 2, ..FrontEndConfig::librosa_16k() };
    let names = moodline_engine::features::names(&config);
    assert_eq!(names, ["f0", "f0_delta", "voicing", "level", "level_delta", "delta_0", "delta_1"]);
    assert_eq!(names.len(), config.n_features());
}

#[test]
fn with_a_speech_margin_a_clip_has_the_same_steps_however_much_silence_is_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let silence = vec![0.0; RATE as usize];
    let config = FrontEndConfig { speech_margin: Some(0.0), average_frames: 3, ..FrontEndConfig::speech_25_10() };
    let (mut manifest, mut lengths) = ("path,speaker,emotion\n".to_owned(), Vec::new());
    for utterance in Manifest::read(&[sample("samples.csv")], Splits::Ignored).unwrap().utterances {
        let speech = read_mono_resampled(&utterance.path, RATE).unwrap();
        lengths.push((speech.len() as f64 / f64::from(RATE) / config.step_seconds()) as usize);
        for (name, samples) in [("tight", speech.clone()), ("padded", [&silence[..], &speech, &silence].concat())] {
            let samples: Vec<i16> = samples.iter().map(|sample| (sample * 32_767.0) as i16).collect();
            let name = format!("{}-{name}.wav", utterance.name);
            std::fs::write(folder.path().join(&name), wav(1, &samples)).unwrap();
            manifest += &format!("{name},a,neutral\n");
        }
    }
    std::fs::write(folder.path().join("all.csv"), manifest).unwrap();
    let manifest = Manifest::read(&[folder.path().join("all.csv")], Splits::Ignored).unwrap();
    let utterances: Vec<_> = manifest.utterances.iter().collect();
    let (clips, problems) =
        ClipLoader::new(&config, 5.0, None).load(&utterances, Progress::Silent, &Interrupt::default()).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let steps: Vec<usize> = clips.iter().map(|clip| clip.features.nrows()).collect();
    let mut differences: Vec<usize> = Vec::new();
    for (steps, all) in steps.chunks(2).zip(lengths) {
        let [tight, padded] = steps[..] else { unreachable!() };
        assert!(padded <= all && tight > all / 2, "{tight} and {padded} of {all}");
        differences.push(tight.abs_diff(padded));
    }
    differences.sort_unstable();
    assert!(differences[differences.len() * 3 / 4] <= 4 && differences[differences.len() - 1] <= 8, "{differences:?}");
}
