//! Moodline in a host: CLAP, VST3, and the standalone.
//!
//! In: the audio, transport, parameters and state of a host. Out: the same audio, bit for bit, and an editor that shows the emotion of the
//! voice over time. The analysis is [`moodline_engine`]'s; this crate adapts it to `nice-plug` and draws it.

use std::sync::Arc;

use moodline_engine::live::Monitor;
use nice_plug::prelude::*;
use nice_plug_egui::EguiEditor;

pub mod editor;
pub mod instance;
pub mod params;
pub mod session;
#[cfg(feature = "standalone")]
pub mod standalone;

use editor::EditorApp;
use instance::{Instance, MAX_CHANNELS};

/// The plugin that hosts load.
#[derive(Default)]
pub struct Moodline {
    instance: Instance,
}

impl Moodline {
    /// What was heard.
    #[must_use]
    pub fn monitor(&self) -> Arc<Monitor> {
        self.instance.monitor()
    }
}

/// As many outputs as inputs, for each number of channels; stereo first, because hosts take the first they are not asked about.
const LAYOUTS: [AudioIOLayout; MAX_CHANNELS] = {
    let mut layouts = [layout(2); MAX_CHANNELS];
    layouts[1] = layout(1);
    let mut n_channels = 3;
    while n_channels <= MAX_CHANNELS {
        layouts[n_channels - 1] = layout(n_channels as u32);
        n_channels += 1;
    }
    layouts
};

const fn layout(n_channels: u32) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels: NonZeroU32::new(n_channels),
        main_output_channels: NonZeroU32::new(n_channels),
        ..AudioIOLayout::const_default()
    }
}

impl Plugin for Moodline {
    const NAME: &'static str = "Moodline";
    const VENDOR: &'static str = "Moodline";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &LAYOUTS;

    type Editor = EguiEditor<EditorApp>;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.instance.saved()
    }

    fn editor(&mut self, _async_executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        self.instance.editor(|app| app)
    }

    fn filter_state(state: &mut PluginState) {
        session::refuse_garbage(state);
    }

    fn activate(&mut self, _layout: &AudioIOLayout, config: &BufferConfig, _context: &mut impl ActivateContext<Self>) -> bool {
        self.instance.activate(config);
        true
    }

    fn deactivate(&mut self) {
        self.instance.deactivate();
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        self.instance.process(buffer.as_slice_immutable(), context.transport());
        ProcessStatus::Normal
    }
}

impl ClapPlugin for Moodline {
    const CLAP_ID: &'static str = "org.moodline.moodline";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Shows the emotion of a voice over time");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Analyzer, ClapFeature::AudioEffect, ClapFeature::Mono, ClapFeature::Stereo];
}

impl Vst3Plugin for Moodline {
    const VST3_CLASS_ID: [u8; 16] = *b"MoodlineAnalyser";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Analyzer];
}

nice_export_clap!(Moodline);
nice_export_vst3!(Moodline);
