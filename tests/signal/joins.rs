//! Tags around recordings, concatenated recordings, and recordings that change in the middle.

use std::fs;

use test_support::format_file;
use test_support::recordings::{Decoded, id3v1, id3v2};

fn bytes(name: &str) -> Vec<u8> {
    fs::read(format_file(name)).unwrap()
}

fn read(bytes: &[u8]) -> Decoded {
    Decoded::of_bytes(bytes).unwrap()
}

#[test]
fn tags_of_any_size_in_front_of_any_format() {
    for name in [
        "mono16k-s16.wav",
        "mono16k-s16.aiff",
        "clip.flac",
        "mono44k1-vbr.mp3",
        "mono44k1-adts.aac",
        "mono44k1-vorbis.ogg",
        "mono48k-opus.ogg",
        "mono48k-opus.webm",
        "stereo44k1-aac.m4a",
    ] {
        let plain = read(&bytes(name));
        for tag in [id3v2(60 * 1024), id3v2(70 * 1024), [id3v2(3 << 20), id3v2(1)].concat()] {
            // An MP4 contains the file offsets of its audio.
            if name.ends_with(".m4a") {
                continue;
            }
            let tagged = read(&[tag, bytes(name)].concat());
            assert!(tagged.samples == plain.samples, "{name}");
            assert_eq!(tagged.warnings, plain.warnings, "{name}");
        }
    }
}

#[test]
fn a_tag_at_the_end_costs_no_audio() {
    for name in ["clip.flac", "mono44k1-vbr.mp3", "mono16k-cbr.mp3", "mono44k1-adts.aac", "mono16k-s16.wav"] {
        let (plain, tagged) = (read(&bytes(name)), read(&[bytes(name), id3v1()].concat()));
        assert!(tagged.samples == plain.samples, "{name}: {} of {}", tagged.samples.len(), plain.samples.len());
        assert_eq!(tagged.warnings, [""; 0], "{name}");
    }
}

#[test]
fn a_raw_stream_of_aac_promises_nothing() {
    let decoded = read(&bytes("mono44k1-adts.aac"));
    assert_eq!((decoded.n_promised, decoded.warnings), (None, vec![]));
}

/// Each additional part adds its own length, apart from its encoder's padding.
#[test]
fn joined_mp3_files_are_read_to_the_end() {
    for (name, most_extra) in [("mono44k1-vbr.mp3", 2_400), ("mono16k-cbr.mp3", 2_400)] {
        let one = read(&bytes(name));
        for n_parts in [2, 5] {
            for tag in [vec![], id3v2(500)] {
                let joined = read(&[tag, bytes(name)].concat().repeat(n_parts));
                let (n_least, n_found) = (n_parts * one.samples.len(), joined.samples.len());
                assert!((n_least..=n_least + (n_parts - 1) * most_extra).contains(&n_found), "{name}: {n_found} of {n_least}");
                assert!(joined.samples.starts_with(&one.samples[..one.samples.len() - 1_152]), "{name}");
                assert_eq!(joined.warnings, [""; 0], "{name}");
            }
        }
    }
}

/// Power of each tenth of a second, dB.
fn levels(decoded: &Decoded) -> Vec<f64> {
    let level = |part: &[f32]| {
        let power: f64 = part.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        10.0 * (power / part.len() as f64 + 1e-12).log10()
    };
    decoded.samples.chunks(decoded.n_channels * decoded.sample_rate as usize / 10).map(level).collect()
}

#[test]
fn an_mp3_may_change_between_mono_and_stereo() {
    let (mono, stereo) = (bytes("mono16k-cbr.mp3"), bytes("stereo16k-cbr.mp3"));
    for (first, second) in [(&mono, &stereo), (&stereo, &mono)] {
        let (a, both) = (read(first), read(&[&first[..], second].concat()));
        assert_eq!(both.n_channels, a.n_channels);
        assert!((both.seconds() - 2.0 * a.seconds()).abs() < 0.2, "{} s", both.seconds());
        // Loud parts of one are loud in the other, which the encoder made 3 dB quieter: nothing became silence.
        let loudest = |levels: &[f64]| levels.iter().copied().fold(f64::MIN, f64::max);
        let (whole, half) = (levels(&both), levels(&a).len());
        assert!((loudest(&whole[..half]) - loudest(&whole[half..])).abs() < 5.0, "{whole:?}");
        assert_eq!(both.warnings.len(), 1, "{:?}", both.warnings);
        assert!(both.warnings[0].contains("the audio has 16000 Hz and"), "{:?}", both.warnings);
    }
}

#[test]
fn a_chain_with_another_rate_goes_on() {
    let (vorbis, opus) = (bytes("mono44k1-vorbis.ogg"), bytes("mono48k-opus.ogg"));
    let parts = [read(&vorbis), read(&opus)];
    assert_eq!(parts.each_ref().map(|part| part.sample_rate), [44_100, 48_000]);
    for (first, second, rate) in [(&vorbis, &opus, 44_100), (&opus, &vorbis, 48_000)] {
        let chain = read(&[&first[..], second].concat());
        assert_eq!(chain.sample_rate, rate);
        let expected: f64 = parts.iter().map(Decoded::seconds).sum();
        assert!((chain.seconds() - expected).abs() < 0.002, "{} s of {expected}", chain.seconds());
        assert!(chain.warnings[0].contains("it was brought to"), "{:?}", chain.warnings);
    }
}
