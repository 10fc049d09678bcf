//! State, and state for presets and duplicates.

use std::ffi::{CStr, c_void};
use std::ptr;

use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::ext::state_context::{
    CLAP_EXT_STATE_CONTEXT, CLAP_STATE_CONTEXT_FOR_DUPLICATE, CLAP_STATE_CONTEXT_FOR_PRESET, CLAP_STATE_CONTEXT_FOR_PROJECT,
    clap_plugin_state_context,
};
use clap_sys::plugin::clap_plugin;
use clap_sys::stream::{clap_istream, clap_ostream};

use super::guarded::Guarded;
use crate::guard::state::{self, MAX_BYTES};
use crate::guard::unless_panicked;
use crate::session::SaveScope;

/// The framework writes the length before the state, because a stream does not mark its end.
const N_LENGTH: usize = size_of::<u64>();
/// Bytes read at a time.
const N_PIECE: usize = 1 << 16;

static STATE: clap_plugin_state = clap_plugin_state { save: Some(save), load: Some(load) };
static STATE_CONTEXT: clap_plugin_state_context = clap_plugin_state_context { save: Some(save_for), load: Some(load_for) };

pub(super) fn extension(id: &CStr) -> *const c_void {
    if id == CLAP_EXT_STATE {
        (&raw const STATE).cast()
    } else if id == CLAP_EXT_STATE_CONTEXT {
        (&raw const STATE_CONTEXT).cast()
    } else {
        ptr::null()
    }
}

const fn part(context: u32) -> Option<SaveScope> {
    match context {
        CLAP_STATE_CONTEXT_FOR_PROJECT => Some(SaveScope::Everything),
        CLAP_STATE_CONTEXT_FOR_PRESET | CLAP_STATE_CONTEXT_FOR_DUPLICATE => Some(SaveScope::WithoutTimeline),
        _ => None,
    }
}

unsafe extern "C" fn save(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    unsafe { save_for(plugin, stream, CLAP_STATE_CONTEXT_FOR_PROJECT) }
}

unsafe extern "C" fn load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    unsafe { load_for(plugin, stream, CLAP_STATE_CONTEXT_FOR_PROJECT) }
}

unsafe extern "C" fn save_for(plugin: *const clap_plugin, stream: *const clap_ostream, context: u32) -> bool {
    let (Some(guarded), Some(stream), Some(part)) = (unsafe { Guarded::of(plugin) }, unsafe { stream.as_ref() }, part(context))
    else {
        return false;
    };
    let Some(Ok(bytes)) = unless_panicked(|| state::save(&guarded.link.saved, part)) else { return false };
    let length = (bytes.len() as u64).to_le_bytes();
    unsafe { write(stream, &length) && write(stream, &bytes) }
}

unsafe extern "C" fn load_for(plugin: *const clap_plugin, stream: *const clap_istream, context: u32) -> bool {
    let (Some(guarded), Some(stream), Some(part)) = (unsafe { Guarded::of(plugin) }, unsafe { stream.as_ref() }, part(context))
    else {
        return false;
    };
    let Some(bytes) = (unsafe { read_state(stream) }) else { return false };
    let loaded = unless_panicked(|| {
        let loaded = state::load(&guarded.link.saved, &bytes, part).is_ok();
        if loaded {
            guarded.link.show_change();
            guarded.host.rescan_values();
        }
        loaded
    });
    loaded.unwrap_or(false)
}

/// # Safety
/// The stream is valid (also below).
unsafe fn read_state(stream: &clap_istream) -> Option<Vec<u8>> {
    let mut length = [0; N_LENGTH];
    let head = unsafe { read(stream, N_LENGTH) }.filter(|head| head.len() == N_LENGTH)?;
    length.copy_from_slice(&head);
    let length = usize::try_from(u64::from_le_bytes(length)).ok().filter(|length| *length <= MAX_BYTES)?;
    unsafe { read(stream, length) }
}

/// Up to `n` bytes; `None` if the host reports an error. Memory grows with the bytes received, not with the announced length.
unsafe fn read(stream: &clap_istream, n: usize) -> Option<Vec<u8>> {
    let read = stream.read?;
    let (mut bytes, mut piece) = (Vec::new(), vec![0; N_PIECE.min(n)]);
    while bytes.len() < n {
        let wanted = piece.len().min(n - bytes.len());
        let found = unsafe { read(stream, piece.as_mut_ptr().cast(), wanted as u64) };
        match usize::try_from(found) {
            Ok(0) => break,
            Ok(found) => bytes.extend_from_slice(piece.get(..found)?),
            Err(_) => return None,
        }
    }
    Some(bytes)
}

/// Writes `bytes`; returns whether the host accepted all of them.
unsafe fn write(stream: &clap_ostream, mut bytes: &[u8]) -> bool {
    let Some(write) = stream.write else { return false };
    while !bytes.is_empty() {
        let written = unsafe { write(stream, bytes.as_ptr().cast(), bytes.len() as u64) };
        match usize::try_from(written).ok().and_then(|written| bytes.get(written..)) {
            Some(rest) if rest.len() < bytes.len() => bytes = rest,
            _ => return false,
        }
    }
    true
}
