//! Checks that code that must not allocate does not, in a binary whose global allocator is [`AllocDisabler`].

use std::{hint, panic};

pub use assert_no_alloc::AllocDisabler;
use assert_no_alloc::{assert_no_alloc, violation_count};

/// Runs `work`.
///
/// # Panics
/// It allocated or freed memory on this thread.
#[track_caller]
pub fn without_allocation<T>(work: impl FnOnce() -> T) -> T {
    let before = violation_count();
    let result = assert_no_alloc(work);
    assert_eq!(violation_count() - before, 0, "allocations and deallocations where there must be none");
    result
}

/// Asserts that this binary's allocator detects allocations.
#[track_caller]
pub fn assert_noticed() {
    let noticed = panic::catch_unwind(|| without_allocation(|| hint::black_box(vec![0_u8; 100]).len()));
    assert!(noticed.is_err(), "an allocation goes unnoticed: the binary has another allocator");
    assert_eq!(without_allocation(|| 2 + 2), 4);
}
