//! Reading the ledger: what is on disk, without waiting for the writer.

use std::collections::{BTreeMap, HashMap};

use aep2_journal::{JournalMetrics, View};
use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy_primitives::{Address, B256};

use crate::{
    ending::{Ending, endings},
    error::LedgerError,
    ledger::Ledger,
    memory::{Purse, key_of, value_of},
    queues::QueueKey,
    records::{
        AccountRecord, BatchRecord, CaptureRecord, DirectAccountRecord, DirectSummary, GateReason,
        GateRecord, GateScope, IssuedReceipt, MandateRecord, MemberRecord, Movement, PurseRecord,
        QueueRecord, SettlementPath, StateRecord, Status, Tip, UnconfirmedRequest,
    },
    schema::{self, Family, meta},
    source::Source,
    summary,
    units::{Balance, BatchNumber, MandateHash, Sequence},
};

/// A mandate, everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MandateView {
    /// Its id or digest.
    pub hash: MandateHash,
    /// What was accepted, and when.
    pub mandate: MandateRecord,
    /// Where it is.
    pub state: StateRecord,
    /// What was given for it.
    pub receipt: IssuedReceipt,
    /// What was captured of it, if its payee said so.
    pub capture: Option<CaptureRecord>,
}

/// An account, as acceptance sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Its terms, as the chain has them.
    pub record: AccountRecord,
    /// From when other terms may be in force: the earliest change requested, in a block applied or not yet.
    pub changes_from: Option<UnixTime>,
    /// Its purses, by token: those in which there is something, or from which something is promised.
    pub purses: Vec<(Address, PurseView)>,
}

/// A purse, as acceptance sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurseView {
    /// As the chain has it.
    pub record: PurseRecord,
    /// What live mandates pay together.
    pub reserved: Balance,
    /// The largest withdrawal requested in a block that is not applied yet.
    pub unconfirmed_withdrawal: Balance,
    /// What is left for new mandates.
    pub free: Balance,
}

impl From<&Purse> for PurseView {
    fn from(purse: &Purse) -> Self {
        Self {
            record: purse.record.clone(),
            reserved: purse.reserved,
            unconfirmed_withdrawal: purse.unconfirmed_withdrawal,
            free: purse.free(),
        }
    }
}

/// A queued mandate with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// What forming a window needs to know.
    pub record: QueueRecord,
}

/// A queued mandate with all that a window is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowEntry {
    /// Its id or digest.
    pub hash: MandateHash,
    /// What was accepted, and when.
    pub mandate: MandateRecord,
    /// What was captured of it so far, and whether that is fixed.
    pub state: StateRecord,
}

impl WindowEntry {
    /// What it pays as it is: what was captured, or else the most that can be. What [`crate::Seal`]
    /// wants.
    pub fn due(&self) -> Amount {
        self.state.due(self.mandate.promise.amount())
    }
}

/// A batch with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchView {
    /// Its number.
    pub number: BatchNumber,
    /// What it is, and how far.
    pub record: BatchRecord,
    /// Its members, in their order.
    pub members: Vec<BatchMember>,
}

impl BatchView {
    /// The members that are still in the batch: they have neither ended nor left it.
    pub fn live(&self) -> impl Iterator<Item = &BatchMember> {
        let here = Status::InBatch { batch: self.number };
        self.members.iter().filter(move |member| member.status == here)
    }

    /// Whether all members are still in the batch.
    pub fn is_whole(&self) -> bool {
        self.live().count() == self.members.len()
    }
}

/// A mandate in a batch, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchMember {
    /// Its id or digest.
    pub hash: MandateHash,
    /// What it pays in this batch.
    pub captured: Amount,
    /// What was accepted, and when.
    pub mandate: MandateRecord,
    /// Where it is now: not always in this batch any more.
    pub status: Status,
}

/// More is reserved than there is: what never should be. Money left an account that was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The account.
    pub account: AccountId,
    /// The token.
    pub token: Address,
    /// What the chain holds.
    pub balance: Balance,
    /// What was promised.
    pub reserved: Balance,
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Mandates accepted so far.
    pub accepted: u64,
    /// Batches sealed so far.
    pub batches: u64,
    /// Accounts known, of all processors.
    pub accounts: u64,
    /// Synced writes so far.
    pub commits: u64,
}

/// How the ledger is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// How it is written.
    pub journal: JournalMetrics,
    /// How many mandates are queued, by path and token.
    pub queued: BTreeMap<(SettlementPath, Address), u64>,
    /// How many mandates are held.
    pub held: u64,
    /// What is reserved, by token, on all accounts together, in base units.
    pub reserved: BTreeMap<Address, u128>,
}

impl Ledger {
    /// A mandate by its id or digest.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn mandate(&self, hash: MandateHash) -> Result<Option<MandateView>, LedgerError> {
        let view = self.snapshot();
        let key = schema::mandate(hash);
        let Some(mandate) = view.record(Family::Mandates, &key)? else {
            return Ok(None);
        };
        Ok(Some(MandateView {
            hash,
            mandate,
            state: view.expect(Family::States, &key, "its mandate")?,
            receipt: view.expect(Family::Receipts, &key, "its mandate")?,
            capture: view.record(Family::Captures, &key)?,
        }))
    }

    /// How mandates ended, each in its place; nothing where that can still change, or the receipt still
    /// stands, or it is not known how.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn endings(&self, mandates: &[MandateHash]) -> Result<Vec<Option<Ending>>, LedgerError> {
        endings(&self.snapshot(), mandates)
    }

    /// Those of the mandates that are known.
    pub(crate) fn mandate_records(
        &self,
        hashes: impl Iterator<Item = MandateHash>,
    ) -> Result<HashMap<MandateHash, MandateRecord>, LedgerError> {
        let view = self.view();
        let mut records = HashMap::new();
        for hash in hashes {
            if let Some(record) = view.record(Family::Mandates, &schema::mandate(hash))? {
                records.insert(hash, record);
            }
        }
        Ok(records)
    }

    /// The direct path at a glance: kept up with every change, not counted here.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn direct_summary(&self) -> Result<DirectSummary, LedgerError> {
        summary::read(&self.view())
    }

    /// An account, unless it is not known.
    pub fn account(&self, account: AccountId) -> Option<AccountView> {
        let (account, purses) = self.memory().account_with_purses(account)?;
        Some(AccountView {
            record: account.record.clone()?,
            changes_from: account.changes_from(),
            purses: purses.iter().map(|(token, purse)| (*token, purse.into())).collect(),
        })
    }

    /// Whose an account is, and the hash of its mandate key; nothing of one that is not known. Costs a
    /// look-up, however many purses it has.
    pub fn parties(&self, account: AccountId) -> Option<(Address, B256)> {
        let account = self.memory().account(account)?;
        account.record.as_ref().map(|record| (record.owner, record.key_hash))
    }

    /// The accounts that name this processor and are to be read from the chain, at most `limit`, the
    /// lowest numbers above `after` first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn to_be_read(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, LedgerError> {
        let view = self.snapshot();
        let from = after.map(schema::account).unwrap_or_default();
        view.entries(Family::Unread, &from)
            .filter(|entry| entry.as_ref().map_or(true, |(key, _)| **key > *from))
            .take(limit)
            .map(|entry| key_of(Family::Unread, &entry?.0))
            .collect()
    }

    /// The accounts that name this processor, or did once, in no order.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.memory().accounts()
    }

    /// The account that an owner's direct mandates debit, as far as it is known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn direct_account(&self, owner: Address) -> Result<Option<AccountId>, LedgerError> {
        let record: Option<DirectAccountRecord> =
            self.view().record(Family::DirectAccounts, &schema::owner(owner))?;
        Ok(record.and_then(|record| record.account))
    }

    /// Up to `limit` queued mandates of a path and token, in order of acceptance, from `from` on.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn queue(
        &self,
        path: SettlementPath,
        token: Address,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<Queued>, LedgerError> {
        self.read_queue((path, token), from, |_, entries| entries.take(limit).collect())
    }

    /// Up to `limit` queued mandates as [`queue`](Self::queue) has them, whole, with what each pays:
    /// all of one moment.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn window(
        &self,
        path: SettlementPath,
        token: Address,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<WindowEntry>, LedgerError> {
        self.read_queue((path, token), from, |view, entries| {
            entries
                .take(limit)
                .map(|queued| {
                    let hash = queued?.record.mandate;
                    let key = schema::mandate(hash);
                    let mandate = view.expect(Family::Mandates, &key, "the queue")?;
                    let state = view.expect(Family::States, &key, "its mandate")?;
                    Ok(WindowEntry { hash, mandate, state })
                })
                .collect()
        })
    }

    /// Reads a queue from a place on, and notes where it begins.
    fn read_queue<T>(
        &self,
        queue: QueueKey,
        from: Sequence,
        read: impl FnOnce(
            &View<'_>,
            &mut dyn Iterator<Item = Result<Queued, LedgerError>>,
        ) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        // Both before the snapshot: what is accepted later has a later place.
        let start = self.memory().queues.start(queue);
        let next = self.memory().counters().next_sequence;
        let view = self.snapshot();
        let (path, token) = queue;
        let first = schema::queue(path, token, from.max(start.from));
        let prefix = schema::queue_of(path, token);
        let entries = view.entries(Family::Queue, &first);
        let mut entries = entries
            .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)))
            .map(|entry| {
                let (key, value) = entry?;
                let (_, sequence): (QueueKey, Sequence) = key_of(Family::Queue, &key)?;
                let record = value_of(Family::Queue, &key, &value)?;
                Ok(Queued { sequence, record })
            })
            .peekable();
        if from <= start.from {
            match entries.peek() {
                Some(Ok(queued)) => self.memory().queues.raise(queue, start, queued.sequence),
                Some(Err(_)) => {}
                None => self.memory().queues.raise(queue, start, next),
            }
        }
        read(&view, &mut entries)
    }

    /// The paths and tokens in which mandates are queued.
    ///
    /// # Errors
    /// None: they are known.
    pub fn queues(&self) -> Result<Vec<(SettlementPath, Address)>, LedgerError> {
        Ok(self.memory().queues.waiting().into_iter().map(|(queue, _)| queue).collect())
    }

    /// The mandates that wait for a decision, in order of acceptance.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn quarantined(&self) -> Result<Vec<MandateHash>, LedgerError> {
        let view = self.snapshot();
        view.entries(Family::Quarantined, &[])
            .map(|entry| key_of(Family::Quarantined, &entry?.1))
            .collect()
    }

    /// A batch by its number.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn batch(&self, batch: BatchNumber) -> Result<Option<BatchRecord>, LedgerError> {
        self.view().record(Family::Batches, &schema::batch(batch))
    }

    /// A batch with its members and their mandates.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn batch_view(&self, batch: BatchNumber) -> Result<Option<BatchView>, LedgerError> {
        let view = self.snapshot();
        let Some(record) = view.record(Family::Batches, &schema::batch(batch))? else {
            return Ok(None);
        };
        batch_with_members(&view, batch, record).map(Some)
    }

    /// The members of a batch, in their order.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn members(&self, batch: BatchNumber) -> Result<Vec<MemberRecord>, LedgerError> {
        members(&self.snapshot(), batch)
    }

    /// The proofs of all segments that were stored for a batch, as one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn proof(&self, batch: BatchNumber) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.view().get(Family::Proofs, &schema::batch(batch))?)
    }

    /// The proofs that were stored for segments of a batch that is sealed, by their places.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn segments_proved(
        &self,
        batch: BatchNumber,
    ) -> Result<BTreeMap<u32, Vec<u8>>, LedgerError> {
        let view = self.snapshot();
        let mut proved = BTreeMap::new();
        for entry in view.entries(Family::Segments, &schema::batch(batch)) {
            let (key, proof) = entry?;
            let (_, segment): (BatchNumber, u32) = key_of(Family::Segments, &key)?;
            proved.insert(segment, proof.into_vec());
        }
        Ok(proved)
    }

    /// What the chain moved for a batch, once it is confirmed.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn movement(&self, batch: BatchNumber) -> Result<Option<Movement>, LedgerError> {
        self.view().record(Family::Movements, &schema::batch(batch))
    }

    /// The batches that are neither final nor aborted, in order: where recovery begins.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn unfinished_batches(&self) -> Result<Vec<(BatchNumber, BatchRecord)>, LedgerError> {
        unfinished(&self.snapshot())
    }

    /// The batches of [`unfinished_batches`](Self::unfinished_batches) with their members and these
    /// members' mandates: all that driving them on takes. Their proofs are read one by one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn unfinished(&self) -> Result<Vec<BatchView>, LedgerError> {
        let view = self.snapshot();
        unfinished(&view)?
            .into_iter()
            .map(|(number, record)| batch_with_members(&view, number, record))
            .collect()
    }

    /// Up to `limit` mandates with their receipts, in order of acceptance, from `from` on.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn receipts(
        &self,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<(Sequence, MandateHash, IssuedReceipt)>, LedgerError> {
        let view = self.snapshot();
        view.entries(Family::Acceptances, &schema::sequence(from))
            .take(limit)
            .map(|entry| {
                let (key, value) = entry?;
                let sequence = key_of(Family::Acceptances, &key)?;
                let hash: MandateHash = key_of(Family::Acceptances, &value)?;
                let receipt = view.expect(Family::Receipts, &schema::mandate(hash), "its place")?;
                Ok((sequence, hash, receipt))
            })
            .collect()
    }

    /// The last block applied, and the follower's cursor behind it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn chain_position(&self) -> Result<(Option<Tip>, Option<Vec<u8>>), LedgerError> {
        let view = self.snapshot();
        Ok((view.record(Family::Meta, meta::TIP)?, view.get(Family::Meta, meta::CURSOR)?))
    }

    /// The last block applied.
    pub fn tip(&self) -> Option<Tip> {
        self.memory().counters().tip
    }

    /// The follower's cursor, as it was stored with the last block applied or the last going back.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn cursor(&self) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.view().get(Family::Meta, meta::CURSOR)?)
    }

    /// What is requested in blocks that are not applied yet.
    pub fn unconfirmed(&self) -> Vec<UnconfirmedRequest> {
        self.memory().counters().unconfirmed.to_vec()
    }

    /// The purses from which more was promised than there is.
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        self.memory().for_each_purse(|(account, token), purse| {
            let (balance, reserved) = (purse.record.balance, purse.reserved);
            if reserved > balance {
                alarms.push(Alarm { account: *account, token: *token, balance, reserved });
            }
        });
        alarms.sort_unstable_by_key(|alarm| (alarm.account, alarm.token));
        alarms
    }

    /// How much there is of everything.
    pub fn stats(&self) -> Stats {
        let counters = self.memory().counters();
        Stats {
            accepted: counters.next_sequence.get(),
            batches: counters.next_batch.get().saturating_sub(1),
            accounts: self.memory().accounts_count() as u64,
            commits: self.journal.commits(),
        }
    }

    /// How the ledger is doing. Looks at every purse in memory.
    pub fn metrics(&self) -> Metrics {
        let mut reserved: BTreeMap<Address, u128> = BTreeMap::new();
        self.memory().for_each_purse(|(_, token), purse| {
            if purse.reserved > Balance::ZERO {
                let sum = reserved.entry(*token).or_default();
                *sum = sum.saturating_add(purse.reserved.get());
            }
        });
        Metrics {
            journal: self.journal.metrics(),
            queued: self.memory().queues.waiting().into_iter().collect(),
            held: self.memory().held_count() as u64,
            reserved,
        }
    }

    /// An entry of the sender's journal.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn transaction(&self, sender: Address, nonce: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.view().get(Family::Transactions, &schema::transaction(sender, nonce))?)
    }

    /// A sender's journal, in order of its nonces.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn transactions(&self, sender: Address) -> Result<Vec<(u64, Vec<u8>)>, LedgerError> {
        let view = self.snapshot();
        view.entries_of(Family::Transactions, schema::owner(sender))
            .map(|entry| {
                let (key, value) = entry?;
                let (_, nonce): (Address, u64) = key_of(Family::Transactions, &key)?;
                Ok((nonce, value.into_vec()))
            })
            .collect()
    }

    /// How many mandates wait, queued or held. Costs the same however many there are.
    pub fn waiting(&self) -> u64 {
        let queued = self.memory().queues.waiting().into_iter().map(|(_, count)| count);
        queued.sum::<u64>() + self.memory().held_count() as u64
    }

    /// How many mandates are held.
    pub fn held_count(&self) -> u64 {
        self.memory().held_count() as u64
    }

    /// The mandates whose holds are all over at `now`, the longest over first, at most `limit`.
    pub fn no_longer_held(&self, now: UnixTime, limit: usize) -> Vec<MandateHash> {
        self.memory().no_longer_held(now, limit)
    }

    /// The mandates that are held, in the order in which they are released.
    pub fn held(&self) -> Vec<MandateHash> {
        self.memory().no_longer_held(UnixTime::MAX, usize::MAX)
    }

    /// What is closed: for what, why, since when, by whom.
    pub fn gates(&self) -> Vec<(GateScope, GateReason, GateRecord)> {
        let gates = self.memory().gates();
        gates.iter().map(|((scope, reason), record)| (*scope, *reason, record.clone())).collect()
    }

    /// Whether it was restored from a backup, and nobody has said since that it may go on. Until then nothing is
    /// accepted, and nothing is to be sealed.
    pub fn is_restored(&self) -> bool {
        self.memory().gates().contains_key(&(GateScope::All, GateReason::Restored))
    }

    /// Mandates that are queued or quarantined and can never settle, at most `limit`.
    pub(crate) fn expired(&self, limit: usize) -> Result<Vec<MandateHash>, LedgerError> {
        let Some(now) = self.memory().counters().tip.map(|tip| tip.time) else {
            return Ok(Vec::new());
        };
        let mut expired = Vec::new();
        for ((path, token), _) in self.memory().queues.waiting() {
            let of_queue = self.read_queue((path, token), Sequence::new(0), |_, entries| {
                let late = entries.filter(|entry| {
                    entry.as_ref().map_or(true, |queued| queued.record.deadline < now)
                });
                let hashes = late.map(|entry| entry.map(|queued| queued.record.mandate));
                hashes.take(limit - expired.len()).collect::<Result<Vec<_>, _>>()
            });
            expired.extend(of_queue?);
        }
        let held = self.memory().no_longer_held(now, usize::MAX);
        let view = self.snapshot();
        let quarantined = view
            .entries(Family::Quarantined, &[])
            .map(|entry| key_of(Family::Quarantined, &entry?.1));
        for hash in held.into_iter().map(Ok).chain(quarantined) {
            if expired.len() == limit {
                break;
            }
            let hash: MandateHash = hash?;
            let key = schema::mandate(hash);
            let mandate: MandateRecord = view.expect(Family::Mandates, &key, "what waits")?;
            if mandate.promise.deadline() < now {
                expired.push(hash);
            }
        }
        Ok(expired)
    }

    fn view(&self) -> View<'_> {
        self.journal.view()
    }

    pub(crate) fn snapshot(&self) -> View<'_> {
        self.journal.snapshot()
    }
}

/// The batches that are neither final nor aborted, in order.
fn unfinished(view: &View<'_>) -> Result<Vec<(BatchNumber, BatchRecord)>, LedgerError> {
    view.entries(Family::Unfinished, &[])
        .map(|entry| {
            let (key, _) = entry?;
            let number: BatchNumber = key_of(Family::Unfinished, &key)?;
            Ok((number, view.expect(Family::Batches, &key, "the unfinished batches")?))
        })
        .collect()
}

/// The members of a batch, in their order.
fn members(view: &View<'_>, batch: BatchNumber) -> Result<Vec<MemberRecord>, LedgerError> {
    view.entries_of(Family::Members, schema::batch(batch))
        .map(|entry| {
            let (key, value) = entry?;
            value_of(Family::Members, &key, &value)
        })
        .collect()
}

fn batch_with_members(
    view: &View<'_>,
    number: BatchNumber,
    record: BatchRecord,
) -> Result<BatchView, LedgerError> {
    let members = members(view, number)?
        .into_iter()
        .map(|MemberRecord { mandate: hash, captured }| {
            let key = schema::mandate(hash);
            let mandate = view.expect(Family::Mandates, &key, "its batch")?;
            let StateRecord { status, .. } = view.expect(Family::States, &key, "its mandate")?;
            Ok(BatchMember { hash, captured, mandate, status })
        })
        .collect::<Result<_, LedgerError>>()?;
    Ok(BatchView { number, record, members })
}
