//! Files that are not models, or were crafted to look like one: the engine refuses each in one sentence, without a panic and without more memory than a model
//! needs.

use std::fs;

use moodline_core::onnx::{self, MAX_FIELDS, MAX_FILE_BYTES, ModelError};
use moodline_engine::{Model, OpenModelError};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use test_support::processor::time_of_thread;

fn good() -> Vec<u8> {
    Model::embedded().bytes().to_vec()
}

/// Asserts that the bytes are refused with a one-line reason.
fn refused(bytes: &[u8]) -> ModelError {
    let error = onnx::read(bytes).expect_err("hostile bytes must be refused");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    error
}

/// A length-delimited protobuf field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(content.len() as u64), content].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[test]
fn every_truncation_is_refused() {
    let good = good();
    for length in 0..good.len() {
        refused(&good[..length]);
    }
    println!("{} truncations", good.len());
}

#[test]
fn every_single_changed_byte_is_refused() {
    let good = good();
    (0..good.len()).into_par_iter().for_each(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&bytes);
    });
    println!("{} changed bytes", good.len());
}

#[test]
fn seeded_mutations_are_refused() {
    let good = good();
    let mut draw = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..2000 {
        let mut bytes = good.clone();
        for _ in 0..draw.random_range(1..6) {
            let at = draw.random_range(0..bytes.len());
            let until = (at + draw.random_range(1..40)).min(bytes.len());
            match draw.random_range(0..5) {
                0 => bytes[at] = draw.random(),
                1 => drop(bytes.drain(at..until)),
                2 => bytes.splice(at..at, vec![draw.random(); until - at]).for_each(drop),
                3 => bytes.extend_from_within(at..until),
                _ => bytes[at..until].reverse(),
            }
        }
        if bytes != good {
            refused(&bytes);
        }
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut draw = ChaCha8Rng::seed_from_u64(1);
    for length in (0..300).chain([1000, 10_000, 100_000]) {
        let mut bytes = vec![0; length];
        draw.fill_bytes(&mut bytes);
        refused(&bytes);
        refused(&vec![bytes.first().copied().unwrap_or_default(); length]);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        refused(&bytes);
    }

    #[test]
    fn arbitrary_protobuf_fields_are_refused(fields in proptest::collection::vec((1u8..16, proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
        let bytes: Vec<u8> = fields.iter().flat_map(|(number, content)| field(*number, content)).collect();
        refused(&bytes);
        refused(&field(7, &bytes));
        refused(&field(7, &field(1, &bytes)));
    }
}

#[test]
fn files_of_other_kinds_are_refused() {
    for other in [
        &b""[..],
        b"\0",
        b"\n",
        b"RIFF\x24\x08\0\0WAVEfmt ",
        b"fLaC\0\0\0\x22",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
        b"%PDF-1.7",
        b"\x7fELF\x02\x01\x01",
        b"<!DOCTYPE html><html>",
        b"{\"version\":1}",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        "\u{feff}Text".as_bytes(),
    ] {
        refused(other);
    }
}

#[test]
fn declared_lengths_beyond_the_file_are_refused() {
    for length in [1u64 << 20, u64::from(u32::MAX), 1 << 40, u64::MAX >> 1, u64::MAX] {
        for number in [1, 2, 7, 8, 14, 20] {
            refused(&[&[number << 3 | 2][..], &varint(length), b"x"].concat());
            refused(&field(7, &[&[number << 3 | 2][..], &varint(length)].concat()));
            refused(&[good(), vec![number << 3 | 2], varint(length)].concat());
        }
    }
    refused(&[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
}

#[test]
fn deeply_nested_messages_are_refused_without_deep_recursion() {
    // Graph, node, attribute, graph and so on; then groups, which are deprecated in protobuf.
    let mut graph = Vec::new();
    for _ in 0..2000 {
        graph = field(1, &field(5, &field(6, &graph)));
    }
    refused(&field(7, &graph));
    refused(&vec![0x0b; 1 << 20]);
    refused(&field(7, &vec![0x3b; 1 << 20]));
}

#[test]
fn small_files_that_unfold_into_large_ones_are_refused_quickly() {
    let start = time_of_thread();
    let limit = ModelError::TooComplex { expected: MAX_FIELDS };
    let many = |pair: &[u8]| pair.repeat(MAX_FILE_BYTES / 2 - 16);
    // Empty nodes, initializers, inputs and metadata entries; then numbers of one byte each.
    for number in [1, 5, 11, 12] {
        assert_eq!(refused(&field(7, &many(&[number << 3 | 2, 0]))), limit);
    }
    assert_eq!(refused(&many(&[14 << 3 | 2, 0])), limit);
    assert_eq!(refused(&many(&[8 << 3 | 2, 0])), limit);
    let numbers = vec![0; MAX_FILE_BYTES - 64];
    assert_eq!(refused(&field(7, &field(5, &field(1, &numbers)))), limit, "packed dimensions");
    assert_eq!(refused(&field(7, &field(1, &field(5, &field(8, &numbers))))), limit, "packed integers");
    let taken = time_of_thread() - start;
    assert!(taken.as_secs() < 10, "took {taken:?} of a processor");
}

#[test]
fn a_file_above_the_limit_is_refused_by_its_size() {
    let too_large = vec![0; MAX_FILE_BYTES + 1];
    assert_eq!(refused(&too_large), ModelError::TooLarge { expected: MAX_FILE_BYTES, found: MAX_FILE_BYTES + 1 });
}

#[test]
fn what_cannot_be_opened_is_named_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.onnx");
    let error = Model::open(&missing).unwrap_err();
    assert!(matches!(error, OpenModelError::Unreadable { .. }));
    assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
    assert!(matches!(Model::open(folder.path()), Err(OpenModelError::Unreadable { .. })));
    let empty = folder.path().join("empty.onnx");
    fs::write(&empty, []).unwrap();
    let error = Model::open(&empty).unwrap_err();
    assert!(matches!(error, OpenModelError::Refused { .. }) && error.to_string().contains("empty.onnx"), "{error}");
    let whole = folder.path().join("whole.onnx");
    fs::write(&whole, good()).unwrap();
    assert_eq!(Model::open(&whole).unwrap().fingerprint(), Model::embedded().fingerprint());
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let error = Model::open("/dev/zero".as_ref()).unwrap_err();
    assert!(error.to_string().contains("/dev/zero: expected a file, found a device"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.onnx");
    fs::File::create(&large).unwrap().set_len(1 << 33).unwrap();
    let error = Model::open(&large).unwrap_err();
    assert!(matches!(error, OpenModelError::Refused { source: ModelError::TooLarge { .. }, .. }), "{error}");
}
