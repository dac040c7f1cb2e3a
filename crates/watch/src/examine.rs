//! What the chain has of receipts. A processor only says where to look.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aep2_chain::inclusion::SettledTransaction;
use aep2_mandate::typed_data::outcome::{OutcomeStatus, SignedOutcome};
use aep2_processor_client::{ProcessorError, lookup::Inclusion};
use alloy::primitives::{Address, B256};
use futures::future::join_all;

use crate::{
    chain::Chain,
    error::WatchError,
    processor::ProcessorWord,
    step::{Settled, Standing},
    watched::{Shown, Watched},
};

/// How long one processor may keep a round waiting: whoever answers slowly holds up nothing.
const PROCESSOR_TIME_MAX: Duration = Duration::from_secs(45);
/// How many mandates one question is about.
const TOGETHER_MAX: usize = 128;

/// How many proofs one processor is asked for at once.
const PROOFS_AT_ONCE: usize = 8;

/// What asking for a proof led to.
enum Proven {
    Settled(Shown),
    Contradicted(String),
    /// Nothing that says anything about the receipt.
    Nothing,
    Away(ProcessorError),
}

/// What a transaction settled, or why it settled nothing; none where the node does not say.
type Settlement = Option<Result<Arc<SettledTransaction>, String>>;

/// Looks at receipts in one round.
pub(crate) struct Examiner<'a> {
    chain: &'a Chain,
    /// What transactions settled: many receipts are settled by one.
    settlements: Mutex<HashMap<B256, Settlement>>,
}

/// What a processor's word led to.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// What was found to be settled, by the receipts' digests.
    pub(crate) settled: HashMap<B256, Shown>,
    /// What it said that the chain does not bear out.
    pub(crate) contradicted: Vec<(B256, String)>,
    /// Why it did not answer.
    pub(crate) away: Option<ProcessorError>,
}

impl<'a> Examiner<'a> {
    pub(crate) fn new(chain: &'a Chain) -> Self {
        Self { chain, settlements: Mutex::default() }
    }

    /// Asks a processor what became of its receipts, and looks for what it says on the chain. One that does
    /// not answer, or answers slowly, is not asked on in this round.
    pub(crate) async fn ask(
        &self,
        word: &dyn ProcessorWord,
        processor: Address,
        receipts: &[&Watched],
    ) -> Asked {
        let (mut asked, begun) = (Asked::default(), Instant::now());
        let domain = self.chain.wallet_id().eip712_domain();
        for together in receipts.chunks(TOGETHER_MAX) {
            let ids: Vec<B256> = together.iter().map(|own| own.mandate_id()).collect();
            let outcomes = match word.outcomes(&ids).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    asked.away = Some(error);
                    return asked;
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
            let settled: Vec<&Watched> = settled.collect();
            self.prove_all(word, &settled, begun, &mut asked).await;
            if asked.away.is_some() || begun.elapsed() > PROCESSOR_TIME_MAX {
                break;
            }
        }
        asked
    }

    /// Asks a processor for proofs about receipts whose nonces are spent: it says what became of a mandate
    /// only when nothing can change that any more, and has the proof before.
    pub(crate) async fn ask_for_proofs(
        &self,
        word: &dyn ProcessorWord,
        receipts: &[&Watched],
    ) -> Asked {
        let mut asked = Asked::default();
        self.prove_all(word, receipts, Instant::now(), &mut asked).await;
        asked
    }

    /// One proof that does not come stops no others. Where none of several comes, nobody is there.
    async fn prove_all(
        &self,
        word: &dyn ProcessorWord,
        receipts: &[&Watched],
        begun: Instant,
        asked: &mut Asked,
    ) {
        for together in receipts.chunks(PROOFS_AT_ONCE) {
            let proving = together.iter().map(|own| self.prove(word, own));
            let mut away = Vec::new();
            for (own, proven) in together.iter().zip(join_all(proving).await) {
                match proven {
                    Proven::Settled(shown) => drop(asked.settled.insert(own.digest, shown)),
                    Proven::Contradicted(reason) => asked.contradicted.push((own.digest, reason)),
                    Proven::Nothing => {}
                    Proven::Away(error) => away.push(error),
                }
            }
            if away.len() == together.len() {
                asked.away = away.pop();
            }
            if asked.away.is_some() || begun.elapsed() > PROCESSOR_TIME_MAX {
                break;
            }
        }
    }

    /// Asks a processor for the proof that a mandate was settled, and checks it.
    async fn prove(&self, word: &dyn ProcessorWord, own: &Watched) -> Proven {
        match word.inclusion(own.mandate_id()).await {
            Ok(Some(inclusion)) => self.check(own, &inclusion).await,
            Ok(None) => Proven::Nothing,
            Err(error) => Proven::Away(error),
        }
    }

    /// What a proof shows, or why it shows nothing. What the processor says decides about its own receipt and
    /// about no other: a transaction that cannot be read shows nothing.
    async fn check(&self, own: &Watched, inclusion: &Inclusion) -> Proven {
        let settlement = match self.settlement(inclusion.transaction).await {
            Some(Ok(settlement)) => settlement,
            // Also where the node does not know it, or not yet: what is no block's shows nothing.
            Some(Err(reason)) => return Proven::Contradicted(reason),
            None => return Proven::Nothing,
        };
        let (mandate, proof) = (&inclusion.mandate, &inclusion.proof);
        let deployment = &self.chain.deployment;
        let found = match settlement.batch.check_inclusion(deployment, mandate, proof) {
            Ok(found) => found,
            Err(error) => return Proven::Contradicted(error.to_string()),
        };
        if found.id != own.promise().mandate_id || mandate.payee != own.promise().payee {
            return Proven::Contradicted("the proof is another mandate's".to_owned());
        }
        Proven::Settled(Shown { amount: found.captured, block: settlement.block })
    }

    async fn settlement(&self, transaction: B256) -> Settlement {
        let lock = || self.settlements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&transaction) {
            return known.clone();
        }
        let read = self.chain.settlement(transaction).await.map(|read| read.map(Arc::new));
        lock().insert(transaction, read.clone());
        read
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
        // What was demanded is settled by what is shown, and not by what is spent.
        let (is_spent, is_moved) = match demand {
            Some(_) => (false, self.chain.is_moved(promise.account, promise.processor).await?),
            None => (self.chain.is_spent(promise).await?, false),
        };
        Ok(Standing { demand, paid, is_spent, settled, is_moved })
    }
}
