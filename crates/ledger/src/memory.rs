//! The part of the ledger that is kept in memory: accounts with what is reserved on them, in shards,
//! and where the ledger stands.
//!
//! It always shows what is on disk, no more: the journal publishes a change here after the sync.
//! Reservations are not stored anywhere, they are
//! the sum of what the live mandates pay, and are made anew at start.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use aep2_journal::{Delta, State, View};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::Address;

use crate::{
    codec::{Defect, Record},
    error::LedgerError,
    queues::{QueueChange, QueueKey, Queues},
    records::{
        AccountRecord, Gates, MandateRecord, MemberRecord, PurseRecord, QueueRecord, StateRecord,
        Status, Tip, UnconfirmedKind, UnconfirmedRequest,
    },
    schema::{self, Family, meta},
    source::{Source, account_of, dispute_floor, horizon},
    units::{Balance, BatchNumber, MandateHash, Sequence},
};

/// Locks are held for a look-up or an insertion; with this many, two rarely meet.
const SHARDS: usize = 64;

/// An account, as acceptance sees it. Its purses are apart: anybody can give it as many as they
/// like, by depositing tokens of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// What the chain has; none for an account whose opening was undone.
    pub(crate) record: Option<AccountRecord>,
    /// The earliest change requested in a block not applied yet.
    pub(crate) unconfirmed_change: Option<UnixTime>,
}

/// A purse with what is promised from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    pub(crate) record: PurseRecord,
    /// What the live mandates pay together.
    pub(crate) reserved: Balance,
    /// The largest withdrawal requested in a block not applied yet.
    pub(crate) unconfirmed_withdrawal: Balance,
}

/// A purse's account and token.
pub(crate) type PurseKey = (AccountId, Address);

/// An account's purses, by token.
pub(crate) type Purses = Vec<(Address, Purse)>;

impl Purse {
    /// Limits it by a withdrawal requested in a block not applied yet.
    pub(crate) fn limit_by(&mut self, withdrawal: Balance) {
        self.unconfirmed_withdrawal = self.unconfirmed_withdrawal.max(withdrawal);
    }

    /// What is left for new promises.
    pub(crate) fn free(&self) -> Balance {
        let withdrawing = self.record.withdrawing().max(self.unconfirmed_withdrawal);
        self.record.balance.saturating_sub(withdrawing).saturating_sub(self.reserved)
    }
}

impl Account {
    /// Limits it by a change requested in a block not applied yet.
    pub(crate) fn limit_by(&mut self, in_force_from: UnixTime) {
        self.unconfirmed_change = self.unconfirmed_change.into_iter().chain([in_force_from]).min();
    }

    /// The earliest time at which the account's terms may change.
    pub(crate) fn changes_from(&self) -> Option<UnixTime> {
        let pending = self.record.as_ref().and_then(|record| record.pending.as_ref());
        let pending = pending.map(|change| change.in_force_from);
        pending.into_iter().chain(self.unconfirmed_change).min()
    }
}

/// Where the ledger stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    /// The place of the next mandate in the order of acceptance.
    pub(crate) next_sequence: Sequence,
    /// The number of the next batch.
    pub(crate) next_batch: BatchNumber,
    /// The number of the next dispute.
    pub(crate) next_dispute: u64,
    /// The last block applied.
    pub(crate) tip: Option<Tip>,
    /// The last block that cannot be undone.
    pub(crate) horizon: u64,
    /// What is requested in blocks not applied yet.
    pub(crate) unconfirmed: Arc<Vec<UnconfirmedRequest>>,
}

/// Some of the accounts.
#[derive(Debug, Default)]
struct Shard {
    accounts: HashMap<AccountId, Arc<Account>>,
    purses: BTreeMap<PurseKey, Purse>,
}

impl Shard {
    fn purses(&self, account: AccountId) -> impl Iterator<Item = (Address, &Purse)> {
        let (first, last) = (Address::ZERO, Address::repeat_byte(u8::MAX));
        let purses = self.purses.range((account, first)..=(account, last));
        purses.map(|((_, token), purse)| (*token, purse))
    }
}

/// What a commit changes in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryDelta {
    pub(crate) accounts: HashMap<AccountId, Arc<Account>>,
    pub(crate) purses: HashMap<PurseKey, Purse>,
    pub(crate) queues: BTreeMap<QueueKey, QueueChange>,
    /// What came among the held, and what went.
    pub(crate) held: BTreeMap<(UnixTime, Sequence), Option<MandateHash>>,
    pub(crate) counters: Option<Counters>,
    /// All that is closed, if that changed.
    pub(crate) gates: Option<Arc<Gates>>,
}

impl Delta for MemoryDelta {
    fn add(&mut self, later: Self) {
        self.accounts.extend(later.accounts);
        self.purses.extend(later.purses);
        for (queue, change) in later.queues {
            self.queues.entry(queue).or_default().add(change);
        }
        self.held.extend(later.held);
        if later.counters.is_some() {
            self.counters = later.counters;
        }
        if later.gates.is_some() {
            self.gates = later.gates;
        }
    }
}

/// What is kept in memory, as it is on disk.
#[derive(Debug)]
pub(crate) struct MemoryState {
    hasher: RandomState,
    shards: Vec<RwLock<Shard>>,
    counters: RwLock<Counters>,
    pub(crate) queues: Queues,
    /// What is held, in the order in which the holds end.
    held: RwLock<BTreeMap<(UnixTime, Sequence), MandateHash>>,
    gates: RwLock<Arc<Gates>>,
}

impl MemoryState {
    fn shard_of(&self, account: AccountId) -> &RwLock<Shard> {
        let hash = self.hasher.hash_one(account) as usize;
        &self.shards[hash % SHARDS]
    }

    fn shard(&self, account: AccountId) -> RwLockReadGuard<'_, Shard> {
        self.shard_of(account).read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account, unless nothing is known of it.
    pub(crate) fn account(&self, account: AccountId) -> Option<Arc<Account>> {
        self.shard(account).accounts.get(&account).cloned()
    }

    /// A purse; an empty one if nothing is known of it.
    pub(crate) fn purse(&self, account: AccountId, token: Address) -> Purse {
        self.shard(account).purses.get(&(account, token)).cloned().unwrap_or_default()
    }

    /// The account with all its purses.
    pub(crate) fn account_with_purses(&self, account: AccountId) -> Option<(Arc<Account>, Purses)> {
        let shard = self.shard(account);
        let known = shard.accounts.get(&account)?;
        let purses = shard.purses(account).map(|(token, purse)| (token, purse.clone()));
        Some((Arc::clone(known), purses.collect()))
    }

    /// The accounts of which something is known.
    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let known = shard.accounts.iter().filter(|(_, account)| account.record.is_some());
            all.extend(known.map(|(id, _)| *id));
        }
        all
    }

    /// How many accounts name this processor, or did once.
    pub(crate) fn accounts_count(&self) -> usize {
        let read = |shard: &RwLock<Shard>| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.accounts.values().filter(|account| account.record.is_some()).count()
        };
        self.shards.iter().map(read).sum()
    }

    /// Looks at every purse, in no order, one shard after another.
    pub(crate) fn for_each_purse(&self, mut look: impl FnMut(&PurseKey, &Purse)) {
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.purses.iter().for_each(|(key, purse)| look(key, purse));
        }
    }

    /// Where the ledger stands.
    pub(crate) fn counters(&self) -> Counters {
        self.counters.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is closed.
    pub(crate) fn gates(&self) -> Arc<Gates> {
        Arc::clone(&self.gates.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many mandates are held.
    pub(crate) fn held_count(&self) -> usize {
        self.held.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Those whose holds have all ended at `now`, the longest over first, at most `limit`.
    pub(crate) fn no_longer_held(&self, now: UnixTime, limit: usize) -> Vec<MandateHash> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let over = held.iter().take_while(|((until, _), _)| *until <= now);
        over.map(|(_, mandate)| *mandate).take(limit).collect()
    }

    /// Makes it from what is on disk.
    pub(crate) fn load(view: &View<'_>) -> Result<Self, LedgerError> {
        let mut loading = Loading::default();
        loading.chain(view)?;
        loading.gates(view)?;
        loading.live_mandates(view)?;
        let unconfirmed = loading.unconfirmed(view)?;
        let next = |family| -> Result<Option<u64>, LedgerError> {
            let Some(key) = view.last_key(family)? else { return Ok(None) };
            Ok(Some(key_of::<u64>(family, &key)?.saturating_add(1)))
        };
        let counters = Counters {
            next_sequence: Sequence::new(next(Family::Acceptances)?.unwrap_or(0)),
            next_batch: BatchNumber::new(next(Family::Batches)?.unwrap_or(1)),
            next_dispute: next(Family::DisputeNumbers)?.unwrap_or(1).max(dispute_floor(view)?),
            tip: view.record(Family::Meta, meta::TIP)?,
            horizon: horizon(view)?,
            unconfirmed: Arc::new(unconfirmed),
        };
        let memory = Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            counters: RwLock::new(counters),
            queues: Queues::default(),
            held: RwLock::default(),
            gates: RwLock::default(),
        };
        let Loading { accounts, purses, queues, held, gates } = loading;
        let accounts = accounts.into_iter().map(|(id, account)| (id, Arc::new(account))).collect();
        let gates = Some(Arc::new(gates));
        memory.publish(MemoryDelta { accounts, purses, queues, held, counters: None, gates });
        Ok(memory)
    }
}

/// What is read at start.
#[derive(Default)]
struct Loading {
    accounts: HashMap<AccountId, Account>,
    purses: HashMap<PurseKey, Purse>,
    queues: BTreeMap<QueueKey, QueueChange>,
    held: BTreeMap<(UnixTime, Sequence), Option<MandateHash>>,
    gates: Gates,
}

impl Loading {
    /// Accounts and purses, as the chain has them.
    fn chain(&mut self, view: &View<'_>) -> Result<(), LedgerError> {
        for entry in view.entries(Family::Accounts, &[]) {
            let (key, value) = entry?;
            let id: AccountId = key_of(Family::Accounts, &key)?;
            self.accounts.entry(id).or_default().record =
                Some(value_of(Family::Accounts, &key, &value)?);
        }
        for entry in view.entries(Family::Purses, &[]) {
            let (key, value) = entry?;
            let purse = self.purses.entry(key_of(Family::Purses, &key)?).or_default();
            purse.record = value_of(Family::Purses, &key, &value)?;
        }
        Ok(())
    }

    /// What is closed.
    fn gates(&mut self, view: &View<'_>) -> Result<(), LedgerError> {
        for entry in view.entries(Family::Gate, &[]) {
            let (key, value) = entry?;
            let gate = key_of(Family::Gate, &key)?;
            self.gates.insert(gate, value_of(Family::Gate, &key, &value)?);
        }
        Ok(())
    }

    /// What is reserved for the live mandates: those in the queue, held, in quarantine, in unfinished
    /// batches.
    fn live_mandates(&mut self, view: &View<'_>) -> Result<(), LedgerError> {
        for entry in view.entries(Family::Queue, &[]) {
            let (key, value) = entry?;
            let (queue, sequence): (QueueKey, Sequence) = key_of(Family::Queue, &key)?;
            self.queues.entry(queue).or_default().came(sequence);
            let queued: QueueRecord = value_of(Family::Queue, &key, &value)?;
            self.reserve(view, queued.mandate)?;
        }
        for entry in view.entries(Family::Held, &[]) {
            let (key, value) = entry?;
            let hash: MandateHash = key_of(Family::Held, &value)?;
            self.held.insert(key_of(Family::Held, &key)?, Some(hash));
            self.reserve(view, hash)?;
        }
        for entry in view.entries(Family::Quarantined, &[]) {
            self.reserve(view, key_of(Family::Quarantined, &entry?.1)?)?;
        }
        for entry in view.entries(Family::Unfinished, &[]) {
            let (key, _) = entry?;
            let batch: BatchNumber = key_of(Family::Unfinished, &key)?;
            for entry in view.entries_of(Family::Members, schema::batch(batch)) {
                let (key, value) = entry?;
                let member: MemberRecord = value_of(Family::Members, &key, &value)?;
                let state: StateRecord =
                    view.expect(Family::States, &schema::mandate(member.mandate), "a batch")?;
                if state.status == (Status::InBatch { batch }) {
                    self.reserve(view, member.mandate)?;
                }
            }
        }
        Ok(())
    }

    /// Adds what a live mandate pays to what is reserved.
    fn reserve(&mut self, view: &View<'_>, hash: MandateHash) -> Result<(), LedgerError> {
        let key = schema::mandate(hash);
        let mandate: MandateRecord = view.expect(Family::Mandates, &key, "an index")?;
        let state: StateRecord = view.expect(Family::States, &key, "its mandate")?;
        let promise = &mandate.promise;
        let purse = self.purses.entry((promise.account(), promise.token())).or_default();
        let due = Balance::from(state.due(promise.amount()));
        purse.reserved = purse.reserved.checked_add(due).ok_or_else(|| {
            let defect = Defect::Contradiction("reservations overflow");
            LedgerError::damaged(Family::States, &key, defect)
        })?;
        Ok(())
    }

    /// The limits of what is requested in blocks not applied yet.
    fn unconfirmed(&mut self, view: &View<'_>) -> Result<Vec<UnconfirmedRequest>, LedgerError> {
        let mut unconfirmed = Vec::new();
        for entry in view.entries(Family::Unconfirmed, &[]) {
            let (key, value) = entry?;
            let request: UnconfirmedRequest = value_of(Family::Unconfirmed, &key, &value)?;
            match request.kind {
                UnconfirmedKind::Withdrawal { token, amount } => {
                    self.purses.entry((request.account, token)).or_default().limit_by(amount);
                }
                UnconfirmedKind::Change { in_force_from } => {
                    self.accounts.entry(request.account).or_default().limit_by(in_force_from);
                }
            }
            unconfirmed.push(request);
        }
        Ok(unconfirmed)
    }
}

impl State for MemoryState {
    type Delta = MemoryDelta;

    /// What is not known any more is forgotten.
    fn publish(&self, delta: MemoryDelta) {
        let MemoryDelta { accounts, purses, queues, held, counters, gates } = delta;
        let write = |id| self.shard_of(id).write().unwrap_or_else(PoisonError::into_inner);
        for (id, account) in accounts {
            let mut shard = write(id);
            if *account == Account::default() {
                shard.accounts.remove(&id);
            } else {
                shard.accounts.insert(id, account);
            }
        }
        for (key, purse) in purses {
            let mut shard = write(key.0);
            if purse == Purse::default() {
                shard.purses.remove(&key);
            } else {
                shard.purses.insert(key, purse);
            }
        }
        if let Some(counters) = counters {
            *self.counters.write().unwrap_or_else(PoisonError::into_inner) = counters;
        }
        if !held.is_empty() {
            let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
            for (place, mandate) in held {
                match mandate {
                    Some(mandate) => drop(all.insert(place, mandate)),
                    None => drop(all.remove(&place)),
                }
            }
        }
        if let Some(gates) = gates {
            *self.gates.write().unwrap_or_else(PoisonError::into_inner) = gates;
        }
        self.queues.publish(queues);
    }
}

/// A key, read.
pub(crate) fn key_of<T: crate::codec::Field>(family: Family, key: &[u8]) -> Result<T, LedgerError> {
    schema::read_key(key).map_err(|defect| LedgerError::damaged(family, key, defect))
}

/// A value, read.
pub(crate) fn value_of<R: Record>(
    family: Family,
    key: &[u8],
    value: &[u8],
) -> Result<R, LedgerError> {
    R::from_bytes(value).map_err(|defect| LedgerError::damaged(family, key, defect))
}

/// The account of a key of accounts or purses.
pub(crate) fn account_of_key(family: Family, key: &[u8]) -> Result<AccountId, LedgerError> {
    account_of(key).ok_or_else(|| LedgerError::damaged(family, key, Defect::Range("account id")))
}
