//! Every settled mandate has its proof, and nothing else has one.

use aep2_circuits::{Shape, statement::Statement};
use aep2_mandate::{
    commitment,
    field::Fr,
    inclusion::{InclusionError, InclusionProof, Link},
    poseidon,
    units::Amount,
};
use aep2_prover::{
    arrange::Batch,
    window::{Entry, ValidWindow},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::window::{Payer, arrange, window};

/// A batch of three lanes in a shape of five: a full one, one cut off it, a short one.
fn batch(shape: &str) -> (ValidWindow, Batch) {
    let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
    let mut entries: Vec<Entry> = (0..6).map(|index| ann.pay(100 + index)).collect();
    entries.push(bob.pay(7));
    let shape: Shape = shape.parse().unwrap();
    if shape.capture() {
        entries[1].captured = Some(Amount::new(3).unwrap());
        entries[6].captured = Some(Amount::ZERO);
    }
    let valid = window(entries).validate(&mut StdRng::seed_from_u64(1)).unwrap();
    let batch = arrange(&valid, shape).unwrap();
    (valid, batch)
}

fn verify(
    window: &ValidWindow,
    batch: &Batch,
    index: usize,
    proof: &InclusionProof,
) -> Result<u128, InclusionError> {
    let mandate = &window.window().mandates[index].signed.mandate;
    let commitment = batch.named()[usize::from(proof.segment)].commitment;
    let settled = proof.verify(mandate, window.domain(), commitment)?;
    assert_eq!(settled.id, window.ids()[index]);
    Ok(settled.captured.get())
}

#[test]
fn every_mandate_has_its_proof() {
    // In one segment, in two, in four, and with leaves of 16, 17 and 18 elements.
    for shape in [
        "5x4",
        "5x4-capture",
        "2x4-capture",
        "1x2",
        "2x26-capture",
        "2x27-capture",
        "2x28-capture",
        "2x29-capture",
    ] {
        let (window, batch) = batch(shape);
        for (index, entry) in window.window().mandates.iter().enumerate() {
            let proof = batch.inclusion_proof(&window, index);
            let json = serde_json::to_string(&proof).unwrap();
            let read: InclusionProof = serde_json::from_str(&json).unwrap();
            assert_eq!(read, proof);
            assert_eq!(verify(&window, &batch, index, &read), Ok(entry.captured().get()));
        }
    }
}

#[test]
fn nothing_else_has_one() {
    let (window, batch) = batch("5x4-capture");
    let proof = batch.inclusion_proof(&window, 1);
    let refused = |change: fn(&mut InclusionProof)| {
        let mut altered = proof.clone();
        change(&mut altered);
        verify(&window, &batch, 1, &altered).unwrap_err()
    };
    let one = Fr::from(1u64);

    // Another mandate under this proof.
    let other = verify(&window, &batch, 0, &proof).unwrap_err();
    assert_eq!(other, InclusionError::OtherCommitment);

    // Another place, another capture, another key, another header.
    use InclusionError::{Malformed, NotSettled, OtherCommitment, OverCaptured};
    assert_eq!(refused(|proof| proof.lane = 1), OtherCommitment);
    assert_eq!(refused(|proof| proof.lane = 5), Malformed);
    assert_eq!(refused(|proof| proof.lanes = 9), Malformed);
    assert_eq!(refused(|proof| proof.lanes = 6), OtherCommitment, "whose paths are as long");
    assert_eq!(refused(|proof| proof.cover += Fr::from(1u64)), OtherCommitment);
    assert_eq!(refused(|proof| proof.slot = 0), Malformed);
    assert_eq!(refused(|proof| proof.slot = 4), Malformed);
    assert_eq!(
        refused(|proof| proof.captured.as_mut().unwrap()[1] = Amount::new(4).unwrap()),
        OtherCommitment
    );
    assert_eq!(
        refused(|proof| proof.captured.as_mut().unwrap()[1] = Amount::new(102).unwrap()),
        OverCaptured
    );
    assert_eq!(refused(|proof| proof.captured = None), OtherCommitment);
    assert_eq!(refused(|proof| proof.captured.as_mut().unwrap().truncate(3)), Malformed);
    assert_eq!(refused(|proof| proof.key_hash += Fr::from(1u64)), OtherCommitment);
    assert_eq!(refused(|proof| proof.siblings[0] += Fr::from(1u64)), OtherCommitment);
    assert_eq!(refused(|proof| proof.siblings.truncate(1)), Malformed);
    assert_eq!(refused(|proof| proof.following.swap(0, 1)), OtherCommitment);
    assert_eq!(refused(|proof| proof.following.truncate(1)), Malformed);
    assert_eq!(refused(|proof| proof.following[0].terms += Fr::from(1u64)), OtherCommitment);
    assert_eq!(
        refused(|proof| proof.valid_until = proof.valid_until.checked_add(1).unwrap()),
        OtherCommitment
    );

    // Its flag taken away, with or without the length kept right.
    assert_eq!(refused(|proof| proof.flags[1] = false), NotSettled);
    assert_eq!(
        refused(|proof| {
            proof.flags[3] = false;
            proof.following.pop();
        }),
        OtherCommitment
    );

    // Another batch's commitment, another token's domain.
    let mandate = &window.window().mandates[1].signed.mandate;
    let commitment = batch.named()[0].commitment;
    let elsewhere = proof.verify(mandate, window.domain(), commitment + one);
    assert_eq!(elsewhere, Err(OtherCommitment));
    let mut other_token = mandate.clone();
    other_token.token = alloy_primitives::Address::ZERO;
    let refused = proof.verify(&other_token, window.domain(), commitment);
    assert_eq!(refused, Err(InclusionError::OtherToken));
}

/// The chain holds the mandates before the lane's first, and the lane's signature vouches for
/// them. The batch does not settle them.
#[test]
fn a_mandate_of_the_chain_that_was_not_in_the_batch() {
    let mut ann = Payer::new(1);
    let earlier = ann.pay(10);
    let entries = vec![ann.pay(11), ann.pay(12)];
    let valid = window(entries).validate(&mut StdRng::seed_from_u64(1)).unwrap();
    let shape: Shape = "1x4".parse().unwrap();
    let batch = arrange(&valid, shape).unwrap();
    let commitment = batch.named()[0].commitment;

    let first = &valid.window().mandates[0].signed.mandate;
    let mut proof = batch.inclusion_proof(&valid, 0);
    proof.following.insert(0, Link::from(first));
    // The whole chain hashes to the right last id, but there is no slot for the earlier mandate.
    let refused = proof.verify(&earlier.signed.mandate, valid.domain(), commitment);
    assert_eq!(refused, Err(InclusionError::Malformed));
    for slot in [2, 3] {
        proof.slot = slot;
        let refused = proof.verify(&earlier.signed.mandate, valid.domain(), commitment);
        assert!(matches!(refused, Err(InclusionError::Malformed | InclusionError::NotSettled)));
    }
    proof.slot = 0;
    proof.flags = vec![true, true, true, false];
    let refused = proof.verify(&earlier.signed.mandate, valid.domain(), commitment);
    assert_eq!(refused, Err(InclusionError::OtherCommitment));
}

/// A lane of 28 slots with capture has a leaf of 17 elements. Hashed as sixteen and one, it would be a
/// node over the leaf of a lane of 26 slots and the last captured amounts: a tree of two such lanes
/// would be one of four, and what a payee captures would stand where lanes do.
#[test]
fn a_leaf_of_a_long_lane_is_no_node() {
    let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
    let entries = vec![ann.pay(100), ann.pay(101), bob.pay(7)];
    let valid = window(entries).validate(&mut StdRng::seed_from_u64(1)).unwrap();
    let batch = arrange(&valid, "2x28-capture".parse().unwrap()).unwrap();
    let honest = batch.inclusion_proof(&valid, 0);
    assert_eq!(verify(&valid, &batch, 0, &honest), Ok(100));

    // The same mandate, in lane 0 of four lanes of 26 slots.
    let zero = Fr::from(0u64);
    let mut forged = honest.clone();
    forged.lanes = 4;
    forged.flags.truncate(26);
    forged.captured.as_mut().unwrap().truncate(26);
    forged.siblings.insert(0, zero);
    assert_eq!(verify(&valid, &batch, 0, &forged), Err(InclusionError::OtherCommitment));

    // The leaves as they must not be hashed: without the zero.
    let Statement { shape, private, .. } = &batch.segments[0].statement;
    let elements: Vec<Vec<Fr>> = [(1, 2), (2, 1)]
        .map(|(last, used)| {
            let mut flags = vec![zero; shape.slots()];
            flags[..used].fill(Fr::from(1u64));
            let mut captured = vec![zero; shape.slots()];
            let amounts = [vec![100u64, 101], vec![7]][last - 1].clone();
            captured.iter_mut().zip(amounts).for_each(|(own, amount)| *own = Fr::from(amount));
            let key_hash = valid.window().mandates[last].signed.key.hash();
            let last_id = valid.ids()[last].element();
            commitment::lane_elements(&last_id, &key_hash, &flags, Some(&captured))
        })
        .into();
    let leaves: Vec<Fr> = elements.iter().map(|elements| commitment::leaf(elements)).collect();
    assert_eq!(leaves, Statement::leaves_of(*shape, private));
    let unpadded: Vec<Fr> = elements.iter().map(|own| commitment::leaf(&own[..17])).collect();
    let root = commitment::root(&unpadded);

    // Then the forged proof's path is one to that root, and without the shape, to its commitment.
    let short_leaf = poseidon::hash(&elements[0][..16]);
    let siblings = [zero, unpadded[1]];
    assert_eq!(commitment::root_of_path(short_leaf, 0, 4, &siblings), Some(root));

    // Each mend is enough by itself: with the shape in it, the commitment is another; with the zero in
    // the leaf, the path leads to another root.
    let (domain, until) = (private.domain, private.valid_until);
    let of_shape = |shape: u32| commitment::commitment(root, domain, until, shape, honest.cover);
    assert_ne!(of_shape(honest.shape()), of_shape(forged.shape()));
    let padded = commitment::root_of_path(short_leaf, 0, 4, &[zero, leaves[1]]);
    assert_ne!(padded, Some(commitment::root(&leaves)));
}
