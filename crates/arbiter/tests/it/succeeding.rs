//! That an owner which speaks after its agent is not heard, or is made to say what it did not, or that a payee
//! loses its say by it.

use aep2_arbiter::case::{CaseState, PayerCheck};
use aep2_mandate::typed_data::{
    TypedData,
    dispute::Reason,
    keyed::{AnySigned, KeySigned},
};
use aep2_processor_client::dispute_view::{DisputeStatus, OpenedBy};
use alloy_primitives::Address;

use crate::support::{Payment, TOKEN, World, account, amount, count, decided, later, mandate_key};

/// The payee owes something back, by what its answer to the agent says.
async fn answered(world: &World) -> aep2_arbiter::Arbiter {
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 300, Vec::new());
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case").owed, amount(300));
    arbiter
}

#[tokio::test]
async fn an_owner_is_heard_after_its_agent_and_the_payee_answers_anew() {
    let world = World::begin().await;
    let arbiter = answered(&world).await;
    let before = arbiter.case(1).expect("a case");
    world.clock.advance(1_000);
    world.succeed(1, |dispute| dispute.reason = Reason::Other);
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    let shown = world.stand_in.script().disputes[0].clone();
    assert_eq!((case.by, case.reason), (OpenedBy::Owner, Reason::Other));
    assert_eq!(case.dispute, shown.dispute.message().struct_hash());
    assert_eq!((case.answer, case.owed), (None, amount(1_000)), "it answered to something else");
    assert!(case.answer_by > before.answer_by && case.decide_by == before.decide_by);
    assert_eq!(case.payer, PayerCheck::Confirmed);
    assert_eq!(count(&arbiter, "dispute.contradicted"), 0);
    let file = arbiter.file(1).expect("a file");
    assert_eq!(file.agents_dispute, shown.agents_dispute);
    assert!(file.answer.is_none() && file.agents_answer.is_some());

    world.answer(1, 1_000, Vec::new());
    world.wait_until(later(case.answer_by, 100));
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    assert!(case.is_open() && case.answer.is_some(), "its answer is not overlooked");
}

#[tokio::test]
async fn a_payee_that_does_not_answer_the_owner_is_silent() {
    let world = World::begin().await;
    let arbiter = answered(&world).await;
    world.succeed(1, |_| ());
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    world.wait_until(later(case.answer_by, 1));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("silence".to_owned(), 0, true));
}

#[tokio::test]
async fn an_owner_speaks_once_and_nobody_else_in_its_place() {
    let world = World::begin().await;
    let arbiter = answered(&world).await;
    world.succeed(1, |_| ());
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    // Another owner's dispute, by the same key.
    let mut again = world.stand_in.script().disputes[0].clone();
    let mut dispute = again.dispute.message().clone();
    dispute.text = "and one thing more".to_owned();
    again.dispute = world.signed_by_owner(dispute);
    world.stand_in.script().disputes[0] = again;
    world.wait_until(later(case.answer_by, 1));
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), case, "nor is its payee silent");
    assert_eq!(count(&arbiter, "dispute.contradicted"), 1);
}

#[tokio::test]
async fn an_owner_that_is_not_the_accounts_takes_nobodys_place() {
    let world = World::begin().await;
    let arbiter = answered(&world).await;
    let before = arbiter.case(1).expect("a case");
    let chain = world.chain.clone().expect("a chain");
    let owner = Address::repeat_byte(3);
    chain.accounts.lock().expect("no panic").get_mut(&account()).expect("there").owner = owner;
    world.succeed(1, |_| ());
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), before);
    assert_eq!(count(&arbiter, "dispute.contradicted"), 1);
}

#[tokio::test]
async fn an_owner_of_whom_nobody_knows_yet_waits_until_somebody_does() {
    let world = World::begin().await;
    let arbiter = answered(&world).await;
    let before = arbiter.case(1).expect("a case");
    let chain = world.chain.clone().expect("a chain");
    *chain.is_down.lock().expect("no panic") = true;
    world.succeed(1, |_| ());
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), before);
    *chain.is_down.lock().expect("no panic") = false;
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case").by, OpenedBy::Owner);
    assert_eq!(count(&arbiter, "dispute.contradicted"), 0);
}

#[tokio::test]
async fn an_owner_takes_the_place_of_what_this_case_is_about_and_of_nothing_else() {
    let world = World::begin().await;
    let arbiter = answered(&world).await;
    let before = arbiter.case(1).expect("a case");
    world.succeed(1, |_| ());
    // As if the agent had said something else.
    let shown = world.stand_in.script().disputes[0].clone();
    let mut said = shown.agents_dispute.expect("it was there").message().clone();
    said.reason = Reason::Other;
    let said = KeySigned::sign(said, &mandate_key(), &world.venue().typed_data_domain());
    world.stand_in.script().disputes[0].agents_dispute = Some(AnySigned::ByKey(said));
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), before);
    assert_eq!(count(&arbiter, "dispute.contradicted"), 1);
}

#[tokio::test]
async fn what_was_proposed_on_the_agents_dispute_decides_nothing_on_the_owners() {
    let mut world = World::begin().await;
    world.config.confirm_above = [(TOKEN, amount(0))].into();
    let arbiter = answered(&world).await;
    let case = arbiter.case(1).expect("a case");
    let decide = aep2_arbiter::Decide {
        number: 1,
        version: case.version,
        captured: amount(100),
        why: "so it is".to_owned(),
        judge: "ann".to_owned(),
    };
    arbiter.judge(decide).await.expect("proposed");
    world.succeed(1, |_| ());
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case").state, CaseState::Open);
    assert_eq!(arbiter.file(1).expect("a file").words.len(), 1, "what judges wrote stays");
}

#[tokio::test]
async fn an_owner_that_spoke_before_the_arbiter_looked_is_heard_with_its_agent() {
    let world = World::begin().await;
    let (agents, owners) = (world.piece(b"of the agent"), world.piece(b"of the owner"));
    world.dispute(&Payment { evidence: vec![agents.clone()], ..Payment::default() });
    world.succeed(1, |dispute| dispute.evidence = vec![owners.clone()]);
    let arbiter = world.open();
    let case = world.first_case(&arbiter).await;
    assert_eq!((case.by, case.evidence.len()), (OpenedBy::Owner, 2));
    for piece in [agents, owners] {
        assert!(arbiter.evidence(1, piece.hash).is_ok());
    }
    assert!(arbiter.file(1).expect("a file").agents_dispute.is_some());
    world.stand_in.script().disputes[0].status = DisputeStatus::Closed;
    world.turned(&arbiter).await;
    assert_eq!(count(&arbiter, "case.ended"), 1);
}
