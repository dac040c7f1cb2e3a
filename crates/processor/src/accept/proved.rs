//! Mandates of the proved path: Poseidon ids, EdDSA signatures checked together, EIP-712 receipts.

use aep2_ledger::{
    AcceptRequest, Accepted, IssuedReceipt, PayeeTerms, Received, Verified,
    records::{NonceKey, Promise, ProvedPromise},
};
use aep2_mandate::{
    eddsa::{self, Forged},
    mandate::{Domain, MandateId},
    typed_data::receipt::{Receipt, SignedReceipt},
    units::UnixTime,
};
use aep2_x402::{
    preimage::Preimage,
    purchase::{NO_ARBITER, Venue},
};
use alloy::primitives::{Address, B256, U256};

use super::{
    acceptance::Acceptance, error::AcceptError, offered::OfferedMandate, payable::Payable,
};
use crate::intake::ReceiptSigner;

impl Payable for OfferedMandate {
    type Acceptance = Acceptance;

    fn token(&self) -> Address {
        self.signed.mandate.token
    }

    fn payee(&self) -> Address {
        self.signed.mandate.payee
    }

    fn amount(&self) -> U256 {
        U256::from(self.signed.mandate.amount.get())
    }

    fn deadline(&self) -> U256 {
        U256::from(self.signed.mandate.deadline.get())
    }

    fn reference(&self) -> B256 {
        self.signed.mandate.reference
    }

    fn nonce(&self) -> NonceKey {
        let mandate = &self.signed.mandate;
        let (account, token, nonce) = (mandate.account, mandate.token, mandate.nonce);
        NonceKey::Proved { account, token, nonce }
    }

    fn preimage(&self) -> Option<&Preimage> {
        self.preimage.as_ref()
    }

    fn described(&self, at: &Venue) -> Option<B256> {
        self.preimage.as_ref().map(|preimage| preimage.reference(at, &self.signed.mandate))
    }

    fn propose(self, domain: &Domain, _signer: &ReceiptSigner) -> Received<Self> {
        let Self { signed, preimage } = self;
        let id = signed.mandate.id(domain);
        Received::proved(signed, id).map(|signed| Self { signed, preimage })
    }

    fn is(&self, accepted: &Promise) -> bool {
        matches!(accepted, Promise::Proved { signed } if *signed == ProvedPromise::from(&self.signed))
    }

    fn verify(proposals: &[&Received<Self>]) -> Vec<Option<String>> {
        let mut verdicts = vec![None; proposals.len()];
        let signed: Option<Vec<_>> = proposals
            .iter()
            .map(|proposal| {
                let signed = &proposal.signed().signed;
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
        let OfferedMandate { signed, preimage } = verified.signed();
        let mandate = &signed.mandate;
        let mandate_id = MandateId::from_bytes(verified.hash().bytes())
            .ok_or_else(|| internal("an id is not below the field's order".to_owned()))?;
        let receipt = Receipt {
            mandate_id,
            processor: signer.address(),
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: preimage.as_ref().map_or(NO_ARBITER, Preimage::arbiter),
            amount: mandate.amount,
            issued_at: now,
            deadline: mandate.deadline,
            settle_by,
        };
        let receipt = SignedReceipt::sign(receipt, &signer.key, &signer.domain);
        let receipt = receipt.map_err(|error| internal(error.to_string()))?;
        let request = AcceptRequest::proved(verified, receipt);
        let request = request.map_err(|error| internal(error.to_string()))?;
        let Some(preimage) = preimage else { return Ok(request) };
        let bytes = serde_json::to_vec(preimage).map_err(|error| internal(error.to_string()))?;
        let not_before = verified.signed().not_before(now);
        Ok(request.with_terms(PayeeTerms { bytes, not_before }))
    }

    fn acceptance(accepted: Accepted, _signer: &ReceiptSigner) -> Result<Acceptance, AcceptError> {
        let IssuedReceipt::Proved { receipt } = accepted.receipt else {
            let reason = format!("mandate {} has a receipt of the other path", accepted.mandate);
            return Err(AcceptError::Internal(reason));
        };
        Ok(Acceptance { mandate_id: receipt.message.mandate_id, receipt, again: accepted.again })
    }
}
