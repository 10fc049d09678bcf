//! Number of input and output channels, and how they are routed.
//!
//! The framework carries as many outputs as inputs. One channel to two and two to one are handled here: the plugin hears all inputs, and the outputs are
//! copies of the input, or the mean of the two.

use std::ptr;

use parking_lot::Mutex;

use crate::instance::MAX_CHANNELS;

/// Numbers of channels that a host can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChannelLayout {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
}

impl ChannelLayout {
    /// The default if a host does not choose.
    pub(super) const STEREO: Self = Self { n_in: 2, n_out: 2 };

    /// Every layout: first equal numbers of inputs and outputs, numbered as in the framework (stereo first), then one to two and back.
    pub(super) const ALL: [Self; MAX_CHANNELS + 2] = {
        let mut all = [Self::STEREO; MAX_CHANNELS + 2];
        all[1] = Self { n_in: 1, n_out: 1 };
        let mut n = 3;
        while n <= MAX_CHANNELS {
            all[n - 1] = Self { n_in: n, n_out: n };
            n += 1;
        }
        all[MAX_CHANNELS] = Self { n_in: 1, n_out: 2 };
        all[MAX_CHANNELS + 1] = Self { n_in: 2, n_out: 1 };
        all
    };

    /// The layout with these numbers of channels, if there is one.
    pub(super) fn with(n_in: usize, n_out: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| (layout.n_in, layout.n_out) == (n_in, n_out))
    }

    /// Index in [`ChannelLayout::ALL`].
    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|layout| *layout == self).unwrap_or(0)
    }

    /// Index of the layout that the framework is given, with as many outputs as inputs.
    pub(super) fn framework_index(self) -> usize {
        Self { n_in: self.n_in, n_out: self.n_in }.index()
    }
}

/// The channels of one bus as passed by a host: `n` pointers, or none at all.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pointers: *mut *mut f32,
    n: usize,
}

impl Channels {
    pub(super) const NONE: Self = Self { pointers: ptr::null_mut(), n: 0 };

    /// # Safety
    /// `pointers` is null or points to `n` pointers, each null or to a channel of the buffer's length, for as long as this is used.
    pub(super) unsafe fn new(pointers: *mut *mut f32, n: usize) -> Self {
        Self { pointers, n: if pointers.is_null() { 0 } else { n } }
    }

    fn get(self, index: usize) -> Option<*mut f32> {
        if index >= self.n {
            return None;
        }
        // SAFETY: there are `n` pointers, by the contract of `new`.
        let channel = unsafe { *self.pointers.add(index) };
        (!channel.is_null()).then_some(channel)
    }

    fn are(self, n: usize) -> bool {
        self.n == n && (0..n).all(|index| self.get(index).is_some())
    }
}

/// Output channels that the framework needs and the host does not provide.
pub(super) struct Spare(Mutex<Vec<f32>>);

impl Spare {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Makes room for buffers of `max_frames` in `layout`.
    pub(super) fn prepare(&self, layout: ChannelLayout, max_frames: usize) {
        let n = if layout.n_out < layout.n_in { max_frames } else { 0 };
        *self.0.lock() = vec![0.0; n];
    }
}

/// The outcome of a host's buffer.
pub(super) enum Passage<T> {
    /// The framework processed it and returned this.
    Carried(T),
    /// It does not match the layout: channels were copied if possible.
    Refused,
}

/// Passes a buffer of `n_frames` in `layout` to `carry`, which gets the outputs for the framework, as many as there are inputs.
///
/// # Realtime safety
/// Neither allocates nor waits: a lock held by another thread is a rule violation, and the buffer is refused. With equal numbers of inputs and outputs,
/// nothing is copied.
///
/// # Safety
/// The channels have `n_frames` each.
pub(super) unsafe fn pass<T>(
    layout: ChannelLayout,
    (inputs, outputs): (Channels, Channels),
    n_frames: usize,
    spare: &Spare,
    carry: impl FnOnce(*mut *mut f32) -> T,
) -> Passage<T> {
    if !(inputs.are(layout.n_in) && outputs.are(layout.n_out)) {
        // SAFETY: as this function's.
        unsafe { pass_what_can(inputs, outputs, n_frames) };
        return Passage::Refused;
    }
    if layout.n_in == layout.n_out {
        return Passage::Carried(carry(outputs.pointers));
    }
    // INVARIANT: both buses were just checked to have all their channels.
    let (Some(input), Some(first)) = (inputs.get(0), outputs.get(0)) else { return Passage::Refused };
    if let Some(second) = outputs.get(1) {
        let result = carry(outputs.pointers);
        // SAFETY: both have `n_frames`; they may be the same.
        unsafe { ptr::copy(first, second, n_frames) };
        return Passage::Carried(result);
    }
    let Some(mut spare) = spare.0.try_lock().filter(|spare| spare.len() >= n_frames) else {
        // SAFETY: as above.
        unsafe { ptr::copy(input, first, n_frames) };
        return Passage::Refused;
    };
    let mut pointers = [first, spare.as_mut_ptr()];
    let result = carry(pointers.as_mut_ptr());
    for (index, second) in spare[..n_frames].iter().enumerate() {
        // SAFETY: the output has `n_frames`.
        unsafe { *first.add(index) = 0.5 * (*first.add(index) + second) };
    }
    Passage::Carried(result)
}

/// Copies each input to the corresponding output; outputs without an input are silent.
///
/// # Safety
/// The channels have `n_frames` each.
unsafe fn pass_what_can(inputs: Channels, outputs: Channels, n_frames: usize) {
    for index in 0..outputs.n {
        let Some(output) = outputs.get(index) else { continue };
        // SAFETY: as this function's; input and output may be the same.
        match inputs.get(index) {
            Some(input) => unsafe { ptr::copy(input, output, n_frames) },
            None => unsafe { ptr::write_bytes(output, 0, n_frames) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(channels: &mut [Vec<f32>]) -> Vec<*mut f32> {
        channels.iter_mut().map(Vec::as_mut_ptr).collect()
    }

    /// Plays `inputs` into `n_out` outputs through a framework that copies, and returns the outputs.
    fn play(layout: ChannelLayout, inputs: &[&[f32]], n_out: usize) -> (bool, Vec<Vec<f32>>) {
        let n_frames = inputs[0].len();
        let mut ins: Vec<Vec<f32>> = inputs.iter().map(|channel| channel.to_vec()).collect();
        let mut outs = vec![vec![9.0; n_frames]; n_out];
        let (mut in_pointers, mut out_pointers) = (pointers(&mut ins), pointers(&mut outs));
        let spare = Spare::new();
        spare.prepare(layout, n_frames);
        let carried = unsafe {
            let buses = (
                Channels::new(in_pointers.as_mut_ptr(), in_pointers.len()),
                Channels::new(out_pointers.as_mut_ptr(), out_pointers.len()),
            );
            let copies = |outputs: *mut *mut f32| {
                for (index, input) in ins.iter().enumerate() {
                    ptr::copy(input.as_ptr(), *outputs.add(index), n_frames);
                }
            };
            matches!(pass(layout, buses, n_frames, &spare, copies), Passage::Carried(()))
        };
        (carried, outs)
    }

    #[test]
    fn one_channel_becomes_two_and_two_become_their_mean() {
        let (carried, outs) = play(ChannelLayout { n_in: 1, n_out: 2 }, &[&[0.1, -0.3]], 2);
        assert!(carried);
        assert_eq!(outs, [vec![0.1, -0.3], vec![0.1, -0.3]]);
        let (carried, outs) = play(ChannelLayout { n_in: 2, n_out: 1 }, &[&[0.5, 1.0], &[0.25, -1.0]], 1);
        assert!(carried);
        assert_eq!(outs, [vec![0.375, 0.0]]);
    }

    #[test]
    fn what_was_not_agreed_on_passes_as_far_as_it_can() {
        let (carried, outs) = play(ChannelLayout::STEREO, &[&[0.5, 1.0], &[0.25, -1.0]], 1);
        assert!(!carried);
        assert_eq!(outs, [vec![0.5, 1.0]]);
        let (carried, outs) = play(ChannelLayout::STEREO, &[&[0.5, 1.0]], 2);
        assert!(!carried);
        assert_eq!(outs, [vec![0.5, 1.0], vec![0.0, 0.0]]);
    }

    #[test]
    fn null_pointers_are_refused() {
        let mut channel = vec![0.5_f32; 4];
        let mut holes = [channel.as_mut_ptr(), ptr::null_mut()];
        let spare = Spare::new();
        let buses = unsafe { (Channels::new(ptr::null_mut(), 2), Channels::new(holes.as_mut_ptr(), 2)) };
        let passage = unsafe { pass(ChannelLayout::STEREO, buses, 4, &spare, |_| unreachable!("the framework was called")) };
        assert!(matches!(passage, Passage::<()>::Refused));
        assert_eq!(channel, [0.0; 4]);
    }

    #[test]
    fn every_layout_has_an_index_and_one_for_the_framework() {
        for (index, layout) in ChannelLayout::ALL.into_iter().enumerate() {
            assert_eq!(layout.index(), index);
            assert_eq!(ChannelLayout::with(layout.n_in, layout.n_out), Some(layout));
            assert_eq!(crate::LAYOUTS[layout.framework_index()].main_input_channels.map(|n| n.get() as usize), Some(layout.n_in));
        }
        assert_eq!(ChannelLayout::with(3, 2), None);
    }
}
