//! Values that a host has set in the controller but not yet sent to the processor.

use std::sync::atomic::{AtomicU64, Ordering};

/// For one parameter: the value set by the host while audio is processed, and the plugin's value at that time.
///
/// The plugin has one value for both halves of a VST3 plugin. While audio is processed, the buffers determine it with sample accuracy; the controller's value
/// arrives later, and must not set the parameter back. So it is only stored, and returned for as long as the plugin's value has not changed.
pub(super) struct Announced(AtomicU64);

impl Announced {
    /// Two NaNs: nothing was announced.
    const NOTHING: u64 = u64::MAX;

    pub(super) const fn nothing() -> Self {
        Self(AtomicU64::new(Self::NOTHING))
    }

    /// Keeps `value`, 0..=1, announced while the plugin had `current`.
    pub(super) fn keep(&self, value: f32, current: f32) {
        self.0.store(u64::from(value.to_bits()) << 32 | u64::from(current.to_bits()), Ordering::Release);
    }

    /// Called when the plugin receives a value.
    ///
    /// # Realtime safety
    /// One atomic.
    pub(super) fn forget(&self) {
        self.0.store(Self::NOTHING, Ordering::Release);
    }

    /// The value announced while the plugin had `current`, if that has not changed.
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
