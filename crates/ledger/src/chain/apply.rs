//! Applying a block: every balance, nonce, mandate and batch that it touches, and the follower's
//! cursor, in one write, with what undoes it.
//!
//! The chain has the last word. A batch that was aborted and settles all the same has settled;
//! a mandate whose nonce was spent by something else has failed, wherever it was.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use aep2_mandate::units::{AccountId, Amount, Nonce, UnixTime};
use alloy_primitives::{Address, B256};

use super::{
    accounts::{self, FactError},
    facts::{ChainBlock, ChainFact},
    outcome::{Applied, ChainError},
};
use crate::{
    codec::Record,
    error::LedgerError,
    life::Entry,
    limits,
    memory::{key_of, value_of},
    records::{
        BatchRecord, FailureReason, MemberRecord, Movement, NonceKey, Status, Step, UndoRecord,
    },
    schema::{self, Family, meta},
    source::Source,
    summary,
    tx::Tx,
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
    effects.settle_direct(tx)?;

    let undo = UndoRecord {
        previous_tip,
        values: tx.before(&Family::CHAIN)?,
        ended: effects.ended,
        confirmed: effects.confirmed,
    };
    tx.put_record(Family::Undo, schema::block(block.number), &undo);
    let finalised = prune(tx, block.number)?;
    super::unconfirmed::forget_up_to(tx, block.number);
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

/// What a block did beyond the chain's own families, so that it can be undone.
struct Effects {
    block: u64,
    time: UnixTime,
    ended: Vec<(MandateHash, Status)>,
    confirmed: Vec<(BatchNumber, Step)>,
    /// What settled in the direct path.
    direct: Vec<DirectSettlement>,
}

/// A direct mandate that settled.
struct DirectSettlement {
    /// The fact's place in the block.
    index: usize,
    mandate: MandateHash,
    amount: Amount,
    transaction: B256,
}

impl Effects {
    fn of(block: &ChainBlock) -> Self {
        let (ended, confirmed, direct) = Default::default();
        Self { block: block.number, time: block.time, ended, confirmed, direct }
    }

    fn apply(
        &mut self,
        tx: &mut Tx<'_, '_>,
        index: usize,
        fact: &ChainFact,
    ) -> Result<(), FactError> {
        match fact {
            ChainFact::BatchSettled { batch_id, token, processor, count, debits, transaction } => {
                let movement = Movement {
                    batch_id: *batch_id,
                    count: *count,
                    debits: debits.clone(),
                    direct: Vec::new(),
                };
                let is_own = *processor == tx.config.identity.processor;
                self.settle_proved(tx, *token, is_own, *transaction, &movement)
            }
            ChainFact::MandateSettled { mandate, account, token, captured, transaction } => {
                accounts::take(tx, *account, *token, *captured)?;
                self.note_direct(tx, index, *mandate, *captured, *transaction)
            }
            ChainFact::GuaranteeClaimed { account, token, nonce, nonce_burnt: true } => {
                accounts::burn(tx, *account, *token, *nonce)?;
                let reason = FailureReason::GuaranteeClaimed { block: self.block };
                self.fail(tx, *account, *token, *nonce, &reason)
            }
            other => accounts::apply(tx, other),
        }
    }

    /// A batch settled in the proved path, by this processor or another.
    fn settle_proved(
        &mut self,
        tx: &mut Tx<'_, '_>,
        token: Address,
        is_own: bool,
        transaction: B256,
        movement: &Movement,
    ) -> Result<(), FactError> {
        for debit in &movement.debits {
            accounts::take(tx, debit.account, token, debit.amount)?;
            accounts::spend_word(tx, token, debit)?;
        }
        let own = if is_own {
            self.settle_batch(tx, token, transaction, movement)?
        } else {
            BTreeSet::new()
        };
        // What is live and spent now was not settled by a batch of this ledger.
        let reason = FailureReason::SpentElsewhere { block: self.block };
        for debit in &movement.debits {
            let is_own = |nonce: &Nonce| own.contains(&(debit.account, *nonce));
            for nonce in accounts::nonces(debit).filter(|nonce| !is_own(nonce)) {
                self.fail(tx, debit.account, token, nonce, &reason)?;
            }
        }
        Ok(())
    }

    /// A direct mandate settled. What that ends is found out when the block's facts are all known.
    fn note_direct(
        &mut self,
        tx: &Tx<'_, '_>,
        index: usize,
        mandate: MandateHash,
        captured: Balance,
        transaction: B256,
    ) -> Result<(), FactError> {
        let Some(entry) = Entry::find(tx, mandate)? else {
            return Ok(());
        };
        let ceiling = entry.mandate.promise.amount().amount();
        let amount = Amount::new(captured.get()).ok().filter(|amount| *amount <= ceiling);
        let amount =
            amount.ok_or(FactError::Contradiction("more was captured than the mandate allows"))?;
        self.direct.push(DirectSettlement { index, mandate, amount, transaction });
        Ok(())
    }

    /// Ends the members of the batch of this name, if it is one of this ledger's, and gives their
    /// nonces.
    fn settle_batch(
        &mut self,
        tx: &mut Tx<'_, '_>,
        token: Address,
        transaction: B256,
        movement: &Movement,
    ) -> Result<BTreeSet<(AccountId, Nonce)>, FactError> {
        let mut nonces = BTreeSet::new();
        let key = schema::batch_id(movement.batch_id);
        let Some(number) = tx.get(Family::BatchIds, &key)? else {
            return Ok(nonces);
        };
        let number: BatchNumber = key_of(Family::BatchIds, &number)?;
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
    fn settle_direct(&mut self, tx: &mut Tx<'_, '_>) -> Result<(), ChainError> {
        let settled = std::mem::take(&mut self.direct);
        let hashes: BTreeSet<MandateHash> = settled.iter().map(|one| one.mandate).collect();
        let mut batches: BTreeMap<BatchNumber, Option<(B256, Movement)>> = BTreeMap::new();
        for DirectSettlement { index, mandate, amount, transaction } in settled {
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
