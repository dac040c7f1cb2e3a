//! What a batch captured of each mandate, as a tree whose root the wallet remembers.
//!
//! A payee that was paid may still hold a receipt, and demand what it promised. The answer is a path in
//! this tree: so much of *this* payout was *that* mandate's. docs/contracts.md describes the tree, and
//! `CaptureTree.sol` checks paths.
//!
//! ```text
//! a mandate   keccak256(mandateId ‖ captured)
//! a node      keccak256(left ‖ sum on the left ‖ right ‖ sum on the right)
//! a payout    keccak256(index ‖ payee ‖ amount ‖ root of its mandates' tree)
//! a node      keccak256(left ‖ right); zeros beyond the last payout
//! ```
//!
//! A mandate captured at 0 is in no payout, and has no leaf.

use alloy::primitives::{Address, B256, U256, keccak256};
use thiserror::Error;

/// What one payee is paid by a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaidOut {
    /// The payee.
    pub payee: Address,
    /// Base units.
    pub amount: u128,
}

/// What was captured of a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Captured {
    /// The mandate's id.
    pub mandate_id: B256,
    /// Base units, above 0.
    pub amount: u128,
}

/// A node beside the path in a payout's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SumNode {
    /// Its hash.
    pub hash: B256,
    /// What the mandates below it come to.
    pub sum: u128,
    /// Whether it is the left one of the two.
    pub left: bool,
}

/// That a batch paid so much of a mandate: its place and the paths from it to the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// Which payout it is part of.
    pub payout: usize,
    /// The mandate, and how much.
    pub captured: Captured,
    /// To the root of its payout's tree, bottom up.
    pub within: Vec<SumNode>,
    /// From its payout to the root, bottom up.
    pub above: Vec<B256>,
}

/// Why there is no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CaptureTreeError {
    /// A batch that pays nobody has nothing to show.
    #[error("a batch without payouts has nothing to show")]
    NoPayouts,
    /// The mandates of a payout are not what it pays. No path into such a payout would count.
    #[error("the mandates of payout {index} do not add up to it")]
    SumDiffers {
        /// Which payout.
        index: usize,
    },
}

/// The tree of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureTree {
    parts: Vec<Vec<Captured>>,
    /// The payouts' leaves, as many as a power of two, then each level above, up to the root.
    levels: Vec<Vec<B256>>,
}

impl CaptureTree {
    /// The tree of a batch's payouts, in their order, each with the mandates that it is made of.
    ///
    /// # Errors
    /// See [`CaptureTreeError`].
    pub fn new(payouts: &[(PaidOut, Vec<Captured>)]) -> Result<Self, CaptureTreeError> {
        let mut leaves = Vec::with_capacity(payouts.len().next_power_of_two());
        for (index, (payout, parts)) in payouts.iter().enumerate() {
            let amounts = parts.iter().map(|part| part.amount);
            let sum = amounts.into_iter().try_fold(0, u128::checked_add);
            if sum != Some(payout.amount) {
                return Err(CaptureTreeError::SumDiffers { index });
            }
            leaves.push(words([
                B256::from(U256::from(index)),
                payout.payee.into_word(),
                number(payout.amount),
                sum_tree(parts).0,
            ]));
        }
        if leaves.is_empty() {
            return Err(CaptureTreeError::NoPayouts);
        }
        leaves.resize(leaves.len().next_power_of_two(), B256::ZERO);

        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).map(|pair| words([pair[0], pair[1]])).collect();
            levels.push(above);
        }
        let parts = payouts.iter().map(|(_, parts)| parts.clone()).collect();
        Ok(Self { parts, levels })
    }

    /// The header's word.
    pub fn root(&self) -> B256 {
        self.levels[self.levels.len() - 1][0]
    }

    /// Where a mandate was paid: the largest part, should it have several. None for one that this batch
    /// paid nothing of.
    pub fn leaf(&self, mandate_id: B256) -> Option<Leaf> {
        let places = self.parts.iter().enumerate().flat_map(|(payout, parts)| {
            parts.iter().enumerate().map(move |(part, captured)| (payout, part, *captured))
        });
        let (payout, part, captured) = places
            .filter(|(_, _, captured)| captured.mandate_id == mandate_id)
            .max_by_key(|(_, _, captured)| captured.amount)?;
        let mut within = Vec::new();
        path(&self.parts[payout], part, &mut within);
        let beside = |(height, level): (usize, &Vec<B256>)| level[payout >> height ^ 1];
        let above = self.levels[..self.levels.len() - 1].iter().enumerate().map(beside).collect();
        Some(Leaf { payout, captured, within, above })
    }
}

/// The root of a payout's tree, and its sum. One of nothing, which pays nothing, is zero.
fn sum_tree(parts: &[Captured]) -> (B256, u128) {
    match parts {
        [] => (B256::ZERO, 0),
        [part] => (words([part.mandate_id, number(part.amount)]), part.amount),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let ((left, left_sum), (right, right_sum)) = (sum_tree(left), sum_tree(right));
            let hash = words([left, number(left_sum), right, number(right_sum)]);
            // The whole adds up to a payout: `new` has looked.
            (hash, left_sum + right_sum)
        }
    }
}

/// The nodes beside the path from a part to the root, bottom up.
fn path(parts: &[Captured], part: usize, nodes: &mut Vec<SumNode>) {
    if parts.len() < 2 {
        return;
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    let is_left = part < left.len();
    let beside = if is_left {
        path(left, part, nodes);
        right
    } else {
        path(right, part - left.len(), nodes);
        left
    };
    let (hash, sum) = sum_tree(beside);
    nodes.push(SumNode { hash, sum, left: !is_left });
}

fn words<const N: usize>(words: [B256; N]) -> B256 {
    keccak256(words.concat())
}

fn number(amount: u128) -> B256 {
    B256::from(U256::from(amount))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::b256;
    use proptest::prelude::*;

    use super::*;

    /// The path followed upwards, as the contract does.
    fn root_of(leaf: &Leaf, payout: PaidOut) -> (B256, u128) {
        let Captured { mandate_id, amount } = leaf.captured;
        let (mut hash, mut sum) = (words([mandate_id, number(amount)]), amount);
        for node in &leaf.within {
            let own = [hash, number(sum)];
            let beside = [node.hash, number(node.sum)];
            let (left, right) = if node.left { (beside, own) } else { (own, beside) };
            hash = words([left[0], left[1], right[0], right[1]]);
            sum += node.sum;
        }
        let index = B256::from(U256::from(leaf.payout));
        let mut hash = words([index, payout.payee.into_word(), number(payout.amount), hash]);
        for (height, beside) in leaf.above.iter().enumerate() {
            let right = leaf.payout >> height & 1 == 1;
            hash = if right { words([*beside, hash]) } else { words([hash, *beside]) };
        }
        (hash, sum)
    }

    fn batch(counts: &[usize]) -> Vec<(PaidOut, Vec<Captured>)> {
        let payout = |(index, count): (usize, &usize)| {
            let part = |part| Captured {
                mandate_id: words([number(index as u128), number(part as u128)]),
                amount: 1 + part as u128,
            };
            let parts: Vec<Captured> = (0..*count).map(part).collect();
            let amount = parts.iter().map(|part| part.amount).sum();
            (PaidOut { payee: Address::repeat_byte(index as u8), amount }, parts)
        };
        counts.iter().enumerate().map(payout).collect()
    }

    proptest! {
        #[test]
        fn every_mandate_of_every_payout_leads_to_the_root(
            counts in prop::collection::vec(0usize..9, 1..20),
        ) {
            let batch = batch(&counts);
            let tree = CaptureTree::new(&batch).unwrap();
            for (index, (payout, parts)) in batch.iter().enumerate() {
                for part in parts {
                    let leaf = tree.leaf(part.mandate_id).unwrap();
                    prop_assert_eq!((leaf.payout, leaf.captured), (index, *part));
                    prop_assert_eq!(root_of(&leaf, *payout), (tree.root(), payout.amount));
                }
            }
            prop_assert_eq!(tree.leaf(B256::ZERO), None);
        }
    }

    /// `test_theTreeIsTheRustSidesToo` in contracts/test/guarantee/Trees.t.sol has the same root.
    #[test]
    fn the_tree_is_the_contracts_too() {
        let tree = CaptureTree::new(&batch(&[1, 3, 2])).unwrap();
        assert_eq!(
            tree.root(),
            b256!("0x28f4b1747fb148e8a9ef30032e5189c1a1bd5f7ff22ef83aacfc1479724fd256")
        );
    }

    #[test]
    fn a_tree_that_shows_nothing_is_not_made() {
        assert_eq!(CaptureTree::new(&[]), Err(CaptureTreeError::NoPayouts));
        let mut batch = batch(&[1, 2]);
        batch[1].0.amount += 1;
        assert_eq!(CaptureTree::new(&batch), Err(CaptureTreeError::SumDiffers { index: 1 }));
        batch[1].1[0].amount = u128::MAX;
        assert_eq!(CaptureTree::new(&batch), Err(CaptureTreeError::SumDiffers { index: 1 }));
    }
}
