//! Whether mandates can settle as things stand, as far as the ledger knows: before a proof is made that
//! the chain would refuse.

use std::collections::BTreeMap;

use aep2_ledger::{
    AccountView, Ledger, LedgerError, MandateHash, SettlementPath,
    records::{MandateRecord, Promise},
};
use aep2_mandate::{
    field,
    mandate::SignedMandate,
    units::{AccountId, Amount},
};
use alloy::primitives::{Address, B256};

/// A mandate that is to be settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Debit<'a> {
    pub(super) hash: MandateHash,
    pub(super) mandate: &'a MandateRecord,
    pub(super) pays: Amount,
}

/// What they are to be settled by.
#[derive(Clone, Copy, Debug)]
pub(super) struct SettlementTerms {
    pub(super) path: SettlementPath,
    pub(super) token: Address,
    pub(super) verifier_set: B256,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Those at fault, and why.
    pub(super) at_fault: BTreeMap<MandateHash, String>,
    /// The others of the proved path, decoded, in their order.
    pub(super) signed: Vec<SignedMandate>,
}

/// Checks each. Decoding keys takes curve arithmetic: not for the runtime's threads.
///
/// # Errors
/// When a record is damaged.
pub(super) fn check<'a>(
    ledger: &Ledger,
    terms: SettlementTerms,
    debits: impl IntoIterator<Item = Debit<'a>>,
) -> Result<Checked, LedgerError> {
    let mut checked = Checked::default();
    let mut accounts: BTreeMap<AccountId, (Option<AccountView>, u128)> = BTreeMap::new();
    for Debit { hash, mandate, pays } in debits {
        let id = mandate.promise.account();
        let (account, spent) = accounts.entry(id).or_insert_with(|| (ledger.account(id), 0));
        let signed = match &mandate.promise {
            Promise::Proved { signed } => {
                Some(signed.signed_mandate().map_err(|defect| LedgerError::Damaged {
                    family: aep2_ledger::schema::Family::Mandates,
                    key: hash.bytes().to_vec(),
                    defect,
                })?)
            }
            Promise::Direct { .. } => None,
        };
        let key_hash =
            signed.as_ref().map(|signed| B256::from(field::to_be_bytes(&signed.key.hash())));
        let reason = match account {
            None => Some(format!("account {id} is not known")),
            Some(account) => {
                why_not(ledger, terms, id, account, key_hash, spent.saturating_add(pays.get()))
            }
        };
        match reason {
            Some(reason) => drop(checked.at_fault.insert(hash, reason)),
            None => {
                *spent += pays.get();
                checked.signed.extend(signed);
            }
        }
    }
    Ok(checked)
}

/// Why an account cannot be debited by so much, if it cannot.
fn why_not(
    ledger: &Ledger,
    terms: SettlementTerms,
    id: AccountId,
    account: &AccountView,
    key_hash: Option<B256>,
    amount: u128,
) -> Option<String> {
    let record = &account.record;
    if record.processor != ledger.config().identity.processor {
        return Some(format!("account {id} has chosen the processor {}", record.processor));
    }
    if terms.path == SettlementPath::Proved && record.verifier_set != terms.verifier_set {
        return Some(format!("account {id} has chosen the verifiers {}", record.verifier_set));
    }
    if key_hash.is_some_and(|key_hash| key_hash != record.key_hash) {
        return Some(format!("the mandate's key is not that of account {id} any more"));
    }
    // Only the chain knows until it is read.
    if record.standing.is_to_be_read() {
        return None;
    }
    let purse = account.purses.iter().find(|(token, _)| *token == terms.token);
    let balance = purse.map_or(0, |(_, purse)| purse.record.balance.get());
    (balance < amount).then(|| format!("account {id} has {balance} left, not {amount}"))
}
