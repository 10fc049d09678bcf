//! The cost of a process or a thread, independent of the load of the machine.

use std::fs;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Ticks per second of the times in `/proc`; constant on Linux since 2.6.
const TICKS_A_SECOND: f64 = 100.0;

/// Processor time used by this process, in steps of 10 ms.
///
/// # Panics
/// The system is not Linux.
pub fn time_of_process() -> Duration {
    ticks_in("/proc/self/stat")
}

/// Processor time used by this thread; on systems other than Linux the time since the first call, which is not less.
pub fn time_of_thread() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    if cfg!(not(target_os = "linux")) {
        return FIRST.elapsed();
    }
    // The first field is nanoseconds on a processor; a kernel without these statistics only has the steps of 10 ms.
    let precise = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = precise.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| ticks_in("/proc/thread-self/stat"), Duration::from_nanos)
}

fn ticks_in(file: &str) -> Duration {
    let text = fs::read_to_string(file).expect("Linux tells of the times");
    // The name in brackets may contain spaces; the times are the 14th and 15th field.
    let (_, after_name) = text.rsplit_once(')').expect("the name stands in brackets");
    let fields: Vec<_> = after_name.split_whitespace().collect();
    let ticks = |field: &str| field.parse::<f64>().expect("a time is a number");
    Duration::from_secs_f64((ticks(fields[11]) + ticks(fields[12])) / TICKS_A_SECOND)
}

/// Resident memory of this process, bytes.
///
/// # Panics
/// The system is not Linux.
pub fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells of the memory");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the memory is among it");
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number")
}
