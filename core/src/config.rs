//! The settings of the front end, named as in librosa.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Shape of the analysis window; both are periodic, as `scipy.signal.get_window(..., fftbins=True)` makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// Raised cosine starting at 0.
    Hann,
    /// Raised cosine starting at 0.08.
    Hamming,
}

/// Formula that maps hertz to mel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelScale {
    /// Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above (`librosa`, `htk=False`).
    Slaney,
    /// O'Shaughnessy's formula as in HTK (`librosa`, `htk=True`).
    Htk,
}

/// How each mel filter is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelNorm {
    /// Every filter has the same area (`librosa`, `norm="slaney"`).
    Slaney,
    /// Every filter peaks at 1 (`librosa`, `norm=None`).
    None,
}

/// What the delta filter assumes beyond the first and last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeltaMode {
    /// The fitted polynomial continues (`librosa.feature.delta`, `mode="interp"`); needs at least `delta_width` frames. A shorter signal, for which librosa
    /// raises, is treated as [`DeltaMode::Nearest`].
    Interp,
    /// The edge frame repeats (`mode="nearest"`).
    Nearest,
}

/// A group of values in the feature vector of a frame.
///
/// An unknown name in a contract is refused, so a model that needs a newer Moodline reports it instead of giving wrong results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureGroup {
    /// `n_mfcc` mel-frequency cepstral coefficients.
    Mfcc,
    /// Their first time derivative.
    Delta,
    /// Their second time derivative.
    Delta2,
    /// [`N_PROSODY`] prosodic values (see [`crate::frontend::prosody`] for the tracker, its window and its range), in this order:
    /// - `f0`: pitch, semitones above 27.5 Hz, 13.5 (60 Hz) to 50.2 (500 Hz); 0 where unvoiced, until [`crate::frontend::BlockFeatures`] fills
    ///   the gaps of a block;
    /// - `f0_delta`: its slope, semitones per frame, over the voiced ones of `delta_width` frames; 0 where unvoiced;
    /// - `voicing`: strength of voicing, 0.1 (barely periodic) to 1 (repeats exactly); 0 where unvoiced;
    /// - `level`: root mean square, dB re full scale, at least -100; in a block relative to its loudest step, -60 to 0;
    /// - `level_delta`: its first time derivative, dB per frame.
    Prosody,
}

/// Values in [`FeatureGroup::Prosody`].
pub const N_PROSODY: usize = 5;

impl FeatureGroup {
    /// Values in this group of the feature vector.
    #[must_use]
    pub const fn n_values(self, n_mfcc: usize) -> usize {
        match self {
            Self::Mfcc | Self::Delta | Self::Delta2 => n_mfcc,
            Self::Prosody => N_PROSODY,
        }
    }
}

/// Valid floors, dB.
const FLOOR_DB: std::ops::RangeInclusive<f64> = 10.0..=100.0;

/// Valid margins around speech, seconds.
const SPEECH_MARGIN: std::ops::RangeInclusive<f64> = 0.0..=1.0;

/// Everything that decides the value of a feature; [`FrontEndConfig::fingerprint`] names it.
///
/// The names and meanings are librosa's (0.11: `librosa.feature.mfcc`, `librosa.feature.delta`, `librosa.filters.mel`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontEndConfig {
    /// Rate to which the audio is resampled first, Hz.
    pub sample_rate: u32,
    /// FFT length, samples, even; a shorter window is zero-padded to it on both sides.
    pub n_fft: usize,
    /// Window length, samples, 1..=`n_fft`.
    pub win_length: usize,
    /// Distance between frames, samples.
    pub hop_length: usize,
    /// Window shape.
    pub window: Window,
    /// Whether frame `t` is centred on sample `t * hop_length` (the signal is padded with `n_fft / 2` zeros on both sides) or
    /// starts there.
    pub center: bool,
    /// Number of mel filters.
    pub n_mels: usize,
    /// Lower edge of the lowest filter, Hz.
    pub fmin: f64,
    /// Upper edge of the highest filter, Hz, at most half the sample rate.
    pub fmax: f64,
    /// Mel formula.
    pub mel_scale: MelScale,
    /// Mel filter scaling.
    pub mel_norm: MelNorm,
    /// Cepstral coefficients kept, 1..=`n_mels`.
    pub n_mfcc: usize,
    /// Cepstral lifter length, 0 for none.
    pub lifter: usize,
    /// Frames the delta filter spans, odd, at least 3.
    pub delta_width: usize,
    /// Delta filter at the edges.
    pub delta_mode: DeltaMode,
    /// The groups of the feature vector, in this order, without repetition.
    pub groups: Vec<FeatureGroup>,
    /// Consecutive frames averaged into one step of the network, 1..=16, on a grid that starts with the stream; a partial group at the end is averaged over
    /// the frames it has.
    pub average_frames: usize,
    /// Soft floor of the mel levels, dB below the loudest one of the block, 10..=100: the power of that level is added to each band, so that anything far below
    /// the voice, such as the room and recorder noise, carries no information. Coefficients and their derivatives are then computed from the steps of a block,
    /// and `delta_width` counts steps. `None`: the levels stay as they are and the derivatives are those of frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_db: Option<f64>,
    /// Only the steps of a block that contain speech, and those up to this many seconds before and after, 0..=1, reach the network, so that it cannot tell how
    /// a recording was cut. The front end outputs all steps; the program's speech detector decides which to leave out. All steps are kept where there is no
    /// speech. `None`: all are always kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech_margin: Option<f64>,
}

/// A front-end setting out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("front end: {field} must be {expected}, found {found}")]
pub struct ConfigError {
    /// Field of [`FrontEndConfig`].
    pub field: &'static str,
    /// What is allowed.
    pub expected: String,
    /// The value found.
    pub found: String,
}

impl FrontEndConfig {
    /// librosa's defaults at 16 kHz without the floor: what the paper's code computes, in a form that can be streamed (configuration A of the
    /// golden data).
    #[must_use]
    pub fn librosa_16k() -> Self {
        Self {
            sample_rate: 16_000,
            n_fft: 2048,
            win_length: 2048,
            hop_length: 512,
            window: Window::Hann,
            center: true,
            n_mels: 128,
            fmin: 0.0,
            fmax: 8000.0,
            mel_scale: MelScale::Slaney,
            mel_norm: MelNorm::Slaney,
            n_mfcc: 13,
            lifter: 0,
            delta_width: 9,
            delta_mode: DeltaMode::Interp,
            groups: vec![FeatureGroup::Mfcc, FeatureGroup::Delta, FeatureGroup::Delta2],
            average_frames: 1,
            floor_db: None,
            speech_margin: None,
        }
    }

    /// The usual speech analysis: 25 ms windows every 10 ms, 40 mel bands (configuration C of the golden data).
    #[must_use]
    pub fn speech_25_10() -> Self {
        Self { n_fft: 512, win_length: 400, hop_length: 160, n_mels: 40, ..Self::librosa_16k() }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// The first field out of range, with what was expected and found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        fn check(ok: bool, field: &'static str, expected: impl Into<String>, found: impl ToString) -> Result<(), ConfigError> {
            if ok { Ok(()) } else { Err(ConfigError { field, expected: expected.into(), found: found.to_string() }) }
        }
        let nyquist = f64::from(self.sample_rate) / 2.0;
        check((8_000..=384_000).contains(&self.sample_rate), "sample_rate", "8000..=384000 Hz", self.sample_rate)?;
        check(
            (16..=65_536).contains(&self.n_fft) && self.n_fft.is_multiple_of(2),
            "n_fft",
            "an even number in 16..=65536",
            self.n_fft,
        )?;
        check((1..=self.n_fft).contains(&self.win_length), "win_length", "1..=n_fft", self.win_length)?;
        check((1..=self.n_fft).contains(&self.hop_length), "hop_length", "1..=n_fft", self.hop_length)?;
        check((1..=512).contains(&self.n_mels), "n_mels", "1..=512", self.n_mels)?;
        check(
            self.fmin.is_finite() && self.fmin >= 0.0 && self.fmin < nyquist,
            "fmin",
            format!("0 <= fmin < {nyquist} Hz"),
            self.fmin,
        )?;
        check(
            self.fmax.is_finite() && self.fmax > self.fmin && self.fmax <= nyquist,
            "fmax",
            format!("fmin < fmax <= {nyquist} Hz"),
            self.fmax,
        )?;
        check((1..=self.n_mels).contains(&self.n_mfcc), "n_mfcc", "1..=n_mels", self.n_mfcc)?;
        check(self.lifter <= 1024, "lifter", "0..=1024", self.lifter)?;
        check(
            (3..=101).contains(&self.delta_width) && !self.delta_width.is_multiple_of(2),
            "delta_width",
            "an odd number in 3..=101",
            self.delta_width,
        )?;
        let repeated = self.groups.iter().enumerate().any(|(i, group)| self.groups[..i].contains(group));
        check(
            !self.groups.is_empty() && !repeated,
            "groups",
            "at least one feature group, none twice",
            format!("{:?}", self.groups),
        )?;
        check((1..=16).contains(&self.average_frames), "average_frames", "1..=16", self.average_frames)?;
        let margin_fits = self.speech_margin.is_none_or(|margin| SPEECH_MARGIN.contains(&margin));
        check(margin_fits, "speech_margin", format!("in {SPEECH_MARGIN:?}, or absent"), self.speech_margin.unwrap_or_default())?;
        let floor_fits = self.floor_db.is_none_or(|floor_db| FLOOR_DB.contains(&floor_db));
        check(floor_fits, "floor_db", format!("in {FLOOR_DB:?}, or absent"), self.floor_db.unwrap_or_default())
    }

    /// The configuration of the stream. Where a floor leaves the coefficients to the block, a step holds the powers of the mel bands, without derivatives.
    pub(crate) fn of_stream(&self) -> Self {
        let Some(_) = self.floor_db else { return self.clone() };
        let prosody = self.has(FeatureGroup::Prosody).then_some(FeatureGroup::Prosody);
        let groups = [FeatureGroup::Mfcc].into_iter().chain(prosody).collect();
        Self { n_mfcc: self.n_mels, groups, ..self.clone() }
    }

    /// Values in the feature vector of a frame.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.groups.iter().map(|group| group.n_values(self.n_mfcc)).sum()
    }

    /// Whether `group` is in the feature vector.
    #[must_use]
    pub fn has(&self, group: FeatureGroup) -> bool {
        self.groups.contains(&group)
    }

    /// Where `group` begins in the feature vector, if it is in it.
    #[must_use]
    pub fn first_feature(&self, group: FeatureGroup) -> Option<usize> {
        let place = self.groups.iter().position(|&other| other == group)?;
        Some(self.groups[..place].iter().map(|group| group.n_values(self.n_mfcc)).sum())
    }

    /// Distance between two steps of the network: `hop_length * average_frames` samples at `sample_rate`.
    #[must_use]
    pub fn step_samples(&self) -> usize {
        self.hop_length * self.average_frames
    }

    /// [`FrontEndConfig::step_samples`] in seconds.
    #[must_use]
    pub fn step_seconds(&self) -> f64 {
        self.step_samples() as f64 / f64::from(self.sample_rate)
    }

    /// SHA-256 of the canonical JSON of this configuration, in hexadecimal: equal exactly when the features are equal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // INVARIANT: a struct of numbers, enums and vectors always serialises.
        let json = serde_json::to_vec(self).expect("a front-end configuration serialises");
        crate::digest::hex(&Sha256::digest(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_are_valid_and_have_different_fingerprints() {
        let (a, c) = (FrontEndConfig::librosa_16k(), FrontEndConfig::speech_25_10());
        a.validate().unwrap();
        c.validate().unwrap();
        assert_eq!(a.n_features(), 39);
        assert_ne!(a.fingerprint(), c.fingerprint());
        assert_eq!(a.fingerprint().len(), 64);
    }

    #[test]
    fn a_field_out_of_range_is_named() {
        let bad = FrontEndConfig { fmax: 9000.0, ..FrontEndConfig::librosa_16k() };
        assert_eq!(bad.validate().unwrap_err().field, "fmax");
        let bad = FrontEndConfig { groups: vec![FeatureGroup::Mfcc, FeatureGroup::Mfcc], ..FrontEndConfig::librosa_16k() };
        assert_eq!(bad.validate().unwrap_err().field, "groups");
    }

    #[test]
    fn groups_have_their_own_lengths() {
        let groups = vec![FeatureGroup::Delta, FeatureGroup::Prosody, FeatureGroup::Mfcc];
        let config = FrontEndConfig { groups, ..FrontEndConfig::speech_25_10() };
        assert_eq!(config.n_features(), 13 + 5 + 13);
        assert_eq!(config.first_feature(FeatureGroup::Prosody), Some(13));
        assert_eq!(config.first_feature(FeatureGroup::Mfcc), Some(18));
        assert_eq!(config.first_feature(FeatureGroup::Delta2), None);
    }

    #[test]
    fn prosody_leaves_the_fingerprints_of_other_front_ends_as_they_were() {
        let config = FrontEndConfig::speech_25_10();
        assert_eq!(config.fingerprint(), "8c41caee25430644a9dbfc42955943b09d59ddb30e41c634d938f8ce92289fd3");
        let mut with = config.clone();
        with.groups.push(FeatureGroup::Prosody);
        with.validate().unwrap();
        assert_ne!(with.fingerprint(), config.fingerprint());
        let json = serde_json::to_string(&with).unwrap();
        assert!(json.contains(r#"["mfcc","delta","delta2","prosody"]"#), "{json}");
        assert_eq!(serde_json::from_str::<FrontEndConfig>(&json).unwrap(), with);
        let unknown = serde_json::from_str::<FrontEndConfig>(&json.replace("prosody", "melody")).unwrap_err().to_string();
        assert!(unknown.contains("melody") && unknown.contains("`prosody`"), "{unknown}");
    }
}
