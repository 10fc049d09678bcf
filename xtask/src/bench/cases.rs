//! The measured cases, the peers, and the project's promises.

use anyhow::{Result, ensure};

/// One thing to measure.
pub(super) struct Case {
    /// Its name in the workers.
    pub(super) name: &'static str,
    /// Its title in the report.
    pub(super) title: &'static str,
    /// `(peer, minimum speed-up over it)`.
    targets: &'static [(&'static str, f64)],
    /// If the project takes less time than this, the targets do not matter.
    pub(super) enough_milliseconds: Option<f64>,
    /// Promised maximum time of the project, independent of the peers.
    pub(super) at_most_milliseconds: Option<f64>,
}

impl Case {
    /// The promised speed-up over this peer, if any.
    pub(super) fn target(&self, peer: &str) -> Option<f64> {
        self.targets.iter().find(|(name, _)| *name == peer).map(|(_, target)| *target)
    }

    /// Whether peers compute the same, so that results can be compared.
    fn is_comparable(name: &str) -> bool {
        !matches!(name, "product" | "detector")
    }

    /// Whether it is training, which can use several threads.
    pub(super) fn is_training(&self) -> bool {
        self.name.starts_with("epoch")
    }
}

/// In the order of the report.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "product",
        title: "5 s of 48 kHz stereo, of which an hour has 720, to the answer: detector, pitch and other features, network",
        targets: &[],
        enough_milliseconds: None,
        at_most_milliseconds: Some(3.0),
    },
    Case {
        name: "detector",
        title: "The detector of speech alone, 5 s at 16 kHz",
        targets: &[],
        enough_milliseconds: None,
        at_most_milliseconds: Some(0.5),
    },
    Case {
        name: "features_A",
        title: "Features of 5 s, n_fft 2048, hop 512, 128 mel bands",
        targets: &[("librosa", 10.0), ("torchaudio", 5.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "features_C",
        title: "Features of 5 s, n_fft 512, hop 160, 40 mel bands",
        targets: &[("librosa", 10.0), ("torchaudio", 5.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "ltc_157",
        title: "LTC, 16 units, 6 unfolds, 157 frames",
        targets: &[],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "ltc_500",
        title: "LTC, 16 units, 6 unfolds, 500 frames",
        targets: &[("onnxruntime", 15.0)],
        enough_milliseconds: Some(0.25),
        at_most_milliseconds: None,
    },
    Case {
        name: "block_157",
        title: "Features and LTC of 5 s, 157 frames",
        targets: &[("keras", 60.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "block_500",
        title: "Features and LTC of 5 s, 500 frames",
        targets: &[("keras", 60.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "epoch_held",
        title: "Training epoch, 1,000 x 157 frames, batch 64, z held",
        targets: &[("keras", 10.0), ("torch", 8.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "epoch_recomputed",
        title: "Training epoch, 1,000 x 157 frames, batch 64, z recomputed",
        targets: &[("keras", 10.0), ("torch", 8.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "epoch_gru",
        title: "Training epoch, 1,000 x 157 frames, batch 64, GRU of 64 units",
        targets: &[("torch", 2.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
    Case {
        name: "epoch_cfc",
        title: "Training epoch, 1,000 x 157 frames, batch 64, CfC of 64 units",
        targets: &[("torch", 2.0), ("ncps", 2.0)],
        enough_milliseconds: None,
        at_most_milliseconds: None,
    },
];

/// Another program that performs the same task.
pub(super) struct Peer {
    /// Its name, as in [`Case::target`].
    pub(super) name: &'static str,
    /// The script in `bench/peers`.
    pub(super) script: &'static str,
    /// `(prefix of a case's name, label in the report)`; the first match is used.
    labels: &'static [(&'static str, &'static str)],
    /// Largest difference from the project's result that still counts as equal; `None` if the definitions differ.
    tolerance: Option<f64>,
    /// Number of leading values of a feature vector with the same definition.
    comparable: usize,
}

/// Number of values in a feature vector.
const N_FEATURES: usize = 39;

/// In the order of their turns.
pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: "librosa",
        script: "use_librosa.py",
        labels: &[("product", "librosa: resampling, MFCC with derivatives, pYIN"), ("", "librosa")],
        tolerance: Some(1e-3),
        comparable: N_FEATURES,
    },
    Peer {
        name: "praat",
        script: "use_praat.py",
        labels: &[("", "Praat (parselmouth): resampling, MFCC, intensity, pitch")],
        tolerance: None,
        comparable: 0,
    },
    Peer {
        name: "opensmile",
        script: "use_opensmile.py",
        labels: &[("", "openSMILE: resampling, eGeMAPSv02")],
        tolerance: None,
        comparable: 0,
    },
    Peer {
        name: "torchaudio",
        script: "use_torchaudio.py",
        labels: &[("", "torchaudio")],
        tolerance: Some(1e-2),
        comparable: 13,
    },
    Peer {
        name: "onnxruntime",
        script: "use_onnxruntime.py",
        labels: &[("", "ONNX Runtime, same file")],
        tolerance: Some(1e-5),
        comparable: 0,
    },
    Peer {
        name: "torch",
        script: "use_torch.py",
        labels: &[("epoch_gru", "PyTorch nn.GRU"), ("", "PyTorch, projection hoisted")],
        tolerance: Some(1e-5),
        comparable: 0,
    },
    Peer {
        name: "torch_closed",
        script: "use_torch_closed.py",
        labels: &[("", "PyTorch, also closed form")],
        tolerance: None,
        comparable: 0,
    },
    Peer {
        name: "ncps",
        script: "use_ncps.py",
        labels: &[("epoch", "ncps CfC"), ("", "ncps LTC")],
        tolerance: None,
        comparable: 0,
    },
    Peer {
        name: "keras",
        script: "use_keras.py",
        labels: &[("ltc", "Keras, tf.function"), ("block", "the paper's way: librosa + Keras predict"), ("epoch", "Keras fit")],
        tolerance: Some(1e-4),
        comparable: 0,
    },
];

impl Peer {
    /// The peer's label in this case.
    pub(super) fn label(&self, case: &str) -> &'static str {
        self.labels.iter().find(|(start, _)| case.starts_with(start)).map_or(self.name, |(_, label)| label)
    }

    /// Checks that the peer computes the same as the project, so that times are comparable.
    ///
    /// # Errors
    /// The results differ.
    pub(super) fn check(&self, case: &str, ours: &[f64], theirs: &[f64]) -> Result<()> {
        let Some(tolerance) = self.tolerance.filter(|_| Case::is_comparable(case)) else { return Ok(()) };
        ensure!(ours.len() == theirs.len(), "{}: {case} has {} values, the project has {}", self.name, theirs.len(), ours.len());
        let comparable = |index: usize| !case.starts_with("features") || index % N_FEATURES < self.comparable;
        let pairs = ours.iter().zip(theirs).enumerate().filter(|(index, _)| comparable(*index));
        let difference = pairs.map(|(_, (ours, theirs))| (ours - theirs).abs()).fold(0.0, f64::max);
        ensure!(
            difference <= tolerance,
            "{}: {case} differs from the project by {difference:e}, expected at most {tolerance:e}",
            self.name
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_names_a_peer() {
        for case in CASES {
            for (name, target) in case.targets {
                assert!(PEERS.iter().any(|peer| peer.name == *name) && *target > 1.0, "{}: {name}", case.name);
            }
        }
    }

    #[test]
    fn another_result_is_refused() {
        // INVARIANT: it is one of the peers.
        let torchaudio = PEERS.iter().find(|peer| peer.name == "torchaudio").expect("a peer");
        let ours = [1.0; N_FEATURES];
        let mut theirs = ours;
        theirs[20] = 5.0;
        torchaudio.check("features_A", &ours, &theirs).unwrap();
        theirs[3] = 5.0;
        assert!(torchaudio.check("features_A", &ours, &theirs).is_err());
        assert!(torchaudio.check("features_A", &ours, &theirs[..20]).is_err());
    }
}
