//! A resolver that knows no names and records all queries.

use std::mem;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::thread;

/// Offset of the questions in a message.
const HEADER: usize = 12;

/// Answers on the loopback for the lifetime of the process.
pub(super) struct Resolver(Arc<Mutex<Vec<String>>>);

impl Resolver {
    pub(super) fn start() -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 53)).unwrap();
        let queries = Arc::new(Mutex::new(Vec::new()));
        let written_down = Arc::clone(&queries);
        thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((n_bytes, from)) = socket.recv_from(&mut message) {
                written_down.lock().unwrap().push(name(&message[..n_bytes]));
                answer_that_there_is_none(&mut message);
                // The sender may be gone.
                let _ = socket.send_to(&message[..n_bytes], from);
            }
        });
        Self(queries)
    }

    /// The names queried since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

/// The first name in a query: labels, each preceded by its length, the last one empty.
fn name(query: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = query.get(HEADER..).unwrap_or_default();
    while let Some((&length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, next) = after.split_at(usize::from(length).min(after.len()));
        labels.push(String::from_utf8_lossy(label).into_owned());
        rest = next;
    }
    labels.join(".")
}

/// Turns a query into its own answer by the bits of RFC 1035, section 4.1.1: a response, and "name error".
fn answer_that_there_is_none(query: &mut [u8]) {
    query[2] |= 0x80;
    query[3] = (query[3] & 0xf0) | 3;
}

#[test]
fn names_are_read_from_queries() {
    let query = [&[0; HEADER][..], b"\x06events\x07example\x00", &[0, 1, 0, 1]].concat();
    assert_eq!(name(&query), "events.example");
    assert_eq!(name(&query[..HEADER + 3]), "ev");
    assert_eq!(name(&[]), "");
}
