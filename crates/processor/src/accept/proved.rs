//! Mandates of the proved path: Poseidon ids, EdDSA signatures checked together, EIP-712 receipts.

use aep2_ledger::{
    AcceptRequest, Accepted, IssuedReceipt, Received, Verified,
    records::{NonceKey, Promise, ProvedPromise},
};
use aep2_mandate::{
    eddsa::{self, Forged},
    mandate::{Domain, MandateId, SignedMandate},
    typed_data::receipt::{Receipt, SignedReceipt},
    units::UnixTime,
};
use alloy::primitives::{Address, B256, U256};

use super::{acceptance::Acceptance, error::AcceptError, payable::Payable};
use crate::intake::ReceiptSigner;

impl Payable for SignedMandate {
    type Acceptance = Acceptance;

    fn token(&self) -> Address {
        self.mandate.token
    }

    fn payee(&self) -> Address {
        self.mandate.payee
    }

    fn amount(&self) -> U256 {
        U256::from(self.mandate.amount.get())
    }

    fn deadline(&self) -> U256 {
        U256::from(self.mandate.deadline.get())
    }

    fn reference(&self) -> B256 {
        self.mandate.reference
    }

    fn nonce(&self) -> NonceKey {
        let mandate = &self.mandate;
        let (account, token, nonce) = (mandate.account, mandate.token, mandate.nonce);
        NonceKey::Proved { account, token, nonce }
    }

    fn propose(self, domain: &Domain, _signer: &ReceiptSigner) -> Received<Self> {
        let id = self.mandate.id(domain);
        Received::proved(self, id)
    }

    fn is(&self, accepted: &Promise) -> bool {
        matches!(accepted, Promise::Proved { signed } if *signed == ProvedPromise::from(self))
    }

    fn verify(proposals: &[&Received<Self>]) -> Vec<Option<String>> {
        let mut verdicts = vec![None; proposals.len()];
        let signed: Option<Vec<_>> = proposals
            .iter()
            .map(|proposal| {
                let signed = proposal.signed();
                let id = MandateId::from_bytes(proposal.hash().bytes())?;
                Some((signed.key, id.element(), signed.signature))
            })
            .collect();
        // Ids are made from elements.
        let signed = signed.expect("an id is below the field's order");
        // A generator that nobody foresees: whoever did could have forgeries cancel one another.
        if let Err(Forged { indices }) = eddsa::verify_many(&signed, &mut rand::thread_rng()) {
            for index in indices {
                verdicts[index] = Some("it is not the key's signature on this mandate".to_owned());
            }
        }
        verdicts
    }

    fn offer(
        verified: &Verified<Self>,
        now: UnixTime,
        settle_by: UnixTime,
        signer: &ReceiptSigner,
    ) -> Result<AcceptRequest, AcceptError> {
        let internal = |error: String| AcceptError::Internal(error);
        let mandate = &verified.signed().mandate;
        let mandate_id = MandateId::from_bytes(verified.hash().bytes())
            .ok_or_else(|| internal("an id is not below the field's order".to_owned()))?;
        let receipt = Receipt {
            mandate_id,
            processor: signer.address(),
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            // No terms name one yet.
            arbiter: Address::ZERO,
            amount: mandate.amount,
            issued_at: now,
            deadline: mandate.deadline,
            settle_by,
        };
        let receipt = SignedReceipt::sign(receipt, &signer.key, &signer.domain);
        let receipt = receipt.map_err(|error| internal(error.to_string()))?;
        AcceptRequest::proved(verified, receipt).map_err(|error| internal(error.to_string()))
    }

    fn acceptance(accepted: Accepted, _signer: &ReceiptSigner) -> Result<Acceptance, AcceptError> {
        let IssuedReceipt::Proved { receipt } = accepted.receipt else {
            let reason = format!("mandate {} has a receipt of the other path", accepted.mandate);
            return Err(AcceptError::Internal(reason));
        };
        Ok(Acceptance { mandate_id: receipt.message.mandate_id, receipt, again: accepted.again })
    }
}
