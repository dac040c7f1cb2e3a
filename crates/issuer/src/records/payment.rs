//! A payment that was issued.

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    units::{Amount, UnixTime},
    wire::Strict,
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::ids::{ApprovalId, CardId, OwnerId, WalletId};

/// A payment that was issued. It counts against its budgets until its outcome is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentRecord {
    /// The mandate's id.
    pub id: MandateId,
    /// Its place in its owner's history, from 1 up.
    pub number: u64,
    /// Whose card.
    pub owner: OwnerId,
    /// Which card.
    pub card: CardId,
    /// The revocation ids of the card's blocks, in hexadecimal.
    pub blocks: Vec<String>,
    /// Which wallet.
    pub wallet: WalletId,
    /// When.
    pub at: UnixTime,
    /// The method of what is bought.
    pub method: String,
    /// The address of what is bought.
    pub resource: String,
    /// The host, or the name of an MCP server.
    pub host: String,
    /// The hash of the request.
    pub request_hash: Strict<B256>,
    /// On whose approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// The mandate.
    pub mandate: Box<SignedMandate>,
    /// What it counts for, and where.
    pub charges: Vec<Charge>,
    /// How far it is.
    pub state: PaymentState,
}

/// What a payment counts for in one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Charge {
    /// Which counter.
    pub counter: Strict<B256>,
    /// The beginning of the period in which it was counted: a release goes back there.
    pub start: u64,
    /// Whether payments are counted there, or amounts.
    pub counts: bool,
}

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PaymentState {
    /// It was issued, and what became of it is not known.
    Outstanding,
    /// It was settled, for this amount.
    Settled(Amount),
    /// It will never be settled: what it counted for is free again.
    Released,
}
