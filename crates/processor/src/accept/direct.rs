//! Direct mandates: EIP-712 digests, ECDSA signatures, the published MVP's receipts.

use aep2_ledger::{
    AcceptRequest, Accepted, DirectReceipt, IssuedReceipt, Received, Verified,
    records::{NonceKey, Promise},
};
use aep2_mandate::{
    mandate::Domain,
    typed_data::{
        TypedData,
        direct::{SignedDirectMandate, sign_direct_receipt},
    },
    units::UnixTime,
};
use alloy::primitives::{Address, B256, U256};

use super::{acceptance::DirectAcceptance, error::AcceptError, payable::Payable};
use crate::intake::ReceiptSigner;

impl Payable for SignedDirectMandate {
    type Acceptance = DirectAcceptance;

    /// The MVP's payers sign mandates of ten minutes. Nobody can claim on its receipts: it is the
    /// deadline that counts, and what it names is promised.
    const SETTLES_SOONER: bool = true;

    fn token(&self) -> Address {
        self.message.token
    }

    fn payee(&self) -> Address {
        self.message.payee
    }

    fn amount(&self) -> U256 {
        self.message.amount
    }

    fn deadline(&self) -> U256 {
        self.message.deadline
    }

    fn reference(&self) -> B256 {
        self.message.reference
    }

    fn nonce(&self) -> NonceKey {
        NonceKey::Direct { owner: self.message.owner, nonce: self.message.nonce }
    }

    fn propose(self, _domain: &Domain, signer: &ReceiptSigner) -> Received<Self> {
        let digest = self.message.digest(&signer.domain);
        Received::direct(self, digest)
    }

    fn is(&self, accepted: &Promise) -> bool {
        matches!(accepted, Promise::Direct { signed } if signed.signed == *self)
    }

    /// The owner is part of what its digest covers.
    fn has_key_of(&self, accepted: &Promise) -> bool {
        matches!(accepted, Promise::Direct { .. })
    }

    fn verify(proposals: &[&Received<Self>]) -> Vec<Option<String>> {
        proposals
            .iter()
            .map(|proposal| {
                let signed = proposal.signed();
                let digest = proposal.hash().bytes();
                let verified = signed.signature.verify(&digest, signed.message.owner);
                verified.err().map(|error| error.to_string())
            })
            .collect()
    }

    fn offer(
        verified: &Verified<Self>,
        _now: UnixTime,
        settle_by: UnixTime,
        signer: &ReceiptSigner,
    ) -> Result<AcceptRequest, AcceptError> {
        let mandate_digest = verified.hash().bytes();
        let signature =
            sign_direct_receipt(&signer.key, mandate_digest, U256::from(settle_by.get()));
        let signature = signature.map_err(|error| AcceptError::Internal(error.to_string()))?;
        let receipt = DirectReceipt { mandate_digest, settle_by, signature };
        AcceptRequest::direct(verified, receipt)
            .map_err(|error| AcceptError::Internal(error.to_string()))
    }

    fn acceptance(
        accepted: Accepted,
        signer: &ReceiptSigner,
    ) -> Result<DirectAcceptance, AcceptError> {
        let IssuedReceipt::Direct { receipt } = accepted.receipt else {
            let reason = format!("mandate {} has a receipt of the other path", accepted.mandate);
            return Err(AcceptError::Internal(reason));
        };
        let processor = signer.address();
        Ok(DirectAcceptance { processor, receipt, again: accepted.again })
    }
}
