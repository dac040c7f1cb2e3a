//! Thresholds: whoever splits is asked all the same.

use aep2_travel_rule::{Need, NotRecorded, PERIOD_SECONDS_MAX, Reason, Sums, Thresholds};
use alloy_primitives::Address;
use proptest::{collection::vec, prelude::*};

const OWNER: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);
const TOKEN: Address = Address::repeat_byte(3);
const DAY: u64 = 24 * 60 * 60;

fn sums(threshold: u128, period_seconds: u64) -> Sums {
    let thresholds = Thresholds::every_payment().with(TOKEN, threshold);
    Sums::new(thresholds, period_seconds).expect("a period")
}

#[test]
fn without_a_threshold_every_payment_needs_an_object() {
    let sums = Sums::new(Thresholds::every_payment(), DAY).expect("a period");
    assert_eq!(sums.need(OWNER, TOKEN, 1, 0), Need::Needed(Reason::Single));
    let sums = self::sums(1000, DAY);
    let unknown = Address::repeat_byte(4);
    assert_eq!(sums.need(OWNER, unknown, 1, 0), Need::Needed(Reason::Single), "of another token");
}

#[test]
fn up_to_the_threshold_nothing_is_asked_and_beyond_it_something_is() {
    let mut sums = sums(1000, DAY);
    assert_eq!(sums.need(OWNER, TOKEN, 1000, 500), Need::NotNeeded);
    assert_eq!(sums.need(OWNER, TOKEN, 1001, 500), Need::Needed(Reason::Single));
    assert_eq!(sums.need(OWNER, TOKEN, u128::MAX, 500), Need::Needed(Reason::Single));
    sums.record(OWNER, TOKEN, 600, 500);
    assert_eq!(sums.need(OWNER, TOKEN, 400, 500), Need::NotNeeded);
    assert_eq!(sums.need(OWNER, TOKEN, 401, 500), Need::Needed(Reason::Summed));
    // Other owners and tokens have their own sums.
    assert_eq!(sums.need(OTHER, TOKEN, 1000, 500), Need::NotNeeded);
    sums.record(OWNER, OTHER, 5000, 500);
    assert_eq!(sums.sum(OWNER, TOKEN, 500), 600);
}

#[test]
fn what_is_recorded_counts_for_the_whole_period_and_is_forgotten_one_bucket_after() {
    let mut sums = sums(1000, 30 * DAY);
    assert_eq!(sums.bucket_seconds(), 3600);
    let at = 1_790_000_000;
    sums.record(OWNER, TOKEN, 600, at);
    assert_eq!(sums.need(OWNER, TOKEN, 600, at + 30 * DAY), Need::Needed(Reason::Summed));
    assert_eq!(sums.need(OWNER, TOKEN, 600, at + 30 * DAY + 3600), Need::NotNeeded);
    // A clock that is set back forgives nothing.
    assert_eq!(sums.need(OWNER, TOKEN, 600, at - 90 * DAY), Need::Needed(Reason::Summed));
    sums.forget(at + 30 * DAY);
    assert_eq!(sums.sum(OWNER, TOKEN, at), 600);
    sums.forget(at + 30 * DAY + 3600);
    assert_eq!(sums.sum(OWNER, TOKEN, at), 0);
}

#[test]
fn what_failed_is_taken_back_and_not_more() {
    let mut sums = sums(1000, DAY);
    sums.record(OWNER, TOKEN, 600, 500);
    assert_eq!(sums.release(OWNER, TOKEN, 601, 500), Err(NotRecorded));
    assert_eq!(sums.release(OWNER, TOKEN, 600, 90_000), Err(NotRecorded));
    assert_eq!(sums.release(OTHER, TOKEN, 600, 500), Err(NotRecorded));
    assert_eq!(sums.release(OWNER, OTHER, 600, 500), Err(NotRecorded));
    assert_eq!(sums.sum(OWNER, TOKEN, 500), 600);
    assert_eq!(sums.release(OWNER, TOKEN, 600, 500), Ok(()));
    assert_eq!(sums.sum(OWNER, TOKEN, 500), 0);
    assert_eq!(sums.release(OWNER, TOKEN, 600, 500), Err(NotRecorded), "once");
}

#[test]
fn sums_do_not_wrap() {
    let mut sums = sums(u128::MAX - 1, DAY);
    sums.record(OWNER, TOKEN, u128::MAX, 1);
    sums.record(OWNER, TOKEN, u128::MAX, 1);
    sums.record(OWNER, TOKEN, u128::MAX, 500);
    assert_eq!(sums.sum(OWNER, TOKEN, 500), u128::MAX);
    assert_eq!(sums.need(OWNER, TOKEN, 1, 500), Need::Needed(Reason::Summed));
    sums.record(OWNER, TOKEN, 1, u64::MAX);
    assert_eq!(sums.sum(OWNER, TOKEN, u64::MAX), 1);
}

#[test]
fn a_period_is_bounded() {
    for seconds in [0, PERIOD_SECONDS_MAX + 1, u64::MAX] {
        assert!(Sums::new(Thresholds::every_payment(), seconds).is_err());
    }
    for seconds in [1, 719, 720, 721, PERIOD_SECONDS_MAX] {
        let sums = sums(1, seconds);
        assert!(seconds.div_ceil(sums.bucket_seconds()) <= 720);
    }
}

/// What a payer tries, one after the other: seconds since the last try, and an amount.
fn tries() -> impl Strategy<Value = Vec<(u64, u128)>> {
    let gap = prop_oneof![0..3_u64, 0..600_u64, 0..20_000_u64];
    vec((gap, 1..=300_u128), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// However a payer splits: of what it pays without an object, no window of the period adds up to
    /// more than the threshold. And it is not asked for more than the rounding that is promised.
    #[test]
    fn splitting_does_not_get_under_the_threshold(
        tries in tries(),
        period in prop_oneof![1..50_u64, 50..5000_u64, 5000..40_000_u64],
        threshold in 1..=1000_u128,
        start in 0..100_000_u64,
        forgets in any::<bool>(),
    ) {
        let mut sums = sums(threshold, period);
        let mut paid: Vec<(u64, u128)> = Vec::new();
        let mut now = start;
        let within = |paid: &[(u64, u128)], now: u64, seconds: u64| -> u128 {
            let recent = paid.iter().filter(|(at, _)| at + seconds >= now);
            recent.map(|(_, amount)| amount).sum()
        };
        for (gap, amount) in tries {
            now += gap;
            if forgets {
                sums.forget(now);
            }
            match sums.need(OWNER, TOKEN, amount, now) {
                Need::NotNeeded => {
                    sums.record(OWNER, TOKEN, amount, now);
                    paid.push((now, amount));
                    // Every window that ends now; earlier ones were looked at then.
                    prop_assert!(within(&paid, now, period) <= threshold);
                }
                Need::Needed(Reason::Single) => prop_assert!(amount > threshold),
                Need::Needed(Reason::Summed) => {
                    let widest = within(&paid, now, period + sums.bucket_seconds());
                    prop_assert!(amount <= threshold && widest + amount > threshold);
                }
            }
        }
        // After a restart, by replaying what is within the period in any order, the same is known.
        let mut again = self::sums(threshold, period);
        for (at, amount) in paid.iter().rev().filter(|(at, _)| *at >= again.since(now)).copied().collect::<Vec<_>>() {
            again.record(OWNER, TOKEN, amount, at);
        }
        prop_assert_eq!(again.sum(OWNER, TOKEN, now), sums.sum(OWNER, TOKEN, now));
        // What is taken back leaves nothing behind.
        for (at, amount) in paid {
            if at >= sums.since(now) {
                prop_assert_eq!(sums.release(OWNER, TOKEN, amount, at), Ok(()));
            }
        }
        prop_assert_eq!(sums.sum(OWNER, TOKEN, now), 0);
    }
}
