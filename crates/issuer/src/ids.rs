//! Names of owners, accounts, cards, budgets and approvals: random, and each of its own kind.

use std::{fmt, str::FromStr};

use alloy_primitives::hex;
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A text that is not the name of such a thing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {prefix}_ and 32 hexadecimal digits in lower case, found {found:?}")]
pub struct NotAnId {
    /// What the name begins with.
    pub prefix: &'static str,
    /// What was there, as much of it as is worth showing.
    pub found: String,
}

macro_rules! ids {
    ($($(#[doc = $about:literal])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new one. 128 random bits: no two are alike.
            pub fn random() -> Self {
                let mut bytes = [0; 16];
                OsRng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The one with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let digits = text.strip_prefix(concat!($prefix, "_"));
                read(digits).map(Self).ok_or_else(|| NotAnId {
                    prefix: $prefix,
                    found: text.chars().take(48).collect(),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// An owner: who has accounts, cards and budgets here.
    OwnerId = "own";
    /// An account's key here; the account's number on chain is known once it is opened.
    WalletId = "wal";
    /// A card.
    CardId = "card";
    /// A budget that cards may share.
    BudgetId = "bud";
    /// A request that its owner has to decide.
    ApprovalId = "apr";
}

/// One spelling only: a name that can be written in two ways is two names.
fn read(digits: Option<&str>) -> Option<[u8; 16]> {
    let digits = digits.filter(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })?;
    let mut bytes = [0; 16];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling_and_one_kind() {
        let card = CardId::random();
        let text = card.to_string();
        assert_eq!(text.parse(), Ok(card));
        assert_ne!(CardId::random(), card);
        let budget: Result<BudgetId, _> = text.parse();
        assert!(budget.is_err());
        for wrong in [text.to_uppercase(), text[..20].to_owned(), format!("{text}0")] {
            assert!(wrong.parse::<CardId>().is_err(), "{wrong}");
        }
    }
}
