//! Values that a host announced to the controller and has still to send to the processor.

use std::sync::atomic::{AtomicU64, Ordering};

/// Of one parameter: the value that the host set while audio is processed, and the one that the plugin had then.
///
/// The plugin has one value for both halves of a VST3 plugin. While audio is processed the buffers say what it is, to the sample; what a host shows comes
/// later, and must not take the parameter back to where it was. So it is only kept, and read back as long as the plugin's value has not moved.
pub(super) struct Announced(AtomicU64);

impl Announced {
    /// No number, so nothing was announced.
    const NOTHING: u64 = u64::MAX;

    pub(super) const fn nothing() -> Self {
        Self(AtomicU64::new(Self::NOTHING))
    }

    /// Keeps `value`, 0..=1, announced while the plugin had `current`.
    pub(super) fn keep(&self, value: f32, current: f32) {
        self.0.store(u64::from(value.to_bits()) << 32 | u64::from(current.to_bits()), Ordering::Release);
    }

    /// The plugin was given a value.
    ///
    /// # Realtime safety
    /// One atomic.
    pub(super) fn forget(&self) {
        self.0.store(Self::NOTHING, Ordering::Release);
    }

    /// The value announced while the plugin had `current`, as it has now.
    pub(super) fn value(&self, current: f32) -> Option<f32> {
        let kept = self.0.load(Ordering::Acquire);
        (kept != Self::NOTHING && kept as u32 == current.to_bits()).then(|| f32::from_bits((kept >> 32) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_until_the_plugin_has_another() {
        let announced = Announced::nothing();
        assert_eq!(announced.value(0.0), None);
        announced.keep(1.0, 0.25);
        assert_eq!(announced.value(0.25), Some(1.0));
        assert_eq!(announced.value(0.5), None, "the window moved it");
        announced.forget();
        assert_eq!(announced.value(0.25), None);
    }
}
