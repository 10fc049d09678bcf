//! The kinds of channels of the two ports, as chosen by the host.

use crate::instance::MAX_CHANNELS;

/// The kind of a port's channels, apart from their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PortKind {
    /// The usual kind for their number.
    #[default]
    Usual,
    /// Speakers, by CLAP's numbers.
    Surround([u8; MAX_CHANNELS]),
    /// Ambisonics: ordering and normalisation, by CLAP's numbers.
    Ambisonic(u32, u32),
}

/// The kinds of the input and the output.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PortKinds {
    pub(super) input: PortKind,
    pub(super) output: PortKind,
}

impl PortKinds {
    pub(super) const fn of(&self, is_input: bool) -> PortKind {
        if is_input { self.input } else { self.output }
    }
}
