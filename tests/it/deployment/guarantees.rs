//! A receipt is demanded, answered, and paid from its processor's bond where no answer covers it.

use aep2_chain::{
    captures::{CaptureTree, Captured, PaidOut},
    events::WalletEvent,
    settlement::Remembered,
    token::approve,
    wallet::{
        Purse, SenderIndex,
        error::{GuaranteeError, WalletError},
        guarantee::{
            CaptureAnswer, Guarantee, GuaranteeId, Promise, RememberedBatch, ShownMandate,
            events::{Bond, GuaranteeEvent},
        },
        units::BaseUnits,
    },
};
use aep2_mandate::{
    field::Fr,
    mandate::MandateId,
    typed_data::{
        TypedData,
        capture::{Capture, SignedCapture},
        receipt::{Receipt, SignedReceipt},
    },
    units::{Amount, Ceiling, Nonce, UnixTime},
};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{DELAY_SECONDS, FUNDS, RESPONSE_SECONDS, Stage, payee},
};
use alloy::{
    primitives::{Address, U256},
    providers::RootProvider,
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};

on_both_chains![
    a_receipt_that_was_not_kept_is_paid_from_the_bond,
    a_kept_receipt_is_answered_and_not_paid_again,
    a_payee_that_took_less_is_not_paid_the_rest,
    a_stranger_s_receipt_costs_the_stranger_alone,
    a_bond_answers_until_it_has_left,
    a_sender_settles_for_its_processor_and_nobody_else,
];

/// On Ann's nonce 0, over 700, due in 1,000 seconds.
async fn receipt(stage: &Stage, payee: Address, signer: &PrivateKeySigner) -> SignedReceipt {
    let time = |seconds| UnixTime::new(seconds).unwrap();
    let now = stage.chain.now().await;
    let receipt = Receipt {
        mandate_id: MandateId::from_element(Fr::from(77u64)),
        processor: signer.address(),
        account: stage.ann.account,
        nonce: Nonce::new(0),
        token: stage.token_address(),
        payee,
        arbiter: Address::ZERO,
        amount: Ceiling::new(700).unwrap(),
        issued_at: time(now),
        deadline: time(now + 1_000),
        settle_by: time(now + 1_000),
    };
    SignedReceipt::sign(receipt, signer, &stage.id().eip712_domain()).unwrap()
}

fn guarantee(stage: &Stage) -> Guarantee<RootProvider> {
    Guarantee::unchecked(stage.chain.reader(), stage.id().guarantee())
}

fn events(stage: &Stage, receipt: &TransactionReceipt) -> Vec<GuaranteeEvent> {
    stage.id().guarantee().events_of(receipt).unwrap()
}

async fn bond(stage: &Stage, signer: &PrivateKeySigner, payee: Option<Address>, amount: u128) {
    let (token, units) = (stage.token_address(), BaseUnits::new(amount));
    let GuaranteeId { address, .. } = stage.id().guarantee();
    stage.mint(signer.address(), amount).await;
    stage.send(signer, &approve(token, address, units)).await;
    let bonding = stage.id().guarantee().bond(signer.address(), payee, token, units);
    let receipt = stage.send(signer, &bonding).await;
    let bond = Bond { processor: signer.address(), token, payee };
    let bonded = GuaranteeEvent::Bonded { bond, from: signer.address(), amount: units };
    assert_eq!(events(stage, &receipt), [bonded]);
}

async fn bond_of(stage: &Stage, signer: &PrivateKeySigner) -> u128 {
    let token = stage.token_address();
    guarantee(stage).bond(signer.address(), None, token).await.unwrap().balance.get()
}

/// Demands a receipt as soon as its time is over.
async fn demand(stage: &Stage, signed: &SignedReceipt) -> TransactionReceipt {
    let due = signed.message.settle_by.get() + 1;
    if stage.chain.now().await < due {
        stage.chain.travel_to(due).await;
    }
    let promise = Promise { receipt: *signed, capture: None };
    let deposit = guarantee(stage).deposit_for(1).await.unwrap() * U256::from(2);
    stage.send(&stage.stranger, &stage.id().guarantee().demand(&[promise], deposit)).await
}

async fn a_receipt_that_was_not_kept_is_paid_from_the_bond(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let id = stage.id().guarantee();
    let (token, processor) = (stage.token_address(), stage.processor.address());
    let signed = receipt(&stage, payee(1), &stage.processor).await;
    let (receipt, promise) = (signed.message, Promise { receipt: signed, capture: None });
    let digest = receipt.digest(&stage.id().eip712_domain());
    let claiming = id.claim(&[receipt]);

    what_comes_too_early_is_refused(&stage, promise).await;
    let made = demand(&stage, &signed).await;
    let answer_until = stage.chain.now().await + RESPONSE_SECONDS;
    let available_from = answer_until + 1;
    let demanded = GuaranteeEvent::Demanded {
        processor,
        mandate_id: receipt.mandate_id.to_bytes(),
        payee: payee(1),
        digest,
        token,
        due: BaseUnits::new(700),
        answer_until: UnixTime::new(answer_until).unwrap(),
    };
    assert_eq!(events(&stage, &made), [demanded]);
    let soon = stage.refused(&stage.stranger, &claiming).await;
    assert_eq!(soon, WalletError::TooEarly { available_from });
    stage.chain.travel_to(available_from).await;
    // An empty bond pays nothing, and spends no nonce for it.
    let nothing = stage.send(&stage.stranger, &claiming).await;
    assert_eq!((stage.events(&nothing), events(&stage, &nothing)), (vec![], vec![]));
    // Of one that is too small the payee decides.
    bond(&stage, &stage.processor, None, 600).await;
    let (bond_now, amount) = (U256::from(600), U256::from(700));
    let unbacked = GuaranteeError::InsufficientBond { processor, token, bond: bond_now, amount };
    assert_eq!(stage.refused(&stage.stranger, &claiming).await, unbacked.into());
    bond(&stage, &stage.processor, None, 400).await;

    let made = stage.send(&stage.stranger, &claiming).await;
    let (account, nonce) = (stage.ann.account, Nonce::new(0));
    assert_eq!(stage.events(&made), [WalletEvent::NonceBurnt { account, token, nonce }]);
    let claimed = events(&stage, &made);
    assert!(
        matches!(claimed[..], [GuaranteeEvent::GuaranteeClaimed { nonce_burnt: true, .. }]),
        "{claimed:?}"
    );
    assert_eq!(stage.holds(payee(1)).await, 700);
    assert_eq!(bond_of(&stage, &stage.processor).await, 300);
    assert_eq!(stage.balance(&stage.ann).await, FUNDS, "the payer has not paid");

    // Once; and the mandate does not settle any more.
    stage.send(&stage.stranger, &claiming).await;
    assert_eq!(bond_of(&stage, &stage.processor).await, 300);
    let known =
        stage.refused(&stage.stranger, &id.demand(&[promise], U256::from(1u64 << 50))).await;
    assert_eq!(known, GuaranteeError::DemandKnown(digest).into());
    let late = stage.refused(&stage.processor, &stage.settling(&stage.batch())).await;
    let account = account.get();
    assert_eq!(late, WalletError::NonceSpent { account, word: 0, bits: U256::from(1) });
}

/// A demand before its time, a claim before its demand, a demand without its deposit.
async fn what_comes_too_early_is_refused(stage: &Stage, promise: Promise) {
    let (id, receipt) = (stage.id().guarantee(), promise.receipt.message);
    let digest = receipt.digest(&stage.id().eip712_domain());
    let early =
        stage.refused(&stage.stranger, &id.demand(&[promise], U256::from(1u64 << 50))).await;
    assert!(
        matches!(early, WalletError::Guarantee(GuaranteeError::ReceiptNotDue { .. })),
        "{early}"
    );
    let unknown = stage.refused(&stage.stranger, &id.claim(&[receipt])).await;
    assert_eq!(unknown, GuaranteeError::DemandUnknown(digest).into());
    stage.chain.travel_to(receipt.settle_by.get() + 1).await;
    let poor = stage.refused(&stage.stranger, &id.demand(&[promise], U256::ZERO)).await;
    assert!(
        matches!(poor, WalletError::Guarantee(GuaranteeError::DepositTooSmall { .. })),
        "{poor}"
    );
}

/// The stage's batch, remembered: of what payee 2 gets, all is the mandate that receipts name.
fn remembered(stage: &Stage) -> (CaptureTree, RememberedBatch, aep2_chain::call::Call) {
    let proven = stage.batch();
    let payouts: Vec<PaidOut> = proven
        .settlement
        .payouts
        .iter()
        .map(|own| PaidOut { payee: own.payee, amount: own.amount })
        .collect();
    // A tree is not proved: of the others' mandates it says nothing.
    let named = MandateId::from_element(Fr::from(77u64)).to_bytes();
    let part = |own: &PaidOut| {
        let mandate_id = if own.payee == payee(2) { named } else { Default::default() };
        (*own, vec![Captured { mandate_id, amount: own.amount }])
    };
    let parts: Vec<_> = payouts.iter().map(part).collect();
    let tree = CaptureTree::new(&parts).unwrap();
    let (processor, token) = (stage.processor.address(), stage.token_address());
    let set = stage.deployment.verifier_set;
    let (captures, place) = (tree.root(), 5);
    let own = Some(Remembered { captures, place });
    let call = stage.id().settle_batch(&proven, processor, set, token, own).unwrap();
    (tree, RememberedBatch { processor, place, token, captures, payouts }, call)
}

/// Payee 2 is paid 40, and its receipt says 700: it is owed the rest.
async fn a_kept_receipt_is_answered_and_not_paid_again(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let id = stage.id().guarantee();
    bond(&stage, &stage.processor, None, 1_000).await;
    let signed = receipt(&stage, payee(2), &stage.processor).await;
    let receipt = signed.message;
    let (tree, batch, settling) = remembered(&stage);
    stage.send(&stage.processor, &settling).await;
    demand(&stage, &signed).await;

    let leaf = tree.leaf(receipt.mandate_id.to_bytes()).expect("it was paid");
    let mut elsewhere = batch.clone();
    elsewhere.place += 1;
    let shown = ShownMandate { receipt, leaf };
    let refused =
        stage.refused(&stage.ann.key, &id.answer(&elsewhere, std::slice::from_ref(&shown))).await;
    let (processor, place) = (batch.processor, elsewhere.place);
    assert_eq!(refused, GuaranteeError::NotRemembered { processor, place }.into());
    stage.send(&stage.ann.key, &id.answer(&batch, &[shown])).await;
    let paid = guarantee(&stage).paid(&receipt).await.unwrap();
    assert_eq!((paid.shown.get(), paid.claimed.get()), (40, 0));

    stage.chain.travel_to(stage.chain.now().await + RESPONSE_SECONDS + 1).await;
    stage.send(&stage.stranger, &id.claim(&[receipt])).await;
    assert_eq!(bond_of(&stage, &stage.processor).await, 340);
    assert_eq!(stage.holds(payee(2)).await, 700);
    let demand = guarantee(&stage).demand(receipt.digest(&stage.id().eip712_domain())).await;
    assert_eq!(demand.unwrap().expect("a demand").deposit, U256::ZERO, "it was given back");
}

async fn a_payee_that_took_less_is_not_paid_the_rest(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let id = stage.id().guarantee();
    bond(&stage, &stage.processor, None, 1_000).await;
    let domain = stage.id().eip712_domain();
    let signed = receipt(&stage, stage.bob.address(), &stage.processor).await;
    let receipt = signed.message;
    demand(&stage, &signed).await;
    let capture =
        Capture { mandate_id: receipt.mandate_id.to_bytes(), amount: Amount::new(30).unwrap() };
    let by = |key: &PrivateKeySigner| {
        let capture = SignedCapture::sign(capture, key, &domain).unwrap();
        id.answer_by_capture(&[CaptureAnswer { receipt, capture }])
    };
    let digest = receipt.digest(&domain);
    let refused = stage.refused(&stage.processor, &by(&stage.processor)).await;
    assert_eq!(refused, GuaranteeError::CaptureSignature(digest).into());
    let lowered = stage.send(&stage.processor, &by(&stage.bob.key)).await;
    let due = BaseUnits::new(30);
    assert_eq!(events(&stage, &lowered), [GuaranteeEvent::DueLowered { digest, due }]);
    stage.chain.travel_to(stage.chain.now().await + RESPONSE_SECONDS + 1).await;
    stage.send(&stage.stranger, &id.claim(&[receipt])).await;
    assert_eq!(bond_of(&stage, &stage.processor).await, 970);
}

/// It is about Ann's account, which has another processor.
async fn a_stranger_s_receipt_costs_the_stranger_alone(chain: TestChain) {
    let stage = Stage::set(chain).await;
    bond(&stage, &stage.processor, None, 1_000).await;
    bond(&stage, &stage.stranger, None, 1_000).await;
    let signed = receipt(&stage, payee(1), &stage.stranger).await;
    demand(&stage, &signed).await;
    stage.chain.travel_to(stage.chain.now().await + RESPONSE_SECONDS + 1).await;
    let claiming = stage.id().guarantee().claim(&[signed.message]);
    let made = stage.send(&stage.bob.key, &claiming).await;
    let claimed = events(&stage, &made);
    let not_burnt = |event: &GuaranteeEvent| {
        matches!(event, GuaranteeEvent::GuaranteeClaimed { nonce_burnt: false, .. })
    };
    assert!(claimed.iter().any(not_burnt), "{claimed:?}");
    assert_eq!(stage.events(&made), []);
    assert_eq!(bond_of(&stage, &stage.stranger).await, 300);
    assert_eq!(bond_of(&stage, &stage.processor).await, 1_000);
    // The nonce is Ann's to spend still.
    stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
}

async fn a_bond_answers_until_it_has_left(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, signer) = (stage.id().guarantee(), stage.token_address(), &stage.processor);
    bond(&stage, signer, None, 1_000).await;
    bond(&stage, signer, Some(payee(1)), 100).await;
    let signed = receipt(&stage, payee(1), signer).await;
    stage.send(signer, &id.request_unbond(None, token, BaseUnits::new(900))).await;
    let purse = guarantee(&stage).bond(signer.address(), None, token).await.unwrap();
    let Purse { pending_withdrawal: Some(asked), .. } = purse else { panic!("{purse:?}") };
    let available_from = stage.chain.now().await + 2 * DELAY_SECONDS;
    assert_eq!((asked.amount, asked.executable_from.get()), (BaseUnits::new(900), available_from));
    let leaving = id.execute_unbond(None, token, payee(4));
    assert_eq!(stage.refused(signer, &leaving).await, WalletError::TooEarly { available_from });

    demand(&stage, &signed).await;
    stage.chain.travel_to(stage.chain.now().await + RESPONSE_SECONDS + 1).await;
    stage.send(&stage.stranger, &id.claim(&[signed.message])).await;
    let own = guarantee(&stage).bond(signer.address(), Some(payee(1)), token).await.unwrap();
    assert_eq!(own.balance, BaseUnits::new(0), "the payee's own comes first");
    stage.chain.travel_to(available_from).await;
    let made = stage.send(signer, &leaving).await;
    let bond_left = Bond { processor: signer.address(), token, payee: None };
    let amount = BaseUnits::new(400);
    let unbonded = GuaranteeEvent::Unbonded { bond: bond_left, to: payee(4), amount };
    assert_eq!(events(&stage, &made), [unbonded], "what the claim left of it");
    assert_eq!(stage.holds(payee(4)).await, 400);

    bond(&stage, signer, None, 5).await;
    stage.send(signer, &id.request_unbond(None, token, BaseUnits::new(5))).await;
    stage.send(signer, &id.cancel_unbond(None, token)).await;
    assert_eq!(stage.refused(signer, &leaving).await, WalletError::NothingPending);
}

async fn a_sender_settles_for_its_processor_and_nobody_else(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, processor) = (stage.id(), stage.processor.address());
    let settling = stage.settling(&stage.batch());
    let caller = stage.stranger.address();
    let none = stage.refused(&stage.stranger, &settling).await;
    assert_eq!(none, WalletError::NotSender { processor, caller });
    // Whom others name does not matter.
    stage.send(&stage.bob.key, &id.set_sender(SenderIndex::First, Some(caller))).await;
    assert_eq!(stage.refused(&stage.stranger, &settling).await, none);
    let naming = id.set_sender(SenderIndex::Second, Some(caller));
    let made = stage.send(&stage.processor, &naming).await;
    let set = WalletEvent::SenderSet { processor, index: 1, sender: Some(caller) };
    assert_eq!(stage.events(&made), [set]);
    assert_eq!(stage.wallet().senders(processor).await.unwrap(), [None, Some(caller)]);
    stage.send(&stage.stranger, &settling).await;
    assert_eq!(stage.holds(payee(1)).await, 700 + 300 + 2);
}
