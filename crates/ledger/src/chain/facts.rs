//! What the wallet's events and calldata say, in the ledger's own types.

use aep2_mandate::units::{AccountId, Nonce, UnixTime};
use alloy_primitives::{Address, B256};

use crate::{
    records::{SettledDebit, Tip},
    units::{Balance, MandateHash},
};

/// A block with what the wallet said in it. Blocks in which it said nothing may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its parent's hash.
    pub parent: B256,
    /// Its time.
    pub time: UnixTime,
    /// What the wallet said, in order.
    pub facts: Vec<ChainFact>,
    /// The follower's cursor behind the block, opaque here: stored in the same write. Of blocks
    /// applied together the last one's counts.
    pub cursor: Vec<u8>,
}

impl ChainBlock {
    pub(crate) fn tip(&self) -> Tip {
        Tip { number: self.number, hash: self.hash, time: self.time }
    }
}

/// One thing that the wallet said. What concerns accounts that do not name this processor changes
/// nothing, whatever it is; it may be told or left out. When such an account comes over, it is
/// [read](crate::Ledger::note_reading).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainFact {
    /// An account was opened.
    AccountOpened {
        /// Its number.
        account: AccountId,
        /// Whose it is.
        owner: Address,
        /// Who may debit it.
        processor: Address,
        /// By which verifiers.
        verifier_set: B256,
        /// With which key; 0 for none.
        key_hash: B256,
    },
    /// Other terms were asked for, in place of what was asked for before.
    ChangeRequested {
        /// The account.
        account: AccountId,
        /// Who is to debit it.
        processor: Address,
        /// By which verifiers.
        verifier_set: B256,
        /// With which key; 0 for none.
        key_hash: B256,
        /// From when the change may be applied.
        in_force_from: UnixTime,
    },
    /// The request was cancelled.
    ChangeCancelled {
        /// The account.
        account: AccountId,
    },
    /// Other terms are in force.
    ChangeApplied {
        /// The account.
        account: AccountId,
        /// Who may debit it.
        processor: Address,
        /// By which verifiers.
        verifier_set: B256,
        /// With which key; 0 for none.
        key_hash: B256,
    },
    /// Another account for an owner's direct path was asked for.
    DirectAccountRequested {
        /// The owner.
        owner: Address,
        /// The account; none for none.
        account: Option<AccountId>,
        /// From when it may be applied.
        in_force_from: UnixTime,
    },
    /// An owner's direct path debits this account.
    DirectAccountSet {
        /// The owner.
        owner: Address,
        /// The account; none for none.
        account: Option<AccountId>,
        /// Whether the same transaction opened the account just before, and did nothing else: then the
        /// owner had no direct account before, and no direct nonce of theirs is spent.
        first: bool,
    },
    /// Money came in.
    Deposited {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// What arrived.
        amount: Balance,
    },
    /// A deposit came in by an EIP-3009 authorization of the depositor, beside [`Self::Deposited`]. It may
    /// pay a refund; one that pays none is passed over.
    DepositAuthorized {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// Whose tokens they were, and who signed.
        from: Address,
        /// What arrived.
        amount: Balance,
        /// The authorization's nonce.
        nonce: B256,
        /// The transaction.
        transaction: B256,
    },
    /// A withdrawal was requested, in place of the one requested before.
    WithdrawalRequested {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// At most so much leaves. The event says what was asked for, which may be more than any
        /// balance: see [`Balance::saturating`].
        amount: Balance,
        /// From when.
        executable_from: UnixTime,
    },
    /// The request was cancelled.
    WithdrawalCancelled {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
    },
    /// Money left.
    WithdrawalExecuted {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// What left.
        amount: Balance,
    },
    /// A batch settled. One of another processor's is passed over.
    BatchSettled {
        /// Its name on chain.
        batch_id: B256,
        /// The token.
        token: Address,
        /// Who settled it.
        processor: Address,
        /// How many mandates it settled.
        count: u32,
        /// What it took, from the transaction's calldata. None when the transaction called something
        /// else than the wallet, which called the wallet in turn: then the calldata does not tell.
        debits: Option<Vec<SettledDebit>>,
        /// The transaction.
        transaction: B256,
    },
    /// A direct mandate settled.
    MandateSettled {
        /// Its digest.
        mandate: MandateHash,
        /// The account that paid.
        account: AccountId,
        /// The token.
        token: Address,
        /// What was paid.
        captured: Balance,
        /// The transaction.
        transaction: B256,
    },
    /// A nonce was spent because the bond paid for what was promised; nothing was settled under it.
    NonceBurnt {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// The nonce.
        nonce: Nonce,
    },
    /// An event about an account whose content makes no sense, so it is not the wallet's.
    Nonsense {
        /// The account.
        account: AccountId,
        /// What makes no sense.
        reason: String,
    },
}
