//! Accounts, their purses and the direct path's accounts, as the chain has them.

use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256};

use crate::{
    codec::{Record, alternatives, fields},
    units::{Balance, Sequence},
};

/// An account of the wallet that names this processor, or did once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Whose it is; 0 while that was not read.
    pub owner: Address,
    /// Who may debit it.
    pub processor: Address,
    /// The name of the verifiers by which its batches are checked.
    pub verifier_set: B256,
    /// The hash of its mandate key; 0 for none.
    pub key_hash: B256,
    /// A change that was asked for and is not in force.
    pub pending: Option<ChangeRecord>,
    /// What the rest of this is worth.
    pub standing: Standing,
    /// Whether everything that ever happened to it is known from events: it was opened under this
    /// processor, and never left. Of another one, purses and spent nonces that are not kept here are
    /// not empty but unknown.
    pub whole: bool,
}
fields!(AccountRecord { owner, processor, verifier_set, key_hash, pending, standing, whole });

impl Record for AccountRecord {
    const VERSION: u8 = 2;
}

/// What is known of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What the chain has, event by event.
    Followed,
    /// It came over from another processor. Nothing but its terms is known until it is read.
    Unread,
    /// The chain said what contradicts what was known. It is to be read anew.
    Contradicted {
        /// The block that said so.
        block: u64,
        /// What contradicts what.
        reason: String,
    },
    /// It names another processor. What happens to it is not followed.
    Left,
}
alternatives!(Standing, "standing" {
    0 => Followed,
    1 => Unread,
    2 => Contradicted { block, reason },
    3 => Left,
});

impl Standing {
    /// Whether it is to be read from the chain before anything is promised.
    pub fn is_to_be_read(&self) -> bool {
        matches!(self, Self::Unread | Self::Contradicted { .. })
    }
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
    /// Whether no other processor can have spent one of the owner's direct nonces: the first account
    /// that they ever debited was one of this processor's, and so was every later one. Otherwise a
    /// nonce is unspent only when the chain was asked about it.
    pub whole: bool,
}
fields!(DirectAccountRecord { account, pending, whole });

impl Record for DirectAccountRecord {
    const VERSION: u8 = 2;
}
