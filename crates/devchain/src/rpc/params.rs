//! Positional parameters, read strictly, with the words that say which one is wrong.

use std::{fmt, str::FromStr};

use alloy::primitives::U256;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, Visitor},
};
use serde_json::value::RawValue;

use super::error::RpcError;

/// A method's parameters.
#[derive(Clone, Debug)]
pub(super) struct Params<'a>(Vec<&'a RawValue>);

impl<'a> Params<'a> {
    /// Absent and `null` are no parameters. Named ones are refused: no method here takes them.
    pub(super) fn new(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params.filter(|params| params.get() != "null") else {
            return Ok(Self(Vec::new()));
        };
        serde_json::from_str(params.get()).map(Self).map_err(|_| RpcError::params("non-array args"))
    }

    /// The parameter at `index`, which must be there.
    pub(super) fn required<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        let missing = || RpcError::params(format!("missing value for required argument {index}"));
        self.optional(index)?.ok_or_else(missing)
    }

    /// The parameter at `index`; absent and `null` are none.
    pub(super) fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
    ) -> Result<Option<T>, RpcError> {
        let Some(raw) = self.0.get(index).filter(|raw| raw.get() != "null") else {
            return Ok(None);
        };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|defect| RpcError::params(format!("invalid argument {index}: {defect}")))
    }

    /// The parameter at `index`; its default if absent or `null`.
    pub(super) fn or_default<T: DeserializeOwned + Default>(
        &self,
        index: usize,
    ) -> Result<T, RpcError> {
        Ok(self.optional(index)?.unwrap_or_default())
    }
}

/// A number as tools send it: `0x1f`, `"31"`, or `31`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quantity(pub(super) U256);

impl Quantity {
    /// The number, if it fits in 64 bits.
    pub(super) fn to_u64(self) -> Result<u64, RpcError> {
        u64::try_from(self.0).map_err(|_| RpcError::params("number does not fit in 64 bits"))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or one in a string, decimal or 0x-prefixed")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(U256::from(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
                if text.is_empty() {
                    return Err(E::custom("empty number"));
                }
                U256::from_str(text).map(Quantity).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// A storage slot: a number, or 32 bytes.
pub(super) type Slot = Quantity;
