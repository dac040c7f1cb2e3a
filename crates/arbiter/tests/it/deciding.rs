//! That a case is decided too early, too late, wrongly, or not at all.

use aep2_arbiter::{
    DefaultRuling,
    case::{CaseState, Ending},
    evidence_hash,
};
use aep2_mandate::{
    typed_data::{TypedData, capture::CaptureReceipt, dispute::Reason},
    units::AccountId,
    wire::Strict,
};
use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Payment, World, account, amount, count, decided, later, mandate_key};

/// Terms that do not refund for silence.
fn strict() -> Payment {
    Payment { silence_refunds: false, ..Payment::default() }
}

#[tokio::test]
async fn a_payee_that_gives_all_back_is_taken_at_its_word_at_once() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.answer(1, 0, Vec::new());
    let case = world.first_case(&arbiter).await;
    assert_eq!(decided(&case), ("concession".to_owned(), 0, true));
    let ruling = world.stand_in.script().rulings[0];
    let answer = world.stand_in.script().disputes[0].answer.clone().expect("an answer");
    let dispute = view.dispute.message().struct_hash();
    let expected = evidence_hash(dispute, Some(answer.message.struct_hash()));
    assert_eq!(ruling.message.evidence, expected);
    assert_ne!(expected, evidence_hash(dispute, None));
}

#[tokio::test]
async fn silence_is_what_the_terms_say_and_not_before_its_time() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    world.wait_until(later(case.answer_by, -60));
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open());
    world.wait_until(later(case.answer_by, 1));
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    assert_eq!(decided(&case), ("silence".to_owned(), 0, true));
}

#[tokio::test]
async fn a_payee_does_not_win_by_silence_before_a_judge_has_looked() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&strict());
    let case = world.first_case(&arbiter).await;
    world.wait_until(later(case.answer_by, 1));
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open(), "a judge decides");
    world.wait_until(later(view.decide_by, -60));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("default".to_owned(), 1_000, true));
}

#[tokio::test]
async fn an_answer_that_came_while_the_arbiter_was_away_is_not_overlooked() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    // The time to answer is over when the processor is asked again, and it does not answer at first.
    world.wait_until(later(case.answer_by, 500));
    world.stand_in.script().is_down = true;
    assert!(world.turn(&arbiter).await.is_err());
    assert!(arbiter.case(1).expect("a case").is_open(), "nobody says that there is no answer");
    world.stand_in.script().is_down = false;
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    assert!(case.is_open() && case.answer.is_some());
}

#[tokio::test]
async fn an_arbiter_that_begins_late_gives_the_payee_its_time_all_the_same() {
    let world = World::begin().await;
    let view = world.dispute(&Payment::default());
    // By the processor's word it was opened 6,000 of 10,000 seconds ago.
    world.clock.advance(6_000);
    let arbiter = world.open();
    let case = world.first_case(&arbiter).await;
    assert!(case.is_open());
    assert!(case.answer_by >= later(view.opened_at, 7_999) && case.answer_by < view.decide_by);
}

#[tokio::test]
async fn an_order_that_was_paid_twice_is_given_back_once() {
    let world = World::begin().await;
    let arbiter = world.open();
    // The earlier payment, of the same order.
    let first = Payment { nonce: 9, order: Some(5), ..strict() };
    let (_, piece) = world.earlier(&first);
    let payment =
        Payment { reason: Reason::DuplicatePayment, evidence: vec![piece], ..first.clone() };
    let payment = Payment { nonce: 1, ..payment };
    world.dispute(&payment);
    world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    assert_eq!(decided(&case), ("duplicate_payment".to_owned(), 0, true));

    // And the first one the other way round: the second is the duplicate.
    let second = world.stand_in.script().disputes[0].clone();
    let shown = json!({ "mandate": second.mandate, "receipt": second.receipt }).to_string();
    let piece = world.piece(shown.as_bytes());
    let payment = Payment { evidence: vec![piece], nonce: 9, ..payment };
    let mut view = world.view(&payment, &mandate_key());
    let accepted_at = later(world.clock.now(), -500);
    (view.number, view.receipt) = (2, world.receipt(&view.mandate, accepted_at));
    world.stand_in.script().disputes.push(view);
    world.answer(2, 1_000, Vec::new());
    world.turned(&arbiter).await;
    world.turned(&arbiter).await;
    assert!(arbiter.case(2).expect("a case").is_open(), "a judge decides");
}

#[tokio::test]
async fn what_nobody_decided_is_decided_at_the_last_moment_and_not_before() {
    for (default_ruling, expected) in [(DefaultRuling::Payee, 1_000), (DefaultRuling::Payer, 0)] {
        let mut world = World::begin().await;
        world.config.default_ruling = default_ruling;
        let arbiter = world.open();
        let view = world.dispute(&Payment::default());
        world.first_case(&arbiter).await;
        world.answer(1, 1_000, Vec::new());
        world.wait_until(later(view.decide_by, -200));
        world.turned(&arbiter).await;
        assert!(arbiter.case(1).expect("a case").is_open());
        world.wait_until(later(view.decide_by, -110));
        world.turned(&arbiter).await;
        let case = arbiter.case(1).expect("a case");
        assert_eq!(decided(&case), ("default".to_owned(), expected, true));
    }
}

#[tokio::test]
async fn the_default_is_what_the_payee_still_asks_for() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 300, Vec::new());
    world.wait_until(later(view.decide_by, -60));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("default".to_owned(), 300, true));
}

#[tokio::test]
async fn what_ends_first_is_decided_first() {
    let world = World::begin().await;
    let arbiter = world.open();
    for nonce in 1..=4 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    for (place, seconds) in [(0, 900), (1, 300), (2, 600), (3, 100)] {
        let now = world.clock.now();
        world.stand_in.script().disputes[place].decide_by = later(now, seconds);
    }
    world.turned(&arbiter).await;
    let cases = arbiter.open_cases().expect("cases");
    let numbers: Vec<_> = cases.iter().map(|case| case.number_there).collect();
    assert_eq!(numbers, [4, 2, 3, 1]);
}

#[tokio::test]
async fn nothing_is_ruled_after_its_time() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    world.wait_until(view.decide_by);
    world.turned(&arbiter).await;
    let state = arbiter.case(1).expect("a case").state;
    assert!(matches!(state, CaseState::Ended { why: Ending::TooLate, .. }), "{state:?}");
    assert!(world.stand_in.script().rulings.is_empty());
    assert_eq!(count(&arbiter, "case.decided"), 0);
}

#[tokio::test]
async fn a_processors_clock_moves_decisions_only_as_far_as_it_can_be_right() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    // It says that the time to answer is over, and that the last moment has come.
    world.stand_in.script().ahead_s = 1_000_000;
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open());
    // It says that there is time for ever.
    world.stand_in.script().ahead_s = -1_000_000;
    world.wait_until(later(case.answer_by, 50));
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open(), "its clock may be behind so far");
    world.wait_until(later(case.answer_by, 95));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")).0, "silence");
    assert!(view.decide_by > world.clock.now());
    assert!(arbiter.metrics().text().contains("clock_ahead_seconds"));
}

#[tokio::test]
async fn a_clock_that_is_a_little_ahead_has_the_default_come_in_time() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.stand_in.script().ahead_s = 60;
    // By this clock there are 170 seconds left, by the processor's 110.
    world.wait_until(later(view.decide_by, -170));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")).0, "default");
}

#[tokio::test]
async fn what_the_processor_closed_is_not_decided() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.stand_in.script().disputes[0].status =
        aep2_processor_client::dispute_view::DisputeStatus::Closed;
    world.turned(&arbiter).await;
    let state = arbiter.case(1).expect("a case").state;
    assert!(matches!(state, CaseState::Ended { why: Ending::Closed, .. }), "{state:?}");
    assert_eq!(arbiter.open_cases().expect("cases"), []);
}

#[tokio::test]
async fn an_order_is_not_given_back_twice_as_a_duplicate_and_by_silence() {
    let world = World::begin().await;
    let arbiter = world.open();
    // Two mandates for one order, which silence refunds. The payee answers neither.
    for nonce in 1..=2 {
        world.dispute(&Payment { nonce, order: Some(5), ..Payment::default() });
    }
    world.turned(&arbiter).await;
    let case = arbiter.case(2).expect("a case");
    world.wait_until(later(case.answer_by, 1));
    world.turned(&arbiter).await;
    world.turned(&arbiter).await;
    let open = arbiter.open_cases().expect("cases");
    assert_eq!(open.len(), 1, "a judge decides about the second: {open:?}");
    assert_eq!(count(&arbiter, "case.decided"), 1);
    // Nobody does. Whatever the default is, it is not given back.
    world.wait_until(later(case.decide_by, -60));
    world.turned(&arbiter).await;
    let mut gets: Vec<_> =
        (1..=2).map(|number| decided(&arbiter.case(number).expect("a case")).1).collect();
    gets.sort_unstable();
    assert_eq!(gets, [0, 1_000]);
}

#[tokio::test]
async fn nobody_takes_anothers_refund_by_disputing_the_same_order_number() {
    let world = World::begin().await;
    let chain = world.chain.clone().expect("a chain");
    let other = AccountId::new(8).expect("in range");
    {
        let mut accounts = chain.accounts.lock().expect("no panic");
        let found = accounts[&account()];
        accounts.insert(other, found);
    }
    let arbiter = world.open();
    // Whoever gives orders numbers may give one to two buyers; and whoever wants can copy terms.
    world.dispute(&Payment { order: Some(5), account: other, ..Payment::default() });
    world.dispute(&Payment { order: Some(5), ..Payment::default() });
    world.turned(&arbiter).await;
    let references = [1, 2].map(|number| arbiter.case(number).expect("a case").reference);
    assert_eq!(references[0], references[1]);
    world.wait_until(later(arbiter.case(2).expect("a case").answer_by, 1));
    world.turned(&arbiter).await;
    for number in 1..=2 {
        let case = arbiter.case(number).expect("a case");
        assert_eq!(decided(&case), ("silence".to_owned(), 0, true), "{number}");
    }
}

#[tokio::test]
async fn a_processor_that_says_that_it_took_no_ruling_gets_an_order_given_back_no_second_time() {
    let world = World::begin().await;
    let arbiter = world.open();
    for nonce in 1..=2 {
        world.dispute(&Payment { nonce, order: Some(5), ..Payment::default() });
    }
    world.turned(&arbiter).await;
    // The first is decided, and its processor says that it does not take it. It has it.
    world.answer(1, 0, Vec::new());
    world.stand_in.script().refuses = Some((StatusCode::CONFLICT, "dispute_closed"));
    world.turned(&arbiter).await;
    world.stand_in.script().refuses = None;
    world.wait_until(later(arbiter.case(2).expect("a case").answer_by, 1));
    world.turned(&arbiter).await;
    assert!(arbiter.case(2).expect("a case").is_open(), "a judge decides");
}

#[tokio::test]
async fn what_an_answer_names_is_waited_for_before_a_rule_decides() {
    let world = World::begin().await;
    let arbiter = world.open();
    let first = Payment { nonce: 9, order: Some(5), ..strict() };
    let (receipt, shown) = world.earlier(&first);
    let duplicate =
        Payment { reason: Reason::DuplicatePayment, evidence: vec![shown], nonce: 1, ..first };
    // A payee names its evidence in its answer, and only then hands it in.
    for (number, comes) in [(1, true), (2, false)] {
        world.dispute(&Payment { nonce: number, ..duplicate.clone() });
        let statement = world.stated(CaptureReceipt {
            mandate_id: receipt.message.mandate_id.to_bytes(),
            processor: receipt.message.processor,
            arbiter: receipt.message.arbiter,
            amount: amount(0),
            issued_at: receipt.message.issued_at,
        });
        let bytes = serde_json::to_vec(&statement).expect("JSON");
        let piece = world.piece(&bytes);
        world.turned(&arbiter).await;
        let has_handed_in = |has: bool| {
            let mut script = world.stand_in.script();
            let view = &mut script.disputes[number as usize - 1];
            view.evidence.retain(|own| own.0 != piece.hash);
            view.evidence.extend(has.then_some(Strict(piece.hash)));
        };
        world.answer(number, 1_000, vec![piece.clone()]);
        has_handed_in(false);
        world.turned(&arbiter).await;
        assert!(arbiter.case(number).expect("a case").is_open(), "its evidence comes yet");
        has_handed_in(comes);
        world.turned(&arbiter).await;
        assert!(arbiter.case(number).expect("a case").is_open(), "it was given back before");
        world.wait_until(later(arbiter.case(number).expect("a case").answer_by, 1));
        world.turned(&arbiter).await;
        let case = arbiter.case(number).expect("a case");
        assert_eq!(case.is_open(), comes, "not for ever: {number}");
    }
}
