//! What replaces the list in force, and what does not.

use std::fs::{self, File};

use aep2_sanctions::{AcceptError, Refusal, Reload, UnknownList};

use crate::support::{
    ADVANCED, DAY_S, LAZARUS, Listed, NOW_S, made_up, now, only, plain, refused_reload, time,
};

#[test]
fn the_same_file_changes_nothing() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    let number = lists.number();
    assert_eq!(lists.reload("list", now()).unwrap(), Reload::Unchanged);
    assert_eq!(lists.number(), number);
}

#[test]
fn a_newer_file_comes_in_force_and_raises_the_number() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    let before = lists.in_force();
    assert!(!before.contains(&made_up(101)));

    // Five go, seven come.
    listed.put((5..107).map(|number| format!("{:#x}\n", made_up(number))).collect::<String>());
    let outcome = lists.reload("list", now()).unwrap();
    let number = lists.number();
    assert_eq!(outcome, Reload::Replaced { number, added: 7, removed: 5, accepted_by: None });
    assert!(number > before.number());
    let after = lists.in_force();
    assert_eq!((after.number(), only(&lists).version()), (number, number));
    assert!(after.contains(&made_up(106)) && !after.contains(&made_up(4)));
    // What was taken before stays as it was.
    assert!(before.contains(&made_up(4)) && !before.contains(&made_up(106)));
}

#[test]
fn a_number_rises_even_when_the_clock_goes_back() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    for count in 101..110 {
        let before = lists.number();
        listed.put_of(plain(count), NOW_S);
        let long_ago = time(NOW_S - DAY_S / 2);
        let outcome = lists.reload("list", long_ago).unwrap();
        assert!(matches!(outcome, Reload::Replaced { .. }), "{outcome:?}");
        assert!(lists.number() > before);
    }
}

#[test]
fn a_list_that_loses_more_than_the_set_part_is_refused() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put(plain(94));
    let refusal = refused_reload(&lists);
    assert!(
        matches!(refusal, Refusal::Shrinks { removed: 6, before: 100, percent_max: 5, .. }),
        "{refusal}"
    );
    listed.put(plain(95));
    assert!(matches!(lists.reload("list", now()).unwrap(), Reload::Replaced { removed: 5, .. }));
}

#[test]
fn a_list_that_is_swapped_for_another_of_the_same_size_is_refused() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put((50..150).map(|number| format!("{:#x}\n", made_up(number))).collect::<String>());
    assert!(matches!(refused_reload(&lists), Refusal::Shrinks { removed: 50, .. }));
}

#[test]
fn an_advanced_list_that_lost_its_addresses_is_refused() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    listed.put(ADVANCED.replace("VersionDetail", "VersionDetails"));
    assert_eq!(refused_reload(&lists), Refusal::Empty);
    listed.put(ADVANCED.replace(LAZARUS, "bc1qexample"));
    assert!(matches!(refused_reload(&lists), Refusal::Shrinks { removed: 1, before: 4, .. }));
}

#[test]
fn an_officer_lets_one_file_shrink_the_list_once() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put(plain(50));
    let Refusal::Shrinks { sha256, .. } = refused_reload(&lists) else { panic!("it shrinks") };
    lists.accept_shrink_once("list", sha256, "officer anna").unwrap();
    assert_eq!(lists.status(now())[0].accepted_shrink.as_ref().unwrap().sha256, sha256);

    // Not another file.
    listed.put(plain(40));
    assert!(matches!(refused_reload(&lists), Refusal::Shrinks { removed: 60, .. }));

    listed.put(plain(50));
    let outcome = lists.reload("list", now()).unwrap();
    let Reload::Replaced { removed: 50, accepted_by, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(accepted_by.as_deref(), Some("officer anna"));
    assert_eq!(lists.status(now())[0].accepted_shrink, None);

    // Not a second time.
    listed.put(plain(100));
    assert!(matches!(lists.reload("list", now()).unwrap(), Reload::Replaced { added: 50, .. }));
    listed.put(plain(50));
    assert!(matches!(refused_reload(&lists), Refusal::Shrinks { .. }));
}

#[test]
fn an_officers_word_ends_when_another_file_comes_in_force() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put(plain(50));
    let Refusal::Shrinks { sha256, .. } = refused_reload(&lists) else { panic!("it shrinks") };
    lists.accept_shrink_once("list", sha256, "anna").unwrap();
    listed.put(plain(101));
    let outcome = lists.reload("list", now()).unwrap();
    assert!(matches!(outcome, Reload::Replaced { accepted_by: None, .. }), "{outcome:?}");
    listed.put(plain(50));
    assert!(matches!(refused_reload(&lists), Refusal::Shrinks { .. }));
}

#[test]
fn an_officer_lifts_no_other_rule() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put_of(plain(50), NOW_S - 1);
    let Refusal::Older { .. } = refused_reload(&lists) else { panic!("it is older") };
    listed.put(plain(50));
    let Refusal::Shrinks { sha256, .. } = refused_reload(&lists) else { panic!("it shrinks") };
    lists.accept_shrink_once("list", sha256, "anna").unwrap();
    listed.put_of(plain(50), NOW_S - 1);
    assert!(matches!(refused_reload(&lists), Refusal::Older { .. }));

    assert_eq!(lists.accept_shrink_once("list", sha256, " "), Err(AcceptError::NoOfficer));
    let unknown = lists.accept_shrink_once("lost", sha256, "anna");
    assert_eq!(unknown, Err(AcceptError::Unknown(UnknownList("lost".into()))));
    assert_eq!(lists.reload("lost", now()), Err(UnknownList("lost".into())));
}

#[test]
fn an_older_list_does_not_replace_a_newer_one() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    let of_day = |day: u32| ADVANCED.replacen("<Day>5</Day>", &format!("<Day>{day}</Day>"), 1);
    // Written just now all the same: what the list states counts.
    listed.put(of_day(4));
    let refusal = refused_reload(&lists);
    assert_eq!(refusal.to_string(), "it is of 2026-03-04, and the list before it is of 2026-03-05");
    // A second one of the same day is taken.
    listed.put(ADVANCED.replace("HIDDEN COBRA", "OTHER NAME"));
    assert!(matches!(
        lists.reload("list", now()).unwrap(),
        Reload::Replaced { added: 0, removed: 0, .. }
    ));
}

#[test]
fn an_older_plain_file_does_not_replace_a_newer_one() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put_of(plain(101), NOW_S - 1);
    assert!(matches!(refused_reload(&lists), Refusal::Older { .. }));
    // A list that begins to state its date is not older for having been written at noon of it.
    listed.put(format!("#@date 2026-03-10\n{}", plain(101)));
    assert!(matches!(lists.reload("list", now()).unwrap(), Reload::Replaced { added: 1, .. }));
    listed.put(format!("#@date 2026-03-09\n{}", plain(101)));
    assert!(matches!(refused_reload(&lists), Refusal::Older { .. }));
}

#[test]
fn a_list_of_the_future_would_keep_out_all_others_and_is_refused() {
    let listed = Listed::advanced(ADVANCED);
    let lists = listed.open();
    listed.put(ADVANCED.replacen("<Year>2026</Year>", "<Year>9026</Year>", 1));
    assert!(matches!(refused_reload(&lists), Refusal::InFuture { .. }));
    listed.put(ADVANCED.replacen("<Day>5</Day>", "<Day>12</Day>", 1));
    assert!(matches!(refused_reload(&lists), Refusal::InFuture { .. }));
    // Where it is tomorrow already.
    listed.put(ADVANCED.replacen("<Day>5</Day>", "<Day>11</Day>", 1));
    assert!(matches!(lists.reload("list", now()).unwrap(), Reload::Replaced { .. }));

    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    listed.put_of(plain(101), NOW_S + 2 * DAY_S);
    assert!(matches!(refused_reload(&lists), Refusal::InFuture { .. }));
    // Nor does a touched file make the list in force younger than the present.
    listed.put_of(plain(100), NOW_S + 2 * DAY_S);
    assert_eq!(lists.reload("list", now()).unwrap(), Reload::Unchanged);
    assert_eq!(only(&lists).dated().at_s, NOW_S);
}

#[test]
fn an_empty_file_is_refused() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    for empty in ["", "\n\n", "# nothing\n"] {
        listed.put(empty);
        assert_eq!(refused_reload(&lists), Refusal::Empty);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let mut listed = Listed::plain(plain(100));
    listed.settings.bytes_max = 4300;
    let lists = listed.open();
    listed.put(format!("{}#", plain(100)));
    assert_eq!(refused_reload(&lists), Refusal::TooLarge { bytes_max: 4300 });
    // A terabyte that is a hole: not one byte of it is read.
    let file = File::options().write(true).open(&listed.settings.path).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(refused_reload(&lists), Refusal::TooLarge { bytes_max: 4300 });
}

#[test]
fn a_file_that_is_gone_leaves_the_list_in_force() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    fs::remove_file(&listed.settings.path).unwrap();
    assert_eq!(refused_reload(&lists).code(), "cannot_read");
    fs::create_dir(&listed.settings.path).unwrap();
    assert_eq!(refused_reload(&lists), Refusal::NotAFile);
    fs::remove_dir(&listed.settings.path).unwrap();
    // It comes back, and nothing is said of it any more.
    listed.put(plain(100));
    assert_eq!(lists.reload("list", now()).unwrap(), Reload::Unchanged);
    assert_eq!(lists.status(now())[0].refused, None);
}

#[test]
fn with_a_sha256_file_a_list_that_was_cut_off_is_refused() {
    let mut listed = Listed::plain(plain(100));
    listed.settings.sha256_file = true;
    let missing = listed.refused();
    assert_eq!(missing.code(), "sha256_file");

    let state = |sha256: String| fs::write(listed.beside(".sha256"), sha256).unwrap();
    let hash = |content: String| only(&Listed::plain(content).open()).sha256();
    state(format!("{}  list\n", hash(plain(100))));
    let lists = listed.open();
    // One line less, which the rule on shrinking would let pass.
    listed.put(plain(99));
    let refusal = refused_reload(&lists);
    assert!(refusal.to_string().contains(&hash(plain(99)).to_string()), "{refusal}");
    for wrong in ["", "list\n", "0x\n", &format!("0x{}", "1".repeat(64)), &"1".repeat(63)] {
        state(wrong.into());
        assert_eq!(refused_reload(&lists).code(), "sha256_file", "{wrong}");
    }
    state(format!("{} *list", hash(plain(99)).to_string().to_uppercase()));
    assert!(matches!(lists.reload("list", now()).unwrap(), Reload::Replaced { removed: 1, .. }));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_the_list_does_not_hang() {
    let listed = Listed::plain(plain(100));
    let lists = listed.open();
    fs::remove_file(&listed.settings.path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&listed.settings.path).status().unwrap();
    assert!(made.success());
    assert_eq!(refused_reload(&lists), Refusal::NotAFile);
}
