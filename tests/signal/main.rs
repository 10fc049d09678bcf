//! From sound through features to probabilities: core and engine alone.
mod analyser;
mod containers;
mod decode;
mod features;
mod hostile;
mod joins;
mod networks;
mod prosody;
mod python_onnx;
mod resampling;
mod speech;
mod wav;

use test_support::allocation::AllocDisabler;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn an_allocation_is_noticed() {
    test_support::allocation::assert_noticed();
}
