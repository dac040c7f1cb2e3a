//! What acceptance must never get wrong: the order of its answers, one promise a nonce, no more
//! promised than there is, and the same receipt for the same mandate, whatever happens in between.

use std::{collections::HashSet, sync::Arc, time::Duration};

use aep2_chain::wallet::{
    terms::{Terms, VerifierList},
    units::{BaseUnits, VerifierSetId},
};
use aep2_circuits::Shape;
use aep2_ledger::{Close, GateReason, GateScope, MandateHash};
use aep2_mandate::{
    eddsa,
    mandate::SignedMandate,
    typed_data::{
        self, TypedData,
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Ceiling, UnixTime},
};
use aep2_processor::{
    Event, Processor,
    accept::AcceptError,
    policy::{Policy, PolicyRefusal, RefusalKind, Request},
    view::MandateState,
};
use aep2_tests::{
    payers::{Payer, Payment, payee_address},
    world::{DELAY_SECONDS, World, eventually, settle_by_hand},
};
use alloy::primitives::{Address, U256};
use futures::future::join_all;

fn code<T>(answer: Result<T, AcceptError>) -> &'static str {
    match answer {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}

/// What the account with this payer's number has left, and what is reserved on it.
fn free_and_reserved(world: &World, processor: &Processor, payer: &Payer) -> (u128, u128) {
    let account = processor.account(payer.account).expect("read").expect("known");
    let purse = account.purses.iter().find(|purse| purse.token == world.token());
    purse.map_or((0, 0), |purse| (purse.free.get(), purse.reserved.get()))
}

/// Refuses one payee.
struct NotTo(Address);

impl Policy for NotTo {
    fn allow(&self, request: &Request) -> Result<(), PolicyRefusal> {
        if request.payee == self.0 {
            let message = "this payee is not served".to_owned();
            return Err(PolicyRefusal { kind: RefusalKind::Refused, message });
        }
        Ok(())
    }
}

/// With the signature of another mandate.
fn forged(mut signed: SignedMandate, other: &SignedMandate) -> SignedMandate {
    signed.signature = other.signature;
    signed
}

/// Nobody takes money out of the address 0, of the wallet itself, or of the token's contract.
#[tokio::test(flavor = "multi_thread")]
async fn a_payee_whose_money_is_lost_is_refused() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    for lost in [Address::ZERO, world.id().address, world.token()] {
        let payment = Payment { payee: lost, ..world.payment(100, 0) };
        let mandate = payer.sign(world.id(), payment);
        assert_eq!(code(processor.check(&mandate)), "lost_payee");
        assert_eq!(code(processor.accept(mandate).await), "lost_payee");
    }
    processor.shutdown().await;
}

/// One mandate that is wrong in every way is mended one way after the other: each time the answer is
/// the next one of the stated order.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_reason_of_the_stated_order_is_the_answer() {
    let world = World::new().await;
    let other_set = VerifierList::new({
        let mut list = world.deployment.verifier_list().expect("a list").verifiers().to_vec();
        list[0].shape = Shape::TEST;
        list
    });
    let other_set = other_set.expect("a list");
    world.send(&world.processor, &world.id().register_verifiers(&other_set)).await;
    let other_set = Some(other_set.id());
    let trusting_others = |terms| Terms { verifier_set: other_set, key_hash: None, ..terms };
    let of_another = world.payer_of(0, 0, trusting_others).await;
    leave(&world, &of_another, other_set).await;
    let trusting_others = world.payer_of(1, 0, trusting_others).await;
    let payer = world.payer(2, 60).await;
    let spent = world.mandate(&payer, 20, 7);
    settle_by_hand(&world, &spent).await;

    let mut config = world.config();
    config.acceptance.tokens = vec![(world.token(), Ceiling::new(10).expect("a ceiling"))];
    let refused_payee = payee_address(9);
    let policies: Vec<Arc<dyn Policy>> = vec![Arc::new(NotTo(refused_payee))];
    let parts = world.parts();
    let processor = Processor::start_with(parts, config, policies).await.expect("started");
    world.ready(&processor).await;
    // Takes nonce 8 and leaves 5.
    processor.accept(world.mandate(&payer, 35, 8)).await.expect("accepted");
    let terms = world.terms_of(&payer);
    world.send(&payer.key, &world.id().set_processor(payer.account, &terms)).await;
    world.travel(2_900);
    world.ready(&processor).await;

    // Wrong in every way.
    let stranger = world.payer_unopened(3, AccountId::new(999).expect("an account"));
    let now = || world.clock.now();
    let mut payment = world.payment(5, 7);
    payment.token = Address::repeat_byte(0x77);
    payment.payee = refused_payee;
    payment.deadline = UnixTime::new(now().get() - 10).expect("a time");
    let answer = async |mandate: SignedMandate| {
        let checked = code(processor.check(&mandate));
        let answered = code(processor.accept(mandate).await);
        assert_eq!(checked, answered, "checking sees what accepting sees");
        answered
    };
    let sign = |payer: &Payer, payment| forged(payer.sign(world.id(), payment), &spent);

    assert_eq!(answer(sign(&stranger, payment)).await, "unsupported_token");
    payment.token = world.token();
    assert_eq!(answer(sign(&stranger, payment)).await, "amount_too_small");
    payment.amount = 10;
    assert_eq!(answer(sign(&stranger, payment)).await, "expired");
    payment.deadline = world.later(590);
    assert_eq!(answer(sign(&stranger, payment)).await, "deadline_too_near");
    payment.deadline = world.later(7_200);
    world.clock.advance(700);
    assert_eq!(answer(sign(&stranger, payment)).await, "not_ready", "the view is too old");
    world.clock.advance(-700);
    assert_eq!(answer(sign(&stranger, payment)).await, "unknown_account");
    assert_eq!(answer(sign(&of_another, payment)).await, "other_processor");
    closed_gates(&processor, &sign(&trusting_others, payment)).await;
    assert_eq!(answer(sign(&trusting_others, payment)).await, "other_verifiers");
    let with_another_key = Payer { seed: [0x11; 32], ..payer.clone() };
    assert_eq!(answer(sign(&with_another_key, payment)).await, "unknown_key");
    assert_eq!(answer(sign(&payer, payment)).await, "nonce_spent");
    payment.nonce = 8;
    assert_eq!(answer(sign(&payer, payment)).await, "nonce_conflict");
    payment.nonce = 9;
    assert_eq!(answer(sign(&payer, payment)).await, "change_pending");
    world.send(&payer.key, &world.id().cancel_change(payer.account)).await;
    world.ready(&processor).await;
    assert_eq!(answer(sign(&payer, payment)).await, "insufficient_funds");
    world.fund(&payer, 100).await;
    world.ready(&processor).await;
    assert_eq!(answer(sign(&payer, payment)).await, "bad_signature");
    assert_eq!(answer(payer.sign(world.id(), payment)).await, "policy_refused");
    payment.payee = payee_address(1);
    let good = denied_gate(&processor, payer.sign(world.id(), payment), &spent).await;
    assert_eq!(answer(good.clone()).await, "accepted");

    // From now on it is known, whatever else is wrong.
    world.clock.advance(100_000);
    let again = processor.accept(good.clone()).await.expect("its receipt");
    assert!(again.again);
    assert_eq!(answer(forged(good, &spent)).await, "bad_signature", "an id alone gets nothing");
    processor.shutdown().await;
    assert_eq!(code(processor.accept(spent.clone()).await), "not_ready", "it is stopping");
    assert_eq!(code(processor.check(&spent)), "not_ready");
}

/// The payer chooses another processor.
async fn leave(world: &World, payer: &Payer, verifier_set: Option<VerifierSetId>) {
    let processor = Address::repeat_byte(0x99);
    let terms = Terms { processor, verifier_set, key_hash: None };
    world.send(&payer.key, &world.id().set_processor(payer.account, &terms)).await;
    world.travel(DELAY_SECONDS);
    world.send(&payer.key, &world.id().apply_change(payer.account)).await;
}

/// Whom compliance denied is told to whoever has a signature, and to nobody else.
async fn denied_gate(
    processor: &Processor,
    good: SignedMandate,
    spent: &SignedMandate,
) -> SignedMandate {
    let scope = GateScope::Payee { payee: good.mandate.payee };
    let reason = GateReason::Denied;
    let close = Close { scope, reason, by: "compliance".into(), note: "secret".into() };
    assert!(processor.close_gate(close).await.expect("closed"));
    let told = processor.accept(good.clone()).await.expect_err("closed");
    assert_eq!(told.code(), "policy_refused");
    let message = told.to_string();
    assert!(!message.contains("secret") && !message.contains("0x"), "{message}");
    let made_up = forged(good.clone(), spent);
    assert_eq!(code(processor.accept(made_up.clone()).await), "bad_signature");
    assert_eq!(code(processor.check(&made_up)), "bad_signature");
    assert!(processor.open_gate(scope, reason).await.expect("opened"));
    good
}

/// A mandate that is refused because the gate is closed, for one scope after the other. Whoever is refused
/// is not told the operator's note.
async fn closed_gates(processor: &Processor, signed: &SignedMandate) {
    let (account, payee) = (signed.mandate.account, signed.mandate.payee);
    let closed = [
        (GateReason::Paused, GateScope::All, "paused"),
        (GateReason::Frozen, GateScope::Account { account }, "frozen"),
        (GateReason::Frozen, GateScope::Payee { payee }, "frozen"),
    ];
    for (reason, scope, expected) in closed {
        let close = Close { scope, reason, by: "operator".into(), note: "secret".into() };
        assert!(processor.close_gate(close).await.expect("closed"));
        let told = processor.check(signed).expect_err("closed");
        assert_eq!(told.code(), expected);
        assert!(!told.to_string().contains("secret"), "{told}");
        assert_eq!(code(processor.accept(signed.clone()).await), expected);
        assert!(processor.open_gate(scope, reason).await.expect("opened"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_the_processors_word_on_exactly_this_mandate() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let mut events = processor.events();
    let mandate = world.mandate(&payer, 300, 5);
    let before = world.clock.now();
    let acceptance = processor.accept(mandate.clone()).await.expect("accepted");
    let after = world.clock.now();

    let domain = typed_data::domain(world.id().chain_id, world.id().address);
    acceptance.receipt.verify(&domain, world.processor.address()).expect("the processor's");
    let receipt = acceptance.receipt.message;
    assert_eq!(receipt.mandate_id, world.id_of(&mandate));
    assert_eq!(acceptance.mandate_id, receipt.mandate_id);
    assert_eq!((receipt.account, receipt.nonce), (payer.account, mandate.mandate.nonce));
    assert_eq!((receipt.token, receipt.payee), (world.token(), mandate.mandate.payee));
    assert_eq!(receipt.amount, mandate.mandate.amount);
    let within = processor.identity().settle_within_s;
    let accepted_at = receipt.settle_by.get() - within;
    assert!((before.get()..=after.get()).contains(&accepted_at));

    let event = tokio::time::timeout(Duration::from_secs(5), events.recv()).await;
    let Ok(Ok(Event::Accepted { mandate: told, amount, settle_by, .. })) = event else {
        panic!("{event:?}");
    };
    assert_eq!(told, MandateHash::from(receipt.mandate_id));
    assert_eq!((amount.get(), settle_by), (300, receipt.settle_by));
    assert_eq!(free_and_reserved(&world, &processor, &payer), (700, 300));
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_never_spend_the_last_funds_twice() {
    let world = World::new().await;
    let payer = world.payer(0, 205).await;
    let processor = world.start(world.config()).await;
    let accepting = (0..64).map(|nonce| {
        let (processor, mandate) = (processor.clone(), world.mandate(&payer, 10, nonce));
        tokio::spawn(async move { processor.accept(mandate).await })
    });
    let answers = join_all(accepting.collect::<Vec<_>>()).await;
    let codes: Vec<_> = answers.into_iter().map(|answer| code(answer.expect("no panic"))).collect();
    assert_eq!(codes.iter().filter(|code| **code == "accepted").count(), 20);
    assert_eq!(codes.iter().filter(|code| **code == "insufficient_funds").count(), 44);
    assert_eq!(free_and_reserved(&world, &processor, &payer), (5, 200));
    assert!(processor.audit().expect("read").findings.is_empty());
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_nonce_gets_one_promise_however_many_ask_at_once() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let mandates: Vec<_> = (1..=32).map(|amount| world.mandate(&payer, amount, 3)).collect();
    let answers = processor.accept_many(mandates.clone()).await;
    let accepted: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(accepted.len(), 1);
    let refused = answers.iter().filter(|answer| code((*answer).clone()) == "nonce_conflict");
    assert_eq!(refused.count(), 31);

    // The same mandate, however: the same receipt for all, and one that was the first.
    let mandate = world.mandate(&payer, 5, 4);
    let again = join_all((0..32).map(|_| processor.accept(mandate.clone()))).await;
    let again: Vec<_> = again.into_iter().map(|answer| answer.expect("accepted")).collect();
    assert_eq!(again.iter().filter(|acceptance| !acceptance.again).count(), 1);
    let receipts: HashSet<_> = again.iter().map(|acceptance| acceptance.receipt).collect();
    assert_eq!(receipts.len(), 1, "receipts that differ would both be owed");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_among_many_take_nobody_with_them() {
    let world = World::new().await;
    let payers = [world.payer(0, 10_000).await, world.payer(1, 10_000).await];
    let processor = world.start(world.config()).await;
    let mut mandates: Vec<_> =
        (0..100).map(|index| world.mandate(&payers[index % 2], 10, index as u64)).collect();
    let forgeries = [0, 17, 18, 63, 99];
    let stolen: Vec<_> = mandates.iter().map(|signed| signed.signature).collect();
    for index in forgeries {
        mandates[index].signature = stolen[(index + 2) % 100];
    }
    for (index, answer) in processor.accept_many(mandates).await.into_iter().enumerate() {
        let expected = if forgeries.contains(&index) { "bad_signature" } else { "accepted" };
        assert_eq!(code(answer), expected, "mandate {index}");
    }
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_waits_for_loses_and_leaks_nothing() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.acceptance.waiting_max = 4;
    let processor = world.start(config).await;
    let mandates: Vec<_> = (0..12).map(|nonce| world.mandate(&payer, 10, nonce)).collect();
    for mandate in &mandates {
        loop {
            // Dropped as soon as it has begun, unless it was turned away or is done at once.
            let accepting = processor.accept(mandate.clone());
            match tokio::time::timeout(Duration::ZERO, accepting).await {
                Ok(Err(AcceptError::Busy { .. })) => tokio::task::yield_now().await,
                Ok(Err(error)) => panic!("{error}"),
                Err(_) | Ok(Ok(_)) => break,
            }
        }
    }
    eventually("all are carried out", async || {
        free_and_reserved(&world, &processor, &payer) == (1_000 - 120, 120)
    })
    .await;
    for mandate in mandates {
        assert!(processor.accept(mandate).await.expect("its receipt").again);
    }
    // All places are free again.
    let more = (100..104).map(|nonce| world.mandate(&payer, 10, nonce)).collect();
    assert!(processor.accept_many(more).await.iter().all(Result::is_ok));
    let instruments = processor.metrics().encode().expect("text");
    assert!(instruments.contains("aep2_requests_waiting 0\n"), "{instruments}");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_beyond_the_queue_are_turned_away_at_once() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.acceptance.waiting_max = 5;
    let processor = world.start(config).await;
    let mandates: Vec<_> = (0..64).map(|nonce| world.mandate(&payer, 10, nonce)).collect();
    let answers = processor.accept_many(mandates.clone()).await;
    let codes: Vec<_> = answers.into_iter().map(code).collect();
    assert!(codes[..5].iter().all(|code| *code == "accepted"), "{codes:?}");
    assert!(codes[5..].iter().all(|code| *code == "too_many_requests"), "{codes:?}");
    assert_eq!(free_and_reserved(&world, &processor, &payer), (950, 50));
    assert_eq!(
        code(processor.accept(mandates[5].clone()).await),
        "accepted",
        "there is room again"
    );
    processor.shutdown().await;
}

/// The request is in a block that does not count yet, and limits acceptance all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_limits_acceptance_from_its_first_sight() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.follower.confirmations = 6;
    for _ in 0..6 {
        world.chain.mine().expect("a block");
    }
    let processor = Processor::start(world.parts(), config).await.expect("started");
    eventually("the deposit counts", async || {
        processor.readiness().ready
            && processor.account(payer.account).expect("read").is_some()
            && free_and_reserved(&world, &processor, &payer) == (1_000, 0)
    })
    .await;
    let asking = world.id().request_withdrawal(payer.account, world.token(), BaseUnits::new(900));
    world.send(&payer.key, &asking).await;
    eventually("it is seen", async || free_and_reserved(&world, &processor, &payer) == (100, 0))
        .await;
    let applied = processor.readiness().chain.block.expect("a block");
    assert!(applied + 1 < world.head().await, "its block is not applied");
    assert_eq!(code(processor.accept(world.mandate(&payer, 101, 0)).await), "insufficient_funds");
    assert_eq!(code(processor.accept(world.mandate(&payer, 100, 0)).await), "accepted");
    processor.shutdown().await;
}

/// So is a change; what is settled before it is in force is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_limits_acceptance_from_its_first_sight() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.follower.confirmations = 6;
    config.acceptance.settle_within_s = 1_500;
    for _ in 0..6 {
        world.chain.mine().expect("a block");
    }
    let processor = Processor::start(world.parts(), config).await.expect("started");
    eventually("the deposit counts", async || {
        processor.readiness().ready
            && processor.account(payer.account).expect("read").is_some()
            && free_and_reserved(&world, &processor, &payer) == (1_000, 0)
    })
    .await;
    world.send(&payer.key, &world.id().revoke_key(payer.account)).await;
    let changes_from = async || {
        let account = processor.account(payer.account).expect("read").expect("known");
        assert!(account.pending_change.is_none(), "its block is not applied");
        account.changes_from.is_some()
    };
    eventually("it is seen", changes_from).await;
    assert_eq!(code(processor.accept(world.mandate(&payer, 10, 0)).await), "accepted");
    // 3,600 seconds from the request, less the margin, less the time to settle: 1,980.
    world.travel(1_990);
    for _ in 0..6 {
        world.chain.mine().expect("a block");
    }
    let head = world.head().await;
    eventually("the time has come", async || processor.readiness().chain.block == Some(head - 6))
        .await;
    let answer = processor.accept(world.mandate(&payer, 10, 1)).await;
    assert_eq!(code(answer), "change_pending");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_survive_a_restart() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let mandates: Vec<_> = (0..9).map(|nonce| world.mandate(&payer, 10, nonce)).collect();
    let before = processor.accept_many(mandates.clone()).await;
    let before: Vec<_> = before.into_iter().map(|answer| answer.expect("accepted")).collect();
    world.stop(processor).await;

    let processor = world.start(world.config()).await;
    assert_eq!(free_and_reserved(&world, &processor, &payer), (910, 90));
    for (mandate, before) in mandates.into_iter().zip(before) {
        let after = processor.accept(mandate).await.expect("its receipt");
        assert!(after.again);
        assert_eq!(after.receipt, before.receipt);
        let status = processor.mandate(before.mandate_id.into()).expect("read").expect("known");
        assert_eq!(status.state, MandateState::Queued);
    }
    let conflicting = world.mandate(&payer, 11, 0);
    assert_eq!(code(processor.accept(conflicting).await), "nonce_conflict");
    processor.shutdown().await;
}

/// Each word of nonces costs a storage slot; only so many are open at a time, also after a restart,
/// and they are free again when their mandates have ended.
#[tokio::test(flavor = "multi_thread")]
async fn nonces_that_are_strewn_about_are_limited() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.acceptance.nonce_words_max = 2;
    // Nobody has time to settle them.
    config.windows.capture_within_s = 100_000;
    let processor = world.start(config.clone()).await;
    let mandate = |nonce, seconds| {
        let payment = Payment { deadline: world.later(seconds), ..world.payment(10, nonce) };
        payer.sign(world.id(), payment)
    };
    let ask =
        async |processor: &Processor, nonce| code(processor.accept(mandate(nonce, 700)).await);
    assert_eq!(ask(&processor, 0).await, "accepted");
    assert_eq!(ask(&processor, 128).await, "accepted");
    assert_eq!(ask(&processor, 256).await, "limit_exceeded");
    assert_eq!(code(processor.check(mandate(256, 700))), "limit_exceeded");
    assert_eq!(ask(&processor, 129).await, "accepted", "in a word that is open");
    let refused = world.mandate(&payer, 2_000, 1 << 40);
    assert_eq!(code(processor.accept(refused).await), "insufficient_funds");
    world.stop(processor).await;

    let processor = world.start(config).await;
    assert_eq!(ask(&processor, 256).await, "limit_exceeded", "it is known after a restart");
    assert_eq!(ask(&processor, 1).await, "accepted");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_mvps_mandates_get_its_receipts() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let mandate = payer.sign_directly(world.id(), world.payment(400, 77));
    let acceptance = processor.accept_direct(mandate).await.expect("accepted");
    assert!(!acceptance.again);
    let receipt = acceptance.receipt;
    let domain = typed_data::domain(world.id().chain_id, world.id().address);
    assert_eq!(receipt.mandate_digest, mandate.message.digest(&domain));
    let signer = typed_data::direct::recover_direct_receipt_signer(
        &receipt.signature,
        receipt.mandate_digest,
        U256::from(receipt.settle_by.get()),
    );
    assert_eq!(signer, Ok(world.processor.address()));
    assert_eq!(free_and_reserved(&world, &processor, &payer), (600, 400));
    let json = serde_json::to_value(&acceptance).expect("json");
    assert_eq!(json["sp"], world.processor.address().to_string());
    assert_eq!(json["mandateDigest"], receipt.mandate_digest.to_string());
    assert_eq!(json["enqueueDeadline"], receipt.settle_by.get());
    assert_eq!(json["spEnqueueSig"], receipt.signature.to_string());
    assert_eq!(json.as_object().map(|fields| fields.len()), Some(4));

    let again = processor.accept_direct(mandate).await.expect("its receipt");
    assert!(again.again && again.receipt == receipt);
    let mut forged = mandate;
    forged.signature = payer.sign_directly(world.id(), world.payment(400, 78)).signature;
    assert_eq!(code(processor.accept_direct(forged).await), "bad_signature", "known, and forged");
    let mut forged = payer.sign_directly(world.id(), world.payment(400, 79));
    forged.signature = mandate.signature;
    assert_eq!(code(processor.accept_direct(forged).await), "bad_signature");
    let other = payer.sign_directly(world.id(), world.payment(1, 77));
    assert_eq!(code(processor.accept_direct(other).await), "nonce_conflict");
    let all = payer.sign_directly(world.id(), world.payment(601, 80));
    assert_eq!(code(processor.accept_direct(all).await), "insufficient_funds");
    let mut huge = payer.sign_directly(world.id(), world.payment(1, 81));
    huge.message.amount = U256::MAX;
    assert_eq!(code(processor.accept_direct(huge).await), "insufficient_funds");
    let stranger = world.payer_unopened(5, payer.account);
    let unknown = stranger.sign_directly(world.id(), world.payment(1, 0));
    assert_eq!(code(processor.accept_direct(unknown).await), "unknown_account");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_promises_nothing() {
    let world = World::new().await;
    let payer = world.payer(0, 100).await;
    let processor = world.start(world.config()).await;
    let mandate = world.mandate(&payer, 100, 0);
    processor.check(&mandate).expect("it would be accepted");
    assert_eq!(free_and_reserved(&world, &processor, &payer), (100, 0));
    assert_eq!(processor.mandate(world.id_of(&mandate).into()).expect("read"), None);
    processor.accept(mandate.clone()).await.expect("accepted");
    processor.check(&mandate).expect("it is accepted");
    assert_eq!(code(processor.check(world.mandate(&payer, 100, 1))), "insufficient_funds");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_and_refused_is_counted() {
    let world = World::new().await;
    let payer = world.payer(0, 100).await;
    let processor = world.start(world.config()).await;
    processor.accept(world.mandate(&payer, 60, 0)).await.expect("accepted");
    processor.accept(world.mandate(&payer, 60, 0)).await.expect("its receipt");
    let _ = processor.accept(world.mandate(&payer, 60, 1)).await;
    let _ = processor.accept(world.mandate(&payer, 70, 0)).await;
    let text = processor.metrics().encode().expect("text");
    let token = world.token();
    for line in [
        "aep2_mandates_accepted_total 1",
        "aep2_mandates_repeated_total 1",
        "aep2_mandates_refused_total{code=\"insufficient_funds\"} 1",
        "aep2_mandates_refused_total{code=\"nonce_conflict\"} 1",
        "aep2_accept_duration_seconds_count 2",
        "aep2_requests_waiting 0",
        &format!("aep2_mandates_queued{{path=\"proved\",token=\"{token}\"}} 1"),
        &format!("aep2_reserved_base_units{{token=\"{token}\"}} 60"),
        "aep2_ledger_failed 0",
        "aep2_purses_overdrawn 0",
    ] {
        let line = line.strip_suffix(".0").unwrap_or(line);
        let found = text.lines().any(|found| found.strip_suffix(".0").unwrap_or(found) == line);
        assert!(found, "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    processor.shutdown().await;
}

/// What each step costs one thread.
fn steps(world: &World, payer: &Payer) {
    let count = 256;
    let mandates: Vec<_> =
        (0..count).map(|nonce| world.mandate(payer, 1, 1 << 40 | nonce)).collect();
    let report = |what: &str, begun: std::time::Instant| {
        println!("{what}: {:.1} µs", begun.elapsed().as_secs_f64() * 1e6 / count as f64);
    };
    let begun = std::time::Instant::now();
    let ids: Vec<_> = mandates.iter().map(|signed| world.id_of(signed)).collect();
    report("id", begun);
    let begun = std::time::Instant::now();
    assert!(mandates.iter().all(|signed| signed.key.hash() != aep2_mandate::field::Fr::from(0u64)));
    report("key hash", begun);
    let signed = mandates.iter().zip(&ids);
    let signed: Vec<_> =
        signed.map(|(signed, id)| (signed.key, id.element(), signed.signature)).collect();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    for together in [1, 8, 64, 256] {
        let begun = std::time::Instant::now();
        for chunk in signed.chunks(together) {
            let verify = || eddsa::verify_many(chunk, &mut rand::thread_rng());
            alone.install(verify).expect("they hold");
        }
        report(&format!("signature, {together} together"), begun);
    }
    let domain = typed_data::domain(world.id().chain_id, world.id().address);
    let begun = std::time::Instant::now();
    for (signed, id) in mandates.iter().zip(&ids) {
        let mandate = &signed.mandate;
        let receipt = Receipt {
            mandate_id: *id,
            processor: world.processor.address(),
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: Address::ZERO,
            amount: mandate.amount,
            issued_at: UnixTime::MIN,
            deadline: mandate.deadline,
            settle_by: mandate.deadline,
        };
        SignedReceipt::sign(receipt, &world.processor, &domain).expect("signed");
    }
    report("receipt", begun);
}

/// The time that all cores gave this process so far, where the system says it (in hundredths).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// How many a second, on this machine, in this process, synced to this disk. Printed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; run it alone, in release or with the tests' profile"]
async fn accepts_per_second() {
    let world = World::new().await;
    let mut payers = Vec::new();
    for number in 0..4 {
        payers.push(world.payer(number, 1_000_000).await);
    }
    let mut config = world.config();
    config.acceptance.nonce_words_max = 1_000;
    config.windows.capture_within_s = 100_000;
    let processor = world.start(config).await;
    steps(&world, &payers[0]);
    let rounds = [(1usize, 500usize), (8, 2_000), (64, 6_000), (256, 8_000), (1_024, 8_000)];
    let mut nonces = 0u64..;
    for (clients, taken) in rounds {
        let next = |index: usize| {
            world.mandate(&payers[index % 4], 1, nonces.next().expect("there are more"))
        };
        let mandates: Vec<_> = (0..taken).map(next).collect();
        let (begun, cpu) = (std::time::Instant::now(), cpu_seconds());
        let each = taken.div_ceil(clients);
        let clients: Vec<_> = mandates
            .chunks(each)
            .map(|own| {
                let (processor, own) = (processor.clone(), own.to_vec());
                tokio::spawn(async move {
                    let mut took = Vec::with_capacity(own.len());
                    for mandate in own {
                        let begun = std::time::Instant::now();
                        processor.accept(mandate).await.expect("accepted");
                        took.push(begun.elapsed());
                    }
                    took
                })
            })
            .collect();
        let count = clients.len();
        let mut took: Vec<_> =
            join_all(clients).await.into_iter().flat_map(|own| own.expect("no panic")).collect();
        let rate = taken as f64 / begun.elapsed().as_secs_f64();
        let cpu = (cpu_seconds() - cpu) * 1e6 / taken as f64;
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        println!(
            "{count} at a time: {rate:.0}/s, {cpu:.0} µs of all cores each, p50 {:?}, p95 {:?}, p99 {:?}",
            at(0.5),
            at(0.95),
            at(0.99)
        );
    }
    processor.shutdown().await;
}
