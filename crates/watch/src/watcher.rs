//! A watcher: one round after the other. Each reads what came, asks what became of it, and does what is due.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use aep2_chain::{
    deployment::Deployment,
    sender::{FileJournal, Sender, SenderConfig, SubmissionId},
    wallet::units::BaseUnits,
};
use aep2_mandate::{
    clock::Clock,
    units::{Amount, UnixTime},
};
use aep2_receipts::{FolderReader, Statement};
use alloy::{
    primitives::{Address, B256, U256},
    providers::DynProvider,
    signers::local::PrivateKeySigner,
};
use futures::{StreamExt, stream};

use crate::{
    bonds::{self, Backings},
    chain::{Chain, Head},
    config::{ProcessorAt, WatchConfig},
    error::WatchError,
    event::Event,
    examine::{Asked, Examiner},
    figures::Figures,
    intake::{Intake, Refused},
    processor::ProcessorWord,
    state::{State, Store},
    step::{self, Ending, Reason, Settled, Standing, Step, Times},
    watched::{Told, Watched},
    worth,
};

/// How many lines are taken in at once.
const LINES_MAX: usize = 4_096;
/// How many receipts are looked at on the chain at once.
const AT_ONCE: usize = 16;

/// Watches a payee's receipts. See the [crate] for what it promises.
#[derive(Debug)]
pub struct Watcher {
    pub(crate) config: WatchConfig,
    pub(crate) chain: Chain,
    clock: Clock,
    store: Store,
    pub(crate) state: State,
    /// None where things are tried out only.
    pub(crate) sender: Option<Sender>,
    pub(crate) tip_wei: u128,
    /// Who demands and claims.
    pub(crate) own: Address,
    pub(crate) figures: Figures,
    /// What is on its way.
    pub(crate) sent: Option<SubmissionId>,
    /// What the chain refused, and at which block: not tried again before the next one.
    pub(crate) refused: HashMap<B256, u64>,
    /// Of tokens.
    pub(crate) decimals: HashMap<Address, u8>,
    /// Processors that do not answer, and what is not covered by bonds: told when it changes.
    away: BTreeSet<String>,
    short: BTreeSet<(Address, Address)>,
}

/// How things stand after a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Receipts that are not over.
    pub open: usize,
    /// Those that lapsed, demanded or not.
    pub lapsed: usize,
    /// Those that lapsed and are not demanded, nor about to be; those that became too late; and processors
    /// of which it is not known who they are, so that nothing is taken in.
    pub unhandled: usize,
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
    /// When the state or the journal cannot be used, or the node does not answer.
    pub async fn open(
        provider: DynProvider,
        deployment: Deployment,
        config: WatchConfig,
        folder: &Path,
        key: Option<(PrivateKeySigner, SenderConfig)>,
    ) -> Result<Self, WatchError> {
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
            sent: None,
            refused: HashMap::new(),
            decimals: HashMap::new(),
            away: BTreeSet::new(),
            short: BTreeSet::new(),
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

    async fn try_round(&mut self, tell: Tell<'_>) -> Result<Summary, WatchError> {
        let in_flight = self.follow_up().await?;
        let head = self.chain.head().await?;
        self.learn(tell).await;
        self.take_in(&head, tell).await?;
        let examined = self.examine(&head, tell).await?;
        let unhandled = self.unknown();
        let chain_time = Some(head.time);
        let mut summary = Summary { in_flight, unhandled, chain_time, ..Summary::default() };
        let todo = self.decide(examined, &head, &mut summary, tell);
        let backings = self.look_at_bonds(tell).await?;
        let busy = in_flight || self.act(todo, &backings, &head, &mut summary, tell).await?;
        summary.in_flight = busy;
        summary.open = self.state.open.len();
        summary.lapsed = self.lapsed().count();
        self.tidy()?;
        self.save()?;
        self.measure(&summary, &head);
        Ok(summary)
    }

    /// Drives what is on its way. Whether something is.
    async fn follow_up(&mut self) -> Result<bool, WatchError> {
        let Some(sender) = &self.sender else { return Ok(false) };
        let in_flight = sender.advance().await? > 0;
        if self.sent.is_some() && !in_flight {
            sender.forget_ended().await?;
            self.sent = None;
        }
        Ok(in_flight)
    }

    // --- What came ----------------------------------------------------------------------------------

    /// Asks processors who they are, each once.
    async fn learn(&mut self, tell: Tell<'_>) {
        for at in &self.config.processors {
            let known = at.address.or(self.state.processors.get(&at.name).copied());
            let (None, Some(word)) = (known, &at.word) else { continue };
            let wallet = self.chain.wallet_id();
            let failed = match word.identity().await {
                Ok(own) if (own.chain_id, own.wallet) == (wallet.chain_id, wallet.address) => {
                    self.state.processors.insert(at.name.clone(), own.processor);
                    None
                }
                Ok(own) => Some(format!("it settles in the wallet {}", own.wallet)),
                Err(error) => Some(format!(
                    "it never said who it is, so that no receipt is taken in: {error}"
                )),
            };
            note_away(&mut self.away, &at.name, failed, tell);
        }
    }

    /// Who a processor is, if that is known.
    fn address_of(&self, at: &ProcessorAt) -> Option<Address> {
        at.address.or(self.state.processors.get(&at.name).copied())
    }

    /// Of how many processors it is not known who they are.
    fn unknown(&self) -> usize {
        self.config.processors.iter().filter(|at| self.address_of(at).is_none()).count()
    }

    /// The processors whose address is known, with whom to ask.
    fn processors(&self) -> BTreeMap<Address, (String, Option<Arc<dyn ProcessorWord>>)> {
        let known = self
            .config
            .processors
            .iter()
            .filter_map(|at| Some((self.address_of(at)?, (at.name.clone(), at.word.clone()))));
        known.collect()
    }

    /// Takes in what was kept since the last round. Receipts come first: what is said about them may stand
    /// in another file. While a processor is not known, nothing is read: its receipts would be refused.
    async fn take_in(&mut self, head: &Head, tell: Tell<'_>) -> Result<(), WatchError> {
        if self.unknown() > 0 {
            return Ok(());
        }
        let processors = self.processors();
        for folder in &self.config.folders {
            let reader = FolderReader::new(folder);
            loop {
                let mut progress = self.state.progress.get(folder).cloned().unwrap_or_default();
                let mut found = reader.read(&mut progress, LINES_MAX)?;
                if found.is_empty() {
                    self.state.progress.insert(folder.clone(), progress);
                    break;
                }
                found.sort_by_key(|own| !matches!(own.statement, Ok(Statement::Receipt(_))));
                let known = processors.keys().copied().collect();
                // Chains for trials are ahead of the clock here.
                let now = self.clock.now().max(head.time);
                let open = &mut self.state.open;
                let WatchConfig { payee, skew_s, .. } = self.config;
                let mut intake = Intake::new(&self.chain, payee, known, now, skew_s, open);
                for own in found {
                    let taken = match own.statement {
                        Ok(statement) => intake.take(statement, &own.file, open).await?,
                        Err(error) => Err(Refused::NotAStatement { reason: error.to_string() }),
                    };
                    if let Err(reason) = taken
                        && reason != Refused::TooOld
                    {
                        self.figures.refused.inc();
                        tell(Event::LineRefused { file: own.file, at: own.at, reason });
                    }
                }
                self.state.progress.insert(folder.clone(), progress);
            }
        }
        Ok(())
    }

    // --- What became of it --------------------------------------------------------------------------

    /// Asks processors and the chain what became of receipts.
    async fn examine(
        &mut self,
        head: &Head,
        tell: Tell<'_>,
    ) -> Result<Vec<(B256, Standing)>, WatchError> {
        let examiner = Examiner::new(&self.chain, *head, self.config.confirmations);
        let mut all = Asked::default();
        let mut contradicted = Vec::new();
        for (address, (name, word)) in self.processors() {
            let Some(word) = word else { continue };
            let mut own: Vec<&Watched> =
                self.state.open.values().filter(|own| own.promise().processor == address).collect();
            own.sort_by_key(|own| own.promise().settle_by);
            let asked = examiner.ask(&*word, address, &own).await?;
            note_away(&mut self.away, &name, asked.away.map(|error| error.to_string()), tell);
            all.settled.extend(asked.settled);
            contradicted.extend(asked.contradicted);
        }
        let times = self.times();
        // Those that are settled for good are not looked at on the chain once more, and those that may still
        // be settled in time not yet.
        let due: Vec<&Watched> = (self.state.open.values())
            .filter(|own| head.time >= times.demand_from(own.promise().settle_by))
            .collect();
        let settled = &all.settled;
        let standings: Vec<Result<(B256, Standing), WatchError>> = stream::iter(due)
            .map(|own| async {
                let proven = settled.get(&own.digest).copied().unwrap_or(Settled::Unproven);
                Ok((own.digest, examiner.standing(own, proven).await?))
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut standings = standings.into_iter().collect::<Result<Vec<_>, _>>()?;
        standings.sort_by_key(|(digest, _)| *digest);
        for (address, (name, word)) in self.processors() {
            let Some(word) = word.filter(|_| !self.away.contains(&name)) else { continue };
            let unproven: Vec<&Watched> = standings
                .iter()
                .filter(|(_, standing)| is_unproven(standing))
                .filter_map(|(digest, _)| self.state.open.get(digest))
                .filter(|own| own.promise().processor == address)
                .collect();
            let asked = examiner.ask_for_proofs(&*word, &unproven).await?;
            contradicted.extend(asked.contradicted);
            for (digest, standing) in &mut standings {
                if let Some(settled) = asked.settled.get(digest) {
                    standing.settled = *settled;
                }
            }
        }
        for (digest, reason) in contradicted {
            if let Some(own) = self.state.open.get_mut(&digest)
                && own.tell(Told::Contradicted)
            {
                let (receipt, mandate_id) = (digest, own.mandate_id());
                tell(Event::Contradicted { receipt, mandate_id, reason });
            }
        }
        self.forget_early(&all, head);
        Ok(standings)
    }

    /// Forgets receipts that are over before anything could be demanded: settled for good at what is due, or
    /// let go by the payee.
    fn forget_early(&mut self, asked: &Asked, head: &Head) {
        let times = self.times();
        let figures = &self.figures;
        self.state.open.retain(|digest, own| {
            if head.time >= times.demand_from(own.promise().settle_by) {
                return true;
            }
            let proven = asked.settled.get(digest);
            let settled = matches!(proven, Some(Settled::Shown(settled)) if *settled >= own.due());
            if settled {
                figures.settled.inc();
            }
            !(settled || own.due() == Amount::ZERO)
        });
    }

    /// What is to be done about receipts. What is over is told, and forgotten once that is final.
    fn decide(
        &mut self,
        examined: Vec<(B256, Standing)>,
        head: &Head,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> ToDo {
        let (times, own_address) = (self.times(), self.own);
        let mut todo = ToDo::default();
        for (digest, standing) in examined {
            let Some(own) = self.state.open.get_mut(&digest) else { continue };
            let step = step::decide(own, &standing, head.time, &times, own_address);
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
            Some(_) => self.store.save(&self.state),
            None => Ok(()),
        }
    }

    fn measure(&self, summary: &Summary, head: &Head) {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.figures.open.set(whole(summary.open));
        self.figures.lapsed_open.set(whole(summary.lapsed));
        self.figures.unhandled.set(whole(summary.unhandled));
        self.figures.head_time.set(i64::try_from(head.time.get()).unwrap_or(i64::MAX));
        self.figures.spend(self.state.spent.in_all());
    }
}

/// Whether a nonce is spent, and it is not known yet for how much.
fn is_unproven(standing: &Standing) -> bool {
    standing.demand.is_none() && standing.is_spent && standing.settled == Settled::Unproven
}

/// Says that a processor does not answer, or answers again, when that changes.
fn note_away(away: &mut BTreeSet<String>, name: &str, failed: Option<String>, tell: Tell<'_>) {
    let processor = name.to_owned();
    match failed {
        Some(reason) if away.insert(processor.clone()) => {
            tell(Event::ProcessorAway { processor, reason });
        }
        None if away.remove(name) => tell(Event::ProcessorBack { processor }),
        _ => {}
    }
}
