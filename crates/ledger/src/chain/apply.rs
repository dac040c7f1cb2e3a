//! Applying a block: every balance, nonce, mandate and batch that it touches, and the follower's
//! cursor, in one write, with what undoes it.
//!
//! The chain has the last word. A batch that was aborted and settles all the same has settled;
//! a mandate whose nonce was spent by something else has failed, wherever it was.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use aep2_mandate::units::{AccountId, Amount, Nonce, UnixTime};
use alloy_primitives::{Address, B256, U256};

use super::{Applied, ChainBlock, ChainError, ChainFact};
use crate::{
    accept::spent_slot,
    codec::Record,
    error::LedgerError,
    life::Entry,
    limits,
    memory::{key_of, value_of},
    records::{
        AccountRecord, BatchRecord, ChangeRecord, DirectAccountRecord, FailureReason, MemberRecord,
        Movement, NonceKey, PurseRecord, SettledDebit, Status, Step, UndoRecord,
    },
    schema::{self, Family, meta},
    source::Source,
    summary,
    tx::{Accounts, Tx},
    units::{Balance, BatchNumber, MandateHash},
};

/// Applies blocks. See [`Ledger::apply_blocks`](crate::Ledger::apply_blocks).
pub(crate) fn apply_blocks(
    tx: &mut Tx<'_, '_>,
    blocks: &[ChainBlock],
) -> Result<Applied, ChainError> {
    let mut all = Applied::default();
    for block in blocks {
        let Applied { ended, confirmed, finalised } = apply_block(tx, block)?;
        all.ended.extend(ended);
        all.confirmed.extend(confirmed);
        all.finalised.extend(finalised);
        tx.next_part();
    }
    Ok(all)
}

fn apply_block(tx: &mut Tx<'_, '_>, block: &ChainBlock) -> Result<Applied, ChainError> {
    limits::within("the cursor", &block.cursor, limits::CURSOR_BYTES_MAX)?;
    let previous_tip = tx.counters().tip;
    let follows = previous_tip.is_none_or(|tip| {
        let child = block.number.checked_sub(1) != Some(tip.number) || block.parent == tip.hash;
        block.number > tip.number && child
    });
    if !follows {
        let (number, parent) = (block.number, block.parent);
        return Err(ChainError::NotNext { number, parent, tip: previous_tip });
    }

    let mut effects = Effects::of(block);
    for (index, fact) in block.facts.iter().enumerate() {
        effects.apply(tx, index, fact).map_err(|error| error.at(block.number, index))?;
    }
    effects.settle_signed(tx)?;

    let undo = UndoRecord {
        previous_tip,
        values: tx.before(&Family::CHAIN)?,
        ended: effects.ended,
        confirmed: effects.confirmed,
    };
    tx.put_record(Family::Undo, schema::block(block.number), &undo);
    let finalised = prune(tx, block.number)?;
    super::sight::forget_up_to(tx, block.number);
    tx.put_record(Family::Meta, meta::TIP.to_vec(), &block.tip());
    tx.put(Family::Meta, meta::CURSOR.to_vec(), block.cursor.clone());
    tx.counters_mut().tip = Some(block.tip());
    Ok(Applied {
        ended: undo.ended.into_iter().map(|(mandate, _)| mandate).collect(),
        confirmed: undo.confirmed.into_iter().map(|(batch, _)| batch).collect(),
        finalised,
    })
}

/// Forgets how to undo blocks that are old enough. What they confirmed is final.
fn prune(tx: &mut Tx<'_, '_>, tip: u64) -> Result<Vec<BatchNumber>, LedgerError> {
    let mut finalised = Vec::new();
    let Some(last) = tip.checked_sub(tx.config.undo_blocks) else {
        return Ok(finalised);
    };
    // From the horizon on: what lies before it was deleted, and deleted keys take time to pass over.
    let from = schema::block(tx.counters().horizon);
    let old = tx.scan(Family::Undo, &from, Some(&schema::block(last.saturating_add(1))))?;
    for (key, value) in old {
        let undo: UndoRecord = value_of(Family::Undo, &key, &value)?;
        for (number, _) in undo.confirmed {
            let batch_key = schema::batch(number);
            let mut batch: BatchRecord =
                tx.expect(Family::Batches, &batch_key, "an undo record")?;
            if let Step::Confirmed { transaction, block } = batch.step {
                batch.step = Step::Final { transaction, block };
                tx.put_record(Family::Batches, batch_key.clone(), &batch);
                tx.delete(Family::Unfinished, batch_key);
                finalised.push(number);
            }
        }
        let number: u64 = key_of(Family::Undo, &key)?;
        tx.counters_mut().horizon = number;
        tx.put(Family::Meta, meta::HORIZON.to_vec(), number.to_be_bytes().to_vec());
        tx.delete(Family::Undo, key);
    }
    Ok(finalised)
}

enum FactError {
    Contradiction(&'static str),
    Ledger(LedgerError),
}

impl From<LedgerError> for FactError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl FactError {
    fn at(self, block: u64, index: usize) -> ChainError {
        match self {
            Self::Contradiction(reason) => ChainError::Contradiction { block, index, reason },
            Self::Ledger(error) => error.into(),
        }
    }
}

/// What a block did beyond the chain's own families, so that it can be undone.
struct Effects {
    block: u64,
    time: UnixTime,
    ended: Vec<(MandateHash, Status)>,
    confirmed: Vec<(BatchNumber, Step)>,
    /// What settled in the direct path.
    signed: Vec<SignedSettlement>,
}

/// A direct mandate that settled.
struct SignedSettlement {
    /// The fact's place in the block.
    index: usize,
    mandate: MandateHash,
    amount: Amount,
    transaction: B256,
}

impl Effects {
    fn of(block: &ChainBlock) -> Self {
        let (ended, confirmed, signed) = Default::default();
        Self { block: block.number, time: block.time, ended, confirmed, signed }
    }

    fn apply(
        &mut self,
        tx: &mut Tx<'_, '_>,
        index: usize,
        fact: &ChainFact,
    ) -> Result<(), FactError> {
        match fact {
            ChainFact::AccountOpened { account, owner, processor, verifier_set, key_hash } => {
                if account_record(tx, *account).is_ok() {
                    return Err(FactError::Contradiction("the account was opened before"));
                }
                let record = AccountRecord {
                    owner: *owner,
                    processor: *processor,
                    verifier_set: *verifier_set,
                    key_hash: *key_hash,
                    pending: None,
                };
                tx.set_account(*account, record);
            }
            ChainFact::ChangeRequested {
                account,
                processor,
                verifier_set,
                key_hash,
                in_force_from,
            } => {
                let pending = Some(ChangeRecord {
                    processor: *processor,
                    verifier_set: *verifier_set,
                    key_hash: *key_hash,
                    in_force_from: *in_force_from,
                });
                let record = AccountRecord { pending, ..account_record(tx, *account)? };
                tx.set_account(*account, record);
            }
            ChainFact::ChangeCancelled { account } => {
                let record = AccountRecord { pending: None, ..account_record(tx, *account)? };
                tx.set_account(*account, record);
            }
            ChainFact::ChangeApplied { account, processor, verifier_set, key_hash } => {
                let record = AccountRecord {
                    owner: account_record(tx, *account)?.owner,
                    processor: *processor,
                    verifier_set: *verifier_set,
                    key_hash: *key_hash,
                    pending: None,
                };
                tx.set_account(*account, record);
            }
            ChainFact::DirectAccountRequested { owner, account, in_force_from } => {
                let key = schema::owner(*owner);
                let path: Option<DirectAccountRecord> = tx.record(Family::DirectAccounts, &key)?;
                let mut path = path.unwrap_or_default();
                path.pending = Some((*account, *in_force_from));
                tx.put_record(Family::DirectAccounts, key, &path);
            }
            ChainFact::DirectAccountSet { owner, account } => {
                let path = DirectAccountRecord { account: *account, pending: None };
                tx.put_record(Family::DirectAccounts, schema::owner(*owner), &path);
            }
            ChainFact::Deposited { account, token, amount } => {
                let mut purse = purse_record(tx, *account, *token)?;
                purse.balance = purse
                    .balance
                    .checked_add(*amount)
                    .ok_or(FactError::Contradiction("a balance above 104 bits"))?;
                tx.set_purse(*account, *token, purse);
            }
            ChainFact::WithdrawalRequested { account, token, amount, executable_from } => {
                let asked_at = Some(tx.counters().next_sequence);
                let PurseRecord { balance, .. } = purse_record(tx, *account, *token)?;
                let leaves_from = Some(*executable_from);
                let purse = PurseRecord { balance, leaving: *amount, leaves_from, asked_at };
                tx.set_purse(*account, *token, purse);
            }
            ChainFact::WithdrawalCancelled { account, token } => {
                let PurseRecord { balance, .. } = purse_record(tx, *account, *token)?;
                tx.set_purse(*account, *token, PurseRecord { balance, ..PurseRecord::default() });
            }
            ChainFact::WithdrawalExecuted { account, token, amount } => {
                take(tx, *account, *token, *amount)?;
                let PurseRecord { balance, .. } = purse_record(tx, *account, *token)?;
                tx.set_purse(*account, *token, PurseRecord { balance, ..PurseRecord::default() });
            }
            ChainFact::BatchSettled {
                batch_id,
                token,
                processor,
                commitment,
                count,
                debits,
                transaction,
            } => {
                for debit in debits {
                    take(tx, debit.account, *token, debit.amount)?;
                    spend_word(tx, *token, debit)?;
                }
                let mut own = BTreeSet::new();
                if *processor == tx.config.identity.processor {
                    let movement = Movement {
                        batch_id: *batch_id,
                        count: *count,
                        debits: debits.clone(),
                        direct: Vec::new(),
                    };
                    own = self.settle_batch(tx, *token, *commitment, *transaction, &movement)?;
                }
                // What is live and spent now was not settled by a batch of this ledger.
                let reason = FailureReason::SpentElsewhere { block: self.block };
                for debit in debits {
                    let is_own = |nonce: &Nonce| own.contains(&(debit.account, *nonce));
                    for nonce in nonces(debit).filter(|nonce| !is_own(nonce)) {
                        self.fail(tx, debit.account, *token, nonce, &reason)?;
                    }
                }
            }
            ChainFact::MandateSettled { mandate, account, token, captured, transaction } => {
                take(tx, *account, *token, *captured)?;
                if let Some(entry) = Entry::find(tx, *mandate)? {
                    let ceiling = entry.mandate.promise.amount().amount();
                    let amount = Amount::new(captured.get()).ok();
                    let amount = amount.filter(|amount| *amount <= ceiling).ok_or(
                        FactError::Contradiction("more was captured than the mandate allows"),
                    )?;
                    let (mandate, transaction) = (*mandate, *transaction);
                    self.signed.push(SignedSettlement { index, mandate, amount, transaction });
                }
            }
            ChainFact::GuaranteeClaimed { account, token, nonce, nonce_burnt } => {
                if *nonce_burnt {
                    burn(tx, *account, *token, *nonce)?;
                    let reason = FailureReason::GuaranteeClaimed { block: self.block };
                    self.fail(tx, *account, *token, *nonce, &reason)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the members of the batch with this commitment, if it is one of this ledger's, and gives
    /// their nonces.
    fn settle_batch(
        &mut self,
        tx: &mut Tx<'_, '_>,
        token: Address,
        commitment: B256,
        transaction: B256,
        movement: &Movement,
    ) -> Result<BTreeSet<(AccountId, Nonce)>, FactError> {
        let mut nonces = BTreeSet::new();
        let key = schema::commitment(commitment);
        let Some(number) = tx.get(Family::Commitments, &key)? else {
            return Ok(nonces);
        };
        let number: BatchNumber = key_of(Family::Commitments, &number)?;
        let batch: BatchRecord = tx.expect(Family::Batches, &schema::batch(number), "its proof")?;
        let settled = matches!(batch.step, Step::Confirmed { .. } | Step::Final { .. });
        if settled || batch.token != token {
            return Err(FactError::Contradiction("a batch settled twice, or in another token"));
        }
        for member in members(tx, number)? {
            let mut entry = Entry::expect(tx, member.mandate, "its batch")?;
            if let NonceKey::Proved { account, nonce, .. } = entry.mandate.promise.nonce() {
                nonces.insert((account, nonce));
            }
            self.end(
                tx,
                &mut entry,
                Status::Settled { batch: Some(number), amount: member.captured, block: self.block },
            )?;
        }
        self.confirm(tx, number, batch, transaction, movement);
        Ok(nonces)
    }

    fn confirm(
        &mut self,
        tx: &mut Tx<'_, '_>,
        number: BatchNumber,
        mut batch: BatchRecord,
        transaction: B256,
        movement: &Movement,
    ) {
        let key = schema::batch(number);
        let confirmed = Step::Confirmed { transaction, block: self.block };
        self.confirmed.push((number, std::mem::replace(&mut batch.step, confirmed)));
        tx.put_record(Family::Batches, key.clone(), &batch);
        tx.put_record(Family::Movements, key.clone(), movement);
        tx.put(Family::Unfinished, key, Vec::new());
    }

    /// Ends the direct mandates that settled in this block. All of a batch settles in
    /// one transaction, so a batch is confirmed when nothing of it is live any more; what settles
    /// without the rest of its batch was settled by something else.
    fn settle_signed(&mut self, tx: &mut Tx<'_, '_>) -> Result<(), ChainError> {
        let settled = std::mem::take(&mut self.signed);
        let hashes: BTreeSet<MandateHash> = settled.iter().map(|one| one.mandate).collect();
        let mut batches: BTreeMap<BatchNumber, Option<(B256, Movement)>> = BTreeMap::new();
        for SignedSettlement { index, mandate, amount, transaction } in settled {
            let mut entry = Entry::expect(tx, mandate, "what settled")?;
            let mut by = None;
            if let Status::InBatch { batch } = entry.state.status {
                let known = match batches.entry(batch) {
                    btree_map::Entry::Occupied(known) => known.into_mut(),
                    btree_map::Entry::Vacant(new) => {
                        let whole = nothing_else_is_live(tx, batch, &hashes)?;
                        let movement = Movement {
                            batch_id: B256::ZERO,
                            count: 0,
                            debits: Vec::new(),
                            direct: Vec::new(),
                        };
                        new.insert(whole.then_some((transaction, movement)))
                    }
                };
                if let Some((_, movement)) = known {
                    movement.count += 1;
                    movement.direct.push((entry.hash, amount.into()));
                    by = Some(batch);
                }
            }
            let status = Status::Settled { batch: by, amount, block: self.block };
            self.end(tx, &mut entry, status).map_err(|error| error.at(self.block, index))?;
        }
        for (number, whole) in batches {
            if let Some((transaction, movement)) = whole {
                let key = schema::batch(number);
                let batch: BatchRecord = tx.expect(Family::Batches, &key, "its members")?;
                self.confirm(tx, number, batch, transaction, &movement);
            }
        }
        Ok(())
    }

    /// Ends the live mandate, as failed, that has this nonce, if there is one.
    fn fail(
        &mut self,
        tx: &mut Tx<'_, '_>,
        account: AccountId,
        token: Address,
        nonce: Nonce,
        reason: &FailureReason,
    ) -> Result<(), FactError> {
        let key = schema::nonce(&NonceKey::Proved { account, token, nonce });
        let Some(hash) = tx.get(Family::Nonces, &key)? else {
            return Ok(());
        };
        let hash: MandateHash = key_of(Family::Nonces, &hash)?;
        let mut entry = Entry::expect(tx, hash, "its nonce")?;
        if entry.state.status.is_live() {
            self.end(tx, &mut entry, Status::Failed { reason: reason.clone() })?;
        }
        Ok(())
    }

    fn end(
        &mut self,
        tx: &mut Tx<'_, '_>,
        entry: &mut Entry,
        status: Status,
    ) -> Result<(), FactError> {
        if matches!(entry.state.status, Status::Settled { .. }) {
            return Err(FactError::Contradiction("a mandate settled twice"));
        }
        self.ended.push((entry.hash, entry.state.status.clone()));
        let is_settled = matches!(status, Status::Settled { .. });
        entry.move_to(tx, status)?;
        if is_settled {
            summary::settled(tx, entry.mandate.promise.path(), entry.hash, self.time)?;
        }
        Ok(())
    }
}

fn account_record(tx: &Tx<'_, '_>, account: AccountId) -> Result<AccountRecord, FactError> {
    let record = tx.account(account).and_then(|account| account.record.clone());
    record.ok_or(FactError::Contradiction("the account was never opened"))
}

fn purse_record(
    tx: &Tx<'_, '_>,
    account: AccountId,
    token: Address,
) -> Result<PurseRecord, FactError> {
    account_record(tx, account)?;
    Ok(tx.purse(account, token).record)
}

/// Takes money out of a purse.
fn take(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    token: Address,
    amount: Balance,
) -> Result<(), FactError> {
    let mut purse = purse_record(tx, account, token)?;
    purse.balance = purse
        .balance
        .checked_sub(amount)
        .ok_or(FactError::Contradiction("more was taken than the balance"))?;
    tx.set_purse(account, token, purse);
    Ok(())
}

/// Marks a nonce as spent that a claim burnt. It may be burnt already: whoever signs two receipts for
/// one nonce pays both.
fn burn(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    token: Address,
    nonce: Nonce,
) -> Result<(), LedgerError> {
    let index = nonce.get() >> 8;
    let bits = spent_slot(tx, account, token, index)? | U256::ONE << (nonce.get() & 255);
    tx.put(
        Family::Spent,
        schema::spent_slot(account, token, index),
        bits.to_be_bytes::<32>().to_vec(),
    );
    Ok(())
}

/// Marks the nonces of a debit as spent.
fn spend_word(tx: &mut Tx<'_, '_>, token: Address, debit: &SettledDebit) -> Result<(), FactError> {
    if debit.word >> 57 != 0 {
        return Err(FactError::Contradiction("a nonce word above 57 bits"));
    }
    let index = debit.word >> 1;
    let bits = U256::from(debit.mask) << ((debit.word & 1) << 7);
    let before = spent_slot(tx, debit.account, token, index)?;
    if before & bits != U256::ZERO {
        return Err(FactError::Contradiction("a nonce was spent twice"));
    }
    let key = schema::spent_slot(debit.account, token, index);
    tx.put(Family::Spent, key, (before | bits).to_be_bytes::<32>().to_vec());
    Ok(())
}

/// The nonces that a debit spends.
fn nonces(debit: &SettledDebit) -> impl Iterator<Item = Nonce> {
    let (word, mask) = (debit.word, debit.mask);
    (0..128u64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| Nonce::new(word << 7 | bit))
}

/// Whether all live members of a batch are among these.
fn nothing_else_is_live(
    tx: &Tx<'_, '_>,
    batch: BatchNumber,
    among: &BTreeSet<MandateHash>,
) -> Result<bool, LedgerError> {
    for member in members(tx, batch)? {
        if !among.contains(&member.mandate)
            && Entry::expect(tx, member.mandate, "its batch")?.state.status.is_live()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The members of a batch, in order.
pub(crate) fn members(
    tx: &Tx<'_, '_>,
    batch: BatchNumber,
) -> Result<Vec<MemberRecord>, LedgerError> {
    let prefix = schema::batch(batch);
    let entries = tx.scan(Family::Members, &prefix, schema::after(&prefix).as_deref())?;
    entries
        .iter()
        .map(|(key, value)| {
            MemberRecord::from_bytes(value)
                .map_err(|defect| LedgerError::damaged(Family::Members, key, defect))
        })
        .collect()
}

/// The chain's time: that of the last block applied.
pub(crate) fn chain_time(tx: &Tx<'_, '_>) -> Option<UnixTime> {
    tx.counters().tip.map(|tip| tip.time)
}
