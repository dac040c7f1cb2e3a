//! Everything that a demo happens in: a chain in this process with contracts on it, the processor
//! behind its HTTP interface, and the agents' accounts.

use std::{path::Path, time::Duration};

use aep2_chain::{
    call::Call,
    deployment::Deployment,
    token,
    transact::transact_from,
    wallet::{
        Wallet,
        terms::Terms,
        units::{BaseUnits, KeyHash},
    },
};
use aep2_circuits::Shape;
use aep2_devchain::dev_accounts;
use aep2_ledger::Balance;
use aep2_mandate::{eddsa::SecretKey, units::AccountId};
use aep2_server::settings::Settings;
use aep2_x402::purchase::Venue;
use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, U256, utils::Unit},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    transports::http::reqwest::{Client, Url},
};
use anyhow::{Context, ensure};
use rand::rngs::OsRng;
use tokio::time::{Instant, sleep};

use super::listed::Looked;
use crate::{
    output::Output,
    serving::{Ready, Serving},
};

/// The shape that most windows are proved in.
pub(super) const SHAPE: &str = "16x16-capture";
/// The shape of what is left over.
const SHAPE_SMALL: &str = "4x4-capture";
/// How long a mandate waits for company.
const AGE_S_MAX: u64 = 4;
/// How often the chain makes a block.
const BLOCK_TIME_MS: u64 = 500;
/// How long it may take until the processor has read the deposits.
const SEEN_WITHIN: Duration = Duration::from_secs(20);
/// What each agent's owner deposits: 50 dollars, in base units.
pub(super) const DEPOSIT: u128 = 50_000_000;

pub(super) struct World {
    pub(super) serving: Serving,
    pub(super) ready: Ready,
    pub(super) deployment: Deployment,
    /// Signs for the agents' owners.
    pub(super) provider: DynProvider,
    pub(super) wallet: Wallet<DynProvider>,
    pub(super) token: Address,
    pub(super) accounts: Vec<Account>,
    /// Who is looked at by compliance.
    pub(super) looked: Looked,
    /// The account of somebody on a sanctions list, and one whose agent an officer refuses.
    pub(super) looked_at: [Account; 2],
    /// The account of somebody who objects to what was bought.
    pub(super) customer: Account,
    /// Somebody with ether, who pays for gas.
    pub(super) bank: Address,
}

/// An account, and what its agent's key is made from.
pub(super) struct Account {
    pub(super) id: AccountId,
    seed: [u8; 32],
}

impl Account {
    /// The key that its agent signs with.
    pub(super) fn key(&self) -> SecretKey {
        SecretKey::from_seed(self.seed)
    }
}

impl World {
    /// Everything, in this folder.
    pub(super) async fn build(data: &Path, agents: usize, output: &Output) -> anyhow::Result<Self> {
        let looked = Looked::prepare(&data.join("compliance"))?;
        let settings = settings(&data.join("processor"), &data.join("compliance"))?;
        output.note("a chain in this process, the contracts, a token; the processor over HTTP …");
        let (serving, ready) = Serving::start(&settings, output).await?;
        ensure!(ready.ready, "the processor does not get ready: {}/readyz says why", ready.http);
        let deployment = Deployment::read(&ready.deployment)?;
        let token = deployment.test_token.as_ref().context("there is no test token")?.address;

        let bank = dev_accounts()?.swap_remove(0);
        let owners: Vec<PrivateKeySigner> =
            (0..agents).map(|_| PrivateKeySigner::random()).collect();
        let mut signers = EthereumWallet::from(bank.clone());
        let suspect = PrivateKeySigner::random();
        let customer = PrivateKeySigner::random();
        for owner in owners.iter().chain([&looked.payer, &suspect, &customer]) {
            signers.register_signer(owner.clone());
        }
        let rpc: Url = ready.rpc.as_ref().context("the chain is not served")?.parse()?;
        // A proxy of the environment cannot reach this machine's own addresses.
        let http = Client::builder().no_proxy().build()?;
        let provider = ProviderBuilder::new().wallet(signers).connect_reqwest(http, rpc).erased();
        provider.client().set_poll_interval(Duration::from_millis(20));
        let wallet = Wallet::connect(provider.clone(), deployment.wallet.address).await?;

        output
            .note(format!("{agents} agents, an account and {} tokens each …", DEPOSIT / 1_000_000));
        let opening = Opening { provider: &provider, wallet: &wallet, token, ready: &ready };
        let mut accounts = Vec::new();
        for owner in &owners {
            accounts.push(opening.open(&deployment, bank.address(), owner.address()).await?);
        }
        let listed = opening.open(&deployment, bank.address(), looked.payer.address()).await?;
        let suspect = opening.open(&deployment, bank.address(), suspect.address()).await?;
        let looked_at = [listed, suspect];
        let customer = opening.open(&deployment, bank.address(), customer.address()).await?;
        let world = Self {
            serving,
            ready,
            deployment,
            provider,
            wallet,
            token,
            accounts,
            looked,
            looked_at,
            customer,
            bank: bank.address(),
        };
        world.until_seen().await?;
        Ok(world)
    }

    /// Waits until the processor has read all deposits from the chain.
    async fn until_seen(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        let deposit = Balance::new(DEPOSIT).context("a deposit that no account holds")?;
        for account in self.accounts.iter().chain(&self.looked_at).chain([&self.customer]) {
            loop {
                let seen = self.serving.processor().account(account.id)?;
                let purses = seen.map(|account| account.purses).unwrap_or_default();
                if purses.iter().any(|own| own.token == self.token && own.free == deposit) {
                    break;
                }
                ensure!(started.elapsed() < SEEN_WITHIN, "the deposits are not seen");
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// Where mandates and receipts count.
    pub(super) fn venue(&self) -> Venue {
        Venue {
            chain: self.deployment.chain_id,
            wallet: self.deployment.wallet.address,
            processor: self.ready.processor,
        }
    }

    /// What somebody holds of the token, outside the wallet.
    pub(super) async fn tokens_of(&self, holder: Address) -> anyhow::Result<U256> {
        Ok(token::Token::new(self.provider.clone(), self.token).balance_of(holder).await?)
    }
}

/// What accounts are opened with.
struct Opening<'a> {
    provider: &'a DynProvider,
    wallet: &'a Wallet<DynProvider>,
    token: Address,
    ready: &'a Ready,
}

impl Opening<'_> {
    /// Opens an account for an owner: once, with its own money. From here on its agent needs no
    /// transaction.
    async fn open(
        &self,
        deployment: &Deployment,
        bank: Address,
        owner: Address,
    ) -> anyhow::Result<Account> {
        let gas = TransactionRequest::default()
            .with_from(bank)
            .with_to(owner)
            .with_value(Unit::ETHER.wei());
        self.provider.send_transaction(gas).await?.get_receipt().await?;

        let key = SecretKey::generate(&mut OsRng);
        let terms = Terms {
            processor: self.ready.processor,
            verifier_set: Some(deployment.verifier_set),
            key_hash: Some(KeyHash::of(&key.public())),
        };
        let (id, deposit) = (self.wallet.id(), BaseUnits::new(DEPOSIT));
        self.send(owner, &token::mint_test_tokens(self.token, owner, deposit)).await?;
        self.send(owner, &token::approve(self.token, id.address, deposit)).await?;
        let opened = self.send(owner, &id.open_account(&terms)).await?;
        let account = id.opened_account(&opened)?;
        self.send(owner, &id.deposit(account, self.token, deposit)).await?;
        Ok(Account { id: account, seed: *key.seed() })
    }

    async fn send(&self, from: Address, call: &Call) -> anyhow::Result<TransactionReceipt> {
        Ok(transact_from(self.provider, from, call).await?)
    }
}

/// What the demo sets otherwise than `aep2 serve` on its own: faster windows, any free ports.
fn settings(data: &Path, compliance: &Path) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    settings.data.directory = data.to_owned();
    settings.chain.embedded_block_time_ms = BLOCK_TIME_MS;
    settings.chain.embedded_listen.set_port(0);
    settings.http.listen.set_port(0);
    settings.compliance.settings = Some(compliance.join("compliance.toml"));
    settings.windows.age_s_max = AGE_S_MAX;
    settings.windows.capture_within_s = 1;
    settings.windows.poll_interval_ms = 50;
    settings.windows.shapes = [SHAPE_SMALL, SHAPE]
        .into_iter()
        .map(|name| Ok(aep2_server::settings::ShapeName(name.parse::<Shape>()?)))
        .collect::<anyhow::Result<_>>()?;
    Ok(settings)
}
