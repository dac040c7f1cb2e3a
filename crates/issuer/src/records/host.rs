//! Whom a host stands for.
//!
//! An agent says itself which address it buys at and whom it pays there; one that was talked into it says
//! an allowed host and an attacker's address. So where a limit names a host or a tool, the host's payees
//! are those of this table, and of no other.

use std::collections::BTreeSet;

use aep2_cards::host::Host;
use aep2_mandate::units::UnixTime;
use aep2_x402::terms::WireAddress;
use serde::{Deserialize, Serialize};

use crate::ids::{ApprovalId, OwnerId};

/// The payees of a host, by its owner's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostRecord {
    /// Whose word it is.
    pub owner: OwnerId,
    /// The host, or the name of an MCP server.
    pub host: Host,
    /// Who is paid there.
    pub payees: BTreeSet<WireAddress>,
    /// How they came to be here.
    pub pinned_by: PinnedBy,
    /// Since when.
    pub at: UnixTime,
}

/// How a host's payees came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PinnedBy {
    /// The owner said it.
    Owner,
    /// The owner approved a payment to one.
    Approval(ApprovalId),
}
