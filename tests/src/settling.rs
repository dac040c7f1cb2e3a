//! What the tests of settling ask of a processor and of the chain.

use std::collections::BTreeMap;

use aep2_chain::{call::Call, transact::transact};
use aep2_ledger::{BatchNumber, JournalOpenError, MandateHash, OpenError};
use aep2_mandate::mandate::SignedMandate;
use aep2_processor::{
    Processor, ProcessorConfig, StartError,
    view::{BatchStatus, BatchStep, MandateState},
};
use alloy::primitives::{Address, Bytes, hex};

use crate::{
    payers::Payer,
    world::{World, dev_key, eventually},
};

impl World {
    /// Mandates are sealed as soon as they are accepted.
    pub fn at_once(&self) -> ProcessorConfig {
        let mut config = self.config();
        config.windows.capture_within_s = 0;
        config.windows.age_s_max = 0;
        config
    }

    /// Mandates are sealed when they fill a shape, or when time passes.
    pub fn when_full(&self) -> ProcessorConfig {
        let mut config = self.config();
        config.windows.capture_within_s = 0;
        config
    }

    /// A processor that is ready, on the ledger of one that was stopped: what that one was doing may
    /// take a moment to end.
    pub async fn start_again(&self, config: ProcessorConfig) -> Processor {
        loop {
            match Processor::start(self.parts(), config.clone()).await {
                Ok(processor) => {
                    self.ready(&processor).await;
                    return processor;
                }
                Err(StartError::Open(OpenError::Journal(JournalOpenError::InUse { .. }))) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Blocks are made for each transaction, or only when they are asked for.
    pub async fn automine(&self, on: bool) {
        let asked = self.chain.client().request::<_, serde_json::Value>("evm_setAutomine", (on,));
        asked.await.expect("a setting of the chain");
    }

    /// Empty blocks.
    pub fn mine(&self, blocks: usize) {
        for _ in 0..blocks {
            self.chain.mine().expect("a block");
        }
    }

    /// What an address has of a token.
    pub async fn holds_of(&self, token: Address, owner: Address) -> u128 {
        let token = aep2_chain::token::Token::new(self.chain.provider(), token);
        token.balance_of(owner).await.expect("a balance").to()
    }

    /// What a payer's account has of the token.
    pub async fn balance(&self, payer: &Payer) -> u128 {
        let purse = self.wallet().purse(payer.account, self.token()).await;
        purse.expect("a purse").balance.get()
    }

    /// A token of which more leaves than is sent when `victim` is paid, so that the wallet refuses the
    /// batch and names nobody. It knows one holder: the wallet, which `fund` gives tokens out of
    /// nothing.
    pub async fn greedy_token(&self, victim: Address) -> Address {
        let provider = self.with_key(&dev_key(0));
        let receipt = transact(&provider, &Call::deployment(greedy_token(victim))).await;
        receipt.expect("deployed").contract_address.expect("an address")
    }
}

/// Where a mandate is.
pub fn state(processor: &Processor, mandate: impl Into<MandateHash>) -> MandateState {
    processor.mandate(mandate.into()).expect("reads").expect("known").state
}

/// Whether a batch with a mandate in it is confirmed.
pub fn is_settled(processor: &Processor, mandate: impl Into<MandateHash>) -> bool {
    matches!(state(processor, mandate), MandateState::Settled { .. })
}

/// Accepts mandates, one after another: their ids.
pub async fn accept_all(
    processor: &Processor,
    mandates: impl IntoIterator<Item = SignedMandate>,
) -> Vec<MandateHash> {
    let mut ids = Vec::new();
    for mandate in mandates {
        ids.push(processor.accept(mandate).await.expect("accepted").mandate_id.into());
    }
    ids
}

/// Waits until all are settled.
#[track_caller]
pub fn all_settled<'a>(
    processor: &'a Processor,
    mandates: &'a [MandateHash],
) -> impl Future<Output = ()> + 'a {
    eventually("all are settled", async move || {
        mandates.iter().all(|mandate| is_settled(processor, *mandate))
    })
}

/// Every batch that was ever sealed, the first one first.
pub fn batches(processor: &Processor) -> Vec<BatchStatus> {
    let mut number = 1;
    let mut all = Vec::new();
    while let Some(batch) = processor.batch(BatchNumber::new(number)).expect("reads") {
        all.push(batch);
        number += 1;
    }
    all
}

/// The batches that settled, with how many mandates each.
pub fn settled_batches(processor: &Processor) -> Vec<(BatchNumber, u32)> {
    let settled = |batch: &BatchStatus| {
        matches!(batch.step, BatchStep::Confirmed { .. } | BatchStep::Final { .. })
    };
    let all = batches(processor).into_iter().filter(settled);
    all.map(|batch| (batch.batch, batch.count)).collect()
}

/// The ledger keeps its rules.
pub fn audited(processor: &Processor) {
    assert_eq!(processor.audit().expect("audits").findings, []);
}

/// A chain of `count` payments of `amount`, nonces from `nonce` on, each following the one before.
pub fn chain_of(
    world: &World,
    payer: &Payer,
    amount: u128,
    nonces: std::ops::Range<u64>,
) -> Vec<SignedMandate> {
    let mut mandates: Vec<SignedMandate> = Vec::new();
    for nonce in nonces {
        let previous = mandates.last().map(|own| own.clone().released_to_payee());
        let payment = world.payment(amount, nonce);
        mandates.push(payer.sign_after(world.id(), payment, previous.as_ref()));
    }
    mandates
}

/// Assembles the token's creation code.
///
/// ```text
/// slot 0: what the wallet holds
/// balanceOf(_)             returns slot 0
/// transferFrom(_, _, n)    slot 0 += n, returns 1
/// transfer(to, n)          slot 0 -= n, and 1 more when `to` is the victim; returns 1
/// ```
fn greedy_token(victim: Address) -> Bytes {
    let mut code = Assembly::default();
    code.op("6000 35 60e0 1c"); // the selector
    code.op("80 6370a08231 14").jump_to("balanceOf");
    code.op("80 6323b872dd 14").jump_to("transferFrom");
    code.op("63a9059cbb 14").jump_to("transfer");
    code.op("6000 6000 fd");
    code.label("balanceOf").op("6000 54 6000 52 6020 6000 f3");
    code.label("transferFrom").op("6044 35 6000 54 01 6000 55 6001 6000 52 6020 6000 f3");
    code.label("transfer").op(&format!("73{} 6004 35 14", hex::encode(victim)));
    code.op("6024 35 01 6000 54 03 6000 55 6001 6000 52 6020 6000 f3");
    code.creation()
}

/// EVM code with labels, of less than 256 bytes.
#[derive(Default)]
pub(crate) struct Assembly {
    code: Vec<u8>,
    labels: BTreeMap<&'static str, u8>,
    jumps: Vec<(usize, &'static str)>,
}

impl Assembly {
    pub(crate) fn op(&mut self, text: &str) -> &mut Self {
        let digits: String = text.split_whitespace().collect();
        self.code.extend(hex::decode(digits).expect("hexadecimal"));
        self
    }

    pub(crate) fn jump_to(&mut self, label: &'static str) -> &mut Self {
        self.jumps.push((self.code.len() + 1, label));
        self.op("60ff 57")
    }

    pub(crate) fn label(&mut self, label: &'static str) -> &mut Self {
        self.labels.insert(label, u8::try_from(self.code.len()).expect("short"));
        self.op("5b")
    }

    /// The code that creates a contract of it.
    pub(crate) fn creation(mut self) -> Bytes {
        for (place, label) in &self.jumps {
            self.code[*place] = self.labels[label];
        }
        // Copies what follows these 11 bytes, and returns it.
        let mut creation = vec![0x60, u8::try_from(self.code.len()).expect("short")];
        creation.extend([0x80, 0x60, 0x0b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3]);
        creation.extend(self.code);
        creation.into()
    }
}

/// Whether a nonce of a payer's is spent on chain.
pub async fn is_spent(world: &World, payer: &Payer, nonce: u64) -> bool {
    let nonce = aep2_mandate::units::Nonce::new(nonce);
    world.wallet().is_spent(payer.account, world.token(), nonce).await.expect("reads")
}
