//! Unconfirmed requests: withdrawals and changes of accounts that are asked for in blocks that are not
//! confirmed yet. They limit acceptance at once.
//!
//! Only requests are read. That one was cancelled counts when its block is applied.

use aep2_chain::{
    BlockRef,
    contracts::DebitWallet::{ChangeRequested, DirectAccountRequested, WithdrawalRequested},
    events::WalletEvent,
};
use aep2_ledger::{Ledger, UnconfirmedKind, UnconfirmedRequest};
use alloy::{
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};

use super::{error::FollowError, facts, node::Node};
use crate::fail_point::{FailPoint, FailPointHook, Moment};

/// How many blocks ahead are read. Who is further behind accepts nothing anyway: its view is too old.
const AHEAD_MAX: u64 = 2_000;

/// Reads the blocks from the last one applied up to the head, and notes what is asked for there.
pub(super) async fn note(
    node: &Node,
    ledger: &Ledger,
    hook: &dyn FailPointHook,
    first_block: u64,
    head: BlockRef,
) -> Result<(), FollowError> {
    let applied = ledger.tip().map_or(0, |tip| tip.number);
    let from = applied.saturating_add(1).max(first_block);
    let requests = if from > head.number || head.number - from >= AHEAD_MAX {
        Vec::new()
    } else {
        requests(node, ledger, from, head.number).await?
    };
    if requests.is_empty() && ledger.unconfirmed().is_empty() {
        return Ok(());
    }
    hook.reached(FailPoint::NoteUnconfirmed, Moment::Before);
    ledger.set_unconfirmed(requests).await?;
    hook.reached(FailPoint::NoteUnconfirmed, Moment::After);
    Ok(())
}

/// What is asked for in these blocks.
async fn requests(
    node: &Node,
    ledger: &Ledger,
    from: u64,
    to: u64,
) -> Result<Vec<UnconfirmedRequest>, FollowError> {
    let filter =
        Filter::new().address(node.wallet.address).from_block(from).to_block(to).event_signature(
            vec![
                WithdrawalRequested::SIGNATURE_HASH,
                ChangeRequested::SIGNATURE_HASH,
                DirectAccountRequested::SIGNATURE_HASH,
            ],
        );
    let logs: Vec<Log> = node.ask("eth_getLogs", (filter,)).await?;
    let mut requests = Vec::new();
    for log in &logs {
        let Some(block) = log.block_number else { continue };
        // What makes no sense contradicts its account when its block is confirmed.
        let Ok(event) = WalletEvent::decode(log) else { continue };
        requests.extend(request(ledger, block, event)?);
    }
    Ok(requests)
}

/// What is asked for of an account that names this processor.
fn request(
    ledger: &Ledger,
    block: u64,
    event: WalletEvent,
) -> Result<Option<UnconfirmedRequest>, FollowError> {
    let (account, kind) = match event {
        WalletEvent::WithdrawalRequested { account, token, amount, .. } => {
            let amount = facts::at_most_a_balance(amount);
            (account, UnconfirmedKind::Withdrawal { token, amount })
        }
        WalletEvent::ChangeRequested { account, in_force_from, .. } => {
            (account, UnconfirmedKind::Change { in_force_from })
        }
        // Limits the account that the owner's mandates debit now.
        WalletEvent::DirectAccountRequested { owner, in_force_from, .. } => {
            match ledger.direct_account(owner)? {
                Some(account) => (account, UnconfirmedKind::Change { in_force_from }),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let own = ledger.config().identity.processor;
    let is_own = ledger.account(account).is_some_and(|view| view.record.processor == own);
    Ok(is_own.then_some(UnconfirmedRequest { block, account, kind }))
}
