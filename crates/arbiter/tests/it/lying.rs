//! A processor that invents mandates and disputes, shows them otherwise than they are, or changes them.

use std::sync::Arc;

use aep2_arbiter::{
    NotTaken, Processor, TurnError, Worker,
    accounts::Accounts,
    case::{CaseState, Ending, PayerCheck},
    due_to_payee,
};
use aep2_mandate::{
    eddsa::SecretKey,
    typed_data::{
        Signed, TypedData,
        dispute::{Dispute, DisputeAnswer, Reason},
        keyed::{AnySigned, KeySigned},
    },
    units::Amount,
};
use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView, OpenedBy};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256};
use serde_json::json;

use crate::{
    stand_in::StandIn,
    support::{Payment, World, account, actions, amount, count, decided, later, mandate_key},
};

/// A way in which a dispute is not what it should be.
type Lie = fn(&World, &mut DisputeView);

fn resigned(world: &World, view: &mut DisputeView, change: impl FnOnce(&mut Dispute)) {
    let mut dispute = view.dispute.message().clone();
    change(&mut dispute);
    let domain = world.venue().typed_data_domain();
    view.dispute = AnySigned::ByKey(KeySigned::sign(dispute, &mandate_key(), &domain));
}

fn promised(world: &World, view: &mut DisputeView, change: impl FnOnce(&mut DisputeView)) {
    change(view);
    let domain = world.venue().typed_data_domain();
    let receipt = view.receipt.message;
    view.receipt = Signed::sign(receipt, &world.processor, &domain).expect("signed");
}

const LIES: [(&str, Lie); 19] = [
    ("mandate", |_, view| view.mandate.key = SecretKey::from_seed([9; 32]).public()),
    ("mandate", |_, view| view.mandate.mandate.payee = Address::repeat_byte(1)),
    ("mandate", |_, view| view.mandate_id.0 = B256::repeat_byte(1)),
    ("receipt", |world, view| {
        let domain = world.venue().typed_data_domain();
        let stranger = PrivateKeySigner::random();
        view.receipt = Signed::sign(view.receipt.message, &stranger, &domain).expect("signed");
    }),
    ("receipt", |world, view| {
        promised(world, view, |view| view.receipt.message.arbiter = Address::repeat_byte(1));
    }),
    ("receipt", |world, view| {
        promised(world, view, |view| {
            view.receipt.message.account = aep2_mandate::units::AccountId::MIN
        });
    }),
    ("terms", |_, view| view.terms.resource.push('x')),
    ("terms", |_, view| view.terms.order = None),
    ("other_arbiter", |_, view| view.terms.disputes = None),
    ("other_dispute", |world, view| {
        resigned(world, view, |dispute| dispute.mandate_id = B256::repeat_byte(1));
    }),
    ("reason", |world, view| {
        resigned(world, view, |dispute| dispute.reason = Reason::Unauthorized);
    }),
    ("dispute_signer", |world, view| {
        let (domain, stranger) = (world.venue().typed_data_domain(), SecretKey::from_seed([9; 32]));
        let dispute = view.dispute.message().clone();
        view.dispute = AnySigned::ByKey(KeySigned::sign(dispute, &stranger, &domain));
    }),
    ("dispute_signer", |_, view| view.by = OpenedBy::Owner),
    ("agents_dispute", |world, view| {
        // An owner has spoken, and somebody else before it.
        let (domain, stranger) = (world.venue().typed_data_domain(), SecretKey::from_seed([9; 32]));
        let dispute = view.dispute.message().clone();
        let agents = KeySigned::sign(dispute.clone(), &stranger, &domain);
        view.agents_dispute = Some(AnySigned::ByKey(agents));
        (view.dispute, view.by) = (world.signed_by_owner(dispute), OpenedBy::Owner);
    }),
    ("agents_dispute", |_, view| view.agents_dispute = Some(view.dispute.clone())),
    ("capture", |world, view| {
        let capture = aep2_mandate::typed_data::capture::Capture {
            mandate_id: view.mandate_id.0,
            amount: Amount::ZERO,
        };
        let domain = world.venue().typed_data_domain();
        view.capture = Some(Signed::sign(capture, &world.processor, &domain).expect("signed"));
    }),
    ("answer", |world, view| {
        let answer = DisputeAnswer {
            dispute: view.dispute.message().struct_hash(),
            captured: Amount::ZERO,
            text: "I give it back".to_owned(),
            evidence: Vec::new(),
            at: world.clock.now(),
        };
        let domain = world.venue().typed_data_domain();
        view.answer = Some(Signed::sign(answer, &world.processor, &domain).expect("signed"));
    }),
    ("time", |_, view| view.opened_at = later(view.receipt.message.issued_at, 10_091)),
    ("time", |_, view| view.decide_by = later(view.receipt.message.issued_at, 40_000)),
];

#[tokio::test]
async fn what_is_not_what_it_should_be_gets_no_case_and_stops_nobody_else() {
    for (place, (code, lie)) in LIES.into_iter().enumerate() {
        let world = World::begin().await;
        let arbiter = world.open();
        world.dispute(&Payment::default());
        world.dispute(&Payment { nonce: 2, ..Payment::default() });
        let mut view = world.stand_in.script().disputes[0].clone();
        lie(&world, &mut view);
        world.stand_in.script().disputes[0] = view;

        world.turned(&arbiter).await;
        let cases = arbiter.open_cases().expect("cases");
        let numbers: Vec<_> = cases.iter().map(|case| case.number_there).collect();
        assert_eq!(numbers, [2], "lie {place}: {code}");
        assert_eq!(actions(&arbiter), ["dispute.refused", "case.opened"], "lie {place}");
        let metrics = arbiter.metrics().text();
        let labels = format!("code=\"{code}\"");
        assert!(metrics.contains(&labels), "lie {place}: {labels}\n{metrics}");
    }
}

#[tokio::test]
async fn an_honest_dispute_is_a_case_and_is_one_however_often_it_is_shown() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    assert_eq!((case.mandate_id, case.owed), (view.mandate_id.0, amount(1_000)));
    assert_eq!(case.payer, PayerCheck::Confirmed);
    // The same under later numbers.
    for number in 2..5 {
        world.stand_in.script().disputes.push(DisputeView { number, ..view.clone() });
    }
    world.turned(&arbiter).await;
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases").len(), 1);
    assert_eq!(count(&arbiter, "case.opened"), 1);
}

#[tokio::test]
async fn an_invented_dispute_costs_a_line_and_only_so_many_of_them() {
    let mut world = World::begin().await;
    world.config.refused_lines_per_hour_max = 5;
    let arbiter = world.open();
    for nonce in 1..=30 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.stand_in.script().alter = Some(|view| view["terms"]["resource"] = json!("https://x.com"));
    world.turned(&arbiter).await;
    assert_eq!(count(&arbiter, "dispute.refused"), 5);
    assert!(arbiter.metrics().text().contains("} 30"), "all of them are counted");
    assert_eq!(arbiter.open_cases().expect("cases"), []);
}

#[tokio::test]
async fn a_real_mandate_that_a_processor_signs_anew_with_its_own_key_is_not_ruled_on() {
    // A mandate's id does not cover its key: all signatures hold.
    let world = World::begin().await;
    let forged = SecretKey::from_seed([66; 32]);
    let view = world.view(&Payment::default(), &forged);
    let real = world.view(&Payment::default(), &mandate_key());
    assert_eq!(view.mandate_id, real.mandate_id);
    world.stand_in.script().disputes.push(view);
    let arbiter = world.open();
    world.turned(&arbiter).await;
    assert_eq!(actions(&arbiter), ["dispute.refused"]);
    assert!(arbiter.metrics().text().contains("code=\"not_the_payer\""));
}

#[tokio::test]
async fn an_owner_that_a_processor_invents_is_not_the_payer() {
    let world = World::begin().await;
    world.dispute(&Payment { by_owner: true, ..Payment::default() });
    let chain = world.chain.clone().expect("a chain");
    chain.accounts.lock().expect("no panic").get_mut(&account()).expect("there").owner =
        Address::repeat_byte(3);
    let arbiter = world.open();
    world.turned(&arbiter).await;
    assert_eq!(actions(&arbiter), ["dispute.refused"]);
}

#[tokio::test]
async fn where_nobody_but_the_processor_says_who_pays_silence_takes_nothing_from_a_payee() {
    let mut world = World::begin().await;
    world.chain = None;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    assert_eq!(case.payer, PayerCheck::Unconfirmed);
    world.wait_until(later(case.answer_by, 200));
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open(), "a judge decides");
    // Nobody did: what is owed stays owed, whatever the default is.
    world.wait_until(later(view.decide_by, -60));
    world.turned(&arbiter).await;
    assert_eq!(decided(&arbiter.case(1).expect("a case")), ("default".to_owned(), 1_000, true));
}

#[tokio::test]
async fn a_default_for_payers_takes_nothing_on_the_processors_word_alone() {
    for (is_trusted, gets) in [(false, 1_000), (true, 0)] {
        let mut world = World::begin().await;
        world.config.default_ruling = aep2_arbiter::DefaultRuling::Payer;
        (world.chain, world.is_trusted) = (None, is_trusted);
        let arbiter = world.open();
        let view = world.dispute(&Payment { silence_refunds: false, ..Payment::default() });
        world.turned(&arbiter).await;
        world.answer(1, 1_000, Vec::new());
        world.turned(&arbiter).await;
        world.wait_until(later(view.decide_by, -60));
        world.turned(&arbiter).await;
        assert_eq!(decided(&arbiter.case(1).expect("a case")), ("default".to_owned(), gets, true));
    }
}

#[tokio::test]
async fn a_node_that_answers_late_still_finds_out_who_is_not_the_payer() {
    let world = World::begin().await;
    let chain = world.chain.clone().expect("a chain");
    *chain.is_down.lock().expect("no panic") = true;
    let arbiter = world.open();
    let forged = SecretKey::from_seed([66; 32]);
    let view = world.view(&Payment::default(), &forged);
    world.stand_in.script().disputes.push(view);
    let case = world.first_case(&arbiter).await;
    assert_eq!(case.payer, PayerCheck::Unconfirmed);
    world.wait_until(later(case.answer_by, 200));
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open());
    *chain.is_down.lock().expect("no panic") = false;
    world.turned(&arbiter).await;
    let ended = arbiter.case(1).expect("a case").state;
    assert!(matches!(ended, CaseState::Ended { why: Ending::NotThePayer, .. }), "{ended:?}");
    assert!(world.stand_in.script().rulings.is_empty());
}

#[tokio::test]
async fn a_processor_cannot_show_anothers_mandate_as_its_own() {
    // A ruling names a mandate and no processor: one that another processor asked for would count.
    let mut world = World::begin().await;
    world.chain = None;
    world.is_trusted = true;
    let arbiter = world.open();
    let case = {
        world.dispute(&Payment::default());
        world.first_case(&arbiter).await
    };
    let rogue = PrivateKeySigner::random();
    let venue = aep2_x402::purchase::Venue { processor: rogue.address(), ..world.venue() };
    let other = StandIn::start(venue, world.key.address(), world.clock.clone()).await;
    let mut view = world.stand_in.script().disputes[0].clone();
    // It promises the same mandate. The ref names the first processor, so these terms are not its own.
    view.receipt.message.processor = rogue.address();
    view.receipt =
        Signed::sign(view.receipt.message, &rogue, &venue.typed_data_domain()).expect("signed");
    other.script().disputes.push(view);
    let accounts: Option<Arc<dyn Accounts>> = None;
    let processor = Processor { url: other.url.clone(), venue, is_trusted: true, accounts };
    Worker::new(arbiter.clone(), processor, reqwest::Client::new()).turn().await.expect("a turn");
    assert_eq!(arbiter.open_cases().expect("cases"), [case], "the ref names the processor");
    assert_eq!(count(&arbiter, "dispute.refused"), 1);
}

#[tokio::test]
async fn what_was_shown_once_stays_as_it_was_shown() {
    let changes: [(&str, Lie); 5] = [
        ("dispute", |world, view| resigned(world, view, |dispute| dispute.text.clear())),
        ("openedAt", |_, view| view.opened_at = later(view.opened_at, -1)),
        ("decideBy", |_, view| view.decide_by = later(view.decide_by, 1)),
        ("receipt", |world, view| {
            promised(world, view, |view| {
                view.receipt.message.issued_at = later(view.receipt.message.issued_at, -1);
            });
        }),
        ("terms", |_, view| view.terms.resource.push('x')),
    ];
    for (what, change) in changes {
        let world = World::begin().await;
        let arbiter = world.open();
        world.dispute(&Payment::default());
        let before = world.first_case(&arbiter).await;
        let file = arbiter.file(1).expect("a file");
        let mut view = world.stand_in.script().disputes[0].clone();
        change(&world, &mut view);
        world.stand_in.script().disputes[0] = view;
        world.turned(&arbiter).await;
        assert_eq!(arbiter.case(1).expect("a case"), before, "{what}");
        assert_eq!(arbiter.file(1).expect("a file"), file, "{what}");
        let told = count(&arbiter, "dispute.contradicted") + count(&arbiter, "dispute.refused");
        assert_eq!(told, 1, "{what}");
    }
}

#[tokio::test]
async fn an_answer_is_not_replaced_nor_taken_back() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    let answered = arbiter.case(1).expect("a case");
    assert!(answered.answer.is_some());
    // The payee signed another one, and the processor shows that, or none.
    world.clock.advance(1);
    world.answer(1, 0, Vec::new());
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), answered);
    world.stand_in.script().disputes[0].answer = None;
    world.wait_until(later(answered.answer_by, 200));
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), answered, "it is not silent either");
    assert_eq!(count(&arbiter, "dispute.contradicted"), 2);
}

#[tokio::test]
async fn an_earlier_end_and_a_lower_amount_are_news() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.capture(1, 400);
    world.stand_in.script().disputes[0].decide_by = later(view.decide_by, -5_000);
    world.turned(&arbiter).await;
    let case = arbiter.case(1).expect("a case");
    assert_eq!((case.due, case.decide_by), (amount(400), later(view.decide_by, -5_000)));
    assert!(case.answer_by <= case.decide_by);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_in_part_is_read_in_the_rest() {
    let world = World::begin().await;
    let arbiter = world.open();
    for nonce in 1..=3 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.stand_in.script().alter = Some(|view| {
        if view["number"] == 2 {
            view["mandate"] = json!("something else");
        }
    });
    world.turned(&arbiter).await;
    let cases = arbiter.open_cases().expect("cases");
    assert_eq!(cases.iter().map(|case| case.number_there).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(count(&arbiter, "dispute.refused"), 1);
}

#[tokio::test]
async fn a_list_without_order_ends_the_turn_and_loops_for_nobody() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.stand_in.script().alter = Some(|view| view["number"] = json!(0));
    let turned = world.turn(&arbiter).await;
    assert!(matches!(turned, Err(TurnError::Processor(_))), "{turned:?}");
    assert_eq!(arbiter.open_cases().expect("cases"), []);
}

#[tokio::test]
async fn a_flood_of_disputes_waits_at_its_processor() {
    let mut world = World::begin().await;
    world.config.open_cases_max = 3;
    let arbiter = world.open();
    for nonce in 1..=5 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases").len(), 3);
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases").len(), 3);
    // As soon as there is room.
    world.answer(1, 0, Vec::new());
    world.turned(&arbiter).await;
    world.turned(&arbiter).await;
    assert!(arbiter.case(4).is_ok() && arbiter.case(5).is_err());
}

#[tokio::test]
async fn a_ruling_by_nobody_knows_whom_is_not_taken_for_ours() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    let (domain, stranger) = (world.venue().typed_data_domain(), PrivateKeySigner::random());
    let ruling = |mandate_id, signer: &PrivateKeySigner| {
        let ruling = aep2_mandate::typed_data::ruling::Ruling {
            mandate_id,
            captured: amount(5),
            evidence: B256::ZERO,
            at: world.clock.now(),
        };
        Signed::sign(ruling, signer, &domain).expect("signed")
    };
    {
        let mut script = world.stand_in.script();
        let id = script.disputes[0].mandate_id.0;
        script.disputes[0].ruling = Some(ruling(id, &stranger));
        script.disputes[0].status = DisputeStatus::Ruled;
    }
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open());
    // By hand, with this key: then there is nothing left to decide.
    {
        let mut script = world.stand_in.script();
        let id = script.disputes[0].mandate_id.0;
        script.disputes[0].ruling = Some(ruling(id, &world.key));
    }
    world.turned(&arbiter).await;
    let ended = arbiter.case(1).expect("a case").state;
    assert!(matches!(ended, CaseState::Ended { why: Ending::RuledElsewhere, .. }), "{ended:?}");
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let world = World::begin().await;
    let arbiter = world.open();
    for nonce in 1..=45 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases").len(), 45);
}

#[tokio::test]
async fn what_is_shown_wrongly_again_and_again_is_told_once() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.stand_in.script().disputes[0].opened_at = later(view.opened_at, -1);
    for _ in 0..4 {
        world.turned(&arbiter).await;
    }
    assert_eq!(count(&arbiter, "dispute.contradicted"), 1);
    world.stand_in.script().disputes[0].opened_at = later(view.opened_at, -2);
    world.turned(&arbiter).await;
    assert_eq!(count(&arbiter, "dispute.contradicted"), 2, "that is something else");
}

#[tokio::test]
async fn a_payee_is_not_taken_for_silent_while_its_processor_contradicts_itself() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    world.stand_in.script().disputes[0].opened_at = later(view.opened_at, -1);
    world.answer(1, 1_000, Vec::new());
    world.wait_until(later(case.answer_by, 1));
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open(), "what it shows was not taken");
}

#[tokio::test]
async fn disputes_that_are_passed_over_are_told_and_counted() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.dispute(&Payment { nonce: 2, ..Payment::default() });
    world.stand_in.script().disputes[0].status = DisputeStatus::Closed;
    world.turned(&arbiter).await;
    assert_eq!(actions(&arbiter), ["dispute.passed", "case.opened"]);
    assert!(arbiter.metrics().text().contains("code=\"over\""));
}

#[tokio::test]
async fn what_is_due_to_a_payee_is_not_what_the_processor_says() {
    let world = World::begin().await;
    let view = world.dispute(&Payment::default());
    let other = world.dispute(&Payment { nonce: 2, ..Payment::default() });
    let id = view.mandate_id.0;
    let due = |view: &DisputeView| due_to_payee(view, world.venue(), id);
    let lowered = DisputeView { due: Amount::ZERO, ..view.clone() };
    assert_eq!(due(&lowered).expect("due"), amount(1_000));
    // Another mandate under this one's name, and another one's dispute.
    let renamed = DisputeView { mandate: other.mandate.clone(), ..view.clone() };
    assert_eq!(due(&renamed), Err(NotTaken::Mandate));
    assert_eq!(due(&other), Err(NotTaken::Mandate));
    let mixed = DisputeView { dispute: other.dispute, ..view.clone() };
    assert_eq!(due(&mixed), Err(NotTaken::OtherDispute));
    // Only the payee itself lowers it.
    world.capture(1, 400);
    let captured = world.stand_in.script().disputes[0].clone();
    assert_eq!(due(&captured).expect("due"), amount(400));
    let forged = captured.capture.expect("a capture").message;
    let domain = world.venue().typed_data_domain();
    let forged = Signed::sign(forged, &world.processor, &domain).expect("signed");
    assert_eq!(due(&DisputeView { capture: Some(forged), ..view }), Err(NotTaken::Capture));
}
