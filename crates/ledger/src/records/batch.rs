//! Batches: what is in them, how far they are, and what the chain moved for them.

use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy_primitives::{Address, B256, FixedBytes};

use super::mandate::SettlementPath;
use crate::{
    codec::{Record, alternatives, fields},
    units::{Balance, MandateHash},
};

/// How far a batch is.
///
/// ```text
/// Sealed ─▶ Proved ─▶ Submitted ─▶ Confirmed ─▶ Final
///    └─────────┴──────────┴──▶ Aborted
/// ```
///
/// The proofs of its segments are stored one by one while it is sealed. A direct batch has none and
/// goes from sealed to submitted. The chain has the last word: it may confirm a batch that was never noted as submitted, or was aborted while
/// its transaction was still on its way. A reorganisation brings a confirmed batch back to where
/// it was; a final one stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its members are fixed.
    Sealed,
    /// The proofs of all its segments are stored.
    Proved,
    /// Its transaction may have been sent.
    Submitted {
        /// The sender's name for the transaction, opaque here.
        reference: Vec<u8>,
    },
    /// The chain settled it.
    Confirmed {
        /// The transaction.
        transaction: B256,
        /// Its block's number.
        block: u64,
    },
    /// The chain settled it so long ago that it is not undone.
    Final {
        /// The transaction.
        transaction: B256,
        /// Its block's number.
        block: u64,
    },
    /// It will not be submitted again; its members were dealt with one by one.
    Aborted {
        /// Why.
        reason: String,
    },
}
alternatives!(Step, "batch step" {
    0 => Sealed,
    1 => Proved,
    2 => Submitted { reference },
    3 => Confirmed { transaction, block },
    4 => Final { transaction, block },
    5 => Aborted { reason },
});

impl Step {
    /// Whether the batch may still be driven on: it is sealed, proved or submitted.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Sealed | Self::Proved | Self::Submitted { .. })
    }

    /// The step's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Proved => "proved",
            Self::Submitted { .. } => "submitted",
            Self::Confirmed { .. } => "confirmed",
            Self::Final { .. } => "final",
            Self::Aborted { .. } => "aborted",
        }
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// The path of all its members.
    pub path: SettlementPath,
    /// The token of all its members.
    pub token: Address,
    /// The latest second at which the chain may settle it.
    pub valid_until: UnixTime,
    /// The circuit's shape, by the number that the wallet gives it; 0 in the direct path.
    pub shape: u32,
    /// The verifiers by which it is checked; 0 in the direct path.
    pub verifier_set: B256,
    /// The secret from which its segments' blinds and salts are drawn, which is to be told to nobody;
    /// 0 in the direct path. Another one would make another batch.
    pub blinding: B256,
    /// How many members it has.
    pub count: u32,
    /// What they pay together.
    pub total: Balance,
    /// Its name on chain, once it is proved.
    pub batch_id: Option<B256>,
    /// How far it is.
    pub step: Step,
}
fields!(BatchRecord {
    path,
    token,
    valid_until,
    shape,
    verifier_set,
    blinding,
    count,
    total,
    batch_id,
    step,
});

impl Record for BatchRecord {
    const VERSION: u8 = 1;
}

/// A mandate in a batch. Stays as it was sealed, whatever becomes of the mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// The mandate.
    pub mandate: MandateHash,
    /// What it pays.
    pub captured: Amount,
}
fields!(MemberRecord { mandate, captured });

impl Record for MemberRecord {
    const VERSION: u8 = 1;
}

/// What the chain took from one account under one nonce word, 128 nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettledDebit {
    /// The account.
    pub account: AccountId,
    /// `nonce >> 7` of the nonces spent.
    pub word: u64,
    /// The bits `nonce & 127` that were spent.
    pub mask: u128,
    /// What was taken, in base units.
    pub amount: Balance,
}
fields!(SettledDebit { account, word, mask, amount });

/// What the chain moved for one of this ledger's batches. Of the direct path, whose events name
/// mandates and not nonces, the digests with what each paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The batch's name on chain; 0 in the direct path.
    pub batch_id: FixedBytes<32>,
    /// How many mandates the chain counted.
    pub count: u32,
    /// What was taken in the proved path.
    pub debits: Vec<SettledDebit>,
    /// What was taken in the direct path.
    pub direct: Vec<(MandateHash, Balance)>,
}
fields!(Movement { batch_id, count, debits, direct });

impl Record for Movement {
    const VERSION: u8 = 1;
}
