//! A call that clack's types rightly prevent: `process` at any time with any contents.
#![allow(unsafe_code, reason = "calls a function of CLAP with pointers to locals, or to nothing, as hosts do")]

use std::ptr;

use clack_host::prelude::{InputEvents, OutputEvents};
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};

use crate::host::bus::{Bus, List};

/// Whether the plugin reports success.
pub(crate) fn process(plugin: &clap_plugin, input: &mut Bus, output: &mut Bus, n_frames: usize) -> bool {
    let (n_inputs, n_outputs) = (input.count(), output.count());
    let (mut inputs, mut outputs) = (input.list(), output.list());
    let (input, mut output) = (inputs.as_mut().map(buffer), outputs.as_mut().map(buffer));
    let (no_input, mut no_output) = (InputEvents::empty(), OutputEvents::void());
    let process = clap_process {
        steady_time: -1,
        frames_count: n_frames as u32,
        transport: ptr::null(),
        audio_inputs: input.as_ref().map_or(ptr::null(), ptr::from_ref),
        audio_outputs: output.as_mut().map_or(ptr::null_mut(), ptr::from_mut),
        audio_inputs_count: n_inputs,
        audio_outputs_count: n_outputs,
        in_events: no_input.as_raw(),
        // SAFETY: it is only passed on.
        out_events: unsafe { no_output.as_raw_mut() },
    };
    let call = plugin.process.expect("a plugin processes");
    // SAFETY: the instance exists, and so does everything that `process` points to.
    unsafe { call(plugin, &raw const process) != CLAP_PROCESS_ERROR }
}

fn buffer(list: &mut List) -> clap_audio_buffer {
    let (channel_count, data32) = (list.n_channels as u32, list.as_mut_ptr());
    clap_audio_buffer { data32, data64: ptr::null_mut(), channel_count, latency: 0, constant_mask: 0 }
}
