//! What the receipts say against what the chain says: mandate by mandate, and in sum.

use std::collections::HashMap;

use aep2_chain::{deployment::Deployment, inclusion::SettledTransaction, settlement::SettledBatch};
use aep2_ledger::MandateHash;
use aep2_mandate::mandate::MandateId;
use aep2_processor::Processor;
use alloy::{
    primitives::{B256, U256},
    providers::Provider,
};
use anyhow::Context;

use super::{
    agents::Bought,
    outcome::Comparison,
    payees::Shop,
    timeline::MandateTimes,
    world::{DEPOSIT, World},
};

/// What a payer's receipts say that it pays.
pub(super) fn owed(bought: &Bought) -> u128 {
    let payment = &bought.payment;
    payment.captured.map_or(payment.mandate.mandate.amount.get(), |captured| captured.get())
}

/// Compares everything. Nothing here is taken from the processor's ledger but the inclusion proofs,
/// which are checked against what is on chain.
pub(super) async fn all(
    world: &World,
    shops: &[Shop],
    bought: &[Bought],
    times: &HashMap<MandateHash, MandateTimes>,
    batches: &[(SettledTransaction, u64)],
) -> anyhow::Result<Vec<Comparison>> {
    let mut comparisons = vec![mandates(world, bought, times, batches).await?];
    comparisons.push(nonces(world, bought).await?);

    let paid = |batch: &SettledBatch| -> u128 {
        batch.payouts.iter().map(|payout| payout.amount.get()).sum()
    };
    comparisons.push(Comparison::of(
        "base units, all payouts",
        bought.iter().map(owed).sum::<u128>(),
        batches.iter().map(|(settled, _)| paid(&settled.batch)).sum::<u128>(),
    ));
    for (index, shop) in shops.iter().enumerate() {
        let owed: u128 = bought.iter().filter(|own| own.shop == index).map(owed).sum();
        let held = world.tokens_of(shop.address).await?;
        comparisons.push(Comparison::of(format!("tokens of the payee {}", shop.name), owed, held));
    }
    for (index, account) in world.accounts.iter().enumerate() {
        let owed: u128 = bought.iter().filter(|own| own.agent == index).map(owed).sum();
        let purse = world.wallet.purse(account.id, world.token).await?;
        let left = DEPOSIT.checked_sub(owed).context("an agent spent more than it had")?;
        let name = format!("balance of account {} (agent {})", account.id, index + 1);
        comparisons.push(Comparison::of(name, left, purse.balance));
    }
    let in_wallet = world.tokens_of(world.deployment.wallet.address).await?;
    // Beside the agents, those who are looked at, and one who pays later.
    let accounts = world.accounts.len() + world.looked_at.len() + 1;
    let left: u128 = DEPOSIT * accounts as u128 - bought.iter().map(owed).sum::<u128>();
    comparisons.push(Comparison::of("tokens in the wallet", left, in_wallet));
    Ok(comparisons)
}

/// Each mandate is shown to be in its batch, with the amount that its receipts say, by a proof
/// against what the chain settled.
async fn mandates(
    world: &World,
    bought: &[Bought],
    times: &HashMap<MandateHash, MandateTimes>,
    batches: &[(SettledTransaction, u64)],
) -> anyhow::Result<Comparison> {
    let processor = world.serving.processor();
    let mut shown = 0;
    for own in bought {
        let id = own.payment.id;
        let settled = times.get(&id.into()).and_then(|times| times.settled);
        let settled = settled.with_context(|| format!("mandate {id} did not settle"))?;
        let included = included(processor, own, id, &world.deployment, batches).await?;
        shown += usize::from(settled.amount.get() == owed(own) && included == owed(own));
    }
    Ok(Comparison::of("mandates shown to be settled as receipted", bought.len(), shown))
}

/// What the batch on chain settled of a mandate.
async fn included(
    processor: &Processor,
    own: &Bought,
    id: MandateId,
    deployment: &Deployment,
    batches: &[(SettledTransaction, u64)],
) -> anyhow::Result<u128> {
    let inclusion = processor.inclusion_proof(id).await?;
    let (settled, _) = batches
        .iter()
        .find(|(settled, _)| settled.transaction == inclusion.transaction)
        .with_context(|| format!("mandate {id}: its batch is not on chain"))?;
    let mandate = &own.payment.mandate.mandate;
    Ok(settled.batch.check_inclusion(deployment, mandate, &inclusion.proof)?.captured.get())
}

/// Every nonce is spent, and no other.
async fn nonces(world: &World, bought: &[Bought]) -> anyhow::Result<Comparison> {
    let mut spent = 0;
    for own in bought {
        let mandate = &own.payment.mandate.mandate;
        let is_spent = world.wallet.is_spent(mandate.account, world.token, mandate.nonce).await?;
        spent += usize::from(is_spent);
    }
    Ok(Comparison::of("nonces spent on chain", bought.len(), spent))
}

/// What the processor's transactions settled in this wallet, as the chain has it, and the gas that each
/// used.
pub(super) async fn settled_on_chain(
    world: &World,
    transactions: &[B256],
) -> anyhow::Result<Vec<(SettledTransaction, u64)>> {
    let mut batches = Vec::new();
    for hash in transactions {
        let settled = SettledTransaction::read(&world.provider, world.wallet.id(), *hash).await?;
        let receipt = world.provider.get_transaction_receipt(*hash).await?;
        let receipt = receipt.with_context(|| format!("{hash} has no receipt"))?;
        batches.push((settled, receipt.gas_used));
    }
    Ok(batches)
}

/// How many transactions the processor has sent, beyond those of its start.
pub(super) async fn transactions_of(world: &World) -> anyhow::Result<U256> {
    let count = world.provider.get_transaction_count(world.ready.processor).await?;
    Ok(U256::from(count))
}
