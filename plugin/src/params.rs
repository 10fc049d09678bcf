//! What a host can set, automate and recall.
//!
//! In: values from the host. Out: the engine's [`Settings`], and plain values for the audio thread and the editor. The ids are what hosts
//! store, so they never change; the order is the one hosts show.

use std::sync::Arc;

use moodline_engine::BackendChoice;
use moodline_engine::gate::GateConfig;
use moodline_engine::live::{Settings, Source};
use nice_plug::prelude::*;

/// Which signal of the track is analysed.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum SourceChoice {
    /// The mean of all channels.
    #[id = "mix"]
    #[name = "Mix"]
    Mix,
    /// The first channel.
    #[id = "left"]
    #[name = "Left"]
    Left,
    /// The second channel.
    #[id = "right"]
    #[name = "Right"]
    Right,
    /// Half the sum of the first two channels.
    #[id = "mid"]
    #[name = "Mid"]
    Mid,
    /// Half the difference of the first two channels.
    #[id = "side"]
    #[name = "Side"]
    Side,
}

impl From<SourceChoice> for Source {
    fn from(choice: SourceChoice) -> Self {
        match choice {
            SourceChoice::Mix => Self::Mix,
            SourceChoice::Left => Self::Left,
            SourceChoice::Right => Self::Right,
            SourceChoice::Mid => Self::Mid,
            SourceChoice::Side => Self::Side,
        }
    }
}

/// What runs the network.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum BackendParam {
    /// ONNX Runtime where its library is found, else the native kernel.
    #[id = "auto"]
    #[name = "Auto"]
    Auto,
    /// ONNX Runtime.
    #[id = "onnxruntime"]
    #[name = "ONNX Runtime"]
    OnnxRuntime,
    /// The kernel built into Moodline.
    #[id = "native"]
    #[name = "Native"]
    Native,
}

impl From<BackendParam> for BackendChoice {
    fn from(choice: BackendParam) -> Self {
        match choice {
            BackendParam::Auto => Self::Auto,
            BackendParam::OnnxRuntime => Self::OnnxRuntime,
            BackendParam::Native => Self::Native,
        }
    }
}

/// Winners below this probability are shown as "uncertain" unless the user decides otherwise.
///
/// With four emotions, a winner of 0.4 leaves 0.2 on average for each of the other three: from here on it is at least twice as probable as
/// what it is compared with. Chance is 0.25.
pub const DEFAULT_CONFIDENCE: f32 = 0.4;

/// The parameters of an instance, read by the audio thread, the worker and the editor; every value is an atomic.
#[derive(Params)]
pub struct MoodlineParams {
    /// Skips the analysis. The audio is never changed, bypassed or not.
    #[id = "bypass"]
    pub bypass: BoolParam,
    /// Freezes what the editor shows; the analysis goes on.
    #[id = "hold"]
    pub hold: BoolParam,
    /// Which signal of the track is analysed.
    #[id = "source"]
    pub source: EnumParam<SourceChoice>,
    /// Length of a block, seconds.
    #[id = "window"]
    pub window: FloatParam,
    /// From the start of a block to the start of the next, seconds.
    #[id = "hop"]
    pub hop: FloatParam,
    /// Time constant of what is shown, seconds; 0 shows every block as it is.
    #[id = "smoothing"]
    pub smoothing: FloatParam,
    /// Quieter audio is never speech, dBFS.
    #[id = "gate"]
    pub gate: FloatParam,
    /// Winners below this probability are shown as "uncertain", 0..=1.
    #[id = "confidence"]
    pub confidence: FloatParam,
    /// Records on the host's time instead of the stream's own.
    #[id = "follow"]
    pub follow: BoolParam,
    /// What runs the network.
    #[id = "backend"]
    pub backend: EnumParam<BackendParam>,
}

/// What hosts should know of a parameter that the framework does not tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Id of the parameter.
    pub id: &'static str,
    /// What hosts show it under; empty for none.
    pub group: &'static str,
    /// Its values are names to choose from.
    pub is_list: bool,
    /// Moving it a little while audio plays makes sense: nothing starts anew.
    pub is_modulatable: bool,
}

impl Manner {
    /// One for each parameter, in their order.
    pub const ALL: [Self; 10] = [
        Self { id: "bypass", group: "", is_list: false, is_modulatable: false },
        Self { id: "hold", group: "Display", is_list: false, is_modulatable: false },
        Self { id: "source", group: "Input", is_list: true, is_modulatable: false },
        Self { id: "window", group: "Analysis", is_list: false, is_modulatable: false },
        Self { id: "hop", group: "Analysis", is_list: false, is_modulatable: false },
        Self { id: "smoothing", group: "Display", is_list: false, is_modulatable: true },
        Self { id: "gate", group: "Input", is_list: false, is_modulatable: false },
        Self { id: "confidence", group: "Display", is_list: false, is_modulatable: true },
        Self { id: "follow", group: "Input", is_list: false, is_modulatable: false },
        Self { id: "backend", group: "Analysis", is_list: true, is_modulatable: false },
    ];

    /// The group of parameter `id`.
    #[must_use]
    pub fn group_of(id: &str) -> &'static str {
        Self::ALL.iter().find(|manner| manner.id == id).map_or("", |manner| manner.group)
    }
}

/// The number that hosts know parameter `id` by: the framework's hash, `nice_plug::wrapper::util::hash_param_id`, which is not public.
#[must_use]
pub fn host_id(id: &str) -> u32 {
    id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) & !(1 << 31)
}

impl MoodlineParams {
    /// The continuous parameter `id`, if there is one.
    #[must_use]
    pub fn continuous(&self, id: &str) -> Option<&FloatParam> {
        match id {
            "window" => Some(&self.window),
            "hop" => Some(&self.hop),
            "smoothing" => Some(&self.smoothing),
            "gate" => Some(&self.gate),
            "confidence" => Some(&self.confidence),
            _ => None,
        }
    }
}

impl Default for MoodlineParams {
    fn default() -> Self {
        Self {
            bypass: BoolParam::new("Bypass", false)
                .make_bypass()
                .with_value_to_string(formatters::v2s_bool_bypass())
                .with_string_to_value(formatters::s2v_bool_bypass()),
            hold: BoolParam::new("Hold", false),
            source: EnumParam::new("Source", SourceChoice::Mix),
            window: seconds("Window", 5.0, FloatRange::Linear { min: 2.0, max: 10.0 }, 0.5, 1),
            hop: seconds("Hop", 0.5, FloatRange::Linear { min: 0.25, max: 5.0 }, 0.25, 2),
            // Neighbouring blocks share nine tenths of their audio as it is, so the default adds no more inertia.
            smoothing: seconds("Smoothing", 0.0, FloatRange::Linear { min: 0.0, max: 10.0 }, 0.1, 1)
                .with_unit("")
                .with_value_to_string(Arc::new(|value| if value == 0.0 { "Off".to_owned() } else { format!("{value:.1} s") }))
                .with_string_to_value(Arc::new(|text| match number(text, "s") {
                    None if text.trim().eq_ignore_ascii_case("off") => Some(0.0),
                    parsed => parsed,
                })),
            gate: FloatParam::new(
                "Gate threshold",
                GateConfig::default().level_db,
                FloatRange::Linear { min: -100.0, max: -20.0 },
            )
            .with_step_size(1.0)
            .with_unit(" dBFS")
            .with_value_to_string(formatters::v2s_f32_rounded(0))
            .with_string_to_value(Arc::new(|text| number(text, "dbfs").or_else(|| number(text, "db")))),
            confidence: FloatParam::new("Confidence threshold", DEFAULT_CONFIDENCE, FloatRange::Linear { min: 0.0, max: 1.0 })
                .with_step_size(0.01)
                .with_unit(" %")
                .with_value_to_string(formatters::v2s_f32_percentage(0))
                .with_string_to_value(Arc::new(|text| number(text, "%").map(|percent| percent / 100.0))),
            follow: BoolParam::new("Follow transport", true),
            backend: EnumParam::new("Backend", BackendParam::Auto).non_automatable(),
        }
    }
}

impl MoodlineParams {
    /// What the worker analyses by, read anew for every piece of audio.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            window_seconds: self.window.value().into(),
            hop_seconds: self.hop.value().into(),
            gate_level_db: self.gate.value(),
            backend: self.backend.value().into(),
        }
    }
}

/// A parameter in seconds, shown with `digits` digits after the point.
fn seconds(name: &str, default: f32, range: FloatRange, step: f32, digits: usize) -> FloatParam {
    FloatParam::new(name, default, range)
        .with_step_size(step)
        .with_unit(" s")
        .with_value_to_string(Arc::new(move |value| format!("{value:.digits$}")))
        .with_string_to_value(Arc::new(|text| number(text, "s")))
}

/// The finite number in `text`, which may carry `unit` (lower case) in any case.
fn number(text: &str, unit: &str) -> Option<f32> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix(unit).unwrap_or(&text).trim_end();
    text.parse().ok().filter(|value: &f32| value.is_finite())
}

#[cfg(test)]
mod tests {
    use nice_plug::params::Params as _;

    use super::*;
    use crate::presets::PRESETS;

    #[test]
    fn every_parameter_has_its_manner_in_order() {
        let ids: Vec<_> = MoodlineParams::default().param_map().into_iter().map(|(id, ..)| id).collect();
        assert_eq!(ids, Manner::ALL.map(|manner| manner.id));
    }

    #[test]
    fn presets_name_continuous_parameters_and_values_they_can_take() {
        let params = MoodlineParams::default();
        for preset in &PRESETS {
            for (id, value) in preset.values {
                let param = params.continuous(id).unwrap_or_else(|| panic!("{}: no continuous parameter {id}", preset.id));
                let taken = param.preview_plain(param.preview_normalized(*value));
                assert!((taken - value).abs() < 1e-3, "{}: {id} {value} becomes {taken}", preset.id);
            }
        }
    }
}
