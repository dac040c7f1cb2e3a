//! Putting changes of accounts in force as soon as they are due.
//!
//! From the moment a pending change is seen nothing is accepted that could settle after it is due, and
//! after it is due nothing at all, until it is applied and the new terms are known. Anyone may apply
//! it. This processor does where it goes on with the account: the new terms name it again, and there
//! is money in the account, so that nobody has it pay for changes of empty accounts.

use std::{sync::Arc, time::Instant};

use aep2_chain::sender::SubmissionId;
use aep2_ledger::{Balance, records::Tip};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy::primitives::keccak256;

use super::{
    context::{Context, blocking, resume_panic},
    sending::NotSent,
};

/// The part of the time that reading all accounts may take: one in so many.
const READING_SHARE: u32 = 100;

/// How many changes are applied at once.
const AT_ONCE_MAX: usize = 4;

/// Applies changes for ever.
pub(super) async fn apply(context: Arc<Context>) {
    let mut looked: Option<Tip> = None;
    let every = context.poll_interval;
    loop {
        let tip = context.ledger.tip();
        if let Some(tip) = tip.filter(|_| tip != looked) {
            looked = Some(tip);
            let started = Instant::now();
            let looking = Arc::clone(&context);
            let due = blocking(move || due(&looking, tip.time)).await;
            let due = due.map_err(resume_panic).unwrap_or_default();
            let took = started.elapsed();
            for (account, in_force_from) in due {
                apply_one(&context, account, in_force_from).await;
            }
            tokio::time::sleep(took * READING_SHARE).await;
        }
        tokio::time::sleep(every).await;
    }
}

/// Accounts with a change that is due and of use.
fn due(context: &Context, now: UnixTime) -> Vec<(AccountId, UnixTime)> {
    let ledger = &context.ledger;
    let own = ledger.config().identity.processor;
    let accounts = ledger.accounts().into_iter();
    accounts
        .filter_map(|account| {
            let view = ledger.account(account)?;
            let change = view.record.pending?;
            let ours = view.record.processor == own && change.processor == own;
            let funded = view.purses.iter().any(|(_, purse)| purse.record.balance > Balance::ZERO);
            let due = change.in_force_from <= now;
            (ours && funded && due).then_some((account, change.in_force_from))
        })
        .take(AT_ONCE_MAX)
        .collect()
}

async fn apply_one(context: &Context, account: AccountId, in_force_from: UnixTime) {
    let wallet = context.wallet;
    let id = SubmissionId(keccak256(
        [
            b"aep2 change".as_slice(),
            &wallet.chain_id.get().to_be_bytes(),
            wallet.address.as_slice(),
            &account.get().to_be_bytes(),
            &in_force_from.get().to_be_bytes(),
        ]
        .concat(),
    ));
    match context.sending.submit(id, wallet.apply_change(account)).await {
        Ok(ticket) => {
            tracing::info!(%account, transaction = %ticket.hash, "putting an account's change in force");
        }
        // Somebody else applied it, or its owner took it back.
        Err(NotSent::Refused(error)) => tracing::debug!(%account, %error, "not applied"),
        Err(error) => tracing::debug!(%account, ?error, "not applied yet"),
    }
}
