//! Looking addresses up: quickly, in all lists, and only those that are there.

use std::{hint::black_box, time::Instant};

use aep2_sanctions::{InForce, Lists, Screening};
use alloy_primitives::Address;

use crate::support::{ADVANCED, LAZARUS, Listed, address, made_up, now, only, plain};

/// How long one look-up takes, in nanoseconds: of the quickest thousand of them, since other programs
/// may be at work here. `listed` of the addresses are on the list.
fn quickest_ns(in_force: &InForce, asked: &[Address], listed: usize) -> u128 {
    let mut found = 0;
    let times_ns = asked.chunks_exact(1000).map(|asked| {
        let begun = Instant::now();
        found += asked.iter().filter(|asked| black_box(in_force.contains(asked))).count();
        begun.elapsed().as_nanos() / 1000
    });
    let quickest_ns = times_ns.min().unwrap();
    assert_eq!(found, listed);
    quickest_ns
}

#[test]
fn a_payment_does_not_wait_for_a_list_of_100_000() {
    let lists = Listed::plain(plain(100_000)).open();
    assert_eq!(only(&lists).count(), 100_000);
    let in_force = lists.in_force();
    let asked: Vec<Address> = (0..200_000).map(made_up).collect();
    let each_ns = quickest_ns(&in_force, &asked, 100_000);
    // Fewer than a hundred; a scan of the list would take some hundred thousand.
    assert!(each_ns < 5_000, "{each_ns} ns for each");
    println!("{each_ns} ns for each of 200,000 look-ups in 100,000 entries");
    for (number, asked) in asked.iter().enumerate() {
        assert_eq!(in_force.contains(asked), number < 100_000);
    }
}

#[test]
fn addresses_that_were_made_to_begin_alike_are_found_as_quickly() {
    let alike = |number: u32| {
        let mut address = Address::repeat_byte(0x77);
        address[12..16].copy_from_slice(&number.to_be_bytes());
        address
    };
    let list: String = (0..50_000).map(|number| format!("{:#x}\n", alike(2 * number))).collect();
    let lists = Listed::plain(list).open();
    let in_force = lists.in_force();
    for number in 0..100_000 {
        assert_eq!(in_force.contains(&alike(number)), number % 2 == 0);
    }
    let asked: Vec<Address> = (0..100_000).map(alike).collect();
    let each_ns = quickest_ns(&in_force, &asked, 50_000);
    assert!(each_ns < 5_000, "{each_ns} ns for each");
}

#[test]
fn addresses_next_to_listed_ones_are_not_listed() {
    let lists =
        Listed::plain(format!("{LAZARUS}\n0x{}\n0x{}\n", "0".repeat(40), "f".repeat(40))).open();
    let set = only(&lists);
    for listed in [address(LAZARUS), Address::ZERO, Address::repeat_byte(0xff)] {
        assert!(set.contains(&listed));
        assert_eq!(set.find(&listed).len(), 1);
        for byte in 0..20 {
            let mut other = listed;
            other[byte] ^= 1;
            assert!(!set.contains(&other));
            assert!(set.find(&other).is_empty());
        }
    }
}

#[test]
fn an_address_in_another_case_on_two_lists_is_found_on_both() {
    let ofac = Listed::advanced(ADVANCED);
    let mut own = Listed::plain(LAZARUS.to_lowercase());
    own.settings.name = "own".into();
    let mut settings = ofac.all();
    settings.lists.push(own.settings.clone());
    let lists = Lists::open(&settings, None, now()).unwrap();
    let in_force = lists.in_force();
    let found = in_force.find(&address(LAZARUS));
    assert_eq!(found.iter().map(|found| found.list.as_str()).collect::<Vec<_>>(), ["list", "own"]);
    assert!(found[0].party.is_some() && found[1].party.is_none());
    // What is on one list only is listed.
    assert_eq!(
        in_force.screen(&address("0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"), now()),
        Screening::Listed
    );
    assert_eq!(in_force.screen(&made_up(1), now()), Screening::Clear);
    assert_eq!(in_force.set("own").unwrap().count(), 1);

    // It goes from one of them, and is listed by the other.
    own.settings.shrink_percent_max = 100;
    settings.lists[1] = own.settings.clone();
    let lists = Lists::open(&settings, Some(&lists.remembered()), now()).unwrap();
    own.put(format!("{:#x}", made_up(1)));
    lists.reload("own", now()).unwrap();
    let in_force = lists.in_force();
    assert_eq!(in_force.find(&address(LAZARUS)).len(), 1);
    assert_eq!(in_force.screen(&address(LAZARUS), now()), Screening::Listed);
    assert_eq!(in_force.screen(&made_up(1), now()), Screening::Listed);
}
