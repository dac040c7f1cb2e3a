//! What a batch captured of each mandate: as its transaction has the wallet remember it, and as it is shown
//! to whoever demands what was paid.

use std::collections::BTreeMap;

use aep2_chain::{
    captures::{CaptureTree, CaptureTreeError, Captured, PaidOut},
    settlement::{Remembered, SettledPayout},
};
use aep2_circuits::settlement::Payout;
use aep2_ledger::{BatchMember, BatchNumber};
use alloy::primitives::{Address, B256, keccak256};

use super::round::Round;

/// How many places are used in turn, in a batch's first round and in its second. The wallet charges 17,000
/// gas less for a place that was used before, and refuses one that others may still ask for: so few are
/// tried first, then more.
const FEW_PLACES: u64 = 1 << 12;
const MORE_PLACES: u64 = 1 << 16;
/// Where the places begin that are used once.
const USED_ONCE: u64 = 1 << 63;

/// Where the wallet is to remember a batch. Should it be taken there, another round names another place; from
/// the third round on one that nobody else comes to, not even a ledger that was begun anew.
pub(super) fn place(number: BatchNumber, blinding: B256, round: Round) -> u64 {
    match round.number() {
        0 => number.get() % FEW_PLACES,
        1 => FEW_PLACES + number.get() % MORE_PLACES,
        later => {
            let hash = keccak256([blinding.as_slice(), &later.to_be_bytes()].concat());
            let [.., a, b, c, d, e, f, g, h] = hash.0;
            USED_ONCE | u64::from_be_bytes([a, b, c, d, e, f, g, h])
        }
    }
}

/// What the wallet is to remember; nothing of a batch that pays nobody.
///
/// # Errors
/// When the members do not add up to the payouts: it is another batch.
pub(super) fn remembered(
    payouts: &[PaidOut],
    members: &[BatchMember],
    place: u64,
) -> Result<Option<Remembered>, CaptureTreeError> {
    match tree(payouts, members) {
        Ok(tree) => Ok(Some(Remembered { captures: tree.root(), place })),
        Err(CaptureTreeError::NoPayouts) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The tree of what a batch pays, payout by payout.
///
/// # Errors
/// When the members do not add up to the payouts: it is another batch.
pub(super) fn tree(
    payouts: &[PaidOut],
    members: &[BatchMember],
) -> Result<CaptureTree, CaptureTreeError> {
    let mut parts: BTreeMap<Address, Vec<Captured>> = BTreeMap::new();
    for member in members {
        let amount = member.captured.get();
        if amount > 0 {
            let captured = Captured { mandate_id: member.hash.bytes(), amount };
            parts.entry(member.mandate.promise.payee()).or_default().push(captured);
        }
    }
    let part = |own: &PaidOut| (*own, parts.remove(&own.payee).unwrap_or_default());
    CaptureTree::new(&payouts.iter().map(part).collect::<Vec<_>>())
}

/// As a proven batch pays.
pub(super) fn to_be_paid(payouts: &[Payout]) -> Vec<PaidOut> {
    payouts.iter().map(|own| PaidOut { payee: own.payee, amount: own.amount }).collect()
}

/// As a settled batch has paid.
pub(super) fn paid(payouts: &[SettledPayout]) -> Vec<PaidOut> {
    payouts.iter().map(|own| PaidOut { payee: own.payee, amount: own.amount.get() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_again_first_and_never_in_the_end() {
        let at = |number, round: u32| {
            let round = (0..round).fold(Round::default(), |round, _| round.next());
            place(BatchNumber::new(number), B256::repeat_byte(number as u8), round)
        };
        assert_eq!(at(5, 0), at(5 + FEW_PLACES, 0));
        assert_ne!(at(5, 0), at(6, 0));
        assert_eq!(at(5, 1), at(5 + MORE_PLACES, 1));
        assert!((0..2 * MORE_PLACES).step_by(99).all(|number| at(number, 1) >= FEW_PLACES));
        let once: Vec<u64> = (2..5).flat_map(|round| [at(5, round), at(6, round)]).collect();
        assert!(once.iter().all(|place| *place >= USED_ONCE));
        assert_eq!(std::collections::BTreeSet::from_iter(&once).len(), once.len());
    }
}
