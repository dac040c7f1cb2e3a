//! Accounts, their purses and the direct path's accounts, as the chain has them.

use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256};

use crate::{
    codec::{Record, fields},
    units::{Balance, Sequence},
};

/// An account of the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Whose it is.
    pub owner: Address,
    /// Who may debit it.
    pub processor: Address,
    /// The name of the verifiers by which its batches are checked.
    pub verifier_set: B256,
    /// The hash of its mandate key; 0 for none.
    pub key_hash: B256,
    /// A change that was asked for and is not in force.
    pub pending: Option<ChangeRecord>,
}
fields!(AccountRecord { owner, processor, verifier_set, key_hash, pending });

impl Record for AccountRecord {
    const VERSION: u8 = 1;
}

/// A change of an account's terms that waits for its delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Who is to debit it.
    pub processor: Address,
    /// By which verifiers.
    pub verifier_set: B256,
    /// With which key; 0 for none.
    pub key_hash: B256,
    /// From when it may be applied, by anyone.
    pub in_force_from: UnixTime,
}
fields!(ChangeRecord { processor, verifier_set, key_hash, in_force_from });

/// What an account holds of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurseRecord {
    /// All of it, what is about to be withdrawn included.
    pub balance: Balance,
    /// A withdrawal that was requested and is not executed.
    pub pending_withdrawal: Option<PendingWithdrawal>,
}
fields!(PurseRecord { balance, pending_withdrawal });

impl PurseRecord {
    /// How much may be withdrawn: what the pending withdrawal is of, or nothing.
    pub fn withdrawing(&self) -> Balance {
        self.pending_withdrawal.map_or(Balance::ZERO, |withdrawal| withdrawal.amount)
    }
}

/// A withdrawal that waits for its delay. Until it is executed, the money can be debited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingWithdrawal {
    /// At most so much leaves.
    pub amount: Balance,
    /// From when it may be executed.
    pub executable_from: UnixTime,
    /// The first place in the order of acceptance after the request was known. What was accepted
    /// before it may exceed what the withdrawal leaves over; what was accepted from here on may not.
    pub requested_at: Sequence,
}
fields!(PendingWithdrawal { amount, executable_from, requested_at });

impl Record for PurseRecord {
    const VERSION: u8 = 1;
}

/// The account that an owner's direct mandates debit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectAccountRecord {
    /// The account in force.
    pub account: Option<AccountId>,
    /// Another one that was asked for (or none), and from when it may be applied.
    pub pending: Option<(Option<AccountId>, UnixTime)>,
}
fields!(DirectAccountRecord { account, pending });

impl Record for DirectAccountRecord {
    const VERSION: u8 = 1;
}
