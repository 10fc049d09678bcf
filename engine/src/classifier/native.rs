//! The built-in backend: core's kernel.

use moodline_core::emotion::Emotion;
use moodline_core::network::CommitteeKernel;

use super::Outputs;
use crate::model::Model;

#[derive(Debug)]
pub(super) struct Native {
    kernel: CommitteeKernel,
    state_size: usize,
}

impl Native {
    pub(super) fn new(model: &Model) -> Self {
        let networks = &model.contract().networks;
        Self { kernel: CommitteeKernel::new(networks, model.weights()), state_size: networks.state_size() }
    }

    /// Runs sequences of `sequence_len` features each.
    pub(super) fn run(&mut self, sequence_len: usize, features: &[f32], initial_state: &[f32]) -> Outputs {
        let mut outputs = Outputs { probabilities: Vec::new(), logits: Vec::new(), final_state: initial_state.to_vec() };
        for (sequence, state) in features.chunks_exact(sequence_len).zip(outputs.final_state.chunks_exact_mut(self.state_size)) {
            let logits = self.kernel.run(sequence, state);
            outputs.probabilities.extend(softmax(logits));
            outputs.logits.extend(logits);
        }
        outputs
    }
}

/// NaN for non-finite logits, as with ONNX Runtime; the caller refuses them in both cases.
fn softmax(logits: [f32; Emotion::COUNT]) -> [f32; Emotion::COUNT] {
    match moodline_core::Probabilities::softmax(logits) {
        Ok(probabilities) => *probabilities.as_array(),
        Err(_) => [f32::NAN; Emotion::COUNT],
    }
}
