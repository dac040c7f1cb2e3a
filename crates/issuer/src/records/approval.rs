//! What an owner has to decide.

use aep2_mandate::{
    units::{Ceiling, UnixTime},
    wire::Strict,
};
use aep2_x402::terms::WireAddress;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::ids::{ApprovalId, CardId, OwnerId};

/// A request that its owner decides. It is about this request of this card and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalRecord {
    /// Its id.
    pub id: ApprovalId,
    /// Who decides.
    pub owner: OwnerId,
    /// Whose card.
    pub card: CardId,
    /// The hash of the card with all its blocks: what the owner's signature names.
    pub card_hash: Strict<B256>,
    /// Whether the card is one that was made of the owner's.
    pub is_of_narrower: bool,
    /// The hash of the request: what the owner's signature names.
    pub request_hash: Strict<B256>,
    /// Why it is asked for.
    pub reason: ApprovalReason,
    /// The method of what is bought.
    pub method: String,
    /// The address of what is bought.
    pub resource: String,
    /// The host, or the name of an MCP server.
    pub host: String,
    /// Who is paid.
    pub payee: WireAddress,
    /// The token paid in.
    pub token: WireAddress,
    /// At most so much, in base units.
    pub amount: Ceiling,
    /// What the agent says that it is for. Its words, and no more than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// When it was asked for.
    pub asked: UnixTime,
    /// Until when it may be decided, and used.
    pub expires: UnixTime,
    /// How far it is.
    pub state: ApprovalState,
}

/// Why an owner is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalReason {
    /// The amount is above the card's threshold.
    Amount,
    /// A limit names the host, and nobody has said whom it stands for.
    UnknownPayee,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ApprovalState {
    /// Nobody has decided.
    Waiting,
    /// The owner agreed.
    Approved,
    /// The owner did not.
    Refused,
    /// A payment was issued on it.
    Used,
}
