//! A refund in the demo: a payee gives back a part of what it was paid.

use std::time::Duration;

use aep2_chain::{token::Token, transact::transact_from};
use aep2_mandate::{
    clock::Clock,
    typed_data::refund::{Refund, SignedRefund},
    units::{AccountId, Ceiling},
};
use aep2_processor_client::{lookup::Lookup, refunds::RefundStep};
use alloy::primitives::B256;
use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

use super::{agents::Bought, compare, outcome::GivenBack, payees::Shop, world::World};
use crate::{command::refund::sign_over, output::Output};

/// How long the tokens can be moved by the payee's signature, in seconds.
const VALID_S: u64 = 3_600;
/// How long it takes at most until the processor has seen them move.
const WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);

/// Half of what was paid goes back into the payer's account: announced to the processor, and moved by a
/// signature that pays it once, whoever brings it to the chain.
pub(super) async fn show(
    world: &World,
    shops: &[Shop],
    bought: &[Bought],
    output: &Output,
) -> anyhow::Result<GivenBack> {
    output.note("a refund: a payee gives half of a payment back …");
    let dearest = bought.iter().max_by_key(|own| compare::owed(own));
    let bought = dearest.context("nothing was bought")?;
    let shop = &shops[bought.shop];
    let mandate = bought.payment.id.to_bytes();
    let account = bought.payment.mandate.mandate.account;
    let (paid, before) = (compare::owed(bought), free(world, account)?);
    let message = Refund {
        mandate_id: mandate,
        token: world.token,
        amount: Ceiling::new(paid / 2)?,
        refund_id: Refund::numbered_id(mandate, Ceiling::new(paid / 2)?, 1),
        at: Clock::system().now(),
    };
    let signed = SignedRefund::sign(message, &shop.key, &world.venue().typed_data_domain())?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let processor = Lookup::new(http, world.ready.http.parse()?);
    processor.announce(&signed).await?;
    deposit(world, shop, account, &signed).await?;
    until_paid(world, &processor, mandate).await?;
    let given_back = free(world, account)?.saturating_sub(before);
    output.note(format!("  {given_back} of {paid} are in the payer's account again"));
    Ok(GivenBack { mandate: mandate.to_string(), paid, announced: paid / 2, given_back })
}

/// The payee signs its tokens over, for this account and this refund. Somebody else pays for the gas.
async fn deposit(
    world: &World,
    shop: &Shop,
    account: AccountId,
    refund: &SignedRefund,
) -> anyhow::Result<()> {
    let token = Token::new(world.provider.clone(), world.token);
    let valid_before = Clock::system().now().checked_add(VALID_S);
    let valid_before = valid_before.context("the clock is at the end of time")?;
    let to = (world.wallet.id(), account);
    let (_, call) = sign_over(&shop.key, &token, &refund.message, to, valid_before).await?;
    transact_from(&world.provider, world.bank, &call).await?;
    Ok(())
}

/// Waits until the processor shows it as paid.
async fn until_paid(world: &World, processor: &Lookup, mandate: B256) -> anyhow::Result<()> {
    let (started, wallet) = (Instant::now(), world.wallet.id());
    while started.elapsed() < WITHIN {
        let found = processor.paid(mandate, wallet.chain_id, wallet.address).await?;
        let refunds = found.context("the mandate is not known")?.refunds;
        if refunds.iter().any(|own| own.status == RefundStep::Paid) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    bail!("the processor does not see a refund that was paid")
}

/// What an account can spend, by the processor's books.
fn free(world: &World, account: AccountId) -> anyhow::Result<u128> {
    let known = world.serving.processor().account(account)?.context("an account is not known")?;
    let purse = known.purses.iter().find(|own| own.token == world.token);
    Ok(purse.context("an account has no purse")?.free.get())
}
