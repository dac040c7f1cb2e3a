//! A window of several segments: each is proved by itself, and only together they settle.

use std::sync::LazyLock;

use aep2_circuits::{Shape, settlement::PublicInputs, statement::Statement};
use aep2_mandate::field::Fr;
use aep2_prover::{
    arrange::Batch,
    blinding::Blinding,
    proven::{Proven, Refused},
    prover::{Entropy, Prover},
    window::ValidWindow,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::window::{Payer, window};

const SECRET: [u8; 32] = [9; 32];

struct Proved {
    prover: Prover,
    window: ValidWindow,
    batch: Batch,
    proven: Proven,
}

/// Three segments of 1x2: Ann's chain of three takes two of them, Bob's of two the third.
static PROVED: LazyLock<Proved> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let shape: Shape = "1x2".parse().unwrap();
    let prover = Prover::set_up(shape, &Entropy::Seed([7; 32]), &()).unwrap();
    let window = three_lanes();
    let blinding = Blinding::from_bytes(SECRET);
    let (proven, batch, timings) = prover.prove(&window, &blinding, &mut rng, &()).unwrap();
    assert_eq!(timings.segments.len(), 3);
    Proved { prover, window, batch, proven }
});

fn three_lanes() -> ValidWindow {
    let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
    let entries = vec![ann.pay(100), ann.pay(101), bob.pay(7), ann.pay(102), bob.pay(8)];
    window(entries).validate(&mut StdRng::seed_from_u64(1)).unwrap()
}

impl Proved {
    fn verify(&self, proven: &Proven) -> Result<(), Refused> {
        proven.verify(|shape| (shape == self.prover.shape()).then(|| self.prover.verifying_key()))
    }

    fn refused(&self, change: impl Fn(&mut Proven)) -> Refused {
        let mut altered = self.proven.clone();
        change(&mut altered);
        self.verify(&altered).unwrap_err()
    }
}

#[test]
fn three_segments_settle_together() {
    let Proved { batch, proven, .. } = &*PROVED;
    assert_eq!(proven.segments.len(), 3);
    assert_eq!(proven.settlement.count, 5);
    assert_eq!(proven.named(), batch.named());
    for (inputs, segment) in proven.public_inputs().iter().zip(&batch.segments) {
        assert_eq!(*inputs, segment.statement.public);
    }
    assert_eq!(PROVED.verify(proven), Ok(()));

    let read: Proven = serde_json::from_str(&serde_json::to_string(proven).unwrap()).unwrap();
    assert_eq!(&read, proven);
    assert_eq!(read.id(), proven.id());
}

/// Segments are proved one by one, by whom and when one likes.
#[test]
fn segments_are_proved_independently() {
    let Proved { prover, batch, proven, .. } = &*PROVED;
    let mut other = proven.clone();
    for index in [2, 0] {
        let mut rng = StdRng::seed_from_u64(77);
        let (segment, _) = prover.prove_segment(&batch.segments[index], &mut rng, &()).unwrap();
        assert_ne!(segment.proof, proven.segments[index].proof, "another proof");
        other.segments[index] = segment;
    }
    assert_eq!(PROVED.verify(&other), Ok(()));
    assert_eq!(other.id(), proven.id(), "of the same batch");
}

#[test]
fn altered_segments_are_refused() {
    let one = Fr::from(1u64);
    let refused = |change: fn(&mut Proven)| PROVED.refused(change);
    for index in 0..3 {
        assert_eq!(PROVED.refused(|own| own.segments[index].sum += one), Refused::Sums);
        assert_eq!(PROVED.refused(|own| own.segments[index].commitment += one), Refused::Sums);
        let without = |own: &mut Proven| {
            own.segments.remove(index);
        };
        assert_eq!(PROVED.refused(without), Refused::Sums);
        let twice = |own: &mut Proven| own.segments.push(own.segments[index].clone());
        assert_eq!(PROVED.refused(twice), Refused::Sums);
    }
    assert_eq!(refused(|own| own.segments.clear()), Refused::Sums);
    assert_eq!(refused(|own| own.segments.swap(0, 1)), Refused::Sums);
    assert_eq!(refused(|own| own.segments.reverse()), Refused::Sums);

    // The sums still add up.
    let moved = |own: &mut Proven| {
        let [one, two, three] = &mut own.segments[..] else { panic!("three segments") };
        std::mem::swap(&mut two.sum, &mut three.sum);
        assert_ne!(one.sum, two.sum);
    };
    assert_eq!(refused(moved), Refused::Proof { segment: 1 });
    let shifted = |own: &mut Proven| {
        own.segments[0].sum += Fr::from(5u64);
        own.segments[2].sum -= Fr::from(5u64);
    };
    assert_eq!(refused(shifted), Refused::Proof { segment: 0 });
    let exchanged = |own: &mut Proven| {
        let [one, two, _] = &mut own.segments[..] else { panic!("three segments") };
        std::mem::swap(&mut one.proof, &mut two.proof);
    };
    assert_eq!(refused(exchanged), Refused::Proof { segment: 0 });
    let last = |own: &mut Proven| own.segments[2].proof = own.segments[1].proof.clone();
    assert_eq!(refused(last), Refused::Proof { segment: 2 });
}

#[test]
fn every_segment_needs_its_key() {
    let other = PROVED.refused(|own| own.segments[1].verifying_key_hash[0] ^= 1);
    assert!(matches!(other, Refused::OtherKey { segment: 1, .. }), "{other}");

    // Under the name of another shape, with sums made to fit. The shape is part of the challenge, so the
    // segments before it do not hold either.
    let shape: Shape = "1x2-capture".parse().unwrap();
    let renamed = |own: &mut Proven| {
        let (x, beta) = {
            let last = own.segments.last_mut().unwrap();
            last.shape = shape;
            own.settlement.challenges(&own.named())
        };
        let rest = own.settlement.sum(&own.named(), x, beta).unwrap();
        let (last, others) = own.segments.split_last_mut().unwrap();
        last.sum = rest - others.iter().map(|other| other.sum).sum::<Fr>();
    };
    let alone = |own: &mut Proven| {
        own.segments.truncate(1);
        renamed(own);
    };
    assert_eq!(PROVED.refused(alone), Refused::NoKey { segment: 0, shape });
    assert_eq!(PROVED.refused(renamed), Refused::Proof { segment: 0 });
}

#[test]
fn every_mandate_has_its_proof_in_its_segment() {
    let Proved { window, batch, proven, .. } = &*PROVED;
    let in_segment = [0, 0, 2, 1, 2];
    for (index, segment) in in_segment.into_iter().enumerate() {
        let mandate = &window.window().mandates[index].signed.mandate;
        let proof = batch.inclusion_proof(window, index);
        assert_eq!(proof.segment, segment);
        assert_eq!(proof.shape(), proven.segments[usize::from(segment)].shape.id());
        for (other, own) in proven.segments.iter().enumerate() {
            let shown = proof.verify(mandate, window.domain(), own.commitment);
            assert_eq!(shown.is_ok(), other == usize::from(segment), "{index} in {other}");
        }
    }
}

/// After a restart, the kept secret gives the same window again; any other gives another.
#[test]
fn a_secret_fixes_the_commitments() {
    let Proved { window, batch, .. } = &*PROVED;
    let shape = PROVED.prover.shape();
    let arranged = |secret| Batch::arrange(window, shape, &Blinding::from_bytes(secret)).unwrap();
    let public = |batch: &Batch| -> Vec<PublicInputs> {
        batch.segments.iter().map(|segment| segment.statement.public).collect()
    };
    let again = arranged(Blinding::from_bytes(SECRET).to_bytes());
    assert_eq!(public(&again), public(batch));

    let other = arranged([10; 32]);
    assert_eq!(other.settlement, batch.settlement);
    for (other, own) in public(&other).iter().zip(public(batch)) {
        assert_ne!(other.commitment, own.commitment);
        assert!(other.x != own.x && other.beta != own.beta && other.sum != own.sum);
    }
}

/// What a segment's entries come to, no sum shows: each has a blind, and all blinds cancel.
#[test]
fn sums_are_blinded() {
    let Proved { batch, .. } = &*PROVED;
    let blinds = batch.segments.iter().map(|segment| segment.statement.private.blind);
    assert!(blinds.clone().all(|blind| blind != Fr::from(0u64)));
    assert_eq!(blinds.sum::<Fr>(), Fr::from(0u64));

    // One segment has nothing to hide, and a salt all the same.
    let Proved { window, .. } = &*PROVED;
    let shape: Shape = "3x2".parse().unwrap();
    let arranged = |secret| Batch::arrange(window, shape, &Blinding::from_bytes(secret)).unwrap();
    let (one, other) = (arranged([1; 32]), arranged([2; 32]));
    assert_eq!(one.segments.len(), 1);
    assert_eq!(one.segments[0].statement.private.blind, Fr::from(0u64));
    assert_ne!(one.named(), other.named(), "the same mandates, another commitment");
}

/// A segment that is in two batches under one blind: two sums, one unknown. Whoever guesses what it
/// holds can tell that the guess is right.
#[test]
fn one_secret_hides_one_batch() {
    let shape: Shape = "1x2".parse().unwrap();
    // Bob's segment is the second of both windows. Ann's differs.
    let arranged = |amount, secret| {
        let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
        let entries = vec![ann.pay(amount), bob.pay(7), bob.pay(8)];
        let valid = window(entries).validate(&mut StdRng::seed_from_u64(1)).unwrap();
        Batch::arrange(&valid, shape, &Blinding::from_bytes(secret)).unwrap()
    };
    // The blind of the second segment, if it holds what one guesses: what it comes to without a blind
    // is a matter of entries and commitment.
    let blind_of = |batch: &Batch, guess: &Batch| {
        let public = batch.segments[1].statement.public;
        let PublicInputs { commitment, x, beta, sum } = public;
        let mut private = guess.segments[1].statement.private.clone();
        private.blind = Fr::from(0u64);
        let own = Statement::sum_of(&private, commitment, x, beta).unwrap();
        (sum - own) / (beta * beta * beta)
    };
    let (first, again, fresh) = (arranged(5, SECRET), arranged(6, SECRET), arranged(6, [10; 32]));
    assert_eq!(first.named()[1], again.named()[1], "the same secret, the same commitment");
    assert_eq!(blind_of(&first, &first), blind_of(&again, &first), "the guess shows to be right");
    assert_ne!(blind_of(&first, &first), blind_of(&fresh, &first));
}
