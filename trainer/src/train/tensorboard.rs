//! The epochs of a run as an event file for TensorBoard.
//!
//! In: [`EpochRecord`]s. Out: bytes to append. An event file is a sequence of records, each a protobuf message framed by its length and checksums.
//!
//! # Source
//! TensorFlow 2.21: `tensorflow/core/lib/io/record_writer.h` (framing, masked CRC-32C), `tensorflow/core/util/event.proto` and
//! `tensorflow/core/framework/summary.proto` (names and field numbers of what is written).

use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

use crate::train::checkpoint::EpochRecord;

/// Name of the file; TensorBoard reads every file with `.tfevents.` in its name.
pub const FILE_NAME: &str = "events.out.tfevents.moodline";

/// File version in the first record.
const FILE_VERSION: &str = "brain.Event:2";

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    /// Optional, so that a value of 0 is written too.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// The first record of every file; `wall_time` in seconds since 1970.
#[must_use]
pub fn header(wall_time: f64) -> Vec<u8> {
    framed(&Event { wall_time, step: 0, file_version: Some(FILE_VERSION.to_owned()), summary: None })
}

/// The record of an epoch; the epoch is the step.
#[must_use]
pub fn epoch(record: &EpochRecord, wall_time: f64) -> Vec<u8> {
    let scalars = [
        ("loss/train", record.train_loss),
        ("loss/dev", record.dev_loss),
        ("loss/regularisation", record.regularisation),
        ("accuracy/train", record.train_accuracy),
        ("accuracy/dev", record.dev_accuracy),
        ("UAR/train", record.train_uar),
        ("UAR/dev", record.dev_uar),
        ("macro_F1/dev", record.dev_macro_f1),
        ("learning_rate", record.learning_rate),
        ("seconds", record.seconds),
    ];
    let value = |(tag, value): (&str, f64)| Value { tag: tag.to_owned(), simple_value: Some(value as f32) };
    let summary = Summary { value: scalars.into_iter().map(value).collect() };
    framed(&Event { wall_time, step: record.epoch as i64, file_version: None, summary: Some(summary) })
}

/// A message with its length and checksums.
fn framed(event: &Event) -> Vec<u8> {
    let message = event.encode_to_vec();
    let length = (message.len() as u64).to_le_bytes();
    let parts: [&[u8]; 4] = [&length, &masked_crc(&length).to_le_bytes(), &message, &masked_crc(&message).to_le_bytes()];
    parts.concat()
}

/// The checksum of the format: rotated and shifted, because a CRC over data containing CRCs is weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a varint; a test oracle that is independent of prost.
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn take<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
        let (head, tail) = bytes.split_at(n);
        *bytes = tail;
        head
    }

    /// Fields of a message: number and content, with numbers as eight little-endian bytes.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let content = match key & 7 {
                0 => varint(&mut bytes).to_le_bytes().to_vec(),
                1 => take(&mut bytes, 8).to_vec(),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    take(&mut bytes, length).to_vec()
                }
                _ => take(&mut bytes, 4).to_vec(),
            };
            fields.push((key >> 3, content));
        }
        fields
    }

    /// CRC-32C bit by bit.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & 0_u32.wrapping_sub(crc & 1)))
        })
    }

    fn unmasked(bytes: &[u8]) -> u32 {
        u32::from_le_bytes(bytes.try_into().unwrap()).wrapping_sub(0xA282_EAD8).rotate_left(15)
    }

    #[test]
    fn a_file_is_read_by_another_reader() {
        assert_eq!(crc(b"123456789"), 0xE306_9283, "the check value of CRC-32C");
        let record = EpochRecord {
            epoch: 300,
            learning_rate: 1e-3,
            train_loss: 1.25,
            train_accuracy: 0.5,
            train_uar: 0.25,
            regularisation: 0.0,
            dev_loss: 0.75,
            dev_accuracy: 0.625,
            dev_uar: 0.5,
            dev_macro_f1: 0.125,
            seconds: 0.0625,
        };
        let file = [header(12.5), epoch(&record, 13.5)].concat();
        let mut rest = &file[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = take(&mut rest, 8);
            assert_eq!(unmasked(take(&mut rest, 4)), crc(length));
            let message = take(&mut rest, u64::from_le_bytes(length.try_into().unwrap()) as usize);
            assert_eq!(unmasked(take(&mut rest, 4)), crc(message));
            events.push(fields(message));
        }
        assert_eq!(events[0], [(1, 12.5_f64.to_le_bytes().to_vec()), (3, FILE_VERSION.as_bytes().to_vec())]);
        let [wall_time, step, (5, summary)] = &events[1][..] else { panic!("{:?}", events[1]) };
        assert_eq!((wall_time.1.as_slice(), step.1.as_slice()), (&13.5_f64.to_le_bytes()[..], &300_u64.to_le_bytes()[..]));
        let scalars: Vec<(String, f32)> = fields(summary)
            .into_iter()
            .map(|(_, value)| match &fields(&value)[..] {
                [(1, tag), (2, number)] => {
                    (String::from_utf8(tag.clone()).unwrap(), f32::from_le_bytes(number[..].try_into().unwrap()))
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(scalars.len(), 10);
        assert_eq!(scalars[1], ("loss/dev".to_owned(), 0.75));
        assert_eq!(scalars[2], ("loss/regularisation".to_owned(), 0.0));
        assert_eq!(scalars[6], ("UAR/dev".to_owned(), 0.5));
    }
}
