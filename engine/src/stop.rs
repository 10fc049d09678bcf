//! Requests to end a program: Ctrl-C, SIGTERM (of `docker stop` or a cluster), SIGHUP (of a terminal that is closed).
//!
//! In: signals. Out: [`StopRequest`]s, the same for all programs. A program that was started to outlive its terminal (`nohup`) continues without it.

use std::io;
#[cfg(unix)]
use std::thread;
use std::time::{Duration, Instant};

/// Time after the first request within which one that was not a key press is taken for the same one: a closing terminal notifies its programs several times.
const SAME: Duration = Duration::from_secs(1);

/// A request to end the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// The first one: finished results are to be kept.
    First,
    /// A repeated one: the user does not want to wait.
    Again,
}

/// Previous requests.
#[derive(Default)]
struct Requests {
    first: Option<Instant>,
}

impl Requests {
    /// The meaning of a signal at `now`; `is_key` for Ctrl-C, which is never repeated accidentally.
    fn take(&mut self, is_key: bool, now: Instant) -> Option<StopRequest> {
        let Some(first) = self.first else {
            self.first = Some(now);
            return Some(StopRequest::First);
        };
        (is_key || now.duration_since(first) >= SAME).then_some(StopRequest::Again)
    }
}

/// Calls `act` at each request from now on, on a separate thread, instead of ending the process.
///
/// # Errors
/// When the system does not deliver signals.
#[cfg(unix)]
pub fn on_request(mut act: impl FnMut(StopRequest) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let outlives_terminal = is_ignored(SIGHUP);
    let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain((!outlives_terminal).then_some(SIGHUP)))?;
    let listen = move || {
        let mut requests = Requests::default();
        for signal in signals.forever() {
            if let Some(request) = requests.take(signal == SIGINT, Instant::now()) {
                act(request);
            }
        }
    };
    thread::Builder::new().name("moodline-stop".to_owned()).spawn(listen).map(drop)
}

/// Calls `act` at each request from now on, on a separate thread, instead of ending the process.
///
/// # Errors
/// When the system does not deliver signals.
#[cfg(windows)]
pub fn on_request(mut act: impl FnMut(StopRequest) + Send + 'static) -> io::Result<()> {
    let mut requests = Requests::default();
    let take = move || {
        if let Some(request) = requests.take(true, Instant::now()) {
            act(request);
        }
    };
    ctrlc::set_handler(take).map_err(io::Error::other)
}

/// Whether the program was started with `signal` ignored.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[allow(
        unsafe_code,
        reason = "no safe function asks; nothing is changed, and the answer is read only where the system gave one"
    )]
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0 && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_terminal_asks_once_and_a_key_counts_each_time() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut requests = Requests::default();
        let asked = [(false, 0), (false, 1), (false, 400), (false, 2000)].map(|(is_key, ms)| requests.take(is_key, at(ms)));
        assert_eq!(asked, [Some(StopRequest::First), None, None, Some(StopRequest::Again)]);
        let mut requests = Requests::default();
        let asked = [(true, 0), (true, 150), (true, 300)].map(|(is_key, ms)| requests.take(is_key, at(ms)));
        assert_eq!(asked, [Some(StopRequest::First), Some(StopRequest::Again), Some(StopRequest::Again)]);
    }
}
