//! The voice for which the answers about a recording are corrected.

use std::slice;

use moodline_core::{VoiceCorrection, VoiceProfile};

use super::Voice;
use crate::voice::{HeardVoice, correct, learn};

/// The voice for which the answers are corrected, with a model that can do so ([`moodline_core::voice`]).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum VoiceChoice {
    /// None: each answer depends only on its own block.
    #[default]
    None,
    /// The voice in the recording, with a history over all of it.
    OfFile,
    /// A separate voice in each channel that is analysed separately.
    OfChannel,
    /// A voice with a known history.
    Known(VoiceProfile),
}

/// The common history of all these voices.
#[must_use]
pub fn profile_of(voices: &[Voice], correction: &VoiceCorrection) -> VoiceProfile {
    let mut profile = VoiceProfile::default();
    voices.iter().for_each(|voice| learn(&mut profile, &voice.segments, correction));
    profile
}

/// Corrects the answers of a recording for the chosen voice, and stores in each of `voices` the history that was used.
pub(crate) fn correct_for(choice: VoiceChoice, voices: &mut [Voice], correction: &VoiceCorrection) {
    let shared = match choice {
        VoiceChoice::None => return,
        VoiceChoice::Known(profile) => Some(profile),
        VoiceChoice::OfFile => Some(profile_of(voices, correction)),
        VoiceChoice::OfChannel => None,
    };
    for voice in voices {
        let profile = shared.unwrap_or_else(|| profile_of(slice::from_ref(voice), correction));
        correct(&mut voice.segments, &profile, correction);
        voice.heard = Some(HeardVoice::of(&profile, correction));
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;

    use super::*;
    use crate::model::Model;
    use crate::segment::{Segment, State};
    use crate::voice::correction_of;

    /// Eight blocks of a voice in which the model always hears the emotion `lean`.
    fn voice(lean: usize) -> Voice {
        let segment = |number: usize| {
            let mut logits = [0.0; 4];
            logits[number % 4] += 3.0;
            logits[lean] += 1.5;
            let start_s = 5.0 * number as f64;
            Segment { start_s, end_s: start_s + 5.0, state: State::Speech(Probabilities::softmax(logits).unwrap()) }
        };
        Voice { segments: (0..8).map(segment).collect(), ..Voice::default() }
    }

    #[test]
    fn each_channel_has_its_own_voice_or_all_of_them_one() {
        let correction = correction_of(&Model::embedded()).unwrap();
        let cold = [voice(0), voice(2)];
        let corrected = |choice| {
            let mut voices = cold.to_vec();
            correct_for(choice, &mut voices, &correction);
            voices
        };
        assert_eq!(corrected(VoiceChoice::None), cold);
        let (shared, own) = (corrected(VoiceChoice::OfFile), corrected(VoiceChoice::OfChannel));
        assert_eq!(shared[0].heard, shared[1].heard);
        assert_eq!([shared[0].heard.unwrap().seconds, own[0].heard.unwrap().seconds], [80.0, 40.0]);
        let alone = |lean| {
            let mut voices = [voice(lean)];
            correct_for(VoiceChoice::OfFile, &mut voices, &correction);
            voices[0].clone()
        };
        assert_eq!(own, [alone(0), alone(2)]);
        assert!(own[0].heard.unwrap().trust > 0.9 && own[0].segments != cold[0].segments);
        assert_eq!(corrected(VoiceChoice::Known(VoiceProfile::default()))[0].segments, cold[0].segments, "nothing was heard");
    }
}
