//! strace's record of a program, and the violations in it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::skip::skip;

/// The traced calls: programs, sockets, loaded libraries, and everything that opens or changes something by its path. Some architectures lack the calls with
/// a question mark.
const CALLS: &str = "--trace=execve,execveat,socket,connect,bind,mmap,?open,openat,?openat2,?creat,?mkdir,mkdirat,?mknod,mknodat,?rename,\
                     ?renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?rmdir,truncate,?chmod,fchmodat,?chown,?lchown,\
                     fchownat,chdir,?utime,?utimes,?futimesat,utimensat,setxattr,lsetxattr,removexattr,lremovexattr";

/// Calls that change nothing.
const HARMLESS: [&str; 1] = ["mmap"];

/// Flags with which a file is opened for writing.
const WRITING: [&str; 5] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"];

/// Devices that store nothing.
const DEVICES: [&str; 2] = ["/dev/null", "/dev/tty"];

/// Permitted sockets: those of the display.
const SOCKETS: [&str; 2] = ["\"/tmp/.X11-unix/", "@\"/tmp/.X11-unix/"];

/// Whether strace can trace here; reports that the test is skipped if not.
pub(super) fn is_possible() -> bool {
    let why = match Command::new("strace").args(["--output", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => format!("it may not trace here: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => format!("it cannot be run: {error}"),
    };
    skip("strace", &why);
    false
}

/// The same command under strace, which writes to `trace`. Folder, variables and streams must be set on the result.
pub(super) fn traced(command: &Command, trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    // Only traced calls stop the program, so that one that draws and plays does not crawl.
    strace.args(["--follow-forks", "--seccomp-bpf", "--decode-fds=path", CALLS, "--output"]).arg(trace);
    strace.arg("--").arg(command.get_program()).args(command.get_args());
    strace
}

/// A trace: one call per line, preceded by the thread id.
pub(super) struct Trace {
    text: String,
    /// The folder in which the program was started.
    started_in: PathBuf,
}

impl Trace {
    /// The contents of the file so far; empty if strace has not created it yet.
    pub(super) fn read(path: &Path, started_in: &Path) -> Self {
        let text = fs::read(path).unwrap_or_default();
        Self { text: String::from_utf8_lossy(&text).into_owned(), started_in: started_in.to_owned() }
    }

    /// The process id; `None` before the process has started.
    pub(super) fn process(&self) -> Option<&str> {
        self.text.split_whitespace().next()
    }

    pub(super) fn n_threads(&self) -> usize {
        self.text.lines().filter_map(|line| line.split_whitespace().next()).collect::<BTreeSet<_>>().len()
    }

    /// Whether the file at `library` was mapped as executable, not only read.
    pub(super) fn runs_code_of(&self, library: &Path) -> bool {
        let path = format!("<{}>", library.canonicalize().unwrap().display());
        self.calls().any(|call| call.name == "mmap" && call.arguments.contains("PROT_EXEC") && call.arguments.contains(&path))
    }

    /// Violations: any socket but [`SOCKETS`], any program but the first, and any attempt to change something outside `folders`.
    pub(super) fn misdeeds(&self, folders: &[PathBuf]) -> Vec<String> {
        let may_change = |path: &Path| {
            DEVICES.iter().any(|device| path == Path::new(device)) || folders.iter().any(|folder| path.starts_with(folder))
        };
        let first = self.calls().position(|call| call.name == "execve");
        let others = self.calls().enumerate().filter(|(index, _)| Some(*index) != first).map(|(_, call)| call);
        others.filter_map(|call| call.misdeed(&self.started_in, &may_change)).collect()
    }

    fn calls(&self) -> impl Iterator<Item = Call<'_>> {
        self.text.lines().filter_map(Call::parse)
    }
}

/// One call.
struct Call<'a> {
    name: &'a str,
    /// Everything after the opening parenthesis.
    arguments: &'a str,
}

impl<'a> Call<'a> {
    /// `None` for lines about other events, or about the end of a call that began on another line.
    fn parse(line: &'a str) -> Option<Self> {
        let (name, arguments) = line.split_once(' ')?.1.trim_start().split_once('(')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_name.then_some(Self { name, arguments })
    }

    fn misdeed(&self, started_in: &Path, may_change: &impl Fn(&Path) -> bool) -> Option<String> {
        let Self { name, arguments } = self;
        match *name {
            "execve" | "execveat" => Some(format!("started another program: {arguments}")),
            "socket" if arguments.starts_with("AF_UNIX,") => None,
            "socket" => Some(format!("asked for a socket of {arguments}")),
            "connect" | "bind" => {
                let to = arguments.split_once("sun_path=").map_or("", |(_, path)| path);
                let is_known = *name == "connect" && SOCKETS.iter().any(|socket| to.starts_with(socket));
                (!is_known).then(|| format!("went to the socket {arguments}"))
            }
            name if HARMLESS.contains(&name) => None,
            name if name.starts_with("open") && !WRITING.iter().any(|flag| arguments.contains(flag)) => None,
            _ => {
                let path = self.paths(started_in).into_iter().find(|path| !may_change(path))?;
                Some(format!("changes {}: {name}({arguments}", path.display()))
            }
        }
    }

    /// The paths among the arguments: quoted, relative to the folder in angle brackets before them, if there is one.
    fn paths(&self, started_in: &Path) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut rest = self.arguments;
        let mut folder = started_in;
        while let Some(at) = rest.find(['<', '"']) {
            let closing = if rest.as_bytes()[at] == b'<' { '>' } else { '"' };
            let inside = &rest[at + 1..];
            // INVARIANT: strace escapes what would end the text early.
            let Some(end) = inside.find(closing) else { break };
            match closing {
                '>' => folder = Path::new(&inside[..end]),
                _ => paths.push(normal(&folder.join(OsStr::new(&inside[..end])))),
            }
            rest = &inside[end + 1..];
        }
        paths
    }
}

/// The path without `.` and `..`, which could disguise its folder.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "7 execve(\"/usr/bin/moodline\", [\"moodline\"], 0x7ffc /* 20 vars */) = 0\n";

    fn misdeeds(line: &str) -> Vec<String> {
        let trace = Trace { text: format!("{START}{line}\n"), started_in: "/place/work".into() };
        trace.misdeeds(&["/place/work", "/place/home/.cache/mesa"].map(PathBuf::from))
    }

    #[test]
    fn sockets_of_the_network_and_of_unknown_services_are_misdeeds() {
        for line in [
            "8 socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 5<socket:[1]>",
            "8 socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP <unfinished ...>",
            "8 socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 5<socket:[1]>",
            "8 connect(5<socket:[1]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0",
            "8 connect(5<socket:[1]>, {sa_family=AF_UNIX, sun_path=\"/var/run/nscd/socket\"}, 110) = -1 ENOENT (No such file)",
            "8 bind(5<socket:[1]>, {sa_family=AF_UNIX, sun_path=\"/tmp/.X11-unix/X0\"}, 110) = 0",
        ] {
            assert_eq!(misdeeds(line).len(), 1, "{line}");
        }
        for line in [
            "8 socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 5<socket:[1]>",
            "8 connect(5<socket:[1]>, {sa_family=AF_UNIX, sun_path=\"/tmp/.X11-unix/X0\"}, 20) = 0",
            "8 connect(5<socket:[1]>, {sa_family=AF_UNIX, sun_path=@\"/tmp/.X11-unix/X0\"}, 20) = -1 ECONNREFUSED (Connection refused)",
            "8 <... connect resumed>)           = 0",
        ] {
            assert!(misdeeds(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn what_is_changed_outside_of_the_folders_is_a_misdeed() {
        for line in [
            "8 openat(AT_FDCWD</place/work>, \"/place/home/.cache/id\", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 5</place/home/.cache/id>",
            "8 openat(AT_FDCWD</place/work>, \"../secret\", O_RDWR <unfinished ...>",
            "8 openat(5</place/home>, \"file\", O_WRONLY|O_CREAT, 0600) = 6</place/home/file>",
            "8 openat(AT_FDCWD</place/work>, \"/place/workshop\", O_RDONLY|O_CREAT, 0600) = 6</place/workshop>",
            "8 renameat(AT_FDCWD</place/work>, \"result\", AT_FDCWD</place/work>, \"/place/result\") = 0",
            "8 mkdir(\"/place/home/.cache\", 0777) = -1 EEXIST (File exists)",
            "8 unlink(\"/place/home/song.wav\")   = 0",
            "8 unlink(\"../home/song.wav\")       = 0",
        ] {
            assert_eq!(misdeeds(line).len(), 1, "{line}");
        }
        for line in [
            "8 openat(AT_FDCWD</place/work>, \"result\", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 5</place/work/result>",
            "8 openat(AT_FDCWD</place>, \"/place/home/.cache/mesa/index\", O_RDWR|O_CREAT, 0644) = 5</place/home/.cache/mesa/index>",
            "8 rename(\"/place/work/.result\", \"/place/work/result\") = 0",
            "8 openat(AT_FDCWD</place/work>, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 5</etc/passwd>",
            "8 openat(AT_FDCWD</place/work>, \"/dev/null\", O_RDWR|O_CLOEXEC) = 5</dev/null>",
            "8 mkdir(\"report\", 0777)            = -1 EEXIST (File exists)",
            "8 +++ exited with 0 +++",
        ] {
            assert!(misdeeds(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn another_program_is_a_misdeed() {
        assert_eq!(misdeeds("9 execve(\"/usr/bin/xdg-open\", [\"xdg-open\"], 0x7ffc /* 20 vars */) = 0").len(), 1);
    }
}
