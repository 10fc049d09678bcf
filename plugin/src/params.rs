//! The parameters that a host can set, automate and recall.
//!
//! In: values from the host. Out: the engine's [`Settings`], and plain values for the audio thread and the editor. Hosts store the ids, so they never change;
//! hosts show the parameters in this order.

use std::collections::BTreeMap;
use std::sync::Arc;

use moodline_engine::BackendChoice;
use moodline_engine::GateConfig;
use moodline_engine::display::CONFIDENCE_THRESHOLD;
use moodline_engine::live::{Settings, Source};
use nice_plug::context::gui::ParamSetter;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::ParamValue;
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

/// The backend that runs the network.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum BackendParam {
    /// ONNX Runtime if its library is found, otherwise the native kernel.
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

/// The parameters of an instance, read by the audio thread, the worker and the editor; every value is atomic. [`ParamSpec::ALL`] has their ids.
pub struct MoodlineParams {
    /// Skips the analysis. The audio is never changed, bypassed or not.
    pub bypass: BoolParam,
    /// Freezes what the editor shows; the analysis continues.
    pub hold: BoolParam,
    /// Which signal of the track is analysed.
    pub source: EnumParam<SourceChoice>,
    /// Length of a block, seconds.
    pub window: FloatParam,
    /// Distance between the starts of consecutive blocks, seconds.
    pub hop: FloatParam,
    /// Time constant of the displayed values, seconds; 0 shows every block as it is.
    pub smoothing: FloatParam,
    /// Quieter audio is never speech, dBFS.
    pub gate: FloatParam,
    /// Results with a lower maximum probability are shown as "uncertain", 0..=1.
    pub confidence: FloatParam,
    /// Records on the host's timeline instead of the stream's own.
    pub follow: BoolParam,
    /// The backend that runs the network.
    pub backend: EnumParam<BackendParam>,
}

/// A parameter of an instance, of any type.
#[derive(Clone, Copy)]
pub enum AnyParam<'a> {
    /// On or off.
    Switch(&'a BoolParam),
    /// A number.
    Number(&'a FloatParam),
    /// Which signal.
    Source(&'a EnumParam<SourceChoice>),
    /// Which backend.
    Backend(&'a EnumParam<BackendParam>),
}

impl AnyParam<'_> {
    /// The framework's pointer to the parameter.
    fn as_ptr(self) -> ParamPtr {
        match self {
            Self::Switch(param) => param.as_ptr(),
            Self::Number(param) => param.as_ptr(),
            Self::Source(param) => param.as_ptr(),
            Self::Backend(param) => param.as_ptr(),
        }
    }

    /// The value to save.
    #[must_use]
    pub fn saved(self) -> ParamValue {
        match self {
            Self::Switch(param) => ParamValue::Bool(param.unmodulated_plain_value()),
            Self::Number(param) => ParamValue::F32(param.unmodulated_plain_value()),
            Self::Source(param) => id_of(param.unmodulated_plain_value()),
            Self::Backend(param) => id_of(param.unmodulated_plain_value()),
        }
    }

    /// Sets the parameter to a saved `value` through `setter`; does nothing if it cannot take that value.
    pub fn restore(self, value: &ParamValue, setter: &ParamSetter<'_>) {
        match (self, value) {
            (Self::Switch(param), ParamValue::Bool(on)) => set(setter, param, *on),
            (Self::Number(param), ParamValue::F32(number)) => set(setter, param, *number),
            (Self::Source(param), ParamValue::String(id)) => set_by_id(setter, param, id),
            (Self::Backend(param), ParamValue::String(id)) => set_by_id(setter, param, id),
            _ => {}
        }
    }

    /// Checks that the parameter can take a saved `value`.
    ///
    /// # Errors
    /// The accepted values.
    pub fn check(self, value: &ParamValue) -> Result<(), String> {
        match (self, value) {
            (Self::Switch(_), ParamValue::Bool(_)) => Ok(()),
            (Self::Switch(_), _) => Err("true or false".to_owned()),
            (Self::Number(param), value) => within(param, value),
            (Self::Source(_), value) => one_of::<SourceChoice>(value),
            (Self::Backend(_), value) => one_of::<BackendParam>(value),
        }
    }
}

fn id_of<T: Enum>(value: T) -> ParamValue {
    // INVARIANT: all our values have an id.
    ParamValue::String(T::ids().expect("values have ids")[value.to_index()].to_owned())
}

fn set<P: Param>(setter: &ParamSetter<'_>, param: &P, value: P::Plain) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}

fn set_by_id<T: Enum + PartialEq + 'static>(setter: &ParamSetter<'_>, param: &EnumParam<T>, id: &str) {
    let ids = T::ids().unwrap_or_default();
    if let Some(index) = ids.iter().position(|known| *known == id) {
        set(setter, param, T::from_index(index));
    }
}

fn one_of<T: Enum>(value: &ParamValue) -> Result<(), String> {
    let ids = T::ids().unwrap_or_default();
    match value {
        ParamValue::String(id) if ids.contains(&id.as_str()) => Ok(()),
        _ => Err(format!("one of {ids:?}")),
    }
}

fn within(param: &FloatParam, value: &ParamValue) -> Result<(), String> {
    let (min, max) = (param.preview_plain(0.0), param.preview_plain(1.0));
    match value {
        ParamValue::F32(value) if (min..=max).contains(value) => Ok(()),
        _ => Err(format!("a number from {min} to {max}")),
    }
}

/// The metadata of a parameter apart from its values: the only place that defines its id.
#[derive(Clone, Copy)]
pub struct ParamSpec {
    /// Its id in hosts and states.
    pub id: &'static str,
    /// The group under which hosts show it; empty for none.
    pub group: &'static str,
    /// Whether its values are names to choose from.
    pub is_list: bool,
    /// Whether it can be modulated during playback without restarting the analysis.
    pub is_modulatable: bool,
    /// The parameter itself.
    of: fn(&MoodlineParams) -> AnyParam<'_>,
}

impl ParamSpec {
    /// One entry per parameter, in the order shown by hosts.
    pub const ALL: [Self; 10] = [
        Self::new("bypass", "", |params| AnyParam::Switch(&params.bypass)),
        Self::new("hold", "Display", |params| AnyParam::Switch(&params.hold)),
        Self::new("source", "Input", |params| AnyParam::Source(&params.source)).list(),
        Self::new("window", "Analysis", |params| AnyParam::Number(&params.window)),
        Self::new("hop", "Analysis", |params| AnyParam::Number(&params.hop)),
        Self::new("smoothing", "Display", |params| AnyParam::Number(&params.smoothing)).modulatable(),
        Self::new("gate", "Input", |params| AnyParam::Number(&params.gate)),
        Self::new("confidence", "Display", |params| AnyParam::Number(&params.confidence)).modulatable(),
        Self::new("follow", "Input", |params| AnyParam::Switch(&params.follow)),
        Self::new("backend", "Analysis", |params| AnyParam::Backend(&params.backend)).list(),
    ];

    const fn new(id: &'static str, group: &'static str, of: fn(&MoodlineParams) -> AnyParam<'_>) -> Self {
        Self { id, group, is_list: false, is_modulatable: false, of }
    }

    const fn modulatable(self) -> Self {
        Self { is_modulatable: true, ..self }
    }

    const fn list(self) -> Self {
        Self { is_list: true, ..self }
    }
}

/// The number by which hosts identify parameter `id`: the framework's hash, `nice_plug::wrapper::util::hash_param_id`, which is not public.
#[must_use]
pub fn host_id(id: &str) -> u32 {
    id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) & !(1 << 31)
}

impl MoodlineParams {
    /// The parameter `id`, if there is one.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<AnyParam<'_>> {
        ParamSpec::ALL.iter().find(|spec| spec.id == id).map(|spec| (spec.of)(self))
    }

    /// The continuous parameter `id`, if there is one.
    #[must_use]
    pub fn continuous(&self, id: &str) -> Option<&FloatParam> {
        match self.by_id(id) {
            Some(AnyParam::Number(param)) => Some(param),
            _ => None,
        }
    }

    /// The saved value of every parameter, by id.
    #[must_use]
    pub fn saved(&self) -> BTreeMap<String, ParamValue> {
        ParamSpec::ALL.iter().map(|spec| (spec.id.to_owned(), (spec.of)(self).saved())).collect()
    }

    /// Id, pointer and group of each parameter, in the framework's format.
    pub(crate) fn map(&self) -> Vec<(String, ParamPtr, String)> {
        ParamSpec::ALL.iter().map(|spec| (spec.id.to_owned(), (spec.of)(self).as_ptr(), spec.group.to_owned())).collect()
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
            // Neighbouring blocks already share nine tenths of their audio, so the default adds no smoothing.
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
            confidence: FloatParam::new("Confidence threshold", CONFIDENCE_THRESHOLD, FloatRange::Linear { min: 0.0, max: 1.0 })
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
    /// The worker's settings that are parameters.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            window_seconds: self.window.value().into(),
            hop_seconds: self.hop.value().into(),
            gate_level_db: self.gate.value(),
            backend: self.backend.value().into(),
            ..Settings::default()
        }
    }
}

/// A parameter in seconds, shown with `digits` decimal places.
fn seconds(name: &str, default: f32, range: FloatRange, step: f32, digits: usize) -> FloatParam {
    FloatParam::new(name, default, range)
        .with_step_size(step)
        .with_unit(" s")
        .with_value_to_string(Arc::new(move |value| format!("{value:.digits$}")))
        .with_string_to_value(Arc::new(|text| number(text, "s")))
}

/// The finite number in `text`, which may end with `unit` (given in lower case) in any case.
fn number(text: &str, unit: &str) -> Option<f32> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix(unit).unwrap_or(&text).trim_end();
    text.parse().ok().filter(|value: &f32| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::PRESETS;

    #[test]
    fn ids_and_their_order_never_change() {
        let ids: Vec<_> = MoodlineParams::default().map().into_iter().map(|(id, ..)| id).collect();
        let expected = ["bypass", "hold", "source", "window", "hop", "smoothing", "gate", "confidence", "follow", "backend"];
        assert_eq!(ids, expected);
    }

    #[test]
    fn every_id_leads_to_its_own_parameter() {
        let params = MoodlineParams::default();
        let names = ParamSpec::ALL.map(|spec| match (spec.of)(&params) {
            AnyParam::Switch(param) => param.name(),
            AnyParam::Number(param) => param.name(),
            AnyParam::Source(param) => param.name(),
            AnyParam::Backend(param) => param.name(),
        });
        let expected = [
            "Bypass",
            "Hold",
            "Source",
            "Window",
            "Hop",
            "Smoothing",
            "Gate threshold",
            "Confidence threshold",
            "Follow transport",
            "Backend",
        ];
        assert_eq!(names, expected);
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
