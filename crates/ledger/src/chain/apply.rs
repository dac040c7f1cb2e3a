//! Applying a block: every balance, nonce, mandate and batch that it touches, and the follower's
//! cursor, in one write, with what undoes it.
//!
//! The chain has the last word. A batch that was aborted and settles all the same has settled;
//! a mandate whose nonce was spent by something else has failed, wherever it was.
//!
//! What contradicts what is known of an account stops nothing: that account is to be read anew, nothing
//! is promised on it until then, and everything else goes on.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use aep2_mandate::units::{AccountId, Amount, Nonce, UnixTime};
use alloy_primitives::{Address, B256};

use super::{
    accounts::{self, FactError},
    direct,
    facts::{ChainBlock, ChainFact},
    known,
    outcome::{Applied, ChainError},
    refunds,
};
use crate::{
    codec::Record,
    error::LedgerError,
    life::Entry,
    limits,
    memory::{account_of_key, key_of, value_of},
    records::{
        AccountRecord, BatchRecord, FailureReason, MemberRecord, Movement, NonceKey, RefundName,
        SettledDebit, Standing, Status, Step, UndoRecord,
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
        let Applied { ended, confirmed, finalised, contradicted, refunded } =
            apply_block(tx, block)?;
        all.ended.extend(ended);
        all.confirmed.extend(confirmed);
        all.finalised.extend(finalised);
        all.contradicted.extend(contradicted);
        all.refunded.extend(refunded);
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
    for fact in &block.facts {
        effects.apply(tx, fact)?;
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
        contradicted: effects.contradicted,
        refunded: effects.refunded,
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
    contradicted: Vec<(AccountId, String)>,
    refunded: Vec<RefundName>,
}

/// A direct mandate that settled.
struct DirectSettlement {
    mandate: MandateHash,
    amount: Amount,
    transaction: B256,
}

impl Effects {
    fn of(block: &ChainBlock) -> Self {
        let (ended, confirmed, direct, contradicted, refunded) = Default::default();
        let (block, time) = (block.number, block.time);
        Self { block, time, ended, confirmed, direct, contradicted, refunded }
    }

    /// Applies a fact. One that contradicts what is known of an account changes nothing but that.
    fn apply(&mut self, tx: &mut Tx<'_, '_>, fact: &ChainFact) -> Result<(), LedgerError> {
        let applied = match fact {
            ChainFact::BatchSettled { processor, .. }
                if *processor != tx.config.identity.processor =>
            {
                Ok(())
            }
            ChainFact::BatchSettled { batch_id, token, count, debits, transaction, .. } => {
                let settled = Settled { batch_id: *batch_id, token: *token, count: *count };
                return self.settle_proved(tx, settled, debits.as_deref(), *transaction);
            }
            ChainFact::MandateSettled { mandate, account, token, captured, transaction } => {
                self.direct_settled(tx, *mandate, (*account, *token, *captured), *transaction)
            }
            ChainFact::NonceBurnt { account, token, nonce } => {
                self.claimed(tx, *account, *token, *nonce)
            }
            ChainFact::DepositAuthorized { .. } => {
                self.refunded.extend(refunds::apply(tx, fact, self.block)?);
                return Ok(());
            }
            other => accounts::apply(tx, other),
        };
        self.or_contradiction(tx, applied)
    }

    /// Has an account read anew that is contradicted.
    fn or_contradiction(
        &mut self,
        tx: &mut Tx<'_, '_>,
        applied: Result<(), FactError>,
    ) -> Result<(), LedgerError> {
        match applied {
            Ok(()) => Ok(()),
            Err(FactError::Ledger(error)) => Err(error),
            Err(FactError::Contradiction(account, reason)) => self.contradict(tx, account, reason),
        }
    }

    /// Nothing that is known of a followed account counts any more.
    fn contradict(
        &mut self,
        tx: &mut Tx<'_, '_>,
        account: AccountId,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let Some(record) = known::followed(tx, account) else { return Ok(()) };
        direct::forget(tx, record.owner)?;
        let standing = Standing::Contradicted { block: self.block, reason: reason.to_owned() };
        tx.set_account(account, AccountRecord { standing, whole: false, ..record });
        self.contradicted.push((account, reason.to_owned()));
        Ok(())
    }

    /// A batch of this processor's settled in the proved path.
    fn settle_proved(
        &mut self,
        tx: &mut Tx<'_, '_>,
        settled: Settled,
        debits: Option<&[SettledDebit]>,
        transaction: B256,
    ) -> Result<(), LedgerError> {
        let number = number_of(tx, settled.batch_id)?;
        // The name is a hash of all that the batch takes: what was sealed under it is what it took.
        let debits = match (debits, number) {
            (Some(debits), _) => debits.to_vec(),
            (None, Some(number)) => sealed_debits(tx, number)?,
            (None, None) => return self.contradict_all(tx),
        };
        for debit in &debits {
            let taken = accounts::take(tx, debit.account, settled.token, debit.amount)
                .and_then(|()| accounts::spend_word(tx, settled.token, debit));
            self.or_contradiction(tx, taken)?;
        }
        let (count, direct) = (settled.count, Vec::new());
        let movement = Movement { batch_id: settled.batch_id, count, debits, direct };
        let own = match number {
            Some(number) => self.settle_batch(tx, number, settled.token, transaction, &movement)?,
            None => BTreeSet::new(),
        };
        // What is live and spent now was not settled by a batch of this ledger.
        let reason = FailureReason::SpentElsewhere { block: self.block };
        for debit in &movement.debits {
            let is_own = |nonce: &Nonce| own.contains(&(debit.account, *nonce));
            for nonce in accounts::nonces(debit).filter(|nonce| !is_own(nonce)) {
                self.fail(tx, debit.account, settled.token, nonce, &reason)?;
            }
        }
        Ok(())
    }

    /// A batch of this processor's that this ledger does not know took what nothing tells.
    fn contradict_all(&mut self, tx: &mut Tx<'_, '_>) -> Result<(), LedgerError> {
        for key in tx.scan(Family::Accounts, &[], None)?.into_keys() {
            let account = account_of_key(Family::Accounts, &key)?;
            let reason =
                "a batch that is not this ledger's took what its transaction does not tell";
            self.contradict(tx, account, reason)?;
        }
        Ok(())
    }

    /// A direct mandate settled, by this ledger's transaction or another.
    fn direct_settled(
        &mut self,
        tx: &mut Tx<'_, '_>,
        mandate: MandateHash,
        (account, token, captured): (AccountId, Address, Balance),
        transaction: B256,
    ) -> Result<(), FactError> {
        let entry = Entry::find(tx, mandate)?;
        if let (None, Some(record)) = (&entry, known::followed(tx, account)) {
            // A nonce is spent that nobody here knows.
            direct::forget(tx, record.owner)?;
        }
        accounts::take(tx, account, token, captured)?;
        // What that ends is found out when the block's facts are all known.
        let Some(entry) = entry else { return Ok(()) };
        let ceiling = entry.mandate.promise.amount().amount();
        let amount = Amount::new(captured.get()).ok().filter(|amount| *amount <= ceiling);
        let reason = "more was captured than the mandate allows";
        let amount = amount.ok_or(FactError::Contradiction(account, reason))?;
        self.direct.push(DirectSettlement { mandate, amount, transaction });
        Ok(())
    }

    /// A payee was paid from the bond, and with that the nonce was spent.
    fn claimed(
        &mut self,
        tx: &mut Tx<'_, '_>,
        account: AccountId,
        token: Address,
        nonce: Nonce,
    ) -> Result<(), FactError> {
        let record = known::record(tx, account);
        if record.is_none_or(|record| record.standing == Standing::Left) {
            return Ok(());
        }
        accounts::burn(tx, account, token, nonce)?;
        let reason = FailureReason::GuaranteeClaimed { block: self.block };
        Ok(self.fail(tx, account, token, nonce, &reason)?)
    }

    /// Ends a batch's members, and gives their nonces.
    fn settle_batch(
        &mut self,
        tx: &mut Tx<'_, '_>,
        number: BatchNumber,
        token: Address,
        transaction: B256,
        movement: &Movement,
    ) -> Result<BTreeSet<(AccountId, Nonce)>, LedgerError> {
        let mut nonces = BTreeSet::new();
        let batch: BatchRecord = tx.expect(Family::Batches, &schema::batch(number), "its proof")?;
        let settled = matches!(batch.step, Step::Confirmed { .. } | Step::Final { .. });
        if settled || batch.token != token {
            for debit in &movement.debits {
                let reason = "a batch settled twice, or in another token";
                self.contradict(tx, debit.account, reason)?;
            }
            return Ok(nonces);
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
    fn settle_direct(&mut self, tx: &mut Tx<'_, '_>) -> Result<(), LedgerError> {
        let settled = std::mem::take(&mut self.direct);
        let hashes: BTreeSet<MandateHash> = settled.iter().map(|one| one.mandate).collect();
        let mut batches: BTreeMap<BatchNumber, Option<(B256, Movement)>> = BTreeMap::new();
        for DirectSettlement { mandate, amount, transaction } in settled {
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
            self.end(tx, &mut entry, status)?;
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
    ) -> Result<(), LedgerError> {
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

    /// Ends a mandate. One that is settled stays as it is: the wallet settles none twice.
    fn end(
        &mut self,
        tx: &mut Tx<'_, '_>,
        entry: &mut Entry,
        status: Status,
    ) -> Result<(), LedgerError> {
        if matches!(entry.state.status, Status::Settled { .. }) {
            let account = entry.mandate.promise.account();
            return self.contradict(tx, account, "a mandate settled twice");
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

/// A batch as its event has it.
#[derive(Clone, Copy)]
struct Settled {
    batch_id: B256,
    token: Address,
    count: u32,
}

/// The batch of this ledger's that has this name on chain, if one has.
fn number_of(tx: &Tx<'_, '_>, batch_id: B256) -> Result<Option<BatchNumber>, LedgerError> {
    let number = tx.get(Family::BatchIds, &schema::batch_id(batch_id))?;
    number.map(|number| key_of(Family::BatchIds, &number)).transpose()
}

/// What a batch takes, as it was sealed.
fn sealed_debits(tx: &Tx<'_, '_>, batch: BatchNumber) -> Result<Vec<SettledDebit>, LedgerError> {
    let mut words: BTreeMap<(AccountId, u64), (u128, u128)> = BTreeMap::new();
    for member in members(tx, batch)? {
        let promise = Entry::expect(tx, member.mandate, "its batch")?.mandate.promise;
        if let NonceKey::Proved { account, nonce, .. } = promise.nonce() {
            let (mask, amount) = words.entry((account, nonce.word())).or_default();
            *mask |= 1 << nonce.bit();
            *amount += member.captured.get();
        }
    }
    let debit = |((account, word), (mask, amount))| {
        let amount = Balance::new(amount).unwrap_or(Balance::MAX);
        SettledDebit { account, word, mask, amount }
    };
    Ok(words.into_iter().map(debit).collect())
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
