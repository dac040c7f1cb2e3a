//! One request's changes, before they are written.
//!
//! The writer carries requests out one after another, each on top of what those before it in the
//! same group changed. What a request changes is kept apart until it has succeeded: one that is
//! refused leaves no trace.

use std::{collections::BTreeMap, sync::Arc};

use aep2_mandate::units::AccountId;
use alloy_primitives::Address;

use crate::{
    codec::{Defect, Record},
    config::LedgerConfig,
    error::LedgerError,
    memory::{Account, Counters, MemoryState, News, Purse},
    queues::QueueKey,
    records::{AccountRecord, Before, PurseRecord, QueueRecord, Tip},
    schema::{self, Family},
    store::{Source, Store},
    units::{Balance, Sequence},
};

type Values = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Changes to the ledger, on disk and in memory.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    values: BTreeMap<Family, Values>,
    news: News,
    counters: Option<Counters>,
}

impl Changes {
    /// Puts later changes on top.
    fn add(&mut self, later: Self) {
        for (family, values) in later.values {
            self.values.entry(family).or_default().extend(values);
        }
        self.news.accounts.extend(later.news.accounts);
        self.news.purses.extend(later.news.purses);
        for (queue, change) in later.news.queues {
            self.news.queues.entry(queue).or_default().add(change);
        }
        if later.counters.is_some() {
            self.counters = later.counters;
        }
    }

    fn value(&self, family: Family, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.values.get(&family)?.get(key)
    }

    fn of(&self, family: Family) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
        self.values.get(&family).into_iter().flatten()
    }

    /// Whether there is anything to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.values().all(BTreeMap::is_empty)
    }

    /// The values to write.
    pub(crate) fn writes(&self) -> impl Iterator<Item = (Family, &[u8], Option<&[u8]>)> {
        self.values.iter().flat_map(|(family, values)| {
            values.iter().map(|(key, value)| (*family, key.as_slice(), value.as_deref()))
        })
    }

    /// What to publish once they are written, as commit number `commits`.
    pub(crate) fn published(self, memory: &MemoryState, commits: u64) -> (News, Counters) {
        let counters = self.counters.unwrap_or_else(|| memory.counters());
        (self.news, Counters { commits, ..counters })
    }
}

/// A request at work.
pub(crate) struct Tx<'a> {
    pub(crate) config: &'a LedgerConfig,
    store: &'a Store,
    memory: &'a MemoryState,
    group: &'a mut Changes,
    /// What earlier parts of the request changed.
    earlier: Changes,
    own: Changes,
}

impl<'a> Tx<'a> {
    /// A request on top of a group's changes.
    pub(crate) fn new(
        config: &'a LedgerConfig,
        store: &'a Store,
        memory: &'a MemoryState,
        group: &'a mut Changes,
    ) -> Self {
        let (earlier, own) = (Changes::default(), Changes::default());
        Self { config, store, memory, group, earlier, own }
    }

    /// Ends one part of the request, and begins the next: [`before`](Self::before) is about the
    /// present part.
    pub(crate) fn next_part(&mut self) {
        self.earlier.add(std::mem::take(&mut self.own));
    }

    /// Makes the changes part of the group's.
    pub(crate) fn keep(self) {
        self.group.add(self.earlier);
        self.group.add(self.own);
    }

    /// The layers of changes, the latest first.
    fn layers(&self) -> [&Changes; 3] {
        [&self.own, &self.earlier, self.group]
    }

    /// Sets a value.
    pub(crate) fn put(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.own.values.entry(family).or_default().insert(key, Some(value));
    }

    /// Sets a record.
    pub(crate) fn put_record(&mut self, family: Family, key: Vec<u8>, record: &impl Record) {
        self.put(family, key, record.to_bytes());
    }

    /// Removes a value.
    pub(crate) fn delete(&mut self, family: Family, key: Vec<u8>) {
        self.own.values.entry(family).or_default().insert(key, None);
    }

    /// The entries with keys from `from` to below `to`, in order.
    pub(crate) fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, LedgerError> {
        let within = |key: &[u8]| key >= from && to.is_none_or(|to| key < to);
        let mut entries = BTreeMap::new();
        for entry in self.store.view().entries(family, from) {
            let (key, value) = entry?;
            if !within(&key) {
                break;
            }
            entries.insert(key.into_vec(), value.into_vec());
        }
        for layer in self.layers().into_iter().rev() {
            for (key, value) in layer.of(family) {
                match value {
                    Some(value) if within(key) => entries.insert(key.clone(), value.clone()),
                    _ => entries.remove(key),
                };
            }
        }
        Ok(entries)
    }

    /// Where the ledger stands.
    pub(crate) fn counters(&self) -> Counters {
        let staged = self.layers().into_iter().find_map(|layer| layer.counters.clone());
        staged.unwrap_or_else(|| self.memory.counters())
    }

    /// Where the ledger stands, to be changed.
    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        let now = match self.own.counters.take() {
            Some(counters) => counters,
            None => self.counters(),
        };
        self.own.counters.insert(now)
    }

    /// The account in memory, to be changed. One of which nothing is known is empty.
    pub(crate) fn account_mut(&mut self, account: AccountId) -> &mut Account {
        if !self.own.news.accounts.contains_key(&account) {
            let before = self.account(account).unwrap_or_default();
            self.own.news.accounts.insert(account, before);
        }
        Arc::make_mut(self.own.news.accounts.entry(account).or_default())
    }

    /// The purse in memory, to be changed. One of which nothing is known is empty.
    pub(crate) fn purse_mut(&mut self, account: AccountId, token: Address) -> &mut Purse {
        let key = (account, token);
        if !self.own.news.purses.contains_key(&key) {
            let before = self.purse(account, token);
            self.own.news.purses.insert(key, before);
        }
        self.own.news.purses.entry(key).or_default()
    }

    /// Puts a mandate into the queue.
    pub(crate) fn enqueue(&mut self, queue: QueueKey, sequence: Sequence, record: &QueueRecord) {
        self.put_record(Family::Queue, schema::queue(queue.0, queue.1, sequence), record);
        self.own.news.queues.entry(queue).or_default().came(sequence);
    }

    /// Takes one out of the queue.
    pub(crate) fn dequeue(&mut self, queue: QueueKey, sequence: Sequence) {
        self.delete(Family::Queue, schema::queue(queue.0, queue.1, sequence));
        self.own.news.queues.entry(queue).or_default().went();
    }

    /// Sets what the chain has of an account.
    pub(crate) fn set_account(&mut self, account: AccountId, record: AccountRecord) {
        self.put_record(Family::Accounts, schema::account(account), &record);
        self.account_mut(account).record = Some(record);
    }

    /// Sets what the chain has of a purse.
    pub(crate) fn set_purse(&mut self, account: AccountId, token: Address, record: PurseRecord) {
        self.put_record(Family::Purses, schema::purse(account, token), &record);
        self.purse_mut(account, token).record = record;
    }

    /// Adds to what is reserved, after taking from it.
    pub(crate) fn reserve(
        &mut self,
        account: AccountId,
        token: Address,
        less: Balance,
        more: Balance,
    ) -> Result<(), LedgerError> {
        let reserved = &mut self.purse_mut(account, token).reserved;
        let sum = reserved.checked_sub(less).and_then(|rest| rest.checked_add(more));
        *reserved = sum.ok_or_else(|| {
            let defect = Defect::Contradiction("more is released than was reserved");
            LedgerError::damaged(Family::Purses, &schema::purse(account, token), defect)
        })?;
        Ok(())
    }

    /// The value of every key that this part of the request changed in these families, before it
    /// did.
    pub(crate) fn before(&self, families: &[Family]) -> Result<Vec<Before>, LedgerError> {
        let mut values = Vec::new();
        for family in families {
            for (key, _) in self.own.of(*family) {
                let [_, earlier @ ..] = self.layers();
                let staged = earlier.into_iter().find_map(|layer| layer.value(*family, key));
                let before = match staged {
                    Some(value) => value.clone(),
                    None => self.store.view().get(*family, key)?,
                };
                values.push(((*family, key.clone()), before));
            }
        }
        Ok(values)
    }
}

impl Source for Tx<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        match self.layers().into_iter().find_map(|layer| layer.value(family, key)) {
            Some(value) => Ok(value.clone()),
            None => self.store.view().get(family, key),
        }
    }
}

/// What acceptance needs of the memory, staged or published.
pub(crate) trait Accounts: Source {
    /// The account.
    fn account(&self, account: AccountId) -> Option<Arc<Account>>;
    /// The purse, with what is reserved from it.
    fn purse(&self, account: AccountId, token: Address) -> Purse;
    /// The last block applied.
    fn tip(&self) -> Option<Tip>;
}

impl Accounts for Tx<'_> {
    fn account(&self, account: AccountId) -> Option<Arc<Account>> {
        match self.layers().into_iter().find_map(|layer| layer.news.accounts.get(&account)) {
            Some(account) => Some(Arc::clone(account)),
            None => self.memory.account(account),
        }
    }

    fn purse(&self, account: AccountId, token: Address) -> Purse {
        let key = (account, token);
        match self.layers().into_iter().find_map(|layer| layer.news.purses.get(&key)) {
            Some(purse) => purse.clone(),
            None => self.memory.purse(account, token),
        }
    }

    fn tip(&self) -> Option<Tip> {
        let staged = self.layers().into_iter().find_map(|layer| layer.counters.as_ref());
        staged.map_or_else(|| self.memory.counters().tip, |counters| counters.tip)
    }
}

/// What is published: for checks ahead of a request.
pub(crate) struct Published<'a> {
    pub(crate) store: &'a Store,
    pub(crate) memory: &'a MemoryState,
}

impl Source for Published<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        self.store.view().get(family, key)
    }
}

impl Accounts for Published<'_> {
    fn account(&self, account: AccountId) -> Option<Arc<Account>> {
        self.memory.account(account)
    }

    fn purse(&self, account: AccountId, token: Address) -> Purse {
        self.memory.purse(account, token)
    }

    fn tip(&self) -> Option<Tip> {
        self.memory.counters().tip
    }
}
