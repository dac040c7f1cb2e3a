//! A number for each token.

use std::{collections::BTreeMap, fmt};

use aep2_mandate::{units::Amount, wire::Strict};
use alloy_primitives::Address;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
};

/// An amount for each of some tokens, in the token's base units. In JSON an object from addresses
/// to decimal strings. The same token twice, in whatever case, is refused: one of the two would be
/// passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerToken(BTreeMap<Address, Amount>);

impl PerToken {
    /// The amount for `token`, if it has one.
    pub fn get(&self, token: Address) -> Option<Amount> {
        self.0.get(&token).copied()
    }

    /// All of them, by token.
    pub fn iter(&self) -> impl Iterator<Item = (Address, Amount)> {
        self.0.iter().map(|(token, amount)| (*token, *amount))
    }
}

impl FromIterator<(Address, Amount)> for PerToken {
    fn from_iter<I: IntoIterator<Item = (Address, Amount)>>(amounts: I) -> Self {
        Self(amounts.into_iter().collect())
    }
}

impl Serialize for PerToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(token, amount)| (token.to_string(), amount)))
    }
}

impl<'de> Deserialize<'de> for PerToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amounts;

        impl<'de> Visitor<'de> for Amounts {
            type Value = PerToken;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from tokens' addresses to amounts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PerToken, A::Error> {
                let mut amounts = BTreeMap::new();
                while let Some((Strict(token), amount)) = map.next_entry::<Strict<Address>, _>()? {
                    if amounts.insert(token, amount).is_some() {
                        return Err(A::Error::custom(format!("{token} has two amounts")));
                    }
                }
                Ok(PerToken(amounts))
            }
        }

        deserializer.deserialize_map(Amounts)
    }
}
