//! The rounds of sending a batch.

use aep2_chain::sender::SubmissionId;
use aep2_ledger::{BatchNumber, Identity};
use alloy::primitives::keccak256;

/// The first byte of a submitted batch's reference.
const REFERENCE_VERSION: u8 = 1;

/// How often a batch was given to the sender under a name of its own. More than once only where the
/// name's nonce was used by something else, or what was mined failed for no lasting reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round(u32);

impl Round {
    /// The next one.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// As the ledger keeps it.
    pub(super) fn to_reference(self) -> Vec<u8> {
        [&[REFERENCE_VERSION][..], &self.0.to_be_bytes()].concat()
    }

    /// As the ledger has it; none when other software wrote it.
    pub(super) fn of_reference(reference: &[u8]) -> Option<Self> {
        match *reference {
            [REFERENCE_VERSION, a, b, c, d] => Some(Self(u32::from_be_bytes([a, b, c, d]))),
            _ => None,
        }
    }

    /// The sender's name for a batch in this round. The same after every restart: whoever asks again
    /// asks for the same transaction.
    pub(super) fn submission(self, ledger: &Identity, batch: BatchNumber) -> SubmissionId {
        SubmissionId(keccak256(
            [
                b"aep2 batch".as_slice(),
                &ledger.chain_id.get().to_be_bytes(),
                ledger.wallet.as_slice(),
                ledger.processor.as_slice(),
                &batch.get().to_be_bytes(),
                &self.0.to_be_bytes(),
            ]
            .concat(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_says_its_round_and_others_say_nothing() {
        let round = Round::default().next().next();
        assert_eq!(Round::of_reference(&round.to_reference()), Some(round));
        for other in [&[][..], &[2, 0, 0, 0, 0], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 0]] {
            assert_eq!(Round::of_reference(other), None, "{other:?}");
        }
    }
}
