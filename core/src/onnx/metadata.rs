//! The contract as `metadata_props` of an ONNX file.
//!
//! Each field of [`Contract`] is stored as JSON in the entry `moodline.FIELD`, followed by `moodline.FIELD.sha256`, the SHA-256 of that
//! text. `moodline.weights` maps each trained initializer to the SHA-256 of its bytes. `moodline.fingerprint` is the
//! SHA-256 over all of these, so that it identifies contract and weights together.
//!
//! Checksums show which field was altered. They are not a signature: recomputing all of them gives another model with another
//! fingerprint, which still has to pass [`Contract::validate`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::ModelError;
use crate::contract::{Contract, check_version};
use crate::digest::hex;
use crate::mismatch::Mismatch;
use crate::network::NetworkConfig;
use crate::nodes::messages::{StringStringEntryProto, TensorProto};

/// The version whose contract has a single network and no voice fields.
const SINGLE_NETWORK: u32 = 2;

const PREFIX: &str = "moodline.";
const CHECKSUM: &str = ".sha256";
pub(super) const WEIGHTS: &str = "weights";
/// Purpose of a model other than one of emotions.
pub(super) const KIND: &str = "kind";
const FINGERPRINT: &str = "moodline.fingerprint";

/// SHA-256 of each trained initializer by its name.
pub(super) type WeightChecksums = BTreeMap<String, String>;

/// The metadata of a file, each entry checked against its checksum.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) contract: Contract,
    pub(super) weights: WeightChecksums,
    pub(super) fingerprint: String,
}

/// All entries of a file, in their order.
pub(super) fn write(contract: &Contract, weights: &[TensorProto]) -> Vec<StringStringEntryProto> {
    write_fields(fields(contract, &weight_checksums(weights)))
}

/// The checksums that a file records of the trained initializers.
pub(super) fn weight_checksums(weights: &[TensorProto]) -> WeightChecksums {
    weights.iter().map(|tensor| (tensor.name.clone(), sha256(&tensor.raw_data))).collect()
}

/// The entries of these fields, each with its checksum, and the entry of the fingerprint.
pub(super) fn write_fields(fields: Vec<(&'static str, String)>) -> Vec<StringStringEntryProto> {
    let fingerprint = fingerprint(&fields);
    let mut entries = Vec::with_capacity(2 * fields.len() + 1);
    for (name, value) in fields {
        let checksum = sha256(value.as_bytes());
        entries.push(entry(format!("{PREFIX}{name}"), value));
        entries.push(entry(format!("{PREFIX}{name}{CHECKSUM}"), checksum));
    }
    entries.push(entry(FINGERPRINT.to_owned(), fingerprint));
    entries
}

/// Reads the entries of a file; the contract is not yet validated.
pub(super) fn read(entries: &[StringStringEntryProto]) -> Result<Metadata, ModelError> {
    let mut entries = Entries::new(entries)?;
    entries.refuse_other_kind()?;
    let version: u32 = entries.field("version")?;
    check_version(version)?;
    let contract = Contract {
        version,
        id: entries.field("id")?,
        front_end: entries.field("front_end")?,
        normalisation: entries.field("normalisation")?,
        labels: entries.field("labels")?,
        block_seconds: entries.field("block_seconds")?,
        padding: entries.field("padding")?,
        state: entries.field("state")?,
        networks: match version {
            SINGLE_NETWORK => entries.field::<NetworkConfig>("network")?.into(),
            _ => entries.field("networks")?,
        },
        voice: if version == SINGLE_NETWORK { None } else { entries.field("voice")? },
        familiarity: if version == SINGLE_NETWORK { None } else { entries.field_if_there("familiarity")? },
        certainty: if version == SINGLE_NETWORK { None } else { entries.field_if_there("certainty")? },
        training: entries.field("training")?,
        licence: entries.field("licence")?,
        metrics: entries.field("metrics")?,
    };
    let weights = entries.field(WEIGHTS)?;
    let fingerprint = entries.finish(&fields(&contract, &weights))?;
    Ok(Metadata { contract, weights, fingerprint })
}

/// Lower-case hexadecimal SHA-256 of `bytes`.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Every field as JSON, in file order.
fn fields(contract: &Contract, weights: &WeightChecksums) -> Vec<(&'static str, String)> {
    let Contract {
        version,
        id,
        front_end,
        normalisation,
        labels,
        block_seconds,
        padding,
        state,
        networks,
        voice,
        familiarity,
        certainty,
        training,
        licence,
        metrics,
    } = contract;
    let networks = match (*version, networks.members()) {
        (SINGLE_NETWORK, [alone]) => ("network", json(alone)),
        _ => ("networks", json(networks)),
    };
    let mut fields = vec![
        ("version", json(version)),
        ("id", json(id)),
        ("front_end", json(front_end)),
        ("normalisation", json(normalisation)),
        ("labels", json(labels)),
        ("block_seconds", json(block_seconds)),
        ("padding", json(padding)),
        ("state", json(state)),
        networks,
        ("training", json(training)),
        ("licence", json(licence)),
        ("metrics", json(metrics)),
        (WEIGHTS, json(weights)),
    ];
    if *version > SINGLE_NETWORK {
        fields.push(("voice", json(voice)));
        fields.extend(familiarity.as_ref().map(|familiarity| ("familiarity", json(familiarity))));
        fields.extend(certainty.as_ref().map(|certainty| ("certainty", json(certainty))));
    }
    fields
}

/// SHA-256 over all fields, including their lengths, so that no text can move from one field to its neighbour.
fn fingerprint(fields: &[(&'static str, String)]) -> String {
    let mut hash = Sha256::new();
    for (name, value) in fields {
        for text in [*name, value.as_str()] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    hex(&hash.finalize())
}

pub(super) fn json(value: &impl Serialize) -> String {
    // INVARIANT: structs, enums, numbers and maps with text keys always serialise.
    serde_json::to_string(value).expect("a contract serialises")
}

fn entry(key: String, value: String) -> StringStringEntryProto {
    StringStringEntryProto { key, value }
}

/// The entries of a file by key, each of which can be taken once.
pub(super) struct Entries<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Entries<'a> {
    pub(super) fn new(entries: &'a [StringStringEntryProto]) -> Result<Self, ModelError> {
        let mut by_key = BTreeMap::new();
        for StringStringEntryProto { key, value } in entries {
            if by_key.insert(key.as_str(), value.as_str()).is_some() {
                return Err(Mismatch::new(key, "one metadata entry", "two entries of this name").into());
            }
        }
        Ok(Self(by_key))
    }

    fn take(&mut self, key: &str) -> Result<&'a str, ModelError> {
        self.0.remove(key).ok_or_else(|| Mismatch::new(key, "one metadata entry", "none").into())
    }

    pub(super) fn field<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ModelError> {
        let value = self.take(&format!("{PREFIX}{name}"))?;
        let recorded = self.take(&format!("{PREFIX}{name}{CHECKSUM}"))?;
        let computed = sha256(value.as_bytes());
        if recorded != computed {
            return Err(ModelError::Altered(Mismatch::new(name, recorded, computed)));
        }
        serde_json::from_str(value).map_err(|error| unreadable(name, &error).into())
    }

    /// A field that is not present in every model of a version.
    fn field_if_there<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ModelError> {
        if self.0.contains_key(format!("{PREFIX}{name}").as_str()) { self.field(name).map(Some) } else { Ok(None) }
    }

    /// Refuses any entry for the kind, which a model of emotions does not have.
    fn refuse_other_kind(&self) -> Result<(), ModelError> {
        match self.0.get(format!("{PREFIX}{KIND}").as_str()) {
            None => Ok(()),
            Some(kind) => Err(Mismatch::new(KIND, "a model of emotions", kind).into()),
        }
    }

    /// Checks that only the fingerprint is left and that it matches `fields`; returns the fingerprint.
    pub(super) fn finish(mut self, fields: &[(&'static str, String)]) -> Result<String, ModelError> {
        let found = self.take(FINGERPRINT)?;
        self.nothing_left()?;
        let expected = fingerprint(fields);
        if found == expected { Ok(expected) } else { Err(ModelError::Altered(Mismatch::new("fingerprint", expected, found))) }
    }

    fn nothing_left(&self) -> Result<(), ModelError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => Err(Mismatch::new(*key, "no such metadata entry in this version", "one").into()),
        }
    }
}

/// Splits serde's "unknown variant `x`, expected one of `y`, `z` at line 1 column 9" into what was found and what was expected.
fn unreadable(name: &str, error: &serde_json::Error) -> Mismatch {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match text.split_once(", expected ") {
        Some((found, expected)) => Mismatch::new(name, expected, found),
        None => Mismatch::new(name, "a value of this version of the contract", text),
    }
}
