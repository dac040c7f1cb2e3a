//! What refunds must never get wrong: whose word counts, that a word is not taken for money, and that the
//! same money does not come back twice or into another's account.

use aep2_chain::{
    call::Call,
    token::{DepositAuthorization, DepositTarget, Token, approve},
    wallet::{signing::deposit_nonce, units::BaseUnits},
};
use aep2_ledger::MandateHash;
use aep2_mandate::{
    typed_data::{
        self,
        refund::{Refund, SignedRefund},
    },
    units::{AccountId, Ceiling, UnixTime},
};
use aep2_processor::{
    Event, Processor,
    refund::{RefundError, RefundState, RefundStatus},
};
use aep2_tests::{
    payers::{Payer, payee},
    settling::{accept_all, all_settled, audited},
    world::{World, dev_key, eventually},
};
use alloy::{
    primitives::{Address, B256, U256},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::SolStruct,
};

mod abi {
    alloy::sol! {
        struct TransferWithAuthorization {
            address from;
            address to;
            uint256 value;
            uint256 validAfter;
            uint256 validBefore;
            bytes32 nonce;
        }

        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore,
            bytes32 nonce, bytes signature
        );
    }
}

/// A mandate of 100 to payee 1, settled.
async fn paid(world: &World, processor: &Processor, payer: &Payer, nonce: u64) -> MandateHash {
    let ids = accept_all(processor, [world.mandate(payer, 100, nonce)]).await;
    all_settled(processor, &ids).await;
    ids[0]
}

fn refund(world: &World, mandate: MandateHash, id: u8, amount: u128) -> Refund {
    Refund {
        mandate_id: mandate.bytes(),
        token: world.token(),
        amount: Ceiling::new(amount).expect("an amount"),
        refund_id: B256::repeat_byte(id),
        at: world.clock.now(),
    }
}

fn signed(world: &World, refund: Refund, key: &PrivateKeySigner) -> SignedRefund {
    let domain = typed_data::domain(world.id().chain_id, world.id().address);
    SignedRefund::sign(refund, key, &domain).expect("signed")
}

fn code(answer: Result<RefundStatus, RefundError>) -> &'static str {
    match answer {
        Ok(_) => "announced",
        Err(error) => error.code(),
    }
}

/// Deposits what a refund gives back, brought by somebody else than the payee.
async fn deposit(world: &World, into: AccountId, refund: &Refund, amount: u128) -> B256 {
    let domain = Token::new(world.chain.provider(), world.token()).eip712_domain().await;
    let authorization = DepositAuthorization {
        from: payee(1).address(),
        amount: BaseUnits::new(amount),
        valid_after: UnixTime::MIN,
        valid_before: UnixTime::MAX,
        salt: refund.deposit_salt(),
    };
    let (wallet, target) = (world.id(), DepositTarget::Account(into));
    let signed = authorization
        .sign(&payee(1), &domain.expect("a domain"), wallet.address, &target)
        .expect("signed");
    let call = wallet.deposit_with_authorization(into, world.token(), &signed);
    world.send(&dev_key(0), &call).await.transaction_hash
}

fn states(processor: &Processor, mandate: MandateHash) -> Vec<RefundState> {
    let status = processor.mandate(mandate).expect("read").expect("known");
    status.refunds.iter().map(|own| own.state).collect()
}

/// Waits until the processor has read the newest block.
async fn caught_up(world: &World, processor: &Processor) {
    world.mine(1);
    eventually("the newest block is read", async || {
        processor.readiness().chain.block == Some(world.head().await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_a_word_until_the_money_is_in_the_payers_account() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let id = paid(&world, &processor, &payer, 0).await;
    let mut events = processor.events();
    let asked = signed(&world, refund(&world, id, 1, 60), &payee(1));
    let announced = processor.refund(asked).await.expect("announced");
    assert_eq!((announced.refund, announced.state), (asked, RefundState::Announced));
    let nonce = deposit_nonce(payer.account, asked.message.deposit_salt());
    assert_eq!(announced.deposit_nonce, nonce);
    // Never paid: it stays the payee's word, however long one waits.
    world.travel(1_000);
    caught_up(&world, &processor).await;
    assert_eq!(states(&processor, id), [RefundState::Announced]);

    let transaction = deposit(&world, payer.account, &asked.message, 60).await;
    eventually("the chain shows it", async || {
        matches!(states(&processor, id)[..], [RefundState::Paid { .. }])
    })
    .await;
    let [RefundState::Paid { transaction: shown, .. }] = states(&processor, id)[..] else {
        panic!("paid")
    };
    assert_eq!(shown, transaction);
    assert_eq!(world.balance(&payer).await, 1_000 - 100 + 60);
    let mut told = Vec::new();
    while !matches!(told.last(), Some(Event::RefundPaid { .. })) {
        told.push(events.recv().await.expect("told"));
    }
    told.retain(|own| matches!(own, Event::RefundAnnounced { .. } | Event::RefundPaid { .. }));
    let (refund_id, amount) = (asked.message.refund_id, asked.message.amount.amount());
    assert_eq!(told[0], Event::RefundAnnounced { mandate: id, refund_id, amount });
    assert!(matches!(told[1], Event::RefundPaid { mandate, transaction: own, .. }
        if (mandate, own) == (id, transaction)));

    // The same again, signed at another time, also after a restart.
    world.stop(processor).await;
    let processor = world.start_again(world.at_once()).await;
    world.clock.advance(5);
    let again = processor.refund(signed(&world, refund(&world, id, 1, 60), &payee(1))).await;
    let again = again.expect("the same");
    assert_eq!(again.refund, asked, "what was signed first");
    assert!(matches!(again.state, RefundState::Paid { .. }));
    audited(&processor);
    world.stop(processor).await;
}

/// A refund that is wrong in every way is mended one way after the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_reason_of_the_stated_order_is_the_answer() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let settled = paid(&world, &processor, &payer, 0).await;
    let ask = async |refund: Refund, number: u8| {
        code(processor.refund(signed(&world, refund, &payee(number))).await)
    };
    let wrong = Refund {
        mandate_id: B256::repeat_byte(0x0f),
        token: Address::repeat_byte(1),
        ..refund(&world, settled, 1, 101)
    };
    assert_eq!(ask(wrong, 2).await, "unknown_mandate");
    let wrong = Refund { mandate_id: settled.bytes(), ..wrong };
    assert_eq!(ask(wrong, 2).await, "bad_signature", "a stranger gives nothing back");
    assert_eq!(ask(wrong, 1).await, "other_token");
    let wrong = Refund { token: world.token(), ..wrong };
    assert_eq!(ask(wrong, 1).await, "above_settled");
    assert_eq!(ask(refund(&world, settled, 1, 60), 1).await, "announced");
    assert_eq!(ask(refund(&world, settled, 1, 61), 1).await, "refund_conflict");
    assert_eq!(ask(refund(&world, settled, 2, 41), 1).await, "above_settled", "after another");
    assert_eq!(ask(refund(&world, settled, 2, 40), 1).await, "announced");
    assert_eq!(ask(refund(&world, settled, 3, 1), 1).await, "above_settled");
    // What was signed for another wallet counts nothing here.
    let elsewhere = typed_data::domain(world.id().chain_id, Address::repeat_byte(9));
    let moved = SignedRefund::sign(refund(&world, settled, 1, 60), &payee(1), &elsewhere);
    assert_eq!(code(processor.refund(moved.expect("signed")).await), "bad_signature");

    world.stop(processor).await;
    let processor = world.start_again(world.config()).await;
    let waits = accept_all(&processor, [world.mandate(&payer, 100, 1)]).await[0];
    let early = signed(&world, refund(&world, waits, 1, 1), &payee(1));
    assert_eq!(code(processor.refund(early).await), "nothing_to_refund");
    processor.shutdown().await;
    assert_eq!(code(processor.refund(early).await), "not_ready");
}

/// A payee can use up the nonce that its refund names, and say that it paid.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_was_used_without_a_deposit_pays_nothing() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let id = paid(&world, &processor, &payer, 0).await;
    let cheat = payee(1);
    let asked = signed(&world, refund(&world, id, 1, 60), &cheat);
    let announced = processor.refund(asked).await.expect("announced");

    // The money goes from the payee to the payee, under the refund's nonce.
    let token = Token::new(world.chain.provider(), world.token());
    let transfer = abi::TransferWithAuthorization {
        from: cheat.address(),
        to: cheat.address(),
        value: U256::from(60),
        validAfter: U256::ZERO,
        validBefore: U256::from(UnixTime::MAX.get()),
        nonce: announced.deposit_nonce,
    };
    let digest = transfer.eip712_signing_hash(&token.eip712_domain().await.expect("a domain"));
    let signature = cheat.sign_hash_sync(&digest).expect("signed").as_bytes().to_vec().into();
    let function = abi::transferWithAuthorizationCall {
        from: transfer.from,
        to: transfer.to,
        value: transfer.value,
        validAfter: transfer.validAfter,
        validBefore: transfer.validBefore,
        nonce: transfer.nonce,
        signature,
    };
    world.send(&dev_key(0), &Call::new(world.token(), &function)).await;
    let used = token.is_authorization_used(cheat.address(), announced.deposit_nonce).await;
    assert!(used.expect("read"), "the token says that the nonce is used, and that is not enough");
    caught_up(&world, &processor).await;
    assert_eq!(states(&processor, id), [RefundState::Announced]);

    // Money that comes in for something else pays nothing either.
    let units = BaseUnits::new(60);
    world.chain.set_balance(cheat.address(), U256::from(10).pow(U256::from(18))).expect("ether");
    world.send(&cheat, &approve(world.token(), world.id().address, units)).await;
    world.send(&cheat, &world.id().deposit(payer.account, world.token(), units)).await;
    caught_up(&world, &processor).await;
    assert_eq!(states(&processor, id), [RefundState::Announced]);
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_into_another_account_or_of_less_pays_nothing() {
    let world = World::new().await;
    let (payer, friend) = (world.payer(0, 1_000).await, world.payer(1, 0).await);
    let processor = world.start(world.at_once()).await;
    let id = paid(&world, &processor, &payer, 0).await;
    let [elsewhere, less, right] = [1, 2, 3].map(|own| refund(&world, id, own, 30));
    for refund in [elsewhere, less, right] {
        processor.refund(signed(&world, refund, &payee(1))).await.expect("announced");
    }
    deposit(&world, friend.account, &elsewhere, 30).await;
    deposit(&world, payer.account, &less, 29).await;
    deposit(&world, payer.account, &right, 30).await;
    caught_up(&world, &processor).await;
    let found = states(&processor, id);
    assert_eq!(found[..2], [RefundState::Announced; 2]);
    assert!(matches!(found[2], RefundState::Paid { .. }));
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_mandate_is_refunded_as_well() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    let mandate = payer.sign_directly(world.id(), world.payment(100, 7));
    let accepted = processor.accept_direct(mandate).await.expect("accepted");
    let id = MandateHash::from_bytes(accepted.receipt.mandate_digest);
    all_settled(&processor, &[id]).await;
    let asked = signed(&world, refund(&world, id, 1, 100), &payee(1));
    processor.refund(asked).await.expect("announced");
    deposit(&world, payer.account, &asked.message, 100).await;
    eventually("the chain shows it", async || {
        matches!(states(&processor, id)[..], [RefundState::Paid { .. }])
    })
    .await;
    assert_eq!(world.balance(&payer).await, 1_000);
    audited(&processor);
    world.stop(processor).await;
}
