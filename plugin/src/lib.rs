//! Moodline in a host: CLAP, VST3, and the standalone.
//!
//! In: the audio, transport, parameters and state of a host. Out: the same audio, bit for bit, and an editor that shows the emotion of the voice over time.
//! The analysis is in [`moodline_engine`]; this crate adapts it to `nice-plug` and draws it.

use std::sync::Arc;

use moodline_engine::live::{Control, Monitor};
use nice_plug::prelude::*;
use nice_plug_egui::EguiEditor;

pub mod editor;
mod guard;
pub mod instance;
mod log;
pub mod params;
pub mod presets;
pub mod session;
#[cfg(feature = "standalone")]
pub mod standalone;

use editor::EditorApp;
use guard::{Link, Settled};
use instance::{Instance, MAX_CHANNELS};

/// The plugin that hosts load.
pub struct Moodline {
    instance: Instance,
    link: Arc<Link>,
}

impl Default for Moodline {
    fn default() -> Self {
        let instance = Instance::default();
        let link = Link::new(instance.saved(), instance.notifier());
        Self { instance, link }
    }
}

impl Moodline {
    /// The results of the analysis.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        self.instance.monitor()
    }

    /// Requests to the analysis.
    #[must_use]
    pub fn control(&self) -> Control {
        self.instance.control()
    }
}

/// The page hosts link to: the project, its manual, and support.
const HOME_URL: &str = "https://moodline.org";
const MANUAL_URL: &str = "https://moodline.org/manual";
const SUPPORT_URL: &str = "https://moodline.org/support";

/// As many outputs as inputs, for each number of channels; stereo first, because hosts use the first as their default.
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
    const URL: &'static str = HOME_URL;
    const EMAIL: &'static str = "support@moodline.org";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &LAYOUTS;

    type Editor = EguiEditor<EditorApp>;
    type SysExMessage = ();
    type BackgroundTask = Settled;

    fn task_executor(&mut self) -> TaskExecutor<Self> {
        // The waiting thread may have given up.
        Box::new(|settled| _ = settled.send(()))
    }

    fn params(&self) -> Arc<dyn Params> {
        self.instance.saved()
    }

    fn editor(&mut self, executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        let link = Arc::clone(&self.link);
        self.instance.editor(|app| {
            link.offer(move |settled| executor.execute_background(settled), app.window_thread());
            app
        })
    }

    fn setup_logger() -> Option<bool> {
        Some(log::start())
    }

    fn activate(&mut self, _layout: &AudioIOLayout, config: &BufferConfig, _context: &mut impl ActivateContext<Self>) -> bool {
        self.instance.activate(config.sample_rate, self.link.is_offline());
        true
    }

    fn reset(&mut self) {
        self.instance.pause();
    }

    fn stop_processing(&mut self) {
        self.instance.pause();
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
        self.instance.set_offline(self.link.is_offline());
        self.instance.process(buffer.as_slice_immutable(), context.transport());
        ProcessStatus::Normal
    }
}

impl ClapPlugin for Moodline {
    const CLAP_ID: &'static str = "org.moodline.moodline";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Shows the emotion of a voice over time");
    const CLAP_MANUAL_URL: Option<&'static str> = Some(MANUAL_URL);
    const CLAP_SUPPORT_URL: Option<&'static str> = Some(SUPPORT_URL);
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Analyzer, ClapFeature::AudioEffect, ClapFeature::Mono, ClapFeature::Stereo, ClapFeature::Surround];

    fn remote_controls(&self, context: &mut impl RemoteControlsContext) {
        let params = self.instance.params();
        context.add_section("Moodline", |section| {
            section.add_page("Reading", |page| {
                page.add_param(&params.window);
                page.add_param(&params.hop);
                page.add_param(&params.smoothing);
                page.add_param(&params.confidence);
                page.add_param(&params.source);
                page.add_param(&params.gate);
                page.add_param(&params.follow);
                page.add_param(&params.hold);
            });
        });
    }
}

impl Vst3Plugin for Moodline {
    const VST3_CLASS_ID: [u8; 16] = *b"MoodlineAnalyser";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Analyzer];
}
