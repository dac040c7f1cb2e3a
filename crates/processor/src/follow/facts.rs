//! The wallet's events as the ledger's facts.

use aep2_chain::{
    events::WalletEvent,
    wallet::{
        terms::Terms,
        units::{BaseUnits, KeyHash, VerifierSetId},
    },
};
use aep2_ledger::{Balance, ChainFact, MandateHash};
use alloy::primitives::{Address, B256};

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A fact.
    Fact(ChainFact),
    /// A batch, of which the event does not tell what it took: that is in its transaction.
    Settled(BatchEvent),
    /// Nothing that the ledger keeps: bonds, credits, lists of verifiers.
    Nothing,
}

/// A batch as its event has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchEvent {
    pub(super) batch_id: B256,
    pub(super) token: Address,
    pub(super) processor: Address,
    pub(super) verifier_set: VerifierSetId,
    pub(super) count: u32,
    pub(super) total: Balance,
    pub(super) transaction: B256,
}

/// What an event of a transaction says, or why that cannot be.
pub(super) fn of(event: WalletEvent, transaction: B256) -> Result<Decoded, String> {
    Ok(Decoded::Fact(match event {
        WalletEvent::AccountOpened { account, opening } => {
            let LedgerTerms { processor, verifier_set, key_hash } = ledger_terms(&opening.terms);
            let owner = opening.owner;
            ChainFact::AccountOpened { account, owner, processor, verifier_set, key_hash }
        }
        WalletEvent::ChangeRequested { account, terms, in_force_from } => {
            let LedgerTerms { processor, verifier_set, key_hash } = ledger_terms(&terms);
            ChainFact::ChangeRequested { account, processor, verifier_set, key_hash, in_force_from }
        }
        WalletEvent::ChangeCancelled { account } => ChainFact::ChangeCancelled { account },
        WalletEvent::ChangeApplied { account, terms } => {
            let LedgerTerms { processor, verifier_set, key_hash } = ledger_terms(&terms);
            ChainFact::ChangeApplied { account, processor, verifier_set, key_hash }
        }
        WalletEvent::DirectAccountRequested { owner, account, in_force_from } => {
            ChainFact::DirectAccountRequested { owner, account, in_force_from }
        }
        WalletEvent::DirectAccountSet { owner, account } => {
            ChainFact::DirectAccountSet { owner, account }
        }
        WalletEvent::Deposited { account, token, from: _, amount } => {
            ChainFact::Deposited { account, token, amount: balance(amount)? }
        }
        WalletEvent::WithdrawalRequested { account, token, amount, executable_from } => {
            let amount = balance(amount)?;
            ChainFact::WithdrawalRequested { account, token, amount, executable_from }
        }
        WalletEvent::WithdrawalCancelled { account, token } => {
            ChainFact::WithdrawalCancelled { account, token }
        }
        WalletEvent::WithdrawalExecuted { account, token, to: _, amount } => {
            ChainFact::WithdrawalExecuted { account, token, amount: balance(amount)? }
        }
        WalletEvent::BatchSettled { batch_id, token, processor, verifier_set, count, total } => {
            let total = balance(total)?;
            let settled =
                BatchEvent { batch_id, token, processor, verifier_set, count, total, transaction };
            return Ok(Decoded::Settled(settled));
        }
        WalletEvent::MandateSettled { mandate_digest, account, payee: _, token, captured } => {
            ChainFact::MandateSettled {
                mandate: MandateHash::from_bytes(mandate_digest),
                account,
                token,
                captured: balance(captured)?,
                transaction,
            }
        }
        WalletEvent::GuaranteeClaimed {
            account: Some(account), nonce, token, nonce_burnt, ..
        } => ChainFact::GuaranteeClaimed { account, token, nonce, nonce_burnt },
        // A stranger's receipt may name no account; it burns nothing.
        WalletEvent::GuaranteeClaimed { account: None, .. }
        | WalletEvent::VerifiersRegistered { .. }
        | WalletEvent::PayoutCredited { .. }
        | WalletEvent::Collected { .. }
        | WalletEvent::PayoutThresholdRequested { .. }
        | WalletEvent::PayoutThresholdSet { .. }
        | WalletEvent::Bonded { .. }
        | WalletEvent::UnbondRequested { .. }
        | WalletEvent::UnbondCancelled { .. }
        | WalletEvent::Unbonded { .. } => return Ok(Decoded::Nothing),
    }))
}

/// Terms as the ledger has them, with 0 for none.
struct LedgerTerms {
    processor: Address,
    verifier_set: B256,
    key_hash: B256,
}

fn ledger_terms(terms: &Terms) -> LedgerTerms {
    LedgerTerms {
        processor: terms.processor,
        verifier_set: VerifierSetId::word_of(terms.verifier_set),
        key_hash: KeyHash::word_of(terms.key_hash).into(),
    }
}

/// An amount in the 104 bits in which the wallet keeps balances.
pub(super) fn balance(amount: BaseUnits) -> Result<Balance, String> {
    Balance::new(amount.get()).ok_or_else(|| format!("{amount} base units are no balance"))
}
