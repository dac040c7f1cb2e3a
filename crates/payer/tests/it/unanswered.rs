//! Payments that were sent and not answered: the same purchase sends the same mandate.

use std::process::Stdio;

use aep2_mandate::{clock::Clock, mandate::MandateId};
use aep2_payer::{Answer, PayError, Payer, PayingClient, RequestKey};
use reqwest::{Method, Request};

use crate::{
    scripted::{Case, Scripted},
    support::{TOKEN, amount, secret},
};

/// What every payer is tested with, in every language.
const TABLE: &str = include_str!("../../../../fixtures/answers.json");

fn cases() -> Vec<Case> {
    serde_json::from_str(TABLE).unwrap()
}

fn silent() -> Case {
    cases().into_iter().find(|case| case.what == "a connection that says nothing").unwrap()
}

/// The id of a payment that nothing answers. From here on the payee answers.
async fn left_unanswered(payee: &Scripted, client: &PayingClient) -> MandateId {
    let Err(PayError::Unanswered { id, .. }) = client.get(payee.url.clone()).await else {
        panic!("answered");
    };
    payee.recover();
    id
}

/// What a caller is told, in the table's words.
async fn told(paid: Result<Answer, PayError>) -> &'static str {
    match paid {
        Ok(answer) => match answer.response.bytes().await {
            Ok(_) => "answer",
            Err(_) => "cut",
        },
        Err(PayError::Unanswered { .. }) => "unanswered",
        Err(PayError::Refused { .. }) => "refused",
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_a_final_answer_never_makes_a_purchase_be_paid_twice() {
    for case in cases() {
        let directory = tempfile::tempdir().unwrap();
        let payee = Scripted::start(case.clone()).await;
        let client = payee.client(directory.path());
        let what = &case.what;
        assert_eq!(told(client.get(payee.url.clone()).await).await, case.told, "{what}");
        client.payer().flush().await;
        assert_eq!(payee.mandates(), 1, "{what}");

        // In the same process, and after a restart.
        let restarted = payee.client(directory.path());
        payee.recover();
        let (mandates, clients) = match case.again.as_str() {
            "same" => (1, [restarted, client]),
            "new" => (2, [client, restarted]),
            other => panic!("{other}"),
        };
        assert_eq!(told(clients[0].get(payee.url.clone()).await).await, "answer", "{what}");
        assert_eq!(payee.mandates(), mandates, "{what}");
        clients[0].payer().flush().await;
        // What has its answer is bought anew.
        assert_eq!(told(clients[1].get(payee.url.clone()).await).await, "answer", "{what}");
        assert_eq!(payee.mandates(), mandates + 1, "{what}");
        let spent = clients[1].payer().spent(TOKEN, None).await.unwrap();
        assert_eq!(spent, amount(5 * (mandates as u128 + 1)), "{what}");
    }
}

#[tokio::test]
async fn the_same_process_sends_the_same_mandate_as_long_as_nothing_answers() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let client = payee.client(directory.path());
    for _ in 0..3 {
        assert_eq!(told(client.get(payee.url.clone()).await).await, "unanswered");
    }
    assert_eq!((payee.mandates(), payee.tries()), (1, 6));
}

#[tokio::test]
async fn another_body_another_user_or_another_method_is_another_purchase() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let client = payee.client(directory.path());
    let request = |method: Method, header: (&'static str, &'static str)| {
        let mut request = Request::new(method, payee.url.clone());
        request.headers_mut().insert(header.0, header.1.parse().unwrap());
        request
    };
    let get = || Method::GET;
    for (count, request) in [
        (1, request(get(), ("authorization", "one"))),
        (2, request(get(), ("authorization", "another"))),
        (3, request(Method::HEAD, ("authorization", "one"))),
        // Nothing that is asked for.
        (4, request(get(), ("traceparent", "1"))),
        (4, request(get(), ("traceparent", "2"))),
        (4, request(get(), ("x-request-id", "3"))),
        (1 + 3, request(get(), ("authorization", "one"))),
    ] {
        assert_eq!(told(client.execute(request).await).await, "unanswered");
        assert_eq!(payee.mandates(), count);
    }
}

/// The TypeScript payer's tests have the same: payers of both languages share a journal.
#[test]
fn a_payment_that_the_typescript_payer_left_is_found_by_its_request() {
    let url = "https://api.example.com/joke?about=money";
    let mut request = Request::new(Method::GET, url.parse().unwrap());
    for (name, value) in [("traceparent", "1"), ("accept", "text/plain")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let key = RequestKey::of_http(&request, url).unwrap();
    let written = "0x5a2b3f8e5938736646902eaaeacaf4051ef7f70d1a38fef48d3a00d821b72d65";
    assert_eq!(serde_json::to_value(key).unwrap(), written);
}

#[tokio::test]
async fn calls_that_are_on_their_way_at_the_same_time_pay_each_for_itself() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(Case::default()).await;
    payee.recover();
    let client = payee.client(directory.path());
    let get = || client.get(payee.url.clone());
    let answers = tokio::join!(get(), get(), get());
    assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok());
    assert_eq!(payee.mandates(), 3);
}

#[tokio::test]
async fn a_payment_whose_deadline_has_passed_is_worth_nothing_and_is_not_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let clock = Clock::system();
    let mut config = payee.config(directory.path());
    config.clock = clock.clone();
    let payer = Payer::open(config, secret(1)).unwrap();
    let retry = aep2_payer::RetryPolicy { attempts: 1, pause: Default::default() };
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_millis(200));
    let client = PayingClient::with_http(payer, http).unwrap().retry(retry);
    assert_eq!(told(client.get(payee.url.clone()).await).await, "unanswered");
    clock.advance(3_600);
    assert_eq!(told(client.get(payee.url.clone()).await).await, "unanswered");
    assert_eq!(payee.mandates(), 2);
}

#[tokio::test]
async fn a_limit_that_was_lowered_meanwhile_holds_for_a_payment_that_is_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let client = payee.client(directory.path());
    assert_eq!(told(client.get(payee.url.clone()).await).await, "unanswered");
    let mut config = payee.config(directory.path());
    config.limits.tokens.get_mut(&TOKEN).unwrap().per_call = amount(4);
    let lowered = PayingClient::new(Payer::open(config, secret(1)).unwrap()).unwrap();
    let refused = lowered.get(payee.url.clone()).await.unwrap_err();
    assert!(matches!(refused, PayError::Limit(_)), "{refused}");
    assert_eq!((payee.mandates(), payee.tries()), (1, 2));
}

#[tokio::test]
async fn one_payment_is_sent_again_by_its_id_for_its_own_request_only() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let client = payee.client(directory.path());
    let id = left_unanswered(&payee, &client).await;
    let other = payee.url.join("/other").unwrap();
    let refused = client.again(Request::new(Method::GET, other), id).await.unwrap_err();
    assert!(matches!(refused, PayError::Mismatch { .. }), "{refused}");
    let request = || Request::new(Method::GET, payee.url.clone());
    assert_eq!(told(client.again(request(), id).await).await, "answer");
    client.payer().flush().await;
    let refused = client.again(request(), id).await.unwrap_err();
    assert!(matches!(refused, PayError::NotWaiting(_)), "{refused}");
    assert_eq!(payee.mandates(), 1);
}

#[tokio::test]
async fn one_whose_asker_went_away_before_it_was_handed_over_waits_again() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let client = payee.client(directory.path());
    let id = left_unanswered(&payee, &client).await;
    let payer = client.payer();
    let mut asking = Box::pin(payer.unanswered_payment(id, "a"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asking.as_mut().poll(&mut context).is_pending());
    payer.flush().await;
    let taken = payer.unanswered_payment(id, "a").await.unwrap_err();
    assert!(matches!(taken, PayError::NotWaiting(_)), "{taken}");
    drop(asking);
    assert_eq!(told(client.get(payee.url.clone()).await).await, "answer");
    assert_eq!(payee.mandates(), 1);
}

/// Run by the test below, in a process of its own.
#[tokio::test]
#[ignore = "a child process of another test"]
async fn child_that_waits_for_an_answer() {
    let Ok(directory) = std::env::var("AEP2_CLIENT_TEST_DIRECTORY") else { return };
    let url = std::env::var("AEP2_CLIENT_TEST_URL").unwrap();
    let here = Scripted::start(silent()).await;
    let config = here.config(directory.as_ref());
    let client = PayingClient::new(Payer::open(config, secret(1)).unwrap()).unwrap();
    let _ = client.get(url.parse().unwrap()).await;
}

#[tokio::test]
async fn a_process_that_is_killed_in_flight_leaves_its_payment_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let payee = Scripted::start(silent()).await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["unanswered::child_that_waits_for_an_answer", "--exact", "--ignored"])
        .env("AEP2_CLIENT_TEST_DIRECTORY", directory.path())
        .env("AEP2_CLIENT_TEST_URL", payee.url.as_str())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while payee.tries() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    payee.recover();
    let client = payee.client(directory.path());
    assert_eq!(told(client.get(payee.url.clone()).await).await, "answer");
    assert_eq!(payee.mandates(), 1);
}
