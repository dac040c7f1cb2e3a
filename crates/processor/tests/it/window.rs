//! Windows chosen from random queues, held against the prover's own arrangement.

use std::collections::{BTreeMap, BTreeSet};

use aep2_circuits::Shape;
use aep2_ledger::{MandateHash, Sequence, SettlementPath};
use aep2_mandate::{
    eddsa::SecretKey,
    mandate::{Domain, SignedMandate},
    signer::{MandateTerms, Released, Signer},
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use aep2_processor::window::{
    Choice, Closed, Isolation, Pool, Rules, Turn, Waiting, Window, choose,
};
use aep2_prover::window::{Entry, Window as ProverWindow};
use alloy::primitives::{Address, B256};
use proptest::{prelude::*, test_runner::TestCaseResult};

const CHAIN: ChainId = ChainId::new(31_337);
const WALLET: Address = Address::repeat_byte(0xa2);
const RULES: Rules =
    Rules { age_s_max: 60, capture_within_s: 20, due_margin_s: 40, segments_max: 1 };
const NOW: u64 = 1_000_000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).expect("a time")
}

/// What is drawn for one mandate.
#[derive(Clone, Debug)]
struct Draw {
    account: u32,
    token: u8,
    /// How many of the account's mandates in the token back the one is that it follows; none at 0.
    follows: usize,
    payee: u8,
    captured: Option<u8>,
    /// Seconds until its promise is due.
    due_in: u64,
    group: Option<u8>,
    /// Its place in the order of acceptance.
    place: u32,
}

fn draw() -> impl Strategy<Value = Draw> {
    let due_in = prop_oneof![4 => 60_u64..400, 1 => 0_u64..60];
    let captured = prop_oneof![3 => Just(None), 1 => (0_u8..10).prop_map(Some)];
    let group = prop_oneof![6 => Just(None), 1 => (0_u8..2).prop_map(Some)];
    (1_u32..4, 0_u8..2, 0_usize..3, 1_u8..4, captured, due_in, group, any::<u32>()).prop_map(
        |(account, token, follows, payee, captured, due_in, group, place)| Draw {
            account,
            token,
            follows,
            payee,
            captured,
            due_in,
            group,
            place,
        },
    )
}

/// A mandate as the window sees it and as the prover does.
struct Made {
    waiting: Waiting,
    entry: Entry,
    pool: (Address, B256),
}

fn token(number: u8) -> Address {
    Address::repeat_byte(0xd0 + number)
}

fn secret(account: u32) -> SecretKey {
    SecretKey::from_seed([account as u8; 32])
}

/// Accounts 1 and 2 chose one set of verifiers, 3 another.
fn set_of(account: u32) -> B256 {
    B256::repeat_byte(if account < 3 { 1 } else { 2 })
}

fn make(draws: &[Draw]) -> Vec<Made> {
    let mut signed: Vec<SignedMandate> = Vec::new();
    let mut made = Vec::new();
    for (nonce, draw) in draws.iter().enumerate() {
        let signer = Signer::new(secret(draw.account), CHAIN, WALLET);
        let of_chain = signed.iter().rev().filter(|own| {
            own.mandate.account.get() == draw.account && own.mandate.token == token(draw.token)
        });
        let previous: Option<Released> = draw
            .follows
            .checked_sub(1)
            .and_then(|back| of_chain.clone().nth(back))
            .map(|own| own.clone().released_to_payee());
        let settle_by = at(NOW + draw.due_in);
        let terms = MandateTerms {
            account: AccountId::new(draw.account).expect("from 1"),
            token: token(draw.token),
            payee: Address::repeat_byte(draw.payee),
            amount: Ceiling::new(10).expect("small"),
            nonce: Nonce::new(nonce as u64 * 50),
            deadline: at(NOW + draw.due_in + 100),
            reference: B256::ZERO,
        };
        let own = signer.sign(terms, previous.as_ref());
        let domain = Domain::new(CHAIN, WALLET, token(draw.token));
        let mandate = &own.mandate;
        let ceiling = mandate.amount.amount();
        let captured = draw.captured.map(|amount| Amount::new(amount.into()).expect("small"));
        let waiting = Waiting {
            mandate: mandate.id(&domain).into(),
            sequence: Sequence::new(u64::from(draw.place) << 8 | nonce as u64),
            prev: mandate.prev.id().map(MandateHash::from),
            account: mandate.account,
            payee: mandate.payee,
            nonce_word: mandate.nonce.word(),
            ceiling,
            due: captured.unwrap_or(ceiling),
            fixed: captured.is_some(),
            accepted_at: at(NOW - 100),
            waits_since: at(NOW - 100),
            settle_by,
            claimed_after: Some(settle_by),
            deadline: mandate.deadline,
            isolation: match draw.group {
                Some(group) => Isolation::Group(group.into()),
                None => Isolation::None,
            },
        };
        let entry = Entry { signed: own.clone(), captured: Some(waiting.due) };
        made.push(Made { waiting, entry, pool: (token(draw.token), set_of(draw.account)) });
        signed.push(own);
    }
    made.sort_by_key(|made| made.waiting.sequence);
    made
}

fn pools(made: &[Made], shapes: &[Shape]) -> Vec<Pool> {
    let mut pools = BTreeMap::<(Address, B256), Pool>::new();
    for own in made {
        let (token, verifier_set) = own.pool;
        let cost = |shape: &Shape| shape.lanes() as u64 * (9 + shape.slots() as u64);
        let new = || Pool {
            path: SettlementPath::Proved,
            token,
            verifier_set,
            shapes: shapes.iter().map(|shape| (*shape, cost(shape))).collect(),
            waiting: Vec::new(),
        };
        pools.entry(own.pool).or_insert_with(new).waiting.push(own.waiting.clone());
    }
    pools.into_values().collect()
}

/// What must hold of a window, whatever the queue.
fn check(window: &Window, pools: &[Pool], made: &[Made], shapes: &[Shape]) -> TestCaseResult {
    let of = |hash: &MandateHash| {
        made.iter().find(|own| own.waiting.mandate == *hash).expect("one that waits")
    };
    let members: Vec<&Made> = window.members.iter().map(|(hash, _)| of(hash)).collect();
    prop_assert!(!members.is_empty());
    let hashes: BTreeSet<_> = window.members.iter().map(|(hash, _)| *hash).collect();
    prop_assert_eq!(hashes.len(), members.len(), "nobody twice");
    let ascending = members.windows(2).all(|two| two[0].waiting.sequence < two[1].waiting.sequence);
    prop_assert!(ascending, "in order of acceptance");
    for (own, (_, pays)) in members.iter().zip(&window.members) {
        prop_assert_eq!(own.pool, (window.token, window.verifier_set), "never mixed");
        prop_assert_eq!(own.waiting.due, *pays);
        prop_assert_eq!(own.waiting.isolation, members[0].waiting.isolation, "never with others");
        prop_assert!(window.valid_until <= own.waiting.deadline);
        if members.len() > 1 {
            prop_assert!(window.valid_until <= own.waiting.settle_by, "no claim while it is valid");
            prop_assert!(own.waiting.settle_by >= at(NOW + RULES.due_margin_s), "not too late");
        }
    }
    let shape = window.shape.expect("of the proved path");
    prop_assert!(shapes.contains(&shape));

    // The prover agrees, lane by lane.
    let prover = ProverWindow {
        chain_id: CHAIN,
        wallet: WALLET,
        token: window.token,
        valid_until: window.valid_until,
        mandates: members.iter().map(|own| own.entry.clone()).collect(),
    };
    let valid = prover.validate(&mut rand::rngs::OsRng);
    let valid = valid.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let lanes = valid.lanes(shape);
    prop_assert!(lanes.is_ok(), "{:?}", lanes);

    // Nobody older was passed over who could have been in it.
    if window.closed == Closed::Full
        || window.closed == Closed::Aged
        || window.closed == Closed::Due
    {
        let pool = pools
            .iter()
            .find(|pool| (pool.token, pool.verifier_set) == (window.token, window.verifier_set))
            .expect("its pool");
        let in_line = |own: &&Waiting| {
            own.isolation == Isolation::None && own.settle_by >= at(NOW + RULES.due_margin_s)
        };
        let oldest = pool.waiting.iter().find(in_line).expect("one at least");
        prop_assert_eq!(window.members[0].0, oldest.mandate, "the oldest is in every window");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_window_can_be_proved_and_everything_gets_one(
        draws in prop::collection::vec(draw(), 1..14),
        shapes in prop::sample::select(vec![
            vec!["1x4-capture"],
            vec!["2x2", "2x2-capture"],
            vec!["1x1", "3x2", "1x3-capture", "4x1-capture"],
            vec!["1x4", "8x4", "2x2-capture"],
            vec!["16x16", "16x16-capture"],
        ]),
        late_first in any::<bool>(),
    ) {
        let shapes: Vec<Shape> =
            shapes.into_iter().map(|text| text.parse().expect("a shape")).collect();
        let made = make(&draws);
        let mut pools = pools(&made, &shapes);
        let mut turn = if late_first { Turn::OutOfLine } else { Turn::InLine };
        let mut windows = 0;
        // All that is ready has waited long enough.
        while let Some(choice) = choose(&pools, &RULES, at(NOW), turn) {
            let Choice::Seal(window) = choice else {
                return Err(TestCaseError::fail(format!("{choice:?}")));
            };
            check(&window, &pools, &made, &shapes)?;
            let members: BTreeSet<MandateHash> =
                window.members.iter().map(|(mandate, _)| *mandate).collect();
            for pool in &mut pools {
                pool.waiting.retain(|own| !members.contains(&own.mandate));
            }
            turn = window.closed.turn().other();
            windows += 1;
            prop_assert!(windows <= made.len(), "it ends");
        }
        let left: usize = pools.iter().map(|pool| pool.waiting.len()).sum();
        prop_assert_eq!(left, 0, "nothing starves");
    }
}
