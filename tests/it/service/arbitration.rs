//! A real arbiter beside a real processor: rules decide what signatures show, a judge the rest, and whoever
//! has the key may take the program's place.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use aep2_arbiter::{
    Arbiter, Decide, DecidingConfig, Parts, Processor, Worker,
    accounts::{AccountOnChain, Accounts, AccountsError, Found},
    case::Case,
};
use aep2_ledger::MandateHash;
use aep2_mandate::{
    clock::Clock,
    field,
    typed_data::dispute::{Dispute, Reason},
    units::{AccountId, ChainId, UnixTime},
};
use aep2_payer::Payment;
use aep2_processor_client::disputes::DisputesClient;
use aep2_testkit::monitoring::{Program, missing};
use aep2_tests::{
    disputes::{RULING_S, WINDOW_S, arbiter},
    payers::{payee, payee_address},
    settling::all_settled,
    world::eventually,
};
use aep2_vault::{Kek, Vault};
use aep2_x402::purchase::Venue;
use alloy::primitives::{B256, keccak256};
use async_trait::async_trait;
use tokio::task::JoinHandle;

use super::{
    shop::{Shop, json},
    street::{Street, processor_url},
};

/// A node of the world's chain, which is at the world's time.
#[derive(Debug)]
struct Node {
    clock: Clock,
    payer: AccountOnChain,
}

impl Node {
    fn of(street: &Street) -> Self {
        let Shop { world, payer, .. } = &street.shop;
        let key_hash = B256::from(field::to_be_bytes(&payer.secret().public().hash()));
        let processor = world.venue().processor;
        let payer = AccountOnChain { owner: payer.key.address(), processor, key_hash };
        Self { clock: world.clock.clone(), payer }
    }
}

#[async_trait]
impl Accounts for Node {
    async fn account(&self, _: &Venue, _: AccountId) -> Result<Found, AccountsError> {
        Ok(Found { account: Some(self.payer), at: self.clock.now() })
    }

    /// The server's own clock stays behind when the world travels.
    async fn time(&self, _: ChainId) -> Result<UnixTime, AccountsError> {
        Ok(self.clock.now())
    }
}

/// An arbiter at work.
struct Court {
    arbiter: Arbiter,
    working: JoinHandle<()>,
}

impl Court {
    /// With its store in this folder, and this vault's key.
    fn open(street: &Street, folder: &std::path::Path, vault: Vault) -> Self {
        let Shop { world, .. } = &street.shop;
        let parts = Parts {
            signer: arbiter(1),
            vault,
            clock: world.clock.clone(),
            config: DecidingConfig { default_before_s: 5, ..DecidingConfig::default() },
        };
        let arbiter = Arbiter::open(folder, parts).unwrap();
        let (url, venue) = (processor_url(&street.shop), world.venue());
        let accounts = Some(Arc::new(Node::of(street)) as Arc<dyn Accounts>);
        let processor = Processor { url, venue, is_trusted: false, accounts };
        let worker = Worker::new(arbiter.clone(), processor, reqwest::Client::new());
        let working = tokio::spawn(worker.run(Duration::from_millis(50)));
        Self { arbiter, working }
    }

    /// The case of a mandate, once it is there and as it should be.
    async fn case(&self, number: u64, is_right: impl Fn(&Case) -> bool) -> Case {
        eventually("the case is as it should be", async || {
            self.arbiter.case(number).is_ok_and(|case| is_right(&case))
        })
        .await;
        self.arbiter.case(number).unwrap()
    }

    async fn close(self) {
        self.working.abort();
        let _ = self.working.await;
    }
}

/// Buys, and objects.
async fn disputed(street: &Street) -> (Payment, Dispute) {
    let client = street.client("ann", &[arbiter(1).address()]);
    let payment = client.get(street.joke()).await.unwrap().payment.unwrap();
    let Shop { world, payer, .. } = &street.shop;
    let dispute = world.dispute(&payment.mandate, Reason::ServiceNotDelivered, &[b"an empty page"]);
    let signed = world.disputed_by_key(payer, dispute.clone());
    let opened = street.shop.post("/v1/disputes", json(&signed)).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    let bytes: &[u8] = b"an empty page";
    let at = format!("/v1/disputes/{}/evidence/{}", payment.id.to_bytes(), keccak256(bytes));
    let kept = street.shop.request(reqwest::Method::POST, &at).body(bytes);
    assert_eq!(street.shop.send(kept).await.status, 200);
    (payment, dispute)
}

async fn answer(street: &Street, payment: &Payment, dispute: &Dispute, captured: u128) {
    let answer = street.shop.world.answered_by(&payee(1), dispute, captured);
    let path = format!("/v1/disputes/{}/answer", payment.id.to_bytes());
    let answered = street.shop.post(&path, json(&answer)).await;
    assert_eq!(answered.status, 200, "{answered:?}");
}

async fn settled_for(street: &Street, payment: &Payment, amount: u128) {
    all_settled(&street.shop.processor, &[MandateHash::from(payment.id)]).await;
    assert_eq!(street.shop.world.holds(payee_address(1)).await, amount);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_gives_everything_back_ends_it_and_nobody_has_to_judge() {
    let street = Street::open().await;
    let folder = tempfile::tempdir().unwrap();
    let court = Court::open(&street, folder.path(), Vault::new(Kek::random().unwrap()));
    let (payment, dispute) = disputed(&street).await;
    answer(&street, &payment, &dispute, 0).await;
    settled_for(&street, &payment, 0).await;
    let case = court.case(1, Case::is_at_its_end).await;
    assert_eq!(case.mandate_id, payment.id.to_bytes());
    court.close().await;
    street.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_says_nothing_gives_everything_back_where_its_terms_say_so() {
    let street = Street::open().await;
    let folder = tempfile::tempdir().unwrap();
    let court = Court::open(&street, folder.path(), Vault::new(Kek::random().unwrap()));
    let (payment, _) = disputed(&street).await;
    court.case(1, Case::is_open).await;
    street.shop.world.travel((WINDOW_S + RULING_S) / 2 + 2);
    settled_for(&street, &payment, 0).await;
    court.close().await;
    street.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_decides_what_no_signature_shows_also_after_the_program_was_killed() {
    let street = Street::open().await;
    let folder = tempfile::tempdir().unwrap();
    let kek = tempfile::tempdir().unwrap();
    let path = kek.path().join("kek");
    aep2_vault::generate(&path).unwrap();
    let vault = || Vault::new(aep2_vault::KekSource::File(path.clone()).read().unwrap());
    let court = Court::open(&street, folder.path(), vault());
    let (payment, dispute) = disputed(&street).await;
    answer(&street, &payment, &dispute, 700).await;
    court.case(1, |case| case.is_open() && case.owed.get() == 700).await;
    court.close().await;

    let court = Court::open(&street, folder.path(), vault());
    let case = court.case(1, Case::is_open).await;
    let file = court.arbiter.file(1).unwrap();
    assert!(format!("{file:?}").contains("Nothing came."), "the judge reads what was said");
    let decide = Decide {
        number: 1,
        version: case.version,
        captured: aep2_tests::stand_in::amount(650),
        why: "It came late.".to_owned(),
        judge: "ada".to_owned(),
    };
    court.arbiter.judge(decide).await.unwrap();
    settled_for(&street, &payment, 650).await;
    assert!(court.arbiter.verify_log().unwrap().is_some(), "the log has it");
    court.close().await;
    street.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arbiter_shows_every_metric_that_an_alert_or_a_dashboard_names() {
    let street = Street::open().await;
    let folder = tempfile::tempdir().unwrap();
    let court = Court::open(&street, folder.path(), Vault::new(Kek::random().unwrap()));
    let (payment, dispute) = disputed(&street).await;
    answer(&street, &payment, &dispute, 0).await;
    settled_for(&street, &payment, 0).await;
    court.case(1, Case::is_at_its_end).await;
    // A processor that is gone is not read.
    street.shop.close().await;
    let shown = || court.arbiter.metrics().text();
    eventually("it was not read", async || shown().contains("asking_failed_total{")).await;
    assert_eq!(missing(Program::DisputeProcessor, &shown()), BTreeSet::new());
    court.close().await;
}

/// The terms name a key, not a program.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_key_takes_the_programs_place() {
    let street = Street::open().await;
    let (payment, dispute) = disputed(&street).await;
    answer(&street, &payment, &dispute, 700).await;
    let id = payment.id.to_bytes();
    let retry = aep2_processor_client::RetryPolicy::default();
    let client = DisputesClient::new(reqwest::Client::new(), processor_url(&street.shop), retry);
    let ruled = client.rule(&street.shop.world.ruled_by(&arbiter(1), id, 10)).await.unwrap();
    assert_eq!(ruled.due.get(), 10);
    settled_for(&street, &payment, 10).await;
    street.shop.close().await;
}
