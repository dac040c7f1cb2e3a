//! Whether code on a chain is what the committed artifacts say.

use std::ops::Range;

use alloy::primitives::Bytes;
use serde::Deserialize;

use crate::contracts::{DebitWallet, Groth16Verifier, TestUSD, guarantee::Guarantee};

/// The code of a contract as it lies on a chain, but for its immutables.
#[derive(Clone, Debug)]
pub(super) struct Code {
    bytes: Bytes,
    immutables: Vec<Range<usize>>,
}

impl Code {
    pub(super) fn of_wallet() -> Self {
        let json = include_str!("../../../../contracts/artifacts/DebitWallet.json");
        Self::new(DebitWallet::DEPLOYED_BYTECODE.clone(), json)
    }

    pub(super) fn of_guarantee() -> Self {
        let json = include_str!("../../../../contracts/artifacts/Guarantee.json");
        Self::new(Guarantee::DEPLOYED_BYTECODE.clone(), json)
    }

    pub(super) fn of_verifier() -> Self {
        let json = include_str!("../../../../contracts/artifacts/Groth16Verifier.json");
        Self::new(Groth16Verifier::DEPLOYED_BYTECODE.clone(), json)
    }

    pub(super) fn of_test_token() -> Self {
        let json = include_str!("../../../../contracts/artifacts/TestUSD.json");
        Self::new(TestUSD::DEPLOYED_BYTECODE.clone(), json)
    }

    fn new(bytes: Bytes, artifact: &str) -> Self {
        /// What alloy's bindings leave out of an artifact.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Artifact {
            /// First byte and length of each place that a constructor fills in.
            immutable_ranges: Vec<(usize, usize)>,
        }
        let artifact: Artifact =
            serde_json::from_str(artifact).expect("the committed artifact has immutable ranges");
        let ranges = artifact.immutable_ranges.iter();
        Self { bytes, immutables: ranges.map(|(start, length)| *start..start + length).collect() }
    }

    /// Whether `found` is this code with any immutables.
    pub(super) fn matches(&self, found: &[u8]) -> bool {
        let mut place = 0;
        if found.len() != self.bytes.len() {
            return false;
        }
        // The ranges ascend and do not overlap.
        for range in &self.immutables {
            if found[place..range.start] != self.bytes[place..range.start] {
                return false;
            }
            place = range.end;
        }
        found[place..] == self.bytes[place..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_immutables_may_differ() {
        let wallet = [Code::of_wallet(), Code::of_guarantee()];
        for code in wallet.into_iter().chain([Code::of_verifier(), Code::of_test_token()]) {
            assert!(!code.immutables.is_empty());
            let ascending = code.immutables.windows(2).all(|pair| pair[0].end <= pair[1].start);
            assert!(ascending && code.immutables.iter().all(|range| range.end <= code.bytes.len()));
            assert!(code.matches(&code.bytes));

            for place in 0..code.bytes.len() {
                let mut altered = code.bytes.to_vec();
                altered[place] ^= 1;
                let immutable = code.immutables.iter().any(|range| range.contains(&place));
                assert_eq!(code.matches(&altered), immutable, "byte {place}");
            }
            assert!(!code.matches(&code.bytes[..code.bytes.len() - 1]));
            assert!(!code.matches(&[&code.bytes[..], &[0]].concat()));
            assert!(!code.matches(&[]));
        }
    }
}
