//! Whether a path leads to another machine.
//!
//! In: a path. Out: the answer, found without accessing the other machine, as far as the system allows.

use std::path::Path;

use crate::remote::leads_away;

/// Whether `path` names a share of another machine, or leads to one.
pub(super) fn is_remote(path: &Path) -> bool {
    // On systems without share names such a path is at least not one of a model chosen by a user.
    leads_away(&path.to_string_lossy()) || std::path::absolute(path).is_ok_and(|path| leads_to_a_share(&path))
}

/// Checks the file systems along the path, from the first folder on, without touching anything behind a share.
#[cfg(unix)]
fn leads_to_a_share(path: &Path) -> bool {
    let mut folders: Vec<&Path> = path.ancestors().collect();
    folders.reverse();
    folders.into_iter().any(|folder| rustix::fs::statfs(folder).is_ok_and(|system| is_network(&system)))
}

#[cfg(not(unix))]
fn leads_to_a_share(_path: &Path) -> bool {
    false
}

/// The numbers of `statfs(2)` and `linux/magic.h`: NFS; SMB, CIFS, SMB2; AFS, twice; 9P; NCP; Coda; Ceph; and autofs, which mounts one of
/// them on first access.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_network(system: &rustix::fs::StatFs) -> bool {
    const NETWORK: [u32; 11] = [
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x5346_414F,
        0x6B41_4653,
        0x0102_1997,
        0x564C,
        0x7375_7245,
        0x00C3_6400,
        0x0187,
    ];
    NETWORK.contains(&(system.f_type as u32))
}

/// macOS and the BSDs flag local file systems.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn is_network(system: &rustix::fs::StatFs) -> bool {
    const MNT_LOCAL: u64 = 0x1000;
    system.f_flags as u64 & MNT_LOCAL == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_known_by_their_names() {
        for share in [
            r"\\server\share\model.onnx",
            "//server/share/model.onnx",
            r"\\?\UNC\server\share\m.onnx",
            r"\\.\pipe\model",
            r"/\server\m",
        ] {
            assert!(is_remote(share.as_ref()), "{share}");
        }
        for local in [r"C:\models\m.onnx", r"\\?\C:\models\m.onnx", "/home/user/m.onnx", "m.onnx", r"\m.onnx", ""] {
            assert!(!leads_away(local), "{local}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_of_another_machine_is_known_by_its_type() {
        let mut system = rustix::fs::statfs("/proc").unwrap();
        assert!(!is_network(&system), "/proc is on this machine");
        for network in [0x6969, 0xFF53_4D42_u32, 0xFE53_4D42, 0x0187] {
            system.f_type = network.into();
            assert!(is_network(&system), "{network:#x}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_to_nowhere_is_not_remote() {
        assert!(!is_remote("/proc/no such folder/model.onnx".as_ref()));
    }
}
