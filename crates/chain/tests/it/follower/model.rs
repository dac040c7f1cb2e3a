//! A chain, and the nodes that show it: some behind, on forks that it left, failing, or terse.

use std::collections::HashMap;

use aep2_chain::BlockRef;
use alloy::{
    consensus::{Receipt, ReceiptEnvelope, proofs::calculate_receipt_root},
    primitives::{Address, B256, Bloom, BloomInput, Bytes, LogData, keccak256},
    rpc::types::{Filter, Header, Log},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::scripted::{Failure, Model};

pub(crate) const CHAIN_ID: u64 = 31_337;

/// Whose events are followed.
pub(crate) const WALLET: Address = Address::repeat_byte(0xaa);
/// Whose are not.
pub(crate) const OTHER: Address = Address::repeat_byte(0xbb);

/// How nodes and chain behave. All chances are in percent of messages.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// The chance that blocks are mined, 1 to 3 of them.
    pub(crate) mined: u32,
    /// The chance of a reorganisation.
    pub(crate) reorganised: u32,
    /// The most blocks that one replaces.
    pub(crate) depth_max: usize,
    /// The chance that a message fails.
    pub(crate) failed: u32,
    /// The chance that a message never gets an answer.
    pub(crate) silent: u32,
    /// How many nodes share the address; a message reaches any of them.
    pub(crate) nodes: usize,
    /// The chance that a node catches up with the chain.
    pub(crate) synced: u32,
    /// Whether a node that does not have a block lists no events for it instead of refusing.
    pub(crate) lists_nothing: bool,
    /// The most blocks in a range.
    pub(crate) range_max: u64,
    /// The most events in an answer for several blocks; more are refused.
    pub(crate) logs_refused_from: usize,
    /// The most events in an answer; more are left out without a word.
    pub(crate) logs_cut_at: usize,
    /// The node that lists events, whichever answers the rest.
    pub(crate) logs_from: Option<usize>,
    /// Whether messages with several requests are taken.
    pub(crate) batches: bool,
    /// Whether headers have bloom filters.
    pub(crate) blooms: bool,
    /// Whether a block's receipts are given at once.
    pub(crate) block_receipts: bool,
    /// How many answers to come leave out events, and which of a block's: all, or all but the first.
    pub(crate) hides: u64,
    pub(crate) hides_from: usize,
    /// The transactions' kind. 126 is one that nobody here can hash.
    pub(crate) kind: u64,
}

impl Default for Habits {
    /// One perfect node, and a chain that stands still.
    fn default() -> Self {
        Self {
            mined: 0,
            reorganised: 0,
            depth_max: 1,
            failed: 0,
            silent: 0,
            nodes: 1,
            synced: 100,
            lists_nothing: false,
            range_max: u64::MAX,
            logs_refused_from: usize::MAX,
            logs_cut_at: usize::MAX,
            logs_from: None,
            batches: true,
            blooms: true,
            block_receipts: true,
            hides: 0,
            hides_from: 0,
            kind: 2,
        }
    }
}

#[derive(Clone, Debug)]
struct Block {
    header: Header,
    logs: Vec<Log>,
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) habits: Habits,
    rng: StdRng,
    blocks: HashMap<B256, Block>,
    canonical: Vec<B256>,
    /// What each node takes for the chain.
    nodes: Vec<Vec<B256>>,
    /// The node that answers this message.
    node: usize,
    /// How many blocks were ever made: makes each different.
    made: u64,
    /// Messages, by method. One with several requests counts as the first.
    pub(crate) messages: u64,
    pub(crate) requests: HashMap<String, u64>,
}

impl Chain {
    /// A chain with a first block only.
    pub(crate) fn new(seed: u64, habits: Habits) -> Self {
        let mut chain = Self {
            rng: StdRng::seed_from_u64(seed),
            blocks: HashMap::new(),
            canonical: Vec::new(),
            nodes: Vec::new(),
            node: 0,
            made: 0,
            messages: 0,
            requests: HashMap::new(),
            habits,
        };
        chain.mine_with(0);
        chain.nodes = vec![chain.canonical.clone(); chain.habits.nodes];
        chain
    }

    /// Makes other choices from here on.
    pub(crate) fn shuffle(&mut self, seed: u64) {
        self.rng = StdRng::seed_from_u64(seed);
    }

    /// The newest block's number.
    pub(crate) fn head(&self) -> u64 {
        self.canonical.len() as u64 - 1
    }

    pub(crate) fn block(&self, number: u64) -> BlockRef {
        BlockRef { number, hash: self.canonical[number as usize] }
    }

    /// Mines blocks; some have events of the wallet, of others, or of both.
    pub(crate) fn mine(&mut self, blocks: u64) {
        for _ in 0..blocks {
            let logs = if self.rng.gen_range(0..3) == 0 { self.rng.gen_range(1..4) } else { 0 };
            self.mine_with(logs);
        }
    }

    /// Mines a block with that many events, each of the wallet or not.
    pub(crate) fn mine_with(&mut self, logs: u64) {
        self.made += 1;
        let number = self.canonical.len() as u64;
        let mut logs: Vec<Log> = (0..logs)
            .map(|index| {
                let address = if self.rng.gen_range(0..3) < 2 { WALLET } else { OTHER };
                let topics = vec![keccak256([self.rng.gen_range(0..3)])];
                let data = LogData::new_unchecked(topics, Bytes::from(vec![index as u8]));
                Log {
                    inner: alloy::primitives::Log { address, data },
                    block_number: Some(number),
                    log_index: Some(index),
                    transaction_index: Some(index),
                    transaction_hash: Some(keccak256(
                        [self.made.to_be_bytes(), index.to_be_bytes()].concat(),
                    )),
                    ..Log::default()
                }
            })
            .collect();
        let mut bloom = Bloom::default();
        if self.habits.blooms {
            for log in &logs {
                bloom.accrue(BloomInput::Raw(log.address().as_slice()));
                bloom.accrue(BloomInput::Raw(log.topics()[0].as_slice()));
            }
        }
        let header = Header::new(alloy::consensus::Header {
            number,
            parent_hash: self.canonical.last().copied().unwrap_or_default(),
            logs_bloom: bloom,
            receipts_root: receipts_root(&logs),
            timestamp: 1_700_000_000 + self.made,
            extra_data: Bytes::from(self.made.to_be_bytes()),
            base_fee_per_gas: Some(7),
            ..Default::default()
        });
        for log in &mut logs {
            log.block_hash = Some(header.hash);
        }
        self.canonical.push(header.hash);
        self.blocks.insert(header.hash, Block { header, logs });
    }

    /// Replaces the newest blocks by as many others and one more.
    pub(crate) fn reorganise(&mut self, depth: usize) {
        let depth = depth.min(self.canonical.len() - 1);
        self.canonical.truncate(self.canonical.len() - depth);
        self.mine(depth as u64 + 1);
    }

    /// Takes the newest blocks away.
    pub(crate) fn shorten(&mut self, blocks: usize) {
        self.canonical.truncate(self.canonical.len() - blocks);
    }

    /// Brings all nodes up to the chain.
    pub(crate) fn sync(&mut self) {
        self.nodes.fill(self.canonical.clone());
    }

    /// Brings one node up to the chain.
    pub(crate) fn sync_one(&mut self, node: usize) {
        self.nodes[node] = self.canonical.clone();
    }

    /// What a follower should have delivered when it stands at `tip`.
    pub(crate) fn truth(&self, from: u64, tip: u64) -> Vec<Log> {
        self.canonical
            .iter()
            .skip(from as usize)
            .take((tip + 1).saturating_sub(from) as usize)
            .flat_map(|hash| {
                let block = &self.blocks[hash];
                block.logs.iter().filter(|log| log.address() == WALLET).map(|log| {
                    let mut log = log.clone();
                    log.block_timestamp = Some(block.header.timestamp);
                    log
                })
            })
            .collect()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.gen_range(0..100) < percent
    }

    /// The block that the node at hand has under a number or tag.
    fn by_number(&self, tag: &Value) -> Option<&Block> {
        let chain = &self.nodes[self.node];
        let hash = match tag.as_str().expect("a block") {
            "latest" => chain.last()?,
            number => chain.get(parse(number) as usize)?,
        };
        Some(&self.blocks[hash])
    }

    /// The receipts of a block that the node at hand has: one for each event.
    fn receipts(&mut self, hash: B256) -> Option<Vec<Value>> {
        let chain = &self.nodes[self.habits.logs_from.unwrap_or(self.node)];
        let block = chain.contains(&hash).then(|| &self.blocks[&hash])?;
        let mut logs: Vec<Vec<&Log>> = block.logs.iter().map(|log| vec![log]).collect();
        if self.habits.hides > 0 && !logs.is_empty() {
            self.habits.hides -= 1;
            logs.iter_mut().skip(self.habits.hides_from).for_each(Vec::clear);
        }
        let receipt = |(index, (logs, shown)): (usize, (&Log, &Vec<&Log>))| {
            json!({
                "transactionHash": logs.transaction_hash,
                "transactionIndex": format!("{index:#x}"),
                "blockHash": hash,
                "type": format!("{:#x}", self.habits.kind),
                "status": "0x1",
                "cumulativeGasUsed": format!("{:#x}", 21_000 * (index + 1)),
                "logs": shown,
            })
        };
        Some(block.logs.iter().zip(&logs).enumerate().map(receipt).collect())
    }

    /// The receipt of a transaction in the node's chain.
    fn receipt(&mut self, transaction: B256) -> Option<Value> {
        let chain = &self.nodes[self.habits.logs_from.unwrap_or(self.node)];
        let place = chain.iter().find_map(|hash| {
            let of = |log: &Log| log.transaction_hash == Some(transaction);
            self.blocks[hash].logs.iter().position(of).map(|index| (*hash, index))
        });
        let (hash, index) = place?;
        self.receipts(hash)?.into_iter().nth(index)
    }

    fn logs(&self, params: &Value) -> Result<Value, Failure> {
        let filter: Filter = serde_json::from_value(params[0].clone()).expect("a filter");
        let chain = &self.nodes[self.habits.logs_from.unwrap_or(self.node)];
        let blocks: Vec<&B256> = if let Some(hash) = filter.get_block_hash() {
            match chain.iter().find(|block| **block == hash) {
                Some(block) => vec![block],
                None if self.habits.lists_nothing => vec![],
                None => return Err(Failure::error(-32000, "unknown block")),
            }
        } else {
            let (from, to) =
                (filter.get_from_block().expect("from"), filter.get_to_block().expect("to"));
            assert!(from <= to, "an empty range");
            if to - from >= self.habits.range_max {
                return Err(Failure::error(-32602, "block range is too wide"));
            }
            if to >= chain.len() as u64 && !self.habits.lists_nothing {
                return Err(Failure::error(-32000, "unknown block"));
            }
            chain.iter().skip(from as usize).take((to - from + 1) as usize).collect()
        };
        let blocks_asked = blocks.len();
        let mut logs: Vec<&Log> = blocks
            .iter()
            .flat_map(|hash| &self.blocks[*hash].logs)
            .filter(|log| filter.matches(&log.inner))
            .collect();
        if blocks_asked > 1 && logs.len() >= self.habits.logs_refused_from {
            return Err(Failure::error(-32005, "query returned more than 10 results"));
        }
        logs.truncate(self.habits.logs_cut_at);
        Ok(json!(logs))
    }
}

fn header_json(block: &Block) -> Value {
    let mut json = json!(block.header);
    let sent: Vec<_> = block.logs.iter().map(|log| log.transaction_hash).collect();
    json["transactions"] = json!(sent);
    json
}

fn receipts_root(logs: &[Log]) -> B256 {
    let receipts = logs.iter().enumerate().map(|(index, log)| {
        let receipt = Receipt {
            status: true.into(),
            cumulative_gas_used: 21_000 * (index as u64 + 1),
            logs: vec![log.inner.clone()],
        };
        ReceiptEnvelope::Eip1559(receipt.into())
    });
    calculate_receipt_root(&receipts.collect::<Vec<_>>())
}

fn parse(number: &str) -> u64 {
    u64::from_str_radix(number.strip_prefix("0x").expect("hex"), 16).expect("hex")
}

impl Model for Chain {
    fn message(&mut self, requests: usize) -> Result<(), Failure> {
        self.messages += 1;
        if requests > 1 && !self.habits.batches {
            return Err(Failure::Http(400));
        }
        if self.chance(self.habits.mined) {
            let blocks = self.rng.gen_range(1..=3);
            self.mine(blocks);
        }
        if self.chance(self.habits.reorganised) {
            let depth = self.rng.gen_range(1..=self.habits.depth_max);
            self.reorganise(depth);
        }
        for node in 0..self.nodes.len() {
            if self.chance(self.habits.synced) {
                self.sync_one(node);
            }
        }
        self.node = self.rng.gen_range(0..self.habits.nodes);
        if self.chance(self.habits.failed) {
            return Err(match self.rng.gen_range(0..3) {
                0 => Failure::Http(503),
                1 => Failure::Http(429),
                _ => Failure::error(-32603, "connection reset"),
            });
        }
        if self.chance(self.habits.silent) {
            return Err(Failure::Silence);
        }
        Ok(())
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        *self.requests.entry(method.to_owned()).or_default() += 1;
        match method {
            "eth_chainId" => Ok(json!(format!("{CHAIN_ID:#x}"))),
            "eth_getBlockByNumber" => {
                Ok(self.by_number(&params[0]).map_or(Value::Null, header_json))
            }
            "eth_getBlockByHash" => {
                let hash: B256 = serde_json::from_value(params[0].clone()).expect("a hash");
                let has = self.nodes[self.node].contains(&hash);
                Ok(if has { header_json(&self.blocks[&hash]) } else { Value::Null })
            }
            "eth_getLogs" => self.logs(params),
            "eth_getBlockReceipts" if self.habits.block_receipts => {
                let hash: B256 = serde_json::from_value(params[0].clone()).expect("a hash");
                Ok(json!(self.receipts(hash)))
            }
            "eth_getTransactionReceipt" => {
                let hash: B256 = serde_json::from_value(params[0].clone()).expect("a hash");
                Ok(json!(self.receipt(hash)))
            }
            _ => Err(Failure::error(-32601, "the method does not exist")),
        }
    }
}
