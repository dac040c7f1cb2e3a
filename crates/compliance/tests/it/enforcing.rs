//! Decisions that change after payments were accepted.

use aep2_compliance::{
    LiveMandate,
    admission::NotAdmitted,
    subject::Subject,
    verdict::{Outcome, Reason},
};
use alloy_primitives::{Address, B256};

use crate::support::{KEY, OWNER, PAYEE, Told, World, accept, until_holds};

fn live(number: u8, payee: Address) -> LiveMandate {
    LiveMandate {
        id: B256::repeat_byte(number),
        payer: Some(Subject::Payer(OWNER)),
        payee: Subject::Payee(payee),
        agent: Some(Subject::Agent(KEY)),
    }
}

const OTHER: Address = Address::repeat_byte(0x55);

#[tokio::test]
async fn what_waits_of_somebody_who_becomes_sanctioned_is_held_and_nobody_elses() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    world.notes.0.lock().unwrap().live = vec![live(1, PAYEE), live(2, OTHER)];
    // No payment names the payee again: the list's change alone is noticed.
    world.list.deny(Subject::Payee(PAYEE));
    until_holds("the payee's gate is closed", || {
        world.notes.0.lock().unwrap().closed.contains(&Subject::Payee(PAYEE))
    })
    .await;
    until_holds("its mandate is held", || {
        world.notes.0.lock().unwrap().held == [B256::repeat_byte(1)].into()
    })
    .await;

    world.list.clear(Subject::Payee(PAYEE));
    until_holds("released, and open", || {
        let ledger = world.notes.0.lock().unwrap();
        ledger.held.is_empty() && ledger.closed.is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_two_people_hold_up_is_released_when_the_second_is_clear() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    world.notes.0.lock().unwrap().live = vec![live(1, PAYEE)];
    world.list.deny(Subject::Payee(PAYEE));
    world.list.deny(Subject::Payer(OWNER));
    let closed = || world.notes.0.lock().unwrap().closed.len();
    until_holds("both are closed", || closed() == 2).await;
    world.list.clear(Subject::Payee(PAYEE));
    until_holds("one is open", || closed() == 1).await;
    // The second look has been taken, too.
    world.clock.advance(10);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(!world.notes.0.lock().unwrap().held.is_empty(), "the payer is still denied");
    world.list.clear(Subject::Payer(OWNER));
    until_holds("released", || world.notes.0.lock().unwrap().held.is_empty()).await;
}

#[tokio::test]
async fn a_mandate_that_was_being_accepted_at_the_moment_is_held_by_the_second_look() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    world.list.deny(Subject::Payee(PAYEE));
    until_holds("closed", || !world.notes.0.lock().unwrap().closed.is_empty()).await;
    assert!(world.notes.0.lock().unwrap().held.is_empty());
    // It comes into the ledger only now.
    world.notes.0.lock().unwrap().live = vec![live(1, PAYEE)];
    world.clock.advance(6);
    until_holds("held", || !world.notes.0.lock().unwrap().held.is_empty()).await;
}

#[tokio::test]
async fn what_could_not_be_carried_out_is_carried_out_later_and_after_a_restart() {
    let world = World::of_list();
    world.notes.0.lock().unwrap().is_broken = true;
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    world.list.deny(Subject::Payee(PAYEE));
    let payee = Subject::Payee(PAYEE);
    until_holds("it is decided", || {
        let standing = running.compliance.standing(&payee).unwrap();
        standing.is_some_and(|standing| standing.decision.is_denied())
    })
    .await;
    assert!(world.notes.0.lock().unwrap().closed.is_empty());
    running.end().await;

    world.notes.0.lock().unwrap().is_broken = false;
    let _running = world.run();
    until_holds("closed", || world.notes.0.lock().unwrap().closed.contains(&payee)).await;
}

#[tokio::test]
async fn a_gate_that_another_store_closed_is_opened() {
    let world = World::of_list();
    world.notes.0.lock().unwrap().closed.insert(Subject::Payee(PAYEE));
    let _running = world.run();
    until_holds("open", || world.notes.0.lock().unwrap().closed.is_empty()).await;
}

#[tokio::test]
async fn who_merely_lacks_an_identity_is_refused_without_a_gate() {
    let world = World::new();
    world.service.tell(Subject::Payee(PAYEE), Told::Say(Outcome::Denied, Reason::KycMissing));
    let running = world.run();
    until_holds("refused", || {
        running.compliance.admit(&world.payment(1)) == Err(NotAdmitted::Refused)
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert!(world.notes.0.lock().unwrap().closed.is_empty());
}

#[tokio::test]
async fn who_was_listed_while_nothing_ran_is_found_by_what_waits() {
    let world = World::of_list();
    let running = world.run();
    assert_eq!(accept(&running.compliance, &world.payment(1)), Ok(()));
    let payee = Subject::Payee(PAYEE);
    until_holds("stored", || running.compliance.standing(&payee).unwrap().is_some()).await;
    running.end().await;

    world.list.deny(payee);
    // And somebody whose verdict was never stored: the process was killed before.
    world.list.deny(Subject::Payee(OTHER));
    world.notes.0.lock().unwrap().live = vec![live(1, PAYEE), live(2, OTHER)];
    let _running = world.run();
    until_holds("both are held", || world.notes.0.lock().unwrap().held.len() == 2).await;
}
