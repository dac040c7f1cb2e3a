//! What a card's holder may not do: data, the same in an owner's limits and in a card's blocks.
//!
//! ```json
//! {
//!   "hosts": ["api.example"], "payees": ["0x…"], "tokens": ["0x…"],
//!   "tools": [{ "server": "mcp.example", "tool": "search" }],
//!   "perPayment": { "0x…": "50000" }, "approveAbove": { "0x…": "20000" },
//!   "budgets": [{ "token": "0x…", "amount": "1000000", "period": "day", "host": "api.example" }],
//!   "payments": 1, "rate": 10, "metered": false,
//!   "notBefore": 1790000000, "expires": 1790003600,
//!   "hours": [{ "from": "08:00", "to": "18:00", "offset": "+02:00" }]
//! }
//! ```
//!
//! Everything may be absent, and what is absent restricts nothing. What is there restricts to what
//! it names: an empty list allows nothing. An unknown field, `null` and a field that is there twice
//! are refused: whoever wrote it meant a restriction, and it must not be lost.
//!
//! Where there are amounts for some tokens (`perPayment`, `budgets`), a token without one is not
//! allowed: a limit in dollars is no leave to pay in ether. Above `approveAbove`, and for a token
//! that it does not name, a human decides.

use std::collections::BTreeSet;

use aep2_mandate::{
    units::{Amount, UnixTime},
    wire::Strict,
};
use alloy_primitives::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{host::Host, hours::Hours, object::object, per_token::PerToken};

/// What is allowed, at most. Absent is no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct Restrictions {
    /// The hosts where something may be bought.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub hosts: Option<BTreeSet<Host>>,
    /// Who may be paid.
    #[serde(with = "addresses", skip_serializing_if = "Option::is_none")]
    pub payees: Option<BTreeSet<Address>>,
    /// The tools that may be called. Where it is there, nothing but tools is bought.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tools: Option<BTreeSet<Tool>>,
    /// The ERC-20 tokens that may be paid in.
    #[serde(with = "addresses", skip_serializing_if = "Option::is_none")]
    pub tokens: Option<BTreeSet<Address>>,
    /// The most that one payment may be, in base units of each token.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub per_payment: Option<PerToken>,
    /// The most that all payments together may be. Whoever issues payments counts.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub budgets: Option<Vec<Budget>>,
    /// How many payments, in all; 1 is single use. Whoever issues payments counts.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub payments: Option<u32>,
    /// From when on.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixTime>,
    /// From when on no more.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixTime>,
    /// At which times of day: in any of these.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<Hours>>,
    /// `false`: only fixed prices, no ceilings of which the payee captures a part. `true` is the
    /// same as absent.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub metered: Option<bool>,
    /// The most that one payment may be without a human's decision, in base units of each token.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub approve_above: Option<PerToken>,
    /// How many payments a minute. Whoever issues payments counts.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

/// Tools of a server of the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// Whose tools: the server's host, or the name that its owner gave it.
    pub server: String,
    /// Which one. Absent: any of them.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

/// The most that the payments of a period together may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Of payments in this ERC-20 token.
    #[serde(serialize_with = "address", deserialize_with = "strict")]
    pub token: Address,
    /// In its base units.
    pub amount: Amount,
    /// In each period of this length.
    pub period: Period,
    /// Of payments at this host alone.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// Of payments to this payee alone.
    #[serde(
        default,
        serialize_with = "some_address",
        deserialize_with = "some_strict",
        skip_serializing_if = "Option::is_none"
    )]
    pub payee: Option<Address>,
}

/// For how long a budget is. When a day or a month begins is for whoever counts to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Period {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// For ever.
    Total,
}

object! { Restrictions Tool Budget }

/// A field that is there has a value: `null` would be a restriction that restricts nothing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn address<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

fn strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    Strict::deserialize(deserializer).map(|Strict(address)| address)
}

fn some_address<S: Serializer>(some: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
    match some {
        Some(some) => address(some, serializer),
        None => serializer.serialize_none(),
    }
}

fn some_strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    strict(deserializer).map(Some)
}

/// Sets of addresses: written with their checksum, read in any case.
mod addresses {
    use super::{Address, BTreeSet, Deserialize, Deserializer, Serializer, Strict};

    pub(super) fn serialize<S: Serializer>(
        some: &Option<BTreeSet<Address>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match some {
            Some(addresses) => serializer.collect_seq(addresses.iter().map(Address::to_string)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<BTreeSet<Address>>, D::Error> {
        let addresses = Vec::<Strict<Address>>::deserialize(deserializer)?;
        Ok(Some(addresses.into_iter().map(|Strict(address)| address).collect()))
    }
}
