//! A watcher: one round after the other. Each reads what came, asks what became of it, and does what is due.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use aep2_chain::{
    deployment::Deployment,
    sender::{FileJournal, Finish, Sender, SenderConfig},
    wallet::units::BaseUnits,
};
use aep2_mandate::{clock::Clock, units::UnixTime};
use aep2_receipts::FolderReader;
use alloy::{
    primitives::{Address, B256, U256},
    providers::DynProvider,
    signers::local::PrivateKeySigner,
};

use crate::{
    bonds::{self, Backings},
    chain::{Chain, Head},
    config::WatchConfig,
    error::WatchError,
    event::Event,
    figures::Figures,
    keys::Keys,
    state::{State, Store},
    step::{self, Ending, Reason, Standing, Step, Times},
    watched::{Payment, Told, Watched},
    worth,
};

/// Watches a payee's receipts. See the [crate] for what it promises.
#[derive(Debug)]
pub struct Watcher {
    pub(crate) config: WatchConfig,
    pub(crate) chain: Chain,
    pub(crate) clock: Clock,
    store: Store,
    pub(crate) state: State,
    /// None where things are tried out only.
    pub(crate) sender: Option<Sender>,
    pub(crate) tip_wei: u128,
    /// Who demands and claims.
    pub(crate) own: Address,
    pub(crate) figures: Figures,
    /// What is known of keys, in this round.
    pub(crate) keys: Keys,
    /// How many rounds there were.
    pub(crate) turn: usize,
    /// What the chain refused, and at which block: not tried again before the next one.
    pub(crate) refused: HashMap<B256, u64>,
    /// Of tokens.
    pub(crate) decimals: HashMap<Address, u8>,
    /// Processors that do not answer, what is not covered by bonds, whether the node has stopped: told when it
    /// changes.
    pub(crate) away: BTreeSet<String>,
    short: BTreeSet<(Address, Address)>,
    is_stale: bool,
    /// Why nothing was sent when that was last decided, and the time before: told when it changes.
    pub(crate) hindered: Option<Hindrance>,
    pub(crate) hindered_before: Option<Hindrance>,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// The limit on ether is reached, or the key has too little.
    Means,
    /// It cannot be sent.
    Sending,
    /// What was sent is not mined, and no more may be offered for it.
    Stuck,
}

/// How things stand after a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Receipts that are not over.
    pub open: usize,
    /// Those that lapsed, demanded or not.
    pub lapsed: usize,
    /// Those that lapsed and are not demanded, nor about to be, or could be claimed and are not; those that
    /// became too late; and processors of which it is not known who they are, so that nothing of theirs is taken
    /// in.
    pub unhandled: usize,
    /// Those about which the node said nothing in this round.
    pub left_out: usize,
    /// Whether the newest block is so old that the node must have stopped.
    pub is_stale: bool,
    /// Whether a transaction is on its way.
    pub in_flight: bool,
    /// The time of the newest block; none before the first round.
    pub chain_time: Option<UnixTime>,
}

/// What is to be done, by the receipts' digests.
#[derive(Debug, Default)]
pub(crate) struct ToDo {
    pub(crate) demand: Vec<(B256, Reason)>,
    pub(crate) lower: Vec<B256>,
    /// With what is owed, and the deposit that comes back.
    pub(crate) claim: Vec<(B256, u128, U256)>,
    /// What was demanded before, and is owed: bonds are spoken for.
    pub(crate) waiting: Vec<(B256, u128)>,
}

/// Hears of what happens.
pub(crate) type Tell<'a> = &'a mut (dyn FnMut(Event) + Send);

impl Watcher {
    /// A watcher that keeps its state in `folder`. With a key it demands and claims; without one it says
    /// what it would do, and changes nothing, its state included. The key is the payee's, or one of somebody
    /// who pays for gas: then what processors signed about captures cannot be brought, and what bonds hold
    /// in part only cannot be claimed.
    ///
    /// # Errors
    /// When two processors are one, the state or the journal cannot be used, or the node does not answer.
    pub async fn open(
        provider: DynProvider,
        deployment: Deployment,
        config: WatchConfig,
        folder: &Path,
        key: Option<(PrivateKeySigner, SenderConfig)>,
    ) -> Result<Self, WatchError> {
        config.check()?;
        let (store, state) = Store::open(folder, deployment.wallet_id(), config.payee)?;
        let own = key.as_ref().map_or(config.payee, |(key, _)| key.address());
        let tip_wei = key.as_ref().map_or(worth::TIP_WEI, |(_, sending)| sending.tip_wei);
        let sender = match key {
            Some((key, sending)) => {
                let journal = Arc::new(FileJournal::open(store.journal())?);
                Some(Sender::open(provider.clone(), key, sending, journal).await?)
            }
            None => None,
        };
        Ok(Self {
            chain: Chain::new(provider, deployment),
            config,
            clock: Clock::system(),
            store,
            state,
            sender,
            tip_wei,
            own,
            figures: Figures::default(),
            keys: Keys::default(),
            turn: 0,
            refused: HashMap::new(),
            decimals: HashMap::new(),
            away: BTreeSet::new(),
            short: BTreeSet::new(),
            is_stale: false,
            hindered: None,
            hindered_before: None,
        })
    }

    /// What it measures.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The receipts that are open.
    pub fn watched(&self) -> impl Iterator<Item = &Watched> {
        self.state.open.values()
    }

    /// One round. What happens is told to `tell` as it does.
    ///
    /// # Errors
    /// See [`WatchError::is_passing`]: the next round takes up what this one did not do.
    pub async fn round(
        &mut self,
        tell: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Summary, WatchError> {
        let done = self.try_round(tell).await;
        match &done {
            Ok(_) => self.figures.rounds.inc(),
            Err(_) => self.figures.failures.inc(),
        };
        done
    }

    /// What cannot be read in the folders is said at the end: what is watched already does not wait for it.
    async fn try_round(&mut self, tell: Tell<'_>) -> Result<Summary, WatchError> {
        self.keys.forget();
        let head = self.chain.head().await?;
        let in_flight = self.follow_up(&head, tell).await?;
        self.learn(tell).await;
        let taken_in = self.take_in(&head, tell).await;
        let looked = self.look(&head, tell).await;
        let mut summary = Summary {
            in_flight,
            left_out: looked.left_out,
            is_stale: self.is_stale(&head, tell),
            chain_time: Some(head.time),
            ..Summary::default()
        };
        let todo = self.decide(looked.standings, &head, &mut summary, tell);
        let backings = self.look_at_bonds(tell).await?;
        if in_flight {
            // Nothing is decided before that is over.
            let held_up = self.wait_for_sent(&todo, tell).await?;
            summary.unhandled += held_up.max(self.state.unhandled).max(self.unknown());
        } else {
            let too_late = std::mem::replace(&mut summary.unhandled, self.unknown());
            summary.in_flight = self.act(todo, &backings, &head, &mut summary, tell).await?;
            self.state.unhandled = summary.unhandled;
            summary.unhandled += too_late;
        }
        summary.open = self.state.open.len();
        summary.lapsed = self.lapsed().count();
        self.tidy()?;
        self.save()?;
        self.measure(&summary, &head);
        taken_in.map(|()| summary)
    }

    /// Drives what is on its way, and books what it costs. Whether something is.
    async fn follow_up(&mut self, head: &Head, tell: Tell<'_>) -> Result<bool, WatchError> {
        let Some(sender) = &self.sender else { return Ok(false) };
        if let Some(id) = self.state.sent.as_ref().map(|sent| sent.id) {
            // More may be left than when it was sent: what was spent a day ago counts no longer.
            let left_wei = self.state.spent.left(self.config.ether_max_wei, head.time);
            sender.set_cost_max(id, left_wei).await?;
        }
        let in_flight = sender.advance().await? > 0;
        if let Some(mut sent) = self.state.sent.clone() {
            // Without a record it was killed before anything was sent.
            let record = sender.record(sent.id).await?;
            let ended = record.as_ref().and_then(|record| Some((record.finish.as_ref()?, record)));
            self.state.sent = match (ended, &record) {
                (None, Some(record)) => {
                    sent.cost_wei = record.cost_max();
                    Some(sent)
                }
                (None, None) => None,
                (Some((finish, record)), _) => {
                    self.state.spent.add(record.cost().unwrap_or(sent.cost_wei), head.time);
                    if let Finish::Mined { receipt, .. } = finish {
                        self.state.ended(sent.receipts.len(), receipt.status());
                        if !receipt.status() {
                            let transaction = receipt.transaction_hash;
                            tell(Event::Failed { receipts: sent.receipts, transaction });
                        }
                    }
                    None
                }
            };
            self.save()?;
        }
        if let Some(sender) = self.sender.as_ref().filter(|_| !in_flight) {
            sender.forget_ended().await?;
        }
        Ok(in_flight)
    }

    /// Whether the newest block is so old that the node must have stopped.
    fn is_stale(&mut self, head: &Head, tell: Tell<'_>) -> bool {
        let latest = head.time.checked_add(self.config.age_max_s).unwrap_or(UnixTime::MAX);
        let is_stale = latest < self.clock.now();
        if is_stale != std::mem::replace(&mut self.is_stale, is_stale) {
            let chain_time = head.time;
            tell(if is_stale { Event::NodeBehind { chain_time } } else { Event::NodeBack });
        }
        is_stale
    }

    // --- What is due --------------------------------------------------------------------------------

    /// What is to be done about receipts. What is over is told, and forgotten once that is final.
    fn decide(
        &mut self,
        examined: Vec<(B256, Standing)>,
        head: &Head,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> ToDo {
        let (times, own_address) = (self.times(), self.own);
        let demanded = self.demanded(&examined);
        let mut todo = ToDo::default();
        for (digest, standing) in examined {
            let Some(own) = self.state.open.get_mut(&digest) else { continue };
            let step = match step::decide(own, &standing, head.time, &times, own_address) {
                // Another receipt on the same payment is demanded, and that pays for both.
                Step::Demand(_) | Step::Over(Ending::TooLate)
                    if demanded.get(&own.payment()).is_some_and(|due| *due >= own.due().get()) =>
                {
                    Step::Wait
                }
                step => step,
            };
            if let Step::Over(ending) = step {
                let since = *own.over_since.get_or_insert(head.number);
                if since.saturating_add(self.config.confirmations) <= head.number {
                    summary.unhandled += usize::from(ending == Ending::TooLate);
                    let own = self.state.open.remove(&digest);
                    own.into_iter().for_each(|mut own| self.end(&mut own, ending, tell));
                }
                continue;
            }
            own.over_since = None;
            match step {
                Step::Demand(reason) => {
                    if own.tell(Told::Lapsed) {
                        self.figures.lapsed.inc();
                        let (receipt, mandate_id, due) = (digest, own.mandate_id(), own.due());
                        tell(Event::Lapsed { receipt, mandate_id, due, why: reason.into() });
                    }
                    todo.demand.push((digest, reason));
                }
                Step::Lower => todo.lower.push(digest),
                Step::Claim { owed } => {
                    let deposit = standing.demand.filter(|demand| demand.demander == own_address);
                    let deposit = deposit.map_or(U256::ZERO, |demand| demand.deposit);
                    todo.claim.push((digest, owed, deposit));
                }
                Step::Wait => {
                    if let Some(demand) = standing.demand {
                        let paid = standing.paid;
                        let had = paid.shown.get().saturating_add(paid.claimed.get());
                        todo.waiting.push((digest, demand.due.get().saturating_sub(had)));
                    }
                }
                Step::Over(_) => {}
            }
        }
        todo
    }

    /// For how much payments are demanded, or about to be.
    fn demanded(&self, examined: &[(B256, Standing)]) -> HashMap<Payment, u128> {
        let on_chain = examined
            .iter()
            .filter_map(|(digest, standing)| Some((*digest, standing.demand?.due.get())));
        let sent = self.state.sent.iter().flat_map(|sent| &sent.receipts);
        let sent =
            sent.filter_map(|digest| Some((*digest, self.state.open.get(digest)?.due().get())));
        let mut all: HashMap<Payment, u128> = HashMap::new();
        for (digest, due) in on_chain.chain(sent) {
            if let Some(own) = self.state.open.get(&digest) {
                let most = all.entry(own.payment()).or_default();
                *most = due.max(*most);
            }
        }
        all
    }

    fn end(&self, own: &mut Watched, ending: Ending, tell: Tell<'_>) {
        let (receipt, mandate_id) = (own.digest, own.mandate_id());
        match ending {
            Ending::Nothing => {}
            Ending::Settled if own.told.contains(&Told::Lapsed) => {
                self.figures.settled_late.inc();
                tell(Event::SettledLate { receipt, mandate_id });
            }
            Ending::Settled => drop(self.figures.settled.inc()),
            Ending::Answered { shown, deposit_lost } => {
                self.figures.deposits_lost.inc_by(u64::from(deposit_lost));
                let shown = BaseUnits::new(shown);
                tell(Event::Answered { receipt, mandate_id, shown, deposit_lost });
            }
            Ending::Claimed { claimed, shown } => {
                self.figures.claim(own.promise().token, claimed);
                let (claimed, shown) = (BaseUnits::new(claimed), BaseUnits::new(shown));
                tell(Event::Claimed { receipt, mandate_id, claimed, shown });
            }
            Ending::TooLate => {
                self.figures.too_late.inc();
                tell(Event::TooLate { receipt, mandate_id, due: own.due() });
            }
        }
    }

    // --- Bonds --------------------------------------------------------------------------------------

    /// Reads what stands behind open receipts, and says where that is too little.
    async fn look_at_bonds(&mut self, tell: Tell<'_>) -> Result<Backings, WatchError> {
        let open = self.state.open.values();
        let backings = bonds::read(&self.chain, self.config.payee, open).await?;
        for (of, backing) in &backings {
            let (processor, token) = *of;
            match (backing.owed > backing.holds(), self.short.contains(of)) {
                (true, false) => {
                    self.short.insert(*of);
                    tell(Event::BondShort {
                        processor,
                        token,
                        owed: BaseUnits::new(backing.owed),
                        own: BaseUnits::new(backing.own),
                        shared: BaseUnits::new(backing.shared),
                        leaving: BaseUnits::new(backing.leaving),
                    });
                }
                (false, true) => {
                    self.short.remove(of);
                    tell(Event::BondEnough { processor, token });
                }
                _ => {}
            }
        }
        self.short.retain(|of| backings.contains_key(of));
        self.figures.back(&backings);
        Ok(backings)
    }

    // --- The rest -----------------------------------------------------------------------------------

    pub(crate) fn times(&self) -> Times {
        Times { periods: self.chain.periods(), grace_s: self.config.grace_s }
    }

    /// The receipts that lapsed and are not over.
    fn lapsed(&self) -> impl Iterator<Item = &Watched> {
        let open = self.state.open.values();
        open.filter(|own| own.over_since.is_none() && own.told.contains(&Told::Lapsed))
    }

    /// Removes old files, where that is set.
    fn tidy(&mut self) -> Result<(), WatchError> {
        let (Some(unused), Some(_)) = (self.config.remove_after, &self.sender) else {
            return Ok(());
        };
        let needed: BTreeSet<&str> =
            self.state.open.values().map(|own| own.file.as_str()).collect();
        for folder in &self.config.folders {
            let reader = FolderReader::new(folder);
            let progress = self.state.progress.entry(folder.clone()).or_default();
            reader.remove_read(progress, unused, |file| needed.contains(file))?;
        }
        Ok(())
    }

    /// Writes the state down; where things are tried out only, nothing.
    pub(crate) fn save(&mut self) -> Result<(), WatchError> {
        match self.sender {
            Some(_) => self.store.save(&mut self.state),
            None => Ok(()),
        }
    }

    fn measure(&self, summary: &Summary, head: &Head) {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.figures.open.set(whole(summary.open));
        self.figures.lapsed_open.set(whole(summary.lapsed));
        self.figures.unhandled.set(whole(summary.unhandled));
        self.figures.left_out.set(whole(summary.left_out));
        self.figures.head_time.set(i64::try_from(head.time.get()).unwrap_or(i64::MAX));
        let under_way = self.state.sent.as_ref().map_or(U256::ZERO, |sent| sent.cost_wei);
        self.figures.spend(self.state.spent.in_all().saturating_add(under_way));
    }
}

/// Says that a processor does not answer, or answers again, when that changes.
pub(crate) fn note_away(
    away: &mut BTreeSet<String>,
    name: &str,
    failed: Option<String>,
    tell: Tell<'_>,
) {
    let processor = name.to_owned();
    match failed {
        Some(reason) if away.insert(processor.clone()) => {
            tell(Event::ProcessorAway { processor, reason });
        }
        None if away.remove(name) => tell(Event::ProcessorBack { processor }),
        _ => {}
    }
}
