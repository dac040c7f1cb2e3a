//! Batches that the chain refuses: whoever is at fault goes quarantined, the others settle.

use std::time::Duration;

use aep2_chain::wallet::units::BaseUnits;
use aep2_ledger::MandateHash;
use aep2_mandate::units::Ceiling;
use aep2_processor::{
    Processor,
    view::{BatchStep, MandateState},
};
use aep2_tests::{
    payers::{Payment, payee_address},
    settling::{
        accept_all, all_settled, audited, batches, chain_of, is_settled, settled_batches, state,
    },
    world::{DELAY_SECONDS, RESPONSE_SECONDS, World, eventually, settle_by_hand},
};
use alloy::{
    primitives::{Address, U256},
    providers::Provider,
};

fn is_quarantined(processor: &Processor, mandate: MandateHash) -> bool {
    matches!(state(processor, mandate), MandateState::Quarantined { .. })
}

fn has_failed(processor: &Processor, mandate: MandateHash, words: &str) -> bool {
    matches!(state(processor, mandate), MandateState::Failed { reason } if reason.contains(words))
}

/// The chain names an account and a nonce: the ledger is behind, and does not know that it is spent.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_was_spent_elsewhere_costs_its_mandate_and_no_other() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let mut config = world.when_full();
    config.follower.confirmations = 4;
    world.mine(4);
    let processor = Processor::start(world.parts(), config).await.expect("started");
    eventually("it accepts", async || processor.readiness().ready).await;
    eventually("it knows Ann", async || processor.account(ann.account).expect("reads").is_some())
        .await;
    let mandates = chain_of(&world, &ann, 70, 0..4);
    eventually("it knows her money", async || processor.check(&mandates[0]).is_ok()).await;
    settle_by_hand(&world, &mandates[1]).await;
    let ids = accept_all(&processor, mandates).await;
    eventually("the one is quarantined", async || is_quarantined(&processor, ids[1])).await;
    eventually("the others are settled when the blocks are confirmed", async || {
        world.chain.mine().expect("a block");
        // Three do not fill a window: time has to pass.
        world.travel(30);
        tokio::time::sleep(Duration::from_millis(100)).await;
        [0, 2, 3].iter().all(|other| is_settled(&processor, ids[*other]))
    })
    .await;
    // The ledger has seen by now what spent it.
    assert!(has_failed(&processor, ids[1], "spent"), "{:?}", state(&processor, ids[1]));
    assert_eq!(world.holds(payee_address(1)).await, 4 * 70);
    audited(&processor);
    world.stop(processor).await;
}

/// The chain names nobody: the batch is split until the one at fault is alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_nobody_names_is_found_by_halves() {
    let world = World::with_shapes(&["2x4".parse().expect("a shape")]).await;
    let ann = world.payer(0, 0).await;
    let victim = payee_address(7);
    let greedy = world.greedy_token(victim).await;
    let deposit = world.id().deposit(ann.account, greedy, BaseUnits::new(1_000));
    world.send(&ann.key, &deposit).await;
    let mut config = world.when_full();
    config.acceptance.tokens = vec![(greedy, Ceiling::MIN)];
    config.windows.in_flight_max = 2;
    let processor = world.start(config).await;
    let mut ids = Vec::new();
    for nonce in 0..8 {
        let payee = if nonce == 5 { victim } else { payee_address(1) };
        let payment = Payment { token: greedy, payee, ..world.payment(10, nonce) };
        let mandate = ann.sign(world.id(), payment);
        // Chains of four, so that all eight fill the shape's two lanes.
        let mandate = match ids.len() % 4 {
            0 => mandate,
            _ => {
                let previous: &aep2_mandate::mandate::SignedMandate = &ids[ids.len() - 1];
                let previous = previous.clone().released_to_payee();
                ann.sign_after(world.id(), payment, Some(&previous))
            }
        };
        ids.push(mandate);
    }
    let ids = accept_all(&processor, ids).await;
    eventually("the one is quarantined", async || is_quarantined(&processor, ids[5])).await;
    let others: Vec<MandateHash> =
        ids.iter().enumerate().filter(|(own, _)| *own != 5).map(|(_, id)| *id).collect();
    all_settled(&processor, &others).await;
    let MandateState::Quarantined { reason } = state(&processor, ids[5]) else {
        panic!("quarantined")
    };
    assert!(reason.contains("such a token cannot be used"), "{reason}");
    // 8, then 4 and 4, then 2 and 2, then 1 and 1: no proof more than that takes.
    let all = batches(&processor);
    let mut counts: Vec<u32> = all.iter().map(|batch| batch.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2, 2, 4, 4, 8]);
    assert_eq!(all.iter().filter(|own| matches!(own.step, BatchStep::Aborted { .. })).count(), 4);
    audited(&processor);

    // It is tried again, alone, and not all the time.
    let tried = all.len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(batches(&processor).len(), tried);
    world.clock.advance(31);
    eventually("tried again", async || batches(&processor).len() == tried + 1).await;
    eventually("quarantined again", async || is_quarantined(&processor, ids[5])).await;
    world.stop(processor).await;
}

/// Found before a proof is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_its_owner_revoked_is_not_proved_with() {
    let world = World::new().await;
    let (ann, bob) = (world.payer(0, 1_000).await, world.payer(1, 1_000).await);
    let processor = world.start(world.config()).await;
    let ids =
        accept_all(&processor, [world.mandate(&ann, 70, 0), world.mandate(&bob, 50, 0)]).await;
    // Away for longer than the change takes.
    world.stop(processor).await;
    world.send(&ann.key, &world.id().revoke_key(ann.account)).await;
    world.travel(DELAY_SECONDS);
    world.send(&ann.key, &world.id().apply_change(ann.account)).await;
    let processor = world.start_again(world.config()).await;
    all_settled(&processor, &ids[1..]).await;
    eventually("quarantined", async || is_quarantined(&processor, ids[0])).await;
    assert_eq!(batches(&processor).len(), 1, "no proof is made for what the chain would refuse");
    // In the end its deadline passes, and what was reserved for it is free.
    world.travel(7_200);
    eventually("failed", async || has_failed(&processor, ids[0], "")).await;
    let account = processor.account(ann.account).expect("reads").expect("known");
    assert_eq!(account.purses[0].reserved.get(), 0);
    audited(&processor);
    world.stop(processor).await;
}

/// Nobody's fault: everything waits, with an alarm, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn without_ether_for_gas_nothing_is_aborted() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let rich = balance(&world, world.processor.address()).await;
    world.chain.set_balance(world.processor.address(), U256::ZERO).expect("set");
    let ids = accept_all(&processor, [world.mandate(&ann, 70, 0)]).await;
    let alarmed = || {
        let text = processor.metrics().encode().expect("text");
        text.lines().any(|line| line == "aep2_alarm{cause=\"no_funds_for_gas\"} 1")
    };
    eventually("an alarm", async || alarmed()).await;
    assert_eq!(batches(&processor)[0].step, BatchStep::Submitted);
    world.chain.set_balance(world.processor.address(), rich).expect("set");
    all_settled(&processor, &ids).await;
    assert_eq!(batches(&processor).len(), 1);
    eventually("no alarm", async || !alarmed()).await;
    world.stop(processor).await;
}

/// Failed before its receipts can be claimed, and then each by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_could_not_be_sent_in_time_is_aborted() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let mut config = world.when_full();
    config.sender.fee_cap_wei = 2;
    config.sender.tip_wei = 1;
    let processor = world.start(config).await;
    let ids = accept_all(&processor, chain_of(&world, &ann, 70, 0..4)).await;
    eventually("submitted", async || {
        batches(&processor).first().is_some_and(|batch| batch.step == BatchStep::Submitted)
    })
    .await;
    world.travel(601 + RESPONSE_SECONDS);
    // Its mandates may be in batches of their own again by the time that this looks.
    eventually("aborted", async || {
        batches(&processor).iter().any(|batch| {
            // The wallet may say so first, when the call is tried.
            let over = |reason: &str| {
                reason.contains("time was over") || reason.contains("a later validUntil")
            };
            matches!(&batch.step, BatchStep::Aborted { reason } if over(reason))
        })
    })
    .await;
    world.stop(processor).await;
    let processor = world.start_again(world.when_full()).await;
    all_settled(&processor, &ids).await;
    assert!(settled_batches(&processor).iter().all(|(_, count)| *count == 1));
    assert_eq!(world.holds(payee_address(1)).await, 4 * 70);
    audited(&processor);
    world.stop(processor).await;
}

async fn balance(world: &World, address: Address) -> U256 {
    world.chain.provider().get_balance(address).await.expect("reads")
}
