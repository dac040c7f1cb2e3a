//! What came: who the processors are, and what was kept of them since the last round.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    path::Path,
    sync::Arc,
};

use aep2_receipts::{FolderReader, Found, Progress, Statement};
use alloy::primitives::Address;

use crate::{
    chain::Head,
    config::{ProcessorAt, WatchConfig},
    error::WatchError,
    event::Event,
    held::{self, Held},
    intake::{Intake, Refused, Taken},
    processor::ProcessorWord,
    watcher::{Tell, Watcher, note_away},
};

/// How many lines are taken in at once.
const LINES_MAX: usize = 4_096;

/// Which lines of a folder are read.
enum Lines {
    /// Those that came since.
    New,
    /// Those that were read before, for processors that were not known then.
    Again(BTreeSet<Address>),
}

impl Watcher {
    // --- Processors ---------------------------------------------------------------------------------

    /// Asks processors who they are, each once. Who says that it is another one that is watched is not
    /// believed: it would speak for the other's receipts.
    pub(crate) async fn learn(&mut self, tell: Tell<'_>) {
        let wallet = self.chain.wallet_id();
        for at in &self.config.processors {
            let learned = &self.state.processors;
            let (None, Some(word)) = (address_of(&self.config, learned, at), &at.word) else {
                continue;
            };
            let failed = match word.identity().await {
                Ok(own) if (own.chain_id, own.wallet) != (wallet.chain_id, wallet.address) => {
                    let (wallet, chain_id) = (own.wallet, own.chain_id);
                    Some(format!("it settles in the wallet {wallet} on chain {chain_id}"))
                }
                Ok(own) => match holder(&self.config, learned, own.processor, at) {
                    Some(other) => Some(format!(
                        "it says that it is {}, which {other} is already: none of its receipts is taken \
                         in. Name each as ADDRESS@URL",
                        own.processor
                    )),
                    None => {
                        self.state.processors.insert(at.name.clone(), own.processor);
                        None
                    }
                },
                Err(error) => Some(format!(
                    "it never said who it is, so that none of its receipts is taken in: {error}"
                )),
            };
            note_away(&mut self.away, &at.name, failed, tell);
        }
    }

    /// Of how many processors it is not known who they are.
    pub(crate) fn unknown(&self) -> usize {
        let address = |at| address_of(&self.config, &self.state.processors, at);
        self.config.processors.iter().filter(|at| address(at).is_none()).count()
    }

    /// The processors whose address is known, with whom to ask.
    pub(crate) fn processors(&self) -> BTreeMap<Address, (String, Option<Arc<dyn ProcessorWord>>)> {
        let known = self.config.processors.iter().filter_map(|at| {
            let address = address_of(&self.config, &self.state.processors, at)?;
            Some((address, (at.name.clone(), at.word.clone())))
        });
        known.collect()
    }

    // --- Lines --------------------------------------------------------------------------------------

    /// Takes in what was kept since the last round, and what had to wait. When a processor becomes known, what
    /// was read before is read once more for its receipts. A folder that cannot be read stops no other.
    ///
    /// # Errors
    /// The first that there was. What was not taken in is taken in by the next round.
    pub(crate) async fn take_in(&mut self, head: &Head, tell: Tell<'_>) -> Result<(), WatchError> {
        let known: BTreeSet<Address> = self.processors().into_keys().collect();
        let grown: BTreeSet<Address> = known.difference(&self.state.taken_in).copied().collect();
        let mut done = Ok(());
        let mut has_grown = Ok(());
        for folder in self.config.folders.clone() {
            if !grown.is_empty() {
                let again = Lines::Again(grown.clone());
                has_grown = has_grown.and(self.read(&folder, again, &known, head, tell).await);
            }
            done = done.and(self.read(&folder, Lines::New, &known, head, tell).await);
        }
        if has_grown.is_ok() {
            self.state.taken_in = known.clone();
        }
        let again = self.take_held(&known, head, tell).await;
        done.and(has_grown).and(again)
    }

    /// Reads a folder.
    async fn read(
        &mut self,
        folder: &Path,
        lines: Lines,
        known: &BTreeSet<Address>,
        head: &Head,
        tell: Tell<'_>,
    ) -> Result<(), WatchError> {
        let reader = FolderReader::new(folder);
        let before = self.state.progress.get(folder).cloned().unwrap_or_default();
        let mut progress = match &lines {
            Lines::New => before.clone(),
            Lines::Again(_) => Progress::default(),
        };
        loop {
            let mut found = reader.read(&mut progress, LINES_MAX)?;
            let is_over = found.is_empty();
            if let Lines::Again(grown) = &lines {
                found.retain(|own| before.covers(&own.file, own.at) && is_of(own, grown));
            }
            self.take(found, &lines, known, head, tell).await?;
            if matches!(lines, Lines::New) {
                self.state.progress.insert(folder.to_owned(), progress.clone());
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Takes lines in. Receipts come first: what is said about them may stand in another file.
    async fn take(
        &mut self,
        mut found: Vec<Found>,
        lines: &Lines,
        known: &BTreeSet<Address>,
        head: &Head,
        tell: Tell<'_>,
    ) -> Result<(), WatchError> {
        found.sort_by_key(|own| !matches!(own.statement, Ok(Statement::Receipt(_))));
        // Whose it is may come to be known, and then it is read again.
        let may_be_known = self.unknown() > 0;
        // Chains for trials are ahead of the clock here.
        let now = self.clock.now().max(head.time);
        let WatchConfig { payee, skew_s, .. } = self.config;
        let (open, times) = (&mut self.state.open, (now, skew_s));
        let mut intake =
            Intake::new(&self.chain, &mut self.keys, payee, known.clone(), times, open);
        for own in found {
            let taken = match &own.statement {
                Ok(statement) => intake.take(*statement, &own.file, open).await?,
                Err(error) => Taken::Refused(Refused::NotAStatement { reason: error.to_string() }),
            };
            let reason = match taken {
                Taken::In => continue,
                Taken::Unmatched => {
                    // Read again, it was held before.
                    if matches!(lines, Lines::New) {
                        self.state.held.extend(Held::new(&own, now));
                    }
                    continue;
                }
                Taken::NotYet(reason) => {
                    self.state.held.extend(Held::new(&own, now));
                    reason
                }
                Taken::Refused(Refused::TooOld) => continue,
                Taken::Refused(Refused::OtherProcessor { .. }) if may_be_known => continue,
                Taken::Refused(reason) => reason,
            };
            self.figures.refused.inc();
            tell(Event::LineRefused { file: own.file, at: own.at, reason });
        }
        Ok(())
    }

    /// Tries once more what did not count before, receipts first.
    async fn take_held(
        &mut self,
        known: &BTreeSet<Address>,
        head: &Head,
        tell: Tell<'_>,
    ) -> Result<(), WatchError> {
        let now = self.clock.now().max(head.time);
        // Afterwards nothing can be demanded by it, nor lowered.
        let periods = self.chain.periods();
        let held_s = periods.promise_seconds.saturating_add(periods.demand_seconds);
        held::trim(&mut self.state.held, now, held_s);
        let WatchConfig { payee, skew_s, .. } = self.config;
        let (open, times) = (&mut self.state.open, (now, skew_s));
        let mut intake =
            Intake::new(&self.chain, &mut self.keys, payee, known.clone(), times, open);
        let held = mem::take(&mut self.state.held).into_iter();
        let mut held: Vec<(Held, Statement)> =
            held.filter_map(|own| own.statement().map(|statement| (own, statement))).collect();
        held.sort_by_key(|(_, statement)| !matches!(statement, Statement::Receipt(_)));
        let mut done = Ok(());
        for (own, statement) in held {
            if done.is_err() {
                self.state.held.push(own);
                continue;
            }
            match intake.take(statement, &own.file, open).await {
                Ok(Taken::In | Taken::Refused(Refused::TooOld)) => {}
                Ok(Taken::Unmatched | Taken::NotYet(_)) => self.state.held.push(own),
                Ok(Taken::Refused(reason)) => {
                    self.figures.refused.inc();
                    tell(Event::LineRefused { file: own.file, at: own.at, reason });
                }
                Err(error) => {
                    self.state.held.push(own);
                    done = Err(error);
                }
            }
        }
        done
    }
}

/// Whether a line may count for one of these processors.
fn is_of(found: &Found, processors: &BTreeSet<Address>) -> bool {
    match &found.statement {
        Ok(Statement::Receipt(own)) => processors.contains(&own.message.processor),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// What processors said that they are, by what they are called.
type Learned = BTreeMap<String, Address>;

/// Who a processor is, if that is known: what its operator says, else what it said itself, unless the operator
/// says that another one is that.
fn address_of(config: &WatchConfig, learned: &Learned, at: &ProcessorAt) -> Option<Address> {
    let is_another =
        |own: &&Address| config.processors.iter().any(|other| other.address == Some(**own));
    at.address.or_else(|| learned.get(&at.name).filter(|own| !is_another(own)).copied())
}

/// Which other processor has this address.
fn holder<'a>(
    config: &'a WatchConfig,
    learned: &Learned,
    address: Address,
    at: &ProcessorAt,
) -> Option<&'a str> {
    let mut others = config.processors.iter().filter(|other| other.name != at.name);
    let other = others.find(|other| address_of(config, learned, other) == Some(address))?;
    Some(&other.name)
}
