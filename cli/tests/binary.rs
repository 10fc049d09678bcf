//! The real binary, run as a process.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn moodline() -> Command {
    Command::new(env!("CARGO_BIN_EXE_moodline"))
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples").join(name)
}

#[test]
fn results_on_stdout_and_exit_codes() {
    let done = moodline().args(["analyze", "--format", "json"]).arg(sample("unheard.flac")).output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    assert!(done.stdout.starts_with(b"{\"file\":") && done.stdout.ends_with(b"}\n"));
    assert!(done.stderr.starts_with(b"backend: "));
    assert_eq!(moodline().args(["analyze", "/absent.wav"]).output().unwrap().status.code(), Some(1));
    assert_eq!(moodline().args(["analyze", "--format", "xml", "a"]).output().unwrap().status.code(), Some(2));
    let version = moodline().arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(version.stdout).unwrap(), concat!("moodline ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The system's loader reports which libraries it opens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn only_who_asks_for_onnx_runtime_gets_it() {
    let said = |backend: &[&str]| {
        let mut command = moodline();
        command.arg("analyze").args(backend).arg(sample("03a02Nc.flac")).env("LD_DEBUG", "files");
        let output = command.stdout(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let by_default = said(&[]);
    assert!(by_default.contains("libc.so"), "the loader tells");
    assert!(!by_default.contains("onnxruntime"), "{by_default}");
    let auto = said(&["--backend", "auto"]);
    if auto.contains("backend: onnxruntime") {
        assert!(auto.contains("libonnxruntime"), "it would be seen: {auto}");
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let mut child =
        moodline().arg("analyze").arg(sample("unheard.flac")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!told.contains("panicked") && !told.contains("Broken pipe"), "{told}");
}

/// A WAV file of 48 kHz stereo silence, sparse on disk.
#[cfg(target_os = "linux")]
fn silent_wav(path: &Path, seconds: u32) {
    const BYTES_A_SECOND: u32 = 48_000 * 4;
    let n_bytes = seconds * BYTES_A_SECOND;
    let mut file = fs::File::create(path).unwrap();
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((36 + n_bytes).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    header.extend(48_000_u32.to_le_bytes());
    header.extend(BYTES_A_SECOND.to_le_bytes());
    header.extend(b"\x04\0\x10\0data");
    header.extend(n_bytes.to_le_bytes());
    file.write_all(&header).unwrap();
    file.seek(SeekFrom::Start(u64::from(n_bytes) + 43)).unwrap();
    file.write_all(&[0]).unwrap();
}

/// Twenty minutes would take 230 MB as mono `f32` if kept in memory.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_file() {
    const SECONDS: u32 = 20 * 60;
    const LIMIT_KB: u64 = 150_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    silent_wav(&path, SECONDS);
    let mut child = moodline()
        .args(["analyze", "--format", "csv", "--hop", "0.5"])
        .arg(&path)
        .stdout(fs::File::create(folder.path().join("out.csv")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak_kb = 0;
    while child.try_wait().unwrap().is_none() {
        // The peak so far; a process that has just ended has none.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak_kb = peak_kb.max(peak.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read_to_string(folder.path().join("out.csv")).unwrap().lines().count(), 1 + 2 * (SECONDS as usize - 5) + 1);
    assert!((1..LIMIT_KB).contains(&peak_kb), "the peak was {peak_kb} kB");
}

/// `moodline analyze -` with these bytes on its standard input: the results without the file name, and the messages.
fn from_a_pipe(bytes: &[u8], arguments: &[&str]) -> (String, String) {
    let mut child = moodline()
        .args(["analyze", "--backend", "native", "--format", "csv", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    (answers(&output.stdout), told)
}

/// Rows of a table without the file name and the times taken.
fn answers(table: &[u8]) -> String {
    let rows = std::str::from_utf8(table).unwrap().lines().skip(1);
    rows.map(|row| row.split(',').skip(1).take(8).collect::<Vec<_>>().join(",")).collect::<Vec<_>>().join("\n")
}

#[test]
fn standard_input_is_read_in_every_format() {
    for name in [
        "unheard.flac",
        "formats/long-vorbis.ogg",
        "formats/mono44k1-vbr.mp3",
        "formats/stereo44k1-aac.m4a",
        "formats/mono48k-opus.webm",
    ] {
        let path = sample(name);
        let from_file = moodline().args(["analyze", "--backend", "native", "--format", "csv"]).arg(&path).output().unwrap();
        let (from_pipe, told) = from_a_pipe(&fs::read(&path).unwrap(), &[]);
        assert_eq!(from_pipe, answers(&from_file.stdout), "{name}");
        assert!(!told.contains("warning"), "{name}: {told}");
    }
}

/// ffmpeg, sox and arecord write placeholder lengths, and recorders that were switched off write none.
#[test]
fn a_wav_without_its_length_is_no_reason_to_complain() {
    let mut wav = fs::read(sample("formats/mono16k-s16.wav")).unwrap();
    for (riff_len, data_len) in [(u32::MAX, u32::MAX), (0x7fff_f024, 0x7fff_f000), (0x8000_0024, 0x8000_0000), (0, 0)] {
        wav[4..8].copy_from_slice(&riff_len.to_le_bytes());
        wav[40..44].copy_from_slice(&data_len.to_le_bytes());
        let (found, told) = from_a_pipe(&wav, &[]);
        assert!(found.starts_with("0.000000,0.500000,"), "{found}");
        assert!(!told.contains("warning"), "{told}");
    }
}

/// A pipe can be read only once.
#[test]
fn all_channels_come_of_one_decode() {
    let path = sample("formats/stereo48k-s24.wav");
    let each = ["--source", "each", "--window", "0.5"];
    let from_file =
        moodline().args(["analyze", "--backend", "native", "--format", "csv"]).args(each).arg(&path).output().unwrap();
    let (found, told) = from_a_pipe(&fs::read(&path).unwrap(), &each);
    assert_eq!(found, answers(&from_file.stdout));
    let starts = |row: &&str| row.starts_with("0.000000,");
    assert_eq!(found.lines().filter(starts).count(), 2, "{found}");
    assert!(!told.contains("warning"), "{told}");
}
