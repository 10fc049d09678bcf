//! Cached features on disk, so that a second run starts at once.
//!
//! The key of an entry is a SHA-256 over everything that determines the features: the fingerprint of the front end, with `speech_margin` that of the
//! speech detector, the block length, the revision of the code and the content of the audio file (not its name or date: a moved corpus stays cached,
//! an edited file does not); for an augmented copy also the augmentation and the number of the copy. Entries are written atomically and end with a
//! checksum; one that does not verify is recomputed and replaced.
//!
//! Layout of an entry: `MOODFEAT`, version (u32), steps (u32), features (u32), the key (32 bytes), values (f32, row-major), SHA-256 of all preceding
//! bytes; numbers are little-endian.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use moodline_core::FrontEndConfig;
use moodline_engine::SpeechModel;
use ndarray::Array2;
use sha2::{Digest as _, Sha256};

/// Increased whenever the same configuration and audio give different features than before.
const REVISION: u32 = 4;
const MAGIC: &[u8; 8] = b"MOODFEAT";
const VERSION: u32 = 1;
const HEADER_LEN: usize = 8 + 3 * 4 + 32;
const CHECKSUM_LEN: usize = 32;

/// Identifies one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 32]);

/// A folder of features.
#[derive(Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    /// The common beginning of every key.
    context: Sha256,
    /// Set when an entry could not be written for the first time; this is logged once, and the run continues without the cache.
    write_failed: AtomicBool,
}

impl FeatureCache {
    /// A cache in `folder`, which is created with the first entry, for clips cut to `block_seconds`.
    #[must_use]
    pub fn new(folder: &Path, front_end: &FrontEndConfig, block_seconds: f64) -> Self {
        let mut context = Sha256::new();
        context.update(REVISION.to_le_bytes());
        context.update(front_end.fingerprint());
        if front_end.speech_margin.is_some() {
            context.update(SpeechModel::embedded().fingerprint());
        }
        context.update(block_seconds.to_le_bytes());
        Self { folder: folder.to_owned(), context, write_failed: AtomicBool::new(false) }
    }

    /// `$XDG_CACHE_HOME/moodline/features`, or `~/.cache/moodline/features`; none if the user has no home directory.
    #[must_use]
    pub fn default_folder() -> Option<PathBuf> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        cache.map(|cache| cache.join("moodline").join("features"))
    }

    /// The key for a clip with this content.
    #[must_use]
    pub fn key(&self, audio_file: &[u8]) -> Key {
        let mut hash = self.context.clone();
        hash.update(audio_file);
        Key(hash.finalize().into())
    }

    /// The key for an augmented copy of a clip with this content.
    #[must_use]
    pub fn key_of_copy(&self, audio_file: &[u8], augmentation: &[u8; 32], copy: usize) -> Key {
        let Key(clip) = self.key(audio_file);
        let mut hash = Sha256::new();
        hash.update(clip);
        hash.update(augmentation);
        hash.update((copy as u64).to_le_bytes());
        Key(hash.finalize().into())
    }

    /// The features of an entry, `[steps, n_features]`; none if it is missing or does not verify.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Array2<f32>> {
        decode(&std::fs::read(self.path(key)).ok()?, key)
    }

    /// Stores features. If the cache cannot be written, the run continues, but later runs take longer; only the first failure is logged.
    pub fn put(&self, key: &Key, features: &Array2<f32>) {
        let path = self.path(key);
        if let Err(error) = write(&path, &encode(features, key))
            && !self.write_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("features are not cached: cannot write {}: {error}", path.display());
        }
    }

    /// Path of an entry.
    #[must_use]
    pub fn path(&self, key: &Key) -> PathBuf {
        let name = moodline_core::digest::hex(&key.0);
        self.folder.join(&name[..2]).join(format!("{name}.features"))
    }
}

/// Unlike [`crate::base::files::write_atomically`], this does not wait for the disk: an entry lost in a crash fails its checksum.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = crate::base::files::folder_of(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn encode(features: &Array2<f32>, key: &Key) -> Vec<u8> {
    let (steps, n_features) = features.dim();
    let mut bytes = Vec::with_capacity(HEADER_LEN + 4 * features.len() + CHECKSUM_LEN);
    bytes.extend(MAGIC);
    for number in [VERSION, steps as u32, n_features as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(key.0);
    bytes.extend(features.iter().flat_map(|value| value.to_le_bytes()));
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    bytes
}

fn decode(bytes: &[u8], key: &Key) -> Option<Array2<f32>> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_LEN)?)?;
    let (header, values) = content.split_at_checked(HEADER_LEN)?;
    let (magic, rest) = header.split_at(8);
    let number = |index: usize| rest[4 * index..].first_chunk().map(|four| u32::from_le_bytes(*four));
    let known = magic == MAGIC && number(0) == Some(VERSION) && rest[12..] == key.0;
    if !known || Sha256::digest(content)[..] != *checksum {
        return None;
    }
    let values: Vec<f32> = values.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    Array2::from_shape_vec((number(1)? as usize, number(2)? as usize), values).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_and_every_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path(), &FrontEndConfig::speech_25_10(), 5.0);
        let key = cache.key(b"audio");
        let features = Array2::from_shape_fn((3, 2), |(t, f)| t as f32 - 0.1 * f as f32);
        assert_eq!(cache.get(&key), None);
        cache.put(&key, &features);
        assert_eq!(cache.get(&key), Some(features.clone()));

        let good = std::fs::read(cache.path(&key)).unwrap();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 0x10;
            assert_eq!(decode(&bad, &key), None, "byte {index}");
            assert_eq!(decode(&good[..index], &key), None, "cut at {index}");
        }
        std::fs::write(cache.path(&key), &good[..20]).unwrap();
        assert_eq!(cache.get(&key), None);
        cache.put(&key, &features);
        assert_eq!(cache.get(&key), Some(features));
    }

    #[test]
    fn the_key_depends_on_audio_front_end_and_block_length() {
        let folder = Path::new("features");
        let config = FrontEndConfig::speech_25_10();
        let key = FeatureCache::new(folder, &config, 5.0).key(b"audio");
        let other = FrontEndConfig { n_mels: 41, ..config.clone() };
        assert_ne!(key, FeatureCache::new(folder, &config, 5.0).key(b"audiO"));
        assert_ne!(key, FeatureCache::new(folder, &other, 5.0).key(b"audio"));
        assert_ne!(key, FeatureCache::new(folder, &config, 4.0).key(b"audio"));
        assert_eq!(key, FeatureCache::new(Path::new("elsewhere"), &config, 5.0).key(b"audio"));

        let cache = FeatureCache::new(folder, &config, 5.0);
        let copy = cache.key_of_copy(b"audio", &[1; 32], 1);
        assert_eq!(copy, cache.key_of_copy(b"audio", &[1; 32], 1));
        for other in [key, cache.key_of_copy(b"audiO", &[1; 32], 1), cache.key_of_copy(b"audio", &[2; 32], 1)] {
            assert_ne!(copy, other);
        }
        assert_ne!(copy, cache.key_of_copy(b"audio", &[1; 32], 2));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_survived() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = FeatureCache::new(&file.path().join("below-a-file"), &FrontEndConfig::speech_25_10(), 5.0);
        let key = cache.key(b"audio");
        cache.put(&key, &Array2::zeros((1, 1)));
        assert_eq!(cache.get(&key), None);
    }
}
