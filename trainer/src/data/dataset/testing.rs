//! A corpus of tones for tests.

use std::path::Path;

use super::{ClipProblems, Dataset, LoadedDataset};
use crate::base::progress::{Interrupt, Progress};
use crate::data::augment::signals::{sum_of_tones, write_wav};
use crate::data::cache::FeatureCache;
use crate::data::config::DataConfig;
use crate::data::manifest::{Manifest, Splits};

/// For each class, two training clips and one dev clip with tones of their own.
pub(crate) fn corpus(folder: &Path) -> Manifest {
    let mut table = "path,speaker,emotion,split\n".to_owned();
    for (index, (emotion, split)) in ["angry", "happy", "sad", "neutral"]
        .into_iter()
        .flat_map(|emotion| ["train", "train", "dev"].map(|split| (emotion, split)))
        .enumerate()
    {
        let hz = 120.0 + 17.0 * index as f64;
        write_wav(&folder.join(format!("{index}.wav")), &sum_of_tones(&[hz, 3.0 * hz, 11.0 * hz], 0.4));
        table += &format!("{index}.wav,{split},{emotion},{split}\n");
    }
    std::fs::write(folder.join("clips.csv"), table).unwrap();
    Manifest::read(&[folder.join("clips.csv")], Splits::Required).unwrap()
}

/// The data settings of a recipe, with this augmentation.
pub(crate) fn config(augmentation: &str) -> DataConfig {
    let text = include_str!("../../../configs/paper-ltc-16.toml").to_owned() + augmentation;
    let recipe: toml::Table = toml::from_str(&text).unwrap();
    let training = &recipe["training"];
    DataConfig {
        front_end: recipe["front_end"].clone().try_into().unwrap(),
        block_seconds: training["block_seconds"].as_float().unwrap(),
        class_weights: training["class_weights"].clone().try_into().unwrap(),
        augmentation: recipe.get("augmentation").map(|section| section.clone().try_into().unwrap()),
        perceived_only: false,
    }
}

pub(crate) const AUGMENTATION: &str = r#"
    [augmentation]
    copies = 2
    [[augmentation.transforms]]
    kind = "speed"
    rate = [0.85, 1.18]
    [[augmentation.transforms]]
    kind = "noise"
    snr_db = [10, 50]
    probability = 0.7
"#;

pub(crate) fn load(manifest: &Manifest, config: &DataConfig, cache: Option<&FeatureCache>) -> Dataset {
    let loaded = Dataset::load(manifest, config, cache, Progress::Silent, &Interrupt::default());
    let LoadedDataset { dataset, problems: ClipProblems(problems) } = loaded.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    dataset
}
