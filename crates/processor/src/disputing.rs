//! Disputes, as others use the processor for them.

use aep2_ledger::MandateHash;
use aep2_mandate::typed_data::{
    dispute::{SignedDispute, SignedDisputeAnswer},
    keyed::AnySigner,
    ruling::SignedRuling,
};
use alloy::primitives::B256;

use crate::{
    dispute::{Dispute, DisputeError, Said},
    processor::Processor,
    view::{self, DisputeStatus},
};

impl Processor {
    /// Opens a dispute: its mandate is held until an arbiter has ruled, or had the time to. The same again
    /// gets the same answer.
    ///
    /// # Errors
    /// See [`DisputeError`].
    pub async fn open_dispute(&self, signed: SignedDispute) -> Result<Said, DisputeError> {
        let said = self.disputing()?.open(signed, self.now()).await;
        self.counted(said)
    }

    /// Notes what a payee says to the dispute of a mandate, once. The same again gets the same answer.
    ///
    /// # Errors
    /// See [`DisputeError`].
    pub async fn answer_dispute(
        &self,
        mandate: MandateHash,
        signed: SignedDisputeAnswer,
    ) -> Result<Said, DisputeError> {
        let said = self.disputing()?.answer(mandate, signed, self.now()).await;
        self.counted(said)
    }

    /// Has a disputed mandate pay at most what its arbiter ruled, and settle. The same again gets the same
    /// answer.
    ///
    /// # Errors
    /// See [`DisputeError`].
    pub async fn rule(&self, signed: SignedRuling) -> Result<Said, DisputeError> {
        let said = self.disputing()?.rule(signed, self.now()).await;
        self.counted(said)
    }

    /// A mandate's dispute; nothing where there is none.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn dispute(&self, mandate: MandateHash) -> Result<Option<Dispute>, DisputeError> {
        self.disputing()?.find(mandate)
    }

    /// The disputes with numbers above `after` that concern who signed, at most `limit` of them, and up to
    /// which number they were looked for; nothing where there is nothing more.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn disputes_of(
        &self,
        signer: &AnySigner,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Dispute>, Option<u64>), DisputeError> {
        self.disputing()?.concerning(signer, after, limit)
    }

    /// Whether a dispute concerns who signed.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn concerns(&self, dispute: &Dispute, signer: &AnySigner) -> Result<bool, DisputeError> {
        self.disputing()?.concerns(dispute, signer)
    }

    /// A dispute as it is shown, with the hashes of the evidence that is kept of it.
    ///
    /// # Errors
    /// When what was kept contradicts itself.
    pub fn dispute_status(
        &self,
        dispute: Dispute,
        evidence: Vec<B256>,
    ) -> Result<DisputeStatus, DisputeError> {
        view::dispute_status(dispute, evidence, self.now())
    }

    fn counted<T>(&self, said: Result<T, DisputeError>) -> Result<T, DisputeError> {
        if let Err(error) = &said {
            self.dispute_refused(error.code());
        }
        said
    }
}
