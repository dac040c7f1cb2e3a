//! The wallet's events as the ledger's facts.
//!
//! Of batches only this processor's become facts. What other events say of accounts that do not name
//! this processor the ledger passes over; so nothing here fails on what a stranger had the wallet say.

use aep2_chain::{
    events::WalletEvent,
    wallet::{
        terms::Terms,
        units::{BaseUnits, KeyHash, VerifierSetId},
    },
};
use aep2_ledger::{Balance, ChainFact, MandateHash, records::SettledDebit};
use aep2_mandate::units::AccountId;
use alloy::primitives::{Address, B256};

/// What an event of a transaction says, and what its transaction tells beside.
pub(super) struct Told {
    pub(super) event: WalletEvent,
    pub(super) transaction: B256,
    /// What a batch took, if the transaction's input tells.
    pub(super) debits: Option<Vec<SettledDebit>>,
    /// Whether the transaction opened the account and did nothing else.
    pub(super) first: bool,
}

/// The fact, if the ledger keeps it.
pub(super) fn of(told: Told, own: Address) -> Option<ChainFact> {
    let Told { event, transaction, debits, first } = told;
    Some(match event {
        WalletEvent::AccountOpened { account, opening } => {
            let (processor, verifier_set, key_hash) = words_of(&opening.terms);
            let owner = opening.owner;
            ChainFact::AccountOpened { account, owner, processor, verifier_set, key_hash }
        }
        WalletEvent::ChangeRequested { account, terms, in_force_from } => {
            let (processor, verifier_set, key_hash) = words_of(&terms);
            ChainFact::ChangeRequested { account, processor, verifier_set, key_hash, in_force_from }
        }
        WalletEvent::ChangeCancelled { account } => ChainFact::ChangeCancelled { account },
        WalletEvent::ChangeApplied { account, terms } => {
            let (processor, verifier_set, key_hash) = words_of(&terms);
            ChainFact::ChangeApplied { account, processor, verifier_set, key_hash }
        }
        WalletEvent::DirectAccountRequested { owner, account, in_force_from } => {
            ChainFact::DirectAccountRequested { owner, account, in_force_from }
        }
        WalletEvent::DirectAccountSet { owner, account } => {
            ChainFact::DirectAccountSet { owner, account, first }
        }
        WalletEvent::Deposited { account, token, from: _, amount } => match balance(amount) {
            Some(amount) => ChainFact::Deposited { account, token, amount },
            None => nonsense(account, "a deposit", amount),
        },
        WalletEvent::WithdrawalRequested { account, token, amount, executable_from } => {
            let amount = at_most_a_balance(amount);
            ChainFact::WithdrawalRequested { account, token, amount, executable_from }
        }
        WalletEvent::WithdrawalCancelled { account, token } => {
            ChainFact::WithdrawalCancelled { account, token }
        }
        WalletEvent::WithdrawalExecuted { account, token, to: _, amount } => {
            match balance(amount) {
                Some(amount) => ChainFact::WithdrawalExecuted { account, token, amount },
                None => nonsense(account, "a withdrawal", amount),
            }
        }
        WalletEvent::BatchSettled { batch_id, token, processor, count, .. } if processor == own => {
            ChainFact::BatchSettled { batch_id, token, processor, count, debits, transaction }
        }
        WalletEvent::MandateSettled { mandate_digest, account, payee: _, token, captured } => {
            let mandate = MandateHash::from_bytes(mandate_digest);
            match balance(captured) {
                Some(captured) => {
                    ChainFact::MandateSettled { mandate, account, token, captured, transaction }
                }
                None => nonsense(account, "a direct mandate", captured),
            }
        }
        WalletEvent::NonceBurnt { account, token, nonce } => {
            ChainFact::NonceBurnt { account, token, nonce }
        }
        WalletEvent::BatchSettled { .. }
        | WalletEvent::VerifiersRegistered { .. }
        | WalletEvent::PayoutCredited { .. }
        | WalletEvent::Collected { .. }
        | WalletEvent::PayoutThresholdRequested { .. }
        | WalletEvent::PayoutThresholdSet { .. }
        | WalletEvent::SenderSet { .. } => return None,
    })
}

/// What the wallet cannot have said of an account.
fn nonsense(account: AccountId, what: &str, amount: BaseUnits) -> ChainFact {
    ChainFact::Nonsense { account, reason: format!("{what} of {amount} base units") }
}

/// Terms as the ledger has them, with 0 for none: processor, verifiers, the key's hash.
pub(super) fn words_of(terms: &Terms) -> (Address, B256, B256) {
    let verifier_set = VerifierSetId::word_of(terms.verifier_set);
    (terms.processor, verifier_set, KeyHash::word_of(terms.key_hash).into())
}

/// An amount in the 104 bits in which the wallet keeps the balance of one account.
pub(super) fn balance(amount: BaseUnits) -> Option<Balance> {
    Balance::new(amount.get())
}

/// What is asked back: all there is, when it is more than there can be.
pub(super) fn at_most_a_balance(amount: BaseUnits) -> Balance {
    balance(amount).unwrap_or(Balance::MAX)
}
