//! The allocator of this test binary: code that promises not to allocate is held to it.

use assert_no_alloc::{AllocDisabler, assert_no_alloc, violation_count};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Runs `work` and fails the test if it allocated or freed memory on this thread.
pub(crate) fn without_allocation<T>(work: impl FnOnce() -> T) -> T {
    let before = violation_count();
    let result = assert_no_alloc(work);
    assert_eq!(violation_count() - before, 0, "allocations and deallocations where there must be none");
    result
}

#[test]
fn an_allocation_is_noticed() {
    let noticed = std::panic::catch_unwind(|| without_allocation(|| vec![0_u8; 100].len()));
    assert!(noticed.is_err());
    assert_eq!(without_allocation(|| 2 + 2), 4);
}
