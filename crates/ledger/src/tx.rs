//! One request's changes, before they are written: the journal's transaction in the ledger's
//! terms, records and memory together.

use std::{collections::BTreeMap, sync::Arc};

use aep2_journal::{Journal, Transaction};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::Address;

use crate::{
    codec::{Defect, Record},
    config::LedgerConfig,
    error::LedgerError,
    memory::{Account, Counters, MemoryState, Purse},
    queues::QueueKey,
    records::{AccountRecord, Before, Gates, PurseRecord, QueueRecord, Tip},
    schema::{self, Family},
    source::Source,
    units::{Balance, MandateHash, Sequence},
};

/// A request at work.
pub(crate) struct Tx<'a, 'b> {
    pub(crate) config: &'a LedgerConfig,
    journal: &'a mut Transaction<'b, MemoryState>,
}

impl<'a, 'b> Tx<'a, 'b> {
    pub(crate) fn new(
        config: &'a LedgerConfig,
        journal: &'a mut Transaction<'b, MemoryState>,
    ) -> Self {
        Self { config, journal }
    }

    /// Ends one part of the request, and begins the next: [`before`](Self::before) is about the
    /// present part.
    pub(crate) fn next_part(&mut self) {
        self.journal.next_part();
    }

    /// Sets a value.
    pub(crate) fn put(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.journal.put(family, key, value);
    }

    /// Sets a record.
    pub(crate) fn put_record(&mut self, family: Family, key: Vec<u8>, record: &impl Record) {
        self.put(family, key, record.to_bytes());
    }

    /// Removes a value.
    pub(crate) fn delete(&mut self, family: Family, key: Vec<u8>) {
        self.journal.delete(family, key);
    }

    /// The entries with keys from `from` to below `to`, in order.
    pub(crate) fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, LedgerError> {
        Ok(self.journal.scan(family, from, to)?)
    }

    /// Where the ledger stands.
    pub(crate) fn counters(&self) -> Counters {
        let staged = self.journal.deltas().into_iter().find_map(|delta| delta.counters.clone());
        staged.unwrap_or_else(|| self.journal.state().counters())
    }

    /// Where the ledger stands, to be changed.
    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        let now = match self.journal.delta_mut().counters.take() {
            Some(counters) => counters,
            None => self.counters(),
        };
        self.journal.delta_mut().counters.insert(now)
    }

    /// The account in memory, to be changed. One of which nothing is known is empty.
    pub(crate) fn account_mut(&mut self, account: AccountId) -> &mut Account {
        if !self.journal.delta_mut().accounts.contains_key(&account) {
            let before = self.account(account).unwrap_or_default();
            self.journal.delta_mut().accounts.insert(account, before);
        }
        Arc::make_mut(self.journal.delta_mut().accounts.entry(account).or_default())
    }

    /// The purse in memory, to be changed. One of which nothing is known is empty.
    pub(crate) fn purse_mut(&mut self, account: AccountId, token: Address) -> &mut Purse {
        let key = (account, token);
        if !self.journal.delta_mut().purses.contains_key(&key) {
            let before = self.purse(account, token);
            self.journal.delta_mut().purses.insert(key, before);
        }
        self.journal.delta_mut().purses.entry(key).or_default()
    }

    /// Puts a mandate into the queue.
    pub(crate) fn enqueue(&mut self, queue: QueueKey, sequence: Sequence, record: &QueueRecord) {
        self.put_record(Family::Queue, schema::queue(queue.0, queue.1, sequence), record);
        self.journal.delta_mut().queues.entry(queue).or_default().came(sequence);
    }

    /// Takes one out of the queue.
    pub(crate) fn dequeue(&mut self, queue: QueueKey, sequence: Sequence) {
        self.delete(Family::Queue, schema::queue(queue.0, queue.1, sequence));
        self.journal.delta_mut().queues.entry(queue).or_default().went();
    }

    /// Puts a mandate among the held.
    pub(crate) fn put_held(&mut self, until: UnixTime, sequence: Sequence, mandate: MandateHash) {
        self.put(Family::Held, schema::held(until, sequence), mandate.bytes().to_vec());
        self.journal.delta_mut().held.insert((until, sequence), Some(mandate));
    }

    /// Takes one from among the held.
    pub(crate) fn delete_held(&mut self, until: UnixTime, sequence: Sequence) {
        self.delete(Family::Held, schema::held(until, sequence));
        self.journal.delta_mut().held.insert((until, sequence), None);
    }

    /// What is closed, to be changed.
    pub(crate) fn gates_mut(&mut self) -> &mut Gates {
        let now = self.journal.delta_mut().gates.take().unwrap_or_else(|| self.gates());
        Arc::make_mut(self.journal.delta_mut().gates.insert(now))
    }

    /// Sets what the chain has of an account.
    pub(crate) fn set_account(&mut self, account: AccountId, record: AccountRecord) {
        let key = schema::account(account);
        let before = self.account(account);
        let before = before.as_ref().and_then(|before| before.record.as_ref());
        let was_to_be_read = before.is_some_and(|before| before.standing.is_to_be_read());
        match (was_to_be_read, record.standing.is_to_be_read()) {
            (false, true) => self.put(Family::Unread, key.clone(), Vec::new()),
            (true, false) => self.delete(Family::Unread, key.clone()),
            _ => {}
        }
        self.put_record(Family::Accounts, key, &record);
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
            let before = self.journal.before(*family)?.into_iter();
            values.extend(before.map(|(key, value)| ((*family, key), value)));
        }
        Ok(values)
    }
}

impl Source for Tx<'_, '_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.journal.get(family, key)?)
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
    /// What is closed.
    fn gates(&self) -> Arc<Gates>;
}

impl Accounts for Tx<'_, '_> {
    fn account(&self, account: AccountId) -> Option<Arc<Account>> {
        match self.journal.deltas().into_iter().find_map(|delta| delta.accounts.get(&account)) {
            Some(account) => Some(Arc::clone(account)),
            None => self.journal.state().account(account),
        }
    }

    fn purse(&self, account: AccountId, token: Address) -> Purse {
        let key = (account, token);
        match self.journal.deltas().into_iter().find_map(|delta| delta.purses.get(&key)) {
            Some(purse) => purse.clone(),
            None => self.journal.state().purse(account, token),
        }
    }

    fn tip(&self) -> Option<Tip> {
        let staged = self.journal.deltas().into_iter().find_map(|delta| delta.counters.as_ref());
        staged.map_or_else(|| self.journal.state().counters().tip, |counters| counters.tip)
    }

    fn gates(&self) -> Arc<Gates> {
        let staged = self.journal.deltas().into_iter().find_map(|delta| delta.gates.as_ref());
        staged.map_or_else(|| self.journal.state().gates(), Arc::clone)
    }
}

/// What is published: for checks ahead of a request.
impl Source for Journal<MemoryState> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.view().get(family, key)?)
    }
}

impl Accounts for Journal<MemoryState> {
    fn account(&self, account: AccountId) -> Option<Arc<Account>> {
        self.state().account(account)
    }

    fn purse(&self, account: AccountId, token: Address) -> Purse {
        self.state().purse(account, token)
    }

    fn tip(&self) -> Option<Tip> {
        self.state().counters().tip
    }

    fn gates(&self) -> Arc<Gates> {
        self.state().gates()
    }
}
