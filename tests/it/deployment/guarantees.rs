//! A receipt that was not kept is paid from its signer's bond, once.

use aep2_chain::{
    events::WalletEvent,
    token::approve,
    wallet::{Purse, error::WalletError, units::BaseUnits},
};
use aep2_mandate::{
    field::Fr,
    mandate::MandateId,
    typed_data::{
        TypedData,
        receipt::{Receipt, SignedReceipt},
    },
    units::{Ceiling, Nonce, UnixTime},
};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{DELAY_SECONDS, FUNDS, Stage, payee},
};
use alloy::{
    primitives::{Address, U256},
    signers::local::PrivateKeySigner,
};

on_both_chains![
    a_receipt_that_was_not_kept_is_paid_from_the_bond,
    a_kept_receipt_is_not_paid_again,
    a_stranger_s_receipt_costs_the_stranger_alone,
    a_bond_answers_until_it_has_left,
];

/// On Ann's nonce 0, over 700, to payee 1.
fn receipt(stage: &Stage, settle_by: u64, signer: &PrivateKeySigner) -> SignedReceipt {
    let receipt = Receipt {
        mandate_id: MandateId::from_element(Fr::from(77u64)),
        processor: signer.address(),
        account: stage.ann.account,
        nonce: Nonce::new(0),
        token: stage.token_address(),
        payee: payee(1),
        arbiter: Address::ZERO,
        amount: Ceiling::new(700).unwrap(),
        issued_at: UnixTime::MIN,
        deadline: UnixTime::new(settle_by).unwrap(),
        settle_by: UnixTime::new(settle_by).unwrap(),
    };
    SignedReceipt::sign(receipt, signer, &stage.id().eip712_domain()).unwrap()
}

async fn bond(stage: &Stage, signer: &PrivateKeySigner, amount: u128) {
    let (token, units) = (stage.token_address(), BaseUnits::new(amount));
    stage.mint(signer.address(), amount).await;
    stage.send(signer, &approve(token, stage.id().address, units)).await;
    let receipt = stage.send(signer, &stage.id().bond(signer.address(), token, units)).await;
    let (signer, from) = (signer.address(), signer.address());
    let bonded = WalletEvent::Bonded { signer, token, from, amount: units };
    assert_eq!(stage.events(&receipt), [bonded]);
}

async fn a_receipt_that_was_not_kept_is_paid_from_the_bond(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (token, signer) = (stage.token_address(), stage.processor.address());
    let settle_by = stage.chain.now().await + 1_000;
    let signed = receipt(&stage, settle_by, &stage.processor);
    let claiming = stage.id().claim_guarantee(&signed);

    let early = stage.refused(&stage.stranger, &claiming).await;
    assert!(
        matches!(early, WalletError::ReceiptNotDue { settle_by: due, .. } if due == settle_by),
        "{early:?}"
    );
    stage.chain.travel_to(settle_by + 1).await;
    let (bond_now, amount) = (U256::ZERO, U256::from(700));
    let unbacked = WalletError::InsufficientBond { signer, token, bond: bond_now, amount };
    assert_eq!(stage.refused(&stage.stranger, &claiming).await, unbacked);
    bond(&stage, &stage.processor, 1_000).await;

    let made = stage.send(&stage.stranger, &claiming).await;
    let claimed = WalletEvent::GuaranteeClaimed {
        mandate_id: signed.message.mandate_id.to_bytes(),
        signer,
        payee: payee(1),
        account: Some(stage.ann.account),
        nonce: Nonce::new(0),
        token,
        amount: signed.message.amount.amount(),
        nonce_burnt: true,
    };
    assert_eq!(stage.events(&made), [claimed]);
    assert_eq!(stage.holds(payee(1)).await, 700);
    let left = stage.wallet().bond(signer, token).await.unwrap();
    assert_eq!(left, Purse { balance: BaseUnits::new(300), pending_withdrawal: None });
    assert_eq!(stage.balance(&stage.ann).await, FUNDS, "the payer has not paid");
    let digest = signed.message.digest(&stage.id().eip712_domain());
    assert!(stage.wallet().is_claimed(digest).await.unwrap());

    // Once; and the mandate does not settle any more.
    let account = stage.ann.account.get();
    let claimed = WalletError::ReceiptClaimed { digest };
    assert_eq!(stage.refused(&stage.stranger, &claiming).await, claimed);
    let late = stage.refused(&stage.processor, &stage.settling(&stage.batch())).await;
    assert_eq!(late, WalletError::NonceSpent { account, word: 0, bits: U256::from(1) });
}

async fn a_kept_receipt_is_not_paid_again(chain: TestChain) {
    let stage = Stage::set(chain).await;
    bond(&stage, &stage.processor, 1_000).await;
    let signed = receipt(&stage, stage.chain.now().await + 1_000, &stage.processor);
    stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
    stage.chain.travel_to(signed.message.settle_by.get() + 1).await;
    let (account, token) = (stage.ann.account.get(), stage.token_address());
    let refused = stage.refused(&stage.stranger, &stage.id().claim_guarantee(&signed)).await;
    assert_eq!(refused, WalletError::ReceiptSettled { account, token, nonce: 0 });
}

async fn a_stranger_s_receipt_costs_the_stranger_alone(chain: TestChain) {
    let stage = Stage::set(chain).await;
    bond(&stage, &stage.processor, 1_000).await;
    bond(&stage, &stage.stranger, 1_000).await;
    let signed = receipt(&stage, 1, &stage.stranger);
    let claiming = stage.id().claim_guarantee(&signed);
    let made = stage.send(&stage.bob.key, &claiming).await;
    let burnt = |event: &WalletEvent| match event {
        WalletEvent::GuaranteeClaimed { nonce_burnt, .. } => *nonce_burnt,
        other => panic!("{other:?}"),
    };
    assert!(!burnt(&stage.events(&made)[0]));
    let token = stage.token_address();
    let bond_of = async |signer: &PrivateKeySigner| {
        stage.wallet().bond(signer.address(), token).await.unwrap().balance
    };
    assert_eq!(bond_of(&stage.stranger).await, BaseUnits::new(300));
    assert_eq!(bond_of(&stage.processor).await, BaseUnits::new(1_000));
    let digest = signed.message.digest(&stage.id().eip712_domain());
    let again = stage.refused(&stage.bob.key, &claiming).await;
    assert_eq!(again, WalletError::ReceiptClaimed { digest });
    // The nonce is Ann's to spend still.
    stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
}

async fn a_bond_answers_until_it_has_left(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, signer) = (stage.id(), stage.token_address(), &stage.processor);
    bond(&stage, signer, 1_000).await;
    stage.send(signer, &id.request_unbond(token, BaseUnits::new(900))).await;
    let asked =
        stage.wallet().bond(signer.address(), token).await.unwrap().pending_withdrawal.unwrap();
    let available_from = stage.chain.now().await + 2 * DELAY_SECONDS;
    assert_eq!((asked.amount, asked.executable_from.get()), (BaseUnits::new(900), available_from));
    let leaving = id.execute_unbond(token, payee(4));
    assert_eq!(stage.refused(signer, &leaving).await, WalletError::TooEarly { available_from });

    stage.send(&stage.stranger, &id.claim_guarantee(&receipt(&stage, 1, signer))).await;
    stage.chain.travel_to(available_from).await;
    let made = stage.send(signer, &leaving).await;
    let (signer_address, amount) = (signer.address(), BaseUnits::new(300));
    let unbonded = WalletEvent::Unbonded { signer: signer_address, token, to: payee(4), amount };
    assert_eq!(stage.events(&made), [unbonded], "what the claim left of it");
    assert_eq!(stage.holds(payee(4)).await, 300);

    bond(&stage, signer, 5).await;
    stage.send(signer, &id.request_unbond(token, BaseUnits::new(5))).await;
    stage.send(signer, &id.cancel_unbond(token)).await;
    assert_eq!(stage.refused(signer, &leaving).await, WalletError::NothingPending);
}
