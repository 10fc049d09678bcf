//! Speaker arrangements of a VST3 bus, as set by the host.

use std::sync::atomic::{AtomicU64, Ordering};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{SpeakerArr, SpeakerArrangement};

use super::route::ChannelLayout;

/// The arrangements of the input and the output. A host reads back what it set, not the usual arrangement for that number of channels.
pub(super) struct Arrangements {
    input: AtomicU64,
    output: AtomicU64,
}

impl Arrangements {
    pub(super) const fn stereo() -> Self {
        Self { input: AtomicU64::new(SpeakerArr::kStereo), output: AtomicU64::new(SpeakerArr::kStereo) }
    }

    /// The layout for `input` and `output`, if there is one: the same speakers on both sides, or one channel to two and back.
    pub(super) fn layout(input: SpeakerArrangement, output: SpeakerArrangement) -> Option<ChannelLayout> {
        let layout = ChannelLayout::with(input.count_ones() as usize, output.count_ones() as usize)?;
        (layout.n_in != layout.n_out || input == output).then_some(layout)
    }

    pub(super) fn set(&self, input: SpeakerArrangement, output: SpeakerArrangement) {
        self.input.store(input, Ordering::Release);
        self.output.store(output, Ordering::Release);
    }

    pub(super) fn input(&self) -> SpeakerArrangement {
        self.input.load(Ordering::Acquire)
    }

    pub(super) fn output(&self) -> SpeakerArrangement {
        self.output.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surround_and_ambisonics_up_to_sixteen_channels_have_a_layout() {
        use SpeakerArr::*;
        for arrangement in
            [kMono, kStereo, k40Music, k51, k61Music, k71Music, k71Cine, k81Music, kAmbi1stOrderACN, kAmbi2cdOrderACN]
        {
            let n = arrangement.count_ones() as usize;
            assert_eq!(Arrangements::layout(arrangement, arrangement), Some(ChannelLayout { n_in: n, n_out: n }));
        }
        assert_eq!(Arrangements::layout(kMono, kStereo), Some(ChannelLayout { n_in: 1, n_out: 2 }));
        assert_eq!(Arrangements::layout(kStereo, kMono), Some(ChannelLayout { n_in: 2, n_out: 1 }));
    }

    #[test]
    fn other_loudspeakers_on_each_side_and_too_many_have_none() {
        use SpeakerArr::*;
        for (input, output) in [(k51, k60Music), (kStereo, kStereoSurround), (k51, kStereo), (k222, k222), (kEmpty, kEmpty)] {
            assert_eq!(Arrangements::layout(input, output), None, "{input:x} {output:x}");
        }
    }
}
