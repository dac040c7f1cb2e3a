//! That a mandate was settled, and for how much: an inclusion proof, against what the chain settled.
//!
//! A commitment `C` alone is no evidence. Anybody can register verifiers of his own and have the wallet
//! settle a batch of nothing with any `C` in it. What makes it evidence is
//!
//! - that the proofs were checked by verifiers that the reader trusts. They hold the commitments and the
//!   entries to each other ([docs/circuit.md]). An owner may choose any verifiers: one who is its own
//!   processor, with verifiers that accept everything, could show two mandates by one payout;
//! - that the same batch debited the mandate's account under the mandate's nonce. The wallet lets only the
//!   account's processor do that.
//!
//! So the check takes the whole settlement from the transaction ([`SettledTransaction::read`]): it is of
//! the trusted set of verifiers, the mandate is in the segment that the proof names, in a slot that is
//! used, and the batch debits its account, spends its nonce, and pays its payee as much at least.
//!
//! [docs/circuit.md]: ../../../docs/circuit.md

use aep2_mandate::{
    inclusion::{InclusionError, InclusionProof, Settled},
    mandate::Mandate,
};
use alloy::{
    consensus::Transaction as _,
    network::TransactionResponse as _,
    primitives::{B256, TxHash},
    providers::Provider,
};
use thiserror::Error;

use crate::{
    deployment::Deployment,
    error::ChainError,
    events::WalletEvent,
    settlement::{NotABatch, SettledBatch, SettledDebit},
    wallet::{WalletId, units::VerifierSetId},
};

/// A transaction that settled a batch, as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledTransaction {
    /// The transaction.
    pub transaction: TxHash,
    /// Its block's number.
    pub block: u64,
    /// The batch's name: the hash that its challenges were made from.
    pub batch_id: B256,
    /// What it settled.
    pub batch: SettledBatch,
}

/// Why the chain does not show that a transaction settled a batch.
#[derive(Debug, Error)]
pub enum NotSettled {
    /// The node does not know it.
    #[error("the node knows no transaction {0}: check the hash, and which chain the node is on")]
    Unknown(TxHash),
    /// It is in no block yet.
    #[error("transaction {0} is in no block yet")]
    Pending(TxHash),
    /// It was refused.
    #[error("transaction {0} was mined and failed: it settled nothing")]
    Failed(TxHash),
    /// It calls something else than the wallet.
    #[error(
        "transaction {transaction} does not call the wallet {} itself: a contract called it from \
         within, and what it settled is in a trace of the transaction, not in its input", .wallet.address
    )]
    Indirect {
        /// The transaction.
        transaction: TxHash,
        /// The wallet.
        wallet: WalletId,
    },
    /// Its input is no batch.
    #[error("transaction {0}: {1}")]
    NotABatch(TxHash, NotABatch),
    /// The wallet logged no batch that its input agrees with.
    #[error(
        "transaction {0}: the wallet logged no batch with the header of its input: the node \
         contradicts itself"
    )]
    NoEvent(TxHash),
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why a proof does not show that the mandate was settled in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotIncluded {
    /// The proof leads elsewhere, or nowhere.
    #[error(transparent)]
    Proof(#[from] InclusionError),
    /// The batch was proved to verifiers that the reader does not trust.
    #[error(
        "the batch was proved to the verifiers {settled}, and not to those of the deployment, \
         {trusted}: nothing is known of what they accept"
    )]
    OtherVerifiers {
        /// The set of the batch's header.
        settled: VerifierSetId,
        /// The reader's.
        trusted: VerifierSetId,
    },
    /// The batch has no such segment, or one of another shape or time.
    #[error("the batch has no segment {segment} of the proof's shape and time")]
    OtherSegment {
        /// The segment that the proof names.
        segment: u16,
    },
    /// The batch did not take the mandate's nonce from its account.
    #[error("the batch does not spend the mandate's nonce: it says nothing about its account")]
    NotDebited,
    /// The batch pays the payee less.
    #[error("the batch pays the mandate's payee less than the proof says")]
    NotPaid,
}

impl SettledTransaction {
    /// Reads what a transaction settled, from its input, its receipt and the wallet's event.
    ///
    /// # Errors
    /// When it settled no batch in this wallet, as far as the node says: see [`NotSettled`].
    pub async fn read(
        provider: &impl Provider,
        wallet: WalletId,
        hash: TxHash,
    ) -> Result<Self, NotSettled> {
        let asked = provider.get_transaction_by_hash(hash).await.map_err(ChainError::from)?;
        let transaction = asked.ok_or(NotSettled::Unknown(hash))?;
        let asked = provider.get_transaction_receipt(hash).await.map_err(ChainError::from)?;
        let receipt = asked.ok_or(NotSettled::Pending(hash))?;
        let block = receipt.block_number.ok_or(NotSettled::Pending(hash))?;
        if !receipt.status() || transaction.tx_hash() != hash {
            return Err(NotSettled::Failed(hash));
        }
        if transaction.to() != Some(wallet.address) {
            return Err(NotSettled::Indirect { transaction: hash, wallet });
        }
        let batch = SettledBatch::decode(transaction.input())
            .map_err(|error| NotSettled::NotABatch(hash, error))?;
        let events = wallet
            .events_of(&receipt)
            .map_err(|error| ChainError::unexpected("a transaction's events", error))?;
        let batch_id = events.iter().find_map(|event| match event {
            WalletEvent::BatchSettled { batch_id, token, verifier_set, count, total, .. } => {
                let agrees = *token == batch.token
                    && *verifier_set == batch.verifier_set
                    && *count == batch.count
                    && Some(*total) == batch.total();
                agrees.then_some(*batch_id)
            }
            _ => None,
        });
        let batch_id = batch_id.ok_or(NotSettled::NoEvent(hash))?;
        Ok(Self { transaction: hash, block, batch_id, batch })
    }
}

impl SettledBatch {
    /// Checks that `mandate` was settled in this batch, and says for how much.
    ///
    /// `deployment` is the one that the reader trusts: its wallet, and its verifiers, since the proofs of
    /// a batch are worth what its verifiers check.
    ///
    /// # Errors
    /// When the proof does not show it: see [`NotIncluded`].
    pub fn check_inclusion(
        &self,
        deployment: &Deployment,
        mandate: &Mandate,
        proof: &InclusionProof,
    ) -> Result<Settled, NotIncluded> {
        let (settled, trusted) = (self.verifier_set, deployment.verifier_set);
        if settled != trusted {
            return Err(NotIncluded::OtherVerifiers { settled, trusted });
        }
        let segment = self.segments.get(usize::from(proof.segment));
        let fits = |shape: u32| shape == proof.shape() && proof.valid_until == self.valid_until;
        let segment = segment.filter(|own| fits(own.shape));
        let segment = segment.ok_or(NotIncluded::OtherSegment { segment: proof.segment })?;
        let domain = deployment.wallet_id().mandate_domain(self.token);
        let settled = proof.verify(mandate, &domain, segment.commitment)?;

        let (account, nonce) = (mandate.account, mandate.nonce);
        // A word's entries may be several, and split its nonces and its amount as they please.
        let of_word = || {
            let same =
                |debit: &&SettledDebit| debit.account == account && debit.word == nonce.word();
            self.debits.iter().filter(same)
        };
        let spent = of_word().any(|debit| debit.mask >> nonce.bit() & 1 == 1);
        let taken = of_word().fold(0, |sum: u128, debit| sum.saturating_add(debit.amount.get()));
        if !spent || taken < settled.captured.get() {
            return Err(NotIncluded::NotDebited);
        }
        let paid = self.payouts.iter().filter(|payout| payout.payee == mandate.payee);
        let paid = paid.fold(0, |sum: u128, payout| sum.saturating_add(payout.amount.get()));
        if paid < settled.captured.get() {
            return Err(NotIncluded::NotPaid);
        }
        Ok(settled)
    }
}
