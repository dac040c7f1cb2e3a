//! The ledger, as others use it.
//!
//! What changes it is handed to the journal and answers with a [`Pending`], which resolves when the
//! change is on disk. What reads it ([`crate::query`]) does so at once.

use std::{path::Path, sync::Arc};

use aep2_journal::{Backup, BackupError, Backups, Journal, JournalConfig, JournalError, View};
use aep2_mandate::units::{Amount, UnixTime};
use alloy_primitives::{Address, B256};

use crate::{
    accept::{self, AcceptError, AcceptRequest, Accepted, Precheck, Received},
    audit::{self, Report},
    batch::{self, BatchError, Disposition, Seal},
    capture::{self, Capture, CaptureError, Captured},
    chain::{self, Applied, ChainBlock, ChainError, ChainReading, Rewound},
    codec::Record,
    config::LedgerConfig,
    dispute::{self, DisputeError, Disputed, Open},
    error::{LedgerError, OpenError},
    gate::{self, Close},
    hold::{self, Hold, HoldError},
    limits,
    memory::MemoryState,
    records::{GateReason, GateScope, HoldKind, HoldRecord, UnconfirmedRequest},
    refund::{self, Refund, RefundError, Refunded},
    schema::{self, FORMAT, Family},
    tx::Tx,
    units::{BatchNumber, MandateHash},
};

/// The answer to a request, once it is on disk.
pub type Pending<T, E = LedgerError> = aep2_journal::Pending<T, E>;

/// A settlement processor's ledger. One process at a time has it open; all of its threads may use
/// it. Dropping it finishes what was handed in.
#[derive(Debug)]
pub struct Ledger {
    config: Arc<LedgerConfig>,
    pub(crate) journal: Journal<MemoryState>,
}

impl Ledger {
    /// Opens the ledger in `directory`, or begins one there.
    ///
    /// # Errors
    /// When another process has it, when it is another chain's, wallet's or processor's, when a
    /// newer release wrote it, when it is damaged or something acknowledged is missing from it, and
    /// when the system does not let it be read and written. Except for the last, nothing was
    /// changed.
    pub fn open(directory: impl AsRef<Path>, config: LedgerConfig) -> Result<Self, OpenError> {
        let mut kept = JournalConfig::new(Family::ALL, FORMAT, config.identity.to_bytes());
        kept.waiting_max = config.waiting_max;
        kept.group_max = config.group_max;
        kept.thread_name = "ledger-writer";
        let load = |view: &View<'_>| MemoryState::load(view).map_err(OpenError::from);
        let journal = Journal::open(directory.as_ref(), kept, load)?;
        Ok(Self { config: Arc::new(config), journal })
    }

    /// How the ledger is kept.
    pub fn config(&self) -> &LedgerConfig {
        &self.config
    }

    /// Why nothing can be written any more, if that is so.
    pub fn failure(&self) -> Option<LedgerError> {
        self.journal.failure().map(LedgerError::from)
    }

    // Acceptance and capture.

    /// Whether a mandate would be accepted now: the checks of [`Ledger::accept`], on this thread and
    /// without a write. It reserves nothing; only accepting does.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self, request: &AcceptRequest, now: UnixTime) -> Result<(), AcceptError> {
        accept::check(&self.journal, &self.config, request, now)
    }

    /// Whether a mandate would be accepted now with a receipt that is due at `settle_by`, and settled no
    /// earlier than `not_before`: as [`check`](Self::check), before there is a receipt, and whatever its
    /// signature. What was accepted before is told apart.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn precheck<T>(
        &self,
        received: &Received<T>,
        settle_by: UnixTime,
        not_before: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<Precheck, AcceptError> {
        accept::precheck(&self.journal, &self.config, received, (settle_by, not_before), now)
    }

    /// Accepts a mandate: reserves its amount, queues it, and keeps the receipt. The receipt is to
    /// be given when, and only when, the answer is there.
    ///
    /// # Errors
    /// [`crate::accept`] lists the refusals in their order. [`JournalError::Busy`] is back-pressure.
    pub fn accept(&self, request: AcceptRequest, now: UnixTime) -> Pending<Accepted, AcceptError> {
        self.submit(move |tx| accept::accept(tx, request, now))
    }

    /// Notes what a payee captures, once, before its mandate is in a batch. The same again gets the
    /// same answer.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub fn capture(&self, capture: Capture, now: UnixTime) -> Pending<Captured, CaptureError> {
        self.submit(move |tx| capture::capture(tx, capture, now))
    }

    /// Notes what a payee gives back of a settled mandate. The same again gets the same answer.
    ///
    /// # Errors
    /// See [`RefundError`].
    pub fn refund(&self, refund: Refund, now: UnixTime) -> Pending<Refunded, RefundError> {
        self.submit(move |tx| refund::announce(tx, refund, now))
    }

    // Disputes.

    /// Opens a dispute about a queued mandate, and holds it until there was time to decide, or as long as
    /// the promise allows. The same again gets the same answer.
    ///
    /// # Errors
    /// See [`DisputeError`].
    pub fn open_dispute(&self, open: Open, now: UnixTime) -> Pending<Disputed, DisputeError> {
        self.submit(move |tx| dispute::open(tx, open, now))
    }

    /// Notes what the payee says to a dispute, at most [`limits::DISPUTE_BYTES_MAX`], once.
    ///
    /// # Errors
    /// See [`DisputeError`].
    pub fn answer_dispute(
        &self,
        mandate: MandateHash,
        statement: Vec<u8>,
        now: UnixTime,
    ) -> Pending<Disputed, DisputeError> {
        self.submit(move |tx| dispute::answer(tx, mandate, statement, now))
    }

    /// Notes a ruling: the payee gets at most `captured`. The statement is at most
    /// [`limits::STATEMENT_BYTES_MAX`]. The mandate is not held for the dispute any more.
    ///
    /// # Errors
    /// See [`DisputeError`].
    pub fn rule(
        &self,
        mandate: MandateHash,
        captured: Amount,
        statement: Vec<u8>,
        now: UnixTime,
    ) -> Pending<Disputed, DisputeError> {
        self.submit(move |tx| dispute::rule(tx, mandate, (captured, statement), now))
    }

    // Holds and the gate.

    /// Keeps a queued mandate out of windows until a time, or until the promise that was made for it does
    /// not allow it any longer. Answers with what was noted. The same kind again replaces it.
    ///
    /// # Errors
    /// When the mandate is not queued, or the promise does not allow it at all.
    pub fn hold(&self, hold: Hold, now: UnixTime) -> Pending<HoldRecord, HoldError> {
        self.submit(move |tx| hold::hold(tx, hold, now))
    }

    /// Takes a hold off a queued mandate.
    ///
    /// # Errors
    /// When the mandate is not queued, or not held so.
    pub fn release(
        &self,
        mandate: MandateHash,
        kind: HoldKind,
        now: UnixTime,
    ) -> Pending<(), HoldError> {
        self.submit(move |tx| hold::release(tx, (mandate, kind), now))
    }

    /// Puts those of the mandates back into the queue whose holds are all over at `now`
    /// ([`no_longer_held`](Self::no_longer_held)).
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn release_over(
        &self,
        mandates: Vec<MandateHash>,
        now: UnixTime,
    ) -> Pending<Vec<MandateHash>> {
        self.submit(move |tx| hold::release_over(tx, mandates, now))
    }

    /// Closes the gate for a reason: what it is for is not accepted. Answers whether it was open, as far
    /// as this reason goes.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub fn close_gate(&self, close: Close, now: UnixTime) -> Pending<bool> {
        self.submit(move |tx| gate::close(tx, close, now))
    }

    /// Takes a reason away for which the gate is closed. Answers whether there was one.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub fn open_gate(&self, scope: GateScope, reason: GateReason) -> Pending<bool> {
        self.submit(move |tx| gate::open(tx, scope, reason))
    }

    /// Marks the ledger as restored from a backup now, whether it was one before or not: nothing is accepted until
    /// [`GateReason::Restored`] is taken away, and nothing is to be sealed. Disputes get numbers that none has had.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub fn mark_restored(&self, by: String, note: String, now: UnixTime) -> Pending<()> {
        self.submit(move |tx| gate::mark_restored(tx, (by, note), now))
    }

    // The chain.

    /// Applies a block, with the follower's cursor, in one write. Mandates and batches that the
    /// block settles end with it; so do mandates whose nonces something else spent.
    ///
    /// # Errors
    /// When the block does not follow the last one. Then nothing is changed. What contradicts what is
    /// known of an account is no error: that account is [to be read](Self::to_be_read) anew.
    pub fn apply_block(&self, block: ChainBlock) -> Pending<Applied, ChainError> {
        self.apply_blocks(vec![block])
    }

    /// Applies blocks, all of them in one write or none: what a follower delivers together, with
    /// one cursor for all, is to be applied so.
    ///
    /// The last block's time is how old the view of the chain is. So where the wallet says nothing
    /// for a while, the newest block is to be applied all the same, without facts.
    ///
    /// # Errors
    /// As [`Ledger::apply_block`].
    pub fn apply_blocks(&self, blocks: Vec<ChainBlock>) -> Pending<Applied, ChainError> {
        self.submit(move |tx| chain::apply_blocks(tx, &blocks))
    }

    /// Notes what was read of accounts at the last block applied: of those [to be
    /// read](Self::to_be_read), and what acceptance [found missing](crate::Unread).
    ///
    /// # Errors
    /// When another block is the last one applied by now. Then nothing is changed.
    pub fn note_reading(&self, reading: ChainReading) -> Pending<(), ChainError> {
        self.submit(move |tx| chain::note(tx, reading))
    }

    /// Undoes every block after `to_block`, in one write with the follower's cursor: what the chain
    /// said in them is as if it had never said so, mandates that they ended are live again.
    ///
    /// # Errors
    /// When that is further back than [`LedgerConfig::undo_blocks`].
    pub fn rewind(&self, to_block: u64, cursor: Vec<u8>) -> Pending<Rewound, ChainError> {
        self.submit(move |tx| chain::rewind(tx, to_block, &cursor))
    }

    /// States everything that is requested in blocks that are not applied yet, in place of what was
    /// stated before. It limits acceptance at once, until its block is applied or it is not stated again.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub fn set_unconfirmed(&self, requests: Vec<UnconfirmedRequest>) -> Pending<()> {
        self.submit(move |tx| chain::set_unconfirmed(tx, requests))
    }

    // Batches.

    /// Makes a batch of queued mandates. Reads them on this thread.
    ///
    /// # Errors
    /// When a mandate is not queued, not of the batch's path and token, expires before the batch
    /// does, or pays something else than stated. Then nothing is changed.
    pub fn seal(&self, seal: Seal) -> Pending<BatchNumber, BatchError> {
        let hashes = seal.members.iter().map(|(hash, _)| *hash);
        match self.mandate_records(hashes) {
            Ok(read) => self.submit(move |tx| batch::seal(tx, seal, read)),
            Err(error) => Pending::refused(error.into()),
        }
    }

    /// Notes the proof of one segment of a sealed batch, opaque here: what a restart need not prove
    /// again. The same segment again replaces it.
    ///
    /// # Errors
    /// When the batch is not sealed, or of the direct path, which has no proofs.
    pub fn segment_proved(
        &self,
        batch: BatchNumber,
        segment: u32,
        proof: Vec<u8>,
    ) -> Pending<(), BatchError> {
        self.submit(move |tx| batch::segment_proved(tx, batch, segment, proof))
    }

    /// Notes a sealed batch's proof, that of all its segments, opaque here, and the batch's name on
    /// chain. What was noted of single segments is forgotten.
    ///
    /// # Errors
    /// When the batch is not sealed, or of the direct path, which has no proofs.
    pub fn proved(
        &self,
        batch: BatchNumber,
        batch_id: B256,
        proof: Vec<u8>,
    ) -> Pending<(), BatchError> {
        self.submit(move |tx| batch::proved(tx, batch, batch_id, proof))
    }

    /// Notes that a batch's transaction is about to be sent, or another in its place. To be called
    /// before sending.
    ///
    /// # Errors
    /// When the batch is not proved (direct path: sealed) or submitted before.
    pub fn submitted(&self, batch: BatchNumber, reference: Vec<u8>) -> Pending<(), BatchError> {
        self.submit(move |tx| batch::submitted(tx, batch, reference))
    }

    /// Aborts a batch that will not settle. Every member that is still in it needs a
    /// disposition.
    ///
    /// # Errors
    /// When the batch is confirmed, final or aborted, or a disposition is missing or not
    /// possible. Then nothing is changed.
    pub fn abort(
        &self,
        batch: BatchNumber,
        reason: String,
        dispositions: Vec<(MandateHash, Disposition)>,
    ) -> Pending<(), BatchError> {
        self.submit(move |tx| batch::abort(tx, batch, reason, dispositions))
    }

    /// Deals with mandates that are queued or quarantined.
    ///
    /// # Errors
    /// When one is neither, or cannot be dealt with so. Then nothing is changed.
    pub fn dispose(
        &self,
        dispositions: Vec<(MandateHash, Disposition)>,
    ) -> Pending<(), BatchError> {
        self.submit(move |tx| batch::dispose(tx, dispositions))
    }

    /// Fails mandates that are queued or quarantined and can never settle, at most `limit` of them: the
    /// time of the last block applied, and so of every later one, is past their deadlines. Frees
    /// what was reserved for them. Looks through the queue on this thread.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn expire(&self, limit: usize) -> Pending<Vec<MandateHash>> {
        match self.expired(limit) {
            Ok(candidates) => self.submit(move |tx| batch::expire(tx, candidates)),
            Err(error) => Pending::refused(error),
        }
    }

    // The sender's journal.

    /// Keeps bytes for a sender's transaction with this nonce, in place of those before.
    ///
    /// # Errors
    /// When the ledger cannot take them.
    pub fn put_transaction(&self, sender: Address, nonce: u64, bytes: Vec<u8>) -> Pending<()> {
        self.submit(move |tx| {
            limits::within("the transaction", &bytes, limits::TRANSACTION_BYTES_MAX)?;
            tx.put(Family::Transactions, schema::transaction(sender, nonce), bytes);
            Ok(())
        })
    }

    /// Forgets a sender's transactions with nonces below `nonce`.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn forget_transactions_below(&self, sender: Address, nonce: u64) -> Pending<u64> {
        self.submit(move |tx| {
            let [from, to] = [0, nonce].map(|nonce| schema::transaction(sender, nonce));
            let old = tx.scan(Family::Transactions, &from, Some(&to))?;
            let count = old.len() as u64;
            old.into_keys().for_each(|key| tx.delete(Family::Transactions, key));
            Ok(count)
        })
    }

    // Copies and the audit.

    /// Copies the ledger to a folder of copies, as it is on disk. It is used meanwhile as ever. Blocks for as long as
    /// files are copied.
    ///
    /// # Errors
    /// When files cannot be read or written. Then there is no copy.
    pub fn back_up(&self, to: &mut Backups) -> Result<Backup, BackupError> {
        self.journal.back_up(to)
    }

    /// Audits the ledger as it is on disk now. Takes a while on a large one; the ledger stays usable.
    ///
    /// # Errors
    /// When RocksDB cannot read.
    pub fn audit(&self) -> Result<Report, LedgerError> {
        audit::audit_view(&self.journal.snapshot())
    }

    pub(crate) fn memory(&self) -> &MemoryState {
        self.journal.state()
    }

    /// Hands a request to the journal.
    fn submit<T, E>(
        &self,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<JournalError> + Send + 'static,
    {
        let config = Arc::clone(&self.config);
        self.journal.submit(move |transaction| operation(&mut Tx::new(&config, transaction)))
    }
}
