//! What strangers do on the chain to stop a processor, or to have it promise what it cannot keep: with
//! tokens, verifiers and contracts of their own.

use aep2_chain::wallet::{DirectSettlement, terms::Terms, units::BaseUnits};
use aep2_ledger::Balance;
use aep2_mandate::mandate::SignedMandate;
use aep2_processor::{Processor, accept::AcceptError};
use aep2_tests::{
    payers::{Payer, payee_address},
    settling::{accept_all, all_settled, audited},
    strangers::{PAYEE, Strangers, Taken, calling},
    world::{DELAY_SECONDS, World, dev_key, eventually},
};
use alloy::primitives::U256;

/// A mandate of an honest payer is accepted and settled: the processor follows the chain, and nothing
/// stands in its way.
async fn goes_on(world: &World, processor: &Processor, payer: &Payer, nonce: u64) {
    world.ready(processor).await;
    let before = world.holds(payee_address(1)).await;
    let ids = accept_all(processor, [world.mandate(payer, 10, nonce)]).await;
    world.travel(120);
    all_settled(processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, before + 10);
    let metrics = processor.metrics().encode().expect("metrics");
    let raised: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("aep2_alarm{") && !line.ends_with(" 0"))
        .collect();
    assert_eq!(raised, [""; 0], "nobody outside raises an alarm");
}

/// Accepts, as a payer does that is told to try again in a moment.
async fn accept_when_read(
    processor: &Processor,
    mandate: &SignedMandate,
) -> Result<(), AcceptError> {
    let mut answer = Ok(());
    eventually("the account is read", async || {
        answer = processor.accept(mandate.clone()).await.map(drop);
        !matches!(&answer, Err(error) if error.code() == "account_being_read")
    })
    .await;
    answer
}

/// A payer's account goes to this processor, with this deployment's verifiers.
async fn comes_over(world: &World, payer: &Payer) {
    let terms = Terms { processor: world.processor.address(), ..world.terms_of(payer) };
    world.send(&payer.key, &world.id().set_processor(payer.account, &terms)).await;
    world.travel(DELAY_SECONDS);
    world.send(&dev_key(0), &world.id().apply_change(payer.account)).await;
}

/// 120,533 gas, and every processor of the wallet stood still for ever: two accounts with all that an
/// account can have, debited by one batch. Its total is more than any one account's.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_more_than_an_account_can_have_stops_nobody() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let strangers = Strangers::new(&world).await;
    let stranger = dev_key(9);
    let mut taken = Vec::new();
    for _ in 0..2 {
        let account = strangers.open(&world, &stranger, stranger.address()).await;
        let amount = Balance::MAX.get();
        world.send(&stranger, &strangers.deposit(&world, account, amount)).await;
        taken.push(Taken { account, word: 0, mask: 1, amount });
    }
    let batch = strangers.settling(&world, stranger.address(), strangers.token, &taken);
    world.send(&stranger, &batch).await;
    assert_eq!(world.holds_of(strangers.token, PAYEE).await, 0, "the token knows one holder");
    goes_on(&world, &processor, &ann, 0).await;
    audited(&processor);
    world.stop(processor).await;
}

/// 127,899 gas did the same: a contract settles, deposits what it got, and settles again, all in one
/// transaction. No calldata tells what either batch took.
#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_settles_twice_in_a_transaction_stops_nobody() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let strangers = Strangers::new(&world).await;
    let [contract, _] = strangers.callers;
    let account = strangers.open(&world, &dev_key(9), contract).await;
    world.send(&dev_key(9), &strangers.deposit(&world, account, 10)).await;
    let settling = |mask| {
        let taken = [Taken { account, word: 3, mask, amount: 10 }];
        strangers.settling(&world, contract, strangers.token, &taken)
    };
    let calls = [settling(1), strangers.deposit(&world, account, 10), settling(2)];
    let receipt = world.send(&dev_key(9), &calling(contract, &calls)).await;
    // Each of the payouts, too, is an event, where the payee does not get it.
    assert!(world.id().events_of(&receipt).expect("events").len() >= 3, "all three succeeded");
    goes_on(&world, &processor, &ann, 0).await;
    audited(&processor);
    world.stop(processor).await;
}

/// An account of the contract X is settled for 5, goes to the contract Z and is settled for 7, all in one
/// block; and comes to this processor in the next.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_goes_from_contract_to_contract_in_a_block_stops_nobody() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let strangers = Strangers::new(&world).await;
    let [x, z] = strangers.callers;
    let bob = Payer { account: strangers.open(&world, &dev_key(5), x).await, ..bob(&world) };
    world.fund(&bob, 100).await;
    let to_z = world.id().set_processor(bob.account, &strangers.terms(z));
    world.send(&bob.key, &to_z).await;
    world.travel(DELAY_SECONDS);
    let settling = |by, mask, amount| {
        let taken = [Taken { account: bob.account, word: 0, mask, amount }];
        strangers.settling(&world, by, world.token(), &taken)
    };
    let by_z = calling(z, &[settling(z, 2, 7)]);
    let calls = [settling(x, 1, 5), world.id().apply_change(bob.account), by_z];
    world.send(&dev_key(9), &calling(x, &calls)).await;
    assert_eq!(world.balance(&bob).await, 88, "both took theirs");
    goes_on(&world, &processor, &ann, 0).await;

    comes_over(&world, &bob).await;
    world.ready(&processor).await;
    for (nonce, code) in [(0, "nonce_spent"), (1, "nonce_spent")] {
        let refused = accept_when_read(&processor, &world.mandate(&bob, 1, nonce)).await;
        assert_eq!(refused.expect_err("it was spent by a contract").code(), code);
    }
    let refused = accept_when_read(&processor, &world.mandate(&bob, 89, 2)).await;
    assert_eq!(refused.expect_err("12 are gone").code(), "insufficient_funds");
    let last = world.mandate(&bob, 88, 2);
    accept_when_read(&processor, &last).await.expect("it has so much left");
    world.travel(120);
    all_settled(&processor, &[world.id_of(&last).into()]).await;
    audited(&processor);
    world.stop(processor).await;
}

/// Bob without his account.
fn bob(world: &World) -> Payer {
    Payer { key: dev_key(5), ..world.payer_unopened(3, aep2_mandate::units::AccountId::MAX) }
}

/// A contract burns all nonces of a word for nothing, 74,879 gas, and the account comes over: no receipt
/// is given for one of them, on which nobody could claim.
#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_is_given_on_nonces_that_a_contract_spent() {
    let world = World::new().await;
    let processor = world.start(world.when_full()).await;
    let strangers = Strangers::new(&world).await;
    let [contract, _] = strangers.callers;
    let bob = Payer { account: strangers.open(&world, &dev_key(5), contract).await, ..bob(&world) };
    world.fund(&bob, 1_000).await;
    let high = (1u64 << 57) - 1;
    let burning = [1, 400, high].map(|word| {
        let taken = [Taken { account: bob.account, word, mask: u128::MAX, amount: 0 }];
        strangers.settling(&world, contract, world.token(), &taken)
    });
    world.send(&dev_key(9), &calling(contract, &burning)).await;
    comes_over(&world, &bob).await;
    world.ready(&processor).await;
    for word in [1, 400, high] {
        for nonce in [word << 7, (word << 7) + 127] {
            let refused = accept_when_read(&processor, &world.mandate(&bob, 1, nonce)).await;
            assert_eq!(refused.expect_err("spent").code(), "nonce_spent", "{nonce}");
        }
    }
    // Those beside them are not.
    let fine = [0, 127, 256, 399 << 7, (high << 7) - 1].map(|nonce| world.mandate(&bob, 1, nonce));
    for mandate in &fine {
        accept_when_read(&processor, mandate).await.expect("unspent");
    }
    world.travel(120);
    let ids = fine.map(|mandate| world.id_of(&mandate).into());
    all_settled(&processor, &ids).await;
    // A signer that counts up finds what is ahead of it read.
    for nonce in 1_000..1_100 {
        accept_when_read(&processor, &world.mandate(&bob, 1, nonce)).await.expect("unspent");
    }
    audited(&processor);
    world.stop(processor).await;
}

/// The same by the direct path, whose nonces are the owner's and show in no event.
#[tokio::test(flavor = "multi_thread")]
async fn no_direct_receipt_is_given_on_a_nonce_that_another_processor_spent() {
    let world = World::new().await;
    let other = dev_key(8);
    let elsewhere = |terms| Terms { processor: other.address(), ..terms };
    let carl = world.payer_of(2, 1_000, elsewhere).await;
    let spent = carl.sign_directly(world.id(), world.payment(10, 77));
    let settling = DirectSettlement { signed: spent, captured: U256::from(10) };
    world.send(&other, &world.id().settle_direct(other.address(), &[settling])).await;
    comes_over(&world, &carl).await;
    let ann = world.payer(0, 1_000).await;

    let processor = world.start(world.when_full()).await;
    let accept = async |payer: &Payer, nonce| {
        let mandate = payer.sign_directly(world.id(), world.payment(10, nonce));
        let mut answer = Ok(());
        eventually("the owner's nonce is read", async || {
            answer = processor.accept_direct(mandate).await.map(drop);
            // Whose account it is, and which one their mandates debit, is read with the account.
            let waits = ["account_being_read", "unknown_account"];
            !matches!(&answer, Err(error) if waits.contains(&error.code()))
        })
        .await;
        answer
    };
    let refused = accept(&carl, 77).await.expect_err("spent");
    assert!(matches!(refused, AcceptError::NonceSpent), "{refused}");
    accept(&carl, 78).await.expect("unspent");
    // Of an owner whom nobody else ever debited all nonces are known, and nothing need be asked.
    let first = ann.sign_directly(world.id(), world.payment(10, u64::MAX));
    processor.accept_direct(first).await.expect("at once");
    audited(&processor);
    world.stop(processor).await;
}

/// A stranger can open accounts under this processor, with tokens that say what they like.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_strangers_under_this_processor_stop_nobody() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    let strangers = Strangers::new(&world).await;
    let key = dev_key(9);
    let account = strangers.open(&world, &key, world.processor.address()).await;
    world.send(&key, &strangers.deposit(&world, account, Balance::MAX.get())).await;
    let all = BaseUnits::new(u128::MAX);
    let asking = world.id().request_withdrawal(account, strangers.token, all);
    world.send(&key, &asking).await;
    world.travel(DELAY_SECONDS);
    let taking = world.id().execute_withdrawal(account, strangers.token, PAYEE);
    world.send(&key, &taking).await;
    world.send(&key, &strangers.deposit(&world, account, Balance::MAX.get())).await;
    goes_on(&world, &processor, &ann, 0).await;
    let purses = processor.account(account).expect("reads").expect("known").purses;
    assert_eq!(purses[0].balance, Balance::MAX);
    audited(&processor);
    world.stop(processor).await;
}
