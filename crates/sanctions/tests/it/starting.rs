//! Starting: no way around the rules, and no start without lists.

use std::fs;

use aep2_sanctions::{Lists, Refusal, Remembered, StartError};

use crate::support::{ADVANCED, Listed, NOW_S, now, only, plain, time};

#[test]
fn nothing_starts_without_its_lists_and_the_message_says_what_to_do() {
    let listed = Listed::plain(plain(100));
    fs::remove_file(&listed.settings.path).unwrap();
    let message = listed.start().unwrap_err().to_string();
    for part in ["\"list\"", listed.settings.path.to_str().unwrap(), "Fetch it, beside its place"] {
        assert!(message.contains(part), "{message}");
    }
    listed.put(ADVANCED);
    let message = listed.start().unwrap_err().to_string();
    assert!(message.contains("line 1") && message.contains("format"), "{message}");
    listed.put("");
    assert_eq!(listed.refused(), Refusal::Empty);
    listed.put_of(plain(1), NOW_S + 1_000_000);
    let message = listed.start().unwrap_err().to_string();
    assert!(message.contains("clock"), "{message}");
}

/// What was kept, after its way through a store.
fn kept(lists: &Lists) -> Remembered {
    serde_json::from_str(&serde_json::to_string(&lists.remembered()).unwrap()).unwrap()
}

fn start(listed: &Listed, remembered: &Remembered, at_s: u64) -> Result<Lists, StartError> {
    Lists::open(&listed.all(), Some(remembered), time(at_s))
}

fn refusal(started: Result<Lists, StartError>) -> Refusal {
    match started {
        Err(StartError::List { refusal, .. }) => refusal,
        other => panic!("it starts: {other:?}"),
    }
}

#[test]
fn a_new_start_is_no_way_around_the_rules() {
    let listed = Listed::plain(plain(100));
    let remembered = kept(&listed.open());
    listed.put(plain(94));
    assert!(matches!(
        refusal(start(&listed, &remembered, NOW_S)),
        Refusal::Shrinks { removed: 6, before: 100, .. }
    ));
    listed.put_of(plain(100), NOW_S - 1);
    assert!(matches!(refusal(start(&listed, &remembered, NOW_S)), Refusal::Older { .. }));
    listed.put(plain(95));
    start(&listed, &remembered, NOW_S).unwrap();

    // An officer decides otherwise.
    listed.put(plain(50));
    let mut forgotten = remembered;
    assert!(forgotten.forget("list"));
    assert!(!forgotten.forget("list"));
    assert_eq!(only(&start(&listed, &forgotten, NOW_S).unwrap()).count(), 50);
}

#[test]
fn a_number_holds_over_a_start_only_where_nothing_changed() {
    let listed = Listed::plain(plain(100));
    let first = listed.open();
    let same = start(&listed, &kept(&first), NOW_S + 60).unwrap();
    assert_eq!(same.number(), first.number());
    assert_eq!(only(&same).version(), only(&first).version());

    listed.put(plain(101));
    let changed = start(&listed, &kept(&first), NOW_S + 60).unwrap();
    assert!(changed.number() > first.number());
    assert_eq!(only(&changed).version(), changed.number());
    // Even if the clock went back, or nothing was kept.
    assert!(start(&listed, &kept(&first), NOW_S).unwrap().number() > first.number());
    let unknown = Lists::open(&listed.all(), None, time(NOW_S + 60)).unwrap();
    assert!(unknown.number() > first.number());
}

#[test]
fn a_list_more_or_less_changes_the_number() {
    let (one, mut two) = (Listed::plain(plain(100)), Listed::plain(plain(7)));
    two.settings.name = "two".into();
    let mut settings = one.all();
    settings.lists.push(two.settings.clone());
    let both = Lists::open(&settings, None, now()).unwrap();
    let without = Lists::open(&one.all(), Some(&kept(&both)), now()).unwrap();
    assert!(without.number() > both.number());
    let again = Lists::open(&settings, Some(&kept(&without)), now()).unwrap();
    assert!(again.number() > without.number());
    // Another version of the readers may read the same file otherwise.
    let mut older = kept(&both);
    older.reader -= 1;
    let anew = Lists::open(&settings, Some(&older), now()).unwrap();
    assert!(anew.number() > both.number());
    assert!(anew.in_force().sets().all(|set| set.version() == anew.number()));
}
