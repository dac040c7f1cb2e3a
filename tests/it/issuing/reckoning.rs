//! That a budget does not get back what was not spent, or gets back what was.

use aep2_cards::restrictions::Restrictions;
use aep2_issuer::records::PaymentState;
use aep2_tests::world::eventually;
use aep2_x402::headers;

use super::agency::{Agency, DEPTH};

fn states(agency: &Agency) -> Vec<PaymentState> {
    let payments = agency.issuer.payments(agency.owner.id, None, 10).unwrap();
    payments.into_iter().map(|payment| payment.state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_payee_did_not_take_comes_back_when_the_settlement_is_final() {
    for with_node in [false, true] {
        let agency = Agency::open().await;
        let (record, _, agent) = agency.agent(10_000, Restrictions::default()).await;
        agent.get(agency.at("/metered")).await.unwrap();
        agent.get(agency.at("/fixed")).await.unwrap();
        assert_eq!(agency.used(&record), 600, "each counts at its ceiling");
        let follower = agency.follower(with_node);
        assert_eq!(follower.look().await.unwrap(), 0, "nothing is final");
        eventually("both are settled for good", || async {
            agency.shop.world.mine(1);
            // With a node, the chain may be behind what the processor says: then nothing is taken yet.
            let _ = follower.look().await;
            states(&agency).iter().all(|state| *state != PaymentState::Outstanding)
        })
        .await;
        assert_eq!(agency.used(&record), 400);
        assert_eq!(agency.report(&record).payments, "2");
        agency.issuer.verify_log().expect("whole");
        agency.shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_never_handed_in_comes_back_by_the_chains_word_and_not_before() {
    let agency = Agency::open().await;
    let (record, _, agent) = agency.agent(300, Restrictions::default()).await;
    // Issued, and then the agent dies.
    let terms = agent.http().get(agency.at("/fixed")).send().await.unwrap();
    let required = headers::read(terms.headers(), &headers::PAYMENT_REQUIRED).unwrap().unwrap();
    let url = agency.at("/fixed");
    let payer = agent.payer();
    let (offer, purchase) = payer
        .choose(&required, "GET", url.as_str(), &format!("127.0.0.1:{}", url.port().unwrap()))
        .unwrap();
    let order = offer.terms.extra.order.map(|order| order.0);
    drop(payer.authorise(purchase, order, &offer.terms, "payee").await.unwrap());
    assert_eq!(agency.used(&record), 300);

    let follower = agency.follower(true);
    assert_eq!(follower.look().await.unwrap(), 0);
    // The issuer's clock alone is no evidence: until a confirmed block is past the deadline, the mandate
    // could still be settled.
    agency.shop.world.clock.advance(86_400);
    assert_eq!(follower.look().await.unwrap(), 0);
    agency.shop.world.travel(86_400);
    for _ in 0..DEPTH {
        agency.shop.world.mine(1);
    }
    assert_eq!(follower.look().await.unwrap(), 1);
    assert_eq!((agency.used(&record), states(&agency)), (0, vec![PaymentState::Released]));
    agency.shop.close().await;
}
