//! The same half second in every format, compared with the lossless original.

use std::fs;

use moodline_engine::decode::{AudioReader, DecodeError, DecodeWarning, read_mono_resampled};
use test_support::format_file;

/// The decoded contents of a file, interleaved.
fn interleaved(name: &str) -> (AudioReader, Vec<f32>) {
    let mut reader = AudioReader::open(&format_file(name)).unwrap();
    let (mut chunk, mut samples) = (Vec::new(), Vec::new());
    while reader.read(&mut chunk).unwrap() {
        samples.extend_from_slice(&chunk);
    }
    (reader, samples)
}

fn original() -> Vec<f32> {
    interleaved("clip.flac").1
}

/// Signal-to-noise ratio of `samples` relative to `reference` in dB, over their common length.
fn snr_db(reference: &[f32], samples: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let signal = power(&mut reference.iter().map(|&x| f64::from(x)));
    let noise = power(&mut reference.iter().zip(samples).map(|(&x, &y)| f64::from(x) - f64::from(y)));
    10.0 * (signal / noise).log10()
}

/// The highest [`snr_db`] over delays of 0 to `most` samples, and the delay.
fn best_snr_db(reference: &[f32], samples: &[f32], most: usize) -> (f64, usize) {
    let length = samples.len().saturating_sub(most).min(reference.len());
    (0..=most).map(|delay| (snr_db(&reference[..length], &samples[delay..]), delay)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

#[test]
fn lossless_formats_give_the_original_samples() {
    let original = original();
    assert_eq!(original.len(), 8_000);
    let whole = ["s16.wav", "s16.aiff", "alac.m4a"].map(|name| (name, original.len()));
    let beginnings = ["s24.wav", "s32.wav", "f32.wav", "f64.wav"].map(|name| (name, 2_000));
    for (name, n_samples) in whole.into_iter().chain(beginnings) {
        let (reader, samples) = interleaved(&format!("mono16k-{name}"));
        assert_eq!((reader.sample_rate(), reader.channels()), (16_000, 1), "{name}");
        assert!(samples == original[..n_samples], "{name}");
        assert!(reader.warnings().is_empty(), "{name}: {:?}", reader.warnings());
        assert_eq!(reader.frames_read(), n_samples as u64);
        assert_eq!(reader.frames_promised(), Some(n_samples as u64), "{name}");
    }
}

#[test]
fn eight_bits_are_off_by_half_a_step() {
    let (_, samples) = interleaved("mono16k-u8.wav");
    let largest = original().iter().zip(&samples).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
    assert!(largest <= 0.5 / 128.0 + 1e-6, "{largest}");
}

#[test]
fn channels_are_interleaved_and_mono_is_their_mean() {
    let original = original();
    for (name, n_channels) in [("stereo16k-s16.wav", 2), ("six16k-s16.wav", 6)] {
        let (reader, samples) = interleaved(name);
        assert_eq!(reader.channels(), n_channels);
        assert!(samples.chunks_exact(n_channels).zip(&original).all(|(frame, x)| frame.iter().all(|y| y == x)), "{name}");
        let mono = read_mono_resampled(&format_file(name), 16_000).unwrap();
        assert!(mono.iter().zip(&original).all(|(x, y)| (x - y).abs() < 1e-6), "{name}");
    }
}

/// The files were resampled by SoX, whose filter differs from ours only above 7 kHz, where the clip has little energy.
#[test]
fn every_rate_is_brought_back_to_16_khz() {
    let original = original();
    for (name, rate) in
        [("mono44k1.flac", 44_100), ("stereo48k-s24.wav", 48_000), ("mono96k.flac", 96_000), ("mono384k.flac", 384_000)]
    {
        assert_eq!(AudioReader::open(&format_file(name)).unwrap().sample_rate(), rate);
        let samples = read_mono_resampled(&format_file(name), 16_000).unwrap();
        let snr = snr_db(&original[..samples.len().min(original.len())], &samples);
        assert!(snr > 25.0, "{name}: {snr:.1} dB");
    }
    assert_eq!(read_mono_resampled(&format_file("mono8k-s16.wav"), 16_000).unwrap().len(), 8_000);
}

#[test]
fn lossy_formats_are_close_to_the_original() {
    let original = original();
    for (name, most_delay, least_snr) in [
        ("mono44k1-vbr.mp3", 0, 12.0),
        ("mono44k1-vorbis.ogg", 0, 12.0),
        ("mono16k-cbr.mp3", 1200, 12.0),
        ("stereo44k1-aac.m4a", 0, 12.0),
        ("mono44k1-adts.aac", 800, 12.0),
        ("mono48k-opus.ogg", 0, 6.0),
        ("mono48k-opus.webm", 0, 6.0),
        ("mono16k-adpcm-ms.wav", 0, 12.0),
        ("mono16k-adpcm-ima.wav", 0, 12.0),
    ] {
        let samples = read_mono_resampled(&format_file(name), 16_000).unwrap();
        let (snr, delay) = best_snr_db(&original, &samples, most_delay);
        assert!(snr > least_snr, "{name}: {snr:.1} dB at a delay of {delay}");
    }
}

#[test]
fn encoder_delay_and_padding_are_removed_where_the_file_says_how_much() {
    for name in ["mono44k1-vbr.mp3", "mono44k1-vorbis.ogg"] {
        let (reader, samples) = interleaved(name);
        assert_eq!(samples.len(), 22_050, "{name}");
        assert!(reader.warnings().is_empty(), "{name}: {:?}", reader.warnings());
    }
}

#[test]
fn the_content_decides_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, disguise) in
        [("mono44k1-vbr.mp3", "a.wav"), ("mono16k-s16.wav", "b.mp3"), ("mono44k1-vorbis.ogg", "c.txt"), ("clip.flac", "d")]
    {
        let path = folder.path().join(disguise);
        fs::copy(format_file(name), &path).unwrap();
        let expected = read_mono_resampled(&format_file(name), 16_000).unwrap();
        assert!(read_mono_resampled(&path, 16_000).unwrap() == expected, "{name} as {disguise}");
    }
}

/// Decodes `bytes` to the end.
fn decode_bytes(bytes: &[u8]) -> Result<(u64, Vec<DecodeWarning>), DecodeError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    let mut reader = AudioReader::open(&path)?;
    let mut chunk = Vec::new();
    while reader.read(&mut chunk)? {}
    Ok((reader.frames_read(), reader.warnings().to_vec()))
}

#[test]
fn a_truncated_file_gives_what_is_there_and_a_warning() {
    for name in ["mono16k-s16.wav", "mono16k-s16.aiff", "clip.flac", "long-vorbis.ogg", "mono44k1-vbr.mp3"] {
        let bytes = fs::read(format_file(name)).unwrap();
        let (n_whole, _) = decode_bytes(&bytes).unwrap();
        let (n_half, warnings) = decode_bytes(&bytes[..bytes.len() * 2 / 3]).unwrap();
        assert!((1..n_whole).contains(&n_half), "{name}: {n_half} of {n_whole}");
        assert!(!warnings.is_empty(), "{name}");
    }
}

#[test]
fn corrupt_packets_are_replaced_by_silence_and_reported() {
    let mut bytes = fs::read(format_file("mono44k1-vbr.mp3")).unwrap();
    let (n_whole, _) = decode_bytes(&bytes).unwrap();
    let middle = bytes.len() / 2;
    for (offset, byte) in bytes[middle..middle + 40].iter_mut().enumerate() {
        *byte = (offset * 37) as u8;
    }
    let (n_damaged, _) = decode_bytes(&bytes).unwrap();
    assert!(n_damaged.abs_diff(n_whole) <= 2 * 1152, "{n_damaged} of {n_whole}");
}

/// For arbitrary bytes, the reader returns: it neither panics nor runs forever.
#[test]
fn damaged_files_never_panic() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let names = [
        "mono16k-s16.wav",
        "mono16k-s16.aiff",
        "clip.flac",
        "mono44k1-vorbis.ogg",
        "mono44k1-vbr.mp3",
        "stereo44k1-aac.m4a",
        "mono16k-alac.m4a",
        "mono48k-opus.webm",
        "mono16k-adpcm-ima.wav",
    ];
    for name in names {
        let bytes = fs::read(format_file(name)).unwrap();
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random() % 20 {
                // Half of the damage is in the first 200 bytes, which contain the headers.
                let position = if random() % 2 == 0 { random() % 200 } else { random() % damaged.len() };
                damaged[position] = random() as u8;
            }
            damaged.truncate(1 + random() % damaged.len());
            let _ = decode_bytes(&damaged);
        }
    }
}
