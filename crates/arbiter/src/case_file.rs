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
use aep2_vault::{Context, Sealed, Vault};
use aep2_x402::preimage::Preimage;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{case::Case, error::ArbiterError, family::Family, store::Source};

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
    pub(crate) fn seal(&self, vault: &Vault, mandate: B256) -> Result<Vec<u8>, ArbiterError> {
        let content = serde_json::to_vec(self)?;
        let context = Context { kind: KIND, id: mandate.as_slice() };
        Ok(vault.seal(context, &content)?.to_bytes())
    }

    /// The file of a case, opened.
    pub(crate) fn open(
        vault: &Vault,
        source: &impl Source,
        case: &Case,
    ) -> Result<Self, ArbiterError> {
        let id = case.mandate_id;
        let bytes = source.value(Family::Files, id.as_slice())?;
        let bytes = bytes.ok_or(ArbiterError::UnknownCase(case.number))?;
        let sealed = Sealed::from_bytes(&bytes)?;
        if sealed.key.is_destroyed() {
            return Err(ArbiterError::Destroyed(case.number));
        }
        let content = vault.open(Context { kind: KIND, id: id.as_slice() }, &sealed)?;
        Ok(serde_json::from_slice(&content)?)
    }
}
