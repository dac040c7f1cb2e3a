//! What the wallet checks beside the proof, as far as it concerns nonces, keys and balance. The
//! attacks that the circuit leaves to the wallet end here.

use std::collections::BTreeMap;

use aep2_circuits::settlement::Settlement;
use ark_bn254::Fr;

use crate::support::{ALICE, BOB, MALLORY};

/// Why the wallet refuses a batch before it looks at the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No mandate, or a mask without a bit.
    Nothing,
    /// The key hash is not the one registered for the account: the wallet reads its own.
    Key,
    /// A nonce is spent already, here or in an earlier batch.
    Spent,
    /// The masks' bits are not as many as the mandates.
    Count,
    /// The debits do not add up to the payouts.
    Unbalanced,
}

/// The wallet's books.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    key_hashes: BTreeMap<u32, Fr>,
    spent: BTreeMap<(u32, u64), u128>,
}

impl Wallet {
    /// Alice, Bob and Mallory have registered their keys, and nothing is spent.
    pub(crate) fn new() -> Self {
        let key_hashes = [ALICE, BOB, MALLORY].map(|payer| (payer.account, payer.key_hash()));
        Self { key_hashes: key_hashes.into(), spent: BTreeMap::new() }
    }

    /// Checks the entries and spends their nonces.
    pub(crate) fn settle(&mut self, settlement: &Settlement) -> Result<(), Refusal> {
        require(settlement.count > 0, Refusal::Nothing)?;
        let mut bits = 0;
        for debit in &settlement.debits {
            require(debit.mask != 0, Refusal::Nothing)?;
            let registered = self.key_hashes.get(&debit.account);
            require(registered == Some(&debit.key_hash), Refusal::Key)?;
            // The word as earlier entries of this batch have left it.
            let word = self.spent.entry((debit.account, debit.word)).or_default();
            require(*word & debit.mask == 0, Refusal::Spent)?;
            *word |= debit.mask;
            bits += debit.mask.count_ones();
        }
        require(bits == settlement.count, Refusal::Count)?;
        let debits: u128 = settlement.debits.iter().map(|debit| debit.amount).sum();
        let payouts: u128 = settlement.payouts.iter().map(|payout| payout.amount).sum();
        require(debits == payouts, Refusal::Unbalanced)
    }
}

fn require(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}
