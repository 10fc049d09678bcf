//! A separate network namespace: no interface but the loopback, and no resolver but the test's.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use test_support::skip::skip;

/// Set inside the namespace.
const INSIDE: &str = "MOODLINE_TEST_IN_NAMESPACE";

/// Ways to create a namespace: as any user and, where that is forbidden, as root.
const WAYS: [&[&str]; 2] = [&["--user", "--map-root-user", "--net", "--mount"], &["--net", "--mount"]];

/// Replaces system files by those of the folder `$0` inside the namespace only, and runs the command.
///
/// Names are resolved over the network only: a service that resolves them over its own socket would answer from outside.
const ENTER: &str = "ip link set lo up\n\
                     for file in resolv.conf nsswitch.conf; do mount --bind \"$0/$file\" \"/etc/$file\"; done\n\
                     exec \"$@\"";

/// Runs the test `name` of this binary in a namespace; returns true inside, where the test does its work. Reports that the test is skipped if no namespace
/// can be created.
pub(super) fn inside(name: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    fs::write(files.path().join("nsswitch.conf"), "hosts: files dns\n").unwrap();
    let Some(way) = way(files.path()) else { return false };
    let mut command = entering(way, files.path());
    command.arg(env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("1 passed"), "there is no test {name}: {text}");
    println!("{text}");
    false
}

/// The first way that works on this machine.
fn way(files: &Path) -> Option<&'static [&'static str]> {
    let mut why = String::new();
    for way in WAYS {
        match entering(way, files).arg("true").output() {
            Ok(output) if output.status.success() => return Some(way),
            Ok(output) => why = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => why = error.to_string(),
        }
    }
    skip("a network namespace", &format!("it cannot be made here: {why}"));
    None
}

/// `unshare` with all arguments except the command to run inside.
fn entering(way: &[&str], files: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(way).args(["--", "sh", "-ec", ENTER]).arg(files);
    command
}
