//! The plugin without a format and a library around it, called from within the same program.

use moodline::Moodline;
use nice_plug::context::PluginApi;
use nice_plug::context::process::SendEventError;
use nice_plug::prelude::*;

/// A host that only plays.
pub struct Host {
    /// Its reported transport.
    pub transport: Transport,
}

impl Host {
    /// A host at this rate, Hz, with a stopped transport without a position.
    pub fn new(sample_rate: f32) -> Self {
        Self { transport: Transport::new(sample_rate) }
    }
}

impl ActivateContext<Moodline> for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    fn execute(&self, _: <Moodline as Plugin>::BackgroundTask) {}
    fn set_latency_samples(&self, samples: u32) {
        panic!("there is no latency, found {samples}");
    }
    fn set_current_voice_capacity(&self, _capacity: u32) {}
}

impl ProcessContext<Moodline> for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    fn execute_background(&self, _: <Moodline as Plugin>::BackgroundTask) {}
    fn execute_gui(&self, _: <Moodline as Plugin>::BackgroundTask) {}
    fn transport(&self) -> &Transport {
        &self.transport
    }
    fn next_event(&mut self) -> Option<PluginNoteEvent<Moodline>> {
        None
    }
    fn try_send_event(&mut self, event: PluginNoteEvent<Moodline>) -> Result<(), (PluginNoteEvent<Moodline>, SendEventError)> {
        Err((event, SendEventError::NoOutputBuffer))
    }
    fn set_latency_samples(&self, samples: u32) {
        panic!("there is no latency, found {samples}");
    }
    fn request_restart(&self) {}
    fn set_current_voice_capacity(&self, _capacity: u32) {}
}
