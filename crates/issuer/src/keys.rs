//! The keys of records, in one place.

use alloy_primitives::B256;

use crate::{
    ids::{ApprovalId, BudgetId, CardId, OwnerId, WalletId},
    store::key,
};

pub(crate) fn owner(owner: OwnerId) -> Vec<u8> {
    owner.bytes().to_vec()
}

pub(crate) fn wallet(owner: OwnerId, wallet: WalletId) -> Vec<u8> {
    key(&[owner.bytes(), wallet.bytes()])
}

pub(crate) fn card(owner: OwnerId, card: CardId) -> Vec<u8> {
    key(&[owner.bytes(), card.bytes()])
}

pub(crate) fn budget(owner: OwnerId, budget: BudgetId) -> Vec<u8> {
    key(&[owner.bytes(), budget.bytes()])
}

pub(crate) fn approval(owner: OwnerId, approval: ApprovalId) -> Vec<u8> {
    key(&[owner.bytes(), approval.bytes()])
}

pub(crate) fn waiting(card: CardId, approval: ApprovalId) -> Vec<u8> {
    key(&[card.bytes(), approval.bytes()])
}

pub(crate) fn host(owner: OwnerId, host: &str) -> Vec<u8> {
    key(&[owner.bytes(), host.as_bytes()])
}

pub(crate) fn request(card: CardId, request_key: B256) -> Vec<u8> {
    key(&[card.bytes(), request_key.as_slice()])
}

/// Of this card alone: an owner revokes blocks of its own cards.
pub(crate) fn revoked(card: CardId, block: &[u8]) -> Vec<u8> {
    key(&[card.bytes(), block])
}

/// The newest first.
pub(crate) fn history(owner: OwnerId, number: u64) -> Vec<u8> {
    key(&[owner.bytes(), &(u64::MAX - number).to_be_bytes()])
}

pub(crate) fn outstanding(deadline: u64, mandate: B256) -> Vec<u8> {
    key(&[&deadline.to_be_bytes(), mandate.as_slice()])
}

/// The first key after all those that begin with `prefix`; none where there is none.
pub(crate) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
