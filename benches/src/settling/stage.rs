//! A wallet on an embedded chain, with accounts whose keys are at hand, to settle on.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use aep2_chain::{
    call::Call,
    captures::{CaptureTree, Captured, PaidOut},
    contracts::TestUSD,
    deployment::{KeyOfShape, Plan, deploy},
    settlement::Remembered,
    token,
    transact::transact_from,
    wallet::{
        DirectSettlement, WalletId,
        guarantee::Periods,
        sort_to_net,
        terms::Terms,
        units::{BaseUnits, KeyHash, VerifierSetId},
    },
};
use aep2_circuits::Shape;
use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
use aep2_mandate::{
    eddsa::SecretKey,
    signer::{MandateTerms, Released, Signer},
    typed_data::direct::{DirectMandate, SignedDirectMandate},
    units::{AccountId, Ceiling, Nonce, UnixTime},
};
use aep2_prover::{
    blinding::Blinding,
    key_file::Loaded,
    prover::{Entropy, Prover},
    window::{Entry, Window},
};
use alloy::{
    eips::BlockNumberOrTag,
    network::EthereumWallet,
    primitives::{Address, B256, U256, utils::Unit},
    providers::{DynProvider, Provider, ProviderBuilder},
    signers::local::PrivateKeySigner,
};
use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng, rngs::OsRng, rngs::StdRng};

use super::watch::Watch;

/// What each account has, base units: a million dollars.
const DEPOSIT: u128 = 1_000_000_000_000;
/// The most that one mandate pays, base units: a cent.
const AMOUNT_MAX: u64 = 10_000;
/// How long batches can settle: longer than any of them takes to prove.
const VALID_FOR_SECONDS: u64 = 86_400;
/// Accounts' owners pay their own gas, ether.
const OWNER_ETHER: u64 = 10;
/// Payees have addresses from here on, none of which anybody uses.
const PAYEES_FROM: u64 = 0x00ae_b200_0000_0000;

/// One mandate to be settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payment {
    /// Which of the stage's accounts, from 0.
    pub(super) account: usize,
    /// Its nonce.
    pub(super) nonce: u64,
    /// Who is paid.
    pub(super) payee: Address,
}

/// A batch that settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) gas: u64,
    pub(super) segments: usize,
    pub(super) debits: usize,
    pub(super) payouts: usize,
    pub(super) calldata_bytes: usize,
}

/// The payee with a number, from 0.
pub(super) fn payee(number: usize) -> Address {
    Address::left_padding_from(&(PAYEES_FROM + number as u64).to_be_bytes())
}

struct Account {
    id: AccountId,
    owner: PrivateKeySigner,
    signer: Signer,
}

/// A wallet, its processor, and accounts.
pub(super) struct Stage {
    /// Kept, so that the chain goes on.
    chain: DevChain,
    provider: DynProvider,
    processor: Address,
    wallet: WalletId,
    token: Address,
    verifier_set: VerifierSetId,
    provers: BTreeMap<Shape, Prover>,
    accounts: Vec<Account>,
    /// Payees from this number on were never paid.
    payees_paid: usize,
    rng: StdRng,
}

/// The wallet remembers batches for some seconds, so that a batch settles as it does for a processor that
/// has used all its places before.
const PERIODS: Periods = Periods {
    withdrawal_seconds: 60,
    unbonding_seconds: 60,
    promise_seconds: 1,
    demand_seconds: 1,
    response_seconds: 1,
    view_age_seconds: 1,
    keep_seconds: 4,
};

impl Stage {
    /// Deploys everything, opens accounts and funds them. Payees below `payees` will be paid.
    pub(super) async fn open(
        shapes: &BTreeSet<Shape>,
        accounts: usize,
        payees: usize,
        keys: &Path,
        watch: &dyn Watch,
    ) -> anyhow::Result<Self> {
        let provers = shapes
            .iter()
            .map(|shape| Ok((*shape, prover(keys, *shape, watch)?)))
            .collect::<anyhow::Result<BTreeMap<_, _>>>()?;

        watch.step(&format!("{accounts} accounts on an embedded chain"));
        // The same keys and amounts every time, so that figures differ by the proofs alone.
        let mut rng = StdRng::seed_from_u64(1);
        let owners: Vec<PrivateKeySigner> =
            (0..accounts).map(|_| PrivateKeySigner::random_with(&mut rng)).collect();
        let ether = U256::from(OWNER_ETHER) * Unit::ETHER.wei();
        let chain = DevChain::start(DevChainConfig {
            balances: owners.iter().map(|owner| (owner.address(), ether)).collect(),
            ..DevChainConfig::default()
        })?;
        let processor = dev_accounts()?.into_iter().next().context("there is no processor")?;
        let mut signers = EthereumWallet::from(processor.clone());
        owners.iter().for_each(|owner| signers.register_signer(owner.clone()));
        let provider = ProviderBuilder::new().wallet(signers).connect_client(chain.client());

        let key = |(shape, prover): (&Shape, &Prover)| KeyOfShape {
            shape: *shape,
            key: Loaded {
                key: prover.verifying_key().clone(),
                provenance: prover.provenance(),
                verifying_key_hash: prover.verifying_key_hash(),
            },
        };
        let plan = Plan {
            periods: PERIODS,
            keys: provers.iter().map(key).collect(),
            accept_development_keys: BTreeSet::new(),
            checked_ceremonies: BTreeSet::new(),
            test_token: true,
        };
        let deployment = deploy(&provider, &plan).await?;
        let token = deployment.test_token.as_ref().context("no token was deployed")?.address;
        let mut stage = Self {
            chain,
            provider: provider.erased(),
            processor: processor.address(),
            wallet: deployment.wallet_id(),
            token,
            verifier_set: deployment.verifier_set,
            provers,
            accounts: Vec::with_capacity(accounts),
            payees_paid: payees,
            rng,
        };
        stage.fund(owners).await?;
        Ok(stage)
    }

    /// Opens an account for each owner, and puts tokens in.
    async fn fund(&mut self, owners: Vec<PrivateKeySigner>) -> anyhow::Result<()> {
        let (wallet, token, processor) = (self.wallet, self.token, self.processor);
        let all = DEPOSIT * owners.len() as u128;
        let mint = TestUSD::mintCall { to: processor, amount: U256::from(all) };
        self.send(&Call::new(token, &mint)).await?;
        self.send(&token::approve(token, wallet.address, BaseUnits::new(all))).await?;
        for (owner, number) in owners.into_iter().zip(1..) {
            let secret = SecretKey::generate(&mut self.rng);
            let signer = Signer::new(secret, wallet.chain_id, wallet.address);
            let terms = Terms {
                processor,
                verifier_set: Some(self.verifier_set),
                key_hash: Some(KeyHash::of(&signer.public())),
            };
            transact_from(&self.provider, owner.address(), &wallet.open_account(&terms)).await?;
            let id = AccountId::new(number)?;
            self.send(&wallet.deposit(id, token, BaseUnits::new(DEPOSIT))).await?;
            self.accounts.push(Account { id, owner, signer });
        }
        Ok(())
    }

    /// So many payees who were never paid: the first one's number.
    pub(super) fn fresh_payees(&mut self, count: usize) -> usize {
        let first = self.payees_paid;
        self.payees_paid += count;
        first
    }

    /// Signs payments, each account's in a chain, proves them in as many segments of `shape` as they
    /// need, and settles them in one transaction.
    pub(super) async fn settle(
        &mut self,
        shape: Shape,
        payments: &[Payment],
        watch: &dyn Watch,
    ) -> anyhow::Result<Settled> {
        let valid_until = self.deadline().await?;
        let mut last = BTreeMap::<usize, Released>::new();
        let domain = self.wallet.mandate_domain(self.token);
        let mut mandates = Vec::with_capacity(payments.len());
        let mut captured = BTreeMap::<Address, Vec<Captured>>::new();
        for payment in payments {
            let account = &self.accounts[payment.account];
            let terms = MandateTerms {
                account: account.id,
                token: self.token,
                payee: payment.payee,
                amount: Ceiling::new(self.rng.gen_range(1..=AMOUNT_MAX).into())?,
                nonce: Nonce::new(payment.nonce),
                deadline: valid_until,
                reference: B256::from(self.rng.r#gen::<[u8; 32]>()),
            };
            let signed = account.signer.sign(terms, last.get(&payment.account));
            last.insert(payment.account, signed.clone().released_to_payee());
            let mandate = &signed.mandate;
            captured.entry(mandate.payee).or_default().push(Captured {
                mandate_id: mandate.id(&domain).to_bytes(),
                amount: mandate.amount.get(),
            });
            mandates.push(Entry { signed, captured: None });
        }
        let window = Window {
            chain_id: self.wallet.chain_id,
            wallet: self.wallet.address,
            token: self.token,
            valid_until,
            mandates,
        };
        let valid = window.validate(&mut OsRng)?;
        let prover = self.provers.get(&shape).with_context(|| format!("no prover of {shape}"))?;
        let blinding = Blinding::random(&mut OsRng);
        let (proven, ..) = prover.prove(&valid, &blinding, &mut OsRng, watch)?;

        let payouts = proven.settlement.payouts.iter().map(|own| {
            let paid = PaidOut { payee: own.payee, amount: own.amount };
            (paid, captured.remove(&own.payee).unwrap_or_default())
        });
        let captures = CaptureTree::new(&payouts.collect::<Vec<_>>())?.root();
        // All in one place, which was used before by all but the first, and is free again.
        let remembered = Some(Remembered { captures, place: 0 });
        self.chain.increase_time(Duration::from_secs(PERIODS.keep_seconds + 1))?;
        let (processor, set, token) = (self.processor, self.verifier_set, self.token);
        let call = self.wallet.settle_batch(&proven, processor, set, token, remembered)?;
        let gas = self.send(&call).await?;
        Ok(Settled {
            gas,
            segments: proven.segments.len(),
            debits: proven.settlement.debits.len(),
            payouts: proven.settlement.payouts.len(),
            calldata_bytes: call.data.len(),
        })
    }

    /// Settles payments by the direct path in one transaction, and says what gas it used.
    pub(super) async fn settle_direct(&mut self, payments: &[Payment]) -> anyhow::Result<u64> {
        let deadline = U256::from(self.deadline().await?.get());
        let domain = self.wallet.eip712_domain();
        let mut mandates = Vec::with_capacity(payments.len());
        for payment in payments {
            let owner = &self.accounts[payment.account].owner;
            let amount = U256::from(self.rng.gen_range(1..=AMOUNT_MAX));
            let mandate = DirectMandate {
                owner: owner.address(),
                token: self.token,
                payee: payment.payee,
                amount,
                nonce: U256::from(payment.nonce),
                deadline,
                reference: B256::from(self.rng.r#gen::<[u8; 32]>()),
            };
            let signed = SignedDirectMandate::sign(mandate, owner, &domain)?;
            mandates.push(DirectSettlement { signed, captured: amount });
        }
        sort_to_net(&mut mandates);
        self.send(&self.wallet.settle_direct(self.processor, &mandates)).await
    }

    /// Sends with the processor's key: the gas that was used.
    async fn send(&self, call: &Call) -> anyhow::Result<u64> {
        let receipt = transact_from(&self.provider, self.processor, call).await?;
        ensure!(receipt.status(), "a transaction failed that had to succeed");
        Ok(receipt.gas_used)
    }

    async fn deadline(&self) -> anyhow::Result<UnixTime> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let now = UnixTime::new(block.context("the chain has no block")?.header.timestamp)?;
        now.checked_add(VALID_FOR_SECONDS).context("the clock is at the end of time")
    }
}

/// The key of a shape: from the folder, or made for the run.
fn prover(keys: &Path, shape: Shape, watch: &dyn Watch) -> anyhow::Result<Prover> {
    if Prover::is_kept(keys, shape) {
        watch.step(&format!("the key of shape {shape}, from {}", keys.display()));
        return Ok(Prover::load(keys, shape)?);
    }
    watch.step(&format!("a key of shape {shape}, made for this run"));
    Ok(Prover::set_up(shape, &Entropy::Fresh, watch)?)
}
