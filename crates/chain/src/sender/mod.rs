//! Sending transactions, each exactly once.
//!
//! A [`Sender`] sends the transactions of one key. A caller names each by an id of its own and may
//! ask for it as often as it likes: the same id is never sent under a second nonce, so it is mined at
//! most once, whatever crashes or is lost between.
//!
//! # A submission's life
//!
//! ```text
//! submit ─▶ simulated ─▶ signed ─▶ WRITTEN DOWN ─▶ broadcast ─▶ mined ─▶ deep enough ─▶ final
//!              │                                   ▲    │  ▲       │
//!        would revert:                             │    ▼  └───────┘ reorganised
//!        nothing was sent                          └ dropped, stuck: sent again, fees raised
//! ```
//!
//! *Written down* is the point of no return. Before it nothing has happened: no nonce is taken, and a
//! caller that asks again starts anew. After it the sender goes on until the nonce is used, deep
//! enough in the chain to stay so; every replacement is written down too before it is broadcast. So
//! what the journal holds is everything that can be mined, and a sender that starts on it takes up
//! where the last one was. Since nothing written down is given up, nonces have no gaps.
//!
//! # What is believed
//!
//! A submission has succeeded when a block holds the receipt of one of its attempts with status 1,
//! that block is in its place in the chain, and it has the set number of confirmations. It was
//! replaced when such a block shows what else used its nonce. Nothing is concluded from what a node
//! does not know, nor from what it says on being sent a transaction: "already known" and "nonce too
//! low" mean that it must be looked up.
//!
//! # Driving it
//!
//! [`Sender::advance`] does what is due: looks, sends again, raises fees, notes what ended. Call it
//! about once a block; [`Sender::wait`] does so until one submission has ended. All methods may be
//! called from many tasks; they take turns. Their futures may be dropped at any time.
//!
//! Fees are raised for the lowest unused nonce only, as the others cannot be mined before it.

mod chain_view;
mod fees;
mod file_journal;
mod journal;
mod outcome;
mod record;
mod refusal;
mod remembered;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::{BlockNumberOrTag, Encodable2718},
    network::{TransactionBuilder, TxSigner},
    primitives::{B256, Bytes, Signature, U64, U256},
    providers::Provider,
};
use tokio::sync::Mutex;

use self::chain_view::{ChainHead, ChainView, Observation};
pub use self::{
    fees::FeeCapReached,
    file_journal::{FileJournal, JOURNAL_VERSION},
    journal::{Journal, JournalError, MemoryJournal},
    outcome::{Broadcast, Outcome, Pending, SenderError, SubmitError, Ticket},
    record::{Attempt, Fees, Finish, Key, Record, SubmissionId},
    refusal::{Refusal, classify, revert_data},
};
use crate::{
    backoff::{Backoff, BackoffConfig},
    call::{Call, TRANSACTION_GAS_MAX},
    rpc::Rpc,
};

/// The least raise that nodes take a replacement for, in percent.
const BUMP_PERCENT_MIN: u64 = 10;

/// How to send.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// The most to offer for gas, in wei per gas, the base fee included.
    pub fee_cap_wei: u128,
    /// What to offer above the base fee at first, in wei per gas. At most the cap.
    pub tip_wei: u128,
    /// By how many percent a replacement raises the fees. At least 10, or nodes refuse it.
    pub bump_percent: u64,
    /// After how many blocks a transaction that could have been mined is replaced. At least 1.
    pub stuck_after_blocks: u64,
    /// How many confirmations, blocks after it, a block needs before what is in it is final. 0: none.
    pub confirmations: u64,
    /// By how many percent the gas limit exceeds the estimate.
    pub gas_margin_percent: u64,
    /// How long [`Sender::wait`] waits between polls.
    pub poll_interval: Duration,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// How long [`Sender::wait`] waits after failures.
    pub backoff: BackoffConfig,
}

impl SenderConfig {
    /// Offers up to `fee_cap_wei` per gas, of which 1 gwei (or the cap, if that is less) above the
    /// base fee at first; raised by 12% when not mined for 3 blocks; final after 12 confirmations;
    /// a fifth more gas than estimated.
    pub fn new(fee_cap_wei: u128) -> Self {
        Self {
            fee_cap_wei,
            tip_wei: fee_cap_wei.min(1_000_000_000),
            bump_percent: 12,
            stuck_after_blocks: 3,
            confirmations: 12,
            gas_margin_percent: 20,
            poll_interval: Duration::from_secs(2),
            request_timeout: Duration::from_secs(30),
            backoff: BackoffConfig::default(),
        }
    }

    fn check(&self) -> Result<(), SenderError> {
        let demands = [
            ("fee_cap_wei", "more than 0", self.fee_cap_wei > 0),
            ("tip_wei", "at most fee_cap_wei", self.tip_wei <= self.fee_cap_wei),
            ("bump_percent", "at least 10", self.bump_percent >= BUMP_PERCENT_MIN),
            ("stuck_after_blocks", "at least 1", self.stuck_after_blocks >= 1),
            ("poll_interval", "more than nothing", !self.poll_interval.is_zero()),
            ("request_timeout", "more than nothing", !self.request_timeout.is_zero()),
        ];
        for (setting, must, holds) in demands {
            if !holds {
                return Err(SenderError::Config { setting, must });
            }
        }
        Ok(())
    }
}

/// Sends one key's transactions. See the [module](self) for what it promises.
pub struct Sender {
    key: Key,
    config: SenderConfig,
    view: ChainView,
    signer: Arc<dyn TxSigner<Signature> + Send + Sync>,
    journal: Arc<dyn Journal>,
    state: Mutex<State>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("key", &self.key).field("config", &self.config).finish()
    }
}

/// What a sender knows beside the journal. All but `unfinished` is found out again after a restart.
#[derive(Debug, Default)]
struct State {
    /// The journal's records that have not ended, by nonce.
    unfinished: BTreeMap<u64, Record>,
    /// The last refusal of a transaction, by its hash.
    refusals: HashMap<B256, (Refusal, String)>,
    /// Nonces whose fees could not be raised.
    stuck: HashMap<u64, FeeCapReached>,
    /// The lowest unused nonce, and the newest block when it became that.
    turn: Option<(u64, u64)>,
    /// The highest nonce ever written down.
    last_taken: Option<u64>,
    /// Whether the journal failed.
    closed: bool,
}

impl State {
    /// Writes a record down, and only then takes it for what is.
    ///
    /// Nothing can come between the two: the method does not wait.
    fn put(&mut self, journal: &dyn Journal, record: Record) -> Result<(), SenderError> {
        if self.closed {
            return Err(SenderError::Closed);
        }
        if let Err(error) = journal.put(&record) {
            self.closed = true;
            return Err(error.into());
        }
        self.last_taken = self.last_taken.max(Some(record.nonce));
        if record.finish.is_some() {
            for attempt in &record.attempts {
                self.refusals.remove(&attempt.hash);
            }
            self.stuck.remove(&record.nonce);
            self.unfinished.remove(&record.nonce);
        } else {
            self.unfinished.insert(record.nonce, record);
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), SenderError> {
        if self.closed { Err(SenderError::Closed) } else { Ok(()) }
    }
}

impl Sender {
    /// A sender for `signer`'s key, taking up what `journal` has of it. Asks the node for the
    /// chain's number only; what is unfinished is taken care of by [`advance`](Self::advance).
    ///
    /// # Errors
    /// [`SenderError::Config`], [`SenderError::Rpc`] and [`SenderError::Journal`].
    pub async fn open(
        provider: impl Provider + 'static,
        signer: impl TxSigner<Signature> + Send + Sync + 'static,
        config: SenderConfig,
        journal: Arc<dyn Journal>,
    ) -> Result<Self, SenderError> {
        config.check()?;
        let rpc = Rpc::new(provider, config.request_timeout);
        let key = Key { chain_id: rpc.chain_id().await?, address: signer.address() };
        let unfinished: BTreeMap<u64, Record> =
            journal.unfinished(key)?.into_iter().map(|record| (record.nonce, record)).collect();
        if !unfinished.is_empty() {
            tracing::info!(key = %key.address, unfinished = unfinished.len(), "taking up what was under way");
        }
        let view = ChainView { rpc, confirmations: config.confirmations };
        let last_taken = journal.at_or_above(key, 0)?.last().map(|record| record.nonce);
        let state = Mutex::new(State { unfinished, last_taken, ..State::default() });
        Ok(Self { key, config, view, signer: Arc::new(signer), journal, state })
    }

    /// Whose transactions it sends.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Has `call` mined, once. Returns when it is written down and was sent; what comes of it, and
    /// whatever sending it led to, is for [`outcome`](Self::outcome) or [`wait`](Self::wait).
    ///
    /// Asking again with the same id and call sends nothing and returns the same ticket.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was sent, and no nonce is used up. One exception: after
    /// [`SenderError::Journal`], the call may have been written down, which the next sender on that
    /// journal finds out.
    pub async fn submit(&self, id: SubmissionId, call: Call) -> Result<Ticket, SubmitError> {
        let mut state = self.state.lock().await;
        state.check_open()?;
        if let Some(record) = self.find(id)? {
            if !record.call.does_as(&call) {
                return Err(SubmitError::IdReused { id });
            }
            return Ok(ticket(&record, Broadcast::Earlier));
        }

        let gas_limit = self.simulate(&call).await?;
        let head = self.head().await?;
        let base_wei = base_fee(&head)?;
        let fees = fees::first(base_wei, self.config.tip_wei, self.fee_cap(&call, gas_limit))?;
        self.check_funds(&state, record::cost_max(&call, gas_limit, fees.max_wei)).await?;

        let nonce = self.next_nonce(&head)?;
        if let Some(last) = state.last_taken.filter(|last| head.nonces_used > last + 1) {
            tracing::warn!(
                last,
                used = head.nonces_used,
                "the chain has used more nonces than this sender: this key is in use elsewhere"
            );
        }
        let attempt = self.sign(&call, nonce, gas_limit, fees, head.block.number).await?;
        tracing::info!(
            %id,
            nonce,
            hash = %attempt.hash,
            max_fee_wei = fees.max_wei,
            gas_limit,
            "submitting"
        );
        let record = Record {
            key: self.key,
            nonce,
            id,
            call,
            gas_limit,
            attempts: vec![attempt.clone()],
            finish: None,
        };
        state.put(&*self.journal, record.clone())?;
        if nonce == head.nonces_used {
            state.turn = Some((nonce, head.block.number));
        }
        let broadcast = self.broadcast(&mut state, nonce, &attempt).await;
        Ok(ticket(&record, broadcast))
    }

    /// What is known of a submission now. Looks at the chain, but sends nothing.
    ///
    /// # Errors
    /// [`SenderError::NoSuchSubmission`], and those of the node and the journal.
    pub async fn outcome(&self, id: SubmissionId) -> Result<Outcome, SenderError> {
        let mut state = self.state.lock().await;
        state.check_open()?;
        let record = self.find(id)?.ok_or(SenderError::NoSuchSubmission { id })?;
        if let Some(finish) = record.finish {
            return Ok(finish.into());
        }
        let head = self.head().await?;
        let hash = record.newest().map(|attempt| attempt.hash).unwrap_or_default();
        Ok(match self.view.observe(&record, &head).await? {
            Observation::Final(finish) => {
                self.finish(&mut state, record, finish.clone())?;
                finish.into()
            }
            Observation::Mined { block, succeeded } => {
                Outcome::Pending(Pending::Mined { block, succeeded })
            }
            Observation::Unclear => Outcome::Pending(Pending::Unclear),
            Observation::Waiting { any_known, .. } => {
                if let Some(reached) = state.stuck.get(&record.nonce) {
                    Outcome::Pending(Pending::Stuck(*reached))
                } else if !any_known {
                    Outcome::Dropped { hash, refusal: state.refusals.get(&hash).cloned() }
                } else if record.nonce > head.nonces_used {
                    Outcome::Pending(Pending::Behind { nonce: head.nonces_used })
                } else {
                    let attempts = record.attempts.len();
                    Outcome::Pending(Pending::Waiting { hash, attempts })
                }
            }
        })
    }

    /// Does what is due for all submissions that have not ended: looks whether they have, sends
    /// again what the node has forgotten, raises the fees of what is stuck. How many are left.
    ///
    /// # Errors
    /// Those of the node: some submissions may not have been looked at, the next call does. Those of
    /// the journal.
    pub async fn advance(&self) -> Result<usize, SenderError> {
        let mut state = self.state.lock().await;
        state.check_open()?;
        let head = self.head().await?;
        self.reopen(&mut state, &head).await?;
        if state.turn.is_none_or(|(nonce, _)| nonce != head.nonces_used) {
            state.turn = Some((head.nonces_used, head.block.number));
        }
        if let Some((lowest, _)) = state.unfinished.range(head.nonces_used..).next()
            && *lowest > head.nonces_used
        {
            tracing::warn!(
                missing = head.nonces_used,
                waiting = lowest,
                "an earlier nonce is not in the journal: the node lags, or the journal is not whole"
            );
        }
        let nonces: Vec<u64> = state.unfinished.keys().copied().collect();
        for nonce in nonces {
            let Some(record) = state.unfinished.get(&nonce).cloned() else { continue };
            match self.view.observe(&record, &head).await? {
                Observation::Final(finish) => self.finish(&mut state, record, finish)?,
                Observation::Mined { block, succeeded } => {
                    tracing::debug!(nonce, block = block.number, succeeded, "mined, not yet final");
                }
                Observation::Unclear => tracing::debug!(nonce, "not clear yet"),
                Observation::Waiting { newest_known, .. } => {
                    self.push(&mut state, record, newest_known, &head).await?;
                }
            }
        }
        Ok(state.unfinished.len())
    }

    /// Waits until a submission has ended, and drives all of them meanwhile. Failures of the node
    /// are waited out.
    ///
    /// # Errors
    /// [`SenderError::NoSuchSubmission`], and those of the journal.
    pub async fn wait(&self, id: SubmissionId) -> Result<Outcome, SenderError> {
        let mut backoff = Backoff::new(self.config.backoff);
        loop {
            let outcome = match self.advance().await {
                Ok(_) => self.outcome(id).await,
                Err(error) => Err(error),
            };
            let pause = match outcome {
                Ok(outcome) if outcome.is_final() => return Ok(outcome),
                Ok(_) => {
                    backoff = Backoff::new(self.config.backoff);
                    self.config.poll_interval
                }
                Err(error @ (SenderError::Rpc(_) | SenderError::NoBlock)) => {
                    let pause = backoff.failed();
                    tracing::warn!(%error, wait_ms = pause.as_millis() as u64, "could not read the chain");
                    pause
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// The most to offer for a call's gas: what may be offered at all, and what the call may cost.
    fn fee_cap(&self, call: &Call, gas_limit: u64) -> u128 {
        self.config.fee_cap_wei.min(call.fee_max_wei(gas_limit))
    }

    fn find(&self, id: SubmissionId) -> Result<Option<Record>, SenderError> {
        Ok(self.journal.find(self.key, id)?)
    }

    async fn head(&self) -> Result<ChainHead, SenderError> {
        self.view.head(self.key).await?.ok_or(SenderError::NoBlock)
    }

    /// Runs the call without sending it: the gas limit to send it with.
    async fn simulate(&self, call: &Call) -> Result<u64, SubmitError> {
        let request = call.to_request().with_from(self.key.address);
        let latest = BlockNumberOrTag::Latest;
        let rpc = &self.view.rpc;
        let gas = match call.gas {
            Some(gas) => rpc.ask::<_, Bytes>("eth_call", (&request, latest)).await.map(|_| gas),
            None => rpc.ask::<_, U64>("eth_estimateGas", (&request, latest)).await.map(|gas| {
                let gas = u128::from(gas.to::<u64>());
                let margin = gas * u128::from(self.config.gas_margin_percent) / 100;
                let estimate = u64::try_from(gas).unwrap_or(u64::MAX);
                let with_margin = u64::try_from(gas + margin).unwrap_or(u64::MAX);
                // No node takes more than the most, unless its own estimate is above it.
                let most = TRANSACTION_GAS_MAX.max(estimate);
                with_margin.max(call.gas_least.unwrap_or_default()).min(most)
            }),
        };
        gas.map_err(|error| match refusal::revert_data(&error) {
            Some(data) => SubmitError::WouldRevert { data },
            None => match refusal::classify(&error) {
                Some(_) => SubmitError::Simulation { message: error.to_string() },
                None => SenderError::from(error).into(),
            },
        })
    }

    /// Whether the key can pay `cost` beside everything that is under way. Nodes ask the same, and
    /// later: then a nonce would be taken by what cannot be sent.
    async fn check_funds(&self, state: &State, cost: U256) -> Result<(), SubmitError> {
        let balance: U256 = self
            .view
            .rpc
            .ask("eth_getBalance", (self.key.address, BlockNumberOrTag::Latest))
            .await
            .map_err(SenderError::from)?;
        let needed = state
            .unfinished
            .values()
            .map(Record::cost_max)
            .fold(cost, |sum, cost| sum.saturating_add(cost));
        if balance < needed {
            return Err(SubmitError::InsufficientFunds { balance, needed });
        }
        Ok(())
    }

    /// The nonce after all that the chain has used and all that the journal has taken. The journal
    /// is asked for finished ones too: a node that lags does not know of them.
    fn next_nonce(&self, head: &ChainHead) -> Result<u64, SenderError> {
        let taken = self.journal.at_or_above(self.key, head.nonces_used)?;
        Ok(taken.last().map_or(head.nonces_used, |record| record.nonce + 1))
    }

    async fn sign(
        &self,
        call: &Call,
        nonce: u64,
        gas_limit: u64,
        fees: Fees,
        block: u64,
    ) -> Result<Attempt, SenderError> {
        let mut transaction = TxEip1559 {
            chain_id: self.key.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: fees.max_wei,
            max_priority_fee_per_gas: fees.tip_wei,
            to: call.to,
            value: call.value,
            access_list: Default::default(),
            input: call.data.clone(),
        };
        let signature = self.signer.sign_transaction(&mut transaction).await?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        let raw = Bytes::from(envelope.encoded_2718());
        Ok(Attempt { hash: *envelope.tx_hash(), raw, fees, block })
    }

    /// Sends an attempt that is written down. Nothing depends on the answer but what to try next.
    async fn broadcast(&self, state: &mut State, nonce: u64, attempt: &Attempt) -> Broadcast {
        let hash = attempt.hash;
        let answer: Result<B256, _> =
            self.view.rpc.ask("eth_sendRawTransaction", (&attempt.raw,)).await;
        match answer {
            Ok(_) => {
                state.refusals.remove(&hash);
                tracing::debug!(nonce, %hash, "sent");
                Broadcast::Accepted
            }
            Err(error) => {
                let message = error.to_string();
                match refusal::classify(&error) {
                    Some(Refusal::AlreadyKnown) => {
                        state.refusals.remove(&hash);
                        tracing::debug!(nonce, %hash, "the node has it already");
                        Broadcast::Accepted
                    }
                    Some(refusal) => {
                        tracing::warn!(nonce, %hash, ?refusal, message, "the node refused it");
                        state.refusals.insert(hash, (refusal, message.clone()));
                        Broadcast::Refused { refusal, message }
                    }
                    None => {
                        tracing::warn!(nonce, %hash, message, "no answer; the node may have it");
                        Broadcast::Unanswered { message }
                    }
                }
            }
        }
    }

    /// Moves a submission on whose nonce is unused: raises its fees if it is its turn and it is
    /// stuck, sends it again if the node does not have it.
    async fn push(
        &self,
        state: &mut State,
        mut record: Record,
        newest_known: bool,
        head: &ChainHead,
    ) -> Result<(), SenderError> {
        let nonce = record.nonce;
        let Some(newest) = record.newest().cloned() else { return Ok(()) };
        let turn = state.turn.filter(|(turn, _)| *turn == nonce);
        let waited =
            turn.map(|(_, since)| head.block.number.saturating_sub(since.max(newest.block)));
        let too_cheap = matches!(
            state.refusals.get(&newest.hash),
            Some((Refusal::FeeTooLow | Refusal::ReplacementUnderpriced, _))
        );
        let due = waited.is_some_and(|blocks| blocks >= self.config.stuck_after_blocks)
            || (turn.is_some() && too_cheap && !newest_known);
        if due {
            let SenderConfig { tip_wei, bump_percent, .. } = self.config;
            let cap_wei = self.fee_cap(&record.call, record.gas_limit);
            match fees::raised(newest.fees, base_fee(head)?, tip_wei, bump_percent, cap_wei) {
                Ok(fees) => {
                    state.stuck.remove(&nonce);
                    let number = head.block.number;
                    let attempt =
                        self.sign(&record.call, nonce, record.gas_limit, fees, number).await?;
                    tracing::info!(
                        nonce,
                        hash = %attempt.hash,
                        replaces = %newest.hash,
                        max_fee_wei = fees.max_wei,
                        "raising the fees"
                    );
                    record.attempts.push(attempt.clone());
                    state.put(&*self.journal, record)?;
                    self.broadcast(state, nonce, &attempt).await;
                    return Ok(());
                }
                Err(reached) => {
                    if state.stuck.insert(nonce, reached) != Some(reached) {
                        tracing::warn!(nonce, id = %record.id, "{reached}");
                    }
                }
            }
        }
        if !newest_known {
            self.broadcast(state, nonce, &newest).await;
        }
        Ok(())
    }

    fn finish(
        &self,
        state: &mut State,
        mut record: Record,
        finish: Finish,
    ) -> Result<(), SenderError> {
        let (id, nonce) = (record.id, record.nonce);
        match &finish {
            Finish::Mined { receipt, reason } => tracing::info!(
                %id,
                nonce,
                hash = %receipt.transaction_hash,
                block = receipt.block_number,
                succeeded = receipt.status(),
                reason = reason.as_ref().map(tracing::field::display),
                "final"
            ),
            Finish::Replaced { by, block } => tracing::error!(
                %id,
                nonce,
                by = by.as_ref().map(tracing::field::display),
                block = block.number,
                "the nonce was used by something else: this key is in use elsewhere"
            ),
        }
        record.finish = Some(finish);
        state.put(&*self.journal, record)
    }

    /// Takes up again what had been mined, if another block has taken the place of the one that it
    /// was in: a reorganisation deeper than the confirmations. Its nonce would be a gap for ever.
    ///
    /// What was replaced stays so: its caller was told that it will not be mined.
    async fn reopen(&self, state: &mut State, head: &ChainHead) -> Result<(), SenderError> {
        for mut record in self.journal.at_or_above(self.key, head.nonces_used)? {
            let Some(block) = record.mined_in() else { continue };
            if !self.view.is_superseded(block).await? {
                continue;
            }
            tracing::error!(
                id = %record.id,
                nonce = record.nonce,
                block = block.number,
                "a reorganisation deeper than the confirmations undid what was final"
            );
            record.finish = None;
            state.put(&*self.journal, record)?;
        }
        Ok(())
    }
}

fn ticket(record: &Record, broadcast: Broadcast) -> Ticket {
    let hash = record.newest().map(|attempt| attempt.hash).unwrap_or_default();
    Ticket { id: record.id, nonce: record.nonce, hash, broadcast }
}

fn base_fee(head: &ChainHead) -> Result<u128, SenderError> {
    head.block.base_fee_per_gas.map(u128::from).ok_or(SenderError::NoBaseFee)
}
