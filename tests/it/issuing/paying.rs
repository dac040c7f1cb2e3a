//! That an agent pays more than its card allows, whom it does not allow, or without its owner.

use std::collections::BTreeSet;

use aep2_cards::restrictions::Restrictions;
use aep2_issuer::{Actor, records::CardState};
use aep2_payer::{PayError, card::IssuerError};
use aep2_testkit::monitoring::{Program, missing};

use super::agency::Agency;

/// The code of an issuer's refusal.
fn refused<T: std::fmt::Debug>(answer: Result<T, PayError>) -> String {
    match answer {
        Err(PayError::Issuer(IssuerError::Refused { code, .. })) => code,
        other => panic!("not refused by the issuer: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_a_card_buys_at_once_and_not_more_than_its_budget() {
    let agency = Agency::open().await;
    let (record, _, agent) = agency.agent(1_000, Restrictions::default()).await;
    // 32 at once, of which three fit.
    let calls = (0..32).map(|_| {
        let (agent, url) = (agent.clone(), agency.at("/fixed"));
        tokio::spawn(async move { agent.get(url).await })
    });
    let mut bought = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(answer) => {
                assert_eq!(answer.response.status(), 200);
                let payment = answer.payment.expect("it was paid");
                payment.receipt.expect("the processor's promise");
                bought += 1;
            }
            refusal => assert_eq!(refused(refusal), "budget_exceeded"),
        }
    }
    assert_eq!((bought, agency.used(&record)), (3, 900));
    agency.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mandates_of_one_card_make_chains_as_those_of_a_wallet_do() {
    let agency = Agency::open().await;
    let (_, _, agent) = agency.agent(100_000, Restrictions::default()).await;
    for _ in 0..4 {
        agent.get(agency.at("/fixed")).await.unwrap();
        // The receipt goes to the issuer beside the next request.
        agent.payer().flush().await;
    }
    let payments = agency.issuer.payments(agency.owner.id, None, 10).unwrap();
    for pair in payments.windows(2) {
        let (later, earlier) = (&pair[0], &pair[1]);
        assert_eq!(later.mandate.mandate.prev.id(), Some(earlier.id));
    }
    agency.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_agent_pays_by_a_narrower_card_and_gains_nothing_by_the_wider_ones_text() {
    let agency = Agency::open().await;
    let (_, card, agent) = agency.agent(1_000, Restrictions::default()).await;
    let sub_key = aep2_cards::keys::HolderKey::generate();
    let once = Restrictions { payments: Some(1), ..Restrictions::default() };
    let handover = aep2_cards::handover::Handover {
        to: sub_key.public(),
        by: card.key().expect("the holder's key"),
    };
    let narrow = card.card().narrow(&once, Some(handover)).unwrap();
    let file =
        |token| aep2_payer::card::CardFile::new(agency.url.clone(), token, Some(sub_key.clone()));
    let sub = agency.client(&file(narrow.clone()).unwrap()).await;
    sub.get(agency.at("/fixed")).await.unwrap();
    assert_eq!(refused(sub.get(agency.at("/fixed")).await), "payments_used_up");
    // The same handover once more makes the same card, which is used up.
    let again = card.card().narrow(&once, Some(handover)).unwrap();
    let sub = agency.client(&file(again).unwrap()).await;
    assert_eq!(refused(sub.get(agency.at("/fixed")).await), "payments_used_up");
    // The wider card is not its to use.
    assert!(file(card.card().clone()).is_err());
    agent.get(agency.at("/fixed")).await.unwrap();
    agency.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_has_to_decide_waits_for_the_owner_and_a_freeze_stops_the_next_call() {
    let agency = Agency::open().await;
    let approve_above = Some(agency.per_token(299));
    let more = Restrictions { approve_above, ..Restrictions::default() };
    let (record, _, agent) = agency.agent(10_000, more).await;
    let approval = match agent.get(agency.at("/fixed")).await {
        Err(PayError::Issuer(IssuerError::Approval(approval))) => approval,
        other => panic!("the owner is not asked: {other:?}"),
    };
    let (owner, actor) = (agency.owner.id, || Actor::Owner(agency.owner.id));
    let id = approval.id.parse().unwrap();
    agency.issuer.decide(owner, actor(), id, true).await.unwrap();
    // Another answer 402 has another number of the order: what was agreed to is the purchase.
    agent.get(agency.at("/fixed")).await.unwrap();
    assert!(agent.get(agency.at("/fixed")).await.is_err(), "one payment was agreed to");

    let frozen = agency.issuer.set_card_state(owner, actor(), record.id, CardState::Frozen).await;
    assert_eq!(frozen.unwrap().len(), 1, "what is signed and not taken back");
    assert_eq!(refused(agent.get(agency.at("/fixed")).await), "card_frozen");
    agency.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_shows_every_metric_that_an_alert_or_a_dashboard_names() {
    let agency = Agency::open().await;
    let (_, _, agent) = agency.agent(1_000, Restrictions::default()).await;
    agent.get(agency.at("/fixed")).await.unwrap();
    let shown = reqwest::get(agency.url.join("metrics").unwrap()).await.unwrap();
    let shown = shown.text().await.unwrap();
    assert_eq!(missing(Program::Issuer, &shown), BTreeSet::new());
    agency.shop.close().await;
}
