//! Lets other threads wait for the worker: they take a ticket, and the worker reports which ones it has served.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How often a waiting thread checks whether to keep waiting.
const LOOK: Duration = Duration::from_millis(20);

/// The rounds of one worker.
#[derive(Default)]
pub(super) struct Rounds {
    tickets: Mutex<Tickets>,
    served: Condvar,
}

/// The tickets taken so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Tickets {
    n_asked: u64,
    n_served: u64,
}

impl Tickets {
    /// Whether any thread is waiting.
    pub(super) const fn are_open(self) -> bool {
        self.n_asked > self.n_served
    }
}

impl Rounds {
    /// The tickets taken so far; everything pushed before they were taken is available now.
    pub(super) fn tickets(&self) -> Tickets {
        *self.tickets.lock()
    }

    /// Reports that everything available when `tickets` were taken has been processed.
    pub(super) fn serve(&self, tickets: Tickets) {
        self.tickets.lock().n_served = tickets.n_asked;
        self.served.notify_all();
    }

    /// Takes a ticket, calls `wake` and waits until it is served. `limit`, the longest wait or none for no wait, is queried repeatedly, since the
    /// reason for waiting may go away. Returns whether the ticket was served.
    pub(super) fn wait(&self, wake: impl FnOnce(), limit: impl Fn() -> Option<Duration>) -> bool {
        let start = Instant::now();
        let mut tickets = self.tickets.lock();
        tickets.n_asked += 1;
        let ticket = tickets.n_asked;
        wake();
        while tickets.n_served < ticket {
            let elapsed = start.elapsed();
            let Some(limit) = limit().filter(|limit| elapsed < *limit) else { break };
            self.served.wait_until(&mut tickets, start + limit.min(elapsed + LOOK));
        }
        tickets.n_served >= ticket
    }
}
