//! The allocator of this binary is the framework's, as in the plugin tested here: it ends the process where allocation is forbidden.

use std::env;
use std::process::Command;

pub(crate) use nice_assert_no_alloc::assert_no_alloc as without_allocation;

const INSIDE: &str = "MOODLINE_TEST_ALLOCATES";

#[test]
fn an_allocation_ends_the_process() {
    if env::var_os(INSIDE).is_some() {
        without_allocation(|| drop(vec![0_u8; 100]));
        return;
    }
    let mut this = Command::new(env::current_exe().unwrap());
    this.args(["--exact", "allocation::an_allocation_ends_the_process", "--nocapture"]).env(INSIDE, "1");
    let output = this.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("memory allocation of 100 bytes failed"), "{}: {text}", output.status);
    assert_eq!(without_allocation(|| 2 + 2), 4);
}
