//! What takes attestations, and whom one counts for.

use aep2_credentials::{Attestation, Attestations, Subject as Attested};
use aep2_mandate::{eddsa::PublicKey, field, units::ChainId};
use alloy_primitives::B256;

use crate::{error::ComplianceError, providers::PresentedBook, subject::Subject};

/// What takes attestations.
#[derive(Clone, Debug)]
pub struct Presenting {
    /// Who verifies them.
    pub attestations: Attestations,
    /// Where those are that were taken.
    pub presented: PresentedBook,
    /// The chain of the processor's accounts.
    pub chain_id: ChainId,
}

impl Presenting {
    /// Whom an attestation counts for: an address as payer and as payee, an agent's key.
    pub(crate) fn subjects(
        &self,
        attestation: &Attestation,
    ) -> Result<Vec<Subject>, ComplianceError> {
        let refused = |message: &str| {
            Err(ComplianceError::Refused { code: "not_bound", message: message.to_owned() })
        };
        if attestation.confirmation.is_some() {
            return refused("the token names a key whose possession cannot be shown here");
        }
        match attestation.subject {
            Attested::Account { chain_id, address } => {
                if chain_id.is_some_and(|chain_id| chain_id != self.chain_id.get()) {
                    return refused("the token speaks of an account on another chain");
                }
                Ok(vec![Subject::Payer(address), Subject::Payee(address)])
            }
            Attested::Agent(key) => {
                let coordinate = |bytes: B256| field::from_be_bytes(&bytes.0);
                let key = coordinate(key.x).zip(coordinate(key.y));
                let key = key.and_then(|(x, y)| PublicKey::new(x, y).ok());
                match key {
                    Some(key) => {
                        Ok(vec![Subject::Agent(B256::new(field::to_be_bytes(&key.hash())))])
                    }
                    None => refused("the token names a key that is no point of the curve"),
                }
            }
            Attested::Holder(_) => {
                refused("the token names a key whose possession cannot be shown here")
            }
        }
    }
}
