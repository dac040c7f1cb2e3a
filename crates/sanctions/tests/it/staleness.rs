//! Lists that nobody renews.

use aep2_sanctions::{Freshness, OnStale, Reload, Screening};

use crate::support::{
    ADVANCED, DAY_S, ISSUED_S, LAZARUS, Listed, NOW_S, address, made_up, now, only, plain, time,
};

/// What the list says of somebody who is not on it, and whether it is fresh, at this time.
fn at(listed: &Listed, at_s: u64) -> (Screening, Freshness) {
    let lists = listed.open();
    let screening = lists.in_force().screen(&made_up(999_999), time(at_s));
    (screening, lists.status(time(at_s))[0].freshness)
}

#[test]
fn a_stale_list_clears_nobody_where_it_is_set_to_refuse() {
    let mut listed = Listed::advanced(ADVANCED);
    listed.settings.max_age_s = 14 * DAY_S;
    let last_s = ISSUED_S + 14 * DAY_S;
    assert_eq!(at(&listed, last_s), (Screening::Clear, Freshness::Fresh));
    assert_eq!(at(&listed, last_s + 1), (Screening::Stale, Freshness::Stale));
    listed.settings.on_stale = OnStale::Alarm;
    assert_eq!(at(&listed, last_s + 1), (Screening::Clear, Freshness::Stale));
    let lists = listed.open();
    assert_eq!(lists.in_force().stale(time(last_s + 1)), ["list"]);
    assert!(lists.in_force().stale(time(last_s)).is_empty());
}

#[test]
fn a_clock_that_was_set_back_makes_no_list_fresh() {
    let listed = Listed::advanced(ADVANCED);
    // Within a day it may be a matter of clocks and zones.
    assert_eq!(at(&listed, ISSUED_S - DAY_S), (Screening::Clear, Freshness::Fresh));
    assert_eq!(at(&listed, ISSUED_S - DAY_S - 1), (Screening::Stale, Freshness::Stale));
    assert_eq!(at(&listed, 0), (Screening::Stale, Freshness::Stale));
}

#[test]
fn whoever_is_on_a_stale_list_is_listed() {
    for on_stale in [OnStale::Alarm, OnStale::Refuse] {
        let mut listed = Listed::advanced(ADVANCED);
        listed.settings.on_stale = on_stale;
        let screening =
            listed.open().in_force().screen(&address(LAZARUS), time(NOW_S + 1000 * DAY_S));
        assert_eq!(screening, Screening::Listed);
    }
}

#[test]
fn a_file_that_is_fetched_anew_and_says_the_same_makes_a_plain_list_younger() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    let number = lists.number();
    let later = NOW_S + 20 * DAY_S;
    assert_eq!(lists.status(time(later))[0].freshness, Freshness::Stale);
    listed.put_of(plain(100), later);
    assert_eq!(lists.reload("list", time(later)).unwrap(), Reload::Unchanged);
    let status = lists.status(time(later)).remove(0);
    assert_eq!((status.age_s, status.freshness), (0, Freshness::Fresh));
    // Nothing changed for whoever was checked.
    assert_eq!(lists.number(), number);
    // And an older copy does not make it older.
    listed.put(plain(100));
    assert_eq!(lists.reload("list", time(later)).unwrap(), Reload::Unchanged);
    assert_eq!(only(&lists).dated().at_s, later);
}

#[test]
fn touching_a_file_does_not_make_a_list_younger_that_states_its_date() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let later = NOW_S + 20 * DAY_S;
    listed.put_of(ADVANCED, later);
    lists.reload("list", time(later)).unwrap();
    assert_eq!(lists.status(time(later))[0].freshness, Freshness::Stale);
    assert_eq!(only(&lists).dated().at_s, ISSUED_S);
}

#[test]
fn a_refused_file_does_not_make_the_list_younger() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    let later = NOW_S + 20 * DAY_S;
    listed.put_of("<html>", later);
    lists.reload("list", time(later)).unwrap();
    let status = lists.status(time(later)).remove(0);
    assert_eq!((status.freshness, status.checked_at_s), (Freshness::Stale, later));
    assert_eq!(status.refused.unwrap().at_s, later);
}

#[test]
fn lists_are_looked_at_when_they_are_due() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    assert!(lists.reload_due(time(NOW_S + 599)).is_empty());
    let due = lists.reload_due(time(NOW_S + 600));
    assert_eq!(due, [("list".to_owned(), Reload::Unchanged)]);
    assert!(lists.reload_due(time(NOW_S + 1199)).is_empty());
    // A clock that is set back does not stop it, and a refusal does not either.
    assert_eq!(lists.reload_due(now()).len(), 1);
    listed.put("<html>");
    assert!(matches!(lists.reload_due(time(NOW_S + 600))[0].1, Reload::Refused(_)));
    assert!(matches!(lists.reload_due(time(NOW_S + 1200))[0].1, Reload::Refused(_)));
}

#[test]
fn the_status_is_plain_json() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let status = serde_json::to_value(lists.status(now())).unwrap();
    let status = &status[0];
    assert_eq!(status["name"], "list");
    assert_eq!(status["format"], "ofac-advanced");
    assert_eq!(status["freshness"], "fresh");
    assert_eq!(status["on_stale"], "refuse");
    assert_eq!(status["count"], 4);
    assert_eq!(status["age_s"], NOW_S - ISSUED_S);
    assert_eq!(status["dated"], serde_json::json!({ "at_s": ISSUED_S, "by": "stated" }));
    assert_eq!(status["findings"]["skipped"]["XBT"], 2);
    assert_eq!(status["sha256"].as_str().unwrap().len(), 64);
    assert!(!status.to_string().contains("LAZARUS"));
}
