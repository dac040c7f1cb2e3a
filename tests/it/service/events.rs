//! Server-sent events: who listens misses nothing unknowingly.

use std::time::Duration;

use aep2_tests::world::eventually;
use alloy::transports::http::reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    schema::Document,
    shop::{LONG, Shop},
};

/// A subscriber.
struct Subscriber {
    response: Response,
    text: String,
    /// What events are held against.
    document: Document,
}

/// What was received.
#[derive(Debug, Default)]
struct Received {
    id: String,
    kind: String,
    data: Value,
    comment: bool,
}

impl Subscriber {
    async fn open(shop: &Shop, last: Option<&str>) -> Self {
        let request = shop.request(Method::GET, "/v1/events");
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let document = Document(shop.get("/openapi.json").await.body);
        let mut subscriber = Self { response, text: String::new(), document };
        // From here on nothing is missed.
        assert!(
            subscriber
                .next()
                .await
                .is_some_and(|received| received.comment && !received.id.is_empty())
        );
        subscriber
    }

    /// The next block of lines; nothing at the end.
    async fn next(&mut self) -> Option<Received> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let received = parse(block);
                self.text = rest.to_owned();
                return Some(received);
            }
            let chunk = timeout(LONG, self.response.chunk()).await.expect("nothing is received");
            // Cut off in the middle is an end, too.
            let chunk = chunk.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn event(&mut self) -> Received {
        loop {
            let received = self.next().await.expect("an event");
            if !received.kind.is_empty() {
                self.document.check_event(&received.data);
                return received;
            }
        }
    }
}

fn parse(block: &str) -> Received {
    let mut received = Received::default();
    for line in block.lines() {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("id", id) => received.id = id.to_owned(),
            ("event", kind) => received.kind = kind.to_owned(),
            ("data", data) => received.data = serde_json::from_str(data).unwrap(),
            ("", _) => received.comment = true,
            _ => {}
        }
    }
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_reconnects_gets_what_it_missed() {
    let shop = Shop::open().await;
    let mut subscriber = Subscriber::open(&shop, None).await;
    shop.pay(&shop.mandate(100, 0)).await;
    let first = subscriber.event().await;
    assert_eq!(first.kind, "accepted");
    assert_eq!(first.data["event"], "accepted");
    assert_eq!(first.data["mandate"], shop.id_of(&shop.mandate(100, 0)));
    drop(subscriber);

    shop.pay(&shop.mandate(100, 1)).await;
    shop.pay(&shop.mandate(100, 2)).await;
    let mut subscriber = Subscriber::open(&shop, Some(&first.id)).await;
    for nonce in [1, 2] {
        let received = subscriber.event().await;
        assert_eq!(received.data["mandate"], shop.id_of(&shop.mandate(100, nonce)));
    }
    // One that begins anew hears only what comes.
    let mut fresh = Subscriber::open(&shop, None).await;
    shop.pay(&shop.mandate(100, 3)).await;
    assert_eq!(fresh.event().await.data["mandate"], shop.id_of(&shop.mandate(100, 3)));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_kept_is_told_to_be_missed() {
    let shop = Shop::with("[limits]\nevents_kept = 2", |_| {}).await;
    let mut subscriber = Subscriber::open(&shop, None).await;
    shop.pay(&shop.mandate(100, 0)).await;
    let first = subscriber.event().await.id;
    drop(subscriber);
    for nonce in 1..6 {
        shop.pay(&shop.mandate(100, nonce)).await;
    }
    // Another run's, and one that is too old.
    for last in ["1-1", first.as_str()] {
        let mut subscriber = Subscriber::open(&shop, Some(last)).await;
        let missed = subscriber.event().await;
        assert_eq!((missed.kind.as_str(), &missed.data["event"]), ("missed", &"missed".into()));
        // The two that are kept.
        for nonce in [4, 5] {
            assert_eq!(
                subscriber.event().await.data["mandate"],
                shop.id_of(&shop.mandate(100, nonce))
            );
        }
    }
    let bad = shop.request(Method::GET, "/v1/events").header("last-event-id", "x");
    assert_eq!(shop.send(bad).await.code(), "malformed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_subscribers_than_may_are_turned_away_and_let_in_when_one_leaves() {
    let shop = Shop::with("[limits]\nevent_subscribers_max = 1", |_| {}).await;
    let subscriber = Subscriber::open(&shop, None).await;
    let refused = shop.get("/v1/events").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "too_many_requests"));
    drop(subscriber);
    eventually("there is room again", || async {
        // A connection that was closed is noticed when something is sent on it.
        shop.pay(&shop.mandate(1, 0)).await;
        shop.request(Method::GET, "/v1/events").send().await.unwrap().status() == 200
    })
    .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn event_streams_end_when_the_server_stops() {
    let shop = Shop::open().await;
    let mut subscriber = Subscriber::open(&shop, None).await;
    let Shop { server, processor, world, .. } = shop;
    timeout(Duration::from_secs(60), server.stop()).await.expect("a subscriber held it up");
    assert!(subscriber.next().await.is_none());
    world.stop(processor).await;
}
