//! A small honest world, and the bench at which the cheating prover works.
//!
//! A [`Case`] is a batch in both readings: the wallet's entries, and the prover's statements, one
//! for each segment. It starts honest. A test then changes what a cheat would change, and gives it
//! every help: the lanes' owners sign again, `C` follows the lanes, `X` and `β` follow the entries,
//! and where no entry could say what the cheat sums up, `R` is the circuit's own number. What is left
//! broken is what the cheat was caught by.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
};

use aep2_circuits::{
    Shape,
    checker::Checker,
    settlement::{self, Debit, Payout, PublicInputs, Settlement, ZeroDenominator},
    statement::{Lane, Private, Slot, Statement, Violation},
};
use aep2_mandate::{
    babyjubjub::{BASE8, EdwardsProjective, Point, Scalar},
    eddsa::SecretKey,
    poseidon,
};
use alloy_primitives::Address;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, MontFp, PrimeField};

use crate::probe::{Override, Probe};

/// The batch's `validUntil`, unix seconds.
pub(crate) const VALID_UNTIL: u64 = 1_800_000_000;

/// The batch's domain.
pub(crate) const DOMAIN: Fr =
    MontFp!("157198260351236485714302963271285634297612958617296105813649128734650918273");

/// A payee who serves.
pub(crate) const API: Address = Address::repeat_byte(0xa1);
/// Another payee.
pub(crate) const TOOL: Address = Address::repeat_byte(0xb2);
/// A payee who cheats.
pub(crate) const THIEF: Address = Address::repeat_byte(0xc3);

/// Labels of the variables that are the prover's own to choose, the bits aside. Of those labelled
/// "lane key", every other two are products that the curve's equation takes; see [`is_input`].
pub(crate) const INPUTS: [&str; 10] = [
    "domain",
    "valid until",
    "blind",
    "salt",
    "first prev",
    "account word",
    "payee",
    "reference",
    "lane key",
    "R8",
];

/// Whether the `nth` variable of a label is the prover's own to choose.
pub(crate) fn is_input(label: &str, nth: usize) -> bool {
    INPUTS.contains(&label) && (label != "lane key" || nth % 4 < 2)
}

/// `2^exponent`.
pub(crate) fn power_of_two(exponent: u64) -> Fr {
    Fr::from(2u64).pow([exponent])
}

/// An account with its mandate key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payer {
    pub(crate) account: u32,
    seed: u8,
}

/// Spends in two lanes of the honest batch.
pub(crate) const ALICE: Payer = Payer::new(1, 1);
/// Spends in another.
pub(crate) const BOB: Payer = Payer::new(2, 2);
/// Has an account and a key of its own, and would rather spend the others'.
pub(crate) const MALLORY: Payer = Payer::new(3, 3);

impl Payer {
    pub(crate) const fn new(account: u32, seed: u8) -> Self {
        Self { account, seed }
    }

    pub(crate) fn secret(self) -> SecretKey {
        SecretKey::from_seed([self.seed; 32])
    }

    /// circomlib's coordinates of the key.
    pub(crate) fn key(self) -> (Fr, Fr) {
        let key = self.secret().public();
        (key.x(), key.y())
    }

    pub(crate) fn key_hash(self) -> Fr {
        self.secret().public().hash()
    }
}

/// The account word of an account's nonce word.
pub(crate) fn account_word(account: u32, word: u64) -> Fr {
    Fr::from((u128::from(account) << 57) + u128::from(word))
}

/// An address as an element.
pub(crate) fn address(payee: Address) -> Fr {
    Fr::from_be_bytes_mod_order(payee.as_slice())
}

/// A used slot, captured in full.
pub(crate) fn spend(payer: Payer, nonce: u64, amount: u128, payee: Address) -> Slot {
    Slot {
        flag: Fr::ONE,
        account_word: account_word(payer.account, nonce >> 7),
        bit: Fr::from(nonce & 127),
        captured: Fr::from(amount),
        released: Fr::ZERO,
        slack: Fr::from(60u64),
        payee: address(payee),
        reference: Fr::from(1_000_000_007u64 + nonce),
    }
}

/// An unused slot.
pub(crate) fn unused() -> Slot {
    Slot::default()
}

/// The same mandate, captured in part: the rest is released. Without capture there is no such
/// thing, and all is captured.
fn captured(slot: Slot, amount: u128, capture: bool) -> Slot {
    if !capture {
        return slot;
    }
    let captured = Fr::from(amount);
    Slot { captured, released: slot.captured - captured, ..slot }
}

/// A batch: what the wallet is told, and what the prover knows. Most have one segment, and a case
/// reads as its first one.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) settlement: Settlement,
    pub(crate) segments: Vec<Segment>,
}

/// A part of a batch with a proof of its own.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) statement: Statement,
    /// Who signs each lane.
    pub(crate) signers: Vec<Payer>,
    overrides: Vec<Override>,
}

impl Deref for Case {
    type Target = Segment;

    fn deref(&self) -> &Segment {
        &self.segments[0]
    }
}

impl DerefMut for Case {
    fn deref_mut(&mut self) -> &mut Segment {
        &mut self.segments[0]
    }
}

impl Segment {
    /// A segment without lanes, to be filled to its shape. Neither blind nor challenge is set.
    fn empty(shape: Shape, salt: u64) -> Self {
        let public =
            PublicInputs { commitment: Fr::ZERO, x: Fr::ZERO, beta: Fr::ZERO, sum: Fr::ZERO };
        let private = Private {
            domain: DOMAIN,
            valid_until: Fr::from(VALID_UNTIL),
            blind: Fr::ZERO,
            salt: Fr::from(salt),
            lanes: Vec::new(),
        };
        let statement = Statement { shape, public, private };
        Self { statement, signers: Vec::new(), overrides: Vec::new() }
    }

    /// Adds a lane of these slots, the rest unused, that follows `first_prev`; `signer` signs it.
    pub(crate) fn push(&mut self, signer: Payer, first_prev: Fr, slots: &[Slot]) {
        let mut slots = slots.to_vec();
        slots.resize(self.statement.shape.slots(), unused());
        let identity = (Fr::ZERO, Fr::ONE);
        let lane = Lane { first_prev, key: identity, r8: identity, s: Scalar::ZERO, slots };
        self.statement.private.lanes.push(lane);
        self.signers.push(signer);
        self.sign(self.signers.len() - 1);
    }

    /// Adds an unused lane: the key and the signature of another, whose last id it takes over.
    pub(crate) fn push_idle(&mut self, like: usize) {
        let first_prev = self.last_id(like);
        let slots = vec![unused(); self.statement.shape.slots()];
        let lane = Lane { first_prev, slots, ..self.statement.private.lanes[like].clone() };
        self.statement.private.lanes.push(lane);
        self.signers.push(self.signers[like]);
    }

    pub(crate) fn lane(&mut self, lane: usize) -> &mut Lane {
        &mut self.statement.private.lanes[lane]
    }

    pub(crate) fn slot(&mut self, lane: usize, slot: usize) -> &mut Slot {
        &mut self.statement.private.lanes[lane].slots[slot]
    }

    /// Places of the used slots, as (lane, slot).
    pub(crate) fn used(&self) -> Vec<(usize, usize)> {
        let lanes = self.statement.private.lanes.iter().enumerate();
        lanes
            .flat_map(|(lane, content)| {
                let slots = content.slots.iter().enumerate();
                slots.filter(|(_, slot)| slot.flag != Fr::ZERO).map(move |(slot, _)| (lane, slot))
            })
            .collect()
    }

    /// The chain of a lane: `prev` of its first slot, then the id that each slot passes on.
    pub(crate) fn chain(&self, lane: usize) -> Vec<Fr> {
        let Private { domain, valid_until, lanes, .. } = &self.statement.private;
        let mut chain = vec![lanes[lane].first_prev];
        for slot in &lanes[lane].slots {
            let prev = chain[chain.len() - 1];
            let terms = slot.bit
                + power_of_two(7) * (slot.captured + slot.released)
                + power_of_two(104) * (*valid_until + slot.slack);
            let id = poseidon::hash(&[
                *domain,
                prev,
                slot.account_word,
                terms,
                slot.payee,
                slot.reference,
            ]);
            chain.push(prev + slot.flag * (id - prev));
        }
        chain
    }

    /// What a lane's signature is on.
    pub(crate) fn last_id(&self, lane: usize) -> Fr {
        self.chain(lane)[self.statement.shape.slots()]
    }

    /// The lane's signer signs whatever the lane's last id now is.
    pub(crate) fn sign(&mut self, lane: usize) {
        let signature = self.signers[lane].secret().sign(self.last_id(lane));
        let key = self.signers[lane].key();
        let r8 = (signature.r8_x(), signature.r8_y());
        let s = *signature.s();
        let slots = std::mem::take(&mut self.lane(lane).slots);
        *self.lane(lane) = Lane { first_prev: self.lane(lane).first_prev, key, r8, s, slots };
    }

    /// Every lane's signer signs.
    pub(crate) fn sign_all(&mut self) {
        (0..self.signers.len()).for_each(|lane| self.sign(lane));
    }

    /// A lane signed by somebody else, with the key that goes with it.
    pub(crate) fn sign_as(&mut self, lane: usize, signer: Payer) {
        self.signers[lane] = signer;
        self.sign(lane);
    }

    /// `C` of the lanes, as the native reading has it.
    pub(crate) fn commitment(&self) -> Fr {
        Statement::commitment_of(self.statement.shape, &self.statement.private)
    }

    /// `C` as this very circuit arrives at it.
    fn own_commitment(&self) -> Fr {
        if self.overrides.is_empty() {
            self.commitment()
        } else {
            self.statement.public.commitment + self.probe().residual("commitment")
        }
    }

    /// What the circuit sums up.
    pub(crate) fn own_sum(&self) -> Fr {
        self.statement.public.sum + self.probe().residual("sum")
    }

    /// Gives the `nth` variable of this label a value of the cheat's choice; see [`Checker::with`].
    pub(crate) fn set(&mut self, label: &'static str, nth: usize, value: Fr) {
        self.overrides.retain(|(other, index, _)| (*other, *index) != (label, nth));
        self.overrides.push((label, nth, value));
    }

    /// The labels of the broken constraints, each as often as it is broken.
    pub(crate) fn broken_constraints(&self) -> Vec<&'static str> {
        self.overrides
            .iter()
            .fold(Checker::default(), |checker, (label, nth, value)| {
                checker.with(label, *nth, *value)
            })
            .run(&self.statement)
    }

    /// Everything that the circuit allocates and demands, the overrides in force.
    pub(crate) fn probe(&self) -> Probe {
        Probe::of(&self.statement, &self.overrides)
    }

    /// What the wallet's challenge names.
    pub(crate) fn named(&self) -> settlement::Segment {
        let Statement { shape, public, .. } = &self.statement;
        settlement::Segment { shape: *shape, commitment: public.commitment }
    }
}

impl Case {
    /// A batch of one segment without lanes, to be filled to its shape.
    pub(crate) fn empty(shape: Shape) -> Self {
        Self::of_segments(&[shape])
    }

    /// A batch of segments without lanes, to be filled to their shapes. Their blinds add up to 0.
    pub(crate) fn of_segments(shapes: &[Shape]) -> Self {
        let mut segments: Vec<Segment> =
            (90u64..).zip(shapes).map(|(salt, shape)| Segment::empty(*shape, salt)).collect();
        for (number, segment) in segments.iter_mut().enumerate().skip(1) {
            segment.statement.private.blind = DOMAIN.pow([number as u64 + 1]);
        }
        let others: Fr = segments.iter().map(|segment| segment.statement.private.blind).sum();
        segments[0].statement.private.blind = -others;
        let settlement = Settlement {
            domain: DOMAIN,
            valid_until: VALID_UNTIL,
            count: 0,
            debits: Vec::new(),
            payouts: Vec::new(),
        };
        Self { settlement, segments }
    }

    /// Draws up the entries, and the public inputs with them.
    pub(crate) fn settle(&mut self) {
        self.settlement = self.entries();
        self.bind();
    }

    /// Four lanes of three slots. Alice spends in two lanes, Bob in one, which has a hole, and one
    /// lane is unused. With capture, mandates are captured in full, in part, and not at all.
    pub(crate) fn honest(capture: bool) -> Self {
        let mut case = Self::empty(shape(4, 3, capture));
        case.push(
            ALICE,
            Fr::ZERO,
            &[
                spend(ALICE, 3, 1_000_000, API),
                captured(spend(ALICE, 127, 999, TOOL), 250, capture),
                spend(ALICE, 5 << 7 | 3, 70_000, API),
            ],
        );
        case.push(
            BOB,
            Fr::from(42u64),
            &[
                captured(spend(BOB, 3, 80_000, TOOL), 0, capture),
                unused(),
                captured(spend(BOB, 4, 5_000, THIEF), 4_999, capture),
            ],
        );
        let after_the_first_lane = case.last_id(0);
        case.push(ALICE, after_the_first_lane, &[spend(ALICE, 4, 11, THIEF)]);
        case.push_idle(1);
        case.settle();
        case.assert_accepted();
        case
    }

    /// One lane of two mandates of Alice's.
    pub(crate) fn pair(capture: bool) -> Self {
        let mut case = Self::empty(shape(1, 2, capture));
        case.push(
            ALICE,
            Fr::ZERO,
            &[
                captured(spend(ALICE, 3, 1_000_000, API), 999_000, capture),
                spend(ALICE, 9, 70_000, TOOL),
            ],
        );
        case.settle();
        case.assert_accepted();
        case
    }

    /// Three segments, the last of another shape: two lanes of Alice's and Bob's, two more of
    /// theirs in the same nonce words, and one of Mallory's.
    pub(crate) fn three_segments(capture: bool) -> Self {
        let pair = shape(2, 2, capture);
        let mut case = Self::of_segments(&[pair, pair, shape(1, 3, capture)]);
        let [one, two, three] = &mut case.segments[..] else { panic!("three segments") };
        one.push(
            ALICE,
            Fr::ZERO,
            &[
                captured(spend(ALICE, 3, 1_000_000, API), 400_000, capture),
                spend(ALICE, 127, 999, TOOL),
            ],
        );
        one.push(BOB, Fr::from(42u64), &[spend(BOB, 3, 80_000, TOOL), unused()]);
        let (alices, bobs) = (one.last_id(0), one.last_id(1));
        two.push(ALICE, alices, &[spend(ALICE, 4, 11, THIEF), unused()]);
        two.push(
            BOB,
            bobs,
            &[spend(BOB, 9, 700, API), captured(spend(BOB, 600, 80, API), 0, capture)],
        );
        three.push(MALLORY, Fr::ZERO, &[spend(MALLORY, 3, 60, API), spend(MALLORY, 4, 7, THIEF)]);
        case.settle();
        case.assert_accepted();
        case
    }

    /// The entries that the used slots come to.
    ///
    /// # Panics
    /// When a slot holds what no entry can say.
    pub(crate) fn entries(&self) -> Settlement {
        self.entries_if_any().expect("entries that the wallet could be told")
    }

    /// The entries that the used slots come to, or nothing when no entries can say it.
    pub(crate) fn entries_if_any(&self) -> Option<Settlement> {
        let mut debits: BTreeMap<(u32, u64, Fr), (u128, u128)> = BTreeMap::new();
        let mut payouts: BTreeMap<Address, u128> = BTreeMap::new();
        let mut count = 0;
        let used = |segment: &Segment| {
            let lanes = segment.statement.private.lanes.clone();
            segment.used().into_iter().map(move |(lane, slot)| {
                let Lane { key, slots, .. } = &lanes[lane];
                (poseidon::hash(&[key.0, key.1]), slots[slot])
            })
        };
        for (key_hash, slot) in self.segments.iter().flat_map(used) {
            let word = integer(&slot.account_word)?;
            let account = u32::try_from(word >> 57).ok()?;
            let word = (word & ((1 << 57) - 1)) as u64;
            let bit = integer(&slot.bit).filter(|bit| *bit < 128 && slot.flag == Fr::ONE)?;
            let amount = integer(&slot.captured)?;
            let payee = slot.payee.into_bigint().to_bytes_be();
            let payee = payee.iter().take(12).all(|byte| *byte == 0).then(|| &payee[12..])?;

            let (mask, debit) = debits.entry((account, word, key_hash)).or_default();
            *mask = mask.checked_add(1 << bit)?;
            *debit = debit.checked_add(amount)?;
            let payout = payouts.entry(Address::from_slice(payee)).or_default();
            *payout = payout.checked_add(amount)?;
            count += 1;
        }
        let debits = debits.into_iter().map(|((account, word, key_hash), (mask, amount))| Debit {
            account,
            word,
            mask,
            amount,
            key_hash,
        });
        let payouts = payouts.into_iter().filter(|(_, amount)| *amount > 0);
        Some(Settlement {
            count,
            debits: debits.collect(),
            payouts: payouts.map(|(payee, amount)| Payout { payee, amount }).collect(),
            ..self.settlement.clone()
        })
    }

    /// What the wallet's challenge names of the segments.
    pub(crate) fn named(&self) -> Vec<settlement::Segment> {
        self.segments.iter().map(Segment::named).collect()
    }

    /// `C` of the lanes, then `X`, `β` and the `R` as the wallet computes and demands them.
    pub(crate) fn bind(&mut self) {
        for segment in &mut self.segments {
            segment.statement.public.commitment = segment.commitment();
        }
        self.challenge().expect("no denominator is zero");
    }

    /// As [`bind`](Self::bind), for a `C` of the first segment that is given.
    pub(crate) fn bind_to(&mut self, commitment: Fr) {
        self.statement.public.commitment = commitment;
        self.challenge().expect("no denominator is zero");
    }

    /// `X` and `β` for the entries and these `C`. The `R` add up to what the wallet computes: the
    /// first is what the others, which are their circuits' own, leave of it.
    pub(crate) fn challenge(&mut self) -> Result<(), ZeroDenominator> {
        let named = self.named();
        let (x, beta) = self.settlement.challenges(&named);
        let total = self.settlement.sum(&named, x, beta)?;
        for segment in &mut self.segments {
            (segment.statement.public.x, segment.statement.public.beta) = (x, beta);
        }
        self.share_out(total);
        Ok(())
    }

    /// The `R` add up to this number: the first is what the others, which are their circuits' own,
    /// leave of it.
    pub(crate) fn share_out(&mut self, total: Fr) {
        let mut rest = total;
        for segment in &mut self.segments[1..] {
            segment.statement.public.sum = segment.own_sum();
            rest -= segment.statement.public.sum;
        }
        self.statement.public.sum = rest;
    }

    /// As [`bind`](Self::bind), but every `C` and `R` is what its very circuit arrives at: no
    /// wallet's number could suit the cheat better.
    pub(crate) fn bind_to_own_numbers(&mut self) {
        for segment in &mut self.segments {
            segment.statement.public.commitment = segment.own_commitment();
        }
        self.challenge().expect("no denominator is zero");
        self.fit_sum();
    }

    /// Every `R` is what its circuit arrives at. `C`, `X` and `β` stay.
    pub(crate) fn fit_sum(&mut self) {
        for segment in &mut self.segments {
            segment.statement.public.sum = segment.own_sum();
        }
    }

    /// Whether the `R` add up to what the wallet computes.
    pub(crate) fn adds_up(&self) -> bool {
        let PublicInputs { x, beta, .. } = self.statement.public;
        let total = self.segments.iter().map(|segment| segment.statement.public.sum).sum();
        self.settlement.sum(&self.named(), x, beta) == Ok(total)
    }

    /// The labels of the broken constraints of all circuits, each as often as it is broken.
    pub(crate) fn broken_constraints(&self) -> Vec<&'static str> {
        self.segments.iter().flat_map(Segment::broken_constraints).collect()
    }

    /// The labels of the broken constraints, each once.
    pub(crate) fn broken(&self) -> BTreeSet<&'static str> {
        self.broken_constraints().into_iter().collect()
    }

    /// Both readings accept, and what is proved adds up.
    #[track_caller]
    pub(crate) fn assert_accepted(&self) {
        assert_eq!(self.broken_constraints(), [""; 0], "the circuit refuses");
        for segment in self.segments.iter().filter(|segment| segment.overrides.is_empty()) {
            assert_eq!(segment.statement.check(), Ok(()), "the twin refuses");
        }
        assert!(self.adds_up(), "the wallet refuses");
    }

    /// The circuits break constraints of these labels and no others, and the twin names the rule,
    /// of each segment that it refuses.
    #[track_caller]
    pub(crate) fn assert_refused(&self, labels: &[&'static str], violation: Violation) {
        self.assert_caught(labels);
        let refused = self.segments.iter().filter_map(|segment| segment.statement.check().err());
        let refused: Vec<Violation> = refused.collect();
        assert!(!refused.is_empty(), "the twin accepts");
        assert_eq!(refused, vec![violation; refused.len()], "the twin");
    }

    /// The circuits break constraints of these labels and no others. For cheats with variables
    /// that the twin does not have.
    #[track_caller]
    pub(crate) fn assert_caught(&self, labels: &[&'static str]) {
        assert_eq!(self.broken(), labels.iter().copied().collect(), "the circuit");
    }
}

pub(crate) fn shape(lanes: u32, slots: u32, capture: bool) -> Shape {
    Shape::new(lanes, slots, capture).expect("a shape")
}

/// The element as a number, if it fits.
pub(crate) fn integer(element: &Fr) -> Option<u128> {
    let [low, high, zero, also_zero] = element.into_bigint().0;
    (zero == 0 && also_zero == 0).then_some(u128::from(high) << 64 | u128::from(low))
}

/// A field element reduced to a scalar.
pub(crate) fn scalar(element: Fr) -> Scalar {
    Scalar::from_be_bytes_mod_order(&element.into_bigint().to_bytes_be())
}

/// The challenge of a signature; points as circomlib's coordinates.
pub(crate) fn challenge(r8: (Fr, Fr), key: (Fr, Fr), message: Fr) -> Fr {
    poseidon::hash(&[r8.0, r8.1, key.0, key.1, message])
}

/// circomlib's coordinates.
pub(crate) fn coordinates(point: EdwardsProjective) -> (Fr, Fr) {
    let point = Point::from(point);
    (point.x(), point.y())
}

/// A point of order 8, circomlib's coordinates.
pub(crate) const ORDER_EIGHT: (Fr, Fr) = (
    MontFp!("4342719913949491028786768530115087822524712248835451589697801404893164183326"),
    MontFp!("4826523245007015323400664741523384119579596407052839571721035538011798951543"),
);

/// The eight points of small order, the identity first.
pub(crate) fn small_order() -> Vec<EdwardsProjective> {
    let generator = Point::new(ORDER_EIGHT.0, ORDER_EIGHT.1).expect("on the curve");
    let multiples = std::iter::successors(Some(EdwardsProjective::ZERO), |point| {
        Some(*point + generator.affine())
    });
    multiples.take(8).collect()
}

/// A signature made by hand, from the secret scalar and the discrete logarithm of `R8`: the key,
/// `R8` and `S`. `torsion` is added to the key, which the eightfold challenge does not see.
pub(crate) fn sign_by_hand(
    secret: Scalar,
    torsion: EdwardsProjective,
    nonce: Scalar,
    message: Fr,
) -> ((Fr, Fr), (Fr, Fr), Scalar) {
    let key = coordinates(BASE8.multiply(secret) + torsion);
    let r8 = coordinates(BASE8.multiply(nonce));
    let s = nonce + scalar(challenge(r8, key, message)) * secret * Scalar::from(8u64);
    (key, r8, s)
}
