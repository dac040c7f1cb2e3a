//! Batches of which the transaction's input does not say what they took.
//!
//! A processor that is a contract calls the wallet from within. What it took is then in a trace of the
//! transaction, which few nodes give. But it matters: such an account may choose this processor later,
//! and its balance would be thought to be what it was before.
//!
//! So the accounts that the processor may debit are read as they were after the block, and what is
//! missing is what the batch took. Which nonces it spent stays unknown; a mandate under one of them is
//! refused by the chain, alone, and no guarantee can be claimed on it, since its nonce is spent.
//!
//! The missing amounts must add up to what the batch's event says it moved.

use std::collections::{BTreeMap, BTreeSet};

use aep2_ledger::{Balance, ChainFact, Ledger, records::SettledDebit};
use aep2_mandate::units::AccountId;
use alloy::primitives::Address;

use super::{
    draft::{Draft, DraftFact, fact_of},
    error::FollowError,
    facts::BatchEvent,
    node::Node,
};

/// The facts of each block, with what is missing found out.
pub(super) async fn resolve(
    node: &Node,
    ledger: &Ledger,
    drafts: Vec<Draft>,
) -> Result<Vec<Vec<ChainFact>>, FollowError> {
    let mut resolved: Vec<Vec<ChainFact>> = Vec::with_capacity(drafts.len());
    for Draft { block, facts } in drafts {
        let mut known = Vec::with_capacity(facts.len());
        let mut opaque: BTreeMap<(Address, Address), Vec<(usize, BatchEvent)>> = BTreeMap::new();
        for fact in facts {
            match fact {
                DraftFact::Known(fact) => known.push(fact),
                DraftFact::Opaque(batch) => {
                    let same = opaque.entry((batch.processor, batch.token)).or_default();
                    same.push((known.len(), batch));
                    // Its place; what it took follows.
                    known.push(fact_of(&batch, Vec::new()));
                }
            }
        }
        for ((processor, token), batches) in opaque {
            let before: Vec<&[ChainFact]> =
                resolved.iter().map(Vec::as_slice).chain([known.as_slice()]).collect();
            let accounts = accounts_of(ledger, &before, processor);
            let mut debits = Vec::new();
            let mut missing = Balance::ZERO;
            for account in accounts {
                let expected = expected(ledger, &before, account, token);
                let found = node.balance_at(account, token, block.hash).await?;
                let amount = u128::try_from(expected - found).ok().and_then(Balance::new);
                let amount = amount.ok_or_else(|| FollowError::NotUnderstood {
                    block: block.number,
                    reason: format!("account {account} has {found} of {token}, not {expected}"),
                })?;
                if amount > Balance::ZERO {
                    missing = missing.checked_add(amount).unwrap_or(Balance::MAX);
                    debits.push(SettledDebit { account, word: 0, mask: 0, amount });
                }
            }
            let total = batches.iter().fold(0, |sum, (_, batch)| sum + batch.total.get());
            if missing.get() != total {
                return Err(FollowError::NotUnderstood {
                    block: block.number,
                    reason: format!(
                        "{processor} settled {total} of {token} by way of a contract, and {missing} are \
                         missing from its accounts"
                    ),
                });
            }
            tracing::warn!(
                block = block.number,
                %processor,
                %token,
                total,
                "a contract settled; what it took is known from balances, its nonces are not"
            );
            if let Some((place, batch)) = batches.first() {
                known[*place] = fact_of(batch, debits);
            }
        }
        resolved.push(known);
    }
    Ok(resolved)
}

/// The accounts that had this processor, before or in the blocks that are being read.
fn accounts_of(ledger: &Ledger, facts: &[&[ChainFact]], of: Address) -> BTreeSet<AccountId> {
    let known = u32::try_from(ledger.stats().accounts).unwrap_or(u32::MAX);
    let in_ledger =
        (1..=known).filter_map(|number| AccountId::new(number).ok()).filter(|account| {
            ledger.account(*account).is_some_and(|account| account.record.processor == of)
        });
    let in_facts = facts.iter().copied().flatten().filter_map(|fact| match fact {
        ChainFact::AccountOpened { account, processor, .. }
        | ChainFact::ChangeApplied { account, processor, .. } => {
            (*processor == of).then_some(*account)
        }
        _ => None,
    });
    in_ledger.chain(in_facts).collect()
}

/// What an account would have after these facts, which the ledger does not know yet.
fn expected(ledger: &Ledger, facts: &[&[ChainFact]], account: AccountId, token: Address) -> i128 {
    // 104 bits fit.
    let signed = |balance: Balance| i128::try_from(balance.get()).unwrap_or(i128::MAX);
    let purses = ledger.account(account).map(|view| view.purses).unwrap_or_default();
    let purse = purses.iter().find(|(own, _)| *own == token);
    let before = purse.map_or(0, |(_, purse)| signed(purse.record.balance));
    facts.iter().copied().flatten().fold(before, |sum, fact| match fact {
        ChainFact::Deposited { account: a, token: t, amount } if (*a, *t) == (account, token) => {
            sum + signed(*amount)
        }
        ChainFact::WithdrawalExecuted { account: a, token: t, amount }
        | ChainFact::MandateSettled { account: a, token: t, captured: amount, .. }
            if (*a, *t) == (account, token) =>
        {
            sum - signed(*amount)
        }
        ChainFact::BatchSettled { token: t, debits, .. } if *t == token => {
            let of_account = debits.iter().filter(|debit| debit.account == account);
            of_account.fold(sum, |sum, debit| sum - signed(debit.amount))
        }
        _ => sum,
    })
}
