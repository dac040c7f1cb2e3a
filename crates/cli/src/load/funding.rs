//! Accounts with mandate keys and money in them, on the server's own chain.

use aep2_chain::{
    token,
    transact::transact_from,
    wallet::units::{BaseUnits, KeyHash},
};
use aep2_devchain::dev_accounts;
use aep2_mandate::{eddsa::SecretKey, units::AccountId};
use alloy::{
    providers::{Provider, ProviderBuilder},
    transports::http::reqwest::Client,
};
use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use rand::rngs::OsRng;

use super::server::ServerProcess;

/// How many transactions are under way at once.
const TOGETHER: usize = 16;

/// An account, and the key that signs its mandates.
pub(super) struct Payer {
    pub(super) account: AccountId,
    pub(super) key: SecretKey,
}

/// What one mandate allows, base units.
pub(super) const AMOUNT: u128 = 1_000;

/// Opens accounts, each with enough for all mandates together, and waits until the server knows them.
pub(super) async fn open(
    server: &ServerProcess,
    count: usize,
    mandates: usize,
) -> anyhow::Result<Vec<Payer>> {
    // A proxy of the environment cannot reach this machine's own addresses.
    let client = Client::builder().no_proxy().build().context("cannot start an HTTP client")?;
    let provider = ProviderBuilder::new()
        .disable_recommended_fillers()
        .connect_reqwest(client, server.rpc.parse()?)
        .erased();
    let owner = dev_accounts()?.swap_remove(0).address();
    let (wallet, token) = (server.wallet, server.token);
    // The embedded chain signs for its development accounts, and numbers what they send.
    let send = async |call| transact_from(&provider, owner, &call).await;

    let each = BaseUnits::new(AMOUNT * mandates as u128);
    let all = BaseUnits::new(each.get() * count as u128);
    send(token::mint_test_tokens(token, owner, all)).await?;
    send(token::approve(token, wallet.address, all)).await?;
    let payers: Vec<Payer> = stream::iter(0..count)
        .map(|_| async {
            let key = SecretKey::generate(&mut OsRng);
            let terms = server.terms(KeyHash::of(&key.public()));
            let receipt = send(wallet.open_account(&terms)).await?;
            let account = wallet.opened_account(&receipt)?;
            send(wallet.deposit(account, token, each)).await?;
            anyhow::Ok(Payer { account, key })
        })
        .buffer_unordered(TOGETHER)
        .try_collect()
        .await?;
    for payer in &payers {
        server.until_known(payer.account.get()).await?;
    }
    Ok(payers)
}
