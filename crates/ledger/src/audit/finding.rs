//! What can be wrong with a ledger.

use aep2_mandate::units::{AccountId, Amount};
use alloy_primitives::{Address, B256, hex};
use thiserror::Error;

use crate::{
    codec::Defect,
    family::Family,
    records::NonceKey,
    units::{Balance, BatchNumber, MandateHash, Sequence},
};

/// A rule that the ledger breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Finding {
    /// A record that cannot be read.
    #[error("the record at key {} of {:?} cannot be read: {defect}", hex::encode(key), family.name())]
    Unreadable {
        /// Its family.
        family: Family,
        /// Its key.
        key: Vec<u8>,
        /// What is wrong with it.
        defect: Defect,
    },
    /// Whose ledger it is cannot be read.
    #[error("whose ledger it is cannot be read: {defect}")]
    Identity {
        /// What is wrong with it.
        defect: Defect,
    },
    /// More is promised than there is.
    #[error("account {account} has {balance} of {token}, but {reserved} is reserved")]
    OverReserved {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// What live mandates pay.
        reserved: Balance,
        /// What there is.
        balance: Balance,
    },
    /// Something was accepted after a withdrawal was requested, that the rest does not cover. (What
    /// was accepted before the request may exceed the rest: the money can be debited until the
    /// withdrawal is executed.)
    #[error(
        "account {account} has {remaining} of {token} beside its pending withdrawal, {reserved} \
         is reserved, and {mandate} was accepted after the request"
    )]
    AcceptedAgainstWithdrawal {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// What live mandates pay.
        reserved: Balance,
        /// The balance less the pending withdrawal.
        remaining: Balance,
        /// A mandate accepted after the request.
        mandate: MandateHash,
    },
    /// Records that belong together are not all there.
    #[error("mandate {mandate} has a record in {:?} but none in {:?}", has.name(), lacks.name())]
    Incomplete {
        /// The mandate.
        mandate: MandateHash,
        /// Where there is a record.
        has: Family,
        /// Where there is none.
        lacks: Family,
    },
    /// A receipt that is not for its mandate.
    #[error("the receipt of mandate {mandate} has another {field}")]
    ReceiptDiffers {
        /// The mandate.
        mandate: MandateHash,
        /// The field.
        field: &'static str,
    },
    /// A mandate whose content has another id.
    #[error("mandate {mandate} has the content of {actual}")]
    OtherContent {
        /// The id that it is kept under.
        mandate: MandateHash,
        /// The id of its content.
        actual: MandateHash,
    },
    /// A promise to settle after the mandate's deadline.
    #[error("mandate {mandate} was promised to be settled after its deadline")]
    PromisedTooLate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// A nonce promised to two mandates.
    #[error("{mandate} and {other} have the same nonce, {nonce:?}")]
    NonceShared {
        /// The nonce.
        nonce: NonceKey,
        /// The one mandate.
        mandate: MandateHash,
        /// The other.
        other: MandateHash,
    },
    /// The index of nonces is wrong.
    #[error("the index of nonces has {indexed:?} for {nonce:?}, which is that of {expected:?}")]
    NonceIndex {
        /// The nonce.
        nonce: NonceKey,
        /// The mandate that the index names.
        indexed: Option<MandateHash>,
        /// The mandate that has it.
        expected: Option<MandateHash>,
    },
    /// The order of acceptance has a gap, or names another mandate.
    #[error("place {sequence} in the order of acceptance: found {found:?}, expected {expected:?}")]
    Order {
        /// The place.
        sequence: Sequence,
        /// The mandate that the order names.
        found: Option<MandateHash>,
        /// The mandate that says it has the place.
        expected: Option<MandateHash>,
    },
    /// A mandate is not where its status says, or somewhere else too.
    #[error("mandate {mandate} is {status}, but it is found in: {places}")]
    Misplaced {
        /// The mandate.
        mandate: MandateHash,
        /// Its status' name.
        status: &'static str,
        /// Where it was found.
        places: String,
    },
    /// A mandate that is held past its promise, or twice in one way.
    #[error("mandate {mandate} is held past its promise, or twice in one way")]
    HoldsWrong {
        /// The mandate.
        mandate: MandateHash,
    },
    /// A capture that is not its mandate's, or exceeds it.
    #[error("the capture of mandate {mandate} is not that of its state, or above its amount")]
    CaptureDiffers {
        /// The mandate.
        mandate: MandateHash,
    },
    /// A dispute that is not its mandate's, or whose ruling is not that of its state.
    #[error(
        "the dispute of mandate {mandate} is not that of its number, or its ruling not that of its state"
    )]
    DisputeDiffers {
        /// The mandate.
        mandate: MandateHash,
    },
    /// A batch whose members are not what it says.
    #[error("batch {batch}: {defect}")]
    BatchDiffers {
        /// The batch.
        batch: BatchNumber,
        /// What differs.
        defect: &'static str,
    },
    /// What the chain moved is not what the members paid.
    #[error(
        "batch {batch}: of account {account}, nonce word {word}, the members pay {expected:?}, the \
         chain moved {moved:?} (mask, amount)"
    )]
    MovedDiffers {
        /// The batch.
        batch: BatchNumber,
        /// The account.
        account: AccountId,
        /// The nonce word.
        word: u64,
        /// What the members pay: mask, amount.
        expected: Option<(u128, u128)>,
        /// What the chain moved: mask, amount.
        moved: Option<(u128, u128)>,
    },
    /// A member of a settled batch of the direct path that the chain settled otherwise.
    #[error("mandate {mandate} was settled for {expected:?}, the chain moved {moved:?}")]
    SettledDiffers {
        /// The mandate.
        mandate: MandateHash,
        /// What its state says.
        expected: Option<Amount>,
        /// What the chain moved.
        moved: Option<Balance>,
    },
    /// A mandate that says it was settled by a batch that did not settle it.
    #[error("mandate {mandate} says that batch {batch} settled it, which has not")]
    NotSettledBy {
        /// The mandate.
        mandate: MandateHash,
        /// The batch.
        batch: BatchNumber,
    },
    /// The chain's bit for a nonce is not what the mandate's status implies.
    #[error("mandate {mandate} is {status}, but its nonce is {} on chain", if *spent { "spent" } else { "unspent" })]
    NonceBit {
        /// The mandate.
        mandate: MandateHash,
        /// Its status' name.
        status: &'static str,
        /// Whether the chain has spent its nonce.
        spent: bool,
    },
    /// The list of accounts to be read is wrong about one.
    #[error("account {account} is to be read and not listed so, or listed and not to be read")]
    ToBeRead {
        /// The account.
        account: AccountId,
    },
    /// More was refunded than was paid.
    #[error(
        "mandate {mandate} has refunds of {refunded}, and paid {most} at most; or too many of them"
    )]
    OverRefunded {
        /// The mandate.
        mandate: MandateHash,
        /// What its refunds come to.
        refunded: u128,
        /// What it paid; its amount, where it is not settled any more.
        most: u128,
    },
    /// A refund whose records do not fit each other.
    #[error("refund {refund} of mandate {mandate}: {defect}")]
    RefundDiffers {
        /// The mandate.
        mandate: MandateHash,
        /// The refund.
        refund: B256,
        /// What differs.
        defect: &'static str,
    },
    /// The direct path's summary is not what its mandates come to.
    #[error("the direct path's summary has another {field} than its mandates come to")]
    DirectSummary {
        /// The first field that differs.
        field: &'static str,
    },
}
