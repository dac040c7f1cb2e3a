//! Where the ledger stands on the chain, and how to go back.

use aep2_mandate::units::{AccountId, ChainId, UnixTime};
use alloy_primitives::{Address, B256};

use super::{batch::Step, mandate::Status};
use crate::{
    codec::{Record, alternatives, fields},
    family::Family,
    units::{Balance, BatchNumber, MandateHash},
};

/// Whose ledger it is. A ledger of another chain, wallet or processor is never opened as this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: Address,
    /// The processor, whose accounts' mandates are taken.
    pub processor: Address,
}
fields!(Identity { chain_id, wallet, processor });

impl Record for Identity {
    const VERSION: u8 = 1;
}

/// A block, the last one applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time: every later block's is later, so what expired before it cannot settle any more.
    pub time: UnixTime,
}
fields!(Tip { number, hash, time });

impl Record for Tip {
    const VERSION: u8 = 1;
}

/// A request in a block that is not applied yet. It limits what is accepted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnconfirmedRequest {
    /// The number of its block.
    pub block: u64,
    /// The account that it limits.
    pub account: AccountId,
    /// What was asked for.
    pub kind: UnconfirmedKind,
}
fields!(UnconfirmedRequest { block, account, kind });

impl Record for UnconfirmedRequest {
    const VERSION: u8 = 1;
}

/// What was asked for in a block that is not applied yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnconfirmedKind {
    /// Money back.
    Withdrawal {
        /// Of which token.
        token: Address,
        /// How much.
        amount: Balance,
    },
    /// Another processor, other verifiers, another key, or another account for the direct path.
    Change {
        /// From when it may be applied.
        in_force_from: UnixTime,
    },
}
alternatives!(UnconfirmedKind, "request" {
    0 => Withdrawal { token, amount },
    1 => Change { in_force_from },
});

/// A key, and the value that it had; none when it had none.
pub type Before = ((Family, Vec<u8>), Option<Vec<u8>>);

/// What undoes one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoRecord {
    /// The block before.
    pub previous_tip: Option<Tip>,
    /// The values before, of every key of the chain's families that the block changed.
    pub values: Vec<Before>,
    /// What the mandates were before that the block ended, or that expired by its time. In order.
    pub ended: Vec<(MandateHash, Status)>,
    /// What the batches were before that the block confirmed.
    pub confirmed: Vec<(BatchNumber, Step)>,
}
fields!(UndoRecord { previous_tip, values, ended, confirmed });

impl Record for UndoRecord {
    const VERSION: u8 = 1;
}
