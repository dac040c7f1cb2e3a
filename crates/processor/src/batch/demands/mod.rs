//! Answering demands. Whoever has a receipt may demand from the guarantee what it promised, also a payee
//! that was paid: what nobody answers in time is paid from the bond. So every demand about a receipt of
//! this processor is answered from the ledger: with the batch that paid it, and with the capture by which
//! its payee took less.
//!
//! Nothing of this is kept. What is demanded, shown and claimed is on the chain, what was paid is in the
//! ledger; a restart looks again.
//!
//! A payee that was paid pays for the answer, by its deposit. Still it must not be able to have so much
//! answered that something else is not: demands are looked at in the order in which they can be claimed
//! ([`book`]), several are answered by one transaction, and few such transactions are on their way at once
//! ([`answers`]), since settlements share their sender.

mod answers;
mod book;
mod log;
mod node;
mod standing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{primitives::U256, providers::Provider};
use futures::{StreamExt, stream};

use self::{
    answers::Answers,
    book::Book,
    log::DemandLog,
    node::{AnswerError, Node},
    standing::Examiner,
};
use super::context::{Alarms, Context};

/// How often demands are looked for, and how many are looked at each time for each transaction that may
/// answer them; some of them at once.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOKED_AT_EACH: usize = 64;
const AT_ONCE: usize = 16;

/// How often ether is fetched that is this processor's, and when that pays: what fetching costs, so many
/// times.
const FETCH_EVERY: Duration = Duration::from_secs(600);
const FETCH_GAS: u64 = 60_000;
const FETCH_FACTOR: u64 = 20;

/// Answers demands for ever. The alarms are its own: those of batches are cleared when a batch goes on.
pub(super) async fn answer(context: Arc<Context>, alarms: Alarms) {
    let node = Node::new(context);
    let mut demands = Demands {
        log: DemandLog::default(),
        book: Book::new(node.context.periods.response_seconds),
        examiner: Examiner::new(node.clone()),
        answers: Answers::new(node.clone()),
        fetched: Instant::now(),
        node,
    };
    loop {
        let read = demands.look(&alarms).await;
        if let Err(error) = &read {
            tracing::warn!(%error, "demands could not be looked for");
        }
        alarms.set("demands_not_read", read.is_err());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Demands {
    node: Node,
    log: DemandLog,
    book: Book,
    examiner: Examiner,
    answers: Answers,
    /// When it was last looked whether there is ether to be fetched.
    fetched: Instant,
}

impl Demands {
    /// Reads what is demanded, and answers. What is known already is answered also where reading failed.
    async fn look(&mut self, alarms: &Alarms) -> Result<(), AnswerError> {
        let read = self.log.read(&self.node, &mut self.book).await;
        // The clock by which claims go is the chain's; where the node is away, the last one known.
        let now = self.log.time();
        self.answers.follow_up(&mut self.book).await;
        // What cannot be sent need not be known; but whether there is nothing to say is.
        let most = (self.answers.free() * LOOKED_AT_EACH).max(AT_ONCE);
        let due = self.book.due(Instant::now(), most);
        let examiner = &self.examiner;
        let looked = stream::iter(due)
            .map(
                |(digest, demand)| async move { (digest, examiner.standing(digest, demand).await) },
            )
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (digest, standing) in looked {
            if let Some(needed) = self.book.note(digest, standing, now) {
                self.answers.add(digest, needed, &self.book);
            }
        }
        self.answers.send(&mut self.book).await;
        alarms.set("demand_unanswered", self.book.unanswered(now) > 0);
        if self.fetched.elapsed() >= FETCH_EVERY {
            self.fetched = Instant::now();
            self.fetch_ether().await;
        }
        read
    }

    /// Fetches the deposits of those who demanded what they had been paid: they pay for the answers.
    async fn fetch_ether(&self) {
        let (node, own) = (&self.node, self.node.processor());
        let (Ok(ether), Ok(price)) = (
            node.ask("etherOf", node.guarantee.ether(own)).await,
            node.ask("eth_gasPrice", node.context.provider.get_gas_price()).await,
        ) else {
            return;
        };
        let cost = U256::from(price).saturating_mul(U256::from(FETCH_GAS * FETCH_FACTOR));
        if ether < cost || ether.is_zero() {
            return;
        }
        let call = node.guarantee.id().collect_ether(own);
        // By the time, so that it is another one the next time.
        let id = node.submission(&[b"ether", &self.log.time().to_be_bytes()]);
        match node.context.sending.submit(id, call).await {
            Ok(ticket) => {
                tracing::info!(wei = %ether, transaction = %ticket.hash, "fetching deposits")
            }
            Err(error) => tracing::warn!(?error, "deposits could not be fetched"),
        }
    }
}
