//! What one change of the state sets, and its bytes.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256},
    rlp,
};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// The number of a change, from 1. 0 is the state before genesis, which is empty.
pub(crate) type Revision = u64;

/// An account, less its code and storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Account {
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    pub(crate) code_hash: B256,
}

impl Account {
    pub(crate) const EMPTY: Self =
        Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY };
}

/// What one change sets, in an order that does not depend on chance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    /// `None`: the account is gone.
    pub(crate) accounts: BTreeMap<Address, Option<Account>>,
    pub(crate) slots: BTreeMap<(Address, U256), U256>,
    /// Code by its hash.
    pub(crate) code: BTreeMap<B256, Bytes>,
}

/// An account in a record: a list of none or one, as RLP has no absent value.
#[derive(RlpEncodable, RlpDecodable)]
struct AccountEntry {
    address: Address,
    account: Vec<Account>,
}

#[derive(RlpEncodable, RlpDecodable)]
struct SlotEntry {
    address: Address,
    slot: U256,
    value: U256,
}

#[derive(RlpEncodable, RlpDecodable)]
struct DiffEntries {
    accounts: Vec<AccountEntry>,
    slots: Vec<SlotEntry>,
    code: Vec<Bytes>,
}

impl From<&Diff> for DiffEntries {
    fn from(diff: &Diff) -> Self {
        let accounts = diff.accounts.iter();
        let slots = diff.slots.iter();
        Self {
            accounts: accounts
                .map(|(address, account)| AccountEntry {
                    address: *address,
                    account: account.iter().copied().collect(),
                })
                .collect(),
            slots: slots
                .map(|((address, slot), value)| SlotEntry {
                    address: *address,
                    slot: *slot,
                    value: *value,
                })
                .collect(),
            code: diff.code.values().cloned().collect(),
        }
    }
}

impl rlp::Encodable for Diff {
    fn encode(&self, out: &mut dyn rlp::BufMut) {
        DiffEntries::from(self).encode(out);
    }

    fn length(&self) -> usize {
        DiffEntries::from(self).length()
    }
}

impl rlp::Decodable for Diff {
    fn decode(buf: &mut &[u8]) -> rlp::Result<Self> {
        let entries = DiffEntries::decode(buf)?;
        let mut diff = Self::default();
        for AccountEntry { address, account } in entries.accounts {
            if account.len() > 1 {
                return Err(rlp::Error::Custom("an account has more than one value"));
            }
            diff.accounts.insert(address, account.first().copied());
        }
        for SlotEntry { address, slot, value } in entries.slots {
            diff.slots.insert((address, slot), value);
        }
        diff.code = entries.code.into_iter().map(|code| (keccak256(&code), code)).collect();
        Ok(diff)
    }
}
