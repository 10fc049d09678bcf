//! `moodline features` and the trainer's cache are about the same values.

use moodline_core::FrontEndConfig;
use moodline_core::config::FeatureGroup;
use moodline_engine::features::features_of_file;
use test_support::{sample, shipped};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::dataset::ClipLoader;
use trainer::data::manifest::{Manifest, Splits};

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
            let found = features_of_file(&clip.utterance.path, &model, block_seconds).unwrap();
            assert_eq!(found.names.len(), clip.features.ncols());
            // A longer clip is cut before its features are computed, and its end is another.
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
