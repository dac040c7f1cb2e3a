//! That a budget gets back what was spent, or never gets back what was not.

use aep2_issuer::{Unspent, records::PaymentState};
use aep2_mandate::{
    typed_data::{
        outcome::{Outcome, OutcomeStatus, SignedOutcome},
        receipt::{Receipt, SignedReceipt},
    },
    units::Amount,
};
use alloy_primitives::{Address, B256};
use alloy_signer_local::PrivateKeySigner;

use crate::support::{World, amount, at, code, in_all, venue};
use aep2_issuer::records::PaymentRecord;

fn outcome(
    world: &World,
    payment: &PaymentRecord,
    status: OutcomeStatus,
    settled: Amount,
    key: &PrivateKeySigner,
) -> SignedOutcome {
    let batch_id = if settled == Amount::ZERO { B256::ZERO } else { B256::repeat_byte(1) };
    let mandate_id = payment.id.to_bytes();
    let at = world.clock.now();
    let outcome = Outcome { mandate_id, status, settled, batch_id, at };
    SignedOutcome::sign(outcome, key, &venue(&world.processor).typed_data_domain()).expect("signed")
}

async fn take(world: &World, outcome: SignedOutcome) -> Result<bool, &'static str> {
    world.issuer.take_outcome(outcome).await.map_err(|error| error.code().name())
}

fn state(world: &World, number: usize) -> PaymentState {
    let payments = world.issuer.payments(world.owner.id, None, 100).expect("the history");
    payments[payments.len() - number].state
}

#[tokio::test]
async fn what_was_settled_for_less_comes_back_once_and_to_its_own_day() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let payment = world.pay(&card, 100).await.expect("within the budget");
    assert_eq!(code(world.pay(&card, 1).await), "budget_exceeded");

    world.clock.advance(86_400);
    let (status, key) = (OutcomeStatus::Settled, &world.processor);
    let settled = outcome(&world, &payment, status, amount(30), key);
    assert_eq!(take(&world, settled).await, Ok(true));
    assert_eq!(take(&world, settled).await, Ok(false));
    // Another outcome of the same changes nothing any more.
    let nothing = outcome(&world, &payment, OutcomeStatus::Expired, Amount::ZERO, key);
    assert_eq!(take(&world, nothing).await, Ok(false));
    assert_eq!(state(&world, 1), PaymentState::Settled(amount(30)));

    assert_eq!(code(world.pay(&card, 71).await), "budget_exceeded");
    world.pay(&card, 70).await.expect("what came back");
}

#[tokio::test]
async fn what_came_back_to_yesterday_is_not_spent_today() {
    let world = World::begin().await;
    let daily = aep2_cards::restrictions::Restrictions {
        budgets: Some(vec![crate::support::limit(100, aep2_cards::restrictions::Period::Day)]),
        ..aep2_cards::restrictions::Restrictions::default()
    };
    let (_, card, _) = world.card(daily).await;
    let payment = world.pay(&card, 100).await.expect("the day's");
    world.clock.advance(86_400);
    world.pay(&card, 100).await.expect("the next day's");
    let expired = outcome(&world, &payment, OutcomeStatus::Expired, Amount::ZERO, &world.processor);
    assert_eq!(take(&world, expired).await, Ok(true));
    assert_eq!(state(&world, 1), PaymentState::Released);
    assert_eq!(code(world.pay(&card, 1).await), "budget_exceeded");
}

#[tokio::test]
async fn nobody_but_the_processor_says_what_became_of_a_payment() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let payment = world.pay(&card, 100).await.expect("within the budget");
    // Not even the processor before its time: it could settle the mandate all the same.
    let early = outcome(&world, &payment, OutcomeStatus::Expired, Amount::ZERO, &world.processor);
    assert_eq!(take(&world, early).await, Err("conflict"));
    world.clock.advance(1_001);
    let thief = PrivateKeySigner::random();
    let forged = outcome(&world, &payment, OutcomeStatus::Expired, Amount::ZERO, &thief);
    assert_eq!(take(&world, forged).await, Err("unauthorized"));
    let too_much = outcome(&world, &payment, OutcomeStatus::Settled, amount(101), &world.processor);
    assert_eq!(take(&world, too_much).await, Err("malformed"));
    let mut unknown = payment.clone();
    let (_, other, _) = world.card(in_all(100)).await;
    unknown.id = world.pay(&other, 1).await.expect("another").id;
    world.clock.advance(1_001);
    let of_another =
        outcome(&world, &unknown, OutcomeStatus::Expired, Amount::ZERO, &world.processor);
    assert_eq!(take(&world, of_another).await, Ok(true));
    assert_eq!(code(world.pay(&card, 1).await), "budget_exceeded");
}

#[tokio::test]
async fn a_nonce_that_is_unspent_before_the_deadline_is_no_evidence() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let payment = world.pay(&card, 100).await.expect("within the budget");
    let deadline = payment.mandate.mandate.deadline;
    let take = async |time| {
        let unspent = Unspent { mandate: payment.id, block: 9, time };
        world.issuer.take_unspent(unspent).await.map_err(|error| error.code().name())
    };
    assert_eq!(take(deadline).await, Err("conflict"));
    assert_eq!(code(world.pay(&card, 1).await), "budget_exceeded");
    assert_eq!(take(at(deadline.get() + 1)).await, Ok(true));
    world.pay(&card, 100).await.expect("it can never be settled");
}

#[tokio::test]
async fn a_mandate_follows_one_with_a_receipt_and_no_other_is_followed_twice() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(1_000)).await;
    let first = world.pay(&card, 1).await.expect("paid");
    let second = world.pay(&card, 1).await.expect("paid");
    assert!(second.mandate.mandate.prev.is_start(), "no receipt came for the first");

    let receipt = |payment: &PaymentRecord, key: &PrivateKeySigner| {
        let mandate = &payment.mandate.mandate;
        let now = world.clock.now();
        let receipt = Receipt {
            mandate_id: payment.id,
            processor: world.processor.address(),
            arbiter: Address::ZERO,
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            amount: mandate.amount,
            issued_at: now,
            settle_by: at(now.get() + 60),
            deadline: mandate.deadline,
        };
        let domain = venue(&world.processor).typed_data_domain();
        SignedReceipt::sign(receipt, key, &domain).expect("signed")
    };
    let forged = receipt(&first, &PrivateKeySigner::random());
    assert!(world.issuer.take_receipt(&forged).is_err());
    let honest = receipt(&first, &world.processor);
    for _ in 0..3 {
        world.issuer.take_receipt(&honest).expect("the processor's");
    }
    let third = world.pay(&card, 1).await.expect("paid");
    assert_eq!(third.mandate.mandate.prev.id(), Some(first.id));
    let fourth = world.pay(&card, 1).await.expect("paid");
    assert!(fourth.mandate.mandate.prev.is_start(), "the first is followed already");
}

#[tokio::test]
async fn what_comes_back_comes_back_everywhere_it_was_counted() {
    let world = World::begin().await;
    let shared = world
        .budget(None, vec![crate::support::limit(100, aep2_cards::restrictions::Period::Day)])
        .await;
    let (_, card, holder) = world.card_of(in_all(100), Some(shared)).await;
    let single = aep2_cards::restrictions::Restrictions { payments: Some(1), ..in_all(100) };
    let (narrow, _) = crate::support::narrowed(&card, &holder, &single);
    let payment = world.pay(&narrow, 100).await.expect("within all");
    for card in [&card, &narrow] {
        assert!(world.pay(card, 1).await.is_err(), "used up in the card, the block and the budget");
    }
    world.clock.advance(1_001);
    let expired = outcome(&world, &payment, OutcomeStatus::Expired, Amount::ZERO, &world.processor);
    assert_eq!(take(&world, expired).await, Ok(true));
    // The one payment of the narrower card was never made.
    let payment = world.pay(&narrow, 60).await.expect("free again");
    let settled = outcome(&world, &payment, OutcomeStatus::Settled, Amount::ZERO, &world.processor);
    assert_eq!(take(&world, settled).await, Ok(true));
    assert_eq!(code(world.pay(&narrow, 1).await), "payments_used_up", "voided, and made");
    world.pay(&card, 100).await.expect("nothing was paid");
}
