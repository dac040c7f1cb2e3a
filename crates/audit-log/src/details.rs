//! What else there is to say of an entry: a small JSON object with one spelling.
//!
//! The spelling is RFC 8785's: members sorted by their names' UTF-16 code units, no white space.
//! Of numbers only integers are taken that every reader of JSON reads alike. Larger ones, such as
//! amounts, are strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::{Map, Value};
use thiserror::Error;

/// The most bytes that details have as they are written.
pub const DETAILS_BYTES_MAX: usize = 8 << 10;
/// How deep objects and arrays may be in each other; the object itself is the first.
pub const DETAILS_DEPTH_MAX: usize = 8;
/// The largest integer that every reader of JSON reads as it is written.
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a value cannot be an entry's details.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DetailsError {
    /// Something else than an object.
    #[error("details are a JSON object")]
    NotAnObject,
    /// A number with a fraction or an exponent, or beyond 2^53 - 1.
    #[error("the number {0} is not an integer that every program reads alike: write a string")]
    Number(String),
    /// Too many objects or arrays in each other.
    #[error("details are at most {DETAILS_DEPTH_MAX} levels deep")]
    TooDeep,
    /// Too long.
    #[error("details have at most {DETAILS_BYTES_MAX} bytes, these have {0}")]
    TooLong(usize),
    /// They cannot be written.
    #[error("details cannot be written: {0}")]
    Unwritten(String),
}

/// A small JSON object with one spelling. Nothing in it is secret, and nothing personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details(Map<String, Value>);

impl Details {
    /// Nothing else to say: `{}`.
    pub fn none() -> Self {
        Self(Map::new())
    }

    /// These details.
    ///
    /// # Errors
    /// When the value is no object, is too large, or has numbers that not every program reads
    /// alike.
    pub fn new(value: Value) -> Result<Self, DetailsError> {
        check(&value, 1)?;
        let Value::Object(members) = value else {
            return Err(DetailsError::NotAnObject);
        };
        let details = Self(members);
        let text = serde_json::to_vec(&details)
            .map_err(|error| DetailsError::Unwritten(error.to_string()))?;
        if text.len() > DETAILS_BYTES_MAX {
            return Err(DetailsError::TooLong(text.len()));
        }
        Ok(details)
    }

    /// The object.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn check(value: &Value, depth: usize) -> Result<(), DetailsError> {
    if matches!(value, Value::Array(_) | Value::Object(_)) && depth > DETAILS_DEPTH_MAX {
        return Err(DetailsError::TooDeep);
    }
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size {
                Some(0..=INTEGER_MAX) => Ok(()),
                _ => Err(DetailsError::Number(number.to_string())),
            }
        }
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth + 1)),
        Value::Object(members) => members.values().try_for_each(|member| check(member, depth + 1)),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_object(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A value whose objects are written in order, whatever order they are kept in.
struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            Value::Object(members) => write_object(members, serializer),
            other => other.serialize(serializer),
        }
    }
}

fn write_object<S: Serializer>(
    members: &Map<String, Value>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    let mut object = serializer.serialize_map(Some(members.len()))?;
    for (name, member) in members {
        object.serialize_entry(name, &Sorted(member))?;
    }
    object.end()
}
