//! The one spelling of a JSON value: RFC 8785, JSON Canonicalization Scheme.
//!
//! Members sorted by their names' UTF-16 code units, no white space, numbers as ECMAScript prints
//! them. What two programs may read differently has no spelling: integers that a 64-bit float
//! cannot hold exactly (RFC 7493, section 2.2) are refused.

use serde_json::{Number, Value};
use thiserror::Error;

/// The largest integer that every reader of JSON reads as it is written.
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a value has no canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CanonicalError {
    /// An integer beyond 2^53 - 1.
    #[error("{0} is beyond 2^53 - 1, and read differently by different programs: send a string")]
    Integer(Number),
}

/// The canonical spelling of a value.
///
/// # Errors
/// When it has none.
pub fn canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => text.push_str(&spelled(number)?),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (place, (name, member)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(&Value::String(name.clone()), text)?;
                text.push(':');
                write(member, text)?;
            }
            text.push('}');
        }
        // The escapes that are written for these are the scheme's.
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
    Ok(())
}

fn spelled(number: &Number) -> Result<String, CanonicalError> {
    let integer = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    match (integer, number.as_f64()) {
        (Some(size), _) if size > INTEGER_MAX => Err(CanonicalError::Integer(number.clone())),
        (None, Some(float)) => Ok(ryu_js::Buffer::new().format(float).to_owned()),
        _ => Ok(number.to_string()),
    }
}
