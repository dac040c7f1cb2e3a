//! Accounts and their changes: after the delay, and never two keys at once.

use aep2_chain::{
    events::WalletEvent,
    wallet::{
        Account, PendingChange,
        error::WalletError,
        signing::OpenAccount,
        terms::{Opening, Terms},
        units::KeyHash,
    },
};
use aep2_mandate::units::{AccountId, UnixTime};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{DELAY_SECONDS, Stage, VALID_UNTIL, mandate_key, payee},
};
use alloy::primitives::U256;

on_both_chains![
    the_old_key_settles_until_the_new_one_is_in_force,
    an_owner_opens_an_account_by_signature,
    accounts_are_read_as_they_are,
    another_processor_takes_over_after_the_delay,
];

async fn the_old_key_settles_until_the_new_one_is_in_force(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, ann, new_key) = (stage.id(), &stage.ann, mandate_key(77));
    let by = |key, nonce| stage.prove(&[(key, ann.pays(payee(1), 10, nonce))]);
    let new_hash = KeyHash::of(&new_key.public());

    stage.send(&ann.key, &id.rotate_key(ann.account, new_hash)).await;
    stage.chain.travel_to(stage.chain.now().await + DELAY_SECONDS).await;
    // The delay has passed; nobody has applied the change.
    let early = stage.refused(&stage.processor, &stage.settling(&by(&new_key, 0))).await;
    assert!(matches!(early, WalletError::HintWrong { .. }), "{early:?}");
    stage.send(&stage.processor, &stage.settling(&by(&ann.mandate_key, 1))).await;

    let receipt = stage.send(&stage.stranger, &id.apply_change(ann.account)).await;
    let terms = Terms { key_hash: Some(new_hash), ..stage.terms(&ann.mandate_key) };
    assert_eq!(
        stage.events(&receipt),
        [WalletEvent::ChangeApplied { account: ann.account, terms }]
    );
    let late = stage.refused(&stage.processor, &stage.settling(&by(&ann.mandate_key, 2))).await;
    assert!(matches!(late, WalletError::HintWrong { .. }), "{late:?}");
    stage.send(&stage.processor, &stage.settling(&by(&new_key, 3))).await;
    assert_eq!(stage.holds(payee(1)).await, 20);

    stage.send(&ann.key, &id.revoke_key(ann.account)).await;
    stage.chain.travel_to(stage.chain.now().await + DELAY_SECONDS).await;
    stage.send(&stage.stranger, &id.apply_change(ann.account)).await;
    let revoked = stage.refused(&stage.processor, &stage.settling(&by(&new_key, 4))).await;
    assert!(matches!(revoked, WalletError::NotAuthorized { .. }), "{revoked:?}");
}

async fn an_owner_opens_an_account_by_signature(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, owner) = (stage.id(), &stage.stranger);
    let terms = stage.terms(&mandate_key(50));
    let opening = Opening { owner: owner.address(), terms };
    let deadline = UnixTime::new(VALID_UNTIL).unwrap();
    let nonce = stage.wallet().signing_nonce(owner.address()).await.unwrap();
    assert_eq!(nonce, U256::ZERO);
    let message = OpenAccount { opening, nonce, deadline };
    let signed = message.sign(owner, &id.eip712_domain()).unwrap();

    // In another's name, on other terms, with another deadline: none of it was signed.
    let not_signed = WalletError::BadSignature { expected: owner.address() };
    let forged = message.sign(&stage.bob.key, &id.eip712_domain()).unwrap();
    let mut altered = signed.clone();
    altered.opening.terms.processor = stage.bob.address();
    let mut later = signed.clone();
    later.deadline = UnixTime::new(VALID_UNTIL + 1).unwrap();
    for wrong in [forged, altered, later] {
        let bringing = id.open_account_with_signature(&wrong);
        assert_eq!(stage.refused(&stage.bob.key, &bringing).await, not_signed);
    }

    let bringing = id.open_account_with_signature(&signed);
    let receipt = stage.send(&stage.bob.key, &bringing).await;
    let account = AccountId::new(3).unwrap();
    let events = stage.events(&receipt);
    assert_eq!(events[0], WalletEvent::AccountOpened { account, opening });
    let direct = WalletEvent::DirectAccountSet { owner: owner.address(), account: Some(account) };
    assert_eq!(events[1], direct, "an owner's direct mandates debit its first account");

    assert_eq!(stage.refused(&stage.bob.key, &bringing).await, not_signed, "it counts once");
    assert_eq!(stage.wallet().signing_nonce(owner.address()).await.unwrap(), U256::from(1));
    assert_eq!(stage.wallet().account_count().await.unwrap(), 3);

    let signed = OpenAccount { nonce: U256::from(1), ..message };
    let signed = signed.sign(owner, &id.eip712_domain()).unwrap();
    stage.chain.travel_to(VALID_UNTIL + 1).await;
    let expired = stage.refused(&stage.bob.key, &id.open_account_with_signature(&signed)).await;
    assert_eq!(expired, WalletError::SignatureExpired { deadline: U256::from(VALID_UNTIL) });
}

async fn accounts_are_read_as_they_are(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, wallet, ann) = (stage.id(), stage.wallet(), &stage.ann);
    let terms = stage.terms(&ann.mandate_key);
    let unchanged = Account { owner: ann.address(), terms, pending: None };
    assert_eq!(wallet.account(ann.account).await.unwrap(), unchanged);

    let asked = Terms { processor: payee(3), verifier_set: None, key_hash: None };
    let receipt = stage.send(&ann.key, &id.set_processor(ann.account, &asked)).await;
    let in_force_from = UnixTime::new(stage.chain.now().await + DELAY_SECONDS).unwrap();
    let requested =
        WalletEvent::ChangeRequested { account: ann.account, terms: asked, in_force_from };
    assert_eq!(stage.events(&receipt), [requested]);
    let pending = Some(PendingChange { terms: asked, in_force_from });
    assert_eq!(wallet.account(ann.account).await.unwrap(), Account { pending, ..unchanged });

    let receipt = stage.send(&ann.key, &id.cancel_change(ann.account)).await;
    let cancelled = WalletEvent::ChangeCancelled { account: ann.account };
    assert_eq!(stage.events(&receipt), [cancelled]);
    assert_eq!(wallet.account(ann.account).await.unwrap(), unchanged);

    let direct = wallet.direct_account(ann.address()).await.unwrap();
    assert_eq!((direct.account, direct.pending), (Some(ann.account), None));
    let receipt = stage.send(&ann.key, &id.set_direct_account(None)).await;
    let in_force_from = UnixTime::new(stage.chain.now().await + DELAY_SECONDS).unwrap();
    let requested =
        WalletEvent::DirectAccountRequested { owner: ann.address(), account: None, in_force_from };
    assert_eq!(stage.events(&receipt), [requested]);
    let direct = wallet.direct_account(ann.address()).await.unwrap();
    assert_eq!((direct.account, direct.pending), (Some(ann.account), Some((None, in_force_from))));
    let applying = id.apply_direct_account(ann.address());
    let available_from = in_force_from.get();
    assert_eq!(stage.refused(&ann.key, &applying).await, WalletError::TooEarly { available_from });
    stage.chain.travel_to(available_from).await;
    stage.send(&stage.stranger, &applying).await;
    let direct = wallet.direct_account(ann.address()).await.unwrap();
    assert_eq!((direct.account, direct.pending), (None, None));
}

async fn another_processor_takes_over_after_the_delay(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, ann) = (stage.id(), &stage.ann);
    let mine = stage.prove(&[(&ann.mandate_key, ann.pays(payee(1), 10, 0))]);
    let terms = Terms { processor: stage.stranger.address(), ..stage.terms(&ann.mandate_key) };
    stage.send(&ann.key, &id.set_processor(ann.account, &terms)).await;

    let by_stranger = stage.settling_of(stage.stranger.address(), &mine);
    let early = stage.refused(&stage.stranger, &by_stranger).await;
    assert!(matches!(early, WalletError::NotAuthorized { .. }), "{early:?}");
    stage.chain.travel_to(stage.chain.now().await + DELAY_SECONDS).await;
    stage.send(&stage.bob.key, &id.apply_change(ann.account)).await;
    let late = stage.refused(&stage.processor, &stage.settling(&mine)).await;
    assert!(matches!(late, WalletError::NotAuthorized { .. }), "{late:?}");
    stage.send(&stage.stranger, &by_stranger).await;
    assert_eq!(stage.holds(payee(1)).await, 10);
}
