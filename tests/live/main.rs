//! The live analysis: tap, worker and timeline, without a plugin around them.
mod bounce;
mod host;
mod memory;
mod settings;
mod tail;
mod tap;
mod timeline;
mod transport;
mod trouble;
mod voice;

use test_support::allocation::AllocDisabler;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn an_allocation_is_noticed() {
    test_support::allocation::assert_noticed();
}
