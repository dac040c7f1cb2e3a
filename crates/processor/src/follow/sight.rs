//! What is asked for in blocks that are not confirmed yet: it limits acceptance from its first sight.
//!
//! Only requests are looked at. That one was taken back again counts when its block is applied.

use aep2_chain::{
    BlockRef,
    contracts::DebitWallet::{ChangeRequested, DirectAccountRequested, WithdrawalRequested},
    events::WalletEvent,
    wallet::Wallet,
};
use aep2_ledger::{Sighting, SightingKind};
use alloy::{
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};

use super::{error::FollowError, facts, node::ask};
use crate::{
    boundary::{Act, Side},
    shared::Shared,
};

/// How many blocks ahead are looked at. Who is further behind accepts nothing anyway: its view is too
/// old.
const AHEAD_MAX: u64 = 2_000;

/// Looks at the blocks from the last one applied up to the head, and states what is asked for there.
pub(super) async fn look(shared: &Shared, head: BlockRef) -> Result<(), FollowError> {
    let applied = shared.ledger.tip().map_or(0, |tip| tip.number);
    let from = applied.saturating_add(1).max(shared.deployment.block);
    if from > head.number || head.number - from >= AHEAD_MAX {
        return state(shared, Vec::new()).await;
    }
    let filter = Filter::new()
        .address(shared.deployment.wallet.address)
        .from_block(from)
        .to_block(head.number)
        .event_signature(vec![
            WithdrawalRequested::SIGNATURE_HASH,
            ChangeRequested::SIGNATURE_HASH,
            DirectAccountRequested::SIGNATURE_HASH,
        ]);
    let logs: Vec<Log> = ask(shared, "eth_getLogs", (filter,)).await?;
    let mut sightings = Vec::with_capacity(logs.len());
    for log in &logs {
        let Some(block) = log.block_number else { continue };
        // What is not understood stops the follower when its block is confirmed.
        let Ok(event) = WalletEvent::decode(log) else { continue };
        sightings.extend(sighting(shared, block, event).await?);
    }
    state(shared, sightings).await
}

async fn state(shared: &Shared, sightings: Vec<Sighting>) -> Result<(), FollowError> {
    if sightings.is_empty() && shared.ledger.sightings().is_empty() {
        return Ok(());
    }
    shared.reached(Act::Sight, Side::Before);
    shared.ledger.sight(sightings).await?;
    shared.reached(Act::Sight, Side::After);
    Ok(())
}

async fn sighting(
    shared: &Shared,
    block: u64,
    event: WalletEvent,
) -> Result<Option<Sighting>, FollowError> {
    let (account, kind) = match event {
        WalletEvent::WithdrawalRequested { account, token, amount, .. } => {
            let amount = facts::balance(amount)
                .map_err(|reason| FollowError::NotUnderstood { block, reason })?;
            (account, SightingKind::Withdrawal { token, amount })
        }
        WalletEvent::ChangeRequested { account, in_force_from, .. } => {
            (account, SightingKind::Change { in_force_from })
        }
        // Limits the account that the owner's mandates debit now.
        WalletEvent::DirectAccountRequested { owner, in_force_from, .. } => {
            let wallet = Wallet::unchecked(shared.provider.clone(), shared.deployment.wallet_id());
            let limit = shared.config.follower.request_timeout;
            let path = tokio::time::timeout(limit, wallet.direct_account(owner)).await;
            let path =
                path.map_err(|_| FollowError::Node { asked: "directAccountOf", error: None })?;
            let path = path
                .map_err(|error| FollowError::Disagreement(format!("directAccountOf: {error}")))?;
            match path.account {
                Some(account) => (account, SightingKind::Change { in_force_from }),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Sighting { block, account, kind }))
}
