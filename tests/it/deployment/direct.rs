//! Mandates by an owner's ordinary key, settled without a proof.

use aep2_chain::{
    contracts::Erc20::Transfer,
    events::WalletEvent,
    wallet::{DirectSettlement, error::WalletError, sort_to_net, units::BaseUnits},
};
use aep2_mandate::typed_data::{
    EcdsaSignature, TypedData,
    direct::{DirectMandate, SignedDirectMandate},
};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{FUNDS, Person, Stage, VALID_UNTIL, payee},
};
use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolEvent,
};

on_both_chains![direct_mandates_settle_netted, direct_mandates_are_refused_with_their_place,];

fn mandate(
    stage: &Stage,
    owner: &Person,
    payee: Address,
    amount: u64,
    nonce: u64,
) -> DirectMandate {
    DirectMandate {
        owner: owner.address(),
        token: stage.token_address(),
        payee,
        amount: U256::from(amount),
        nonce: U256::from(nonce),
        deadline: U256::from(VALID_UNTIL),
        reference: B256::repeat_byte(nonce as u8),
    }
}

fn signed(
    stage: &Stage,
    owner: &Person,
    mandate: DirectMandate,
    captured: u64,
) -> DirectSettlement {
    let domain = stage.id().eip712_domain();
    let signed = SignedDirectMandate::sign(mandate, &owner.key, &domain).unwrap();
    DirectSettlement { signed, captured: U256::from(captured) }
}

async fn direct_mandates_settle_netted(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (ann, bob, token) = (&stage.ann, &stage.bob, stage.token_address());
    let entry = |owner, to, amount, captured, nonce| {
        signed(&stage, owner, mandate(&stage, owner, payee(to), amount, nonce), captured)
    };
    let mut entries = [
        entry(ann, 2, 100, 100, 0),
        entry(bob, 1, 50, 20, 0),
        entry(ann, 1, 7, 7, 300),
        entry(bob, 2, 9, 0, 1),
        entry(ann, 2, 1, 1, 2),
    ];
    sort_to_net(&mut entries);
    let receipt = stage
        .send(&stage.processor, &stage.id().settle_direct(stage.processor.address(), &entries))
        .await;

    assert_eq!(stage.balance(ann).await, FUNDS - 108);
    assert_eq!(stage.balance(bob).await, FUNDS - 20);
    assert_eq!(stage.holds(payee(1)).await, 27);
    assert_eq!(stage.holds(payee(2)).await, 101);
    let transfers =
        receipt.logs().iter().filter(|log| log.topic0() == Some(&Transfer::SIGNATURE_HASH));
    assert_eq!(transfers.count(), 2, "one transfer a payee");

    let domain = stage.id().eip712_domain();
    let settled: Vec<WalletEvent> = entries
        .iter()
        .map(|entry| WalletEvent::MandateSettled {
            mandate_digest: entry.signed.message.digest(&domain),
            account: if entry.signed.message.owner == ann.address() { ann } else { bob }.account,
            payee: entry.signed.message.payee,
            token,
            captured: BaseUnits::from_word(entry.captured).unwrap(),
        })
        .collect();
    assert_eq!(stage.events(&receipt), settled);

    let spent = |owner: Address, nonce: u64| {
        let wallet = stage.wallet();
        async move { wallet.is_direct_nonce_spent(owner, U256::from(nonce)).await.unwrap() }
    };
    for (owner, nonce, expected) in [
        (ann.address(), 0, true),
        (ann.address(), 1, false),
        (ann.address(), 2, true),
        (ann.address(), 300, true),
        (bob.address(), 0, true),
        (bob.address(), 1, true),
        (bob.address(), 2, false),
    ] {
        assert_eq!(spent(owner, nonce).await, expected, "{owner}, {nonce}");
    }
}

async fn direct_mandates_are_refused_with_their_place(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (ann, bob) = (&stage.ann, &stage.bob);
    let owner = ann.address();
    let good = signed(&stage, bob, mandate(&stage, bob, payee(1), 5, 0), 5);
    let of_ann = mandate(&stage, ann, payee(1), 5, 0);
    let after_a_good_one = async |entry: DirectSettlement| {
        let call = stage.id().settle_direct(stage.processor.address(), &[good, entry]);
        stage.refused(&stage.processor, &call).await
    };

    let refused = after_a_good_one(signed(&stage, ann, of_ann, 6)).await;
    let (captured, amount) = (U256::from(6), U256::from(5));
    assert_eq!(refused, WalletError::CaptureExceedsAmount { index: 1, captured, amount });

    let deadline = U256::from(1);
    let old = signed(&stage, ann, DirectMandate { deadline, ..of_ann }, 5);
    assert_eq!(after_a_good_one(old).await, WalletError::MandateExpired { index: 1, deadline });

    let forged = signed(&stage, bob, of_ann, 5);
    assert_eq!(after_a_good_one(forged).await, WalletError::MandateSignature { index: 1, owner });
    let mut malleated = signed(&stage, ann, of_ann, 5);
    malleated.signed.signature = second_spelling(&malleated.signed.signature);
    let refused = after_a_good_one(malleated).await;
    assert_eq!(refused, WalletError::MandateSignature { index: 1, owner });

    let twice =
        WalletError::MandateNonceSpent { index: 1, owner: bob.address(), nonce: U256::ZERO };
    assert_eq!(after_a_good_one(good).await, twice);

    let rich = DirectMandate { amount: U256::MAX, ..of_ann };
    let mut rich = signed(&stage, ann, rich, 0);
    rich.captured = U256::from(FUNDS + 1);
    let poor = WalletError::InsufficientBalance {
        account: ann.account.get(),
        token: stage.token_address(),
        balance: U256::from(FUNDS),
        amount: U256::from(FUNDS + 1),
    };
    assert_eq!(after_a_good_one(rich).await, poor);

    let stranger = Person {
        key: stage.stranger.clone(),
        account: ann.account,
        mandate_key: aep2_tests::stage::mandate_key(1),
    };
    let homeless = mandate(&stage, &stranger, payee(1), 5, 0);
    let homeless = signed(&stage, &stranger, homeless, 5);
    let no_account = WalletError::NoDirectAccount { index: 1, owner: stranger.address() };
    assert_eq!(after_a_good_one(homeless).await, no_account);

    // For itself, and in the processor's name.
    let (account, processor) = (bob.account.get(), stage.stranger.address());
    let by_another = stage.id().settle_direct(processor, &[good]);
    let refused = stage.refused(&stage.stranger, &by_another).await;
    assert_eq!(refused, WalletError::NotProcessor { account, processor });
    let (processor, caller) = (stage.processor.address(), stage.stranger.address());
    let by_another = stage.id().settle_direct(processor, &[good]);
    let refused = stage.refused(&stage.stranger, &by_another).await;
    assert_eq!(refused, WalletError::NotSender { processor, caller });

    stage
        .send(&stage.processor, &stage.id().settle_direct(stage.processor.address(), &[good]))
        .await;
    assert_eq!(stage.holds(payee(1)).await, 5);
}

/// The same signature by `n − s`, which verifies wherever low s is not demanded.
fn second_spelling(signature: &EcdsaSignature) -> EcdsaSignature {
    const ORDER: U256 = alloy::primitives::uint!(
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256
    );
    let mut bytes = *signature.as_bytes();
    let s = U256::from_be_slice(&bytes[32..64]);
    bytes[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
    bytes[64] = 27 + 28 - bytes[64];
    EcdsaSignature::from_bytes(bytes)
}
