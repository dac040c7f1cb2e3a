//! A chain with everything on it, and processors that live on it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use aep2_chain::{
    call::Call,
    deployment::{Deployment, Plan, deploy},
    follower::FollowerConfig,
    inclusion::SettledTransaction,
    sender::SenderConfig,
    token::{Token, approve, mint_test_tokens},
    transact::transact,
    wallet::{
        Wallet, WalletId,
        guarantee::Periods,
        terms::Terms,
        units::{BaseUnits, KeyHash},
    },
};
use aep2_circuits::Shape;
use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
use aep2_mandate::{
    clock::Clock,
    mandate::{Domain, MandateId, SignedMandate},
    units::{AccountId, Ceiling, UnixTime},
};
use aep2_processor::{Parts, Processor, ProcessorConfig, batch::Provers};
use aep2_prover::{
    blinding::Blinding,
    window::{Entry, Window},
};
use alloy::{
    network::EthereumWallet,
    primitives::{Address, B256},
    providers::{Provider, ProviderBuilder, RootProvider, WalletProvider},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};
use tempfile::TempDir;

use crate::{
    payers::{Payer, Payment, payee_address},
    provers::provers,
};

/// Of withdrawals and changes.
pub const DELAY_SECONDS: u64 = 3_600;

/// How long a payee waits for what nobody answers.
pub const RESPONSE_SECONDS: u64 = 600;

/// The times of the wallet.
pub const PERIODS: Periods = Periods {
    withdrawal_seconds: DELAY_SECONDS,
    unbonding_seconds: 2 * DELAY_SECONDS,
    promise_seconds: 1_500,
    demand_seconds: 600,
    response_seconds: RESPONSE_SECONDS,
    view_age_seconds: 600,
    keep_seconds: 3_000,
};

/// How long to wait for what comes soon, on a machine that is busy.
pub const LONG: Duration = Duration::from_secs(120);

/// A chain with the wallet on it, and a folder for a processor's ledger.
pub struct World {
    /// Where everything happens.
    pub chain: DevChain,
    /// The contracts.
    pub deployment: Deployment,
    /// Of the shapes that the wallet verifies.
    pub provers: Provers,
    /// The processor's key.
    pub processor: PrivateKeySigner,
    /// The processor's.
    pub clock: Clock,
    folder: TempDir,
}

impl World {
    /// One shape of one path of four slots, with capture.
    pub async fn new() -> Self {
        Self::with_shapes(&[Shape::TEST.with_capture()]).await
    }

    /// A wallet that verifies these shapes.
    pub async fn with_shapes(shapes: &[Shape]) -> Self {
        Self::on(DevChainConfig::default(), shapes).await
    }

    /// The same, on a chain with these rules.
    pub async fn on(config: DevChainConfig, shapes: &[Shape]) -> Self {
        let chain = DevChain::start(config).expect("a chain");
        let provers = provers(shapes);
        let plan = Plan {
            periods: PERIODS,
            keys: provers.iter().map(Into::into).collect(),
            accept_development_keys: Default::default(),
            checked_ceremonies: Default::default(),
            test_token: true,
        };
        let [deployer, processor] = [0, 1].map(dev_key);
        let deployment = deploy(&provider(&chain, &deployer), &plan).await.expect("deployed");
        let folder = TempDir::new().expect("a folder");
        Self { chain, deployment, provers, processor, clock: Clock::system(), folder }
    }

    /// The wallet's id.
    pub fn id(&self) -> WalletId {
        self.deployment.wallet_id()
    }

    /// The wallet, to be asked.
    pub fn wallet(&self) -> Wallet<RootProvider> {
        Wallet::unchecked(self.chain.provider(), self.id())
    }

    /// The token's address.
    pub fn token(&self) -> Address {
        self.deployment.test_token.as_ref().expect("a token").address
    }

    /// Where the ledger is.
    pub fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    // --- Processors ---------------------------------------------------------------------------------

    /// Blocks count at once; a payee has half a minute to capture.
    pub fn config(&self) -> ProcessorConfig {
        let follower = FollowerConfig {
            confirmations: 0,
            poll_interval: Duration::from_millis(20),
            ..FollowerConfig::new(Vec::new(), 0)
        };
        let sender = SenderConfig {
            confirmations: 1,
            poll_interval: Duration::from_millis(20),
            ..SenderConfig::new(100_000_000_000)
        };
        let mut config = ProcessorConfig::new(follower, sender);
        config.acceptance.tokens = vec![(self.token(), Ceiling::MIN)];
        config.windows.shapes = self.provers.shapes().collect();
        config.windows.poll_interval_ms = 20;
        // A window is a shape: those who want more segments say so.
        config.windows.segments_max = 1;
        // A few dozen mandates are more than such windows settle in time on a machine that is busy with
        // other tests: those whose concern that is say so.
        config.acceptance.within_capacity = false;
        config
    }

    /// What a processor of this world is made of.
    pub fn parts(&self) -> Parts {
        Parts {
            provider: self.chain.provider().erased(),
            deployment: self.deployment.clone(),
            key: self.processor.clone(),
            ledger: self.ledger(),
            provers: self.provers.clone(),
            clock: self.clock.clone(),
            hook: Arc::new(()),
        }
    }

    /// A processor that is ready.
    pub async fn start(&self, config: ProcessorConfig) -> Processor {
        let processor = Processor::start(self.parts(), config).await.expect("started");
        self.ready(&processor).await;
        processor
    }

    /// Waits until the processor accepts, and has seen all of the chain.
    pub async fn ready(&self, processor: &Processor) {
        eventually("the processor is ready", async || {
            let readiness = processor.readiness();
            readiness.ready && readiness.chain.block == Some(self.head().await)
        })
        .await;
    }

    /// Stops a processor and waits until its ledger is closed.
    pub async fn stop(&self, processor: Processor) {
        processor.shutdown().await;
        drop(processor);
    }

    // --- The chain ----------------------------------------------------------------------------------

    /// The number of the latest block.
    pub async fn head(&self) -> u64 {
        self.chain.provider().get_block_number().await.expect("a block")
    }

    /// Time passes, on the chain and for the processor; a block shows it.
    pub fn travel(&self, seconds: u64) {
        self.chain.increase_time(Duration::from_secs(seconds)).expect("time goes on");
        self.clock.advance(i64::try_from(seconds).expect("a while"));
        self.chain.mine().expect("a block");
    }

    /// A provider that signs with a key.
    pub fn with_key(
        &self,
        key: &PrivateKeySigner,
    ) -> impl Provider + WalletProvider + Clone + 'static {
        provider(&self.chain, key)
    }

    /// Sends a call, which must succeed.
    pub async fn send(&self, key: &PrivateKeySigner, call: &Call) -> TransactionReceipt {
        transact(&self.with_key(key), call).await.expect("sent")
    }

    /// What a transaction settled, as the chain has it.
    pub async fn settled_by(&self, transaction: B256) -> SettledTransaction {
        let read = SettledTransaction::read(&self.chain.provider(), self.id(), transaction).await;
        read.expect("a settled batch")
    }

    /// What an address has of the token.
    pub async fn holds(&self, address: Address) -> u128 {
        let token = Token::new(self.chain.provider(), self.token());
        token.balance_of(address).await.expect("an answer").to()
    }

    // --- Payers -------------------------------------------------------------------------------------

    /// The payer with this number, from 0, with an account under this processor and that much in it.
    /// It also pays by the direct path.
    pub async fn payer(&self, number: usize, funds: u128) -> Payer {
        self.payer_of(number, funds, |terms| terms).await
    }

    /// A payer whose terms are changed.
    pub async fn payer_of(
        &self,
        number: usize,
        funds: u128,
        change: impl FnOnce(Terms) -> Terms,
    ) -> Payer {
        let somebody = self.payer_unopened(number, AccountId::MAX);
        let terms = change(self.terms_of(&somebody));
        let receipt = self.send(&somebody.key, &self.id().open_account(&terms)).await;
        let account = self.id().opened_account(&receipt).expect("an account");
        let payer = Payer { account, ..somebody };
        if funds > 0 {
            self.fund(&payer, funds).await;
        }
        payer
    }

    /// Somebody who says to have that account. Opens none.
    pub fn payer_unopened(&self, number: usize, account: AccountId) -> Payer {
        Payer { key: dev_key(2 + number), account, seed: [0x40 + number as u8; 32] }
    }

    /// The terms that a payer of this processor has.
    pub fn terms_of(&self, payer: &Payer) -> Terms {
        Terms {
            processor: self.processor.address(),
            verifier_set: Some(self.deployment.verifier_set),
            key_hash: Some(KeyHash::of(&payer.secret().public())),
        }
    }

    /// Deposits.
    pub async fn fund(&self, payer: &Payer, funds: u128) {
        let (token, units) = (self.token(), BaseUnits::new(funds));
        self.send(&dev_key(0), &mint_test_tokens(token, payer.address(), units)).await;
        self.send(&payer.key, &approve(token, self.id().address, units)).await;
        self.send(&payer.key, &self.id().deposit(payer.account, token, units)).await;
    }

    /// A payment to payee 1 that can be settled for two hours.
    pub fn payment(&self, amount: u128, nonce: u64) -> Payment {
        let (token, payee) = (self.token(), payee_address(1));
        Payment { token, payee, amount, nonce, deadline: self.later(7_200) }
    }

    /// [`Self::payment`] signed.
    pub fn mandate(&self, payer: &Payer, amount: u128, nonce: u64) -> SignedMandate {
        payer.sign(self.id(), self.payment(amount, nonce))
    }

    /// The id of a mandate.
    pub fn id_of(&self, signed: &SignedMandate) -> MandateId {
        let wallet = self.id();
        signed.mandate.id(&Domain::new(wallet.chain_id, wallet.address, signed.mandate.token))
    }

    /// So many seconds from now.
    pub fn later(&self, seconds: u64) -> UnixTime {
        self.clock.now().checked_add(seconds).expect("a time")
    }
}

/// Proves and settles a mandate in full, behind every processor's back.
pub async fn settle_by_hand(world: &World, signed: &SignedMandate) {
    let wallet = world.id();
    let window = Window {
        chain_id: wallet.chain_id,
        wallet: wallet.address,
        token: signed.mandate.token,
        valid_until: signed.mandate.deadline,
        mandates: vec![Entry { signed: signed.clone(), captured: None }],
    };
    let mut rng = rand::thread_rng();
    let window = window.validate(&mut rng).expect("a window");
    let prover = world.provers.iter().next().expect("a prover");
    let blinding = Blinding::random(&mut rng);
    let (proven, ..) = prover.prove(&window, &blinding, &mut rng, &()).expect("proved");
    let set = world.deployment.verifier_set;
    let (processor, token) = (world.processor.address(), signed.mandate.token);
    let call = wallet.settle_batch(&proven, processor, set, token, None).expect("a call");
    world.send(&world.processor, &call).await;
}

/// The development keys, which the chain prefunds.
pub fn dev_key(index: usize) -> PrivateKeySigner {
    dev_accounts().expect("keys")[index].clone()
}

fn provider(
    chain: &DevChain,
    key: &PrivateKeySigner,
) -> impl Provider + WalletProvider + Clone + 'static {
    let wallet = EthereumWallet::from(key.clone());
    let builder = ProviderBuilder::new().with_simple_nonce_management().wallet(wallet);
    builder.connect_client(chain.client())
}

/// Waits until something holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < LONG, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
