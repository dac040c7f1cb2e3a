//! The chain away, or of another time: nothing is lost, and everything goes on when that is over.

use std::{net::SocketAddr, time::Duration};

use aep2_processor::{Parts, Processor, view::BatchStep};
use aep2_tests::{
    payers::{Payment, payee_address},
    settling::{accept_all, all_settled, audited, batches, chain_of, settled_batches},
    world::{World, eventually},
};
use alloy::{
    network::TransactionBuilder,
    primitives::Address,
    providers::{Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_away_loses_nothing() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let any_port: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let server = world.chain.serve(any_port).await.expect("serves");
    let address = server.address();
    let url = server.url().parse().expect("a URL");
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(url).erased();
    let parts = Parts { provider, ..world.parts() };
    let mut config = world.at_once();
    config.follower.request_timeout = Duration::from_secs(2);
    config.sender.request_timeout = Duration::from_secs(2);
    config.follower.backoff.longest = Duration::from_millis(200);
    config.sender.backoff.longest = Duration::from_millis(200);
    let processor = Processor::start(parts, config).await.expect("started");
    world.ready(&processor).await;
    let mandates = chain_of(&world, &ann, 10, 0..6);
    let mut ids = accept_all(&processor, mandates[..2].to_vec()).await;
    all_settled(&processor, &ids).await;

    server.stop().await;
    eventually("its absence is seen", async || !processor.readiness().chain.reachable).await;
    // The view is fresh enough: promises are made without the chain.
    ids.extend(accept_all(&processor, mandates[2..4].to_vec()).await);
    eventually("proved, and no further", async || {
        let all = batches(&processor);
        all.len() > 1 && all.last().is_some_and(|batch| batch.step == BatchStep::Submitted)
    })
    .await;
    // Until it is too old.
    world.clock.advance(700);
    let refused = processor.accept(mandates[4].clone()).await.expect_err("too old");
    assert_eq!(refused.code(), "not_ready");
    assert!(!processor.readiness().ready);

    // The chain went on meanwhile.
    world.chain.increase_time(Duration::from_secs(700)).expect("time goes on");
    let any = TransactionRequest::default().with_to(Address::repeat_byte(9));
    let sender = world.with_key(&ann.key);
    sender.send_transaction(any).await.expect("sent").get_receipt().await.expect("mined");
    let _server = world.chain.serve(address).await.expect("serves again");
    world.ready(&processor).await;
    ids.extend(accept_all(&processor, mandates[4..].to_vec()).await);
    all_settled(&processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, 60);
    assert_eq!(world.balance(&ann).await, 940);
    let settled: u32 = settled_batches(&processor).iter().map(|(_, count)| count).sum();
    assert_eq!(settled, 6);
    audited(&processor);
    world.stop(processor).await;
}

/// Two hours ahead: what is promised now would be late when it is promised.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_ahead_of_the_clock_is_promised_nothing() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    world.chain.increase_time(Duration::from_secs(7_200)).expect("time goes on");
    world.chain.mine().expect("a block");
    eventually("it is noticed", async || !processor.readiness().ready).await;
    let mandate =
        ann.sign(world.id(), Payment { deadline: world.later(20_000), ..world.payment(1, 0) });
    let refused = processor.accept(mandate.clone()).await.expect_err("the clocks differ");
    assert_eq!(refused.code(), "not_ready");
    world.clock.advance(7_200);
    world.ready(&processor).await;
    processor.accept(mandate).await.expect("they agree");
    world.stop(processor).await;
}
