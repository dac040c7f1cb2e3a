//! Which window comes next.

use std::collections::{BTreeMap, HashSet};

use aep2_circuits::Shape;
use aep2_ledger::{MandateHash, SettlementPath};
use aep2_mandate::units::UnixTime;

use super::{
    arrangement::{Arrangement, DIRECT_MAX, Holder},
    choice::{Choice, Closed, Turn, Unsettleable, Window},
    rules::{Rules, has_passed},
    waiting::{Isolation, Pool, Waiting},
};

/// What is to be done next, if anything: the mandates that cannot be settled as things are, all of them
/// at once, or else the next window, of the kind whose turn it is if both kinds are there.
///
/// Among windows in line, those that close for a promise come first, then the one whose oldest
/// mandate is the oldest; among the others the oldest comes first.
pub fn choose(pools: &[Pool], rules: &Rules, now: UnixTime, turn: Turn) -> Option<Choice> {
    let unsettleable: Vec<_> = pools.iter().flat_map(unsettleable).collect();
    if !unsettleable.is_empty() {
        return Some(Choice::Unsettleable(unsettleable));
    }
    let in_line = pools.iter().filter_map(|pool| in_line(pool, rules, now)).min_by_key(|found| {
        (found.closed != Closed::Due, found.members.first().map(|oldest| oldest.sequence))
    });
    let out_of_line = pools.iter().filter_map(|pool| out_of_line(pool, rules, now));
    let out_of_line =
        out_of_line.min_by_key(|found| found.members.first().map(|oldest| oldest.sequence));
    let found = match turn {
        Turn::InLine => in_line.or(out_of_line),
        Turn::OutOfLine => out_of_line.or(in_line),
    };
    found.map(|found| Choice::Seal(found.window(rules, now)))
}

/// A window, while it is one of several.
struct Found<'a> {
    pool: &'a Pool,
    shape: Option<Shape>,
    segments: usize,
    members: Vec<&'a Waiting>,
    closed: Closed,
}

impl Found<'_> {
    fn window(self, rules: &Rules, now: UnixTime) -> Window {
        let Self { pool, shape, segments, members, closed } = self;
        // A claim on the only member reverts nothing but this member.
        let until = match &members[..] {
            [only] => only.deadline,
            _ => members.iter().map(|own| own.safe_until()).min().unwrap_or(UnixTime::MAX),
        };
        Window {
            path: pool.path,
            token: pool.token,
            verifier_set: pool.verifier_set,
            shape,
            segments,
            valid_until: until,
            members: members.iter().map(|own| (own.mandate, own.due)).collect(),
            closed,
            misses: members.iter().any(|own| rules.is_missed(own, now)),
        }
    }
}

fn unsettleable(pool: &Pool) -> Vec<(MandateHash, Unsettleable)> {
    if pool.path == SettlementPath::Direct {
        return Vec::new();
    }
    let capture = pool.shapes.iter().any(|(shape, _)| shape.capture());
    let reason_of = |own: &Waiting| match (pool.shapes.is_empty(), own.partly_captured()) {
        (true, _) => Some(Unsettleable::NoShape(pool.verifier_set)),
        (false, true) if !capture => Some(Unsettleable::NoCapture),
        _ => None,
    };
    let found = |own: &Waiting| reason_of(own).map(|reason| (own.mandate, reason));
    pool.waiting.iter().filter_map(found).collect()
}

/// What may be sealed with others. What follows a mandate that is not ready waits with it, unless it
/// is due: without it the chain would be cut, and its pieces take a lane each. That is for at most
/// `capture_within_s`, as what is followed was accepted before.
fn ready<'a>(pool: &'a Pool, rules: &Rules, now: UnixTime) -> Vec<&'a Waiting> {
    let mut held = HashSet::new();
    let mut ready = Vec::new();
    for own in &pool.waiting {
        if own.isolation != Isolation::None || rules.is_late(own, now) {
            continue;
        }
        let follows_held = own.prev.is_some_and(|prev| held.contains(&prev));
        if rules.is_ready(own, now) && (!follows_held || rules.is_due(own, now)) {
            ready.push(own);
        } else {
            held.insert(own.mandate);
        }
    }
    ready
}

fn in_line<'a>(pool: &'a Pool, rules: &Rules, now: UnixTime) -> Option<Found<'a>> {
    let ready = ready(pool, rules, now);
    ready.first()?;
    let fit = fit(pool, &ready, rules)?;
    let closed = if fit.members.len() < ready.len() || fit.full {
        Closed::Full
    } else if ready.iter().any(|own| rules.is_due(own, now)) {
        Closed::Due
    } else if ready.iter().any(|own| has_passed(own.waits_since, rules.age_s_max, now)) {
        Closed::Aged
    } else {
        return None;
    };
    let Fit { shape, segments, members, .. } = fit;
    Some(Found { pool, shape, segments, members, closed })
}

fn out_of_line<'a>(pool: &'a Pool, rules: &Rules, now: UnixTime) -> Option<Found<'a>> {
    // What cannot be settled any more is left for the chain's time to fail.
    let waiting = || pool.waiting.iter().filter(|own| own.deadline > now);

    let late = waiting().find(|own| rules.is_late(own, now)).map(|own| vec![own]);
    let mut groups = BTreeMap::<u64, Vec<&Waiting>>::new();
    for own in waiting().filter(|own| !rules.is_late(own, now)) {
        if let Isolation::Group(group) = own.isolation {
            groups.entry(group).or_default().push(own);
        }
    }
    let isolated = groups.into_values().min_by_key(|group| group[0].sequence);
    let late = late.map(|alone| (alone, Closed::Late));
    let isolated = isolated.map(|group| (group, Closed::Isolated));
    let (members, closed) =
        late.into_iter().chain(isolated).min_by_key(|(members, _)| members[0].sequence)?;
    let Fit { shape, segments, members, .. } = fit(pool, &members, rules)?;
    Some(Found { pool, shape, segments, members, closed })
}

/// Mandates in what holds them.
struct Fit<'a> {
    shape: Option<Shape>,
    segments: usize,
    members: Vec<&'a Waiting>,
    /// Whether nothing that there is could hold more.
    full: bool,
}

/// The cheapest shape that holds all of `ready`, or else the one that takes the most.
fn fit<'a>(pool: &Pool, ready: &[&'a Waiting], rules: &Rules) -> Option<Fit<'a>> {
    if pool.path == SettlementPath::Direct {
        let (members, _) = Arrangement::fill(Holder::Direct, ready.iter().copied());
        let full = members.len() == DIRECT_MAX;
        return Some(Fit { shape: None, segments: 0, members, full });
    }
    let segments_max = rules.segments_max;
    let most = pool.shapes.iter().map(|(shape, _)| shape.mandates_max()).max()? * segments_max;
    let needs_capture = ready.iter().any(|own| own.partly_captured());
    let oldest_needs_capture = ready.first()?.partly_captured();
    let mut best: Option<(Fit<'a>, (bool, u64))> = None;
    for (shape, cost) in &pool.shapes {
        if oldest_needs_capture && !shape.capture() {
            continue;
        }
        // A shape without capture passes over what is captured in part.
        let holder = Holder::Segments(*shape, segments_max);
        let (members, segments) = Arrangement::fill(holder, ready.iter().copied());
        // A further segment costs gas as well: it is not made where a larger shape needs none.
        let cost = (segments > 1, cost.saturating_mul(segments as u64));
        let better = best.as_ref().is_none_or(|(fit, least)| {
            let (found, known) = (members.len(), fit.members.len());
            // Capture that nobody needs is not paid for.
            let needless = |shape: &Shape| shape.capture() && !needs_capture;
            let by_count = found.cmp(&known);
            let by_need = fit.shape.as_ref().is_some_and(needless).cmp(&needless(shape));
            by_count.then(by_need).then(least.cmp(&cost)).is_gt()
        });
        if better {
            let full = members.len() == most;
            best = Some((Fit { shape: Some(*shape), segments, members, full }, cost));
        }
    }
    best.map(|(fit, _)| fit)
}

#[cfg(test)]
mod tests {
    use aep2_ledger::{MandateHash, Sequence};
    use aep2_mandate::units::{AccountId, Amount};
    use alloy::primitives::{Address, B256};

    use super::*;

    const RULES: Rules =
        Rules { age_s_max: 60, capture_within_s: 20, due_margin_s: 40, segments_max: 1 };

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(1_000_000 + seconds).expect("in range")
    }

    fn hash(number: u64) -> MandateHash {
        MandateHash::from_bytes(B256::with_last_byte(number as u8))
    }

    /// Accepted at 0, to be settled by 200.
    fn waiting(number: u64, account: u32, prev: Option<u64>) -> Waiting {
        Waiting {
            mandate: hash(number),
            sequence: Sequence::new(number),
            prev: prev.map(hash),
            account: AccountId::new(account).expect("from 1"),
            payee: Address::repeat_byte(7),
            nonce_word: 0,
            ceiling: Amount::new(10).expect("small"),
            due: Amount::new(10).expect("small"),
            fixed: false,
            accepted_at: at(0),
            waits_since: at(0),
            settle_by: at(200),
            claimed_after: Some(at(500)),
            deadline: at(900),
            isolation: Isolation::None,
        }
    }

    fn shape(text: &str) -> (Shape, u64) {
        let shape: Shape = text.parse().expect("a shape");
        (shape, shape.mandates_max() as u64 * 10 + u64::from(shape.capture()))
    }

    fn pool(shapes: &[&str], waiting: Vec<Waiting>) -> Pool {
        Pool {
            path: SettlementPath::Proved,
            token: Address::repeat_byte(1),
            verifier_set: B256::repeat_byte(2),
            shapes: shapes.iter().map(|text| shape(text)).collect(),
            waiting,
        }
    }

    fn sealed(pool: &Pool, now: u64) -> Option<Window> {
        match choose(std::slice::from_ref(pool), &RULES, at(now), Turn::InLine) {
            Some(Choice::Seal(window)) => Some(window),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    fn members(window: &Window) -> Vec<MandateHash> {
        window.members.iter().map(|(mandate, _)| *mandate).collect()
    }

    #[test]
    fn a_window_closes_by_age_and_not_before() {
        let pool = pool(&["2x2"], vec![waiting(1, 1, None)]);
        assert_eq!(sealed(&pool, 59), None);
        let window = sealed(&pool, 60).expect("aged");
        assert_eq!(window.closed, Closed::Aged);
    }

    #[test]
    fn a_full_window_does_not_wait() {
        let chain: Vec<_> =
            (0..4).map(|n| Waiting { fixed: true, ..waiting(n, 1, n.checked_sub(1)) }).collect();
        assert_eq!(sealed(&pool(&["2x2"], chain[..3].to_vec()), 1), None);
        let window = sealed(&pool(&["2x2"], chain), 1).expect("full");
        assert_eq!((window.closed, window.members.len()), (Closed::Full, 4));
    }

    #[test]
    fn a_payee_has_its_time_to_capture() {
        let chain: Vec<_> = (0..4).map(|n| waiting(n, 1, n.checked_sub(1))).collect();
        let pool = pool(&["2x2"], chain);
        assert_eq!(sealed(&pool, 19), None);
        assert_eq!(sealed(&pool, 20).expect("over").closed, Closed::Full);
    }

    #[test]
    fn a_chain_is_not_cut_at_what_may_still_be_captured() {
        // Every other payee has captured: eight pieces, where one lane holds all.
        let chain: Vec<_> = (0..8)
            .map(|n| Waiting { fixed: n % 2 == 1, ..waiting(n, 1, n.checked_sub(1)) })
            .collect();
        let mut pool = pool(&["2x8"], chain);
        assert_eq!(sealed(&pool, 19), None, "pieces would not fit, and close the window early");
        pool.waiting[0].fixed = true;
        assert_eq!(sealed(&pool, 19), None);
        assert_eq!(sealed(&pool, 60).expect("aged").members.len(), 8);
    }

    #[test]
    fn what_is_due_does_not_wait_for_what_it_follows() {
        let first = Waiting { settle_by: at(200), ..waiting(1, 1, None) };
        let due = Waiting { fixed: true, settle_by: at(60), ..waiting(2, 1, Some(1)) };
        let pool = pool(&["2x2"], vec![first, due]);
        assert_eq!(members(&sealed(&pool, 11).expect("due")), [hash(2)]);
    }

    #[test]
    fn a_promise_that_comes_near_closes_the_window_even_if_it_may_be_captured_yet() {
        let mut near = waiting(1, 1, None);
        near.settle_by = at(60);
        let pool = pool(&["2x2"], vec![near, waiting(2, 2, None)]);
        assert_eq!(sealed(&pool, 10), None);
        // Due 40 seconds and a quarter more before.
        let window = sealed(&pool, 11).expect("due");
        assert_eq!(members(&window), [hash(1)], "the other may still be captured");
        assert_eq!((window.closed, window.valid_until), (Closed::Due, at(900)));
        assert!(!window.misses, "it is in time");
    }

    #[test]
    fn a_window_of_several_expires_before_a_guarantee_can_be_claimed_on_it() {
        let mut first = waiting(1, 1, None);
        first.claimed_after = Some(at(450));
        let pool = pool(&["2x2"], vec![first, waiting(2, 2, None)]);
        let window = sealed(&pool, 60).expect("aged");
        assert_eq!((window.members.len(), window.valid_until), (2, at(450)));
    }

    #[test]
    fn late_promises_settle_together_before_they_can_be_claimed_on() {
        let late = |n| Waiting { settle_by: at(99), ..waiting(n, n as u32, None) };
        let pool = pool(&["2x2"], vec![late(1), late(2), waiting(3, 3, None)]);
        let window = sealed(&pool, 130).expect("due");
        assert_eq!(members(&window), [hash(1), hash(2)]);
        assert_eq!((window.closed, window.valid_until), (Closed::Full, at(500)));
        assert!(window.misses);
    }

    #[test]
    fn what_can_soon_be_claimed_on_settles_alone_and_does_not_hold_up_others() {
        let mut late = waiting(1, 1, None);
        (late.settle_by, late.claimed_after) = (at(59), Some(at(99)));
        let pool = pool(&["2x2"], vec![late, waiting(2, 1, Some(1)), waiting(3, 2, None)]);
        let by_turn = |turn| match choose(std::slice::from_ref(&pool), &RULES, at(60), turn) {
            Some(Choice::Seal(window)) => window,
            other => panic!("{other:?}"),
        };
        let in_line = by_turn(Turn::InLine);
        assert_eq!((members(&in_line), in_line.closed), (vec![hash(2), hash(3)], Closed::Aged));
        let alone = by_turn(Turn::OutOfLine);
        assert_eq!((members(&alone), alone.closed), (vec![hash(1)], Closed::Late));
        assert_eq!(alone.valid_until, at(900));
    }

    #[test]
    fn what_is_past_its_deadline_is_not_sealed() {
        let pool = pool(&["2x2"], vec![waiting(1, 1, None)]);
        assert_eq!(sealed(&pool, 899).expect("late").closed, Closed::Late);
        assert_eq!(sealed(&pool, 900), None);
    }

    #[test]
    fn the_cheapest_shape_that_holds_all_is_taken() {
        let shapes = ["1x4", "2x2", "2x2-capture", "16x16", "16x16-capture"];
        let chain: Vec<_> = (0..3).map(|n| waiting(n, 1, n.checked_sub(1))).collect();
        let shape_of =
            |waiting| sealed(&pool(&shapes, waiting), 60).expect("aged").shape.expect("proved");
        assert_eq!(shape_of(chain.clone()).to_string(), "1x4");
        assert_eq!(shape_of(vec![waiting(1, 1, None), waiting(2, 2, None)]).to_string(), "2x2");
        let mut partly = waiting(1, 1, None);
        partly.due = Amount::new(3).expect("small");
        assert_eq!(shape_of(vec![partly.clone()]).to_string(), "2x2-capture");
        let singles = |count: u64| (0..count).map(|n| waiting(n, n as u32 + 1, None));
        assert_eq!(shape_of(singles(5).collect()).to_string(), "16x16");
        let mixed = singles(5).chain([Waiting { sequence: Sequence::new(9), ..partly }]);
        assert_eq!(shape_of(mixed.collect()).to_string(), "16x16-capture");
    }

    #[test]
    fn capture_that_nobody_needs_is_not_proved_even_if_it_were_cheaper() {
        let mut pool = pool(&["2x2", "1x1-capture"], vec![waiting(1, 1, None)]);
        pool.shapes[1].1 = 0;
        assert_eq!(sealed(&pool, 60).expect("aged").shape, Some(shape("2x2").0));
    }

    #[test]
    fn where_none_holds_all_the_larger_part_goes_first_unless_the_oldest_would_wait() {
        let partly = |n: u64| Waiting { due: Amount::ZERO, ..waiting(n, n as u32 + 1, None) };
        let whole = |n: u64| waiting(n, n as u32 + 1, None);
        let shapes = ["4x1", "2x1-capture"];
        let queue = vec![whole(0), partly(1), whole(2), whole(3), whole(4)];
        let window = sealed(&pool(&shapes, queue), 60).expect("full");
        assert_eq!(members(&window), [hash(0), hash(2), hash(3), hash(4)]);
        let queue = vec![partly(0), whole(1), whole(2), whole(3), whole(4)];
        let window = sealed(&pool(&shapes, queue), 60).expect("full");
        assert_eq!(members(&window), [hash(0), hash(1)]);
    }

    #[test]
    fn what_no_shape_can_prove_is_named_at_once_and_holds_up_nobody() {
        let partly = |n| Waiting { due: Amount::ZERO, ..waiting(n, n as u32, None) };
        let waiting = vec![partly(1), waiting(2, 2, None), partly(3)];
        let pools = [pool(&["2x2"], waiting.clone()), pool(&[], waiting)];
        let (capture, shape) =
            (Unsettleable::NoCapture, Unsettleable::NoShape(B256::repeat_byte(2)));
        let expected = [(1, capture), (3, capture), (1, shape), (2, shape), (3, shape)];
        let expected = expected.map(|(n, reason)| (hash(n), reason)).to_vec();
        let found = choose(&pools, &RULES, at(0), Turn::InLine);
        assert_eq!(found, Some(Choice::Unsettleable(expected)));
    }

    #[test]
    fn isolated_mandates_meet_nobody_else_and_do_not_wait() {
        let isolated = |n: u64, group| Waiting {
            isolation: Isolation::Group(group),
            ..waiting(n, n as u32 + 1, None)
        };
        let queue = vec![isolated(0, 1), waiting(1, 9, None), isolated(2, 2), isolated(3, 1)];
        let pool = pool(&["16x16"], queue);
        let window = sealed(&pool, 1).expect("isolated");
        assert_eq!((members(&window), window.closed), (vec![hash(0), hash(3)], Closed::Isolated));
        let window = sealed(&pool, 60).expect("aged");
        assert_eq!(members(&window), [hash(1)]);
    }

    #[test]
    fn the_direct_path_is_bounded_by_count_and_gas_and_needs_no_shape() {
        let queue: Vec<_> = (0..200).map(|n| waiting(n, 1, None)).collect();
        let signed = Pool { path: SettlementPath::Direct, ..pool(&[], queue) };
        let window = sealed(&signed, 30).expect("full");
        assert_eq!((window.members.len(), window.shape), (DIRECT_MAX, None));
    }

    #[test]
    fn what_nobody_can_claim_on_settles_together_until_its_deadline() {
        let queue: Vec<_> =
            (0..3).map(|n| Waiting { claimed_after: None, ..waiting(n, 1, None) }).collect();
        let signed = Pool { path: SettlementPath::Direct, ..pool(&[], queue) };
        let window = sealed(&signed, 500).expect("due long ago");
        assert_eq!((window.members.len(), window.closed), (3, Closed::Due));
        assert_eq!(window.valid_until, at(900));
        assert_eq!(sealed(&signed, 861).expect("late").members.len(), 1);
    }

    #[test]
    fn a_batch_that_no_transaction_could_carry_is_not_made() {
        let queue: Vec<_> = (0..1_000u64)
            .map(|n| Waiting {
                mandate: MandateHash::from_bytes(B256::from(alloy::primitives::U256::from(n + 1))),
                nonce_word: n,
                payee: Address::from_word(B256::from(alloy::primitives::U256::from(n + 1))),
                ..waiting(n, 1, None)
            })
            .collect();
        let window = sealed(&pool(&["1024x1"], queue), 60).expect("full");
        assert!((150..250).contains(&window.members.len()), "{}", window.members.len());
    }
}
