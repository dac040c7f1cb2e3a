//! A chain with everything on it: contracts, a processor, two payers with funded accounts.

use std::sync::OnceLock;

use aep2_chain::{
    call::Call,
    contracts::TestUSD,
    deployment::{Deployment, Plan, deploy},
    error::ChainError,
    events::WalletEvent,
    token::{Token, approve, mint_test_tokens},
    transact::transact,
    wallet::{
        Wallet, WalletId,
        error::WalletError,
        terms::Terms,
        units::{BaseUnits, KeyHash},
    },
};
use aep2_mandate::{
    eddsa::SecretKey,
    units::{AccountId, UnixTime},
};
use aep2_prover::proven::Proven;
use alloy::{
    primitives::Address, providers::RootProvider, rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};

use crate::{
    chain::TestChain,
    proofs::{Payment, dev_key, prove, prover},
    world::PERIODS,
};

pub use crate::world::{DELAY_SECONDS, RESPONSE_SECONDS};

/// Until when the tests' batches may settle: far beyond any clock that runs while they do.
pub const VALID_UNTIL: u64 = 4_000_000_000;

/// What a payer's account starts with.
pub const FUNDS: u128 = 1_000_000;

/// Somebody with an account.
pub struct Person {
    /// The owner's ordinary key.
    pub key: PrivateKeySigner,
    /// Its number.
    pub account: AccountId,
    /// What its agent signs mandates with.
    pub mandate_key: SecretKey,
}

impl Person {
    /// The owner's address.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// A payment of `amount` base units that is captured in full.
    pub fn pays(&self, payee: Address, amount: u128, nonce: u64) -> Payment {
        Payment { account: self.account, payee, amount, captured: amount, nonce }
    }
}

/// The wallet on a chain, and people who use it.
pub struct Stage {
    /// Where everything happens.
    pub chain: TestChain,
    /// The contracts.
    pub deployment: Deployment,
    /// May block addresses in the token.
    pub deployer: PrivateKeySigner,
    /// The accounts' processor.
    pub processor: PrivateKeySigner,
    /// Owner of account 1.
    pub ann: Person,
    /// Owner of account 2.
    pub bob: Person,
    /// Nobody's processor, and owner of no account.
    pub stranger: PrivateKeySigner,
}

/// The seed of a mandate key.
pub fn mandate_key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// Who is paid: nobody's addresses.
pub fn payee(number: u8) -> Address {
    Address::repeat_byte(0xe0 + number)
}

/// What is deployed: a wallet with one verifier, and a token.
pub fn plan() -> Plan {
    Plan {
        periods: PERIODS,
        keys: vec![prover().into()],
        accept_development_keys: Default::default(),
        checked_ceremonies: Default::default(),
        test_token: true,
    }
}

impl Stage {
    /// Deploys; Ann opens account 1 and Bob account 2, each with [`FUNDS`] in it.
    pub async fn set(chain: TestChain) -> Self {
        let deployment = deploy(&chain.with_key(&Self::deployer_key()), &plan()).await.unwrap();
        let stage = Self::on(chain, deployment);
        for person in [&stage.ann, &stage.bob] {
            let opened = stage.open(&person.key, &person.mandate_key).await;
            assert_eq!(opened, person.account);
            stage.fund(person, FUNDS).await;
        }
        stage
    }

    /// The people on a chain where nothing but the contracts is yet.
    pub fn on(chain: TestChain, deployment: Deployment) -> Self {
        let [deployer, processor, ann, bob, stranger] = [0, 1, 2, 3, 4].map(dev_key);
        let person = |key, number, seed| Person {
            key,
            account: AccountId::new(number).unwrap(),
            mandate_key: mandate_key(seed),
        };
        let (ann, bob) = (person(ann, 1, 11), person(bob, 2, 12));
        Self { chain, deployment, deployer, processor, ann, bob, stranger }
    }

    /// The key that deploys, on every stage.
    pub fn deployer_key() -> PrivateKeySigner {
        dev_key(0)
    }

    /// The wallet's id.
    pub fn id(&self) -> WalletId {
        self.deployment.wallet_id()
    }

    /// The wallet, to be asked.
    pub fn wallet(&self) -> Wallet<RootProvider> {
        Wallet::unchecked(self.chain.reader(), self.id())
    }

    /// The token's address.
    pub fn token_address(&self) -> Address {
        self.deployment.test_token.as_ref().unwrap().address
    }

    /// The token, to be asked.
    pub fn token(&self) -> Token<RootProvider> {
        Token::new(self.chain.reader(), self.token_address())
    }

    /// Accounts under this stage's processor and verifiers.
    pub fn terms(&self, mandate_key: &SecretKey) -> Terms {
        Terms {
            processor: self.processor.address(),
            verifier_set: Some(self.deployment.verifier_set),
            key_hash: Some(KeyHash::of(&mandate_key.public())),
        }
    }

    // --- Doing --------------------------------------------------------------------------------------

    /// Sends a call and waits until it is mined.
    ///
    /// # Errors
    /// What the chain says of it.
    pub async fn try_send(
        &self,
        key: &PrivateKeySigner,
        call: &Call,
    ) -> Result<TransactionReceipt, ChainError> {
        transact(&self.chain.with_key(key), call).await
    }

    /// [`Self::try_send`], which must succeed.
    pub async fn send(&self, key: &PrivateKeySigner, call: &Call) -> TransactionReceipt {
        self.try_send(key, call).await.unwrap()
    }

    /// Expects a refusal, and gives the contract's reason.
    pub async fn refused(&self, key: &PrivateKeySigner, call: &Call) -> WalletError {
        reason(self.try_send(key, call).await)
    }

    /// Opens an account on these [terms](Self::terms).
    pub async fn open(&self, key: &PrivateKeySigner, mandate_key: &SecretKey) -> AccountId {
        let receipt = self.send(key, &self.id().open_account(&self.terms(mandate_key))).await;
        self.id().opened_account(&receipt).unwrap()
    }

    /// Makes tokens, in base units.
    pub async fn mint(&self, to: Address, amount: u128) {
        let minting = mint_test_tokens(self.token_address(), to, BaseUnits::new(amount));
        self.send(&self.deployer, &minting).await;
    }

    /// Makes tokens for somebody who deposits them, in base units.
    pub async fn fund(&self, person: &Person, amount: u128) {
        let (token, units) = (self.token_address(), BaseUnits::new(amount));
        self.mint(person.address(), amount).await;
        self.send(&person.key, &approve(token, self.id().address, units)).await;
        self.send(&person.key, &self.id().deposit(person.account, token, units)).await;
    }

    /// Has the token refuse an address, or not any more.
    pub async fn block_in_token(&self, address: Address, blocked: bool) {
        let call = TestUSD::setBlockedCall { account: address, blocked };
        self.send(&self.deployer, &Call::new(self.token_address(), &call)).await;
    }

    // --- Batches ------------------------------------------------------------------------------------

    /// Ann pays payees 1 and 2, Bob pays payee 1 twice and is charged less the second time.
    pub fn payments(&self) -> Vec<(&SecretKey, Payment)> {
        let (ann, bob) = (&self.ann, &self.bob);
        vec![
            (&ann.mandate_key, ann.pays(payee(1), 700, 0)),
            (&ann.mandate_key, ann.pays(payee(2), 40, 129)),
            (&bob.mandate_key, bob.pays(payee(1), 300, 5)),
            (&bob.mandate_key, Payment { captured: 2, ..bob.pays(payee(1), 9, 6) }),
        ]
    }

    /// [`Self::payments`] proved. Stages are alike, so it is proved once for all of them.
    pub fn batch(&self) -> Proven {
        static PROVEN: OnceLock<(WalletId, Address, Proven)> = OnceLock::new();
        let make = || (self.id(), self.token_address(), self.prove(&self.payments()));
        let (wallet, token, proven) = PROVEN.get_or_init(make);
        assert_eq!((*wallet, *token), (self.id(), self.token_address()), "stages are alike");
        proven.clone()
    }

    /// Payments, proved.
    pub fn prove(&self, payments: &[(&SecretKey, Payment)]) -> Proven {
        prove(self.id(), self.token_address(), UnixTime::new(VALID_UNTIL).unwrap(), payments)
    }

    /// The call that settles a batch of the stage's processor.
    pub fn settling(&self, proven: &Proven) -> Call {
        self.settling_of(self.processor.address(), proven)
    }

    /// The call that settles a batch of a processor's.
    pub fn settling_of(&self, processor: Address, proven: &Proven) -> Call {
        let (set, token) = (self.deployment.verifier_set, self.token_address());
        self.id().settle_batch(proven, processor, set, token, None).unwrap()
    }

    // --- Looking ------------------------------------------------------------------------------------

    /// What somebody's account has of the token.
    pub async fn balance(&self, person: &Person) -> u128 {
        let purse = self.wallet().purse(person.account, self.token_address()).await.unwrap();
        purse.balance.get()
    }

    /// What an address has of the token.
    pub async fn holds(&self, address: Address) -> u128 {
        self.token().balance_of(address).await.unwrap().to()
    }

    /// The wallet's events in a receipt.
    pub fn events(&self, receipt: &TransactionReceipt) -> Vec<WalletEvent> {
        self.id().events_of(receipt).unwrap()
    }
}

/// Why a call was refused before it was sent.
#[track_caller]
pub fn reason<T: std::fmt::Debug>(refused: Result<T, ChainError>) -> WalletError {
    match refused {
        Err(ChainError::Reverted(reason)) => reason,
        other => panic!("not refused by a contract: {other:?}"),
    }
}
