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
/// After how many answers it is tried whether the node takes more than it refused.
const PROBE_EVERY: u32 = 64;
/// How often the node is asked for logs in one look: new ones, those that a reorganisation may have
/// replaced, and those of all the window.
const REQUESTS_MAX: [u32; 3] = [64, 16, 32];

/// What was read.
pub(super) struct DemandLog {
    /// The first block that was not read yet; none before the first look.
    next: Option<u64>,
    /// What is read anew: the last blocks, and all of the window. Both go on where they were left.
    tail: Option<Blocks>,
    all: Option<Blocks>,
    read_all: Instant,
    size: RangeSize,
    /// The newest block's time, unix seconds.
    time: u64,
}

/// Blocks that are to be read, both ends included.
#[derive(Clone, Copy)]
struct Blocks {
    next: u64,
    last: u64,
}

impl Blocks {
    fn are_left(self) -> bool {
        self.next <= self.last
    }
}

/// How many blocks are asked for at once: found by halves between what the node gave and what it refused.
struct RangeSize {
    blocks: u64,
    given: u64,
    refused: u64,
    answers: u32,
}

impl RangeSize {
    /// The node gave so many.
    fn given(&mut self, blocks: u64) {
        self.given = self.given.max(blocks);
        self.refused = self.refused.max(self.given + 1);
        self.answers += 1;
        if self.answers.is_multiple_of(PROBE_EVERY) {
            // It may give more by now.
            self.refused = self.given.saturating_mul(2) + 1;
        }
        self.blocks = self.given.midpoint(self.refused).clamp(1, RANGE_MAX);
    }

    /// It refused so many.
    fn refused(&mut self, blocks: u64) {
        if self.given >= blocks {
            self.given = blocks / 2;
        }
        self.refused = blocks;
        self.blocks = if self.given > 0 { self.given } else { (blocks / 2).max(1) };
    }
}

impl Default for DemandLog {
    fn default() -> Self {
        let (given, refused, answers) = (0, RANGE_MAX + 1, 0);
        let size = RangeSize { blocks: RANGE_MAX, given, refused, answers };
        let (next, tail, all, time) = (None, None, None, 0);
        Self { next, tail, all, read_all: Instant::now(), size, time }
    }
}

impl DemandLog {
    /// The time of the newest block that was seen, unix seconds.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// Reads what is new, then a part of what is read anew.
    pub(super) async fn read(&mut self, node: &Node, book: &mut Book) -> Result<(), AnswerError> {
        let (head, now) = block(node, None).await?;
        self.time = now;
        let [for_new, for_tail, for_all] = REQUESTS_MAX;
        let periods = &node.context.periods;
        let next = match self.next {
            Some(next) => next,
            // What is older than the wallet remembers batches cannot be answered.
            None => first_block_since(node, now.saturating_sub(periods.keep_seconds), head).await?,
        };
        let mut new = Blocks { next, last: head };
        let read = self.read_blocks(node, book, &mut new, for_new).await;
        self.next = Some(new.next);
        read?;
        if new.are_left() {
            return Ok(());
        }
        let depth = node.context.ledger.config().undo_blocks;
        let mut tail =
            self.tail.unwrap_or(Blocks { next: (head + 1).saturating_sub(depth), last: head });
        let read = self.read_blocks(node, book, &mut tail, for_tail).await;
        self.tail = tail.are_left().then_some(tail);
        read?;
        if self.all.is_none() && self.read_all.elapsed() >= READ_ALL_EVERY {
            let since = now.saturating_sub(periods.response_seconds);
            let next = first_block_since(node, since, head).await?;
            self.all = Some(Blocks { next, last: head });
        }
        if let Some(mut all) = self.all {
            let read = self.read_blocks(node, book, &mut all, for_all).await;
            self.all = all.are_left().then_some(all);
            if self.all.is_none() {
                self.read_all = Instant::now();
            }
            read?;
        }
        Ok(())
    }

    /// Reads blocks as far as it comes with so many requests: the next one is then the first not read.
    async fn read_blocks(
        &mut self,
        node: &Node,
        book: &mut Book,
        blocks: &mut Blocks,
        requests: u32,
    ) -> Result<(), AnswerError> {
        blocks.next = blocks.next.max(node.context.since_block);
        for _ in 0..requests {
            if !blocks.are_left() {
                break;
            }
            let to = blocks.last.min(blocks.next.saturating_add(self.size.blocks - 1));
            let filter = Filter::new()
                .address(node.guarantee.id().address)
                .event_signature(GuaranteeEvent::DEMANDED)
                .topic1(node.processor().into_word())
                .from_block(blocks.next)
                .to_block(to);
            match node.ask("eth_getLogs", node.context.provider.get_logs(&filter)).await {
                Ok(logs) => {
                    logs.iter().for_each(|log| add(node, book, log));
                    self.size.given(to + 1 - blocks.next);
                    blocks.next = to + 1;
                }
                Err(error) if to == blocks.next => return Err(error),
                Err(_) => self.size.refused(to + 1 - blocks.next),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of so many blocks at most, a node of this kind gives all of them, and is seldom asked for more.
    #[test]
    fn what_a_node_takes_is_found_and_kept_to() {
        for most in [1, 2, 3, 10, 1_000, RANGE_MAX] {
            let mut size = DemandLog::default().size;
            let (mut read, mut refused) = (0, 0);
            for _ in 0..400 {
                if size.blocks > most {
                    refused += 1;
                    size.refused(size.blocks);
                } else {
                    read += size.blocks;
                    size.given(size.blocks);
                }
            }
            assert!(read >= 300 * most, "{read} blocks of a node that gives {most}");
            assert!(refused <= 80, "{refused} of 400 requests are refused at {most}");
        }
    }
}
