//! A case's file: what was signed, in full, and what judges wrote. Sealed in the vault, since words and
//! purchases are personal.

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        capture::SignedCapture,
        dispute::{SignedDispute, SignedDisputeAnswer},
        receipt::SignedReceipt,
    },
    units::UnixTime,
};
use aep2_vault::{Sealed, Vault};
use aep2_x402::preimage::Preimage;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{
    case::Case,
    error::ArbiterError,
    family::Family,
    sealed::{Opened, Place},
    store::Source,
};

/// What files are sealed as.
const KIND: &str = "aep2-arbiter/case-file";

/// What was signed, and what judges wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaseFile {
    /// The mandate.
    pub mandate: SignedMandate,
    /// Its receipt.
    pub receipt: SignedReceipt,
    /// What it pays for: its `ref` is the hash of these.
    pub terms: Preimage,
    /// What the payee captured.
    pub capture: Option<SignedCapture>,
    /// What the payer says.
    pub dispute: SignedDispute,
    /// What the payee says to it.
    pub answer: Option<SignedDisputeAnswer>,
    /// What the mandate's key had said before its owner spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents_dispute: Option<SignedDispute>,
    /// What the payee had said to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents_answer: Option<SignedDisputeAnswer>,
    /// What judges wrote, in order.
    pub words: Vec<Words>,
}

/// What a judge wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// When.
    pub at: UnixTime,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

impl CaseFile {
    /// Seals the file of a case. Not in the journal's writer: the vault's key may be a program's.
    pub(crate) fn seal(&self, vault: &Vault, mandate: B256) -> Result<Sealed, ArbiterError> {
        place(&mandate).seal(vault, &serde_json::to_vec(self)?)
    }

    /// The file of a case, opened.
    pub(crate) fn open(
        vault: &Vault,
        source: &impl Source,
        case: &Case,
    ) -> Result<Self, ArbiterError> {
        match place(&case.mandate_id).open(vault, source)? {
            Opened::Content(content) => Ok(serde_json::from_slice(&content)?),
            Opened::Destroyed => Err(ArbiterError::Destroyed(case.number)),
            Opened::Nothing => Err(ArbiterError::UnknownCase(case.number)),
        }
    }
}

/// Where the file of a mandate's case is.
pub(crate) fn place(mandate: &B256) -> Place<'_> {
    Place { family: Family::Files, kind: KIND, id: mandate.as_slice() }
}
