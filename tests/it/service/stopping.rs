//! An end that loses nothing that was promised.

use std::time::{Duration, Instant};

use aep2_tests::world::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::shop::{Shop, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_hand_is_answered_and_no_new_one_is_taken() {
    let shop = Shop::open().await;
    let mandate = shop.mandate(100, 0);
    let body = json(&mandate).to_string();
    let mut stream = TcpStream::connect(shop.address).await.unwrap();
    let head = format!(
        "POST /v1/mandates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..20]).await.unwrap();
    // An idle connection holds nobody up.
    let _idle = TcpStream::connect(shop.address).await.unwrap();
    sleep(Duration::from_millis(200)).await;

    let Shop { server, processor, world, address, .. } = shop;
    let stopping = tokio::spawn(server.stop());
    eventually("no new connection is taken", || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    assert!(!stopping.is_finished(), "it did not wait for the request in hand");
    stream.write_all(&body.as_bytes()[20..]).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
    stopping.await.unwrap();
    let kept = processor.mandate(world.id_of(&mandate).into()).unwrap();
    assert!(kept.is_some(), "a receipt left, and its mandate is not there");
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_is_cut_off() {
    let shop = Shop::with("[http]\nstop_within_s = 1", |_| {}).await;
    let mut stream = TcpStream::connect(shop.address).await.unwrap();
    let head = "POST /v1/mandates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    let Shop { server, processor, world, .. } = shop;
    server.stop().await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(8), "{took:?}");
    world.stop(processor).await;
}
