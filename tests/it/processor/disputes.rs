//! Disputes: who may object, when and how often; that a mandate waits for it and not longer; that a ruling
//! lowers what is paid and what the bond answers for, and never raises it.

use aep2_chain::wallet::units::KeyHash;
use aep2_ledger::{GateReason, HoldKind, MandateHash};
use aep2_mandate::{
    typed_data::dispute::{Dispute, Reason},
    units::UnixTime,
};
use aep2_processor::{
    Event, Processor, ProcessorConfig,
    accept::{AcceptError, OfferedMandate},
    dispute::{DisputeError, Said},
    view::{DisputeStep, PayerSignature},
};
use aep2_tests::{
    disputes::{RULING_S, WINDOW_S, arbiter, disputes_for},
    payers::{Payer, capture, payee, payee_address},
    settling::{all_settled, audited, is_settled, settled_batches},
    world::{DELAY_SECONDS, World, eventually},
};
use aep2_x402::disputes::Disputes;
use alloy::primitives::{Address, B256};

async fn accepted(processor: &Processor, sale: &OfferedMandate) -> MandateHash {
    processor.accept(sale.clone()).await.expect("accepted").mandate_id.into()
}

fn code<T>(answer: &Result<T, DisputeError>) -> &'static str {
    answer.as_ref().err().map_or("done", DisputeError::code)
}

fn refused<T>(answer: &Result<T, AcceptError>) -> &'static str {
    answer.as_ref().err().map_or("accepted", AcceptError::code)
}

fn reserved(world: &World, processor: &Processor, payer: &Payer) -> u128 {
    let account = processor.account(payer.account).expect("read").expect("known");
    let purse = account.purses.iter().find(|purse| purse.token == world.token());
    purse.map_or(0, |purse| purse.reserved.get())
}

fn holds(processor: &Processor, mandate: MandateHash) -> Vec<(HoldKind, UnixTime)> {
    let status = processor.mandate(mandate).expect("read").expect("known");
    status.holds.iter().map(|hold| (hold.kind, hold.until)).collect()
}

/// It is settled for so much, and everything adds up.
async fn settled_for(world: &World, processor: &Processor, mandate: MandateHash, amount: u128) {
    all_settled(processor, &[mandate]).await;
    let status = processor.mandate(mandate).expect("read").expect("known");
    assert_eq!(status.due.get(), amount);
    assert_eq!(world.holds(payee_address(1)).await, amount);
    audited(processor);
}

async fn open(
    world: &World,
    processor: &Processor,
    payer: &Payer,
    sale: &OfferedMandate,
) -> (Dispute, Said) {
    let dispute = world.dispute(&sale.signed, Reason::ServiceNotDelivered, &[]);
    let said = processor.open_dispute(world.disputed_by_key(payer, dispute.clone())).await;
    (dispute, said.expect("opened"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_disputes_settles_when_the_time_to_dispute_is_over_and_not_before() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let sale = world.sale(&payer, 70, 0);
    let before = world.clock.now();
    let receipt = processor.accept(sale.clone()).await.expect("accepted").receipt.message;
    let after = world.clock.now();
    assert_eq!(receipt.arbiter, arbiter(1).address(), "the payee can show whose word counts");
    let longer_s = (WINDOW_S + RULING_S) * 4 / 3;
    let settle_by = |from: UnixTime| from.get() + 600 + longer_s;
    assert!((settle_by(before)..=settle_by(after)).contains(&receipt.settle_by.get()));
    let id = MandateHash::from_bytes(receipt.mandate_id.to_bytes());
    let [(HoldKind::NotBefore, until)] = holds(&processor, id)[..] else { panic!("held") };
    assert!((before.get() + WINDOW_S..=after.get() + WINDOW_S).contains(&until.get()));

    world.travel(WINDOW_S - 20);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!is_settled(&processor, id), "somebody may still object");
    world.travel(21);
    settled_for(&world, &processor, id, 70).await;
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_holds_its_mandate_until_the_arbiter_rules_and_the_ruling_is_what_settles() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let mut events = processor.events();
    let sale = world.sale(&payer, 70, 0);
    let id = accepted(&processor, &sale).await;
    let (dispute, said) = open(&world, &processor, &payer, &sale).await;
    let record = &said.dispute.record;
    assert!(!said.again && record.number == 1);
    let decide_by = record.decide_by;
    assert!(holds(&processor, id).contains(&(HoldKind::Dispute, decide_by)));

    // Past the time to dispute, and the disputed one still waits, also after a restart.
    world.travel(WINDOW_S + 10);
    world.stop(processor).await;
    let processor = world.start(world.at_once()).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!is_settled(&processor, id));

    let answer = world.answered_by(&payee(1), &dispute, 70);
    let answered = processor.answer_dispute(id, answer.clone()).await.expect("noted");
    assert_eq!(answered.dispute.answer, Some(answer));
    let shown = processor.dispute_status(answered.dispute, Vec::new()).expect("shown");
    assert_eq!((shown.status, shown.by), (DisputeStep::Open, PayerSignature::Key));
    assert_eq!((shown.due.get(), shown.decide_by), (70, decide_by));

    let ruling = world.ruled_by(&arbiter(1), id.bytes(), 30);
    let ruled = processor.rule(ruling).await.expect("ruled");
    assert!(!ruled.again && ruled.dispute.ruling == Some(ruling));
    assert!(processor.rule(ruling).await.expect("the same").again);
    assert_eq!(holds(&processor, id), []);
    settled_for(&world, &processor, id, 30).await;
    assert_eq!(reserved(&world, &processor, &payer), 0);
    let shown = processor.dispute(id).expect("read").expect("disputed");
    let shown = processor.dispute_status(shown, Vec::new()).expect("shown");
    assert_eq!((shown.status, shown.due.get()), (DisputeStep::Ruled, 30));
    let told = events.try_recv().ok();
    assert!(matches!(told, Some(Event::Accepted { .. })), "{told:?}");
    let told = events.try_recv().ok();
    assert_eq!(told, Some(Event::Disputed { mandate: id, decide_by }));
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arbiter_that_does_not_rule_costs_the_payer_its_time_and_no_promise_is_broken() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let sale = world.sale(&payer, 70, 0);
    let receipt = processor.accept(sale.clone()).await.expect("accepted").receipt.message;
    let id = MandateHash::from_bytes(receipt.mandate_id.to_bytes());
    let (_, said) = open(&world, &processor, &payer, &sale).await;
    let decide_by = said.dispute.record.decide_by;
    // As long as the terms say, and the promise bears it.
    let agreed = receipt.issued_at.get() + WINDOW_S + RULING_S;
    assert!(decide_by.get().abs_diff(agreed) <= 1, "{decide_by}, agreed {agreed}");
    world.travel(WINDOW_S + RULING_S + 2);
    let late = processor.rule(world.ruled_by(&arbiter(1), id.bytes(), 0)).await;
    assert_eq!(code(&late), "too_late");
    settled_for(&world, &processor, id, 70).await;
    assert!(world.clock.now() < receipt.settle_by, "in time");
    let shown = processor.dispute(id).expect("read").expect("disputed");
    let shown = processor.dispute_status(shown, Vec::new()).expect("shown");
    assert_eq!(shown.status, DisputeStep::Closed);
    world.stop(processor).await;
}

/// Everything that is not as agreed, one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_objects_answers_or_rules_nor_for_another_reason_nor_twice() {
    let world = World::new().await;
    let [payer, stranger] = [world.payer(0, 1_000).await, world.payer(1, 1_000).await];
    let processor = world.start(world.config()).await;
    let sale = world.sale(&payer, 70, 0);
    let id = accepted(&processor, &sale).await;
    let good = world.dispute(&sale.signed, Reason::Overcharge, &[]);
    let open = async |signed| code(&processor.open_dispute(signed).await);

    let unknown = Dispute { mandate_id: B256::repeat_byte(1), ..good.clone() };
    assert_eq!(open(world.disputed_by_key(&payer, unknown)).await, "unknown_mandate");
    assert_eq!(open(world.disputed_by_key(&stranger, good.clone())).await, "bad_signature");
    assert_eq!(open(world.disputed_by(&stranger.key, good.clone())).await, "bad_signature");
    assert_eq!(open(world.disputed_by(&payee(1), good.clone())).await, "bad_signature");
    let mut altered = world.disputed_by_key(&payer, good.clone());
    if let aep2_mandate::typed_data::keyed::AnySigned::ByKey(signed) = &mut altered {
        signed.message.reason = Reason::ServiceNotDelivered;
    }
    assert_eq!(open(altered).await, "bad_signature", "another word than was signed");
    let defective = world.dispute(&sale.signed, Reason::ServiceDefective, &[]);
    assert_eq!(open(world.disputed_by_key(&payer, defective)).await, "not_disputable");
    let plain = world.mandate(&payer, 10, 1);
    processor.accept(plain.clone()).await.expect("accepted");
    let of_plain = world.dispute(&plain, Reason::Overcharge, &[]);
    assert_eq!(open(world.disputed_by_key(&payer, of_plain)).await, "not_disputable");

    // Nothing is to be said yet.
    let answer = async |answer| code(&processor.answer_dispute(id, answer).await);
    let rule = async |ruling| code(&processor.rule(ruling).await);
    assert_eq!(answer(world.answered_by(&payee(1), &good, 70)).await, "unknown_dispute");
    assert_eq!(rule(world.ruled_by(&arbiter(1), id.bytes(), 0)).await, "unknown_dispute");
    assert_eq!(rule(world.ruled_by(&arbiter(1), B256::ZERO, 0)).await, "unknown_mandate");

    assert_eq!(open(world.disputed_by(&payer.key, good.clone())).await, "done", "the owner");
    assert_eq!(open(world.disputed_by(&payer.key, good.clone())).await, "done", "the same again");
    let other = Dispute { text: "More.".to_owned(), ..good.clone() };
    assert_eq!(open(world.disputed_by(&payer.key, other.clone())).await, "dispute_conflict");

    assert_eq!(answer(world.answered_by(&payee(2), &good, 70)).await, "bad_signature");
    assert_eq!(answer(world.answered_by(&payee(1), &other, 70)).await, "dispute_conflict");
    assert_eq!(answer(world.answered_by(&payee(1), &good, 70)).await, "done");
    assert_eq!(answer(world.answered_by(&payee(1), &good, 70)).await, "done", "the same again");
    assert_eq!(answer(world.answered_by(&payee(1), &good, 0)).await, "dispute_conflict");

    for key in [arbiter(2), payee(1), payer.key.clone(), world.processor.clone()] {
        assert_eq!(rule(world.ruled_by(&key, id.bytes(), 0)).await, "bad_signature");
    }
    assert_eq!(rule(world.ruled_by(&arbiter(1), id.bytes(), 20)).await, "done");
    assert_eq!(rule(world.ruled_by(&arbiter(1), id.bytes(), 10)).await, "dispute_conflict");
    assert_eq!(reserved(&world, &processor, &payer), 20 + 10);
    audited(&processor);
    processor.shutdown().await;
    assert_eq!(open(world.disputed_by(&payer.key, good)).await, "not_ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_comes_when_the_time_is_over_is_too_late() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let sale = world.sale(&payer, 70, 0);
    let id = accepted(&processor, &sale).await;
    let dispute = world.dispute(&sale.signed, Reason::Other, &[]);
    world.travel(WINDOW_S + 1);
    let late = processor.open_dispute(world.disputed_by_key(&payer, dispute)).await;
    assert_eq!(code(&late), "too_late");
    // It waits for others from when it is let go.
    eventually("it is let go", async || holds(&processor, id).is_empty()).await;
    world.travel(world.config().windows.age_s_max);
    settled_for(&world, &processor, id, 70).await;
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ruling_lowers_what_was_captured_and_never_raises_it() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let ruled_and_settled = [
        // Captured, ruled, paid.
        (Some(50), 30, 30),
        (Some(50), 70, 50),
        (None, 1_000, 70),
        (None, 0, 0),
    ];
    let mut paid = 0;
    let mut ids = Vec::new();
    for (nonce, (captured, ruled, settled)) in ruled_and_settled.into_iter().enumerate() {
        let sale = world.sale(&payer, 70, nonce as u64);
        let id = accepted(&processor, &sale).await;
        let (..) = open(&world, &processor, &payer, &sale).await;
        if let Some(captured) = captured {
            let asked = capture(world.id(), id.bytes(), captured, &payee(1));
            let captured = processor.capture(asked).await.expect("captured").receipt.message;
            assert_eq!(captured.arbiter, arbiter(1).address(), "the processor's word names it too");
        }
        processor.rule(world.ruled_by(&arbiter(1), id.bytes(), ruled)).await.expect("ruled");
        let due = processor.mandate(id).expect("read").expect("known").due;
        assert_eq!(due.get(), settled);
        paid += settled;
        ids.push(id);
    }
    assert_eq!(reserved(&world, &processor, &payer), paid);
    world.travel(world.config().windows.age_s_max + 1);
    all_settled(&processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, paid);
    audited(&processor);
    world.stop(processor).await;
}

/// The receipt says 70, and so does what the processor signed of the capture. The arbiter left less.
#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_demands_what_an_arbiter_took_from_it_is_answered_with_the_ruling() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.at_once()).await;
    let (mut ids, mut receipts) = (Vec::new(), Vec::new());
    for (nonce, ruled) in [(0, 30), (1, 0)] {
        let sale = world.sale(&payer, 70, nonce);
        receipts.push(processor.accept(sale.clone()).await.expect("accepted").receipt);
        let id = world.id_of(&sale.signed).into();
        let (..) = open(&world, &processor, &payer, &sale).await;
        processor
            .rule(world.ruled_by(&arbiter(1), MandateHash::bytes(&id), ruled))
            .await
            .expect("ruled");
        ids.push(id);
    }
    all_settled(&processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, 30);
    world.travel(600 + (WINDOW_S + RULING_S) * 4 / 3 + 2);
    world.demand(&receipts).await;
    for (receipt, due) in receipts.iter().zip([30, 0]) {
        let digest = aep2_mandate::typed_data::TypedData::digest(
            &receipt.message,
            &world.id().eip712_domain(),
        );
        eventually("the ruling is shown", async || {
            let demand = world.guarantee().demand(digest).await.expect("an answer");
            demand.expect("a demand").due.get() == due
        })
        .await;
    }
    eventually("what was paid is shown", async || {
        world.paid(&receipts[0].message).await.shown.get() == 30
    })
    .await;
    world.let_the_response_window_pass();
    world.claim(&[receipts[0].message, receipts[1].message]).await;
    assert_eq!((world.bonded().await, world.holds(payee_address(1)).await), (500, 30));
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_the_payer_did_not_sign_or_that_ask_for_too_much_are_refused() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let most = processor.identity().disputes_within_s;
    assert!(most >= WINDOW_S + RULING_S);

    // The payee would rather have its friend decide, or nobody.
    let mut other = world.sale(&payer, 70, 0);
    let friend = |seconds| {
        Disputes::new(arbiter(2).address(), seconds, 1, vec![Reason::Other], false).expect("terms")
    };
    let preimage = other.preimage.as_mut().expect("terms");
    preimage.disputes = Some(friend(10));
    assert_eq!(refused(&processor.accept(other.clone()).await), "other_terms");
    other.preimage.as_mut().expect("terms").disputes = None;
    assert_eq!(refused(&processor.accept(other).await), "other_terms");

    let long = world.sale_on(&payer, 70, 0, Some(friend(most)));
    assert_eq!(refused(&processor.accept(long).await), "disputes_too_long");
    let fits = world.sale_on(&payer, 70, 0, Some(friend(most - 1)));
    assert_eq!(refused(&processor.accept(fits.clone()).await), "accepted");
    // Without the terms, or again with them: what was promised first.
    let again = processor.accept(fits.signed.clone()).await.expect("accepted");
    assert!(again.again && again.receipt.message.arbiter == arbiter(2).address());

    // Whoever hands a mandate in without its terms gets no hold: payers see it in the receipt.
    let silent = world.sale(&payer, 70, 1);
    let told = processor.accept(silent.signed.clone()).await.expect("accepted");
    assert_eq!(told.receipt.message.arbiter, Address::ZERO);
    let told = processor.accept(silent).await.expect("accepted");
    assert!(told.again && told.receipt.message.arbiter == Address::ZERO);
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_disputed_has_a_share_and_is_refused_where_disputes_are_not_served() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.disputes.held_by_account_max = 2;
    let processor = world.start(config.clone()).await;
    for nonce in 0..2 {
        let (..) = (accepted(&processor, &world.sale(&payer, 1, nonce)).await,);
    }
    assert_eq!(refused(&processor.accept(world.sale(&payer, 1, 2)).await), "limit_exceeded");
    assert_eq!(refused(&processor.accept(world.mandate(&payer, 1, 3)).await), "accepted");
    world.stop(processor).await;
    // What lives still counts after a restart.
    let processor = world.start(config.clone()).await;
    assert_eq!(refused(&processor.accept(world.sale(&payer, 1, 2)).await), "limit_exceeded");
    world.stop(processor).await;
    config.disputes.seconds_max = 0;
    let processor = world.start(config).await;
    assert_eq!(processor.identity().disputes_within_s, 0);
    assert_eq!(refused(&processor.accept(world.sale(&payer, 1, 4)).await), "disputes_too_long");
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_that_its_key_was_stolen_has_that_key_frozen_until_there_is_another() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let terms = disputes_for(vec![Reason::Unauthorized]);
    let sale = world.sale_on(&payer, 70, 0, Some(terms));
    accepted(&processor, &sale).await;
    let dispute = world.dispute(&sale.signed, Reason::Unauthorized, &[]);
    processor.open_dispute(world.disputed_by(&payer.key, dispute)).await.expect("opened");
    assert_eq!(refused(&processor.accept(world.mandate(&payer, 1, 1)).await), "frozen");
    let gates = processor.gates();
    assert!(gates.iter().any(|(_, reason, _)| *reason == GateReason::Unauthorized));
    // The owner itself pays, and so does another key of the same account.
    let direct = payer.sign_directly(world.id(), world.payment(1, 7));
    processor.accept_direct(direct).await.expect("accepted");
    let renewed = Payer { seed: [0x77; 32], ..payer.clone() };
    let key_hash = KeyHash::of(&renewed.secret().public());
    world.send(&payer.key, &world.id().rotate_key(payer.account, key_hash)).await;
    world.travel(DELAY_SECONDS);
    eventually("the new key pays", async || {
        world.travel(1);
        processor.accept(world.mandate(&renewed, 1, 9)).await.is_ok()
    })
    .await;
    world.stop(processor).await;
}

/// As many as one machine settles in a while, all held to the same second.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_are_held_to_one_instant_all_settle_in_time() {
    let world = World::new().await;
    let payer = world.payer(0, 10_000).await;
    let processor = world.start(segments(&world)).await;
    let (mut ids, mut settle_by) = (Vec::new(), UnixTime::MAX);
    for nonce in 0..48 {
        let sale = world.sale(&payer, 5, nonce);
        let receipt = processor.accept(sale).await.expect("accepted").receipt.message;
        settle_by = settle_by.min(receipt.settle_by);
        ids.push(MandateHash::from_bytes(receipt.mandate_id.to_bytes()));
    }
    world.travel(WINDOW_S + 1);
    all_settled(&processor, &ids).await;
    assert!(world.clock.now() < settle_by);
    assert_eq!(world.holds(payee_address(1)).await, 5 * 48);
    assert!(settled_batches(&processor).len() < 48, "together");
    audited(&processor);
    world.stop(processor).await;
}

fn segments(world: &World) -> ProcessorConfig {
    let mut config = world.at_once();
    config.windows.segments_max = 8;
    config
}
