//! The state of an instance as the framework writes it, with the errors that it swallows.

use nice_plug::params::InternalParamMut as _;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::{ParamValue, PluginState};
use nice_plug::prelude::*;

use crate::session::{self, SaveScope, Saved, StateError};

/// Largest state that is read, bytes: far above what is ever written.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// The bytes that a host keeps.
pub(super) fn save(saved: &Saved, part: SaveScope) -> Result<Vec<u8>, StateError> {
    let params = saved.params.map().into_iter().map(|(id, param, _)| {
        // SAFETY: `saved` holds the parameters.
        (id, unsafe { value(param) })
    });
    let state =
        PluginState { version: env!("CARGO_PKG_VERSION").to_owned(), params: params.collect(), fields: saved.fields(part) };
    serde_json::to_vec(&state).map_err(|error| StateError::Json(error.to_string()))
}

/// Takes what a host kept; nothing changes unless all of it is what some version of Moodline writes.
pub(super) fn load(saved: &Saved, bytes: &[u8], part: SaveScope) -> Result<(), StateError> {
    let state = serde_json::from_slice::<PluginState>(bytes).map_err(|error| StateError::Json(error.to_string()));
    let state = state.and_then(|state| session::validate(&state).map(|()| state)).inspect_err(|error| {
        nice_error!("The state was refused and nothing was changed: {error}");
    })?;
    for (id, param, _) in saved.params.map() {
        if let Some(value) = state.params.get(&id) {
            // SAFETY: `saved` holds the parameters.
            unsafe { set(param, value) };
        }
    }
    saved.take_fields(&state.fields, part);
    Ok(())
}

/// # Safety
/// The parameter is alive.
unsafe fn value(param: ParamPtr) -> ParamValue {
    // SAFETY: as this function's.
    unsafe {
        match param {
            ParamPtr::FloatParam(param) => ParamValue::F32((*param).unmodulated_plain_value()),
            ParamPtr::IntParam(param) => ParamValue::I32((*param).unmodulated_plain_value()),
            ParamPtr::BoolParam(param) => ParamValue::Bool((*param).unmodulated_plain_value()),
            ParamPtr::EnumParam(param) => (*param)
                .unmodulated_plain_id()
                .map_or_else(|| ParamValue::I32((*param).unmodulated_plain_value()), |id| ParamValue::String(id.to_owned())),
        }
    }
}

/// # Safety
/// The parameter is alive.
unsafe fn set(param: ParamPtr, value: &ParamValue) {
    // SAFETY: as this function's.
    unsafe {
        match (param, value) {
            (ParamPtr::FloatParam(param), ParamValue::F32(value)) => _ = (*param)._internal_set_plain_value(*value),
            (ParamPtr::BoolParam(param), ParamValue::Bool(value)) => _ = (*param)._internal_set_plain_value(*value),
            (ParamPtr::EnumParam(param), ParamValue::String(id)) => _ = (*param).set_from_id(id),
            // What was validated is none of these.
            _ => {}
        }
    }
}
