//! Applies the parameters of a preset.

use nice_plug::params::InternalParamMut as _;
use nice_plug::prelude::Param as _;

use super::link::Link;
use crate::presets::Preset;

/// Sets them as host automation would.
pub(super) fn take(link: &Link, preset: &Preset) {
    for (id, value) in preset.values {
        if let Some(param) = link.params().continuous(id) {
            // SAFETY: unsafe only because it is meant for wrappers around a plugin, which this is.
            unsafe { param._internal_set_normalized_value(param.preview_normalized(*value)) };
        }
    }
    link.show_change();
}
