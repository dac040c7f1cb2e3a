//! A chain with one account, its pool of transactions, and a node before them that fails, forgets,
//! lags and speaks of forks that the chain has left.

use std::collections::{BTreeMap, HashMap};

use alloy::{
    consensus::{Receipt, ReceiptEnvelope, Transaction, TxEnvelope},
    eips::Decodable2718,
    primitives::{Address, B256, Bytes, U64, U256, keccak256},
    rpc::types::{Header, Log, TransactionReceipt},
    signers::local::PrivateKeySigner,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::scripted::{Failure, Model};

pub(crate) const CHAIN_ID: u64 = 31_337;
pub(crate) const CONTRACT: Address = Address::repeat_byte(0xcc);

pub(crate) fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).expect("a key")
}

/// What a call does, by the first byte of its calldata; the rest tells calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Succeeds = 0,
    /// Also when it is only simulated.
    Reverts = 1,
    /// Once mined, and when it is run again on its block's state.
    RevertsLater = 2,
    /// Once mined, and nobody can tell why.
    RevertsForNoReason = 3,
}

pub(crate) fn calldata(kind: Kind, tag: u64) -> Bytes {
    [&[kind as u8][..], &tag.to_be_bytes()].concat().into()
}

/// What a call of that calldata reverts with.
pub(crate) fn revert_data(data: &[u8]) -> Bytes {
    [&[0xde, 0xad, 0xbe, 0xef][..], data].concat().into()
}

/// How the chain and its node behave. All chances are in percent of messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Habits {
    /// The chance that a block is mined.
    pub(crate) mined: u32,
    /// The chance that a transaction that could be mined is passed over.
    pub(crate) passed_over: u32,
    /// The chance of a reorganisation.
    pub(crate) reorganised: u32,
    /// The most blocks that one replaces; 0 for none.
    pub(crate) depth_max: usize,
    /// The chance that a transaction is lost from the pool.
    pub(crate) evicted: u32,
    /// The chance that the base fee changes.
    pub(crate) base_fee_moves: u32,
    /// The chance that a message fails before the node reads it.
    pub(crate) failed: u32,
    /// The chance that an answer is lost after the node acted on the request.
    pub(crate) answer_lost: u32,
    /// The chance that someone else uses the key.
    pub(crate) foreign: u32,
    /// The chance that a message reaches a node that shows an old state of the chain.
    pub(crate) stale: u32,
    /// Whether that old state stays the same from here on.
    pub(crate) stale_for_good: bool,
    /// Whether receipts are always of that old state.
    pub(crate) receipts_stale: bool,
    /// Whether transactions below the base fee are refused rather than kept.
    pub(crate) refuses_cheap: bool,
    /// Whether the node has no receipts.
    pub(crate) no_receipts: bool,
    /// Whether the node shows blocks without the transactions in them, as one that is still storing them.
    pub(crate) no_transactions: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) hash: B256,
    pub(crate) nonce: u64,
    pub(crate) max_wei: u128,
    tip_wei: u128,
    pub(crate) data: Bytes,
    /// Not the sender's.
    pub(crate) foreign: bool,
}

impl Tx {
    pub(crate) fn succeeds(&self) -> bool {
        self.foreign || self.data[0] == Kind::Succeeds as u8
    }
}

#[derive(Clone, Debug)]
struct Block {
    header: Header,
    transactions: Vec<Tx>,
    /// How many nonces the key has used after it.
    count: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) habits: Habits,
    rng: StdRng,
    key: Address,
    blocks: HashMap<B256, Block>,
    pub(crate) canonical: Vec<B256>,
    /// The chain as the stale node has it.
    old: Vec<B256>,
    at_old: bool,
    pool: BTreeMap<u64, Tx>,
    pub(crate) base_wei: u128,
    pub(crate) balance: U256,
    made: u64,
    /// After how many more messages the node falls silent. For killing the sender there.
    pub(crate) silent_in: Option<u64>,
    pub(crate) messages: u64,
    /// Every raw transaction that the node was ever sent.
    pub(crate) seen: Vec<Tx>,
}

impl World {
    pub(crate) fn new(seed: u64, habits: Habits) -> Self {
        let mut world = Self {
            habits,
            rng: StdRng::seed_from_u64(seed),
            key: signer().address(),
            blocks: HashMap::new(),
            canonical: Vec::new(),
            old: Vec::new(),
            at_old: false,
            pool: BTreeMap::new(),
            base_wei: 100,
            balance: U256::from(10_u64).pow(U256::from(20)),
            made: 0,
            silent_in: None,
            messages: 0,
            seen: Vec::new(),
        };
        for _ in 0..10 {
            world.mine();
        }
        world.old = world.canonical.clone();
        world
    }

    pub(crate) fn height(&self) -> u64 {
        self.canonical.len() as u64 - 1
    }

    /// How many nonces are used.
    pub(crate) fn count(&self) -> u64 {
        self.canonical.last().map_or(0, |hash| self.blocks[hash].count)
    }

    pub(crate) fn pooled(&self) -> Vec<Tx> {
        self.pool.values().cloned().collect()
    }

    /// The transactions on the chain, with their blocks' numbers.
    pub(crate) fn mined(&self) -> Vec<(u64, Tx)> {
        let blocks = self.canonical.iter().enumerate();
        blocks
            .flat_map(|(number, hash)| {
                self.blocks[hash].transactions.iter().map(move |tx| (number as u64, tx.clone()))
            })
            .collect()
    }

    /// Mines what the pool has for the next nonces.
    pub(crate) fn mine(&mut self) {
        let mut count = self.count();
        let mut transactions = Vec::new();
        while let Some(tx) = self.pool.get(&count) {
            if tx.max_wei < self.base_wei || self.rng.gen_range(0..100) < self.habits.passed_over {
                break;
            }
            transactions.extend(self.pool.remove(&count));
            count += 1;
        }
        self.push(transactions, count);
    }

    /// Mines a block with nothing in it.
    pub(crate) fn mine_empty(&mut self) {
        self.push(Vec::new(), self.count());
    }

    /// Uses the next nonce without a transaction, as an authorisation of EIP-7702 does.
    pub(crate) fn mine_authorisation(&mut self) {
        let count = self.count() + 1;
        self.pool.remove(&(count - 1));
        self.push(Vec::new(), count);
    }

    fn push(&mut self, transactions: Vec<Tx>, count: u64) {
        self.made += 1;
        let header = Header::new(alloy::consensus::Header {
            number: self.canonical.len() as u64,
            parent_hash: self.canonical.last().copied().unwrap_or_default(),
            timestamp: 1_700_000_000 + self.made,
            extra_data: Bytes::from(self.made.to_be_bytes()),
            base_fee_per_gas: Some(self.base_wei as u64),
            ..Default::default()
        });
        self.canonical.push(header.hash);
        self.blocks.insert(header.hash, Block { header, transactions, count });
        self.check();
    }

    /// What must hold at any time: no call is on the chain twice.
    fn check(&self) {
        let mut seen = std::collections::HashSet::new();
        for (_, tx) in self.mined() {
            assert!(tx.foreign || seen.insert(tx.data.clone()), "a call was mined twice: {tx:?}");
        }
    }

    /// Replaces the newest blocks by as many and one more. What was in them goes back to the pool,
    /// or is lost.
    pub(crate) fn reorganise(&mut self, depth: usize, lost_percent: u32) {
        let depth = depth.min(self.canonical.len() - 1);
        for hash in self.canonical.split_off(self.canonical.len() - depth) {
            for tx in self.blocks[&hash].transactions.clone() {
                if tx.foreign || self.rng.gen_range(0..100) >= lost_percent {
                    self.pool.insert(tx.nonce, tx);
                }
            }
        }
        for _ in 0..=depth {
            if self.rng.gen_range(0..2) == 0 { self.mine() } else { self.mine_empty() }
        }
    }

    /// Has the pool hold a transaction, whatever it held for its nonce.
    pub(crate) fn put_in_pool(&mut self, tx: Tx) {
        self.pool.insert(tx.nonce, tx);
    }

    /// Becomes a node that does not have the newest blocks yet.
    pub(crate) fn forget_blocks(&mut self, blocks: usize) {
        self.canonical.truncate(self.canonical.len() - blocks);
    }

    /// Leaves one node at the present state, for good.
    pub(crate) fn leave_one_behind(&mut self) {
        self.old = self.canonical.clone();
        self.habits.stale_for_good = true;
    }

    /// Forgets what waits in the pool.
    pub(crate) fn evict_all(&mut self) {
        self.pool.retain(|_, tx| tx.foreign);
    }

    /// Someone else sends a transaction with the key, over whatever has its nonce in the pool.
    pub(crate) fn foreign(&mut self, nonce: u64) -> B256 {
        self.made += 1;
        let hash = keccak256([&b"foreign"[..], &self.made.to_be_bytes()].concat());
        let (max_wei, tip_wei) = (1_000_000_000, 500);
        let tx = Tx { hash, nonce, max_wei, tip_wei, data: Bytes::new(), foreign: true };
        self.pool.insert(nonce, tx);
        hash
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.gen_range(0..100) < percent
    }

    fn view(&self) -> &[B256] {
        if self.at_old { &self.old } else { &self.canonical }
    }

    fn block(&self, id: &Value) -> Option<&Block> {
        if let Some(hash) = id.get("blockHash") {
            let hash: B256 = serde_json::from_value(hash.clone()).expect("a hash");
            return self.view().contains(&hash).then(|| &self.blocks[&hash]);
        }
        let hash = match id.as_str().expect("a block") {
            "latest" => self.view().last()?,
            number => {
                let number = u64::from_str_radix(&number[2..], 16).expect("hex");
                self.view().get(number as usize)?
            }
        };
        Some(&self.blocks[hash])
    }

    fn find(&self, view: &[B256], hash: B256) -> Option<(&Block, usize)> {
        view.iter().find_map(|block| {
            let block = &self.blocks[block];
            Some((block, block.transactions.iter().position(|tx| tx.hash == hash)?))
        })
    }

    fn receipt(&self, hash: B256) -> Value {
        let view = if self.habits.receipts_stale { &self.old } else { self.view() };
        let found = self.find(view, hash).filter(|_| !self.habits.no_receipts);
        let Some((block, index)) = found else { return Value::Null };
        let tx = &block.transactions[index];
        let logs: Vec<Log> = Vec::new();
        let receipt = Receipt { status: tx.succeeds().into(), cumulative_gas_used: 21_000, logs };
        json!(TransactionReceipt {
            inner: ReceiptEnvelope::Eip1559(receipt.with_bloom()),
            transaction_hash: hash,
            transaction_index: Some(index as u64),
            block_hash: Some(block.header.hash),
            block_number: Some(block.header.number),
            gas_used: 21_000,
            effective_gas_price: tx.max_wei,
            blob_gas_used: None,
            blob_gas_price: None,
            from: self.key,
            to: Some(CONTRACT),
            contract_address: None,
        })
    }

    /// The pool's rules are go-ethereum's.
    fn send(&mut self, raw: &Bytes) -> Result<Value, Failure> {
        let envelope = TxEnvelope::decode_2718(&mut raw.as_ref()).expect("a transaction");
        let signed = envelope.as_eip1559().expect("of EIP-1559");
        let hash = signed.signature_hash();
        let signer = signed.signature().recover_address_from_prehash(&hash).expect("signed");
        assert_eq!(signer, self.key);
        assert_eq!(envelope.chain_id(), Some(CHAIN_ID));
        let tx = Tx {
            hash: *envelope.tx_hash(),
            nonce: envelope.nonce(),
            max_wei: envelope.max_fee_per_gas(),
            tip_wei: envelope.max_priority_fee_per_gas().expect("of EIP-1559"),
            data: envelope.input().clone(),
            foreign: false,
        };
        assert!(tx.tip_wei <= tx.max_wei);
        self.seen.push(tx.clone());
        let refuse = |message: &str| Err(Failure::error(-32000, message));
        let count = self.count();
        if tx.nonce < count {
            return refuse(&format!("nonce too low: next nonce {count}, tx nonce {}", tx.nonce));
        }
        if self.habits.refuses_cheap && tx.max_wei < self.base_wei {
            return refuse("max fee per gas less than block base fee");
        }
        if let Some(old) = self.pool.get(&tx.nonce) {
            if old.hash == tx.hash {
                return refuse("already known");
            }
            let enough = |new: u128, old: u128| new > old && new * 100 >= old * 110;
            if !enough(tx.max_wei, old.max_wei) || !enough(tx.tip_wei, old.tip_wei) {
                return refuse("replacement transaction underpriced");
            }
        }
        let hash = tx.hash;
        self.pool.insert(tx.nonce, tx);
        Ok(json!(hash))
    }

    /// Runs a call without sending it.
    fn call(&self, params: &Value, answer: Value) -> Result<Value, Failure> {
        let data: Bytes = serde_json::from_value(params[0]["input"].clone()).expect("calldata");
        let latest = params[1] == "latest";
        let reverts = match data[0] {
            kind if kind == Kind::Reverts as u8 => true,
            kind if kind == Kind::RevertsLater as u8 => !latest,
            _ => false,
        };
        if reverts {
            return Err(Failure::Error {
                code: 3,
                message: "execution reverted".into(),
                data: Some(json!(revert_data(&data))),
            });
        }
        Ok(answer)
    }
}

impl Model for World {
    fn message(&mut self, _: usize) -> Result<(), Failure> {
        self.messages += 1;
        match &mut self.silent_in {
            Some(0) => return Err(Failure::Silence),
            Some(left) => *left -= 1,
            None => {}
        }
        if self.chance(self.habits.mined) {
            self.mine();
        }
        if self.habits.depth_max > 0 && self.chance(self.habits.reorganised) {
            let depth = self.rng.gen_range(1..=self.habits.depth_max);
            self.reorganise(depth, 50);
        }
        if self.chance(self.habits.evicted) {
            let nonces: Vec<u64> =
                self.pool.values().filter(|tx| !tx.foreign).map(|tx| tx.nonce).collect();
            if !nonces.is_empty() {
                let nonce = nonces[self.rng.gen_range(0..nonces.len())];
                self.pool.remove(&nonce);
            }
        }
        if self.chance(self.habits.base_fee_moves) {
            self.base_wei = self.rng.gen_range(10..1_000);
        }
        if self.chance(self.habits.foreign) {
            let nonce = self.count();
            if self.pool.get(&nonce).is_none_or(|tx| !tx.foreign) {
                self.foreign(nonce);
            }
        }
        if !self.habits.stale_for_good && self.chance(30) {
            self.old = self.canonical.clone();
        }
        self.at_old = self.chance(self.habits.stale);
        if self.chance(self.habits.failed) {
            return Err(if self.rng.gen_range(0..2) == 0 {
                Failure::Http(503)
            } else {
                Failure::error(-32603, "connection reset")
            });
        }
        Ok(())
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        let hash = || -> B256 { serde_json::from_value(params[0].clone()).expect("a hash") };
        let answer = match method {
            "eth_chainId" => json!(U64::from(CHAIN_ID)),
            "eth_getBlockByNumber" => self.block(&params[0]).map_or(Value::Null, |block| {
                let mut json = json!(block.header);
                let shown = if self.habits.no_transactions { &[] } else { &block.transactions[..] };
                json["transactions"] = shown
                    .iter()
                    .map(|tx| {
                        if params[1] == true {
                            let nonce = U64::from(tx.nonce);
                            json!({ "hash": tx.hash, "from": self.key, "nonce": nonce })
                        } else {
                            json!(tx.hash)
                        }
                    })
                    .collect();
                json
            }),
            "eth_getBlockTransactionCountByHash" => match self.blocks.get(&hash()) {
                Some(block) => json!(U64::from(block.transactions.len())),
                None => Value::Null,
            },
            "eth_getTransactionCount" => match self.block(&params[1]) {
                Some(block) => json!(U64::from(block.count)),
                None => return Err(Failure::error(-32000, "header not found")),
            },
            "eth_getTransactionReceipt" => self.receipt(hash()),
            "eth_getTransactionByHash" => {
                let pooled = self.pool.values().any(|tx| tx.hash == hash());
                let known = pooled || self.find(self.view(), hash()).is_some();
                if known { json!({ "hash": hash() }) } else { Value::Null }
            }
            "eth_getBalance" => json!(self.balance),
            "eth_estimateGas" => self.call(params, json!(U64::from(50_000)))?,
            "eth_call" => self.call(params, json!("0x"))?,
            "eth_sendRawTransaction" => {
                let raw: Bytes = serde_json::from_value(params[0].clone()).expect("bytes");
                self.send(&raw)?
            }
            _ => return Err(Failure::error(-32601, "the method does not exist")),
        };
        if self.chance(self.habits.answer_lost) {
            return Err(Failure::Http(504));
        }
        Ok(answer)
    }
}
