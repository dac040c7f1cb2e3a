//! What others do on the chain: contracts that settle, owners that change their terms.

use aep2_chain::{
    call::Call,
    transact::transact,
    wallet::{terms::Terms, units::KeyHash},
};
use aep2_mandate::eddsa::SecretKey;
use aep2_prover::{
    blinding::Blinding,
    window::{Entry, Window},
};
use aep2_tests::{
    payers::{Payer, payee_address},
    settling::{accept_all, all_settled, audited},
    world::{DELAY_SECONDS, World, dev_key, eventually},
};
use alloy::primitives::{Address, Bytes, hex};

/// A contract that passes every call on to the wallet, so that the wallet takes it for the processor.
async fn forwarder(world: &World) -> Address {
    let wallet = hex::encode(world.id().address);
    // Copies the calldata, calls, copies the answer, returns it or reverts with it.
    let runtime = format!("365f5f375f5f365f5f73{wallet}5af13d5f5f3e603057{}", "3d5ffd");
    let runtime = hex::decode(runtime).expect("hexadecimal");
    let at = runtime.len();
    let mut runtime = runtime;
    let place = runtime.iter().rposition(|byte| *byte == 0x30).expect("the jump");
    runtime[place] = u8::try_from(at).expect("short");
    runtime.extend([0x5b, 0x3d, 0x5f, 0xf3]);
    let length = u8::try_from(runtime.len()).expect("short");
    let creation = [&[0x60, length, 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3, 0x00][..], &runtime];
    let creation = Bytes::from(creation.concat());
    let receipt = transact(&world.with_key(&dev_key(0)), &Call::deployment(creation)).await;
    receipt.expect("deployed").contract_address.expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_a_contract_settled_away_is_not_promised_again() {
    let world = World::new().await;
    let contract = forwarder(&world).await;
    let bob = world.payer_of(1, 1_000, |terms| Terms { processor: contract, ..terms }).await;
    let processor = world.start(world.when_full()).await;
    let balance =
        || processor.account(bob.account).expect("reads").expect("known").purses[0].clone();
    assert_eq!(balance().balance.get(), 1_000);

    // Its calldata is not the transaction's input.
    let signed = world.mandate(&bob, 70, 0);
    let window = Window {
        chain_id: world.id().chain_id,
        wallet: world.id().address,
        token: world.token(),
        valid_until: signed.mandate.deadline,
        mandates: vec![Entry { signed, captured: None }],
    };
    let mut rng = rand::rngs::OsRng;
    let window = window.validate(&mut rng).expect("a window");
    let prover = world.provers.iter().next().expect("a prover");
    let blinding = Blinding::random(&mut rng);
    let (proven, ..) = prover.prove(&window, &blinding, &mut rng, &()).expect("proved");
    let set = world.deployment.verifier_set;
    let settling = world.id().settle_batch(&proven, set, world.token()).expect("a call");
    world.send(&dev_key(0), &Call::with_data(contract, settling.data)).await;
    assert_eq!(world.balance(&bob).await, 930);
    world.ready(&processor).await;
    assert_eq!(balance().balance.get(), 930);

    // He comes over, with what is left.
    let terms = Terms { processor: world.processor.address(), ..world.terms_of(&bob) };
    world.send(&bob.key, &world.id().set_processor(bob.account, &terms)).await;
    world.travel(DELAY_SECONDS);
    world.send(&dev_key(0), &world.id().apply_change(bob.account)).await;
    world.ready(&processor).await;
    let refused = processor.accept(world.mandate(&bob, 931, 1)).await.expect_err("too much");
    assert_eq!(refused.code(), "insufficient_funds");
    let ids = accept_all(&processor, [world.mandate(&bob, 930, 2)]).await;
    world.travel(120);
    all_settled(&processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, 1_000);
    audited(&processor);
    world.stop(processor).await;
}

/// From when a change is due until it is applied nothing is accepted. Nobody has to wait for its
/// owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_due_is_applied_and_the_account_goes_on() {
    let world = World::new().await;
    let (ann, bob) = (world.payer(0, 1_000).await, world.payer(1, 0).await);
    let processor = world.start(world.when_full()).await;
    let new = Payer { seed: [0x77; 32], ..ann.clone() };
    for payer in [&ann, &bob] {
        let key_hash = KeyHash::of(&SecretKey::from_seed(new.seed).public());
        world.send(&payer.key, &world.id().rotate_key(payer.account, key_hash)).await;
    }
    world.ready(&processor).await;
    world.travel(DELAY_SECONDS);
    world.ready(&processor).await;
    let refused = processor.accept(world.mandate(&ann, 10, 0)).await.expect_err("due, or applied");
    assert!(["change_pending", "unknown_key"].contains(&refused.code()), "{refused}");
    let pending = |payer: &Payer| {
        processor.account(payer.account).expect("reads").expect("known").pending_change.is_some()
    };
    eventually("applied", async || !pending(&ann)).await;
    assert!(pending(&bob), "nobody pays for changes of empty accounts");
    let ids = accept_all(&processor, [world.mandate(&new, 10, 0)]).await;
    world.travel(120);
    all_settled(&processor, &ids).await;
    audited(&processor);
    world.stop(processor).await;
}
