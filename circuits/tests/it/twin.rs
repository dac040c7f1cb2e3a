//! Feared: a circuit and a native reading that drift apart. Honest statements and statements with
//! any field changed, helped or not: both accept, or both refuse.

use std::cell::Cell;

use aep2_circuits::{checker::Checker, statement::Statement};
use aep2_mandate::babyjubjub::Scalar;
use alloy_primitives::Address;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field as _, PrimeField, UniformRand};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{ALICE, BOB, Case, MALLORY, power_of_two, scalar, shape, spend, unused};

const CASES: u32 = 400;

/// What a lane holds: who signs, what it follows, and of each slot whether it is used, its nonce,
/// ceiling, capture, slack and payee.
type LanePlan = (usize, u64, Vec<(bool, u64, u128, Index, u64, u8)>);

/// One raw field of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Commitment,
    X,
    Beta,
    Sum,
    Domain,
    ValidUntil,
    Blind,
    Salt,
    FirstPrev(usize),
    KeyX(usize),
    KeyY(usize),
    R8X(usize),
    R8Y(usize),
    S(usize),
    Slot(usize, usize, SlotField),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotField {
    Flag,
    AccountWord,
    Bit,
    Captured,
    Released,
    Slack,
    Payee,
    Reference,
}

impl Field {
    /// All fields of a case. The few that do not belong to a lane are named several times, to be
    /// drawn about as often as a lane's.
    fn all(case: &Case) -> Vec<Self> {
        use SlotField::*;
        let public = [Self::Commitment, Self::X, Self::Beta, Self::Sum];
        let header = [Self::Domain, Self::ValidUntil, Self::Blind, Self::Salt];
        let shared = [public, header].concat();
        let mut fields = shared.repeat(2);
        for lane in 0..case.statement.shape.lanes() {
            fields.extend(
                [Self::FirstPrev, Self::KeyX, Self::KeyY, Self::R8X, Self::R8Y, Self::S]
                    .map(|field| field(lane)),
            );
            for slot in 0..case.statement.shape.slots() {
                let own = [Flag, AccountWord, Bit, Captured, Slack, Payee, Reference];
                fields.extend(own.map(|field| Self::Slot(lane, slot, field)));
                // A shape without capture has no such part: the twin wants it zero, and the
                // circuit has no variable for it.
                if case.statement.shape.capture() {
                    fields.push(Self::Slot(lane, slot, Released));
                }
            }
        }
        fields
    }

    fn element(self, case: &mut Case) -> &mut Fr {
        let Statement { public, private, .. } = &mut case.statement;
        match self {
            Self::Commitment => &mut public.commitment,
            Self::X => &mut public.x,
            Self::Beta => &mut public.beta,
            Self::Sum => &mut public.sum,
            Self::Domain => &mut private.domain,
            Self::ValidUntil => &mut private.valid_until,
            Self::Blind => &mut private.blind,
            Self::Salt => &mut private.salt,
            Self::FirstPrev(lane) => &mut private.lanes[lane].first_prev,
            Self::KeyX(lane) => &mut private.lanes[lane].key.0,
            Self::KeyY(lane) => &mut private.lanes[lane].key.1,
            Self::R8X(lane) => &mut private.lanes[lane].r8.0,
            Self::R8Y(lane) => &mut private.lanes[lane].r8.1,
            Self::S(_) => unreachable!("S is a scalar"),
            Self::Slot(lane, slot, field) => {
                let slot = &mut private.lanes[lane].slots[slot];
                match field {
                    SlotField::Flag => &mut slot.flag,
                    SlotField::AccountWord => &mut slot.account_word,
                    SlotField::Bit => &mut slot.bit,
                    SlotField::Captured => &mut slot.captured,
                    SlotField::Released => &mut slot.released,
                    SlotField::Slack => &mut slot.slack,
                    SlotField::Payee => &mut slot.payee,
                    SlotField::Reference => &mut slot.reference,
                }
            }
        }
    }

    fn get(self, case: &mut Case) -> Fr {
        match self {
            Self::S(lane) => {
                let s: Scalar = case.lane(lane).s;
                Fr::from_bigint(s.into_bigint()).expect("the subgroup's order is below r")
            }
            field => *field.element(case),
        }
    }

    fn set(self, case: &mut Case, value: Fr) {
        match self {
            Self::S(lane) => case.lane(lane).s = scalar(value),
            field => *field.element(case) = value,
        }
    }

    /// The lane whose signature the field is part of.
    fn signature_of(self) -> Option<usize> {
        match self {
            Self::KeyX(lane) | Self::KeyY(lane) => Some(lane),
            Self::R8X(lane) | Self::R8Y(lane) | Self::S(lane) => Some(lane),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    To(Value),
    Plus(Value),
    Minus(Value),
    SwappedWith(Index),
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Zero,
    One,
    PowerOfTwo(u64),
    Small(u64),
    Random(u64),
}

impl Value {
    fn element(self) -> Fr {
        match self {
            Self::Zero => Fr::ZERO,
            Self::One => Fr::ONE,
            Self::PowerOfTwo(exponent) => power_of_two(exponent),
            Self::Small(number) => Fr::from(number),
            Self::Random(seed) => Fr::rand(&mut StdRng::seed_from_u64(seed)),
        }
    }
}

/// What the cheat is helped with, in this order.
#[derive(Clone, Copy, Debug)]
struct Help {
    /// Lanes whose signature was not changed are signed again.
    sign: bool,
    /// The entries, `C`, `X`, `β` and `R` follow the slots, or where no entry says what they hold,
    /// `C` does.
    bind: bool,
    /// `R` follows.
    fit_sum: bool,
}

fn honest(lanes: usize, slots: usize, capture: bool, plan: &[LanePlan]) -> Case {
    let mut case = Case::empty(shape(lanes as u32, slots as u32, capture));
    for (signer, first_prev, slot_plans) in &plan[..lanes] {
        let idle = *signer == 3 && !case.signers.is_empty();
        if idle {
            let before = case.signers.len() - 1;
            case.push_idle(before);
            continue;
        }
        let payer = [ALICE, BOB, MALLORY][signer % 3];
        let slots: Vec<_> = slot_plans[..slots]
            .iter()
            .map(|(used, nonce, ceiling, part, slack, payee)| {
                if !used {
                    return unused();
                }
                let mut slot = spend(payer, *nonce, *ceiling, Address::repeat_byte(*payee));
                if capture {
                    let released = part.index(usize::MAX) as u128 % (ceiling + 1);
                    slot.released = Fr::from(released);
                    slot.captured -= slot.released;
                }
                slot.slack = Fr::from(*slack);
                slot
            })
            .collect();
        case.push(payer, Fr::from(*first_prev), &slots);
    }
    // A nonce twice may carry out of its word: then there are no entries to bind to.
    bind(&mut case);
    case
}

/// Entries and public inputs that follow the slots as far as they can.
fn bind(case: &mut Case) {
    if let Some(settlement) = case.entries_if_any() {
        case.settlement = settlement;
    }
    case.statement.public.commitment = case.commitment();
    // Where the challenge is a pole, what there is stays.
    let _ = case.challenge();
}

fn fit_sum(case: &mut Case) {
    let public = case.statement.public;
    let private = &case.statement.private;
    if let Some(sum) = Statement::sum_of(private, public.commitment, public.x, public.beta) {
        case.statement.public.sum = sum;
    }
}

fn value() -> impl Strategy<Value = Value> {
    let exponents = prop::sample::select(vec![1u64, 6, 7, 39, 40, 57, 95, 96, 97, 104, 128, 253]);
    prop_oneof![
        Just(Value::Zero),
        Just(Value::One),
        exponents.prop_map(Value::PowerOfTwo),
        (2u64..200).prop_map(Value::Small),
        any::<u64>().prop_map(Value::Random),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => value().prop_map(Change::To),
        2 => value().prop_map(Change::Plus),
        2 => value().prop_map(Change::Minus),
        1 => any::<Index>().prop_map(Change::SwappedWith),
    ]
}

fn lane_plan() -> impl Strategy<Value = LanePlan> {
    let amount = prop_oneof![0u128..3, 1_000u128..1 << 40, (1u128 << 96) - 3..1 << 96];
    let slack = prop_oneof![0u64..3, 0u64..100_000, (1u64 << 40) - 3..1 << 40];
    let nonce = prop_oneof![0u64..8, 120u64..140, any::<u64>()];
    let slot = (prop::bool::weighted(0.7), nonce, amount, any::<Index>(), slack, 0xa0u8..0xa4);
    (0usize..4, any::<u64>(), prop::collection::vec(slot, 2))
}

#[test]
fn circuit_and_twin_agree() {
    let (accepted, accepted_changed) = (Cell::new(0u32), Cell::new(0u32));
    let refused = Cell::new(0u32);
    let strategy = (
        (1usize..=2, 1usize..=2, any::<bool>(), prop::collection::vec(lane_plan(), 2)),
        prop::collection::vec((any::<Index>(), change()), 0..=2),
        (prop::bool::weighted(0.7), prop::bool::weighted(0.7), prop::bool::weighted(0.7)),
    );
    let config = Config { cases: CASES, source_file: Some(file!()), ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(plan, changes, help)| {
        let mut case = honest(plan.0, plan.1, plan.2, &plan.3);
        let help = Help { sign: help.0, bind: help.1, fit_sum: help.2 };

        let fields = Field::all(&case);
        let mut changed = Vec::new();
        for (field, change) in changes {
            let field = *field.get(&fields);
            let old = field.get(&mut case);
            let new = match change {
                Change::To(value) => value.element(),
                Change::Plus(value) => old + value.element(),
                Change::Minus(value) => old - value.element(),
                Change::SwappedWith(other) => {
                    let other = *other.get(&fields);
                    let new = other.get(&mut case);
                    other.set(&mut case, old);
                    changed.push(other);
                    new
                }
            };
            field.set(&mut case, new);
            changed.push(field);
        }
        if help.sign {
            let touched: Vec<usize> =
                changed.iter().filter_map(|field| field.signature_of()).collect();
            (0..plan.0).filter(|lane| !touched.contains(lane)).for_each(|lane| case.sign(lane));
        }
        if help.bind {
            bind(&mut case);
        }
        if help.fit_sum {
            fit_sum(&mut case);
        }

        let (circuit, twin) = (Checker::broken(&case.statement), case.statement.check());
        prop_assert_eq!(
            circuit.is_empty(),
            twin.is_ok(),
            "{:?}, {:?}: {:?}",
            circuit,
            twin,
            changed
        );
        let counter = if twin.is_ok() { &accepted } else { &refused };
        counter.set(counter.get() + 1);
        if twin.is_ok() && !changed.is_empty() {
            accepted_changed.set(accepted_changed.get() + 1);
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let (accepted, changed, refused) = (accepted.get(), accepted_changed.get(), refused.get());
    println!("{accepted} accepted, {changed} of them changed; {refused} refused");
    let least = CASES / 20;
    assert!(changed > least && refused > least, "neither side is vacuous");
}
