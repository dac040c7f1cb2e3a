//! The model: lists, gone through from the beginning each time.

use std::collections::{BTreeMap, BTreeSet};

use aep2_ledger::{
    BatchNumber, ChainFact, FailureReason, HoldKind, Status, Step, records::SettledDebit,
};
use aep2_mandate::units::{Nonce, UnixTime};
use alloy_primitives::B256;

use super::operations::Fact;
use crate::support::{
    PROCESSOR, TOKEN, Terms, account, amount, at, balance, config, deposited, key_hash, withdrawal,
};

/// An answer, as far as both sides must agree on it.
pub(super) type Answer = Result<String, String>;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Chain {
    pub(super) number: u64,
    pub(super) seconds: i64,
    pub(super) balance: BTreeMap<u32, u128>,
    pub(super) withdrawing: BTreeMap<u32, u128>,
    /// How many mandates there were when the withdrawal was requested.
    pub(super) requested_at: BTreeMap<u32, usize>,
    pub(super) change: BTreeMap<u32, i64>,
    pub(super) spent: BTreeSet<(u32, u64)>,
    /// Those of them that a claim spent: they can be claimed on again.
    pub(super) burnt: BTreeSet<(u32, u64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Mandate {
    pub(super) terms: Terms,
    pub(super) status: Status,
    pub(super) captured: Option<u128>,
    pub(super) was_sealed: bool,
    /// When each hold ends, by kind.
    pub(super) holds: BTreeMap<HoldKind, UnixTime>,
}

impl Mandate {
    pub(super) fn due(&self) -> u128 {
        self.captured.unwrap_or(self.terms.amount)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) members: Vec<(usize, u128)>,
    pub(super) valid_until: UnixTime,
    pub(super) committed: bool,
    pub(super) step: Step,
}

/// What a block changed, to go back.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) chain: Chain,
    pub(super) ended: Vec<(usize, Status)>,
    pub(super) confirmed: Vec<(usize, Step)>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) chain: Chain,
    pub(super) mandates: Vec<Mandate>,
    pub(super) batches: Vec<Batch>,
    pub(super) past: Vec<Past>,
    pub(super) horizon: u64,
    /// Block, account, money, change.
    pub(super) unconfirmed: Vec<(u64, u32, Option<u128>, Option<i64>)>,
}

impl Model {
    pub(super) fn reserved(&self, account: u32) -> u128 {
        let of = |mandate: &&Mandate| mandate.terms.account == account;
        let live = self.mandates.iter().filter(of).filter(|mandate| mandate.status.is_live());
        live.map(Mandate::due).sum()
    }

    pub(super) fn balance(&self, account: u32) -> u128 {
        self.chain.balance.get(&account).copied().unwrap_or(0)
    }

    pub(super) fn withdrawing(&self, account: u32) -> u128 {
        self.chain.withdrawing.get(&account).copied().unwrap_or(0)
    }

    pub(super) fn unconfirmed_withdrawal(&self, account: u32) -> u128 {
        let of = self.unconfirmed.iter().filter(|request| request.1 == account);
        of.filter_map(|request| request.2).max().unwrap_or(0)
    }

    pub(super) fn free(&self, account: u32) -> u128 {
        let withdrawing = self.withdrawing(account).max(self.unconfirmed_withdrawal(account));
        self.balance(account).saturating_sub(withdrawing).saturating_sub(self.reserved(account))
    }

    pub(super) fn accept(&mut self, terms: Terms) -> Answer {
        let same = |mandate: &Mandate| mandate.terms.hash() == terms.hash();
        if let Some(place) = self.mandates.iter().position(same) {
            return Ok(format!("again {place}"));
        }
        let account = terms.account;
        if account > 2 {
            return Err("unknown account".into());
        }
        if self.chain.spent.contains(&(account, terms.nonce)) {
            return Err("spent".into());
        }
        let nonce = |mandate: &Mandate| {
            (mandate.terms.account, mandate.terms.nonce) == (account, terms.nonce)
        };
        if self.mandates.iter().any(nonce) {
            return Err("conflict".into());
        }
        let settle_by = terms.settle_by;
        if terms.deadline < settle_by {
            return Err("deadline".into());
        }
        let latest = later(settle_by, -120);
        if terms.not_before.is_some_and(|not_before| not_before > latest) {
            return Err("not before".into());
        }
        let seen = self.unconfirmed.iter().filter(|seen| seen.1 == account);
        let changes =
            seen.filter_map(|seen| seen.3).chain(self.chain.change.get(&account).copied());
        if changes.min().is_some_and(|change| settle_by >= at(change - 120)) {
            return Err("change".into());
        }
        if terms.amount > self.free(account) {
            return Err("funds".into());
        }
        let (captured, was_sealed) = (None, false);
        let now = at(self.chain.seconds);
        let holds = terms.not_before.filter(|until| *until > now);
        let holds = holds.map(|until| (HoldKind::NotBefore, until)).into_iter().collect();
        self.mandates.push(Mandate { terms, status: Status::Queued, captured, was_sealed, holds });
        Ok(format!("accepted {}", self.mandates.len() - 1))
    }

    pub(super) fn capture(&mut self, mandate: usize, amount: u128) -> Answer {
        let mandate = &mut self.mandates[mandate];
        if let Some(captured) = mandate.captured {
            return if captured == amount { Ok("again".into()) } else { Err("conflict".into()) };
        }
        if amount > mandate.terms.amount {
            return Err("ceiling".into());
        }
        if mandate.was_sealed || !mandate.status.is_live() {
            return Err("too late".into());
        }
        mandate.captured = Some(amount);
        Ok("captured".into())
    }

    /// The mandates in a batch that are still its own.
    pub(super) fn held(&self, batch: usize) -> Vec<usize> {
        let number = BatchNumber::new(batch as u64 + 1);
        let members = self.batches[batch].members.iter().map(|(mandate, _)| *mandate);
        let own =
            |mandate: &usize| self.mandates[*mandate].status == Status::InBatch { batch: number };
        members.filter(own).collect()
    }

    pub(super) fn queued(&self) -> Vec<usize> {
        let queued = |mandate: &usize| {
            let mandate = &self.mandates[*mandate];
            mandate.status == Status::Queued && mandate.holds.is_empty()
        };
        (0..self.mandates.len()).filter(queued).collect()
    }

    /// How many wait among the held.
    pub(super) fn held_back(&self) -> usize {
        let held =
            |mandate: &&Mandate| mandate.status == Status::Queued && !mandate.holds.is_empty();
        self.mandates.iter().filter(held).count()
    }

    pub(super) fn hold(&mut self, mandate: usize, kind: HoldKind, until: UnixTime) -> Answer {
        let now = at(self.chain.seconds);
        let mandate = &mut self.mandates[mandate];
        if mandate.status != Status::Queued {
            return Err("not queued".into());
        }
        let last = u32::from_str_radix(&mandate.terms.hash().to_string()[58..], 16);
        let spread = i64::from(last.expect("hexadecimal")) % 121;
        let until = until.min(later(mandate.terms.settle_by, -120 - spread));
        if until <= now {
            return Err("too late".into());
        }
        mandate.holds.insert(kind, until);
        Ok(format!("held until {until}"))
    }

    pub(super) fn release(&mut self, mandate: usize, kind: HoldKind) -> Answer {
        let mandate = &mut self.mandates[mandate];
        if mandate.status != Status::Queued {
            return Err("not queued".into());
        }
        mandate.holds.remove(&kind).map_or(Err("not held".into()), |_| Ok("released".into()))
    }

    /// Those whose holds are all over, the longest over first.
    pub(super) fn release_over(&mut self, limit: usize) -> Vec<usize> {
        let now = at(self.chain.seconds);
        let over = self.mandates.iter().enumerate().filter_map(|(place, mandate)| {
            let until = mandate.holds.values().max().filter(|until| **until <= now)?;
            (mandate.status == Status::Queued).then_some((*until, place))
        });
        let mut over: Vec<_> = over.collect();
        over.sort_unstable();
        let over: Vec<usize> = over.into_iter().map(|(_, place)| place).take(limit).collect();
        over.iter().for_each(|place| self.mandates[*place].holds.clear());
        over
    }

    pub(super) fn dispose(&self, mandate: usize, how: u8) -> Result<Status, String> {
        Ok(match how {
            0 => Status::Queued,
            1 => Status::Quarantined { reason: "quarantined".into() },
            2 => Status::Failed { reason: FailureReason::GivenUp { reason: "given up".into() } },
            _ if self.mandates[mandate].terms.deadline < at(self.chain.seconds) => {
                Status::Failed { reason: FailureReason::Expired }
            }
            _ => return Err("not expired".into()),
        })
    }

    /// Has mandates live again if the last block is undone.
    pub(super) fn end_with_tip(&mut self, expired: Vec<(usize, Status)>) {
        if let Some(past) = self.past.last_mut() {
            past.ended.extend(expired);
        }
    }

    /// Moves mandates as was said of them.
    pub(super) fn move_to(&mut self, moves: Vec<(usize, Status)>) {
        let mut expired = Vec::new();
        for (place, status) in moves {
            let before = std::mem::replace(&mut self.mandates[place].status, status.clone());
            if status == (Status::Failed { reason: FailureReason::Expired }) {
                expired.push((place, before));
            }
        }
        self.end_with_tip(expired);
    }

    /// The facts that the wallet would let happen, as the ledger's types, carried out.
    pub(super) fn block(&mut self, seconds: u64, facts: &[Fact]) -> Vec<ChainFact> {
        let before = self.chain.clone();
        let (mut ended, mut confirmed, mut told) = (Vec::new(), Vec::new(), Vec::new());
        self.chain.number += 1;
        self.chain.seconds += seconds as i64;
        for fact in facts {
            self.fact(fact, &mut ended, &mut confirmed, &mut told);
        }
        self.past.push(Past { chain: before, ended, confirmed });
        self.unconfirmed.retain(|seen| seen.0 > self.chain.number);
        // What is old is final.
        let undo = config().undo_blocks as usize;
        while self.past.len() > undo {
            let old = self.past.remove(0);
            self.horizon = old.chain.number + 1;
            for (batch, _) in old.confirmed {
                if let Step::Confirmed { transaction, block } = self.batches[batch].step {
                    self.batches[batch].step = Step::Final { transaction, block };
                }
            }
        }
        told
    }

    pub(super) fn fact(
        &mut self,
        fact: &Fact,
        ended: &mut Vec<(usize, Status)>,
        confirmed: &mut Vec<(usize, Step)>,
        told: &mut Vec<ChainFact>,
    ) {
        let count = self.mandates.len();
        match *fact {
            Fact::Deposit { account, amount } => {
                *self.chain.balance.entry(account).or_default() += amount;
                told.push(deposited(account, amount));
            }
            Fact::Withdraw { account, amount } => {
                self.chain.withdrawing.insert(account, amount);
                self.chain.requested_at.insert(account, count);
                told.push(withdrawal(account, amount));
            }
            Fact::Cancel { account: number } if self.chain.withdrawing.contains_key(&number) => {
                self.chain.withdrawing.remove(&number);
                self.chain.requested_at.remove(&number);
                let account = account(number);
                told.push(ChainFact::WithdrawalCancelled { account, token: TOKEN });
            }
            Fact::Execute { account: number } => {
                if let Some(withdrawing) = self.chain.withdrawing.remove(&number) {
                    self.chain.requested_at.remove(&number);
                    let leaves = withdrawing.min(self.balance(number));
                    *self.chain.balance.entry(number).or_default() -= leaves;
                    told.push(ChainFact::WithdrawalExecuted {
                        account: account(number),
                        token: TOKEN,
                        amount: balance(leaves),
                    });
                }
            }
            Fact::Change { account: number, seconds } => {
                let in_force_from = self.chain.seconds + seconds;
                self.chain.change.insert(number, in_force_from);
                told.push(ChainFact::ChangeRequested {
                    account: account(number),
                    processor: PROCESSOR,
                    verifier_set: B256::repeat_byte(5),
                    key_hash: key_hash(),
                    in_force_from: at(in_force_from),
                });
            }
            Fact::Unchange { account: number } if self.chain.change.contains_key(&number) => {
                self.chain.change.remove(&number);
                told.push(ChainFact::ChangeCancelled { account: account(number) });
            }
            Fact::Settle { batch } if !self.batches.is_empty() => {
                let batch = batch % self.batches.len();
                self.settle(batch, ended, confirmed, told);
            }
            Fact::Claim { mandate } if count > 0 => self.claim(mandate % count, ended, told),
            Fact::Elsewhere { mandate, amount } if count > 0 => {
                self.spend_elsewhere(mandate % count, amount, ended, told);
            }
            _ => {}
        }
    }

    /// A receipt of this mandate is presented to the bond.
    fn claim(
        &mut self,
        mandate: usize,
        ended: &mut Vec<(usize, Status)>,
        told: &mut Vec<ChainFact>,
    ) {
        let block = self.chain.number;
        let terms = self.mandates[mandate].terms;
        let nonce = (terms.account, terms.nonce);
        if !self.chain.spent.contains(&nonce) || self.chain.burnt.contains(&nonce) {
            self.chain.spent.insert(nonce);
            self.chain.burnt.insert(nonce);
            told.push(ChainFact::NonceBurnt {
                account: account(terms.account),
                token: TOKEN,
                nonce: Nonce::new(terms.nonce),
            });
            self.fail(mandate, FailureReason::GuaranteeClaimed { block }, ended);
        }
    }

    /// A batch that is not this ledger's spends the mandate's nonce.
    fn spend_elsewhere(
        &mut self,
        mandate: usize,
        amount: u128,
        ended: &mut Vec<(usize, Status)>,
        told: &mut Vec<ChainFact>,
    ) {
        let block = self.chain.number;
        let terms = self.mandates[mandate].terms;
        let amount = amount.min(self.balance(terms.account));
        if self.chain.spent.insert((terms.account, terms.nonce)) {
            *self.chain.balance.entry(terms.account).or_default() -= amount;
            let debits = vec![terms.debit(amount)];
            told.push(crate::batches::settled(B256::repeat_byte(0xff), debits));
            self.fail(mandate, FailureReason::SpentElsewhere { block }, ended);
        }
    }

    pub(super) fn fail(
        &mut self,
        mandate: usize,
        reason: FailureReason,
        ended: &mut Vec<(usize, Status)>,
    ) {
        let status = &mut self.mandates[mandate].status;
        if status.is_live() {
            ended.push((mandate, status.clone()));
            *status = Status::Failed { reason };
        }
    }

    pub(super) fn settle(
        &mut self,
        batch: usize,
        ended: &mut Vec<(usize, Status)>,
        confirmed: &mut Vec<(usize, Step)>,
        told: &mut Vec<ChainFact>,
    ) {
        let record = self.batches[batch].clone();
        let mut debits: BTreeMap<(u32, u64), (u128, u128)> = BTreeMap::new();
        let mut paid: BTreeMap<u32, u128> = BTreeMap::new();
        let mut unspent = true;
        for (mandate, captured) in &record.members {
            let terms = self.mandates[*mandate].terms;
            unspent &= !self.chain.spent.contains(&(terms.account, terms.nonce));
            let debit = debits.entry((terms.account, terms.nonce >> 7)).or_default();
            debit.0 |= 1 << (terms.nonce & 127);
            debit.1 += captured;
            *paid.entry(terms.account).or_default() += captured;
        }
        let funded = paid.iter().all(|(account, paid)| self.balance(*account) >= *paid);
        let in_time = at(self.chain.seconds) <= record.valid_until;
        let proved = record.committed || matches!(record.step, Step::Aborted { .. });
        if !(unspent && funded && in_time && proved && record.committed) {
            return;
        }
        for (account, paid) in paid {
            *self.chain.balance.entry(account).or_default() -= paid;
        }
        let number = Some(BatchNumber::new(batch as u64 + 1));
        let block = self.chain.number;
        for (mandate, captured) in &record.members {
            let terms = self.mandates[*mandate].terms;
            self.chain.spent.insert((terms.account, terms.nonce));
            let status = Status::Settled { batch: number, amount: amount(*captured), block };
            let before = std::mem::replace(&mut self.mandates[*mandate].status, status);
            ended.push((*mandate, before));
        }
        let debits = debits.into_iter().map(|((number, word), (mask, paid))| SettledDebit {
            account: account(number),
            word,
            mask,
            amount: balance(paid),
        });
        told.push(crate::batches::settled(batch_id(batch), debits.collect()));
        let step = Step::Confirmed { transaction: B256::repeat_byte(0x70), block };
        confirmed.push((batch, std::mem::replace(&mut self.batches[batch].step, step)));
    }

    pub(super) fn rewind(&mut self, to: u64) -> Answer {
        if to < self.horizon {
            return Err("too deep".into());
        }
        let mut undone = 0;
        while self.chain.number > to {
            let Some(past) = self.past.pop() else { break };
            self.chain = past.chain;
            for (batch, step) in past.confirmed {
                self.batches[batch].step = step;
            }
            for (mandate, status) in past.ended.into_iter().rev() {
                self.mandates[mandate].status = match status {
                    Status::InBatch { batch }
                        if !self.batches[batch.get() as usize - 1].step.is_open() =>
                    {
                        Status::Queued
                    }
                    status => status,
                };
            }
            undone += 1;
        }
        Ok(format!("{undone} undone"))
    }

    /// What the auditor should find: too much was promised only where the chain took money back
    /// that had been promised.
    pub(super) fn shortfalls(&self) -> Vec<(u32, bool)> {
        let mut shortfalls = Vec::new();
        for account in 1..3 {
            let reserved = self.reserved(account);
            let of =
                |mandate: &Mandate| mandate.terms.account == account && mandate.status.is_live();
            let latest = self.mandates.iter().rposition(of);
            let requested_at = self.chain.requested_at.get(&account);
            let remaining = self.balance(account).saturating_sub(self.withdrawing(account));
            if reserved > self.balance(account) {
                shortfalls.push((account, true));
            } else if requested_at.is_some_and(|requested_at| latest >= Some(*requested_at))
                && reserved > remaining
            {
                shortfalls.push((account, false));
            }
        }
        shortfalls
    }
}

/// A time so many seconds later.
pub(super) fn later(time: UnixTime, seconds: i64) -> UnixTime {
    UnixTime::new(time.get().saturating_add_signed(seconds)).expect("a time")
}

pub(super) fn batch_id(batch: usize) -> B256 {
    B256::left_padding_from(&(batch as u64 + 1).to_be_bytes())
}
