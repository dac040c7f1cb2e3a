//! A payment, as compliance is asked about it.

use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy_primitives::{Address, B256};

use crate::subject::Subject;

/// A payment that somebody asks to have accepted. Its signature holds, and its account has the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The mandate's id or digest.
    pub mandate: B256,
    /// The account that pays.
    pub account: AccountId,
    /// Whose it is; nothing where that is not known.
    pub owner: Option<Address>,
    /// The hash of the key that signed for it, where not the owner did.
    pub key_hash: Option<B256>,
    /// The token.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// The most that is paid.
    pub amount: Amount,
    /// When.
    pub at: UnixTime,
}

impl Payment {
    /// Who is in it, as far as is known.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = Subject> {
        let payer = self.owner.map(Subject::Payer);
        let agent = self.key_hash.map(Subject::Agent);
        [payer, Some(Subject::Payee(self.payee)), agent].into_iter().flatten()
    }
}
