//! Bad input: one clear sentence each, the right exit code, other files processed, no partial output.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use test_support::{repository, sample};
use tests_command::{Failing, moodline, moodline_into};

/// Analyses a file with these bytes together with a good one; the good one must succeed and the bad one fail with one sentence, which is returned without the
/// path.
fn sentence_about(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    sentence_about_path(&path)
}

fn sentence_about_path(path: &Path) -> String {
    let good = sample("03a02Nc.flac");
    let outcome = moodline(["analyze", "--format", "csv", path.to_str().unwrap(), good.to_str().unwrap()]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.lines().count(), 2, "the good file is done: {}", outcome.stdout);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    let prefix = format!("{}: ", path.display());
    outcome.sentence().strip_prefix(&prefix).unwrap_or_else(|| panic!("no path in: {}", outcome.sentence())).to_owned()
}

fn wav(spec: hound::WavSpec, write: impl FnOnce(&mut hound::WavWriter<fs::File>)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.wav");
    let mut writer = hound::WavWriter::new(fs::File::create(&path).unwrap(), spec).unwrap();
    write(&mut writer);
    writer.finalize().unwrap();
    fs::read(path).unwrap()
}

fn float_wav(samples: &[f32]) -> Vec<u8> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    wav(spec, |writer| samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap()))
}

fn pcm_wav(n_samples: usize) -> Vec<u8> {
    let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    wav(spec, |writer| (0..n_samples).for_each(|index| writer.write_sample((index % 100) as i16).unwrap()))
}

/// A WAV file whose sample rate, bytes 24..28 of its header, is replaced.
fn wav_at_rate(rate: u32) -> Vec<u8> {
    let mut bytes = pcm_wav(1000);
    bytes[24..28].copy_from_slice(&rate.to_le_bytes());
    bytes
}

#[test]
fn missing_files_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sentence_about_path(&folder.path().join("absent.wav")), "there is no such file");
    let sentence = sentence_about_path(folder.path());
    assert!(sentence.starts_with("the folder holds no audio file"), "{sentence}");
}

#[test]
fn empty_files_and_files_of_something_else() {
    assert_eq!(sentence_about("empty.wav", b""), "the file is empty (0 bytes)");
    let noise: Vec<u8> = (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (name, bytes) in
        [("text.wav", &b"Dear diary, today I made no sound at all."[..]), ("noise.mp3", &noise), ("one.flac", b"f")]
    {
        let sentence = sentence_about(name, bytes);
        assert!(sentence.starts_with("expected audio (") || sentence.starts_with("nothing in the file"), "{name}: {sentence}");
    }
}

#[test]
fn files_without_a_sample() {
    assert_eq!(sentence_about("zero.wav", &pcm_wav(0)), "the file holds no audio: its length is 0 seconds");
    let cut = &pcm_wav(1000)[..44];
    assert_eq!(sentence_about("cut.wav", cut), "the file is cut off before its first sample");
    let sentence = sentence_about("header.wav", &pcm_wav(1000)[..30]);
    assert!(sentence.contains("header is damaged or cut off"), "{sentence}");
}

#[test]
fn absurd_sample_rates() {
    for rate in [0, 1, 7_999, 384_001, u32::MAX] {
        assert_eq!(
            sentence_about("rate.wav", &wav_at_rate(rate)),
            format!("expected a sample rate of 8000 to 384000 Hz, found {rate} Hz")
        );
    }
}

#[test]
fn samples_that_are_no_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.wav");
    let mut samples = vec![0.1_f32; 16_000];
    for (value, found) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (-f32::INFINITY, "-inf"), (1e20, "100000000000000000000")] {
        samples[8_000] = value;
        fs::write(&path, float_wav(&samples)).unwrap();
        let outcome = moodline(["analyze", "--format", "csv", path.to_str().unwrap()]);
        assert_eq!((outcome.code, outcome.stdout.lines().count()), (0, 2), "{}", outcome.stderr);
        let sentence = format!("were replaced by silence, the first one {found} in channel 1 at 0.500 s");
        assert!(outcome.stderr.contains(&sentence), "{}", outcome.stderr);
    }
    let sentence = sentence_about("nan.wav", &float_wav(&[f32::NAN; 100]));
    assert!(sentence.contains("found 100 that are not, the first one NaN in channel 1 at 0.000 s"), "{sentence}");
}

#[test]
fn unsupported_codecs_are_named() {
    let sentence = sentence_about("memo.amr", b"#!AMR\n\x04\x31\x32");
    assert!(sentence.starts_with("the audio is AMR, which is not supported"), "{sentence}");
}

#[test]
fn a_truncated_file_is_analysed_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.wav");
    fs::write(&path, &pcm_wav(32_000)[..44 + 32_000]).unwrap();
    let outcome = moodline(["analyze", "--format", "csv", path.to_str().unwrap()]);
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.stdout.lines().count(), 2);
    assert!(outcome.stderr.contains("cut short: its header promises 2.000 s, found 1.0"), "{}", outcome.stderr);
}

/// Asserts that a run with `arguments` fails with `code` and one sentence that contains `words`, and that `folder` stays empty.
fn refused(code: u8, words: &str, folder: &Path, arguments: &[&str]) {
    let outcome = moodline(arguments.iter().copied());
    assert_eq!(outcome.code, code, "{arguments:?}: {}", outcome.stderr);
    assert!(outcome.sentence().contains(words), "{arguments:?}: {}", outcome.stderr);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{arguments:?}");
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let good = sample("03a02Nc.flac");
    let good = good.to_str().unwrap();
    let absent = folder.path().join("absent/results.csv");
    let absent = absent.to_str().unwrap();
    for option in ["--output", "--plot"] {
        let path = absent.replace(".csv", if option == "--plot" { ".svg" } else { ".csv" });
        refused(1, "the results cannot be written there", folder.path(), &["analyze", option, &path, good]);
    }
    refused(1, "the results cannot be written there", folder.path(), &["analyze", "--save", &format!("json={absent}"), good]);
}

/// The kernel's own file systems: one is read-only even for root, one is always full.
#[cfg(target_os = "linux")]
#[test]
fn full_and_read_only_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let good = sample("03a02Nc.flac");
    let good = good.to_str().unwrap();
    for format in ["table", "csv", "json", "srt"] {
        refused(
            1,
            "/dev/full: the results cannot be written there",
            folder.path(),
            &["analyze", "--format", format, "--output", "/dev/full", good],
        );
    }
    refused(1, "the results cannot be written there", folder.path(), &["analyze", "--output", "/proc/results.csv", good]);
    refused(1, "the results cannot be written there", folder.path(), &["analyze", "--output", "/proc/", good]);
    let mut full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (code, stderr) = moodline_into(["analyze", good], &mut full, false);
    assert_eq!(code, 1);
    assert!(stderr.contains("standard output: the results cannot be written there"), "{stderr}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (code, stderr) =
        moodline_into(["analyze", sample("03a02Nc.flac").to_str().unwrap()], &mut Failing(ErrorKind::BrokenPipe), false);
    assert_eq!(code, 0);
    assert!(!stderr.contains("moodline:"), "{stderr}");
}

#[test]
fn a_file_that_fails_leaves_the_output_of_an_earlier_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("results.csv");
    fs::write(&output, "earlier").unwrap();
    let arguments = ["analyze", "--format", "csv", "--output", output.to_str().unwrap(), "/absent/file.wav"];
    assert_eq!(moodline(arguments).code, 1);
    assert_eq!(fs::read_to_string(&output).unwrap(), "earlier");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "temporary files were left behind");
}

#[test]
fn models_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let good = sample("03a02Nc.flac");
    let good = good.to_str().unwrap();
    let model = repository().join("models/paper-ltc-16/model.onnx");
    let bytes = fs::read(model).unwrap();
    let bad = tempfile::tempdir().unwrap();
    let label = b"\"sad\"";
    let mut changed = bytes.clone();
    let position = changed.windows(label.len()).position(|window| window == label).unwrap();
    changed[position + 1] = b'm';
    let contents = [
        ("text", &b"no model"[..], "cannot use the model"),
        ("empty", b"", "cannot use the model"),
        ("half", &bytes[..bytes.len() / 2], "cannot use the model"),
        ("changed", &changed, "labels"),
    ];
    for (name, content, words) in contents {
        let path = bad.path().join(name);
        fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        let output = folder.path().join("results.csv");
        let output = output.to_str().unwrap();
        refused(1, words, folder.path(), &["analyze", "--output", output, "--model", path, good]);
        refused(1, words, folder.path(), &["model", path]);
    }
    refused(1, "cannot read the model", folder.path(), &["analyze", "--model", "/absent.onnx", good]);
}

#[test]
fn arguments_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (sample("03a02Nc.flac"), sample("03a02Wc.flac"));
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let labels = sample("unheard.csv");
    let labels = labels.to_str().unwrap();
    for (words, arguments) in [
        ("srt files describe one recording, found 2", &["analyze", "--format", "srt", a, b][..]),
        ("--plot FILE shows one recording, found 2", &["analyze", "--plot", "p.svg", a, b]),
        ("--labels belongs to one recording, found 2", &["analyze", "--labels", labels, a, b]),
        ("ending in .svg or .png", &["analyze", "--plot", "p.bmp", a]),
        ("is an input and would be overwritten", &["analyze", "--output", a, a]),
        ("would be written twice", &["analyze", "--output", "x", "--save", "csv=x", a]),
        ("expected --to behind --from, 2 s, found 1 s", &["analyze", "--from", "2", "--to", "1", a]),
        ("two recordings are called", &["analyze", "--output", folder.path().to_str().unwrap(), a, a]),
    ] {
        refused(2, words, folder.path(), arguments);
    }
    for arguments in [
        &["analyze"][..],
        &["analyse", a],
        &["analyze", "--format", "xml", a],
        &["analyze", "--window", "0.4", a],
        &["analyze", "--window", "NaN", a],
        &["analyze", "--hop", "-1", a],
        &["analyze", "--jobs", "0", a],
        &["analyze", "--backend", "gpu", a],
        &["analyze", "--save", "csv", a],
        &["analyze", "--save", "csv=", a],
        &["analyze", "--source", "both", a],
        &["analyze", "--source", "0", a],
        &["analyze", "--track", "0", a],
        &["analyze", "--from", "1:2:3:4", a],
        &["analyze", "--to", "end", a],
        &["analyze", "--decoder", "vlc", a],
    ] {
        assert_eq!(moodline(arguments.iter().copied()).code, 2, "{arguments:?}");
    }
}

#[test]
fn labels_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let good = sample("03a02Nc.flac");
    for (content, words) in [
        ("start_s,end_s\n0,1\n", "found no emotion"),
        ("start_s,end_s,emotion\n0,1,bored\n", "unknown emotion 'bored'"),
        ("start_s,end_s,emotion\nx,1,sad\n", "line 2: expected seconds, found 'x'"),
        ("start_s,end_s,emotion\n2,1,sad\n", "expected the end after the start 2, found 1"),
    ] {
        let path = folder.path().join("labels.csv");
        fs::write(&path, content).unwrap();
        refused(1, words, empty.path(), &["analyze", "--labels", path.to_str().unwrap(), good.to_str().unwrap()]);
    }
}
