//! Reading a stretch of the chain: its events, and the hashes that say which chain they are of.
//!
//! Two ways, for two situations; the module above says why each is safe.

use std::cmp::Ordering;

use alloy::{
    eips::BlockNumberOrTag,
    providers::Provider,
    rpc::{
        client::BatchRequest,
        types::{Filter, Header, Log},
    },
};
use futures::{
    FutureExt,
    stream::{self, StreamExt, TryStreamExt},
};

use super::{
    fault::{CONCURRENCY, Fault, disagree},
    receipts::Receipts,
    refusal,
};
use crate::rpc::{BlockRef, Rpc, RpcError};

/// A stretch of the chain.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Blocks of it whose hashes are known, ascending; the last block is one of them.
    pub(super) blocks: Vec<BlockRef>,
    /// The header of its last block.
    pub(super) end: Header,
    /// Its events in the chain's order.
    pub(super) logs: Vec<Log>,
}

/// Reads stretches.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) rpc: Rpc,
    filter: Filter,
    /// As many events as this in one answer may be an answer cut short.
    logs_max: usize,
    /// Whether requests go together. Until the node turns out not to take them so.
    batches: bool,
    receipts: Receipts,
}

impl Reader {
    pub(super) fn new(rpc: Rpc, filter: Filter, logs_max: usize) -> Self {
        Self { rpc, filter, logs_max, batches: true, receipts: Receipts::default() }
    }

    /// Learns from a failure that the node does not take several requests in one message. Whether
    /// it was that.
    pub(super) fn note_no_batches(&mut self, fault: &Fault) -> bool {
        let Fault::Rpc(error) = fault else { return false };
        let noted = self.batches && refusal::is_no_batches(error);
        if noted {
            tracing::warn!(%error, "the node takes no batches; asking one by one, which trusts it more");
            self.batches = false;
        }
        noted
    }

    /// The newest block.
    pub(super) async fn head(&self) -> Result<Header, Fault> {
        match self.rpc.header(BlockNumberOrTag::Latest).await? {
            Some(header) => Ok(header),
            None => disagree("the node has no latest block"),
        }
    }

    /// The header of a block that the node should have.
    pub(super) async fn header(&self, number: u64) -> Result<Header, Fault> {
        let header = self.rpc.header(number).await?;
        present(header, number)
    }

    /// Blocks `from` to `to`, far below the head: one request for the events, and the headers of
    /// the last block, of the block before (`tip`) and of those with events.
    pub(super) async fn read_deep(
        &self,
        tip: Option<BlockRef>,
        from: u64,
        to: u64,
    ) -> Result<Stretch, Fault> {
        let range = self.filter.clone().from_block(from).to_block(to);
        let answers = if self.batches {
            self.ask_together(&range, to, tip).await
        } else {
            self.ask_in_turn(&range, to, tip).await
        };
        let (logs, end, below) = match answers {
            Ok(answers) => answers,
            Err(error) if refusal::is_too_much(&error) => {
                return Err(Fault::TooMuch(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        let end = present(end, to)?;
        if let Some(tip) = tip {
            let below = present(below, tip.number)?;
            if below.hash != tip.hash {
                return disagree(format!("block {tip} is now {}", below.hash));
            }
        }
        if logs.len() >= self.logs_max {
            return Err(Fault::TooMuch(format!("{} events in one answer", logs.len())));
        }

        let mut logs = self.in_order(logs, from, to)?;
        let mut numbers: Vec<u64> = logs.iter().filter_map(|log| log.block_number).collect();
        numbers.dedup();
        let headers = self.headers(numbers.into_iter().filter(|number| *number != to)).await?;
        for log in &mut logs {
            let header =
                headers.iter().chain([&end]).find(|header| Some(header.number) == log.block_number);
            match header {
                Some(header) if log.block_hash == Some(header.hash) => {
                    log.block_timestamp.get_or_insert(header.timestamp);
                }
                _ => {
                    return disagree(format!(
                        "an event is of block {:?}, which is not the chain's block {:?}",
                        log.block_hash, log.block_number
                    ));
                }
            }
        }
        Ok(Stretch { blocks: vec![BlockRef::from(&end)], end, logs })
    }

    /// The events of a range and the headers of two blocks, in one message: as a rule one node
    /// answers it, so that the headers prove that the node had those blocks when it looked for
    /// events.
    async fn ask_together(
        &self,
        range: &Filter,
        to: u64,
        tip: Option<BlockRef>,
    ) -> Result<(Vec<Log>, Option<Header>, Option<Header>), RpcError> {
        let header = |number: u64| (BlockNumberOrTag::Number(number), false);
        self.rpc
            .within("eth_getLogs", async {
                let mut batch = BatchRequest::new(self.rpc.provider.client());
                let logs = batch.add_call::<_, Vec<Log>>("eth_getLogs", &(range,))?;
                let end = batch.add_call("eth_getBlockByNumber", &header(to))?;
                let below = match tip {
                    Some(tip) => Some(batch.add_call("eth_getBlockByNumber", &header(tip.number))?),
                    None => None,
                };
                batch.send().await?;
                let logs = logs.await?;
                let end = end.await?;
                let below = match below {
                    Some(below) => below.await?,
                    None => None,
                };
                Ok((logs, end, below))
            })
            .await
    }

    /// The same in three messages, for nodes that take no batches.
    async fn ask_in_turn(
        &self,
        range: &Filter,
        to: u64,
        tip: Option<BlockRef>,
    ) -> Result<(Vec<Log>, Option<Header>, Option<Header>), RpcError> {
        let logs = self.rpc.ask("eth_getLogs", (range,)).await?;
        let end = self.rpc.header(to).await?;
        let below = match tip {
            Some(tip) => self.rpc.header(tip.number).await?,
            None => None,
        };
        Ok((logs, end, below))
    }

    /// Blocks `from` to `to`, which `tip` precedes, near the head: every header, linked by the
    /// hashes of parents, and the events of each block out of its receipts.
    pub(super) async fn read_near(
        &self,
        tip: Option<BlockRef>,
        from: u64,
        to: u64,
    ) -> Result<Stretch, Fault> {
        let headers = self.headers(from..=to).await?;
        let mut parent = tip;
        for header in &headers {
            self.receipts.check_header(header)?;
            if let Some(parent) = parent
                && header.parent_hash != parent.hash
            {
                return disagree(format!("block {} does not follow {parent}", header.number));
            }
            parent = Some(header.into());
        }

        // Made first, since a stream over borrowed headers is `Send` for nobody who spawns it.
        let asked: Vec<_> =
            headers.iter().map(|header| self.logs_of_block(header).boxed()).collect();
        let of_blocks: Vec<Vec<Log>> =
            stream::iter(asked).buffered(CONCURRENCY).try_collect().await?;
        let logs = of_blocks.into_iter().flatten().collect();

        let Some(end) = headers.last() else {
            return disagree("no blocks");
        };
        Ok(Stretch { blocks: headers.iter().map(BlockRef::from).collect(), end: end.clone(), logs })
    }

    /// The events of one block.
    async fn logs_of_block(&self, header: &Header) -> Result<Vec<Log>, Fault> {
        // An empty bloom proves nothing: some chains leave it empty always.
        let has_bloom = !header.logs_bloom.is_zero();
        if has_bloom && !self.filter.matches_bloom(header.logs_bloom) {
            return Ok(Vec::new());
        }
        let mut logs = self.receipts.logs(&self.rpc, header).await?;
        logs.retain(|log| self.is_asked_for(log));
        let mut logs = self.in_order(logs, header.number, header.number)?;
        for log in &mut logs {
            log.block_timestamp.get_or_insert(header.timestamp);
        }
        Ok(logs)
    }

    async fn headers(&self, numbers: impl Iterator<Item = u64>) -> Result<Vec<Header>, Fault> {
        stream::iter(numbers)
            .map(|number| self.header(number).boxed())
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// Whether a log is one of those that are followed.
    fn is_asked_for(&self, log: &Log) -> bool {
        self.filter.matches_address(log.address()) && self.filter.matches_topics(log.topics())
    }

    /// The events sorted, after a look at whether they are what was asked for.
    fn in_order(&self, mut logs: Vec<Log>, from: u64, to: u64) -> Result<Vec<Log>, Fault> {
        for log in &logs {
            let asked_for = log.block_number.is_some_and(|number| (from..=to).contains(&number))
                && log.log_index.is_some()
                && !log.removed
                && self.is_asked_for(log);
            if !asked_for {
                return disagree(format!(
                    "an event that was not asked for, of {} in block {:?}",
                    log.address(),
                    log.block_number
                ));
            }
        }
        let place = |log: &Log| (log.block_number, log.log_index);
        logs.sort_by_key(place);
        if logs.windows(2).any(|pair| place(&pair[0]).cmp(&place(&pair[1])) != Ordering::Less) {
            return disagree("one event twice");
        }
        Ok(logs)
    }
}

fn present(header: Option<Header>, number: u64) -> Result<Header, Fault> {
    match header {
        Some(header) if header.number == number => Ok(header),
        Some(header) => disagree(format!("asked for block {number}, got {}", header.number)),
        None => disagree(format!("block {number} is missing")),
    }
}
