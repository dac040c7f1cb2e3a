//! Reading accounts from the chain that cannot be known from events: those that come over from another
//! processor, those that were contradicted, and what acceptance found missing of them.
//!
//! All of a round is read at one block, the last one applied, by the task that applies blocks and in
//! between: so what was read is what the ledger goes on from. A round is bounded in what it reads and in
//! how long it takes, the next one waits as long as it took, and failing ones are further and further
//! apart: following waits little for them.

use std::time::Duration;

use aep2_chain::wallet::{PendingChange, Wallet};
use aep2_ledger::{
    AccountReading, Balance, ChainReading, Ledger, LedgerError, PurseReading, SLOTS_AHEAD,
    SlotReading, Unread, records::ChangeRecord,
};
use aep2_mandate::units::AccountId;
use alloy::{
    primitives::{Address, U256},
    providers::DynProvider,
};
use futures::{
    FutureExt,
    stream::{self, StreamExt},
};
use tokio::time::Instant;

use super::{error::FollowError, facts, node::Node, wanted::Wanted};

/// How many requests are under way at once.
const CONCURRENCY: usize = 16;

/// The most of either that one round reads.
const ACCOUNTS_MAX: usize = 32;
const WANTED_MAX: usize = 128;

/// The longest that a round takes.
const ROUND_MAX: Duration = Duration::from_secs(8);

/// The shortest and the longest wait after a round that failed.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How many rounds fail in a row until an operator is told.
const FAILURES_MAX: u32 = 4;

/// Where reading stands.
pub(super) struct Reading<'a> {
    node: &'a Node,
    ledger: &'a Ledger,
    wanted: &'a Wanted,
    /// The tokens that are accepted: an account's purses in them are read with it.
    tokens: &'a [Address],
    /// The last account looked at: those that cannot be read do not keep the others waiting.
    last: Option<AccountId>,
    next_at: Instant,
    failures: u32,
}

/// What one request is for.
#[derive(Clone, Copy)]
enum Asked {
    Purse { account: AccountId, token: Address },
    Slot { account: AccountId, token: Address, index: u64 },
    DirectNonce { owner: Address, nonce: U256 },
}

/// What was answered.
enum Answer {
    Purse(PurseReading),
    Slot(SlotReading),
    DirectNonce(Address, U256, bool),
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        node: &'a Node,
        ledger: &'a Ledger,
        wanted: &'a Wanted,
        tokens: &'a [Address],
    ) -> Self {
        Self { node, ledger, wanted, tokens, last: None, next_at: Instant::now(), failures: 0 }
    }

    /// Waits until there is something to read, and it is time to. For ever, if it is not near the head:
    /// few nodes have the state of old blocks.
    pub(super) async fn due(&self, is_near: impl Fn() -> bool) {
        loop {
            let waiting = !self.wanted.is_empty() || self.accounts().is_ok_and(|to| !to.is_empty());
            if waiting && self.ledger.tip().is_some() {
                tokio::time::sleep_until(self.next_at).await;
                if is_near() {
                    return;
                }
                return std::future::pending().await;
            }
            self.wanted.came().await;
        }
    }

    /// Whether so many rounds failed that an operator should look.
    pub(super) fn is_stuck(&self) -> bool {
        self.failures >= FAILURES_MAX
    }

    /// Reads some of what is to be read, and notes it.
    pub(super) async fn round(&mut self) {
        let begun = Instant::now();
        let outcome = match tokio::time::timeout(ROUND_MAX, self.read()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FollowError::Node { asked: "the state of accounts", error: None }),
        };
        match outcome {
            Ok(()) => {
                self.failures = 0;
                // Following has at least as much of the time.
                self.next_at = Instant::now() + begun.elapsed();
            }
            Err(error) => {
                let wait = WAIT_MIN * 2u32.saturating_pow(self.failures.min(16));
                self.failures = self.failures.saturating_add(1);
                self.next_at = Instant::now() + wait.min(WAIT_MAX);
                let failures = self.failures;
                tracing::warn!(%error, failures, "could not read accounts; trying again");
            }
        }
    }

    fn accounts(&self) -> Result<Vec<AccountId>, LedgerError> {
        let some = self.ledger.to_be_read(self.last, ACCOUNTS_MAX)?;
        if some.is_empty() { self.ledger.to_be_read(None, ACCOUNTS_MAX) } else { Ok(some) }
    }

    /// # Errors
    /// When something could not be read. What could be is noted.
    async fn read(&mut self) -> Result<(), FollowError> {
        let Some(tip) = self.ledger.tip() else { return Ok(()) };
        let wallet = self.node.wallet_at(tip.hash);
        let accounts = self.accounts()?;
        self.last = accounts.last().copied();
        let wanted = self.wanted.some(WANTED_MAX);

        let mut failed = None;
        // Boxed, since a stream over borrowed futures is `Send` for nobody who spawns it.
        let asked: Vec<_> =
            accounts.iter().map(|account| self.account(&wallet, *account).boxed()).collect();
        let read: Vec<_> = stream::iter(asked).buffered(CONCURRENCY).collect().await;
        let accounts = kept(read, &mut failed);
        let parts = accounts.iter().flat_map(|read| self.parts_of(read.account));
        let parts: Vec<Asked> = parts.chain(wanted.iter().flat_map(asked_for)).collect();
        let asked: Vec<_> =
            parts.into_iter().map(|part| self.part(&wallet, part).boxed()).collect();
        let read: Vec<_> = stream::iter(asked).buffered(CONCURRENCY).collect().await;
        let answers = kept(read, &mut failed);

        let (number, hash) = (tip.number, tip.hash);
        let mut reading = ChainReading { number, hash, accounts, ..ChainReading::default() };
        for answer in answers {
            match answer {
                Answer::Purse(purse) => reading.purses.push(purse),
                Answer::Slot(slot) => reading.slots.push(slot),
                Answer::DirectNonce(owner, nonce, spent) => {
                    reading.direct_nonces.push((owner, nonce, spent));
                }
            }
        }
        for account in &reading.accounts {
            tracing::info!(account = %account.account, block = number, "read an account from the chain");
        }
        self.ledger.note_reading(reading).await?;
        if failed.is_none() {
            wanted.iter().for_each(|what| self.wanted.done(what));
        }
        failed.map_or(Ok(()), Err)
    }

    /// What is read together with an account.
    fn parts_of(&self, account: AccountId) -> impl Iterator<Item = Asked> {
        self.tokens.iter().flat_map(move |token| {
            let token = *token;
            let slots = (0..=SLOTS_AHEAD).map(move |index| Asked::Slot { account, token, index });
            slots.chain([Asked::Purse { account, token }])
        })
    }

    async fn account(
        &self,
        wallet: &Wallet<DynProvider>,
        account: AccountId,
    ) -> Result<AccountReading, FollowError> {
        let found = self.node.read("accountOf", wallet.account(account)).await?;
        let direct = wallet.direct_account(found.owner);
        let direct = self.node.read("directAccountOf", direct).await?;
        let (processor, verifier_set, key_hash) = facts::words_of(&found.terms);
        let pending = found.pending.map(|PendingChange { terms, in_force_from }| {
            let (processor, verifier_set, key_hash) = facts::words_of(&terms);
            ChangeRecord { processor, verifier_set, key_hash, in_force_from }
        });
        Ok(AccountReading {
            account,
            owner: found.owner,
            processor,
            verifier_set,
            key_hash,
            pending,
            direct: direct.account,
            direct_pending: direct.pending,
        })
    }

    async fn part(
        &self,
        wallet: &Wallet<DynProvider>,
        asked: Asked,
    ) -> Result<Answer, FollowError> {
        let node = self.node;
        match asked {
            Asked::Purse { account, token } => {
                let purse = node.read("balanceOf", wallet.purse(account, token)).await?;
                let above = || FollowError::Disagreement("a balance above 104 bits".to_owned());
                let balance: Balance = facts::balance(purse.balance).ok_or_else(above)?;
                let withdrawal = purse.pending_withdrawal.map(|pending| {
                    (facts::at_most_a_balance(pending.amount), pending.executable_from)
                });
                Ok(Answer::Purse(PurseReading { account, token, balance, withdrawal }))
            }
            Asked::Slot { account, token, index } => {
                let word = |word| wallet.spent_word(account, token, word);
                let low = node.read("spentNonces", word(2 * index)).await?;
                let high = node.read("spentNonces", word(2 * index + 1)).await?;
                let spent = U256::from(low) | U256::from(high) << 128;
                Ok(Answer::Slot(SlotReading { account, token, index, spent }))
            }
            Asked::DirectNonce { owner, nonce } => {
                let spent = wallet.is_direct_nonce_spent(owner, nonce);
                let spent = node.read("isDirectNonceSpent", spent).await?;
                Ok(Answer::DirectNonce(owner, nonce, spent))
            }
        }
    }
}

/// What is asked for something that is missing: of nonces those after it, too.
fn asked_for(what: &Unread) -> Vec<Asked> {
    match *what {
        Unread::Purse { account, token } => vec![Asked::Purse { account, token }],
        Unread::DirectNonce { owner, nonce } => vec![Asked::DirectNonce { owner, nonce }],
        Unread::Slot { account, token, index } => {
            let slots = index..=index.saturating_add(SLOTS_AHEAD);
            // No nonce is in a slot from 2^56 on.
            let slots = slots.filter(|index| index >> 56 == 0);
            slots.map(|index| Asked::Slot { account, token, index }).collect()
        }
    }
}

/// What was read, and the first failure.
fn kept<T>(read: Vec<Result<T, FollowError>>, failed: &mut Option<FollowError>) -> Vec<T> {
    let mut kept = Vec::with_capacity(read.len());
    for one in read {
        match one {
            Ok(read) => kept.push(read),
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    kept
}
