//! The speaker of each channel of a surround track, if the host does not specify it.

use clap_sys::ext::surround::{
    CLAP_SURROUND_BL as BL, CLAP_SURROUND_BR as BR, CLAP_SURROUND_FC as FC, CLAP_SURROUND_FL as FL, CLAP_SURROUND_FLC as FLC,
    CLAP_SURROUND_FR as FR, CLAP_SURROUND_FRC as FRC, CLAP_SURROUND_LFE as LFE, CLAP_SURROUND_SL as SL, CLAP_SURROUND_SR as SR,
    CLAP_SURROUND_TBL as TBL, CLAP_SURROUND_TBR as TBR, CLAP_SURROUND_TFL as TFL, CLAP_SURROUND_TFR as TFR,
};

/// CLAP has defined side heights since 1.2; `clap-sys` 0.5 does not name them.
const TSL: u32 = 18;
const TSR: u32 = 19;

/// The usual arrangement for this number of channels: 3.0, 4.0, 5.0, 5.1, 7.0, 7.1, 5.1.4, 7.1.4, 9.1.4 and 9.1.6.
pub(super) const fn usual(n_channels: usize) -> &'static [u32] {
    match n_channels {
        3 => &[FL, FR, FC],
        4 => &[FL, FR, BL, BR],
        5 => &[FL, FR, FC, BL, BR],
        6 => &[FL, FR, FC, LFE, BL, BR],
        7 => &[FL, FR, FC, BL, BR, SL, SR],
        8 => &[FL, FR, FC, LFE, BL, BR, SL, SR],
        10 => &[FL, FR, FC, LFE, BL, BR, TFL, TFR, TBL, TBR],
        12 => &[FL, FR, FC, LFE, BL, BR, SL, SR, TFL, TFR, TBL, TBR],
        14 => &[FL, FR, FC, LFE, BL, BR, FLC, FRC, SL, SR, TFL, TFR, TBL, TBR],
        16 => &[FL, FR, FC, LFE, BL, BR, FLC, FRC, SL, SR, TFL, TFR, TBL, TBR, TSL, TSR],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_has_as_many_loudspeakers_as_channels_and_none_twice() {
        for n_channels in 0..=16 {
            let map = usual(n_channels);
            assert!(map.is_empty() || map.len() == n_channels);
            let mut sorted = map.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), map.len());
        }
    }
}
