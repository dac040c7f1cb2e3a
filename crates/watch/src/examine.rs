//! What the chain has of receipts. A processor only says where to look.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aep2_chain::inclusion::{NotSettled, SettledTransaction};
use aep2_mandate::typed_data::outcome::{OutcomeStatus, SignedOutcome};
use aep2_processor_client::{ProcessorError, lookup::Inclusion};
use alloy::primitives::{Address, B256};
use futures::{StreamExt, stream};

use crate::{
    chain::{Chain, Head},
    error::WatchError,
    processor::ProcessorWord,
    step::{Settled, Standing},
    watched::Watched,
};

/// How long one processor may keep a round waiting: whoever answers slowly holds up nothing.
const PROCESSOR_TIME_MAX: Duration = Duration::from_secs(45);
/// How many mandates one question is about.
const TOGETHER_MAX: usize = 128;

/// How many proofs one processor is asked for at once.
const PROOFS_AT_ONCE: usize = 8;

/// What asking for a proof led to.
enum Proven {
    Settled(Settled),
    Contradicted(String),
    Nothing,
    Away(ProcessorError),
}

/// Looks at receipts in one round.
pub(crate) struct Examiner<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) head: Head,
    pub(crate) confirmations: u64,
    /// What transactions settled: many receipts are settled by one.
    settlements: Mutex<HashMap<B256, Arc<SettledTransaction>>>,
}

/// What a processor's word led to.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// What was found to be settled, by the receipts' digests.
    pub(crate) settled: HashMap<B256, Settled>,
    /// What it said that the chain does not bear out.
    pub(crate) contradicted: Vec<(B256, String)>,
    /// Why it did not answer.
    pub(crate) away: Option<ProcessorError>,
}

impl<'a> Examiner<'a> {
    pub(crate) fn new(chain: &'a Chain, head: Head, confirmations: u64) -> Self {
        Self { chain, head, confirmations, settlements: Mutex::default() }
    }

    /// Asks a processor what became of its receipts, and looks for what it says on the chain. One that does
    /// not answer, or answers slowly, is not asked on in this round.
    pub(crate) async fn ask(
        &self,
        word: &dyn ProcessorWord,
        processor: Address,
        receipts: &[&Watched],
    ) -> Result<Asked, WatchError> {
        let (mut asked, begun) = (Asked::default(), Instant::now());
        let domain = self.chain.wallet_id().eip712_domain();
        for together in receipts.chunks(TOGETHER_MAX) {
            let ids: Vec<B256> = together.iter().map(|own| own.mandate_id()).collect();
            let outcomes = match word.outcomes(&ids).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    asked.away = Some(error);
                    return Ok(asked);
                }
            };
            // Whoever else signed it says nothing. What was not settled, the chain shows by itself.
            let is_settled = |(own, outcome): &(&&Watched, Option<SignedOutcome>)| {
                outcome.as_ref().is_some_and(|outcome| {
                    outcome.message.mandate_id == own.mandate_id()
                        && outcome.message.status == OutcomeStatus::Settled
                        && outcome.verify(&domain, processor).is_ok()
                })
            };
            let settled = together.iter().zip(outcomes).filter(is_settled).map(|(own, _)| *own);
            let proving = stream::iter(settled.collect::<Vec<_>>())
                .map(|own| async { (own.digest, self.prove(word, own).await) })
                .buffer_unordered(PROOFS_AT_ONCE)
                .collect::<Vec<_>>();
            for (digest, proven) in proving.await {
                match proven? {
                    Proven::Settled(settled) => drop(asked.settled.insert(digest, settled)),
                    Proven::Contradicted(reason) => asked.contradicted.push((digest, reason)),
                    Proven::Nothing => {}
                    Proven::Away(error) => asked.away = Some(error),
                }
            }
            if asked.away.is_some() || begun.elapsed() > PROCESSOR_TIME_MAX {
                break;
            }
        }
        Ok(asked)
    }

    /// Asks a processor for the proof that a mandate was settled, and checks it.
    async fn prove(&self, word: &dyn ProcessorWord, own: &Watched) -> Result<Proven, WatchError> {
        Ok(match word.inclusion(own.mandate_id()).await {
            Ok(Some(inclusion)) => match self.check(own, &inclusion).await? {
                Ok(settled) => Proven::Settled(settled),
                Err(reason) => Proven::Contradicted(reason),
            },
            Ok(None) => Proven::Nothing,
            Err(error) => Proven::Away(error),
        })
    }

    /// What a proof shows, or why it shows nothing.
    async fn check(
        &self,
        own: &Watched,
        inclusion: &Inclusion,
    ) -> Result<Result<Settled, String>, WatchError> {
        let settlement = match self.settlement(inclusion.transaction).await {
            Ok(settlement) => settlement,
            Err(NotSettled::Chain(error)) => {
                return Err(WatchError::node("for a settlement", &error));
            }
            // Also where the node does not know it, or not yet: what is no block's shows nothing.
            Err(error) => return Ok(Err(error.to_string())),
        };
        let (mandate, proof) = (&inclusion.mandate, &inclusion.proof);
        let deployment = &self.chain.deployment;
        let found = match settlement.batch.check_inclusion(deployment, mandate, proof) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if found.id != own.promise().mandate_id || mandate.payee != own.promise().payee {
            return Ok(Err("the proof is another mandate's".to_owned()));
        }
        let deep = settlement.block.saturating_add(self.confirmations) <= self.head.number;
        Ok(Ok(if deep { Settled::Shown(found.captured) } else { Settled::NotFinal }))
    }

    async fn settlement(&self, transaction: B256) -> Result<Arc<SettledTransaction>, NotSettled> {
        let lock = || self.settlements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&transaction) {
            return Ok(known.clone());
        }
        let (provider, wallet) = (&self.chain.provider, self.chain.wallet_id());
        let read = Arc::new(SettledTransaction::read(provider, wallet, transaction).await?);
        lock().insert(transaction, read.clone());
        Ok(read)
    }

    /// What the chain has of a receipt. `settled` is what is proved of it.
    pub(crate) async fn standing(
        &self,
        own: &Watched,
        settled: Settled,
    ) -> Result<Standing, WatchError> {
        let promise = own.promise();
        let demand = self.chain.demand(own.digest).await?;
        let paid = self.chain.paid(promise).await?;
        let is_spent = self.chain.is_spent(promise).await?;
        let is_moved = match demand {
            Some(_) => self.chain.is_moved(promise.account, promise.processor).await?,
            None => false,
        };
        Ok(Standing { demand, paid, is_spent, settled, is_moved })
    }
}
