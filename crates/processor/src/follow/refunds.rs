//! Deposits that may pay refunds: which authorization a deposit came by.
//!
//! The wallet's event says whose tokens went into which account, not by which authorization. The token's
//! event does, in the same transaction: `AuthorizationUsed(authorizer, nonce)`. It alone would prove
//! nothing, since a payee can also use up a nonce by cancelling it, or by sending the tokens to itself.
//! So a deposit is paired with the last nonce that its depositor used in that token before it, in the same
//! transaction, and each of them once. Where the two are of different calls, the payer has got the deposit
//! all the same, and it pays one refund, not two.
//!
//! Receipts are asked for only of deposits by payees who announced a refund into that account.

use std::collections::{BTreeMap, HashMap};

use aep2_chain::{contracts::Erc20::AuthorizationUsed, events::WalletEvent};
use aep2_ledger::{ChainBlock, ChainFact, Ledger, LedgerError};
use alloy::{
    primitives::{Address, B256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use futures::future::try_join_all;
use serde::Deserialize;

use super::{error::FollowError, facts, node::Node};

/// How many receipts are asked for at once.
const CONCURRENCY: usize = 8;

/// A transaction's receipt, as far as it matters here: chains differ in the rest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: B256,
    block_hash: B256,
    logs: Vec<Log>,
}

/// Adds to the blocks what their deposits were authorized by, where that may pay a refund.
pub(super) async fn add(
    node: &Node,
    ledger: &Ledger,
    logs: &[Log],
    blocks: &mut [ChainBlock],
) -> Result<(), FollowError> {
    let mut wanted: BTreeMap<B256, B256> = BTreeMap::new();
    for log in logs {
        if let (Some(transaction), Some(block)) = (log.transaction_hash, log.block_hash)
            && may_refund(ledger, log)?
        {
            wanted.insert(transaction, block);
        }
    }
    let wanted: Vec<(B256, B256)> = wanted.into_iter().collect();
    for some in wanted.chunks(CONCURRENCY) {
        let asked = some.iter().map(|(transaction, block)| receipt(node, *transaction, *block));
        for receipt in try_join_all(asked).await? {
            let block = blocks.iter_mut().find(|block| block.hash == receipt.block_hash);
            // A block without facts is not among them; one with a deposit has one.
            if let Some(block) = block {
                block.facts.extend(authorized(&receipt.logs, node.wallet.address));
            }
        }
    }
    Ok(())
}

/// Whether a log is a deposit by a payee who announced a refund into that account.
fn may_refund(ledger: &Ledger, log: &Log) -> Result<bool, LedgerError> {
    match WalletEvent::decode(log) {
        Ok(WalletEvent::Deposited { account, token, from, .. }) => {
            ledger.has_refunds(account, token, from)
        }
        _ => Ok(false),
    }
}

async fn receipt(node: &Node, transaction: B256, block: B256) -> Result<Receipt, FollowError> {
    let receipt: Option<Receipt> = node.ask("eth_getTransactionReceipt", (transaction,)).await?;
    receipt
        .filter(|receipt| (receipt.transaction_hash, receipt.block_hash) == (transaction, block))
        .ok_or_else(|| {
            FollowError::Disagreement(format!("it has no receipt of {transaction} any more"))
        })
}

/// The deposits of a transaction that authorizations paid, by its events in their order.
fn authorized(logs: &[Log], wallet: Address) -> Vec<ChainFact> {
    let mut used: HashMap<(Address, Address), B256> = HashMap::new();
    let mut facts = Vec::new();
    for log in logs {
        if log.address() != wallet {
            if let Ok(event) = AuthorizationUsed::decode_log(&log.inner) {
                used.insert((log.address(), event.authorizer), event.nonce);
            }
            continue;
        }
        let Ok(WalletEvent::Deposited { account, token, from, amount }) = WalletEvent::decode(log)
        else {
            continue;
        };
        let (Some(nonce), Some(transaction)) = (used.remove(&(token, from)), log.transaction_hash)
        else {
            continue;
        };
        let Some(amount) = facts::balance(amount) else { continue };
        facts.push(ChainFact::DepositAuthorized {
            account,
            token,
            from,
            amount,
            nonce,
            transaction,
        });
    }
    facts
}

#[cfg(test)]
mod tests {
    use aep2_chain::contracts::DebitWallet::Deposited;
    use alloy::primitives::{Log as Said, U256};

    use super::*;

    const WALLET: Address = Address::repeat_byte(0xaa);
    const TOKEN: Address = Address::repeat_byte(0xbb);
    const PAYEE: Address = Address::repeat_byte(0xee);

    fn log(address: Address, event: &impl SolEvent) -> Log {
        let inner = Said { address, data: event.encode_log_data() };
        Log { inner, transaction_hash: Some(B256::repeat_byte(7)), ..Log::default() }
    }

    fn used(token: Address, authorizer: Address, number: u8) -> Log {
        log(token, &AuthorizationUsed { authorizer, nonce: B256::repeat_byte(number) })
    }

    fn deposited(amount: u64) -> Log {
        let amount = U256::from(amount);
        log(WALLET, &Deposited { account: 1, token: TOKEN, from: PAYEE, amount })
    }

    /// The nonces of the deposits that were paired, with what arrived.
    fn paired(logs: &[Log]) -> Vec<(u8, u128)> {
        let facts = authorized(logs, WALLET).into_iter().map(|fact| match fact {
            ChainFact::DepositAuthorized { nonce, amount, .. } => (nonce[0], amount.get()),
            other => panic!("{other:?}"),
        });
        facts.collect()
    }

    #[test]
    fn a_deposit_has_the_nonce_that_was_used_for_it() {
        assert_eq!(paired(&[used(TOKEN, PAYEE, 1), deposited(60)]), [(1, 60)]);
        let two = [used(TOKEN, PAYEE, 1), deposited(60), used(TOKEN, PAYEE, 2), deposited(40)];
        assert_eq!(paired(&two), [(1, 60), (2, 40)]);
    }

    #[test]
    fn one_deposit_pays_one_refund_however_many_nonces_are_used_up_around_it() {
        let before = [used(TOKEN, PAYEE, 1), used(TOKEN, PAYEE, 2), deposited(60)];
        assert_eq!(paired(&before), [(2, 60)]);
        let twice = [used(TOKEN, PAYEE, 1), deposited(60), deposited(40)];
        assert_eq!(paired(&twice), [(1, 60)], "a plain deposit has none");
        assert_eq!(paired(&[deposited(60), used(TOKEN, PAYEE, 1)]), [], "used afterwards");
        assert_eq!(paired(&[used(TOKEN, PAYEE, 1)]), [], "used without a deposit");
    }

    #[test]
    fn what_another_contract_or_another_owner_says_pays_nothing() {
        let other = Address::repeat_byte(0x55);
        assert_eq!(paired(&[used(other, PAYEE, 1), deposited(60)]), [], "not the token");
        assert_eq!(paired(&[used(TOKEN, other, 1), deposited(60)]), [], "not the depositor");
        let amount = U256::from(60);
        let event = Deposited { account: 1, token: TOKEN, from: PAYEE, amount };
        let forged = log(other, &event);
        assert_eq!(paired(&[used(TOKEN, PAYEE, 1), forged]), [], "not the wallet");
    }
}
