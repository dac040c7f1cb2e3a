//! Feared: a protocol that only this project understands. The same batch, computed by zk-kit,
//! circomlibjs and viem from the protocol's formulas, has the same numbers here; and signatures
//! that those libraries made, or refused, get the same verdict from the circuit.

use aep2_circuits::{
    Shape,
    settlement::{Debit, Payout},
    statement::{Lane, Slot, Statement},
};
use aep2_mandate::{
    babyjubjub::{Point, Scalar},
    commitment,
    eddsa::{PublicKey, Signature},
    field,
    mandate::{Domain, SignedMandate},
    units::ChainId,
};
use alloy_primitives::{Address, B256, U256};
use ark_bn254::Fr;
use ark_ff::{Field, PrimeField};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::support::{ALICE, Case, Segment, shape, unused};

fn vectors<T: DeserializeOwned>(name: &str) -> T {
    let path = aep2_testkit::repository::file("fixtures/vectors").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A canonical field element.
fn element(bytes: &B256) -> Fr {
    field::from_be_bytes(&bytes.0).expect("a canonical element")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    chain_id: u64,
    wallet: Address,
    token: Address,
    domain: B256,
    valid_until: u64,
    shape: Shape,
    mandates: Vec<Captured>,
    expected: Expected,
}

#[derive(Deserialize)]
struct Captured {
    mandate: Value,
    key: Value,
    signature: Value,
    captured: String,
}

#[derive(Deserialize)]
struct Expected {
    ids: Vec<B256>,
    segments: Vec<ExpectedSegment>,
    debits: Vec<ExpectedDebit>,
    payouts: Vec<ExpectedPayout>,
    count: u32,
    seed: B256,
    x: B256,
    beta: B256,
    total: B256,
    hint: B256,
}

#[derive(Deserialize)]
struct ExpectedSegment {
    lanes: Vec<ExpectedLane>,
    root: B256,
    blind: B256,
    salt: B256,
    cover: B256,
    shape: u32,
    commitment: B256,
    sum: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedLane {
    mandates: Vec<usize>,
    flags: u64,
    last_id: B256,
    key_hash: B256,
    elements: Vec<B256>,
    leaf: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedDebit {
    account: u32,
    word: String,
    mask: U256,
    amount: String,
    key_hash: B256,
}

#[derive(Deserialize)]
struct ExpectedPayout {
    payee: Address,
    amount: String,
}

impl From<&ExpectedDebit> for Debit {
    fn from(debit: &ExpectedDebit) -> Self {
        Self {
            account: debit.account,
            word: debit.word.parse().expect("a number"),
            mask: debit.mask.to(),
            amount: debit.amount.parse().expect("a number"),
            key_hash: element(&debit.key_hash),
        }
    }
}

impl From<&ExpectedPayout> for Payout {
    fn from(payout: &ExpectedPayout) -> Self {
        Self { payee: payout.payee, amount: payout.amount.parse().expect("a number") }
    }
}

#[test]
fn a_window_made_by_other_libraries() {
    let Window { chain_id, wallet, token, domain, valid_until, shape, mandates, expected } =
        vectors("window.json");
    let place = Domain::new(ChainId::new(chain_id), wallet, token);
    assert_eq!(place.element(), element(&domain));

    // The mandates' ids, and every signature.
    let signed: Vec<(SignedMandate, u128)> = mandates
        .iter()
        .map(|Captured { mandate, key, signature, captured }| {
            let body = json!({ "mandate": mandate, "key": key, "signature": signature });
            let signed = SignedMandate::from_json(body.to_string()).expect("well-formed");
            (signed, captured.parse().expect("a number"))
        })
        .collect();
    assert_eq!(signed.len(), expected.ids.len());
    for ((signed, _), id) in signed.iter().zip(&expected.ids) {
        assert_eq!(signed.verify(&place).map(|id| id.to_bytes()), Ok(*id));
    }

    // The statements, in the arrangement that the vectors chose.
    let mut case = Case::of_segments(&vec![shape; expected.segments.len()]);
    case.settlement.domain = place.element();
    case.settlement.valid_until = valid_until;
    for (segment, theirs) in case.segments.iter_mut().zip(&expected.segments) {
        let private = &mut segment.statement.private;
        (private.domain, private.valid_until) = (place.element(), Fr::from(valid_until));
        (private.blind, private.salt) = (element(&theirs.blind), element(&theirs.salt));
        for lane in &theirs.lanes {
            push(segment, lane, &signed);
        }
        assert_commitment(segment, theirs);
    }

    // The wallet's entries, as the slots come to them and as they were expected.
    case.settle();
    let debits = expected.debits.iter().map(Debit::from);
    let payouts = expected.payouts.iter().map(Payout::from);
    assert_eq!(case.settlement.debits, debits.collect::<Vec<_>>());
    assert_eq!(case.settlement.payouts, payouts.collect::<Vec<_>>());
    assert_eq!(case.settlement.count, expected.count);

    // The challenge, and the numbers at which both sides meet.
    let named = case.named();
    assert_eq!(case.settlement.seed(&named), expected.seed.0);
    let (x, beta) = (element(&expected.x), element(&expected.beta));
    assert_eq!(case.settlement.sum(&named, x, beta), Ok(element(&expected.total)));
    assert_eq!(case.settlement.hint(&named), Ok(element(&expected.hint)));
    for (segment, theirs) in case.segments.iter().zip(&expected.segments) {
        let public = [theirs.commitment, expected.x, expected.beta, theirs.sum];
        let public: Vec<Fr> = public.iter().map(element).collect();
        assert_eq!(segment.statement.public.to_vec(), public);
    }
    case.assert_accepted();
}

/// Adds a lane of these mandates; one without mandates is unused.
fn push(segment: &mut Segment, lane: &ExpectedLane, signed: &[(SignedMandate, u128)]) {
    let Statement { shape, private, .. } = &mut segment.statement;
    let (Some(first), Some(last)) = (lane.mandates.first(), lane.mandates.last()) else {
        return segment.push_idle(0);
    };
    let mut in_order = lane.mandates.iter().map(|index| &signed[*index]);
    let valid_until = private.valid_until;
    let slots: Vec<Slot> = (0..shape.slots())
        .map(|slot| {
            let used = lane.flags >> slot & 1 == 1;
            used.then(|| in_order.next().expect("a mandate for every flag"))
        })
        .map(|signed| signed.map_or_else(unused, |signed| slot(signed, valid_until)))
        .collect();
    assert_eq!(in_order.count(), 0, "a flag for every mandate");
    let SignedMandate { key, signature, .. } = &signed[*last].0;
    private.lanes.push(Lane {
        first_prev: signed[*first].0.mandate.prev.element(),
        key: (key.x(), key.y()),
        r8: (signature.r8_x(), signature.r8_y()),
        s: *signature.s(),
        slots,
    });
    segment.signers.push(ALICE);
}

/// Leaves, root, cover and commitment.
fn assert_commitment(segment: &Segment, theirs: &ExpectedSegment) {
    let Statement { shape, private, .. } = &segment.statement;
    assert_eq!(shape.id(), theirs.shape);
    let mut leaves = Vec::new();
    for (index, lane) in theirs.lanes.iter().enumerate() {
        let Lane { key, slots, .. } = &private.lanes[index];
        let key_hash = PublicKey::new(key.0, key.1).expect("a key").hash();
        assert_eq!(key_hash, element(&lane.key_hash));
        let last_id = segment.last_id(index);
        assert_eq!(last_id, element(&lane.last_id));
        let flags: Vec<Fr> = slots.iter().map(|slot| slot.flag).collect();
        let captured: Vec<Fr> = slots.iter().map(|slot| slot.captured).collect();
        let captured = shape.capture().then_some(&captured[..]);
        let elements = commitment::lane_elements(&last_id, &key_hash, &flags, captured);
        assert_eq!(elements, lane.elements.iter().map(element).collect::<Vec<_>>());
        leaves.push(commitment::leaf(&elements));
        assert_eq!(leaves[index], element(&lane.leaf));
    }
    assert_eq!(commitment::root(&leaves), element(&theirs.root));
    assert_eq!(commitment::cover(private.blind, private.salt), element(&theirs.cover));
    assert_eq!(segment.commitment(), element(&theirs.commitment));
}

fn slot((signed, captured): &(SignedMandate, u128), valid_until: Fr) -> Slot {
    let mandate = &signed.mandate;
    Slot {
        flag: Fr::ONE,
        account_word: mandate.account_word(),
        bit: Fr::from(mandate.nonce.bit()),
        captured: Fr::from(*captured),
        released: Fr::from(mandate.amount.get() - captured),
        slack: Fr::from(mandate.deadline.get()) - valid_until,
        payee: field::from_address(mandate.payee),
        reference: mandate.reference_element(),
    }
}

#[derive(Deserialize)]
struct Signatures {
    positive: Vec<SignatureVector>,
    edge: Vec<SignatureVector>,
    negative: Vec<SignatureVector>,
}

#[derive(Deserialize)]
struct SignatureVector {
    reason: Option<String>,
    message: B256,
    key: Coordinates,
    signature: RawSignature,
}

#[derive(Deserialize)]
struct Coordinates {
    x: B256,
    y: B256,
}

#[derive(Deserialize)]
struct RawSignature {
    r8: Coordinates,
    s: B256,
}

impl SignatureVector {
    /// What the crate says that reads mandates.
    fn verifies(&self) -> bool {
        let read = |coordinates: &Coordinates| {
            Some((field::from_be_bytes(&coordinates.x.0)?, field::from_be_bytes(&coordinates.y.0)?))
        };
        let verdict = || {
            let (key, r8) = (read(&self.key)?, read(&self.signature.r8)?);
            let key = PublicKey::new(key.0, key.1).ok()?;
            let signature = Signature::new(r8.0, r8.1, self.signature.s.0).ok()?;
            Some(key.verify(field::from_be_bytes(&self.message.0)?, &signature))
        };
        verdict().unwrap_or(false)
    }

    /// An unused lane with this signature: the message is what the lane follows. A value that is
    /// not reduced is reduced, for a statement holds no other.
    fn case(&self) -> Case {
        let read = |bytes: &B256| field::reduced_hash(*bytes);
        let mut case = Case::empty(shape(1, 1, false));
        case.push(ALICE, read(&self.message), &[unused()]);
        case.lane(0).key = (read(&self.key.x), read(&self.key.y));
        case.lane(0).r8 = (read(&self.signature.r8.x), read(&self.signature.r8.y));
        case.lane(0).s = Scalar::from_be_bytes_mod_order(self.signature.s.as_slice());
        case.settle();
        case
    }
}

#[test]
fn signatures_that_other_libraries_made() {
    let Signatures { positive, edge, .. } = vectors("eddsa.json");
    for vector in positive.iter().chain(&edge) {
        assert!(vector.verifies());
        vector.case().assert_accepted();
    }
}

#[test]
fn signatures_that_must_be_refused() {
    // The circuit sees no spelling of a number, and leaves to registration which keys there are.
    const REFUSED_BEFORE: [&str; 4] =
        ["s_not_reduced", "non_canonical", "key_small_order", "key_wrong_subgroup"];
    let Signatures { negative, .. } = vectors("eddsa.json");
    for vector in &negative {
        let reason = vector.reason.as_deref().expect("a reason");
        assert!(!vector.verifies(), "{reason}");
        let case = vector.case();
        let refused = !case.broken_constraints().is_empty();
        assert_eq!(refused, case.statement.check().is_err(), "{reason}");
        assert!(refused || REFUSED_BEFORE.contains(&reason), "{reason}");
        if refused {
            let (x, y) = case.statement.private.lanes[0].key;
            match Point::new(x, y) {
                Some(_) => case.assert_caught(&["base multiple"]),
                None => case.assert_caught(&["base multiple", "lane key"]),
            }
        }
    }
}
