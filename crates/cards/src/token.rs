//! A card as text: what is kept in files, sent in a header, and must not be shown.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    error::CardError,
    limits::{BYTES_MAX, PREFIX, TEXT_MAX},
};

/// A card's text: [`PREFIX`] and the Biscuit in base64url without padding. Nothing has been
/// checked but that.
///
/// Whoever has the text of a bearer card can pay with it; of any card, make a narrower one. So
/// `Debug` does not show it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct CardToken(String);

impl CardToken {
    /// The text, to be sent or kept.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, CardError> {
        if bytes.len() > BYTES_MAX {
            return Err(CardError::TooLong);
        }
        let mut text = PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Ok(Self(text))
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, CardError> {
        let encoded = self.0.strip_prefix(PREFIX).ok_or(CardError::Text)?;
        URL_SAFE_NO_PAD.decode(encoded).map_err(|_| CardError::Text)
    }
}

impl FromStr for CardToken {
    type Err = CardError;

    fn from_str(text: &str) -> Result<Self, CardError> {
        if text.len() > TEXT_MAX {
            return Err(CardError::TooLong);
        }
        let token = Self(text.to_owned());
        token.to_bytes().map(|_| token)
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}…")
    }
}

impl Serialize for CardToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CardToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
