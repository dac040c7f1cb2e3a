//! The statement that a segment's proof proves, in three readings.
//!
//! *There are validly signed, unexpired mandates, committed to as `C`, whose captured amounts and
//! nonce bits come to this sum.* All segments of a window together: *whose captured amounts add up to
//! exactly these debits and these payouts, each mandate used once.*
//!
//! - [`PublicInputs`] and [`Private`]: who must know what;
//! - [`Statement::check`]: the rules on plain values, the circuit's native twin;
//! - [`Statement::synthesize`]: the circuit.
//!
//! The two readings refuse the same things. Tests hold them against each other, and attack every
//! rule: see `tests/it`.

use aep2_mandate::{
    babyjubjub::{BASE8, Point as NativePoint, Scalar},
    commitment, poseidon,
};
use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use rayon::prelude::*;

use crate::{
    gadgets::{
        boolean::{bit, bits, number, power_of_two},
        eddsa,
        edwards::Point,
        poseidon as poseidon_gadget,
        poseidon::LinearCell,
    },
    settlement::PublicInputs,
    shape::Shape,
    system::{Circuit, Linear, System},
};

/// Width of a nonce's bit number.
const BIT_BITS: usize = 7;
/// Width of an amount.
const AMOUNT_BITS: usize = 96;
/// Width of the time from `validUntil` to a deadline.
const SLACK_BITS: usize = 40;
/// Where the amount stands in `terms`.
const AMOUNT_SHIFT: usize = 7;
/// Where the deadline stands in `terms`. One bit above the amount is never set in an honest
/// mandate: it takes up the carry when two parts of 96 bits are added.
const DEADLINE_SHIFT: usize = 104;

/// A statement: a shape, its public inputs, and what the prover knows.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The shape.
    pub shape: Shape,
    /// What the verifier knows.
    pub public: PublicInputs,
    /// What only the prover knows.
    pub private: Private,
}

/// What only the prover knows. Nothing here is trusted: values are raw field elements, and the
/// statement's rules are what gives them a meaning.
#[derive(Clone, Debug)]
pub struct Private {
    /// The batch's domain.
    pub domain: Fr,
    /// The latest time at which the batch may settle.
    pub valid_until: Fr,
    /// What the segment's sum is blinded by. The blinds of a window add up to 0.
    pub blind: Fr,
    /// What keeps the commitment from being guessed.
    pub salt: Fr,
    /// The lanes, as many as the shape has.
    pub lanes: Vec<Lane>,
}

/// One run of one key's chain, with the signature on its end.
#[derive(Clone, Debug)]
pub struct Lane {
    /// `prev` of the lane's first mandate.
    pub first_prev: Fr,
    /// circomlib's coordinates of the key that signed.
    pub key: (Fr, Fr),
    /// circomlib's coordinates of the signature's `R8`.
    pub r8: (Fr, Fr),
    /// The signature's `S`.
    pub s: Scalar,
    /// The slots, as many as the shape's lanes have.
    pub slots: Vec<Slot>,
}

/// A place for a mandate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// 1 when the slot is used, 0 when not.
    pub flag: Fr,
    /// `account · 2^57 + nonce word`.
    pub account_word: Fr,
    /// `nonce & 127`.
    pub bit: Fr,
    /// What the payee captured.
    pub captured: Fr,
    /// What is left of the ceiling. In a shape without capture there is no such part.
    pub released: Fr,
    /// The time from `validUntil` to the deadline, seconds.
    pub slack: Fr,
    /// The payee's address.
    pub payee: Fr,
    /// The business reference, truncated.
    pub reference: Fr,
}

impl Lane {
    /// The id that the lane's signature is on.
    fn last_id(&self, domain: Fr, valid_until: Fr) -> Fr {
        self.slots.iter().fold(self.first_prev, |prev, slot| {
            let id = poseidon::hash(&[
                domain,
                prev,
                slot.account_word,
                slot.terms(valid_until),
                slot.payee,
                slot.reference,
            ]);
            prev + slot.flag * (id - prev)
        })
    }
}

impl Slot {
    fn terms(&self, valid_until: Fr) -> Fr {
        self.bit
            + power_of_two(AMOUNT_SHIFT) * (self.captured + self.released)
            + power_of_two(DEADLINE_SHIFT) * (valid_until + self.slack)
    }
}

/// The rule that a statement breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// There are not as many lanes or slots as the shape has.
    #[error("the lanes do not fit the shape")]
    Shape,
    /// A flag is neither 0 nor 1.
    #[error("a flag is neither 0 nor 1")]
    Flag,
    /// A nonce's bit number is not below 2^7.
    #[error("a nonce bit is not below 128")]
    Bit,
    /// A captured or released amount is not below 2^96, or something is released without capture.
    #[error("an amount is not below 2^96")]
    Amount,
    /// A deadline lies before `validUntil`, or 2^40 seconds or more after it.
    #[error("a deadline lies before validUntil, or too far after it")]
    Deadline,
    /// A lane's key is off the curve.
    #[error("a key is off the curve")]
    Key,
    /// A lane's last id is not signed by its key.
    #[error("a lane's signature does not hold")]
    Signature,
    /// A denominator of the circuit's sum is zero, in a used slot or not; or `β` is.
    #[error("a denominator is zero")]
    Denominator,
    /// The lanes and the header do not hash to `C`.
    #[error("the commitment differs")]
    Commitment,
    /// The circuit's sum is not `R`.
    #[error("the sums differ")]
    Sum,
}

impl Statement {
    /// The statement of this shape that is no statement: for its constraints, not its values.
    pub fn blank(shape: Shape) -> Self {
        let (zero, identity) = (Fr::ZERO, (Fr::ZERO, Fr::ONE));
        let slots = vec![Slot::default(); shape.slots()];
        let lane = Lane { first_prev: zero, key: identity, r8: identity, s: Scalar::ZERO, slots };
        Self {
            shape,
            public: PublicInputs { commitment: zero, x: zero, beta: zero, sum: zero },
            private: Private {
                domain: zero,
                valid_until: zero,
                blind: zero,
                salt: zero,
                lanes: vec![lane; shape.lanes()],
            },
        }
    }

    /// The leaves of these lanes, whether or not they follow the rules.
    pub fn leaves_of(shape: Shape, private: &Private) -> Vec<Fr> {
        private
            .lanes
            .par_iter()
            .map(|lane| {
                let flags: Vec<Fr> = lane.slots.iter().map(|slot| slot.flag).collect();
                let captured: Vec<Fr> = lane.slots.iter().map(|slot| slot.captured).collect();
                commitment::leaf(&commitment::lane_elements(
                    &lane.last_id(private.domain, private.valid_until),
                    &poseidon::hash(&[lane.key.0, lane.key.1]),
                    &flags,
                    shape.capture().then_some(&captured),
                ))
            })
            .collect()
    }

    /// `C` of these lanes and header, whether or not they follow the rules.
    pub fn commitment_of(shape: Shape, private: &Private) -> Fr {
        Self::commitment_over(shape, private, &Self::leaves_of(shape, private))
    }

    /// [`Self::commitment_of`], where the leaves are known.
    pub fn commitment_over(shape: Shape, private: &Private, leaves: &[Fr]) -> Fr {
        commitment::commitment(
            commitment::root(leaves),
            private.domain,
            private.valid_until,
            shape.id(),
            commitment::cover(private.blind, private.salt),
        )
    }

    /// The circuit's side of the sum, or nothing when a denominator is zero.
    pub fn sum_of(private: &Private, commitment: Fr, x: Fr, beta: Fr) -> Option<Fr> {
        let beta_cube = beta.square() * beta;
        let header = (private.domain + beta * private.valid_until) * (x - commitment).inverse()?;
        let own = beta_cube * (header + private.blind);
        private.lanes.iter().try_fold(own, |sum, lane| {
            let shift = beta * poseidon::hash(&[lane.key.0, lane.key.1]);
            lane.slots.iter().try_fold(sum, |sum, slot| {
                let debit = (x - slot.account_word - shift).inverse()?;
                let payout = (x - slot.payee).inverse()?;
                let spent = Fr::from(2u64).pow(slot.bit.into_bigint());
                let weight = (spent + beta * slot.captured) * debit
                    + beta.square() * (slot.captured * payout + Fr::ONE);
                Some(sum + slot.flag * weight)
            })
        })
    }

    /// Checks the statement without a constraint system.
    ///
    /// # Errors
    /// The first rule that is broken, in the order of [`Violation`]'s variants.
    pub fn check(&self) -> Result<(), Violation> {
        let Self { shape, public, private } = self;
        let fits = private.lanes.len() == shape.lanes()
            && private.lanes.iter().all(|lane| lane.slots.len() == shape.slots());
        require(fits, Violation::Shape)?;
        let slots = || private.lanes.iter().flat_map(|lane| &lane.slots);
        require(slots().all(|slot| below(&slot.flag, 1)), Violation::Flag)?;
        require(slots().all(|slot| below(&slot.bit, BIT_BITS)), Violation::Bit)?;
        let released_bits = if shape.capture() { AMOUNT_BITS } else { 0 };
        require(
            slots().all(|slot| {
                below(&slot.captured, AMOUNT_BITS) && below(&slot.released, released_bits)
            }),
            Violation::Amount,
        )?;
        require(slots().all(|slot| below(&slot.slack, SLACK_BITS)), Violation::Deadline)?;
        for lane in &private.lanes {
            self.check_signature(lane)?;
        }
        require(public.beta != Fr::ZERO, Violation::Denominator)?;
        let sum = Self::sum_of(private, public.commitment, public.x, public.beta)
            .ok_or(Violation::Denominator)?;
        let commitment = Self::commitment_of(*shape, private);
        require(commitment == public.commitment, Violation::Commitment)?;
        require(sum == public.sum, Violation::Sum)
    }

    fn check_signature(&self, lane: &Lane) -> Result<(), Violation> {
        let key = NativePoint::new(lane.key.0, lane.key.1).ok_or(Violation::Key)?;
        let id = lane.last_id(self.private.domain, self.private.valid_until);
        let challenge = poseidon::hash(&[lane.r8.0, lane.r8.1, lane.key.0, lane.key.1, id]);
        // The eightfold key has prime order, so the challenge may be reduced to a scalar.
        let eightfold = key.affine().into_group().double().double().double();
        let multiple =
            eightfold * Scalar::from_be_bytes_mod_order(&challenge.into_bigint().to_bytes_be());
        let r8 = NativePoint::from(BASE8.multiply(lane.s) - multiple);
        require((r8.x(), r8.y()) == lane.r8, Violation::Signature)
    }
}

fn require(holds: bool, otherwise: Violation) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Whether the element is a number below `2^bits`.
fn below(element: &Fr, bits: usize) -> bool {
    element.into_bigint().num_bits() as usize <= bits
}

/// What a lane contributes to the segment.
struct LaneTotals<L> {
    leaf: L,
    /// `Σ flag · ((2^bit + β·captured)/(X − w − β·keyHash) + β²·captured/(X − payee))`.
    sum: L,
    /// `Σ flag`.
    count: L,
}

impl Circuit for Statement {
    fn synthesize<S: System>(&self, system: &mut S) {
        let Self { shape, public, private } = self;
        let one = S::L::constant(Fr::ONE);

        // Public inputs.
        let commitment = system.public("C", || public.commitment);
        let x = system.public("X", || public.x);
        let beta = system.public("beta", || public.beta);
        let sum = system.public("R", || public.sum);

        // Header.
        let domain = system.witness("domain", || private.domain);
        let valid_until = system.witness("valid until", || private.valid_until);
        let blind = system.witness("blind", || private.blind);
        let salt = system.witness("salt", || private.salt);
        let beta_square = system.product("beta powers", &beta, &beta);
        let beta_cube = system.product("beta powers", &beta_square, &beta);
        // β has an inverse, so the inverses below that take up β² or β³ exist only where their
        // poles are not zero.
        let beta_inverse = system.witness("beta inverse", || inverse(&beta));
        system.enforce("beta inverse", &beta, &beta_inverse, &one);
        let segment = Segment { shape: *shape, domain, valid_until, x, beta, beta_square };

        // Lanes.
        let lanes = system.each(&private.lanes, |system, lane| segment.lane(system, lane));
        let Segment { domain, valid_until, x, beta, beta_square, .. } = segment;

        // The commitment: a tree over the lanes' leaves, the header, the shape, and what hides it.
        let mut level: Vec<S::L> = lanes.iter().map(|lane| lane.leaf.clone()).collect();
        while level.len() > 1 {
            level = commitment::parents(&level, |left, right| {
                poseidon_gadget::hash(system, "tree", &[left.clone(), right.clone()])
            });
        }
        let cover = poseidon_gadget::hash(system, "commitment", &[blind.clone(), salt]);
        let shape = S::L::constant(Fr::from(shape.id()));
        let committed = [level[0].clone(), domain.clone(), valid_until.clone(), shape, cover];
        let committed = poseidon_gadget::hash(system, "commitment", &committed);
        system.enforce("commitment", &committed.sub(&commitment), &one, &S::L::constant(Fr::ZERO));

        // The header's part of the sum, at a pole of the segment's own.
        let pole = x.sub(&commitment);
        let header_inverse =
            system.witness("header inverse", || inverse(&pole) * beta_cube.value());
        system.enforce("header inverse", &pole, &header_inverse, &beta_cube);
        let until = system.product("sum", &valid_until, &beta);
        let header = system.product("sum", &domain.add(&until), &header_inverse);

        // The sum: the lanes', the header's, the blind's.
        let total = |part: fn(&LaneTotals<S::L>) -> &S::L| {
            lanes.iter().fold(S::L::constant(Fr::ZERO), |total, lane| total.add(part(lane)))
        };
        let count = system.product("sum", &total(|lane| &lane.count), &beta_square);
        let blinded = system.product("sum", &blind, &beta_cube);
        let own = total(|lane| &lane.sum).add(&count).add(&header).add(&blinded);
        system.enforce("sum", &own.sub(&sum), &one, &S::L::constant(Fr::ZERO));
    }
}

/// What all lanes share.
struct Segment<L> {
    shape: Shape,
    domain: L,
    valid_until: L,
    x: L,
    beta: L,
    beta_square: L,
}

impl<L: Linear> Segment<L> {
    /// A lane: its slots' ids chained, the last one signed.
    fn lane<S: System<L = L>>(&self, system: &mut S, lane: &Lane) -> LaneTotals<L> {
        // The key.
        let key = Point::allocate(system, "lane key", || lane.key);
        key.enforce_on_curve(system, "lane key");
        let key_hash =
            poseidon_gadget::hash(system, "key hash", &[key.circomlib_x(), key.y.clone()]);
        let key_shift = system.product("key hash", &key_hash, &self.beta);

        // The slots.
        let mut id = system.witness("first prev", || lane.first_prev);
        let zero = L::constant(Fr::ZERO);
        let (mut sum, mut count) = (zero.clone(), zero);
        let (mut flags, mut captured) = (Vec::new(), Vec::new());
        for slot in &lane.slots {
            let used = self.slot(system, slot, &id, &key_shift);
            sum = sum.add(&used.sum);
            count = count.add(&used.flag);
            flags.push(LinearCell(used.flag));
            captured.push(LinearCell(used.captured));
            id = used.id;
        }

        // The signature.
        let r8 = Point::allocate(system, "R8", || lane.r8);
        eddsa::enforce_signature(system, &key, &r8, || lane.s, &id);

        // The leaf.
        let elements = commitment::lane_elements(
            &LinearCell(id),
            &LinearCell(key_hash),
            &flags,
            self.shape.capture().then_some(&captured),
        );
        let elements: Vec<L> = elements.into_iter().map(|LinearCell(element)| element).collect();
        LaneTotals { leaf: poseidon_gadget::hash_many(system, "leaf", &elements), sum, count }
    }

    /// A slot: its mandate's id, and what it adds to the sum.
    fn slot<S: System<L = L>>(
        &self,
        system: &mut S,
        slot: &Slot,
        prev: &L,
        key_shift: &L,
    ) -> UsedSlot<L> {
        let flag = bit(system, "flag", || slot.flag);

        // Terms: each part in its width, so the split is unique; the deadline not before
        // validUntil. Captured and released are *both* ranged: of the difference alone, either
        // could be negative.
        let bit_bits = bits(system, "bit", BIT_BITS, || slot.bit);
        let captured = number(&bits(system, "captured", AMOUNT_BITS, || slot.captured));
        let amount = if self.shape.capture() {
            captured.add(&number(&bits(system, "released", AMOUNT_BITS, || slot.released)))
        } else {
            captured.clone()
        };
        let slack = number(&bits(system, "slack", SLACK_BITS, || slot.slack));
        let terms = number(&bit_bits)
            .add_scaled(power_of_two(AMOUNT_SHIFT), &amount)
            .add_scaled(power_of_two(DEADLINE_SHIFT), &self.valid_until.add(&slack));

        // The id, or for an unused slot the one before.
        let account_word = system.witness("account word", || slot.account_word);
        let payee = system.witness("payee", || slot.payee);
        let reference = system.witness("reference", || slot.reference);
        let inputs = [
            self.domain.clone(),
            prev.clone(),
            account_word.clone(),
            terms,
            payee.clone(),
            reference,
        ];
        let own_id = poseidon_gadget::hash(system, "id", &inputs);
        let id = prev.add(&system.product("pass", &own_id.sub(prev), &flag));

        // Both inverses exist, whether or not the slot is used: were the weighted quotient the
        // witness, an unused slot could be given a zero denominator once X is known, and its
        // quotient would be free.
        let debit_pole = self.x.sub(&account_word).sub(key_shift);
        let debit = system.witness("debit inverse", || inverse(&debit_pole));
        system.enforce("debit inverse", &debit_pole, &debit, &L::constant(Fr::ONE));
        let payout_pole = self.x.sub(&payee);
        let payout =
            system.witness("payout inverse", || self.beta_square.value() * inverse(&payout_pole));
        system.enforce("payout inverse", &payout_pole, &payout, &self.beta_square);

        // flag · ((2^bit + β·captured)·debit + captured·β²·payout)
        let spent = power_of_two_gadget(system, &bit_bits);
        let weighted = system.product("weight", &captured, &self.beta);
        let debited = system.product("weight", &spent.add(&weighted), &debit);
        let paid = system.product("weight", &captured, &payout);
        let sum = system.product("weight", &debited.add(&paid), &flag);

        UsedSlot { flag, captured, id, sum }
    }
}

struct UsedSlot<L> {
    flag: L,
    captured: L,
    /// The slot's id when it is used, else the one before.
    id: L,
    sum: L,
}

/// `2^n` for the number `n` that `bits` spell: the product of `1 + bitᵢ (2^(2^i) - 1)`.
fn power_of_two_gadget<S: System>(system: &mut S, bits: &[S::L]) -> S::L {
    let one = S::L::constant(Fr::ONE);
    let factor =
        |index: usize, bit: &S::L| one.add_scaled(Fr::from(2u64).pow([1 << index]) - Fr::ONE, bit);
    let mut factors = bits.iter().enumerate().map(|(index, bit)| factor(index, bit));
    let first = factors.next().unwrap_or_else(|| one.clone());
    factors.fold(first, |power, factor| system.product("spent", &power, &factor))
}

fn inverse<L: Linear>(pole: &L) -> Fr {
    pole.value().inverse().unwrap_or_default()
}
