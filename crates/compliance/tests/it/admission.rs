//! Payments of people who are not served, or not yet.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use aep2_compliance::{
    Payment,
    admission::NotAdmitted,
    decision::Decision,
    rules::WhenAway,
    subject::Subject,
    verdict::{Outcome, Reason},
};
use alloy_primitives::{Address, B256};

use crate::support::{
    DAY_S, KEY, OWNER, PAYEE, RETRY_S, TOKEN, Told, World, accept, requirement, until_holds,
};

#[tokio::test]
async fn a_sanctioned_payer_payee_and_agent_are_refused_at_once() {
    for subject in [Subject::Payer(OWNER), Subject::Payee(PAYEE), Subject::Agent(KEY)] {
        let world = World::new();
        world.list.deny(subject);
        let compliance = world.open();
        // Nobody was asked yet, and nothing runs.
        assert_eq!(compliance.admit(&world.payment(1)), Err(NotAdmitted::Refused), "{subject}");
        let told = NotAdmitted::Refused.to_string();
        assert!(!told.contains("0x") && !told.contains("sanction"), "{told}");
    }
}

#[tokio::test]
async fn who_is_on_no_list_is_served_at_once_where_lists_are_all_that_is_asked() {
    let world = World::of_list();
    let compliance = world.open();
    assert_eq!(compliance.admit(&world.payment(1)), Ok(()));
}

#[tokio::test]
async fn who_is_not_known_waits_until_everybody_has_answered_and_each_is_asked_once() {
    let world = World::new();
    let running = world.run();
    let payment = world.payment(1);
    let pending = Err(NotAdmitted::Pending { retry_after_s: RETRY_S });
    assert_eq!(running.compliance.admit(&payment), pending);
    assert_eq!(running.compliance.admit(&payment), pending, "the same again");
    until_holds("the payee is clear", || running.compliance.admit(&payment).is_ok()).await;
    assert_eq!(world.service.asked.load(SeqCst), 1);
    let standing = running.compliance.standing(&Subject::Payee(PAYEE)).unwrap().unwrap();
    assert_eq!(standing.decision, Decision::Clear);
    assert_eq!(standing.answers.len(), 2, "{standing:?}");
}

#[tokio::test]
async fn little_is_accepted_of_the_unknown_if_so_set_but_nothing_of_the_denied() {
    let mut world = World::new();
    let limit = "1000".parse().map(aep2_mandate::wire::Strict).unwrap();
    world.config.unknown_accepted_up_to.insert(TOKEN, limit);
    let compliance = world.open();
    let small = world.payment(1);
    let large = Payment { amount: "1001".parse().unwrap(), ..small };
    let pending = Err(NotAdmitted::Pending { retry_after_s: RETRY_S });
    assert_eq!(compliance.admit(&large), pending);
    assert_eq!(compliance.check(&small), Ok(()), "a question counts for nothing");
    assert_eq!(compliance.admit(&small), Ok(()));
    let next = Payment { amount: "1".parse().unwrap(), ..world.payment(2) };
    assert_eq!(compliance.admit(&next), pending, "all of it together");
    world.list.deny(Subject::Payee(PAYEE));
    assert_eq!(compliance.admit(&small), Err(NotAdmitted::Refused));
}

#[tokio::test]
async fn a_list_that_changes_counts_for_the_next_payment() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    world.list.deny(Subject::Payer(OWNER));
    assert_eq!(running.compliance.admit(&world.payment(2)), Err(NotAdmitted::Refused));
    // Off the list again: served once everybody was asked again.
    world.list.clear(Subject::Payer(OWNER));
    until_holds("served again", || running.compliance.admit(&world.payment(3)).is_ok()).await;
}

#[tokio::test]
async fn nobody_slips_through_while_a_list_changes() {
    let world = World::of_list();
    let compliance = world.open();
    let payees: Vec<Address> =
        (0..400_u32).map(|n| Address::left_padding_from(&n.to_be_bytes())).collect();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            for payee in &payees {
                let _ = compliance.admit(&Payment { payee: *payee, ..world.payment(1) });
            }
        });
        for payee in &payees {
            world.list.deny(Subject::Payee(*payee));
        }
        asking.join().unwrap();
    });
    // Whoever was let in before was let in; nobody is after.
    for payee in &payees {
        let payment = Payment { payee: *payee, ..world.payment(2) };
        assert_eq!(compliance.admit(&payment), Err(NotAdmitted::Refused));
    }
}

#[tokio::test]
async fn a_service_that_is_slow_or_away_keeps_nobody_waiting_and_clears_nobody() {
    for told in [Told::BeAway, Told::BeSlow] {
        let world = World::new();
        let payee = Subject::Payee(PAYEE);
        world.service.tell(payee, told);
        let running = world.run();
        let asked = Instant::now();
        assert!(running.compliance.admit(&world.payment(1)).is_err());
        assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
        until_holds("it was asked", || running.compliance.standing(&payee).unwrap().is_some())
            .await;
        let pending = Err(NotAdmitted::Pending { retry_after_s: RETRY_S });
        assert_eq!(running.compliance.admit(&world.payment(1)), pending);
        // It is back, and is asked again by itself.
        world.service.clear(payee);
        world.clock.advance(i64::try_from(world.config.retry_s).unwrap() + 1);
        until_holds("clear", || running.compliance.admit(&world.payment(1)).is_ok()).await;
    }
}

#[tokio::test]
async fn one_that_is_away_counts_for_nothing_where_the_rules_say_open() {
    let mut world = World::new();
    world.rules.payee[1] = requirement(&["service"], WhenAway::Open);
    world.service.tell(Subject::Payee(PAYEE), Told::BeAway);
    let running = world.run();
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;
}

#[tokio::test]
async fn what_was_decided_outlasts_a_restart_and_a_verdict_that_ends_is_asked_for_anew() {
    let world = World::new();
    let payee = Subject::Payee(PAYEE);
    world.service.tell(payee, Told::Say(Outcome::Denied, Reason::JurisdictionBlocked));
    let running = world.run();
    until_holds("refused", || {
        running.compliance.admit(&world.payment(1)) == Err(NotAdmitted::Refused)
    })
    .await;
    running.end().await;

    let compliance = world.open();
    assert_eq!(compliance.admit(&world.payment(2)), Err(NotAdmitted::Refused));
    drop(compliance);

    // A day later the verdict is over: he stays denied until he was asked about again.
    world.service.clear(payee);
    world.clock.advance(i64::try_from(DAY_S).unwrap() + 1);
    let running = world.run();
    assert_eq!(running.compliance.admit(&world.payment(3)), Err(NotAdmitted::Refused));
    until_holds("served", || running.compliance.admit(&world.payment(4)).is_ok()).await;
}

#[tokio::test]
async fn whose_verdict_is_over_is_served_at_once_where_lists_are_all_that_is_asked() {
    let world = World::of_list();
    let compliance = world.open();
    assert_eq!(compliance.admit(&world.payment(1)), Ok(()));
    world.clock.advance(i64::try_from(DAY_S).unwrap() + 1);
    assert_eq!(compliance.admit(&world.payment(2)), Ok(()), "nothing runs, and nobody waits");
    world.list.deny(Subject::Payee(PAYEE));
    assert_eq!(compliance.admit(&world.payment(3)), Err(NotAdmitted::Refused));
}

#[tokio::test]
async fn an_officer_can_deny_whom_the_rules_ask_nobody_about() {
    let mut world = World::of_list();
    world.rules.agent.clear();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    let agent = Subject::Agent(KEY);
    running.compliance.screen(agent).await.unwrap();
    let case = running.compliance.open_case(agent, "ada".into()).await.unwrap();
    let decide = aep2_compliance::cases::Decide {
        number: case.number,
        version: case.version,
        serve: false,
        until: world.clock.now().checked_add(1_000).unwrap(),
        why: "the key was stolen".into(),
        officer: "ada".into(),
    };
    running.compliance.decide(decide).await.unwrap();
    until_holds("refused", || {
        running.compliance.admit(&world.payment(2)) == Err(NotAdmitted::Refused)
    })
    .await;
    // The decision is over.
    world.clock.advance(1_001);
    until_holds("served", || running.compliance.admit(&world.payment(3)).is_ok()).await;
}

#[tokio::test]
async fn who_is_paid_often_is_asked_about_before_the_verdict_ends() {
    let world = World::new();
    let running = world.run();
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;
    let asked = world.service.asked.load(SeqCst);
    world.clock.advance(i64::try_from(DAY_S - world.config.ahead_s).unwrap() + 5);
    until_holds("asked again", || world.service.asked.load(SeqCst) > asked).await;
    assert_eq!(running.compliance.admit(&world.payment(2)), Ok(()), "nobody waited");
}

#[tokio::test]
async fn an_owner_cannot_have_the_operator_pay_for_thousands_of_questions() {
    let mut world = World::new();
    world.config.new_per_owner_hour_max = 10;
    let compliance = world.open();
    for n in 0..1_000_u32 {
        let payee = Address::left_padding_from(&n.to_be_bytes());
        assert!(compliance.admit(&Payment { payee, ..world.payment(1) }).is_err());
    }
    assert_eq!(compliance.waiting(), 10);
    // Another owner has a share of its own.
    let other = Payment { owner: Some(Address::repeat_byte(0x99)), ..world.payment(1) };
    assert!(compliance.admit(&other).is_err());
    assert_eq!(compliance.waiting(), 11, "its payee");
}

#[tokio::test]
async fn looking_up_who_is_known_takes_no_time() {
    let world = World::of_list();
    let compliance = world.open();
    let payments: Vec<Payment> = (0..1_000_u32)
        .map(|n| Payment {
            payee: Address::left_padding_from(&n.to_be_bytes()),
            ..world.payment(1)
        })
        .collect();
    // The first time they become known.
    assert!(payments.iter().all(|payment| accept(&compliance, payment).is_ok()));
    let begun = Instant::now();
    for _ in 0..200 {
        assert!(payments.iter().all(|payment| compliance.check(payment).is_ok()));
    }
    let each = begun.elapsed() / 200_000;
    assert!(each < Duration::from_micros(100), "{each:?} each, unoptimised");
}

#[test]
fn a_subject_has_one_spelling() {
    for text in [
        "payer:0x1111111111111111111111111111111111111111",
        "agent:0x4444444444444444444444444444444444444444444444444444444444444444",
    ] {
        assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
    }
    let agent = Subject::Agent(B256::repeat_byte(0x44)).to_string();
    for wrong in ["payer:1111111111111111111111111111111111111111", "payee:0x11", &agent[1..], "x"]
    {
        assert!(wrong.parse::<Subject>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn whoever_merely_asks_fills_nothing() {
    let world = World::of_list();
    let compliance = world.open();
    for n in 0..1_000_u32 {
        let payee = Address::left_padding_from(&n.to_be_bytes());
        let payment = Payment { payee, ..world.payment(1) };
        assert_eq!((compliance.check(&payment), compliance.admit(&payment)), (Ok(()), Ok(())));
    }
    assert_eq!(compliance.waiting(), 0, "none of it was accepted");
}

#[tokio::test]
async fn somebody_who_pays_again_and_again_is_asked_about_once() {
    let world = World::new();
    let running = world.run();
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.service.asked.load(SeqCst), 1);
}

#[tokio::test]
async fn whoever_keeps_us_from_a_provider_lifts_no_denial_and_ends_no_clearance() {
    let world = World::new();
    let payee = Subject::Payee(PAYEE);
    world.service.tell(payee, Told::Say(Outcome::Denied, Reason::JurisdictionBlocked));
    let running = world.run();
    let refused = || running.compliance.admit(&world.payment(1)) == Err(NotAdmitted::Refused);
    until_holds("refused", refused).await;
    world.service.tell(payee, Told::BeAway);
    let standing = running.compliance.screen(payee).await.unwrap();
    assert!(standing.decision.is_denied(), "{standing:?}");
    world.clock.advance(i64::try_from(2 * DAY_S).unwrap());
    let standing = running.compliance.screen(payee).await.unwrap();
    assert!(standing.decision.is_denied(), "nobody took it back: {standing:?}");

    let other = Address::repeat_byte(0x23);
    let payment = Payment { payee: other, ..world.payment(2) };
    until_holds("served", || running.compliance.admit(&payment).is_ok()).await;
    let other = Subject::Payee(other);
    world.service.tell(other, Told::BeAway);
    running.compliance.screen(other).await.unwrap();
    assert_eq!(running.compliance.admit(&payment), Ok(()), "until its time is over");
    world.clock.advance(i64::try_from(DAY_S).unwrap() + 60);
    let standing = running.compliance.screen(other).await.unwrap();
    assert_eq!(standing.decision.name(), "pending", "and no longer: {standing:?}");
}

#[tokio::test]
async fn what_was_decided_by_other_rules_is_decided_anew() {
    let mut world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    let payee = Subject::Payee(PAYEE);
    until_holds("stored", || running.compliance.standing(&payee).unwrap().is_some()).await;
    running.end().await;
    world.rules.payee.push(requirement(&["service"], WhenAway::Closed));
    world.service.tell(payee, Told::Say(Outcome::Denied, Reason::IdentityNotFound));
    let running = world.run();
    assert!(running.compliance.admit(&world.payment(2)).is_err());
    until_holds("refused", || {
        running.compliance.admit(&world.payment(3)) == Err(NotAdmitted::Refused)
    })
    .await;
}

#[tokio::test]
async fn nothing_is_accepted_when_nobody_looks_any_more() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    let compliance = running.compliance.clone();
    let payee = Subject::Payee(PAYEE);
    until_holds("it runs", || compliance.standing(&payee).unwrap().is_some()).await;
    running.end().await;
    let pending = Err(NotAdmitted::Pending { retry_after_s: RETRY_S });
    assert_eq!(compliance.admit(&world.payment(2)), pending);
}

#[tokio::test]
async fn a_verdict_from_the_future_does_not_count() {
    let world = World::new();
    world.clock.advance(i64::try_from(30 * DAY_S).unwrap());
    let running = world.run();
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;
    // The clock was wrong, and is set right.
    world.clock.advance(-i64::try_from(30 * DAY_S).unwrap());
    world.service.tell(Subject::Payee(PAYEE), Told::Say(Outcome::Denied, Reason::AmlFlag));
    assert!(running.compliance.admit(&world.payment(2)).is_err());
}
