//! From accepted to settled: windows close, are proved, and settle in one transaction each.

use aep2_chain::{
    call::Call,
    contracts::TestUSD,
    deployment::KeyOfShape,
    token::approve,
    transact::transact,
    wallet::{
        terms::{ShapeVerifier, Terms, VerifierList},
        units::BaseUnits,
    },
};
use aep2_circuits::Shape;
use aep2_mandate::units::Ceiling;
use aep2_processor::{
    Parts, Processor,
    view::{BatchStep, MandateState},
};
use aep2_tests::{
    payers::{Payment, capture, payee, payee_address},
    settling::{
        accept_all, all_settled, audited, batches, chain_of, is_settled, is_spent, settled_batches,
        state,
    },
    world::{World, dev_key, eventually},
};
use alloy::{consensus::Transaction, providers::Provider};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_window_settles_in_one_transaction_and_waits_for_nobody() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let mandates = chain_of(&world, &ann, 70, 0..4);
    let ids = accept_all(&processor, mandates[..3].to_vec()).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(batches(&processor), [], "it waits for company");
    let mut all = ids;
    all.extend(accept_all(&processor, mandates[3..].to_vec()).await);
    all_settled(&processor, &all).await;
    assert_eq!(settled_batches(&processor).len(), 1);
    assert_eq!(world.holds(payee_address(1)).await, 4 * 70);
    assert_eq!(world.balance(&ann).await, 1_000 - 4 * 70);
    let BatchStep::Confirmed { transaction, .. } = batches(&processor)[0].step else {
        panic!("confirmed")
    };
    let provider = world.chain.provider();
    let sent = provider.get_transaction_by_hash(transaction).await.expect("asked").expect("sent");
    let receipt = provider.get_transaction_receipt(transaction).await.expect("asked");
    let spare = sent.gas_limit() - receipt.expect("mined").gas_used;
    assert!(spare >= 200_000, "only {spare} gas more than it used");
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_nobody_joins_closes_by_its_age() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let ids = accept_all(&processor, [world.mandate(&ann, 70, 0)]).await;
    world.travel(100);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(state(&processor, ids[0]), MandateState::Queued);
    world.travel(20);
    all_settled(&processor, &ids).await;
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_due_does_not_wait_for_age() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.acceptance.settle_within_s = 1_500;
    config.windows.age_s_max = 1_200;
    let processor = world.start(config).await;
    let ids = accept_all(&processor, [world.mandate(&ann, 70, 0)]).await;
    // The margin is 240 seconds, and a quarter more.
    world.travel(1_500 - 300 - 60);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(state(&processor, ids[0]), MandateState::Queued);
    world.travel(60);
    all_settled(&processor, &ids).await;
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_payees_captured_is_what_moves() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let ids = accept_all(&processor, chain_of(&world, &ann, 100, 0..3)).await;
    for (id, amount) in [(ids[0], 0), (ids[1], 30)] {
        let asked = capture(world.id(), id.bytes(), amount, &payee(1));
        processor.capture(asked).await.expect("captured");
    }
    world.travel(120);
    all_settled(&processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, 130);
    assert_eq!(world.balance(&ann).await, 870);
    for nonce in 0..3 {
        assert!(is_spent(&world, &ann, nonce).await, "a void spends its nonce, too");
    }
    let account = processor.account(ann.account).expect("reads").expect("known");
    assert_eq!(account.purses[0].reserved.get(), 0, "nothing stays reserved");
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_never_share_a_batch() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let constructor = TestUSD::constructorCall { blocklister_: ann.address() };
    let code =
        [&TestUSD::BYTECODE[..], &alloy::sol_types::SolConstructor::abi_encode(&constructor)[..]]
            .concat();
    let made = transact(&world.with_key(&dev_key(0)), &Call::deployment(code.into())).await;
    let other = made.expect("deployed").contract_address.expect("an address");
    let units = BaseUnits::new(500);
    for call in [
        aep2_chain::token::mint_test_tokens(other, ann.address(), units),
        approve(other, world.id().address, units),
        world.id().deposit(ann.account, other, units),
    ] {
        world.send(&ann.key, &call).await;
    }
    let mut config = world.config();
    config.acceptance.tokens.push((other, Ceiling::MIN));
    let processor = world.start(config).await;
    let in_other = Payment { token: other, ..world.payment(60, 0) };
    let mandates = [world.mandate(&ann, 50, 0), ann.sign(world.id(), in_other)];
    let ids = accept_all(&processor, mandates).await;
    world.travel(120);
    all_settled(&processor, &ids).await;
    assert_eq!(settled_batches(&processor).len(), 2);
    assert_eq!(world.holds(payee_address(1)).await, 50);
    assert_eq!(world.holds_of(other, payee_address(1)).await, 60);
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payers_who_chose_different_verifiers_never_share_a_batch() {
    let shapes = [Shape::TEST.with_capture(), "2x2".parse().expect("a shape")];
    let world = World::with_shapes(&shapes).await;
    let deployed = world.deployment.verifiers.iter();
    let two_by_two = deployed.filter(|own| own.shape == shapes[1]);
    let list = VerifierList::new(
        two_by_two.map(|own| ShapeVerifier { shape: own.shape, verifier: own.address }).collect(),
    )
    .expect("a list");
    world.send(&dev_key(0), &world.id().register_verifiers(&list)).await;
    let set = list.id();
    let ann = world.payer(0, 1_000).await;
    let bob = world.payer_of(1, 1_000, |terms| Terms { verifier_set: Some(set), ..terms }).await;
    let provers = world.provers.clone().with_verifiers(list);
    let parts = Parts { provers, ..world.parts() };
    let processor = Processor::start(parts, world.config()).await.expect("started");
    world.ready(&processor).await;
    let mandates = [world.mandate(&ann, 50, 0), world.mandate(&bob, 60, 0)];
    let ids = accept_all(&processor, mandates).await;
    world.travel(120);
    all_settled(&processor, &ids).await;
    let all = batches(&processor);
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].verifier_set, all[1].verifier_set);
    assert_eq!(all[1].shape.as_deref(), Some("2x2"), "the only one that Bob trusts");
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_do_not_wait_for_those_before_them() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    world.automine(false).await;
    let ids = accept_all(&processor, chain_of(&world, &ann, 10, 0..12)).await;
    eventually("three are on their way", async || {
        let all = batches(&processor);
        all.len() == 3 && all.iter().all(|batch| batch.step == BatchStep::Submitted)
    })
    .await;
    assert!(ids.iter().all(|id| !is_settled(&processor, *id)));
    eventually("all in a block", async || {
        world.chain.mine().expect("a block");
        ids.iter().all(|id| is_settled(&processor, *id))
    })
    .await;
    assert_eq!(settled_batches(&processor).len(), 3);
    assert_eq!(world.balance(&ann).await, 1_000 - 120);
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_the_token_blocks_is_credited_and_the_others_are_paid() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let blocked = payee_address(2);
    let call = TestUSD::setBlockedCall { account: blocked, blocked: true };
    world.send(&dev_key(0), &Call::new(world.token(), &call)).await;
    let processor = world.start(world.config()).await;
    let to_blocked = Payment { payee: blocked, ..world.payment(60, 0) };
    let first = ann.sign(world.id(), to_blocked);
    let previous = first.clone().released_to_payee();
    let second = ann.sign_after(world.id(), world.payment(50, 1), Some(&previous));
    let ids = accept_all(&processor, [first, second]).await;
    world.travel(120);
    all_settled(&processor, &ids).await;
    assert_eq!(settled_batches(&processor).len(), 1);
    let credit = world.wallet().credit(world.token(), blocked).await.expect("reads");
    assert_eq!(credit.owed.get(), 60);
    assert_eq!(world.holds(payee_address(1)).await, 50);
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_mandates_settle_together_without_a_proof() {
    let world = World::new().await;
    let (ann, bob) = (world.payer(0, 1_000).await, world.payer(1, 1_000).await);
    let processor = world.start(world.config()).await;
    let mut digests = Vec::new();
    for (payer, amount, nonce) in [(&ann, 10, 0), (&bob, 20, 0), (&ann, 30, 1)] {
        let signed = payer.sign_directly(world.id(), world.payment(amount, nonce));
        let accepted = processor.accept_direct(signed).await.expect("accepted");
        digests.push(aep2_ledger::MandateHash::from_bytes(accepted.receipt.mandate_digest));
    }
    world.travel(120);
    all_settled(&processor, &digests).await;
    let all = batches(&processor);
    assert_eq!((all.len(), all[0].count, all[0].shape.as_deref()), (1, 3, None));
    assert_eq!(world.holds(payee_address(1)).await, 60);
    assert_eq!((world.balance(&ann).await, world.balance(&bob).await), (960, 980));
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_does_not_start_with_a_key_that_is_not_the_deployed_one() {
    let world = World::new().await;
    let mut parts = world.parts();
    let key = KeyOfShape::from(world.provers.iter().next().expect("a prover"));
    let mut other = key.key.verifying_key_hash;
    other[0] ^= 1;
    parts.deployment.verifiers[0].verifying_key = other.into();
    let error = Processor::start(parts, world.config()).await.expect_err("refused");
    assert!(error.to_string().contains("belongs to the verifying key"), "{error}");
    let mut config = world.config();
    config.windows.shapes = vec![Shape::TEST];
    let mut parts = world.parts();
    parts.deployment.verifiers[0].shape = Shape::TEST;
    let error = Processor::start(parts, config).await.expect_err("refused");
    assert!(error.to_string().contains("no proving key of shape 1x4"), "{error}");
}
