//! Audio buffers from a host that breaks the rules.

use std::ptr;

use super::MAX_CHANNELS;

/// One side of a buffer.
#[derive(Clone, Debug)]
pub(crate) enum Bus {
    /// The host declares no bus.
    Absent,
    /// The host declares a bus, with a null pointer.
    Null,
    /// The given number of channels, without a channel list.
    NoList(usize),
    /// Channels, some of which are null.
    Channels(Vec<Option<Vec<f32>>>),
}

/// A channel list in the format of both plugin interfaces.
pub(crate) struct List {
    pointers: [*mut f32; MAX_CHANNELS],
    is_null: bool,
    pub(crate) n_channels: usize,
}

impl Bus {
    /// The list of this bus's channels; `None` if there is no bus.
    pub(crate) fn list(&mut self) -> Option<List> {
        let mut list = List { pointers: [ptr::null_mut(); MAX_CHANNELS], is_null: false, n_channels: 0 };
        match self {
            Self::Absent | Self::Null => return None,
            Self::NoList(n_channels) => (list.is_null, list.n_channels) = (true, *n_channels),
            Self::Channels(channels) => {
                list.n_channels = channels.len();
                for (pointer, channel) in list.pointers.iter_mut().zip(channels) {
                    *pointer = channel.as_mut().map_or(ptr::null_mut(), |samples| samples.as_mut_ptr());
                }
            }
        }
        Some(list)
    }

    /// The number of buses that the host declares.
    pub(crate) const fn count(&self) -> u32 {
        if matches!(self, Self::Absent) { 0 } else { 1 }
    }
}

impl List {
    pub(crate) const fn as_mut_ptr(&mut self) -> *mut *mut f32 {
        if self.is_null { ptr::null_mut() } else { self.pointers.as_mut_ptr() }
    }
}
