//! A dispute, as a processor shows it to its parties.
//!
//! It is the processor's word until each part of it has been checked: the mandate and the receipt by their
//! signatures, the terms by the mandate's `ref`, the rest by who has to have signed it. What a processor alone
//! says, such as when a dispute was opened, nobody can check.

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        capture::SignedCapture,
        dispute::{Evidence, SignedDispute, SignedDisputeAnswer},
        receipt::SignedReceipt,
        ruling::SignedRuling,
    },
    units::{Amount, UnixTime},
    wire::Strict,
};
use aep2_x402::preimage::Preimage;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A dispute, as a processor shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisputeView {
    /// Its number at this processor, ascending.
    pub number: u64,
    /// The mandate's id.
    pub mandate_id: Strict<B256>,
    /// How far it is.
    pub status: DisputeStatus,
    /// The mandate.
    pub mandate: SignedMandate,
    /// The processor's promise to settle it, which names the arbiter.
    pub receipt: SignedReceipt,
    /// What the mandate pays for, and who decides about it.
    pub terms: Preimage,
    /// What its payee captured, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<SignedCapture>,
    /// What settles as things stand, in base units.
    pub due: Amount,
    /// When the processor took the dispute.
    pub opened_at: UnixTime,
    /// Before this it takes an answer and a ruling.
    pub decide_by: UnixTime,
    /// What the payer objects to.
    pub dispute: SignedDispute,
    /// Whose signature the dispute has, as the processor says.
    pub by: OpenedBy,
    /// What the mandate's key had signed before the account's owner spoke, if it had. The owner's dispute
    /// stands in its place, and an answer to it is an answer to something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents_dispute: Option<SignedDispute>,
    /// What the payee says to it, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<SignedDisputeAnswer>,
    /// When the processor took that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<UnixTime>,
    /// The arbiter's decision, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<SignedRuling>,
    /// When the processor took that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruled_at: Option<UnixTime>,
    /// The evidence whose bytes the processor has, by hash.
    #[serde(default)]
    pub evidence: Vec<Strict<B256>>,
}

impl DisputeView {
    /// All the evidence that the payer signed for: the owner's, and what its agent had shown before.
    pub fn payers_pieces(&self) -> impl Iterator<Item = &Evidence> {
        let agents = self.agents_dispute.iter().flat_map(|agents| &agents.message().evidence);
        self.dispute.message().evidence.iter().chain(agents)
    }

    /// All the evidence that the payee signed for.
    pub fn payees_pieces(&self) -> impl Iterator<Item = &Evidence> {
        self.answer.iter().flat_map(|answer| &answer.message.evidence)
    }

    /// All the evidence that the parties signed for, the payer's first.
    pub fn pieces(&self) -> impl Iterator<Item = &Evidence> {
        self.payers_pieces().chain(self.payees_pieces())
    }
}

/// How far a dispute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisputeStatus {
    /// A ruling is waited for.
    Open,
    /// There is one.
    Ruled,
    /// None came in time, or the mandate ended.
    Closed,
}

impl DisputeStatus {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ruled => "ruled",
            Self::Closed => "closed",
        }
    }
}

/// Who opened a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenedBy {
    /// The account's owner.
    Owner,
    /// The mandate's key.
    Key,
}
