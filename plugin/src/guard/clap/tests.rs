//! Requests of hosts beyond audio processing, made as a host makes them.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::ambisonic::{CLAP_EXT_AMBISONIC, CLAP_PORT_AMBISONIC, clap_ambisonic_config, clap_plugin_ambisonic};
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::ext::configurable_audio_ports::{
    CLAP_EXT_CONFIGURABLE_AUDIO_PORTS, clap_audio_port_configuration_request, clap_plugin_configurable_audio_ports,
};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_IS_BYPASS, CLAP_PARAM_IS_ENUM, CLAP_PARAM_IS_MODULATABLE, clap_param_info, clap_plugin_params,
};
use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, clap_plugin_preset_load};
use clap_sys::ext::remote_controls::{CLAP_EXT_REMOTE_CONTROLS, clap_plugin_remote_controls, clap_remote_controls_page};
use clap_sys::ext::state_context::{
    CLAP_EXT_STATE_CONTEXT, CLAP_STATE_CONTEXT_FOR_DUPLICATE, CLAP_STATE_CONTEXT_FOR_PRESET, CLAP_STATE_CONTEXT_FOR_PROJECT,
    clap_plugin_state_context,
};
use clap_sys::ext::surround::{CLAP_EXT_SURROUND, CLAP_PORT_SURROUND, clap_plugin_surround};
use clap_sys::ext::track_info::{CLAP_EXT_TRACK_INFO, CLAP_TRACK_INFO_HAS_TRACK_NAME, clap_host_track_info, clap_track_info};
use clap_sys::factory::preset_discovery::{
    CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, clap_preset_discovery_factory, clap_preset_discovery_indexer,
    clap_preset_discovery_location, clap_preset_discovery_metadata_receiver,
};
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use clap_sys::stream::{clap_istream, clap_ostream};

use super::guarded::Guarded;
use super::*;
use crate::params::{MoodlineParams, ParamSpec, host_id};
use crate::presets::PRESETS;

/// A host that offers nothing but the name of its track.
static HOST: clap_host = clap_host {
    clap_version: CLAP_VERSION,
    host_data: ptr::null_mut(),
    name: c"test".as_ptr(),
    vendor: c"test".as_ptr(),
    url: c"".as_ptr(),
    version: c"1".as_ptr(),
    get_extension: Some(get_host_extension),
    request_restart: None,
    request_process: None,
    request_callback: None,
};

unsafe extern "C" fn get_host_extension(_host: *const clap_host, id: *const c_char) -> *const c_void {
    static TRACK: clap_host_track_info = clap_host_track_info { get: Some(get_track) };
    if unsafe { CStr::from_ptr(id) } == CLAP_EXT_TRACK_INFO { (&raw const TRACK).cast() } else { ptr::null() }
}

unsafe extern "C" fn get_track(_host: *const clap_host, info: *mut clap_track_info) -> bool {
    let info = unsafe { &mut *info };
    info.flags = CLAP_TRACK_INFO_HAS_TRACK_NAME;
    write_text(&mut info.name, "Voice of Anna");
    true
}

struct Plugin(*const clap_plugin);

impl Plugin {
    fn new() -> Self {
        let id = descriptor().clap_id();
        let plugin = unsafe { create_plugin(&raw const FACTORY, &raw const HOST, id.as_ptr()) };
        assert!(!plugin.is_null() && unsafe { (*plugin).init.unwrap()(plugin) });
        Self(plugin)
    }

    fn extension<T>(&self, id: &CStr) -> &T {
        unsafe { (*self.0).get_extension.unwrap()(self.0, id.as_ptr()).cast::<T>().as_ref() }.unwrap()
    }

    fn value(&self, id: &str) -> f64 {
        let (params, mut value) = (self.extension::<clap_plugin_params>(CLAP_EXT_PARAMS), f64::NAN);
        assert!(unsafe { params.get_value.unwrap()(self.0, host_id(id), &raw mut value) });
        value
    }

    fn save(&self, context: u32) -> Vec<u8> {
        let state = self.extension::<clap_plugin_state_context>(CLAP_EXT_STATE_CONTEXT);
        let mut bytes = Vec::new();
        let stream = clap_ostream { ctx: (&raw mut bytes).cast(), write: Some(write) };
        assert!(unsafe { state.save.unwrap()(self.0, &raw const stream, context) });
        bytes
    }

    fn load(&self, bytes: &[u8], context: u32) -> bool {
        let state = self.extension::<clap_plugin_state_context>(CLAP_EXT_STATE_CONTEXT);
        let mut rest = bytes;
        let stream = clap_istream { ctx: (&raw mut rest).cast(), read: Some(read) };
        unsafe { state.load.unwrap()(self.0, &raw const stream, context) }
    }

    /// Plays a buffer of `input` into `n_out` outputs; `None` if the plugin reports failure.
    fn play(&self, input: &[Vec<f32>], n_out: usize) -> Option<Vec<Vec<f32>>> {
        let n_frames = input[0].len();
        let (mut ins, mut outs) = (input.to_vec(), vec![vec![9.0_f32; n_frames]; n_out]);
        let mut in_pointers: Vec<_> = ins.iter_mut().map(Vec::as_mut_ptr).collect();
        let mut out_pointers: Vec<_> = outs.iter_mut().map(Vec::as_mut_ptr).collect();
        let bus = |pointers: &mut Vec<*mut f32>| clap_sys::audio_buffer::clap_audio_buffer {
            data32: pointers.as_mut_ptr(),
            data64: ptr::null_mut(),
            channel_count: pointers.len() as u32,
            latency: 0,
            constant_mask: 0,
        };
        let (input, mut output) = (bus(&mut in_pointers), bus(&mut out_pointers));
        let process = clap_process {
            steady_time: -1,
            frames_count: n_frames as u32,
            transport: ptr::null(),
            audio_inputs: &raw const input,
            audio_outputs: &raw mut output,
            audio_inputs_count: 1,
            audio_outputs_count: 1,
            in_events: ptr::null::<clap_input_events>(),
            out_events: ptr::null::<clap_output_events>(),
        };
        let status = unsafe { (*self.0).process.unwrap()(self.0, &raw const process) };
        (status != CLAP_PROCESS_ERROR).then_some(outs)
    }

    fn activate(&self, active: bool) {
        unsafe {
            if active {
                assert!((*self.0).activate.unwrap()(self.0, 48e3, 1, 512) && (*self.0).start_processing.unwrap()(self.0));
            } else {
                (*self.0).stop_processing.unwrap()(self.0);
                (*self.0).deactivate.unwrap()(self.0);
            }
        }
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        unsafe { (*self.0).destroy.unwrap()(self.0) };
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, buffer: *const c_void, size: u64) -> i64 {
    let bytes = unsafe { &mut *(*stream).ctx.cast::<Vec<u8>>() };
    // A few bytes at a time, as with a pipe.
    let n = size.min(100) as usize;
    bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(buffer.cast(), n) });
    n as i64
}

unsafe extern "C" fn read(stream: *const clap_istream, buffer: *mut c_void, size: u64) -> i64 {
    let rest = unsafe { &mut *(*stream).ctx.cast::<&[u8]>() };
    let n = rest.len().min(size as usize).min(100);
    unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast(), n) };
    *rest = &rest[n..];
    n as i64
}

fn text_of(field: &[c_char]) -> String {
    unsafe { CStr::from_ptr(field.as_ptr()) }.to_string_lossy().into_owned()
}

#[test]
fn parameters_have_their_groups_and_flags() {
    let plugin = Plugin::new();
    let params = plugin.extension::<clap_plugin_params>(CLAP_EXT_PARAMS);
    assert_eq!(unsafe { params.count.unwrap()(plugin.0) } as usize, ParamSpec::ALL.len());
    for (index, spec) in ParamSpec::ALL.iter().enumerate() {
        let mut info: clap_param_info = unsafe { std::mem::zeroed() };
        assert!(unsafe { params.get_info.unwrap()(plugin.0, index as u32, &raw mut info) });
        let has = |flag| info.flags & flag != 0;
        assert_eq!((info.id, text_of(&info.module)), (host_id(spec.id), spec.group.to_owned()), "{}", spec.id);
        assert_eq!(has(CLAP_PARAM_IS_ENUM), spec.is_list, "{}", spec.id);
        assert_eq!(has(CLAP_PARAM_IS_MODULATABLE), spec.is_modulatable, "{}", spec.id);
        assert_eq!(has(CLAP_PARAM_IS_BYPASS), spec.id == "bypass");
    }
    let mut text = [0; 4];
    assert!(!unsafe { params.value_to_text.unwrap()(plugin.0, host_id("hop"), 0.5, text.as_mut_ptr(), 0) });
}

#[test]
fn one_page_of_controls_has_eight_parameters() {
    let plugin = Plugin::new();
    let pages = plugin.extension::<clap_plugin_remote_controls>(CLAP_EXT_REMOTE_CONTROLS);
    assert_eq!(unsafe { pages.count.unwrap()(plugin.0) }, 1);
    let mut page: clap_remote_controls_page = unsafe { std::mem::zeroed() };
    assert!(unsafe { pages.get.unwrap()(plugin.0, 0, &raw mut page) });
    let known: Vec<u32> = ParamSpec::ALL.iter().map(|spec| host_id(spec.id)).collect();
    assert!(page.param_ids.iter().all(|id| known.contains(id)), "{:?}", page.param_ids);
    assert!(!unsafe { pages.get.unwrap()(plugin.0, 1, &raw mut page) });
}

/// The name of each preset that the library declares, with its key.
fn declared() -> Vec<(String, String)> {
    unsafe extern "C" fn begin(
        to: *const clap_preset_discovery_metadata_receiver,
        name: *const c_char,
        key: *const c_char,
    ) -> bool {
        let found = unsafe { &mut *(*to).receiver_data.cast::<Vec<(String, String)>>() };
        let text = |text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
        found.push((text(name), text(key)));
        true
    }
    unsafe extern "C" fn declare(
        _: *const clap_preset_discovery_indexer,
        location: *const clap_preset_discovery_location,
    ) -> bool {
        unsafe { (*location).kind == CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN && (*location).location.is_null() }
    }
    let mut found: Vec<(String, String)> = Vec::new();
    let mut indexer: clap_preset_discovery_indexer = unsafe { std::mem::zeroed() };
    indexer.declare_location = Some(declare);
    let mut receiver: clap_preset_discovery_metadata_receiver = unsafe { std::mem::zeroed() };
    receiver.receiver_data = (&raw mut found).cast();
    receiver.begin_preset = Some(begin);
    unsafe {
        let factory =
            get_factory(CLAP_PRESET_DISCOVERY_FACTORY_ID.as_ptr()).cast::<clap_preset_discovery_factory>().as_ref().unwrap();
        assert_eq!(factory.count.unwrap()(factory), 1);
        let descriptor = factory.get_descriptor.unwrap()(factory, 0).as_ref().unwrap();
        let provider = factory.create.unwrap()(factory, &raw const indexer, descriptor.id).as_ref().unwrap();
        assert!(provider.init.unwrap()(provider));
        let all = provider.get_metadata.unwrap();
        assert!(all(provider, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, ptr::null(), &raw const receiver));
        provider.destroy.unwrap()(provider);
    }
    found
}

#[test]
fn presets_are_found_and_loaded() {
    let names: Vec<_> = PRESETS.iter().map(|preset| (preset.name.to_owned(), preset.id.to_owned())).collect();
    assert_eq!(declared(), names);
    let (plugin, params) = (Plugin::new(), MoodlineParams::default());
    let presets = plugin.extension::<clap_plugin_preset_load>(CLAP_EXT_PRESET_LOAD);
    for preset in &PRESETS {
        let key = std::ffi::CString::new(preset.id).unwrap();
        let load = presets.from_location.unwrap();
        assert!(unsafe { load(plugin.0, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, ptr::null(), key.as_ptr()) });
        for (id, value) in preset.values {
            use nice_plug::prelude::Param as _;
            let expected = params.continuous(id).unwrap().preview_normalized(*value);
            assert!((plugin.value(id) - f64::from(expected)).abs() < 1e-6, "{}: {id}", preset.id);
        }
        assert!(!unsafe { load(plugin.0, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, ptr::null(), c"unknown".as_ptr()) });
    }
}

#[test]
fn a_duplicate_and_a_preset_leave_the_timeline_behind() {
    use moodline_engine::timeline::{Clock, Timeline, Timelines};
    let plugin = Plugin::new();
    let guarded = unsafe { Guarded::of(plugin.0) }.unwrap();
    let mut timeline = Timeline::default();
    timeline.insert_segment(0.0, 5.0, 5.0, moodline_engine::State::NoSpeech);
    guarded.link.saved.timelines.control.restore(Timelines { host: timeline, stream: Timeline::default() });
    let n_entries = |plugin: &Plugin| {
        let guarded = unsafe { Guarded::of(plugin.0) }.unwrap();
        guarded.link.saved.timelines.monitor.with_timeline(Clock::Host, |timeline| timeline.entries().len())
    };
    let project = plugin.save(CLAP_STATE_CONTEXT_FOR_PROJECT);
    for (context, n) in
        [(CLAP_STATE_CONTEXT_FOR_PROJECT, 1), (CLAP_STATE_CONTEXT_FOR_PRESET, 0), (CLAP_STATE_CONTEXT_FOR_DUPLICATE, 0)]
    {
        let other = Plugin::new();
        assert!(other.load(&plugin.save(context), context));
        assert_eq!(n_entries(&other), n, "saved for {context}");
        let other = Plugin::new();
        assert!(other.load(&project, context));
        assert_eq!(n_entries(&other), n, "loaded for {context}");
    }
    assert!(plugin.load(&plugin.save(CLAP_STATE_CONTEXT_FOR_PRESET), CLAP_STATE_CONTEXT_FOR_PRESET));
    assert_eq!(n_entries(&plugin), 1, "a preset leaves what was recorded");
    assert!(!plugin.load(&project[..project.len() - 1], CLAP_STATE_CONTEXT_FOR_PROJECT));
}

fn request(is_input: bool, n: u32, kind: &CStr, details: *const c_void) -> clap_audio_port_configuration_request {
    clap_audio_port_configuration_request {
        is_input,
        port_index: 0,
        channel_count: n,
        port_type: kind.as_ptr(),
        port_details: details,
    }
}

fn port(plugin: &Plugin, is_input: bool) -> (u32, Option<&CStr>) {
    let ports = plugin.extension::<clap_plugin_audio_ports>(CLAP_EXT_AUDIO_PORTS);
    let mut info: clap_audio_port_info = unsafe { std::mem::zeroed() };
    assert!(unsafe { ports.get.unwrap()(plugin.0, 0, is_input, &raw mut info) });
    (info.channel_count, unsafe { text(info.port_type) })
}

#[test]
fn one_channel_to_two_and_back_can_be_asked_for() {
    let plugin = Plugin::new();
    let ports = plugin.extension::<clap_plugin_configurable_audio_ports>(CLAP_EXT_CONFIGURABLE_AUDIO_PORTS);
    let apply = |n_in: u32, n_out: u32| {
        let kind = |n| if n == 1 { c"mono" } else { c"stereo" };
        let requests = [request(true, n_in, kind(n_in), ptr::null()), request(false, n_out, kind(n_out), ptr::null())];
        unsafe { ports.apply_configuration.unwrap()(plugin.0, requests.as_ptr(), 2) }
    };
    let input = [vec![0.5, -0.25], vec![0.25, 0.75]];
    for (n_in, n_out, expected) in
        [(1, 2, vec![input[0].clone(), input[0].clone()]), (2, 1, vec![vec![0.375, 0.25]]), (2, 2, input.to_vec())]
    {
        assert!(apply(n_in, n_out));
        assert_eq!((port(&plugin, true).0, port(&plugin, false).0), (n_in, n_out));
        plugin.activate(true);
        assert!(!apply(2, 2), "not while it is active");
        assert_eq!(plugin.play(&input[..n_in as usize], n_out as usize), Some(expected));
        assert_eq!(plugin.play(&input[..n_in as usize], 3 - n_out as usize), None, "other outputs than agreed");
        plugin.activate(false);
    }
    assert!(!apply(17, 17) && !apply(0, 0));
}

#[test]
fn surround_and_ambisonics_are_read_back_as_they_were_asked_for() {
    let plugin = Plugin::new();
    let ports = plugin.extension::<clap_plugin_configurable_audio_ports>(CLAP_EXT_CONFIGURABLE_AUDIO_PORTS);
    let both = |n, kind, details| {
        let requests = [request(true, n, kind, details), request(false, n, kind, details)];
        unsafe {
            let can = ports.can_apply_configuration.unwrap()(plugin.0, requests.as_ptr(), 2);
            assert_eq!(ports.apply_configuration.unwrap()(plugin.0, requests.as_ptr(), 2), can);
            can
        }
    };
    let surround = plugin.extension::<clap_plugin_surround>(CLAP_EXT_SURROUND);
    let mut map = [u8::MAX; 16];
    let read_map = |map: &mut [u8; 16]| unsafe { surround.get_channel_map.unwrap()(plugin.0, true, 0, map.as_mut_ptr(), 16) };
    // 6.1 Music: no usual arrangement of seven channels.
    let asked: [u8; 7] = [0, 1, 3, 4, 5, 9, 10];
    assert!(both(7, CLAP_PORT_SURROUND, asked.as_ptr().cast()));
    assert_eq!(port(&plugin, true), (7, Some(CLAP_PORT_SURROUND)));
    assert_eq!(read_map(&mut map), 7);
    assert_eq!(map[..7], asked);
    assert!(both(12, CLAP_PORT_SURROUND, ptr::null()));
    assert_eq!(read_map(&mut map), 12);

    let config = clap_ambisonic_config { ordering: 1, normalization: 2 };
    assert!(both(16, CLAP_PORT_AMBISONIC, (&raw const config).cast()));
    assert_eq!(port(&plugin, false), (16, Some(CLAP_PORT_AMBISONIC)));
    let ambisonic = plugin.extension::<clap_plugin_ambisonic>(CLAP_EXT_AMBISONIC);
    let mut found = clap_ambisonic_config { ordering: 9, normalization: 9 };
    assert!(unsafe { ambisonic.get_config.unwrap()(plugin.0, true, 0, &raw mut found) });
    assert_eq!((found.ordering, found.normalization), (1, 2));
    assert!(!both(5, CLAP_PORT_AMBISONIC, ptr::null()), "no order has five channels");
    assert_eq!(port(&plugin, false).0, 16, "what was refused changes nothing");
}

#[test]
fn ports_of_as_many_channels_are_of_one_kind() {
    let plugin = Plugin::new();
    let ports = plugin.extension::<clap_plugin_configurable_audio_ports>(CLAP_EXT_CONFIGURABLE_AUDIO_PORTS);
    let apply =
        |requests: &[_]| unsafe { ports.apply_configuration.unwrap()(plugin.0, requests.as_ptr(), requests.len() as u32) };
    let back = [3_u8, 4];
    let surround = |is_input| request(is_input, 2, CLAP_PORT_SURROUND, back.as_ptr().cast());
    for is_input in [true, false] {
        assert!(apply(&[request(true, 2, c"stereo", ptr::null()), request(false, 2, c"stereo", ptr::null())]));
        assert!(apply(&[surround(is_input)]), "one side takes the other along");
        assert_eq!(port(&plugin, true), (2, Some(CLAP_PORT_SURROUND)));
        assert_eq!(port(&plugin, false), (2, Some(CLAP_PORT_SURROUND)));
    }
    assert!(!apply(&[surround(true), request(false, 2, c"stereo", ptr::null())]), "what comes in is what goes out");
}

#[test]
fn nothing_is_asked_of_a_host_that_has_no_such_function() {
    let plugin = Plugin::new();
    unsafe {
        (*plugin.0).on_main_thread.unwrap()(plugin.0);
        assert!(create_plugin(&raw const FACTORY, ptr::null(), descriptor().clap_id().as_ptr()).is_null());
        assert!(create_plugin(&raw const FACTORY, &raw const HOST, ptr::null()).is_null());
        assert!(get_factory(ptr::null()).is_null());
        assert!(get_plugin_descriptor(&raw const FACTORY, 1).is_null());
    }
}
