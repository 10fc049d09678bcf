//! The state of an instance in the framework's format, reporting the errors that the framework ignores.

use nice_plug::params::InternalParamMut as _;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::{ParamValue, PluginState};
use nice_plug::prelude::*;

use crate::session::{self, SaveScope, Saved, StateError};

/// Maximum size of a state that is read, bytes: far above any state that is written.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// The bytes for a host to store.
pub(super) fn save(saved: &Saved, part: SaveScope) -> Result<Vec<u8>, StateError> {
    let params = saved.params.map().into_iter().map(|(id, param, _)| {
        // SAFETY: `saved` holds the parameters.
        (id, unsafe { value(param) })
    });
    let state =
        PluginState { version: env!("CARGO_PKG_VERSION").to_owned(), params: params.collect(), fields: saved.fields(part) };
    serde_json::to_vec(&state).map_err(|error| StateError::Json(error.to_string()))
}

/// Loads a state stored by a host; nothing changes unless all of it is valid output of some version of Moodline.
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
            // Validation excludes all other combinations.
            _ => {}
        }
    }
}
