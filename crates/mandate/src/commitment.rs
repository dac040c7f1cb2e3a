//! The commitment `C` of a segment: what its proof has settled, hashed.
//!
//! A segment is arranged in lanes. A lane is one run of one key's chain: slots in order, some
//! unused, whose last id is signed. Its leaf hashes
//!
//! ```text
//! last id, key hash, flags packed (Σ flagᵢ · 2ⁱ), and with capture the captured amounts,
//! two to an element (captured₂ₖ + 2⁹⁶ · captured₂ₖ₊₁; an odd last one alone)
//! ```
//!
//! by [`poseidon::hash_many`]. The leaves, in order, are hashed in pairs, level by level; an odd
//! last node moves up as it is.
//!
//! ```text
//! cover = Poseidon(blind, salt)        C = Poseidon(root, domain, validUntil, shape, cover)
//! ```
//!
//! The shape keeps leaves and nodes apart: it fixes the tree's depth and what a leaf hashes. Leaves
//! are kept apart by themselves, too: none ends in a hash of two, as every node does.
//!
//! Like the permutation, the arrangement is written once, over [`Cell`]s: for values here, for
//! linear combinations in the circuit.

use ark_ff::{AdditiveGroup, Field};

use crate::{
    field::Fr,
    poseidon::{self, Cell},
};

/// The most slots of a lane: its flags fill one element.
pub const SLOTS_MAX: usize = 250;

/// Width of a captured amount, bits.
const CAPTURED_BITS: u64 = 96;

/// The number that names a shape: `lanes · 2^16 + slots · 2 + capture`.
pub const fn shape_id(lanes: u16, slots: u8, capture: bool) -> u32 {
    (lanes as u32) << 16 | (slots as u32) << 1 | capture as u32
}

/// The elements that a lane's leaf hashes. A last chunk of one element takes a zero more, so that no
/// leaf ends in a hash of two.
///
/// # Panics
/// On more than [`SLOTS_MAX`] flags.
pub fn lane_elements<T: Cell>(
    last_id: &T,
    key_hash: &T,
    flags: &[T],
    captured: Option<&[T]>,
) -> Vec<T> {
    assert!(flags.len() <= SLOTS_MAX, "a lane has at most {SLOTS_MAX} slots");
    let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |power| Some(*power + power))
        .take(flags.len())
        .collect();
    let mut elements = vec![last_id.clone(), key_hash.clone(), T::dot(&powers, flags)];
    let shift = [Fr::ONE, Fr::from(2u64).pow([CAPTURED_BITS])];
    for pair in captured.unwrap_or_default().chunks(2) {
        elements.push(T::dot(&shift[..pair.len()], pair));
    }
    if poseidon::last_chunk(elements.len()) == 1 {
        elements.push(T::constant(Fr::ZERO));
    }
    elements
}

/// The leaf of a lane with these elements.
pub fn leaf(elements: &[Fr]) -> Fr {
    poseidon::hash_many(elements)
}

/// The next level of the tree, `node` hashing a pair.
pub fn parents<T: Clone>(level: &[T], mut node: impl FnMut(&T, &T) -> T) -> Vec<T> {
    let pairs = level.chunks(2);
    pairs
        .map(|pair| if let [left, right] = pair { node(left, right) } else { pair[0].clone() })
        .collect()
}

/// The root over `leaves`.
///
/// # Panics
/// On no leaf.
pub fn root(leaves: &[Fr]) -> Fr {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = parents(&level, |left, right| poseidon::hash(&[*left, *right]));
    }
    level[0]
}

/// The siblings on the way from the leaf at `index` to the root.
///
/// # Panics
/// When there is no such leaf.
pub fn path(leaves: &[Fr], mut index: usize) -> Vec<Fr> {
    assert!(index < leaves.len(), "a leaf at {index} of {}", leaves.len());
    let mut siblings = Vec::new();
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        siblings.extend(level.get(index ^ 1));
        level = parents(&level, |left, right| poseidon::hash(&[*left, *right]));
        index /= 2;
    }
    siblings
}

/// The root that the leaf at `index` of `count` has with these siblings, or nothing when the path
/// has not the length that such a tree gives it.
pub fn root_of_path(leaf: Fr, mut index: usize, mut count: usize, siblings: &[Fr]) -> Option<Fr> {
    if index >= count {
        return None;
    }
    let mut siblings = siblings.iter();
    let mut node = leaf;
    while count > 1 {
        let moves_up_alone = index == count - 1 && count % 2 == 1;
        if !moves_up_alone {
            let sibling = *siblings.next()?;
            let pair = if index.is_multiple_of(2) { [node, sibling] } else { [sibling, node] };
            node = poseidon::hash(&pair);
        }
        index /= 2;
        count = count.div_ceil(2);
    }
    siblings.next().is_none().then_some(node)
}

/// What hides a segment: `blind`, which its sum is blinded by, and `salt`, which keeps `C` from being
/// guessed.
pub fn cover(blind: Fr, salt: Fr) -> Fr {
    poseidon::hash(&[blind, salt])
}

/// `C`, of the lanes' root, the batch's header, and the segment's shape and cover; `valid_until` in
/// unix seconds, `shape` as [`shape_id`] has it.
pub fn commitment(root: Fr, domain: Fr, valid_until: Fr, shape: u32, cover: Fr) -> Fr {
    poseidon::hash(&[root, domain, valid_until, Fr::from(shape), cover])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_small_tree_has_its_path() {
        for count in 1..=17usize {
            let leaves: Vec<Fr> = (0..count as u64).map(|leaf| Fr::from(leaf + 100)).collect();
            let root = root(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let siblings = path(&leaves, index);
                assert_eq!(root_of_path(*leaf, index, count, &siblings), Some(root));
                assert_ne!(root_of_path(*leaf + Fr::ONE, index, count, &siblings), Some(root));
                assert_eq!(root_of_path(*leaf, count, count, &siblings), None);
                let longer = [siblings.clone(), vec![root]].concat();
                assert_eq!(root_of_path(*leaf, index, count, &longer), None);
                if let Some((_, shorter)) = siblings.split_last() {
                    assert_eq!(root_of_path(*leaf, index, count, shorter), None);
                }
                for other in 0..count {
                    let moved = root_of_path(*leaf, other, count, &siblings);
                    assert_eq!(moved == Some(root), other == index, "{index} as {other}/{count}");
                }
            }
        }
    }

    #[test]
    fn captured_amounts_are_packed_in_pairs() {
        let [one, two] = [Fr::ONE, Fr::from(2u64)];
        let shift = two.pow([96u64]);
        let flags = [one, Fr::from(0u64), one];
        assert_eq!(lane_elements(&one, &two, &flags, None), [one, two, Fr::from(5u64)]);
        assert_eq!(
            lane_elements(&one, &two, &flags, Some(&[one, two, one])),
            [one, two, Fr::from(5u64), one + two * shift, one]
        );
    }

    #[test]
    fn no_leaf_ends_in_a_hash_of_two() {
        for slots in 1..=SLOTS_MAX {
            let flags = vec![Fr::ONE; slots];
            let plain = 3 + slots.div_ceil(2);
            let elements = lane_elements(&Fr::ONE, &Fr::ONE, &flags, Some(&flags));
            let chunk = poseidon::last_chunk(elements.len());
            assert!(chunk > 1, "{slots} slots end in a chunk of {chunk}");
            let padded = poseidon::last_chunk(plain) == 1;
            assert_eq!(elements.len(), plain + usize::from(padded), "{slots} slots");
        }
    }
}
