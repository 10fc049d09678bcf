//! Parallel work in portions well below a millisecond, which is at most a few times what it takes to wake a thread.
//!
//! A pool thread without work goes to sleep after some microseconds. A small network is trained on a batch so quickly that all helpers would
//! be asleep again whenever the next batch has work for them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::Yield;

/// Applies `f` to each item on the threads of the pool and keeps their order; the longest work should come first. Waits for the last item without sleeping.
pub(crate) fn map<I: Sync, R: Send>(items: &[I], f: impl Fn(&I) -> R + Sync) -> Vec<R> {
    let unfinished = AtomicUsize::new(items.len());
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    rayon::in_place_scope_fifo(|scope| {
        for (item, result) in items.iter().zip(&mut results) {
            scope.spawn_fifo(|_| {
                let _finished = OnDrop(|| unfinished.fetch_sub(1, Ordering::Release));
                *result = Some(f(item));
            });
        }
        while unfinished.load(Ordering::Acquire) > 0 {
            look_for_work();
        }
    });
    // INVARIANT: the scope ends after all of its work, and propagates a panic in it.
    results.into_iter().map(|result| result.expect("the work was done")).collect()
}

/// Runs `work` while up to `n_helpers` other threads of the pool look for work that it spawns, without going to sleep.
///
/// To be called from a thread of the pool, and only if the pool has nothing else to do: a helper returns to other work only after `work` ends.
pub fn with_awake_helpers<R>(n_helpers: usize, work: impl FnOnce() -> R) -> R {
    let Some(own) = rayon::current_thread_index() else { return work() };
    let n_threads = rayon::current_num_threads();
    let done = AtomicBool::new(false);
    rayon::in_place_scope(|scope| {
        let _done = OnDrop(|| done.store(true, Ordering::Release));
        scope.spawn_broadcast(|_, context| {
            let place = (context.index() + n_threads - own) % n_threads;
            while (1..=n_helpers).contains(&place) && !done.load(Ordering::Acquire) {
                look_for_work();
            }
        });
        work()
    })
}

fn look_for_work() {
    if rayon::yield_now() != Some(Yield::Executed) {
        // Yields the processor to other programs.
        std::thread::yield_now();
    }
}

/// Calls the function when dropped, even during a panic.
struct OnDrop<R, F: FnMut() -> R>(F);

impl<R, F: FnMut() -> R> Drop for OnDrop<R, F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Barrier, Mutex};
    use std::thread;

    use super::*;

    fn in_pool<R: Send>(n_threads: usize, work: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(work)
    }

    #[test]
    fn results_are_in_the_order_of_the_items_whoever_computes_them() {
        let items: Vec<usize> = (0..100).collect();
        let expected: Vec<usize> = items.iter().map(|item| item * item).collect();
        for n_threads in 1..=4 {
            let squares = in_pool(n_threads, || with_awake_helpers(3, || map(&items, |item| item * item)));
            assert_eq!(squares, expected);
        }
        assert_eq!(with_awake_helpers(3, || map(&items, |item| item * item)), expected, "outside of a pool of one's own");
        assert_eq!(map(&[] as &[usize], |item| *item), [0; 0]);
    }

    #[test]
    fn the_threads_of_the_pool_compute_side_by_side() {
        // No thread passes the barrier alone.
        let (barrier, seen) = (Barrier::new(3), Mutex::new(Vec::new()));
        in_pool(3, || {
            with_awake_helpers(2, || {
                for _ in 0..10 {
                    map(&[0, 1, 2], |_| {
                        seen.lock().unwrap().push(thread::current().id());
                        barrier.wait()
                    });
                }
            });
        });
        let mut seen = seen.into_inner().unwrap();
        assert_eq!(seen.len(), 30);
        seen.sort_by_key(|id| format!("{id:?}"));
        seen.dedup();
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_panic_ends_the_wait_and_the_helpers_and_is_passed_on() {
        let caught =
            |work: &(dyn Fn() + Sync)| in_pool(2, || catch_unwind(AssertUnwindSafe(|| with_awake_helpers(1, work))).is_err());
        assert!(caught(&|| {
            map(&[1, 2, 3], |item| assert!(*item != 2, "two"));
        }));
        assert!(caught(&|| panic!("between")));
        assert!(!caught(&|| ()));
    }
}
