//! Reading what was demanded, from the guarantee's logs.
//!
//! New blocks are read as they come, those again that a reorganisation may have replaced. The logs of the
//! whole response window are read anew from time to time, so that a node that once had none costs time and
//! not the bond. Each part that was read is done: a node that fails, or that takes few blocks at once,
//! costs time, too.

use std::time::{Duration, Instant};

use aep2_chain::wallet::guarantee::events::GuaranteeEvent;
use aep2_ledger::MandateHash;
use alloy::{
    eips::BlockNumberOrTag,
    providers::Provider,
    rpc::types::{Filter, Log},
};

use super::{
    book::Book,
    node::{AnswerError, Node},
    standing::Demand,
};

/// How often the logs of all the response window are read.
const READ_ALL_EVERY: Duration = Duration::from_secs(600);
/// The most blocks whose logs are asked for at once. Some nodes take fewer.
const RANGE_MAX: u64 = 2_000;
/// How often the node is asked for logs in one look, and how often it may fail.
const REQUESTS_MAX: u32 = 64;
const FAILURES_MAX: u32 = 4;

/// What was read.
pub(super) struct DemandLog {
    /// The first block that was not read yet; none before the first look.
    next: Option<u64>,
    /// What is read anew: the next block, and the last one.
    again: Option<(u64, u64)>,
    read_all: Instant,
    /// How many blocks are asked for at once.
    range: u64,
    /// The newest block's time, unix seconds.
    time: u64,
}

impl Default for DemandLog {
    fn default() -> Self {
        let (next, again, time) = (None, None, 0);
        Self { next, again, read_all: Instant::now(), range: RANGE_MAX, time }
    }
}

impl DemandLog {
    /// The time of the newest block that was seen, unix seconds.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// Reads what is new, and a part of what is read anew.
    pub(super) async fn read(&mut self, node: &Node, book: &mut Book) -> Result<(), AnswerError> {
        let (head, now) = block(node, None).await?;
        self.time = now;
        let periods = &node.context.periods;
        let mut next = match self.next {
            Some(next) => next.saturating_sub(node.context.ledger.config().undo_blocks),
            // What is older than the wallet remembers batches cannot be answered.
            None => first_block_since(node, now.saturating_sub(periods.keep_seconds), head).await?,
        };
        let mut requests = REQUESTS_MAX;
        let read = self.read_range(node, book, &mut next, head, &mut requests).await;
        self.next = Some(self.next.unwrap_or(0).max(next));
        read?;
        if self.again.is_none() && self.read_all.elapsed() >= READ_ALL_EVERY {
            let since = now.saturating_sub(periods.response_seconds);
            self.again = Some((first_block_since(node, since, head).await?, head));
        }
        if let Some((mut next, last)) = self.again {
            let read = self.read_range(node, book, &mut next, last, &mut requests).await;
            self.again = (next <= last).then_some((next, last));
            if self.again.is_none() {
                self.read_all = Instant::now();
            }
            read?;
        }
        Ok(())
    }

    /// Reads these blocks as far as it comes: `next` is then the first one not read.
    async fn read_range(
        &mut self,
        node: &Node,
        book: &mut Book,
        next: &mut u64,
        last: u64,
        requests: &mut u32,
    ) -> Result<(), AnswerError> {
        let mut failures = 0;
        *next = (*next).max(node.context.since_block);
        while *next <= last && *requests > 0 {
            *requests -= 1;
            let to = last.min(next.saturating_add(self.range - 1));
            let filter = Filter::new()
                .address(node.guarantee.id().address)
                .event_signature(GuaranteeEvent::DEMANDED)
                .topic1(node.processor().into_word())
                .from_block(*next)
                .to_block(to);
            match node.ask("eth_getLogs", node.context.provider.get_logs(&filter)).await {
                Ok(logs) => {
                    logs.iter().for_each(|log| add(node, book, log));
                    *next = to + 1;
                    self.range = (self.range + self.range / 4 + 1).min(RANGE_MAX);
                }
                Err(error) if self.range == 1 || failures >= FAILURES_MAX => return Err(error),
                Err(_) => {
                    failures += 1;
                    self.range = (self.range / 2).max(1);
                }
            }
        }
        Ok(())
    }
}

/// Adds what a log says, if it is a demand of this processor.
fn add(node: &Node, book: &mut Book, log: &Log) {
    let Ok(GuaranteeEvent::Demanded { processor, mandate_id, digest, answer_until, .. }) =
        GuaranteeEvent::decode(log)
    else {
        return;
    };
    let ours = (log.address(), processor) == (node.guarantee.id().address, node.processor());
    if let Some(transaction) = log.transaction_hash.filter(|_| ours) {
        let mandate = MandateHash::from_bytes(mandate_id);
        book.add(digest, Demand { mandate, answer_until, transaction });
    }
}

/// The first block that is not before a time, unix seconds: blocks' times ascend.
async fn first_block_since(node: &Node, time: u64, head: u64) -> Result<u64, AnswerError> {
    let (mut first, mut last) = (node.context.since_block.min(head), head);
    while first < last {
        let middle = first + (last - first) / 2;
        if block(node, Some(middle)).await?.1 < time {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    Ok(first)
}

/// A block's number and time; the newest one's if none is named.
async fn block(node: &Node, number: Option<u64>) -> Result<(u64, u64), AnswerError> {
    let which = number.map_or(BlockNumberOrTag::Latest, BlockNumberOrTag::Number);
    let asked = async { node.context.provider.get_block_by_number(which).await };
    let block = node.ask("eth_getBlockByNumber", asked).await?;
    let block = block.ok_or_else(|| AnswerError::Node(format!("with block {which}")))?;
    Ok((block.header.number, block.header.timestamp))
}
