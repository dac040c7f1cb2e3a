//! A chain with the wallet on it, a payer, a processor that does as it is told, and a payee that watches.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use aep2_chain::{
    call::Call,
    captures::{CaptureTree, Captured, PaidOut},
    deployment::{Deployment, Plan, deploy},
    sender::SenderConfig,
    settlement::Remembered,
    token::{Token, approve, mint_test_tokens},
    transact::transact,
    wallet::{
        WalletId,
        guarantee::{Guarantee, Periods, RememberedBatch, ShownMandate},
        terms::Terms,
        units::{BaseUnits, KeyHash},
    },
};
use aep2_circuits::Shape;
use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
use aep2_mandate::{
    eddsa::SecretKey,
    mandate::SignedMandate,
    signer::{MandateTerms, Signer},
    typed_data::{
        TypedData,
        capture::{Capture, CaptureReceipt, SignedCapture, SignedCaptureReceipt},
        outcome::{Outcome, OutcomeStatus, SignedOutcome},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, Nonce, UnixTime},
};
use aep2_processor_client::{ProcessorError, lookup::Inclusion};
use aep2_prover::{
    blinding::Blinding,
    prover::{Entropy, Prover},
    window::{Entry, Window},
};
use aep2_receipts::Keeper;
use aep2_watch::{
    Event, Identity, ProcessorAt, ProcessorWord, Summary, WatchConfig, WatchError, Watcher,
};
use alloy::{
    network::EthereumWallet,
    primitives::{Address, B256, U256},
    providers::{DynProvider, Provider, ProviderBuilder, RootProvider, WalletProvider},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};
use async_trait::async_trait;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

pub(crate) const DEMAND: u64 = 600;
pub(crate) const RESPONSE: u64 = 600;
/// How long receipts promise, seconds; mandates are good for twice as long.
pub(crate) const PROMISE: u64 = 500;
/// How long a watcher waits after that.
pub(crate) const GRACE: u64 = 100;

const PERIODS: Periods = Periods {
    withdrawal_seconds: 3_600,
    unbonding_seconds: 7_200,
    promise_seconds: 1_000,
    demand_seconds: DEMAND,
    response_seconds: RESPONSE,
    view_age_seconds: 600,
    keep_seconds: 3_000,
};

/// The word of a processor, which is away or lies as it is told.
#[derive(Debug)]
pub(crate) struct Word {
    identity: Identity,
    said: Mutex<HashMap<B256, (SignedOutcome, Inclusion)>>,
    pub(crate) away: AtomicBool,
    /// Whether it has no outcomes yet, though it has proofs.
    pub(crate) is_unsure: AtomicBool,
}

#[async_trait]
impl ProcessorWord for Word {
    async fn identity(&self) -> Result<Identity, ProcessorError> {
        self.here().map(|()| self.identity)
    }

    async fn outcomes(
        &self,
        mandates: &[B256],
    ) -> Result<Vec<Option<SignedOutcome>>, ProcessorError> {
        self.here()?;
        if self.is_unsure.load(SeqCst) {
            return Ok(vec![None; mandates.len()]);
        }
        let said = self.said.lock().unwrap();
        Ok(mandates.iter().map(|id| said.get(id).map(|(outcome, _)| *outcome)).collect())
    }

    async fn inclusion(&self, mandate: B256) -> Result<Option<Inclusion>, ProcessorError> {
        self.here()?;
        Ok(self.said.lock().unwrap().get(&mandate).map(|(_, inclusion)| inclusion.clone()))
    }
}

impl Word {
    /// One that says that it is this one.
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            said: Mutex::default(),
            away: AtomicBool::default(),
            is_unsure: AtomicBool::default(),
        }
    }

    fn here(&self) -> Result<(), ProcessorError> {
        match self.away.load(SeqCst) {
            true => Err(ProcessorError::Unavailable("it is away".to_owned())),
            false => Ok(()),
        }
    }

    /// Says nothing of a mandate any more.
    pub(crate) fn forget(&self, mandate: B256) {
        self.said.lock().unwrap().remove(&mandate);
    }

    /// Says that it was settled by a transaction that nobody knows.
    pub(crate) fn point_nowhere(&self, mandate: B256) {
        let mut said = self.said.lock().unwrap();
        said.get_mut(&mandate).unwrap().1.transaction = B256::repeat_byte(0xaa);
    }

    /// Says that a mandate was settled, by the proof of another.
    pub(crate) fn lie(&self, stage: &Stage, of: B256, about: B256) {
        let mut said = self.said.lock().unwrap();
        let (outcome, inclusion) = said.get(&about).unwrap().clone();
        let outcome = Outcome { mandate_id: of, ..outcome.message };
        let domain = stage.id().eip712_domain();
        said.insert(of, (SignedOutcome::sign(outcome, &dev_key(1), &domain).unwrap(), inclusion));
    }
}

/// What settled a batch, to be shown to the guarantee.
pub(crate) struct Batch {
    tree: CaptureTree,
    remembered: RememberedBatch,
}

pub(crate) struct Stage {
    pub(crate) chain: DevChain,
    pub(crate) deployment: Deployment,
    account: AccountId,
    pub(crate) word: Arc<Word>,
    pub(crate) folder: TempDir,
    pub(crate) keeper: Keeper,
}

fn prover() -> &'static Prover {
    static PROVER: LazyLock<Prover> = LazyLock::new(|| {
        let shape = Shape::new(2, 2, true).unwrap();
        Prover::set_up(shape, &Entropy::Seed(*b"a seed that everybody may know!!"), &()).unwrap()
    });
    &PROVER
}

pub(crate) fn dev_key(index: usize) -> PrivateKeySigner {
    dev_accounts().unwrap()[index].clone()
}

/// Who is paid.
pub(crate) fn payee() -> PrivateKeySigner {
    dev_key(3)
}

fn agent() -> SecretKey {
    SecretKey::from_seed([11; 32])
}

impl Stage {
    /// A chain with the wallet on it; an account with money; a bond of 10,000 for all payees.
    pub(crate) async fn new() -> Self {
        let chain = DevChain::start(DevChainConfig::default()).unwrap();
        let plan = Plan {
            periods: PERIODS,
            keys: vec![prover().into()],
            accept_development_keys: Default::default(),
            checked_ceremonies: Default::default(),
            test_token: true,
        };
        let deployment = deploy(&with_key(&chain, &dev_key(0)), &plan).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::open(folder.path().join("receipts")).unwrap();
        let wallet = deployment.wallet_id();
        let processor = dev_key(1).address();
        let identity = Identity { chain_id: wallet.chain_id, wallet: wallet.address, processor };
        let word = Word::new(identity);
        let account = AccountId::new(1).unwrap();
        let stage = Self { chain, deployment, account, word: Arc::new(word), folder, keeper };
        stage.open_account().await;
        stage.bond(None, 10_000).await;
        stage
    }

    async fn open_account(&self) {
        let (ann, id) = (dev_key(2), self.id());
        let terms = Terms {
            processor: dev_key(1).address(),
            verifier_set: Some(self.deployment.verifier_set),
            key_hash: Some(KeyHash::of(&agent().public())),
        };
        let opened = self.send(&ann, &id.open_account(&terms)).await;
        assert_eq!(id.opened_account(&opened).unwrap(), self.account);
        let funds = BaseUnits::new(1_000_000);
        self.send(&dev_key(0), &mint_test_tokens(self.token(), ann.address(), funds)).await;
        self.send(&ann, &approve(self.token(), id.address, funds)).await;
        self.send(&ann, &id.deposit(self.account, self.token(), funds)).await;
    }

    /// Adds to the processor's bond.
    pub(crate) async fn bond(&self, payee: Option<Address>, amount: u128) {
        let (id, token, units) = (self.id().guarantee(), self.token(), BaseUnits::new(amount));
        let donor = dev_key(0);
        for call in [
            mint_test_tokens(token, donor.address(), units),
            approve(token, id.address, units),
            id.bond(dev_key(1).address(), payee, token, units),
        ] {
            self.send(&donor, &call).await;
        }
    }

    pub(crate) fn id(&self) -> WalletId {
        self.deployment.wallet_id()
    }

    pub(crate) fn token(&self) -> Address {
        self.deployment.test_token.as_ref().unwrap().address
    }

    pub(crate) fn guarantee(&self) -> Guarantee<RootProvider> {
        Guarantee::unchecked(self.chain.provider(), self.id().guarantee())
    }

    pub(crate) async fn send(&self, key: &PrivateKeySigner, call: &Call) -> TransactionReceipt {
        transact(&with_key(&self.chain, key), call).await.unwrap()
    }

    pub(crate) fn travel(&self, seconds: u64) {
        self.chain.increase_time(Duration::from_secs(seconds)).unwrap();
        self.chain.mine().unwrap();
    }

    pub(crate) async fn now(&self) -> UnixTime {
        let block = self.chain.provider().get_block_by_number(Default::default()).await;
        UnixTime::new(block.unwrap().unwrap().header.timestamp).unwrap()
    }

    pub(crate) async fn holds(&self, address: Address) -> u128 {
        let token = Token::new(self.chain.provider(), self.token());
        token.balance_of(address).await.unwrap().to()
    }

    /// How many transactions the payee's key has sent.
    pub(crate) async fn sent(&self) -> u64 {
        self.chain.provider().get_transaction_count(payee().address()).await.unwrap()
    }

    // --- Payments -----------------------------------------------------------------------------------

    /// A mandate to the payee.
    pub(crate) async fn mandate(&self, amount: u128, nonce: u64) -> SignedMandate {
        let deadline = self.now().await.checked_add(2 * PROMISE).unwrap();
        let terms = MandateTerms {
            account: self.account,
            token: self.token(),
            payee: payee().address(),
            amount: Ceiling::new(amount).unwrap(),
            nonce: Nonce::new(nonce),
            deadline,
            reference: B256::repeat_byte(nonce as u8),
        };
        Signer::new(agent(), self.id().chain_id, self.id().address).sign(terms, None)
    }

    /// What a receipt for it says.
    pub(crate) async fn promise(&self, signed: &SignedMandate) -> Receipt {
        let mandate = &signed.mandate;
        let now = self.now().await;
        Receipt {
            mandate_id: mandate.id(&self.id().mandate_domain(mandate.token)),
            processor: dev_key(1).address(),
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: Address::ZERO,
            amount: mandate.amount,
            issued_at: now,
            deadline: mandate.deadline,
            settle_by: now.checked_add(PROMISE).unwrap(),
        }
    }

    pub(crate) fn sign(&self, receipt: Receipt, key: &PrivateKeySigner) -> SignedReceipt {
        SignedReceipt::sign(receipt, key, &self.id().eip712_domain()).unwrap()
    }

    /// A mandate that was accepted, and whose receipt the payee keeps.
    pub(crate) async fn paid(&self, amount: u128, nonce: u64) -> (SignedMandate, SignedReceipt) {
        let mandate = self.mandate(amount, nonce).await;
        let receipt = self.sign(self.promise(&mandate).await, &dev_key(1));
        self.keeper.keep(receipt).unwrap();
        (mandate, receipt)
    }

    /// What a payee that takes less signs, and what the processor says to that.
    pub(crate) async fn captured(
        &self,
        receipt: &SignedReceipt,
        amount: u128,
    ) -> (SignedCapture, SignedCaptureReceipt) {
        let (domain, amount) = (self.id().eip712_domain(), Amount::new(amount).unwrap());
        let mandate_id = receipt.message.mandate_id.to_bytes();
        let statement = CaptureReceipt {
            mandate_id,
            processor: receipt.message.processor,
            arbiter: Address::ZERO,
            amount,
            issued_at: self.now().await,
        };
        let capture = Capture { mandate_id, amount };
        (
            SignedCapture::sign(capture, &payee(), &domain).unwrap(),
            SignedCaptureReceipt::sign(statement, &dev_key(1), &domain).unwrap(),
        )
    }

    /// Settles a mandate for so much, with a proof, and says so.
    pub(crate) async fn settle(&self, signed: &SignedMandate, captured: u128) -> Batch {
        let wallet = self.id();
        let mandate = &signed.mandate;
        let captured = Amount::new(captured).unwrap();
        let window = Window {
            chain_id: wallet.chain_id,
            wallet: wallet.address,
            token: mandate.token,
            valid_until: mandate.deadline,
            mandates: vec![Entry { signed: signed.clone(), captured: Some(captured) }],
        };
        let mut rng = StdRng::seed_from_u64(7);
        let window = window.validate(&mut rng).unwrap();
        let blinding = Blinding::random(&mut rng);
        let (proven, batch, _) = prover().prove(&window, &blinding, &mut rng, &()).unwrap();
        let mandate_id = window.ids()[0].to_bytes();
        let paid_out = |own: &aep2_circuits::settlement::Payout| PaidOut {
            payee: own.payee,
            amount: own.amount,
        };
        let payouts: Vec<PaidOut> = proven.settlement.payouts.iter().map(paid_out).collect();
        let part = |own: &PaidOut| (*own, vec![Captured { mandate_id, amount: own.amount }]);
        let tree = CaptureTree::new(&payouts.iter().map(part).collect::<Vec<_>>()).unwrap();
        let (processor, token, captures) = (dev_key(1), mandate.token, tree.root());
        let place = mandate.nonce.get();
        let remembered = Some(Remembered { captures, place });
        let set = self.deployment.verifier_set;
        let call = wallet.settle_batch(&proven, processor.address(), set, token, remembered);
        let settled = self.send(&processor, &call.unwrap()).await;
        let outcome = Outcome {
            mandate_id,
            status: OutcomeStatus::Settled,
            settled: captured,
            batch_id: B256::repeat_byte(1),
            at: self.now().await,
        };
        let outcome = SignedOutcome::sign(outcome, &processor, &wallet.eip712_domain()).unwrap();
        let inclusion = Inclusion {
            mandate: mandate.clone(),
            captured,
            transaction: settled.transaction_hash,
            proof: batch.inclusion_proof(&window, 0),
        };
        self.word.said.lock().unwrap().insert(mandate_id, (outcome, inclusion));
        let processor = processor.address();
        let remembered = RememberedBatch { processor, place, token, captures, payouts };
        Batch { tree, remembered }
    }

    /// The processor shows what it paid.
    pub(crate) async fn answer(&self, batch: &Batch, receipt: &SignedReceipt) {
        let receipt = receipt.message;
        let leaf = batch.tree.leaf(receipt.mandate_id.to_bytes()).unwrap();
        let shown = [ShownMandate { receipt, leaf }];
        self.send(&dev_key(1), &self.id().guarantee().answer(&batch.remembered, &shown)).await;
    }

    // --- Watching -----------------------------------------------------------------------------------

    /// What a payee sets: an ether is worth nothing here, so that everything pays.
    pub(crate) fn config(&self) -> WatchConfig {
        let processor = ProcessorAt {
            name: "the processor".to_owned(),
            address: None,
            word: Some(self.word.clone()),
        };
        let folders = vec![self.keeper.folder().to_owned()];
        WatchConfig {
            grace_s: GRACE,
            confirmations: 0,
            tokens_per_ether: 0,
            ether_max_wei: U256::from(10).pow(U256::from(19)),
            ..WatchConfig::new(payee().address(), folders, vec![processor])
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) async fn watcher(&self) -> Watcher {
        self.watcher_with(self.config(), Some(payee())).await
    }

    pub(crate) async fn watcher_with(
        &self,
        config: WatchConfig,
        key: Option<PrivateKeySigner>,
    ) -> Watcher {
        self.watcher_by(self.chain.provider().erased(), config, key).await.unwrap()
    }

    /// A watcher that asks this node.
    pub(crate) async fn watcher_by(
        &self,
        provider: DynProvider,
        config: WatchConfig,
        key: Option<PrivateKeySigner>,
    ) -> Result<Watcher, WatchError> {
        let sending = SenderConfig {
            confirmations: config.confirmations,
            tip_wei: 1,
            ..SenderConfig::new(100_000_000_000)
        };
        let key = key.map(|key| (key, sending));
        Watcher::open(provider, self.deployment.clone(), config, &self.state(), key).await
    }

    /// What a gas costs in the newest block, in wei.
    pub(crate) async fn base_fee(&self) -> U256 {
        self.guarantee().deposit_for(1).await.unwrap() / U256::from(320_000)
    }

    /// By which the guarantee names a receipt.
    pub(crate) fn digest(&self, receipt: &SignedReceipt) -> B256 {
        receipt.message.digest(&self.id().eip712_domain())
    }

    /// The id of a mandate.
    pub(crate) fn id_of(&self, signed: &SignedMandate) -> B256 {
        signed.mandate.id(&self.id().mandate_domain(self.token())).to_bytes()
    }
}

/// One round: what was told, and how things stand.
pub(crate) async fn round(watcher: &mut Watcher) -> (Vec<Event>, Summary) {
    let mut told = Vec::new();
    let summary = watcher.round(&mut |event| told.push(event)).await.unwrap();
    (told, summary)
}

/// Rounds until nothing is on its way. What was told, and how things stand.
pub(crate) async fn rounds(watcher: &mut Watcher) -> (Vec<Event>, Summary) {
    let mut told = Vec::new();
    for _ in 0..50 {
        let summary = watcher.round(&mut |event| told.push(event)).await.unwrap();
        if !summary.in_flight {
            return (told, summary);
        }
    }
    panic!("it never ends: {told:?}");
}

/// The actions that were sent.
pub(crate) fn actions(told: &[Event]) -> Vec<String> {
    let sent = told.iter().filter_map(|event| match event {
        Event::Sent { action, receipts, .. } => Some(format!("{action:?} {}", receipts.len())),
        _ => None,
    });
    sent.collect()
}

fn with_key(
    chain: &DevChain,
    key: &PrivateKeySigner,
) -> impl Provider + WalletProvider + Clone + 'static {
    let wallet = EthereumWallet::from(key.clone());
    let builder = ProviderBuilder::new().with_simple_nonce_management().wallet(wallet);
    builder.connect_client(chain.client())
}
