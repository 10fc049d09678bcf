//! WAV and related formats as found in practice: whatever the header says, the existing samples are read.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};

use moodline_engine::decode::{AudioReader, DecodeProblem};
use test_support::recordings::{Decoded, chunk, format, id3v1, id3v2, pcm, riff, wav};

const N_FRAMES: usize = 3_000;

/// Distinct samples, none of whose bytes look like a chunk.
fn samples(n: usize) -> Vec<i16> {
    (0..n as i32).map(|index| ((index * 7_919) % 60_000 - 30_000) as i16).collect()
}

fn floats(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect()
}

fn read(bytes: &[u8]) -> Decoded {
    Decoded::of_bytes(bytes).unwrap()
}

/// Reads `bytes`, which must contain [`samples`] at 16 kHz in mono and cause no warning.
fn whole(bytes: &[u8], what: &str) {
    let decoded = read(bytes);
    assert_eq!((decoded.sample_rate, decoded.n_channels), (16_000, 1), "{what}");
    assert!(decoded.samples == floats(&samples(N_FRAMES)), "{what}: {} samples", decoded.samples.len());
    assert_eq!(decoded.warnings, [""; 0], "{what}");
}

fn problem(bytes: &[u8]) -> DecodeProblem {
    Decoded::of_bytes(bytes).unwrap_err().problem
}

fn with_u32(mut bytes: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// Offsets of the lengths of the file and of the audio in the output of [`wav`].
const RIFF_LEN: usize = 4;
const DATA_LEN: usize = 40;

#[test]
fn lengths_that_nobody_knew() {
    let good = wav(1, &samples(N_FRAMES));
    whole(&good, "a right header");
    let n_bytes = good.len() as u32;
    // A recorder that was switched off, pipes of ffmpeg, sox and arecord, a RIFF length that is too short.
    for (riff_len, data_len) in [
        (n_bytes - 8, 0),
        (0, 0),
        (u32::MAX, u32::MAX),
        (n_bytes - 8, u32::MAX),
        (0x7fff_f024, 0x7fff_f000),
        (0x8000_0024, 0x8000_0000),
        (n_bytes - 16, n_bytes - 44),
        (3, n_bytes - 44),
    ] {
        let bytes = with_u32(with_u32(good.clone(), RIFF_LEN, riff_len), DATA_LEN, data_len);
        whole(&bytes, &format!("{riff_len:#x} and {data_len:#x}"));
    }
}

#[test]
fn an_empty_recording_is_not_what_follows_it() {
    let list = chunk(b"LIST", b"INFOISFT\x04\0\0\0abcd");
    let bytes = riff(&[chunk(b"fmt ", &format(1, 1, 16_000, 16)), chunk(b"data", b""), list]);
    assert!(matches!(problem(&bytes), DecodeProblem::NoSamples));
}

#[test]
fn a_length_that_wrapped_at_4_gib_is_made_good() {
    let n_audio = (4_u64 << 30) + 2 * N_FRAMES as u64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    let mut file = fs::File::create(&path).unwrap();
    let header = with_u32(wav(1, &[]), DATA_LEN, (n_audio % (1 << 32)) as u32);
    file.write_all(&header).unwrap();
    // A sparse file: the disk has room for that.
    file.set_len(header.len() as u64 + n_audio).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&chunk(b"LIST", b"INFO")).unwrap();
    assert_eq!(AudioReader::open(&path).unwrap().frames_promised(), Some(n_audio / 2));
}

#[test]
fn what_the_header_does_not_account_for_is_told() {
    let bytes = with_u32(wav(1, &samples(32_000)), DATA_LEN, 20_000);
    let decoded = read(&bytes);
    assert_eq!(decoded.samples.len(), 10_000);
    assert!(decoded.warnings[0].contains("the header ends the audio 1.375 s before the file ends"), "{:?}", decoded.warnings);
    // A little garbage is not audio.
    whole(&[wav(1, &samples(N_FRAMES)), vec![0x99; 777]].concat(), "rubbish at the end");
}

#[test]
fn a_file_that_was_cut_off_is_read_as_far_as_it_goes() {
    let bytes = wav(1, &samples(N_FRAMES));
    let decoded = read(&bytes[..bytes.len() - 1_001]);
    assert_eq!(decoded.samples, floats(&samples(N_FRAMES))[..N_FRAMES - 501]);
    assert_eq!(decoded.n_promised, Some(N_FRAMES as u64));
    assert!(decoded.warnings[0].starts_with("the file is cut short"), "{:?}", decoded.warnings);
}

#[test]
fn chunks_of_any_kind_in_any_order() {
    let (fmt, data) = (chunk(b"fmt ", &format(1, 1, 16_000, 16)), chunk(b"data", &pcm(&samples(N_FRAMES))));
    let odd = chunk(b"LIST", b"INFOISFT\x03\0\0\0abc");
    let unpadded = odd[..odd.len() - 1].to_vec();
    for (what, chunks) in [
        ("a chunk of odd length", vec![odd.clone(), fmt.clone(), data.clone()]),
        ("one without its padding", vec![unpadded.clone(), fmt.clone(), data.clone()]),
        ("one behind the format", vec![fmt.clone(), unpadded, data.clone()]),
        ("unknown ones", vec![chunk(b"bext", &[1; 602]), fmt.clone(), chunk(b"\x7eX_ ", &[2; 5]), data.clone(), odd]),
        ("audio first", vec![data.clone(), fmt.clone()]),
        ("a format twice", vec![fmt.clone(), chunk(b"fmt ", &format(1, 2, 8_000, 8)), data.clone()]),
        ("nothing to read in front", vec![chunk(b"JUNK", &[0; 4_096]), fmt.clone(), data.clone()]),
    ] {
        whole(&riff(&chunks), what);
    }
    for (missing, chunks) in [("data", vec![fmt]), ("format", vec![data])] {
        let problem = problem(&riff(&chunks)).to_string();
        assert!(problem.contains(&format!("it has no {missing} chunk")), "{problem}");
    }
}

#[test]
fn tags_around_the_file() {
    let good = wav(1, &samples(N_FRAMES));
    whole(&[id3v2(70_000), good.clone()].concat(), "ID3v2");
    whole(&[good.clone(), id3v1()].concat(), "ID3v1");
    whole(&[with_u32(good, DATA_LEN, 0), id3v1()].concat(), "ID3v1 behind audio without a length");
}

/// The body of an extensible format chunk with an empty speaker mask.
fn extensible(code: u16, n_channels: u16, bits: u16, valid_bits: u16) -> Vec<u8> {
    let guid = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";
    let (valid, code) = (valid_bits.to_le_bytes(), code.to_le_bytes());
    [&format(0xfffe, n_channels, 16_000, bits)[..], &22_u16.to_le_bytes(), &valid, &[0; 4], &code, guid].concat()
}

#[test]
fn any_number_of_channels() {
    for n_channels in [1_u16, 2, 6, 18, 26, 27, 32, 33, 40, 63, 64, 65, 255] {
        let all = samples(usize::from(n_channels) * 50);
        for fmt in [format(1, n_channels, 16_000, 16), extensible(1, n_channels, 16, 16)] {
            let decoded = read(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &pcm(&all))]));
            assert_eq!(decoded.n_channels, usize::from(n_channels));
            assert!(decoded.samples == floats(&all), "{n_channels} channels");
        }
    }
    assert!(matches!(problem(&wav(0, &[1, 2, 3])), DecodeProblem::Header { .. }));
}

/// The same samples, left-aligned in containers of `n_bytes` each.
fn widened(samples: &[i16], n_bytes: usize) -> Vec<u8> {
    let widen = |sample: &i16| [vec![0; n_bytes - 2], sample.to_le_bytes().to_vec()].concat();
    samples.iter().flat_map(widen).collect()
}

#[test]
fn samples_of_any_width() {
    let all = samples(N_FRAMES);
    for (what, fmt, data) in [
        ("12 bits in 16", format(1, 1, 16_000, 12), pcm(&all)),
        ("extensible, 12 bits in 16", extensible(1, 1, 16, 12), pcm(&all)),
        ("20 bits in 24", format(1, 1, 16_000, 20), widened(&all, 3)),
        ("24 bits in 32", extensible(1, 1, 32, 24), widened(&all, 4)),
        ("32 bits", format(1, 1, 16_000, 32), widened(&all, 4)),
        ("32-bit float", format(3, 1, 16_000, 32), floats(&all).iter().flat_map(|x| x.to_le_bytes()).collect()),
        ("64-bit float", extensible(3, 1, 64, 64), floats(&all).iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect()),
    ] {
        whole(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &data)]), what);
    }
    let fmt = [&format(1, 1, 16_000, 16)[..12], &[0, 0, 16, 0]].concat();
    whole(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &pcm(&all))]), "blocks of 0 bytes");
    let problem = problem(&riff(&[chunk(b"fmt ", &format(1, 1, 16_000, 64)), chunk(b"data", &[0; 80])])).to_string();
    assert!(problem.contains("integer samples of 64 bits"), "{problem}");
}

/// ITU-T G.711: the codes of the largest magnitudes, of 0 and of the smallest steps.
#[test]
fn logarithmic_codes_of_telephony() {
    for (code, data, expected) in [
        (7, [0x00, 0x80, 0xff, 0x7f, 0x10], [-32_124, 32_124, 0, 0, -15_996]),
        (6, [0x2a, 0xaa, 0xd5, 0x55, 0x00], [-32_256, 32_256, 8, -8, -5_504]),
    ] {
        let decoded = read(&riff(&[chunk(b"fmt ", &format(code, 1, 16_000, 8)), chunk(b"data", &data)]));
        assert_eq!(decoded.samples, floats(&expected), "format {code}");
    }
}

#[test]
fn relatives_with_64_bits_and_the_other_byte_order() {
    let all = samples(N_FRAMES);
    let (fmt, audio) = (format(1, 1, 16_000, 16), pcm(&all));
    let (n_audio, unknown) = (audio.len() as u64, u32::MAX.to_le_bytes());
    let ds64 = |n_audio: u64| [&(n_audio + 80).to_le_bytes()[..], &n_audio.to_le_bytes(), &[0; 12]].concat();
    for mark in [b"RF64", b"BW64"] {
        for long_len in [n_audio, 0] {
            let header = [&mark[..], &unknown, b"WAVE", &chunk(b"ds64", &ds64(long_len)), &chunk(b"fmt ", &fmt)].concat();
            whole(&[&header[..], b"data", &unknown, &audio].concat(), "RF64");
        }
    }
    let guid = |name: &[u8; 4]| [&name[..], b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"].concat();
    let w64_chunk = |name: &[u8; 4], body: &[u8], len: u64| {
        let mut chunk = [&guid(name)[..], &len.to_le_bytes(), body].concat();
        chunk.resize(chunk.len().next_multiple_of(8), 0);
        chunk
    };
    for data_len in [24 + n_audio, 24, u64::MAX] {
        let (fmt, odd) = (w64_chunk(b"fmt ", &fmt, 24 + 16), w64_chunk(b"bext", b"odd", 24 + 3));
        let riff = [&b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"[..], &[0; 8], &guid(b"wave")].concat();
        let header = [riff, odd, fmt, w64_chunk(b"data", b"", data_len)].concat();
        whole(&[header, audio.clone()].concat(), "Wave64");
    }
    let be = |values: &[u32]| values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<_>>();
    let fmt = [&be(&[1 << 16 | 1, 16_000, 32_000])[..], &[0, 2, 0, 16]].concat();
    let audio: Vec<u8> = all.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let rifx = [&b"RIFX"[..], &be(&[0]), b"WAVEfmt ", &be(&[16]), &fmt, b"data", &be(&[audio.len() as u32]), &audio];
    whole(&rifx.concat(), "RIFX");
    let mut lower = wav(1, &all);
    lower[..4].copy_from_slice(b"riff");
    whole(&lower, "lower case");
}

/// An AIFF file whose header declares `n_frames` and whose sound chunk declares `n_bytes`.
fn aiff(n_frames: u32, n_bytes: u32) -> Vec<u8> {
    let audio: Vec<u8> = samples(N_FRAMES).iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let rate = [0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0];
    let common = [&[0, 1][..], &n_frames.to_be_bytes(), &[0, 16], &rate].concat();
    let common = [&b"COMM"[..], &18_u32.to_be_bytes(), &common].concat();
    let sound = [&b"SSND"[..], &(8 + n_bytes).to_be_bytes(), &[0; 8], &audio].concat();
    [&b"FORM"[..], &[0; 4], b"AIFF", &common, &sound].concat()
}

#[test]
fn aiff_without_its_length() {
    let n_bytes = 2 * N_FRAMES as u32;
    for (n_frames, n_bytes) in [(N_FRAMES as u32, n_bytes), (0, n_bytes), (0, 0)] {
        whole(&aiff(n_frames, n_bytes), &format!("{n_frames} and {n_bytes}"));
    }
    let bytes = aiff(N_FRAMES as u32, n_bytes);
    let decoded = read(&bytes[..bytes.len() - 1_000]);
    assert_eq!(decoded.samples.len(), N_FRAMES - 500);
    assert!(decoded.warnings[0].starts_with("the file is cut short"), "{:?}", decoded.warnings);
}

#[test]
fn caf_in_every_coding() {
    let all = samples(N_FRAMES);
    let be: Vec<u8> = all.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let float: Vec<u8> = floats(&all).iter().flat_map(|x| x.to_le_bytes()).collect();
    for (what, flags, n_bytes, audio) in
        [("little-endian", 2, 2_u32, pcm(&all)), ("big-endian", 0, 2, be), ("float", 3, 4, float)]
    {
        for len in [4 + audio.len() as i64, -1] {
            let numbers = [flags, n_bytes, 1, 1, 8 * n_bytes].map(u32::to_be_bytes).concat();
            let description = [&16_000_f64.to_be_bytes()[..], b"lpcm", &numbers].concat();
            let chunk = |name: &[u8; 4], len: i64| [&name[..], &len.to_be_bytes()].concat();
            let caf = [
                &b"caff\0\x01\0\0"[..],
                &chunk(b"desc", 32),
                &description,
                &chunk(b"free", 5),
                &[0; 5],
                &chunk(b"data", len),
                &[0; 4],
                &audio,
            ];
            whole(&caf.concat(), what);
        }
    }
}

#[test]
fn codings_that_are_not_read_are_named() {
    for (code, name) in [
        (0x31, "GSM 6.10"),
        (0x57, "AMR"),
        (0x83, "G.729"),
        (0x161, "Windows Media Audio"),
        (0x1234, "WAV with format code 0x1234"),
    ] {
        let problem = problem(&riff(&[chunk(b"fmt ", &format(code, 1, 16_000, 16)), chunk(b"data", &[1; 500])]));
        assert_eq!(problem.to_string().split(", which is not supported").next(), Some(format!("the audio is {name}").as_str()));
    }
}
