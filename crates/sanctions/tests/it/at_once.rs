//! Several at once: reloads, look-ups, files that change.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use aep2_sanctions::{Lists, Reload};

use crate::support::{Listed, made_up, now, only, plain};

#[test]
fn two_reloads_at_once_replace_the_list_once() {
    for round in 0..20 {
        let listed = Listed::plain(plain(1000));
        let lists = listed.open();
        listed.put(plain(1001));
        let outcomes: Vec<_> = thread::scope(|scope| {
            let reloads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| lists.reload("list", now()).unwrap())).collect();
            reloads.into_iter().map(|reload| reload.join().unwrap()).collect()
        });
        let replaced = outcomes.iter().filter(|outcome| matches!(outcome, Reload::Replaced { .. }));
        assert_eq!(replaced.count(), 1, "round {round}: {outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reload::Unchanged).count(), 3);
        assert_eq!(only(&lists).count(), 1001);
    }
}

#[test]
fn two_lists_reloaded_at_once_lose_neither_change() {
    let (one, mut two) = (Listed::plain(plain(500)), Listed::plain(plain(600)));
    two.settings.name = "two".into();
    let mut settings = one.all();
    settings.lists.push(two.settings.clone());
    let lists = Lists::open(&settings, None, now()).unwrap();
    for more in 1..40 {
        one.put(plain(500 + more));
        two.put(plain(600 + more));
        let before = lists.number();
        let numbers = thread::scope(|scope| {
            let reload = |name: &'static str| {
                let lists = &lists;
                scope.spawn(move || match lists.reload(name, now()).unwrap() {
                    Reload::Replaced { number, .. } => number,
                    other => panic!("{other:?}"),
                })
            };
            let (one, two) = (reload("list"), reload("two"));
            [one.join().unwrap(), two.join().unwrap()]
        });
        assert_ne!(numbers[0], numbers[1]);
        assert!(numbers.iter().all(|number| *number > before));
        let in_force = lists.in_force();
        assert_eq!(in_force.number(), numbers[0].max(numbers[1]));
        let counts: Vec<_> = in_force.sets().map(aep2_sanctions::SanctionSet::count).collect();
        assert_eq!(counts, [500 + more as usize, 600 + more as usize]);
    }
}

#[test]
fn whoever_looks_up_while_lists_are_replaced_sees_one_or_the_other() {
    let listed = Listed::plain(plain(1000));
    let lists = listed.open();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let (mut last, mut looks) = (0, 0_u64);
            while !done.load(Ordering::Relaxed) {
                let in_force = lists.in_force();
                assert!(in_force.number() >= last, "the number fell");
                last = in_force.number();
                let count = in_force.sets().next().unwrap().count();
                // Exactly the first `count` are listed.
                assert!(in_force.contains(&made_up(count as u32 - 1)));
                assert!(!in_force.contains(&made_up(count as u32)));
                looks += 1;
            }
            looks
        });
        for count in 1001..1050 {
            listed.put(plain(count));
            assert!(matches!(lists.reload("list", now()).unwrap(), Reload::Replaced { .. }));
        }
        done.store(true, Ordering::Relaxed);
        assert!(looking.join().unwrap() > 0);
    });
}

#[test]
fn a_file_that_is_written_in_place_while_it_is_read_never_comes_in_force_in_part() {
    let listed = Listed::plain(format!("#@date 2026-03-05\n{}", plain(3000)));
    let lists = listed.open();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for count in (3000..3100).cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                // As a download does it that writes to the file itself.
                fs::write(
                    &listed.settings.path,
                    format!("#@date 2026-03-05\n#@count {count}\n{}", plain(count)),
                )
                .unwrap();
            }
        });
        for _ in 0..200 {
            lists.reload("list", now()).unwrap();
            assert!(only(&lists).count() >= 3000);
        }
        done.store(true, Ordering::Relaxed);
    });
}
