//! Containers written by recorders, phones, browsers and editors, made by ffmpeg and compared with ffmpeg's decoding.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use moodline_engine::analysis::{Analyser, AnalysisConfig};
use moodline_engine::decode::{AudioReader, DecodeProblem, DecoderChoice, ReadOptions, read_mono_resampled};
use moodline_engine::{BackendChoice, Classifier, Model, Segment};
use tempfile::TempDir;
use test_support::recordings::Decoded;
use test_support::sample;
use test_support::skip::skip;

const RATE: u32 = 16_000;

/// Maximum difference of a probability between our decoding and ffmpeg's.
const PROBABILITIES: f32 = 0.02;

/// QuickTime's IMA ADPCM: ffmpeg continues from the end of the previous block, symphonia starts each with the nine bits of its header, which is noise at -35
/// dB.
const COARSE_PROBABILITIES: f32 = 0.15;

/// Two sounds at most this far apart, in samples at [`RATE`], count as simultaneous: 5 ms.
const SAME_TIME: usize = 80;

/// Maximum padding at the end, by an encoder or by ffmpeg after an edit list, samples at [`RATE`]: 20 ms.
const MOST_PADDING: usize = 320;

/// A folder for ffmpeg's output.
struct Studio(TempDir);

impl Studio {
    /// `None`, after reporting it, if ffmpeg or this encoder is missing.
    fn with(encoder: &str) -> Option<Self> {
        let encoders = Command::new("ffmpeg").args(["-v", "quiet", "-encoders"]).stdin(Stdio::null()).output();
        let Ok(encoders) = encoders else {
            skip("ffmpeg", "it is not installed");
            return None;
        };
        if !String::from_utf8_lossy(&encoders.stdout).contains(&format!(" {encoder} ")) {
            skip("ffmpeg", &format!("it has no encoder {encoder}"));
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ffmpeg(&self, arguments: &[&str]) {
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y"])
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Six seconds of speech encoded as `name`, with these arguments.
    fn speech(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let stream = sample("unheard.flac").display().to_string();
        let input = ["-t", "6", "-i", &stream, "-ar", "48000"];
        self.ffmpeg(&[&input[..], arguments, &[name]].concat());
        self.path(name)
    }

    /// ffmpeg's decoding, mono at [`RATE`]; with silence before a late start, if requested.
    fn decoded(&self, path: &Path, begins_late: bool) -> Vec<f32> {
        let path = path.display().to_string();
        let filter: &[&str] = if begins_late { &["-af", "aresample=async=1:first_pts=0"] } else { &[] };
        self.ffmpeg(&[&["-i", &path, "-map", "0:a:0"], filter, &["-c:a", "pcm_f32le", "decoded.wav"]].concat());
        read_mono_resampled(&self.path("decoded.wav"), RATE).unwrap()
    }
}

fn segments(samples: &[f32]) -> Vec<Segment> {
    let model = Model::embedded();
    let classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
    let config = AnalysisConfig { window_seconds: 2.0, hop_seconds: 1.0, ..AnalysisConfig::default() };
    let mut analyser = Analyser::new(&model, classifier, RATE, config).unwrap();
    let mut segments = Vec::new();
    analyser.push(samples, &mut |segment, _| segments.push(segment)).unwrap();
    analyser.finish(&mut |segment, _| segments.push(segment)).unwrap();
    segments
}

/// Number of samples by which `b` lags `a`, from -`most` to `most`, by correlation of a second in their middle.
fn delay(a: &[f32], b: &[f32], most: usize) -> isize {
    let from = a.len().min(b.len()) / 2 - RATE as usize / 2;
    let part = &a[from..from + RATE as usize];
    let correlation = |lag: isize| -> f64 {
        let start = from.checked_add_signed(lag).unwrap();
        let other = &b[start..start + part.len()];
        let energy: f64 = other.iter().map(|&y| f64::from(y) * f64::from(y)).sum();
        part.iter().zip(other).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>() / (energy + 1e-9).sqrt()
    };
    let most = most as isize;
    (-most..=most).max_by(|&x, &y| correlation(x).total_cmp(&correlation(y))).unwrap()
}

/// Asserts that our decoding of `path` equals ffmpeg's: the same timing, length and answers.
fn same_as_ffmpeg(studio: &Studio, path: &Path) {
    same_from_the_start(studio, path, false);
}

fn same_from_the_start(studio: &Studio, path: &Path, begins_late: bool) {
    let name = path.file_name().unwrap().display();
    let (ours, theirs) = (read_mono_resampled(path, RATE).unwrap(), studio.decoded(path, begins_late));
    let behind = delay(&theirs, &ours, 2 * SAME_TIME);
    assert!(behind.unsigned_abs() <= SAME_TIME, "{name}: {behind} samples behind");
    let found = Decoded::of(path).unwrap();
    assert_eq!(found.warnings, [""; 0], "{name}");
    assert!(ours.len().abs_diff(theirs.len()) <= MOST_PADDING, "{name}: {} of {}", ours.len(), theirs.len());
    // A few samples' shift also changes answers; it was already checked.
    let ahead = usize::try_from(-behind).unwrap_or(0);
    let (ours, theirs) = (&ours[usize::try_from(behind).unwrap_or(0)..], &theirs[ahead..]);
    let n = ours.len().min(theirs.len());
    let both = segments(&ours[..n]);
    let pairs: Vec<_> = both.iter().zip(segments(&theirs[..n])).collect();
    assert!(pairs.iter().any(|(a, _)| a.probabilities().is_some()), "{name} has no speech");
    for (a, b) in pairs {
        let answers = |segment: &Segment| segment.probabilities().map_or([0.0; 4], |probabilities| *probabilities.as_array());
        let largest = answers(a).iter().zip(answers(&b)).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        let most = if name.to_string().starts_with("ima4.") { COARSE_PROBABILITIES } else { PROBABILITIES };
        assert!(largest <= most, "{name} at {} s: {largest}", a.start_s);
    }
}

#[test]
fn wav_and_its_relatives() {
    let Some(studio) = Studio::with("pcm_s16le") else { return };
    for (name, arguments) in [
        ("s16.wav", &["-c:a", "pcm_s16le"][..]),
        ("rf64.wav", &["-c:a", "pcm_s24le", "-rf64", "always"]),
        ("mulaw.wav", &["-c:a", "pcm_mulaw"]),
        ("alaw.wav", &["-c:a", "pcm_alaw"]),
        ("ms.wav", &["-c:a", "adpcm_ms"]),
        ("ima.wav", &["-c:a", "adpcm_ima_wav"]),
        ("stereo-ima.wav", &["-c:a", "adpcm_ima_wav", "-ac", "2"]),
        ("s16.w64", &["-c:a", "pcm_s16le"]),
        ("s24.aiff", &["-c:a", "pcm_s24be"]),
        ("f32.aifc", &["-c:a", "pcm_f32be", "-f", "aiff"]),
        ("ima4.aifc", &["-c:a", "adpcm_ima_qt", "-f", "aiff"]),
        ("s16.caf", &["-c:a", "pcm_s16le"]),
        ("mulaw.caf", &["-c:a", "pcm_mulaw"]),
        ("alac.caf", &["-c:a", "alac"]),
    ] {
        let path = studio.speech(name, arguments);
        same_as_ffmpeg(&studio, &path);
    }
    // ffmpeg cannot write BW64, which differs only in its magic.
    let rf64 = fs::read(studio.path("rf64.wav")).unwrap();
    fs::write(studio.path("bw64.wav"), [b"BW64", &rf64[4..]].concat()).unwrap();
    same_as_ffmpeg(&studio, &studio.path("bw64.wav"));
}

#[test]
fn streams_without_a_container() {
    let Some(studio) = Studio::with("libmp3lame") else { return };
    for (name, arguments) in [
        ("cbr.mp3", &["-c:a", "libmp3lame", "-b:a", "96k"][..]),
        ("without-xing.mp3", &["-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0"]),
        ("layer2.mp2", &["-c:a", "mp2", "-b:a", "96k"]),
        ("raw.aac", &["-c:a", "aac", "-f", "adts"]),
        ("mp3.wav", &["-c:a", "libmp3lame", "-f", "wav"]),
        ("plain.flac", &["-c:a", "flac"]),
    ] {
        let path = studio.speech(name, arguments);
        same_as_ffmpeg(&studio, &path);
    }
}

#[test]
fn ogg_and_matroska() {
    let Some(studio) = Studio::with("libopus").filter(|_| Studio::with("libvorbis").is_some()) else { return };
    for (name, arguments) in [
        ("vorbis.ogg", &["-c:a", "libvorbis"][..]),
        ("mono.opus", &["-c:a", "libopus"]),
        ("stereo.opus", &["-c:a", "libopus", "-ac", "2"]),
        ("voice.opus", &["-c:a", "libopus", "-b:a", "12k", "-application", "voip", "-frame_duration", "60"]),
        ("flac.ogg", &["-c:a", "flac"]),
        ("opus.webm", &["-c:a", "libopus"]),
        ("vorbis.webm", &["-c:a", "libvorbis"]),
        ("flac.mka", &["-c:a", "flac"]),
        ("aac.mkv", &["-c:a", "aac"]),
        ("mp3.mkv", &["-c:a", "libmp3lame"]),
        ("pcm.mkv", &["-c:a", "pcm_s16le"]),
    ] {
        let path = studio.speech(name, arguments);
        same_as_ffmpeg(&studio, &path);
    }
}

#[test]
fn mp4_and_mov() {
    let Some(studio) = Studio::with("libopus").filter(|_| Studio::with("mpeg4").is_some()) else { return };
    for (name, arguments) in [
        ("aac.m4a", &["-c:a", "aac"][..]),
        ("slow.m4a", &["-c:a", "aac", "-ar", "16000"]),
        ("stereo.m4a", &["-c:a", "aac", "-ac", "2"]),
        ("fragments.mp4", &["-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"]),
        ("index-first.m4b", &["-c:a", "aac", "-movflags", "+faststart", "-f", "mp4"]),
        ("alac.m4a", &["-c:a", "alac"]),
        ("opus.mp4", &["-c:a", "libopus"]),
        ("pcm.mov", &["-c:a", "pcm_s16le"]),
    ] {
        let path = studio.speech(name, arguments);
        same_as_ffmpeg(&studio, &path);
    }
    let stream = sample("unheard.flac").display().to_string();
    let inputs = ["-f", "lavfi", "-t", "6", "-i", "testsrc=size=64x48:rate=10", "-t", "6", "-i", &stream];
    for name in ["video.mov", "video.mp4"] {
        studio.ffmpeg(&[&inputs[..], &["-c:v", "mpeg4", "-c:a", "aac", "-ar", "48000", name]].concat());
        same_as_ffmpeg(&studio, &studio.path(name));
    }
}

/// The sound of a video may begin three seconds after its picture; it is placed where a player plays it.
#[test]
fn sound_that_begins_after_the_picture() {
    let Some(studio) = Studio::with("mpeg4").filter(|_| Studio::with("libopus").is_some()) else { return };
    let stream = sample("unheard.flac").display().to_string();
    let picture = ["-f", "lavfi", "-t", "9", "-i", "testsrc=size=64x48:rate=10", "-itsoffset", "3", "-t", "6", "-i", &stream];
    for (name, codec) in
        [("late.mp4", "aac"), ("late.mov", "aac"), ("late.mkv", "aac"), ("late.webm", "libopus"), ("late-pcm.mov", "pcm_s16le")]
    {
        let picture_codec = if name.ends_with("webm") { "libvpx" } else { "mpeg4" };
        if Studio::with(picture_codec).is_none() {
            continue;
        }
        let maps = ["-map", "0:v", "-map", "1:a", "-c:v", picture_codec, "-c:a", codec, "-ar", "48000", name];
        studio.ffmpeg(&[&picture[..], &maps].concat());
        same_from_the_start(&studio, &studio.path(name), true);
        let ours = read_mono_resampled(&studio.path(name), RATE).unwrap();
        let is_quiet = |seconds: std::ops::Range<f64>| {
            let samples = (seconds.start * f64::from(RATE)) as usize..(seconds.end * f64::from(RATE)) as usize;
            ours[samples].iter().all(|&x| x.abs() < 1e-3)
        };
        assert!(is_quiet(0.0..2.9) && !is_quiet(3.0..4.0), "{name}");
    }
}

/// Padding added by an AAC encoder at either end is not part of the recording.
#[test]
fn an_m4a_has_the_times_and_the_length_of_the_original() {
    let Some(studio) = Studio::with("aac") else { return };
    for rate in ["48000", "44100", "16000"] {
        let path = studio.speech("a.m4a", &["-c:a", "aac", "-ar", rate]);
        let ours = read_mono_resampled(&path, RATE).unwrap();
        let original = &read_mono_resampled(&sample("unheard.flac"), RATE).unwrap()[..6 * RATE as usize];
        assert!(delay(original, &ours, 1_600).unsigned_abs() <= 1, "{rate} Hz: {}", delay(original, &ours, 1_600));
        assert!(ours.len().abs_diff(original.len()) <= 16, "{rate} Hz: {}", ours.len());
    }
}

#[test]
fn every_track_can_be_had() {
    let Some(studio) = Studio::with("aac") else { return };
    let stream = sample("unheard.flac").display().to_string();
    let silence =
        ["-f", "lavfi", "-t", "3", "-i", "anullsrc=r=48000:cl=stereo", "-t", "3", "-i", &stream, "-map", "0:a", "-map", "1:a"];
    for name in ["two.mp4", "two.mkv"] {
        studio.ffmpeg(&[&silence[..], &["-c:a", "aac", name]].concat());
        let path = studio.path(name);
        let loudest = |track| {
            let mut reader = AudioReader::open_with(&path, ReadOptions { track, ..ReadOptions::default() }).unwrap();
            let (mut chunk, mut loudest) = (Vec::new(), 0.0_f32);
            while reader.read(&mut chunk).unwrap() {
                loudest = chunk.iter().fold(loudest, |loudest, x| loudest.max(x.abs()));
            }
            (loudest, reader.warnings().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let (by_default, warnings) = loudest(None);
        assert!(by_default < 1e-3, "{name}");
        assert!(warnings[0].starts_with("the file has 2 audio tracks; track 1 was read, the others are: 2: "), "{warnings:?}");
        assert!(loudest(Some(1)).0 < 1e-3 && loudest(Some(2)).0 > 0.1, "{name}");
        assert_eq!(loudest(Some(2)).1, [""; 0]);
        let problem =
            AudioReader::open_with(&path, ReadOptions { track: Some(3), ..ReadOptions::default() }).err().unwrap().problem;
        assert!(matches!(problem, DecodeProblem::Track { expected: 2, found: 3 }), "{problem}");
    }
}

/// ffmpeg reads formats that nothing else here supports, and only when allowed.
#[test]
fn ffmpeg_is_the_last_resort() {
    let Some(studio) = Studio::with("wmav2").filter(|_| Studio::with("aac").is_some()) else { return };
    for (name, arguments, found) in [
        ("speech.wma", &["-c:a", "wmav2"][..], "Windows Media (ASF)"),
        ("surround.m4a", &["-c:a", "aac", "-ac", "6"], "AAC-LC with 6 channels"),
        ("speech.ac3", &["-c:a", "ac3"], "AC-3"),
    ] {
        let path = studio.speech(name, arguments);
        let open = |decoder| AudioReader::open_with(&path, ReadOptions { decoder, ..ReadOptions::default() });
        match open(DecoderChoice::Builtin).err().unwrap().problem {
            DecodeProblem::Unsupported { found: builtin } => assert_eq!(builtin, found),
            other => panic!("{name}: {other}"),
        }
        let mut reader = open(DecoderChoice::Auto).unwrap();
        let mut chunk = Vec::new();
        while reader.read(&mut chunk).unwrap() {}
        let seconds = reader.frames_read() as f64 / f64::from(reader.sample_rate());
        assert!((seconds - 6.0).abs() < 0.2, "{name}: {seconds} s");
        let warnings: Vec<String> = reader.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(warnings, [format!("decoded by ffmpeg ({found} is not read otherwise)")]);
    }
    let (flac, text) = (sample("03a02Nc.flac"), studio.path("text.wav"));
    let by_ffmpeg = ReadOptions { decoder: DecoderChoice::Ffmpeg, ..ReadOptions::default() };
    assert!(AudioReader::open_with(&flac, by_ffmpeg).is_ok());
    fs::write(&text, "no audio").unwrap();
    assert!(AudioReader::open_with(&text, by_ffmpeg).is_err());
}

/// The position behind the name of a box.
fn behind(bytes: &[u8], name: &[u8; 4]) -> usize {
    bytes.windows(4).position(|four| four == name).unwrap() + 4
}

/// Everything that a file is told to have wrong with it, and the number of samples that were read.
fn told(path: &Path) -> (String, u64) {
    let mut reader = match AudioReader::open(path) {
        Ok(reader) => reader,
        Err(error) => return (error.to_string(), 0),
    };
    let mut chunk = Vec::new();
    while reader.read(&mut chunk).unwrap() {}
    (reader.warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), reader.frames_read())
}

#[test]
fn a_decoder_that_panics_is_told_as_a_damaged_file() {
    let Some(studio) = Studio::with("aac") else { return };
    let path = studio.speech("fragments.mp4", &["-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"]);
    let mut bytes = fs::read(&path).unwrap();
    // The offset of the first fragment's data, behind version, flags and number of samples, becomes negative.
    let offset = behind(&bytes, b"trun") + 8;
    bytes[offset] = 0x80;
    fs::write(&path, &bytes).unwrap();
    let (said, _) = told(&path);
    assert!(said.contains("decoder failed") || said.contains("header is damaged"), "{said}");
}

#[test]
fn an_edit_list_that_asks_for_weeks_of_silence_is_told_and_the_audio_is_read() {
    let Some(studio) = Studio::with("aac") else { return };
    let path = studio.speech("edits.m4a", &["-c:a", "aac"]);
    let mut bytes = fs::read(&path).unwrap();
    // Duration and start of the first entry, behind version, flags and number of entries: the longest silence.
    let entry = behind(&bytes, b"elst") + 8;
    bytes[entry..entry + 8].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let (said, n_frames) = told(&path);
    assert!(said.starts_with("left out 4294967 s of silence"), "{said}");
    assert!((6 * 48_000..7 * 48_000).contains(&n_frames), "{n_frames}");
}
