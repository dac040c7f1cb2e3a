//! What a payer's mandates follow.

use std::{collections::HashMap, sync::atomic::Ordering::SeqCst};

use aep2_mandate::mandate::{MandateId, SignedMandate};
use aep2_payee::Quote;
use aep2_payer::PayError;
use aep2_tests::stand_in::{TOKEN, World, ceiling};
use axum::{Router, routing::get};

async fn shop(world: &World) -> aep2_tests::stand_in::Shop {
    world
        .payee(|payee| {
            let charge = payee.charge(Quote::fixed(ceiling(10)));
            Router::new().route("/{n}", get(|| async { "ok" }).layer(charge))
        })
        .await
}

/// Mandates by nonce, with their ids.
fn in_order(world: &World) -> Vec<(MandateId, SignedMandate)> {
    let domain = world.venue.mandate_domain(TOKEN);
    let mut mandates: Vec<_> = world
        .ledger
        .mandates()
        .into_iter()
        .map(|signed| (signed.mandate.id(&domain), signed))
        .collect();
    mandates.sort_by_key(|(_, signed)| signed.mandate.nonce);
    mandates
}

#[tokio::test]
async fn one_call_after_the_other_makes_one_chain() {
    let world = World::new().await;
    let shop = shop(&world).await;
    let client = world.client(1);
    for n in 0..5 {
        client.get(shop.at(&format!("/{n}"))).await.unwrap();
    }
    let mandates = in_order(&world);
    assert!(mandates[0].1.mandate.prev.is_start());
    for pair in mandates.windows(2) {
        assert_eq!(pair[1].1.mandate.prev.id(), Some(pair[0].0));
    }
}

#[tokio::test]
async fn a_refused_mandate_is_never_followed_and_does_not_cut_the_chain() {
    let world = World::new().await;
    let shop = shop(&world).await;
    let client = world.client(1);
    client.get(shop.at("/0")).await.unwrap();
    world.ledger.fund(aep2_tests::stand_in::account(1), 5);
    client.get(shop.at("/1")).await.unwrap_err();
    world.ledger.fund(aep2_tests::stand_in::account(1), 50);
    client.get(shop.at("/2")).await.unwrap();
    let mandates = in_order(&world);
    assert_eq!(mandates.len(), 2);
    assert_eq!(mandates[1].1.mandate.prev.id(), Some(mandates[0].0));
    assert_eq!(mandates[1].1.mandate.nonce.get(), mandates[0].1.mandate.nonce.get() + 2);
}

#[tokio::test]
async fn a_chain_is_cut_where_nobody_answered() {
    let world = World::new().await;
    let shop = shop(&world).await;
    let client = world.client(1);
    client.get(shop.at("/0")).await.unwrap();
    // The processor accepts, and nobody hears of it.
    world.ledger.faults.forge.store(usize::MAX, SeqCst);
    assert!(matches!(client.get(shop.at("/1")).await, Err(PayError::Unanswered { .. })));
    world.ledger.faults.forge.store(0, SeqCst);
    client.get(shop.at("/2")).await.unwrap();
    let mandates = in_order(&world);
    assert_eq!(mandates.len(), 3);
    assert!(mandates[2].1.mandate.prev.is_start());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_never_follow_the_same_mandate_and_keep_few_chains() {
    let world = World::new().await;
    let shop = shop(&world).await;
    let client = world.client(1);
    let mut tasks = Vec::new();
    for task in 0..4 {
        let (client, url) = (client.clone(), shop.url.clone());
        tasks.push(tokio::spawn(async move {
            for n in 0..8 {
                let url = url.join(&format!("/{}", task * 8 + n)).unwrap();
                client.get(url).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mandates = in_order(&world);
    let mut followers = HashMap::<_, u32>::new();
    for (_, signed) in &mandates {
        *followers.entry(signed.mandate.prev).or_default() += 1;
    }
    let starts = followers.remove(&aep2_mandate::mandate::Prev::START).unwrap();
    assert!(starts <= 4, "{starts} chains for 4 tasks");
    assert!(followers.values().all(|count| *count == 1), "{followers:?}");
    // Whatever is followed was handed in.
    let known: Vec<_> = mandates.iter().map(|(id, _)| *id).collect();
    assert!(followers.keys().all(|prev| known.contains(&prev.id().unwrap())));
}
