//! Parameters: those of the framework, with index checks, and with the flags and groups that it does not support.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_IS_ENUM, CLAP_PARAM_IS_MODULATABLE, clap_param_info, clap_plugin_params,
};
use clap_sys::plugin::clap_plugin;

use super::guarded::{Guarded, Inner, usable_input, usable_output};
use crate::params::ParamSpec;

static PARAMS: clap_plugin_params = clap_plugin_params {
    count: Some(count),
    get_info: Some(get_info),
    get_value: Some(get_value),
    value_to_text: Some(value_to_text),
    text_to_value: Some(text_to_value),
    flush: Some(flush),
};

pub(super) fn extension(id: &CStr) -> *const c_void {
    if id == CLAP_EXT_PARAMS { (&raw const PARAMS).cast() } else { ptr::null() }
}

unsafe fn inner<'a>(plugin: *const clap_plugin) -> Option<Inner<'a, clap_plugin_params>> {
    unsafe { Guarded::of(plugin)?.inner(CLAP_EXT_PARAMS) }
}

/// Calls one of the framework's functions; returns `$otherwise` if it is missing.
macro_rules! forward {
    ($plugin:ident => $function:ident($($argument:expr),*) or $otherwise:expr) => {
        unsafe {
            match inner($plugin) {
                Some(Inner { plugin, functions }) => match functions.$function {
                    Some(function) => function(plugin $(, $argument)*),
                    None => $otherwise,
                },
                None => $otherwise,
            }
        }
    };
}

unsafe extern "C" fn count(plugin: *const clap_plugin) -> u32 {
    forward!(plugin => count() or 0)
}

unsafe extern "C" fn get_info(plugin: *const clap_plugin, index: u32, info: *mut clap_param_info) -> bool {
    if index >= unsafe { count(plugin) } || !forward!(plugin => get_info(index, info) or false) {
        return false;
    }
    // INVARIANT: the framework refuses a null pointer, and has the parameters in the order of the specifications.
    let (Some(info), Some(spec)) = (unsafe { info.as_mut() }, ParamSpec::ALL.get(index as usize)) else { return false };
    if spec.is_list {
        info.flags |= CLAP_PARAM_IS_ENUM;
    }
    if !spec.is_modulatable {
        info.flags &= !CLAP_PARAM_IS_MODULATABLE;
    }
    true
}

unsafe extern "C" fn get_value(plugin: *const clap_plugin, id: u32, value: *mut f64) -> bool {
    forward!(plugin => get_value(id, value) or false)
}

unsafe extern "C" fn value_to_text(plugin: *const clap_plugin, id: u32, value: f64, out: *mut c_char, capacity: u32) -> bool {
    capacity > 0 && value.is_finite() && forward!(plugin => value_to_text(id, value, out, capacity) or false)
}

unsafe extern "C" fn text_to_value(plugin: *const clap_plugin, id: u32, text: *const c_char, value: *mut f64) -> bool {
    forward!(plugin => text_to_value(id, text, value) or false)
}

unsafe extern "C" fn flush(plugin: *const clap_plugin, input: *const clap_input_events, output: *const clap_output_events) {
    forward!(plugin => flush(usable_input(input), usable_output(output)) or ());
}
