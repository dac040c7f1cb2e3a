//! Cases: decisions on what was not seen, by one person alone, or for more than was meant.

use aep2_compliance::{
    Compliance, ComplianceError,
    admission::NotAdmitted,
    cases::{Case, CaseState, Decide},
    freezes::FreezeState,
    subject::Subject,
    verdict::{Outcome, Reason},
};
use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;

use crate::support::{DAY_S, OWNER, PAYEE, RETRY_S, Told, World, accept, until_holds};

const PAYER: Subject = Subject::Payer(OWNER);

fn decide(world: &World, case: &Case, serve: bool, officer: &str) -> Decide {
    Decide {
        number: case.number,
        version: case.version,
        serve,
        until: UnixTime::new(world.clock.now().get() / DAY_S * DAY_S + 30 * DAY_S).unwrap(),
        why: "looked at the documents".to_owned(),
        officer: officer.to_owned(),
    }
}

fn only_case(compliance: &Compliance) -> Case {
    let cases = compliance.cases(true, 10).unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");
    cases.into_iter().next().unwrap()
}

/// Somebody whom the service wants looked at.
async fn reviewed(world: &World, running: &Compliance) -> Case {
    world.service.tell(Subject::Payee(PAYEE), Told::Say(Outcome::Review, Reason::AmlFlag));
    let waits = Err(NotAdmitted::Pending { retry_after_s: RETRY_S });
    assert_eq!(running.admit(&world.payment(1)), waits);
    until_holds("it is looked at", || !running.cases(true, 10).unwrap().is_empty()).await;
    assert_eq!(running.admit(&world.payment(1)), waits, "and nobody is told");
    only_case(running)
}

#[tokio::test]
async fn who_has_to_be_looked_at_waits_for_an_officer_and_is_served_after() {
    let world = World::new();
    let running = world.run();
    let case = reviewed(&world, &running.compliance).await;
    assert_eq!((case.subject, case.reason), (Subject::Payee(PAYEE), Reason::AmlFlag));

    let case =
        running.compliance.note(case.number, "asked for papers", "ada".into()).await.unwrap();
    let (meta, text) = running.compliance.evidence(case.notes[0].text).unwrap();
    assert_eq!((meta.subject, text.as_slice()), (Some(case.subject), &b"asked for papers"[..]));

    // An anti-money-laundering flag stands whatever others say: that takes two.
    let proposed = running.compliance.decide(decide(&world, &case, true, "ada")).await.unwrap();
    assert!(matches!(proposed.state, CaseState::Proposed { .. }), "{proposed:?}");
    assert!(running.compliance.admit(&world.payment(1)).is_err(), "one is not enough");
    let again = running.compliance.decide(decide(&world, &proposed, true, "ada")).await;
    assert!(matches!(again, Err(ComplianceError::SameOfficer(_))), "{again:?}");
    let decided = running.compliance.decide(decide(&world, &proposed, true, "bob")).await.unwrap();
    let CaseState::Decided { confirmed_by, .. } = &decided.state else { panic!("{decided:?}") };
    assert_eq!(confirmed_by.as_deref(), Some("bob"));
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;
    assert!(running.compliance.cases(true, 10).unwrap().is_empty());
}

#[tokio::test]
async fn who_was_cleared_of_one_thing_is_not_cleared_of_the_next() {
    let world = World::new();
    let running = world.run();
    let case = reviewed(&world, &running.compliance).await;
    let proposed = running.compliance.decide(decide(&world, &case, true, "ada")).await.unwrap();
    running.compliance.decide(decide(&world, &proposed, true, "bob")).await.unwrap();
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;

    world.list.deny(Subject::Payee(PAYEE));
    assert_eq!(running.compliance.admit(&world.payment(2)), Err(NotAdmitted::Refused));
    // And of what it was cleared of it stays cleared, until the decision is over.
    world.list.clear(Subject::Payee(PAYEE));
    until_holds("served", || running.compliance.admit(&world.payment(3)).is_ok()).await;
    world.clock.advance(i64::try_from(31 * DAY_S).unwrap());
    assert!(running.compliance.admit(&world.payment(4)).is_err(), "the decision is over");
    until_holds("looked at again", || !running.compliance.cases(true, 10).unwrap().is_empty())
        .await;
}

#[tokio::test]
async fn nobody_decides_on_what_they_did_not_see() {
    let world = World::new();
    let running = world.run();
    let case = reviewed(&world, &running.compliance).await;
    running.compliance.note(case.number, "a new paper", "bob".into()).await.unwrap();
    let late = running.compliance.decide(decide(&world, &case, false, "ada")).await;
    assert!(matches!(late, Err(ComplianceError::CaseChanged { .. })), "{late:?}");

    let case = running.compliance.case(case.number).unwrap();
    let refused = running.compliance.decide(decide(&world, &case, false, "ada")).await.unwrap();
    assert!(matches!(refused.state, CaseState::Decided { .. }), "to refuse takes one");
    until_holds("refused", || {
        running.compliance.admit(&world.payment(1)) == Err(NotAdmitted::Refused)
    })
    .await;
    let twice = running.compliance.decide(decide(&world, &refused, true, "bob")).await;
    assert!(matches!(twice, Err(ComplianceError::CaseDecided(..))), "{twice:?}");
}

#[tokio::test]
async fn the_second_officer_confirms_what_the_first_said_or_rejects_it() {
    let world = World::of_list();
    world.list.deny(PAYER);
    let running = world.run();
    running.compliance.screen(PAYER).await.unwrap();
    let case = running.compliance.open_case(PAYER, "ada".into()).await.unwrap();
    let same = running.compliance.open_case(PAYER, "bob".into()).await.unwrap();
    assert_eq!(same.number, case.number, "there is one open case of a subject");

    let proposed = running.compliance.decide(decide(&world, &case, true, "ada")).await.unwrap();
    let mut longer = decide(&world, &proposed, true, "bob");
    longer.until = UnixTime::new(longer.until.get() + DAY_S).unwrap();
    let other = running.compliance.decide(longer).await;
    assert!(matches!(other, Err(ComplianceError::OtherDecision { .. })), "{other:?}");
    let step = (proposed.number, proposed.version);
    let rejected = running.compliance.reject(step, "bob".into()).await.unwrap();
    assert_eq!(rejected.state, CaseState::Open);
    let nothing =
        running.compliance.reject((rejected.number, rejected.version), "bob".into()).await;
    assert!(matches!(nothing, Err(ComplianceError::NothingProposed(_))), "{nothing:?}");
    assert_eq!(running.compliance.admit(&world.payment(1)), Err(NotAdmitted::Refused));
}

#[tokio::test]
async fn an_officer_who_denies_is_obeyed_whatever_providers_say() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    running.compliance.screen(PAYER).await.unwrap();
    let case = running.compliance.open_case(PAYER, "ada".into()).await.unwrap();
    running.compliance.decide(decide(&world, &case, false, "ada")).await.unwrap();
    until_holds("refused", || running.compliance.admit(&world.payment(2)).is_err()).await;
    running.compliance.screen(PAYER).await.unwrap();
    assert_eq!(running.compliance.admit(&world.payment(3)), Err(NotAdmitted::Refused));
}

#[tokio::test]
async fn a_freeze_is_carried_out_after_a_kill_and_takes_two_to_undo() {
    let world = World::of_list();
    let mandate = B256::repeat_byte(9);
    let live = aep2_compliance::LiveMandate {
        id: mandate,
        payer: None,
        payee: Subject::Payee(PAYEE),
        agent: None,
    };
    world.notes.0.lock().unwrap().live = vec![live];
    world.notes.0.lock().unwrap().is_broken = true;
    let running = world.run();
    until_holds("it runs", || running.compliance.standing(&live.payee).unwrap().is_some()).await;
    let failed = running.compliance.freeze(mandate, "a court's order", "ada".into()).await;
    assert!(failed.is_err(), "{failed:?}");
    running.end().await;

    world.notes.0.lock().unwrap().is_broken = false;
    let running = world.run();
    until_holds("frozen", || world.notes.0.lock().unwrap().frozen.contains(&mandate)).await;
    until_holds("noted", || running.compliance.freezes().unwrap()[0].state == FreezeState::Frozen)
        .await;
    let one = running.compliance.thaw(mandate, "ada".into()).await.unwrap();
    assert_eq!(one.state, FreezeState::Frozen);
    let same = running.compliance.thaw(mandate, "ada".into()).await;
    assert!(matches!(same, Err(ComplianceError::SameOfficer(_))), "{same:?}");
    let two = running.compliance.thaw(mandate, "bob".into()).await.unwrap();
    assert_eq!(two.state, FreezeState::Thawed);
    assert!(world.notes.0.lock().unwrap().frozen.is_empty());

    let late = running.compliance.freeze(B256::repeat_byte(8), "too late", "ada".into()).await;
    assert_eq!(late.unwrap().state, FreezeState::TooLate);
}

#[tokio::test]
async fn the_second_officer_confirms_nothing_that_the_first_did_not_know() {
    let world = World::of_list();
    world.list.deny(PAYER);
    let running = world.run();
    running.compliance.screen(PAYER).await.unwrap();
    let case = running.compliance.open_case(PAYER, "ada".into()).await.unwrap();
    let proposed = running.compliance.decide(decide(&world, &case, true, "ada")).await.unwrap();
    // Something else is found about the same person, by the same list, for the same reason.
    world.list.find_something_else();
    running.compliance.screen(PAYER).await.unwrap();
    let late = running.compliance.decide(decide(&world, &proposed, true, "bob")).await;
    assert!(matches!(late, Err(ComplianceError::CaseChanged { .. })), "{late:?}");
    let case = running.compliance.case(case.number).unwrap();
    let other = running.compliance.decide(decide(&world, &case, true, "bob")).await;
    assert!(matches!(other, Err(ComplianceError::OtherDecision { .. })), "{other:?}");
}

#[tokio::test]
async fn who_is_on_one_list_by_mistake_is_refused_when_found_on_another() {
    let world = World::of_list();
    world.list.deny(PAYER);
    let running = world.run();
    running.compliance.screen(PAYER).await.unwrap();
    let case = running.compliance.open_case(PAYER, "ada".into()).await.unwrap();
    let proposed = running.compliance.decide(decide(&world, &case, true, "ada")).await.unwrap();
    running.compliance.decide(decide(&world, &proposed, true, "bob")).await.unwrap();
    assert_eq!(running.compliance.admit(&world.payment(1)), Ok(()), "at once");
    world.list.find_something_else();
    assert_eq!(running.compliance.admit(&world.payment(2)), Err(NotAdmitted::Refused));
}

#[tokio::test]
async fn who_was_cleared_of_a_suspicion_is_not_cleared_when_it_is_confirmed() {
    let world = World::new();
    let running = world.run();
    let case = reviewed(&world, &running.compliance).await;
    let proposed = running.compliance.decide(decide(&world, &case, true, "ada")).await.unwrap();
    running.compliance.decide(decide(&world, &proposed, true, "bob")).await.unwrap();
    until_holds("served", || running.compliance.admit(&world.payment(1)).is_ok()).await;
    let payee = Subject::Payee(PAYEE);
    world.service.tell(payee, Told::Say(Outcome::Denied, Reason::AmlFlag));
    running.compliance.screen(payee).await.unwrap();
    assert_eq!(running.compliance.admit(&world.payment(2)), Err(NotAdmitted::Refused));
}

#[tokio::test]
async fn a_decision_counts_for_two_years_at_most() {
    let world = World::of_list();
    let compliance = world.open();
    let case = compliance.open_case(PAYER, "ada".into()).await.unwrap();
    let until = world.clock.now().checked_add(3 * 366 * DAY_S).unwrap();
    let decided = compliance.decide(Decide { until, ..decide(&world, &case, false, "ada") }).await;
    assert!(matches!(decided, Err(ComplianceError::TooLate(_))), "{decided:?}");
}
