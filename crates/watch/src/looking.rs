//! What became of receipts: asking processors and the chain, and remembering what is proved.

use std::collections::{BTreeSet, HashMap};

use aep2_mandate::units::Amount;
use alloy::primitives::B256;
use futures::{StreamExt, stream};

use crate::{
    chain::Head,
    error::WatchError,
    event::Event,
    examine::{Asked, Examiner},
    step::{Settled, Standing},
    watched::{Shown, Told, Watched},
    watcher::{Tell, Watcher, note_away},
};

/// How many receipts are looked at on the chain at once.
const AT_ONCE: usize = 16;

/// Of how many receipts a processor is asked in one round, what became of them. Of the others it is asked in the
/// rounds after; of those that are due and spent it is asked for proofs in any case.
const ASKED_MAX: usize = 2_048;

/// What was found out about receipts that are due.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// What the chain has of them.
    pub(crate) standings: Vec<(B256, Standing)>,
    /// Of how many the node did not say it.
    pub(crate) left_out: usize,
}

impl Watcher {
    /// Asks processors and the chain what became of receipts. One that the node says nothing about is left
    /// out.
    pub(crate) async fn look(&mut self, head: &Head, tell: Tell<'_>) -> Looked {
        let mut known = self.ask_processors(head, tell).await;
        let mut looked = self.look_at_chain(head, &known).await;
        let unproven: BTreeSet<B256> = (looked.standings.iter())
            .filter(|(_, standing)| is_unproven(standing))
            .map(|(digest, _)| *digest)
            .collect();
        let proven = self.ask_for_proofs(&unproven).await;
        for (digest, standing) in &mut looked.standings {
            if let Some(shown) = proven.settled.get(digest) {
                standing.settled = Settled::at(*shown, head.number, self.config.confirmations);
            }
        }
        known.settled.extend(proven.settled);
        known.contradicted.extend(proven.contradicted);
        self.remember(&known.settled, head);
        for (digest, reason) in known.contradicted {
            if let Some(own) = self.state.open.get_mut(&digest)
                && own.tell(Told::Contradicted)
            {
                let (receipt, mandate_id) = (digest, own.mandate_id());
                tell(Event::Contradicted { receipt, mandate_id, reason });
            }
        }
        self.forget_early(head);
        looked
    }

    /// Asks processors what became of their receipts, a part of them each round where there are many.
    async fn ask_processors(&mut self, head: &Head, tell: Tell<'_>) -> Asked {
        let examiner = Examiner::new(&self.chain);
        let mut all = Asked::default();
        for (address, (name, word)) in self.processors() {
            let Some(word) = word else { continue };
            let mut own: Vec<&Watched> = (self.state.open.values())
                .filter(|own| own.promise().processor == address)
                .filter(|own| self.known_settled(own, head) == Settled::Unproven)
                .collect();
            own.sort_by_key(|own| own.promise().settle_by);
            let parts = own.len().div_ceil(ASKED_MAX).max(1);
            let part = own.chunks(ASKED_MAX).nth(self.turn % parts).unwrap_or_default();
            let asked = examiner.ask(&*word, address, part).await;
            note_away(&mut self.away, &name, asked.away.map(|error| error.to_string()), tell);
            all.settled.extend(asked.settled);
            all.contradicted.extend(asked.contradicted);
        }
        self.turn = self.turn.wrapping_add(1);
        all
    }

    /// Looks at those on the chain that may be demanded or claimed. Not at those that may still be settled in
    /// time, nor at those with which a transaction is on its way.
    async fn look_at_chain(&self, head: &Head, asked: &Asked) -> Looked {
        let examiner = Examiner::new(&self.chain);
        let times = self.times();
        let sent: BTreeSet<B256> =
            self.state.sent.iter().flat_map(|sent| &sent.receipts).copied().collect();
        let due = (self.state.open.values())
            .filter(|own| head.time >= times.demand_from(own.promise().settle_by))
            .filter(|own| !sent.contains(&own.digest));
        let found: Vec<(B256, Result<Standing, WatchError>)> = stream::iter(due)
            .map(|own| async {
                let fresh = asked.settled.get(&own.digest);
                let settled = fresh.map_or_else(
                    || self.known_settled(own, head),
                    |shown| Settled::at(*shown, head.number, self.config.confirmations),
                );
                (own.digest, examiner.standing(own, settled).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut looked = Looked::default();
        for (digest, standing) in found {
            match standing {
                Ok(standing) => looked.standings.push((digest, standing)),
                Err(error) => {
                    tracing::warn!(receipt = %digest, %error, "left out of this round");
                    looked.left_out += 1;
                }
            }
        }
        looked.standings.sort_by_key(|(digest, _)| *digest);
        looked
    }

    /// Asks processors that answer for proofs about receipts whose nonces are spent.
    async fn ask_for_proofs(&self, unproven: &BTreeSet<B256>) -> Asked {
        let examiner = Examiner::new(&self.chain);
        let mut all = Asked::default();
        for (address, (name, word)) in self.processors() {
            let Some(word) = word.filter(|_| !self.away.contains(&name)) else { continue };
            let own: Vec<&Watched> = (unproven.iter())
                .filter_map(|digest| self.state.open.get(digest))
                .filter(|own| own.promise().processor == address)
                .collect();
            let asked = examiner.ask_for_proofs(&*word, &own).await;
            all.settled.extend(asked.settled);
            all.contradicted.extend(asked.contradicted);
        }
        all
    }

    /// What was proved before to have been settled of a receipt.
    fn known_settled(&self, own: &Watched, head: &Head) -> Settled {
        let at = |shown| Settled::at(shown, head.number, self.config.confirmations);
        own.shown.map_or(Settled::Unproven, at)
    }

    /// Remembers what is proved for good: when it counts its processor may be away.
    fn remember(&mut self, settled: &HashMap<B256, Shown>, head: &Head) {
        let confirmations = self.config.confirmations;
        for (digest, shown) in settled {
            let is_final =
                matches!(Settled::at(*shown, head.number, confirmations), Settled::Shown(_));
            if let Some(own) = self.state.open.get_mut(digest).filter(|_| is_final) {
                own.shown = Some(*shown);
            }
        }
    }

    /// Forgets receipts that are over before anything could be demanded: settled for good at what is due, or
    /// let go by the payee.
    fn forget_early(&mut self, head: &Head) {
        let times = self.times();
        let figures = &self.figures;
        self.state.open.retain(|own| {
            if head.time >= times.demand_from(own.promise().settle_by) {
                return true;
            }
            let settled = own.shown.is_some_and(|shown| shown.amount >= own.due());
            if settled {
                figures.settled.inc();
            }
            !(settled || own.due() == Amount::ZERO)
        });
    }
}

/// Whether a nonce is spent, and it is not known yet for how much.
fn is_unproven(standing: &Standing) -> bool {
    standing.demand.is_none() && standing.is_spent && standing.settled == Settled::Unproven
}
