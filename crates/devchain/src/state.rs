//! Accounts, code and storage, as they are and as they were.
//!
//! Every change is numbered: a block is one [`Revision`], and so is an edit by a test's control.
//! A value is kept as the list of its revisions, so that reading an old block's state is a search
//! in a short list, taking changes back touches only what they changed, and nothing ever copies the
//! whole state. The price is that history stays in memory.

use std::{collections::HashMap, convert::Infallible};

use alloy::{
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256},
    rlp,
};
use revm::{
    DatabaseRef,
    database_interface::Database,
    state::{AccountInfo, Bytecode, EvmState},
};

use crate::{
    block::Blocks,
    changes::{Account, Diff, Revision},
};

/// The values of one account or slot, oldest first.
#[derive(Clone, Debug)]
struct History<T>(Vec<(Revision, T)>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> History<T> {
    fn at(&self, revision: Revision) -> Option<T> {
        let after = self.0.partition_point(|(set_at, _)| *set_at <= revision);
        after.checked_sub(1).map(|index| self.0[index].1)
    }

    /// Takes back what `revision` and everything after it set. Whether anything is left.
    fn forget_from(&mut self, revision: Revision) -> bool {
        self.0.truncate(self.0.partition_point(|(set_at, _)| *set_at < revision));
        !self.0.is_empty()
    }
}

/// What a change touched, to find it again when it is taken back.
#[derive(Clone, Debug)]
struct Touched {
    accounts: Vec<Address>,
    slots: Vec<(Address, U256)>,
    /// The state's digest after it.
    digest: B256,
}

/// All revisions.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    accounts: HashMap<Address, History<Option<Account>>>,
    slots: HashMap<Address, HashMap<U256, History<U256>>>,
    /// By hash, so it is never wrong, only perhaps unused: taking changes back leaves it.
    code: HashMap<B256, Bytecode>,
    changes: Vec<Touched>,
}

impl State {
    /// The last change.
    pub(crate) fn revision(&self) -> Revision {
        self.changes.len() as Revision
    }

    /// What stands in a header's `stateRoot` after `diff`: a digest of all changes so far.
    ///
    /// It commits to how the state came about, not to a Merkle trie, which would cost more with
    /// every account. Nothing reads it but people; `eth_getProof` is not offered.
    pub(crate) fn digest_after(&self, diff: &Diff) -> B256 {
        let before = self.changes.last().map(|change| change.digest).unwrap_or_default();
        keccak256([before, keccak256(rlp::encode(diff))].concat())
    }

    /// Makes a change, and numbers it.
    pub(crate) fn apply(&mut self, diff: &Diff) -> Revision {
        let revision = self.revision() + 1;
        let digest = self.digest_after(diff);
        for (address, account) in &diff.accounts {
            self.accounts.entry(*address).or_default().0.push((revision, *account));
        }
        for ((address, slot), value) in &diff.slots {
            let slots = self.slots.entry(*address).or_default();
            slots.entry(*slot).or_default().0.push((revision, *value));
        }
        for (hash, code) in &diff.code {
            self.code.entry(*hash).or_insert_with(|| bytecode(code.clone()));
        }
        self.changes.push(Touched {
            accounts: diff.accounts.keys().copied().collect(),
            slots: diff.slots.keys().copied().collect(),
            digest,
        });
        revision
    }

    /// Takes back every change after `revision`.
    pub(crate) fn rewind(&mut self, revision: Revision) {
        while self.revision() > revision {
            let undone = self.revision();
            let Some(touched) = self.changes.pop() else { return };
            for address in touched.accounts {
                if let Some(history) = self.accounts.get_mut(&address)
                    && !history.forget_from(undone)
                {
                    self.accounts.remove(&address);
                }
            }
            for (address, slot) in touched.slots {
                let Some(slots) = self.slots.get_mut(&address) else { continue };
                if slots.get_mut(&slot).is_some_and(|history| !history.forget_from(undone)) {
                    slots.remove(&slot);
                }
                if slots.is_empty() {
                    self.slots.remove(&address);
                }
            }
        }
    }

    /// The state after `revision`.
    pub(crate) fn at<'a>(&'a self, revision: Revision, blocks: &'a Blocks) -> StateAt<'a> {
        StateAt { state: self, blocks, revision }
    }
}

/// The state after one revision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateAt<'a> {
    state: &'a State,
    /// For `BLOCKHASH`.
    blocks: &'a Blocks,
    revision: Revision,
}

impl StateAt<'_> {
    /// The account at `address`, if there is one.
    pub(crate) fn account(&self, address: Address) -> Option<Account> {
        self.state.accounts.get(&address)?.at(self.revision)?
    }

    /// The account at `address`, or the empty one.
    pub(crate) fn account_or_empty(&self, address: Address) -> Account {
        self.account(address).unwrap_or(Account::EMPTY)
    }

    /// The value in a storage slot; zero where nothing was stored.
    pub(crate) fn slot(&self, address: Address, slot: U256) -> U256 {
        let history = self.state.slots.get(&address).and_then(|slots| slots.get(&slot));
        history.and_then(|history| history.at(self.revision)).unwrap_or_default()
    }

    /// The code at `address`; empty where there is none.
    pub(crate) fn code(&self, address: Address) -> Bytes {
        let code = self.state.code.get(&self.account_or_empty(address).code_hash);
        code.map(Bytecode::original_bytes).unwrap_or_default()
    }

    /// Slots of `address` that are not zero.
    fn occupied_slots(&self, address: Address) -> Vec<U256> {
        let slots = self.state.slots.get(&address).into_iter().flatten();
        let occupied = slots
            .filter(|(_, history)| history.at(self.revision).is_some_and(|value| !value.is_zero()));
        occupied.map(|(slot, _)| *slot).collect()
    }
}

impl DatabaseRef for StateAt<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.account(address).map(info))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.state.code.get(&code_hash).cloned().unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.slot(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.blocks.get(number).map(|block| block.hash()).unwrap_or_default())
    }
}

/// A state and what has been changed on top of it, which is nobody's business until it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Overlay<'a> {
    base: StateAt<'a>,
    diff: Diff,
    /// The code in `diff`, as the EVM wants it.
    code: HashMap<B256, Bytecode>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: StateAt<'a>) -> Self {
        Self { base, diff: Diff::default(), code: HashMap::new() }
    }

    /// A state with changes already made on top of it.
    pub(crate) fn with(base: StateAt<'a>, diff: Diff) -> Self {
        let code = diff.code.iter().map(|(hash, code)| (*hash, bytecode(code.clone()))).collect();
        Self { base, diff, code }
    }

    /// What has been changed.
    pub(crate) fn into_diff(self) -> Diff {
        self.diff
    }

    /// The account as changed so far.
    pub(crate) fn account(&self, address: Address) -> Option<Account> {
        match self.diff.accounts.get(&address) {
            Some(account) => *account,
            None => self.base.account(address),
        }
    }

    pub(crate) fn account_or_empty(&self, address: Address) -> Account {
        self.account(address).unwrap_or(Account::EMPTY)
    }

    /// The value in a storage slot, as changed so far.
    pub(crate) fn slot(&self, address: Address, slot: U256) -> U256 {
        let changed = self.diff.slots.get(&(address, slot)).copied();
        changed.unwrap_or_else(|| self.base.slot(address, slot))
    }

    /// The code at `address`, as changed so far.
    pub(crate) fn code(&self, address: Address) -> Bytes {
        let hash = self.account_or_empty(address).code_hash;
        self.diff.code.get(&hash).cloned().unwrap_or_else(|| {
            self.base.state.code.get(&hash).map(Bytecode::original_bytes).unwrap_or_default()
        })
    }

    /// Sets an account. An empty one is no account (EIP-161).
    pub(crate) fn set_account(&mut self, address: Address, account: Account) {
        let account = (account != Account::EMPTY).then_some(account);
        self.diff.accounts.insert(address, account);
    }

    pub(crate) fn set_slot(&mut self, address: Address, slot: U256, value: U256) {
        self.diff.slots.insert((address, slot), value);
    }

    /// Sets the code of an account, and nothing else of it.
    pub(crate) fn set_code(&mut self, address: Address, code: Bytes) {
        let account = self.account_or_empty(address);
        let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        self.remember_code(code_hash, code);
        self.set_account(address, Account { code_hash, ..account });
    }

    /// Sets every slot of an account to zero.
    pub(crate) fn clear_slots(&mut self, address: Address) {
        for slot in self.base.occupied_slots(address) {
            self.diff.slots.insert((address, slot), U256::ZERO);
        }
        let changed = (address, U256::ZERO)..=(address, U256::MAX);
        for (_, value) in self.diff.slots.range_mut(changed) {
            *value = U256::ZERO;
        }
    }

    /// Takes in what a transaction changed.
    pub(crate) fn commit(&mut self, changes: EvmState) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                self.clear_slots(address);
                self.diff.accounts.insert(address, None);
                continue;
            }
            if account.is_created() {
                self.clear_slots(address);
            }
            if let Some(code) = &account.info.code
                && !self.base.state.code.contains_key(&account.info.code_hash)
            {
                self.remember_code(account.info.code_hash, code.original_bytes());
            }
            let account_now = Account {
                nonce: account.info.nonce,
                balance: account.info.balance,
                code_hash: account.info.code_hash,
            };
            if Some(account_now) != self.account(address) {
                self.set_account(address, account_now);
            }
            for (slot, value) in account.changed_storage_slots() {
                self.set_slot(address, *slot, value.present_value());
            }
        }
    }

    fn remember_code(&mut self, hash: B256, code: Bytes) {
        if !code.is_empty() {
            self.code.entry(hash).or_insert_with(|| bytecode(code.clone()));
            self.diff.code.insert(hash, code);
        }
    }
}

impl Database for Overlay<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.account(address).map(info))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        match self.code.get(&code_hash) {
            Some(code) => Ok(code.clone()),
            None => self.base.code_by_hash_ref(code_hash),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(Overlay::slot(self, address, slot))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        self.base.block_hash_ref(number)
    }
}

fn info(account: Account) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: account.code_hash,
        code: None,
        account_id: None,
    }
}

/// Code as the EVM wants it: analysed, or a delegation (EIP-7702).
fn bytecode(code: Bytes) -> Bytecode {
    // Fails for a malformed delegation only, which is then what any other bytes are: code that
    // starts with an invalid opcode.
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn diffs() -> impl Strategy<Value = Vec<Diff>> {
        // Few places and values, so that changes meet.
        let change = (0u8..4, 0u64..4, 0u64..3, proptest::option::of(0u64..3));
        let diff = vec(change, 0..6).prop_map(|changes| {
            let mut diff = Diff::default();
            for (place, slot, value, balance) in changes {
                let address = Address::repeat_byte(place);
                diff.slots.insert((address, U256::from(slot)), U256::from(value));
                let account = balance
                    .map(|balance| Account { balance: U256::from(balance), ..Account::EMPTY });
                diff.accounts.insert(address, account);
            }
            diff
        });
        vec(diff, 1..12)
    }

    fn everything(state: &State, revision: Revision) -> Vec<(Option<Account>, Vec<U256>)> {
        let blocks = Blocks::default();
        let at = state.at(revision, &blocks);
        let places = (0u8..4).map(Address::repeat_byte);
        places
            .map(|place| {
                (at.account(place), (0..4).map(|slot| at.slot(place, U256::from(slot))).collect())
            })
            .collect()
    }

    proptest! {
        /// Every revision stays readable, and taking changes back leaves what was there before them.
        #[test]
        fn history_is_what_it_was(diffs in diffs(), kept in 0usize..12) {
            let mut state = State::default();
            let mut seen = vec![everything(&state, 0)];
            for diff in &diffs {
                state.apply(diff);
                seen.push(everything(&state, state.revision()));
            }
            for (revision, then) in seen.iter().enumerate() {
                prop_assert_eq!(&everything(&state, revision as Revision), then);
            }
            let kept = kept.min(diffs.len());
            state.rewind(kept as Revision);
            prop_assert_eq!(state.revision(), kept as Revision);
            prop_assert_eq!(&everything(&state, Revision::MAX), &seen[kept]);
            // And the same changes again lead to the same state.
            for diff in &diffs[kept..] {
                state.apply(diff);
            }
            prop_assert_eq!(&everything(&state, Revision::MAX), &seen[diffs.len()]);
        }

        #[test]
        fn changes_are_written_as_they_are_read(diffs in diffs()) {
            for diff in diffs {
                let bytes = rlp::encode(&diff);
                prop_assert_eq!(rlp::decode_exact::<Diff>(&bytes).unwrap(), diff);
            }
        }
    }
}
