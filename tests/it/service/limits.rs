//! What is too large, too slow or too much, before anything is read of it.

use std::time::{Duration, Instant};

use aep2_tests::world::eventually;
use alloy::transports::http::reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::shop::{LONG, Shop, json};

/// A mandate's bytes, and those of the terms that may come with it.
const BODY_BYTES_MAX: usize = 4_096 + 12_288;

/// A head for a body of so many bytes.
fn head(bytes: usize) -> String {
    format!(
        "POST /v1/mandates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {bytes}\r\n\r\n"
    )
}

async fn connect(shop: &Shop) -> TcpStream {
    TcpStream::connect(shop.address).await.unwrap()
}

/// All that comes until the connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset has said all it had to say.
    let _ = timeout(LONG, stream.read_to_end(&mut text)).await.expect("it is never closed");
    String::from_utf8_lossy(&text).into_owned()
}

/// What is answered first.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = vec![0; 4_096];
    let count = timeout(LONG, stream.read(&mut text)).await.expect("no answer").unwrap();
    String::from_utf8_lossy(&text[..count]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_long_are_refused_before_they_arrive() {
    let shop = Shop::open().await;
    // By what is declared: the body itself never comes.
    let mut stream = connect(&shop).await;
    stream.write_all(head(BODY_BYTES_MAX + 1).as_bytes()).await.unwrap();
    let refused = answer(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 413") && refused.contains("\"too_large\""), "{refused}");

    // By what arrives, where nothing is declared.
    let mut stream = connect(&shop).await;
    let chunked = "POST /v1/mandates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                   Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(chunked.as_bytes()).await.unwrap();
    let chunk = format!("800\r\n{}\r\n", " ".repeat(0x800));
    for _ in 0..=BODY_BYTES_MAX / 0x800 {
        let _ = stream.write_all(chunk.as_bytes()).await;
    }
    let refused = answer(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");

    // What is at the limit is read.
    let mandate = json(&shop.mandate(100, 0)).to_string();
    let padded = format!("{mandate}{}", " ".repeat(BODY_BYTES_MAX - mandate.len()));
    assert_eq!(shop.post("/v1/mandates", padded).await.status, 201);
    // By what is declared, too: whoever sends all of it may find nobody who reads it, and hear nothing.
    let mut stream = connect(&shop).await;
    let long = head((1 << 20) + 1).replace("/v1/mandates", "/v1/mandates/batch");
    stream.write_all(long.as_bytes()).await.unwrap();
    let refused = answer(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 413") && refused.contains("\"too_large\""), "{refused}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_at_most_so_many_and_each_is_bounded() {
    let shop = Shop::open().await;
    let many = json!({ "mandates": vec![json!({}); 257] });
    let refused = shop.post("/v1/mandates/batch", many).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (413, "too_large"));
    let mut long = json(&shop.mandate(100, 0));
    long["mandate"]["nonce"] = "0".repeat(5_000).into();
    let answer = shop
        .post("/v1/mandates/batch", json!({ "mandates": [long, json(&shop.mandate(100, 1))] }))
        .await;
    assert_eq!(answer.body["answers"][0]["error"]["code"], "too_large");
    assert_eq!(answer.body["answers"][1]["status"], 201);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_long_or_never_ends_is_cut_off() {
    let shop = Shop::with("[limits]\nhead_bytes_max = 8192\nhead_within_s = 1", |_| {}).await;
    let mut stream = connect(&shop).await;
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(9_000));
    let _ = stream.write_all(long.as_bytes()).await;
    let refused = rest(stream).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431"), "{refused}");

    let mut stream = connect(&shop).await;
    let headers = "X-One: 1\r\n".repeat(65);
    let _ =
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await;
    let refused = rest(stream).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431"), "{refused}");

    let begun = Instant::now();
    let mut stream = connect(&shop).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let said = rest(stream).await;
    assert!(!said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());

    // Nor is a connection kept for ever on which nothing is asked any more.
    let mut stream = connect(&shop).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    rest(stream).await;
    assert_eq!(shop.get("/healthz").await.status, 200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_given_up_and_holds_nobody_up() {
    let shop = Shop::with("[limits]\nbody_within_s = 1", |_| {}).await;
    let mut stream = connect(&shop).await;
    stream.write_all(head(100).as_bytes()).await.unwrap();
    // Each byte in time, the whole not.
    let dripping = async {
        for _ in 0..40 {
            if stream.write_all(b" ").await.is_err() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        answer(&mut stream).await
    };
    let meanwhile = async {
        sleep(Duration::from_millis(200)).await;
        shop.pay(&shop.mandate(100, 0)).await
    };
    let (refused, served) = tokio::join!(dripping, meanwhile);
    assert!(refused.starts_with("HTTP/1.1 408") && refused.contains("\"too_slow\""), "{refused}");
    assert_eq!(served.status, 201);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_no_mandate() {
    let shop = Shop::open().await;
    let mandate = json(&shop.mandate(100, 0)).to_string();
    let mut stream = connect(&shop).await;
    stream.write_all(head(mandate.len()).as_bytes()).await.unwrap();
    stream.write_all(&mandate.as_bytes()[..mandate.len() / 2]).await.unwrap();
    drop(stream);
    sleep(Duration::from_millis(100)).await;
    let id = shop.id_of(&shop.mandate(100, 0));
    assert_eq!(shop.get(&format!("/v1/mandates/{id}")).await.code(), "unknown_mandate");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_may_are_told_to_come_back() {
    let shop = Shop::with("[limits]\nrequests_max = 1", |_| {}).await;
    // One request is in hand for as long as its body is missing.
    let mut stream = connect(&shop).await;
    stream.write_all(head(10).as_bytes()).await.unwrap();
    eventually("the first request is in hand", || async {
        shop.get("/healthz").await.status == 429
    })
    .await;
    let refused = shop.pay(&shop.mandate(100, 0)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "too_many_requests"));
    assert_eq!(refused.headers["retry-after"], "1");
    drop(stream);
    eventually("there is room again", || async { shop.get("/healthz").await.status == 200 }).await;
    assert_eq!(shop.pay(&shop.mandate(100, 0)).await.status, 201);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_may_wait_for_one_to_end() {
    let shop = Shop::with("[limits]\nconnections_max = 1\nhead_within_s = 600", |_| {}).await;
    let mut first = connect(&shop).await;
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = connect(&shop).await;
    second.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut byte = [0];
    let early = timeout(Duration::from_millis(300), second.read(&mut byte)).await;
    assert!(early.is_err(), "a second connection was served");
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
    drop(second);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_apart_or_not_at_all_where_that_is_set() {
    let shop = Shop::with("[metrics]\nlisten = \"127.0.0.1:0\"", |_| {}).await;
    assert_eq!(shop.get("/metrics").await.code(), "not_found");
    let elsewhere = shop.server.metrics_address().unwrap();
    let request = shop.client.get(format!("http://{elsewhere}/metrics"));
    let metrics = shop.send(request).await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics")
    );
    let text = metrics.body.as_str().unwrap();
    assert!(
        text.contains("aep2_http_requests_total") && text.contains("aep2_ledger_syncs"),
        "{text}"
    );
    assert_eq!(text.matches("# EOF").count(), 1);
    // And nothing else.
    let api = shop.client.request(Method::POST, format!("http://{elsewhere}/v1/mandates"));
    assert_eq!(shop.send(api).await.code(), "not_found");
    shop.close().await;

    let shop = Shop::with("[metrics]\nenabled = false", |_| {}).await;
    assert_eq!(shop.get("/metrics").await.code(), "not_found");
    assert_eq!(shop.server.metrics_address(), None);
    shop.close().await;
}
