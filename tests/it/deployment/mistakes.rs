//! What people get wrong, each told as what it is. The mistakes of settling, withdrawing, depositing and
//! claiming are beside what they are mistakes of.

use std::time::Duration;

use aep2_chain::{
    call::Call,
    contracts::{DebitWallet, IDebitWallet},
    error::ChainError,
    events::WalletEvent,
    transact::transact_within,
    wallet::{
        Wallet, WalletId,
        error::WalletError,
        terms::{ShapeVerifier, Terms, VerifierList},
        units::{BaseUnits, VerifierSetId},
    },
};
use aep2_circuits::Shape;
use aep2_mandate::units::{AccountId, ChainId};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{DELAY_SECONDS, Stage, payee, reason},
};
use alloy::{
    consensus::Transaction,
    eips::BlockId,
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    sol_types::SolCall,
};
use serde_json::Value;

on_both_chains![
    mistakes_have_names,
    calls_that_are_none_are_refused,
    a_wallet_that_is_none_is_not_taken_for_one,
    a_refused_call_costs_nothing,
    a_transaction_that_fails_in_its_block_says_why,
    a_transaction_that_no_block_takes_is_not_called_done,
    what_a_call_says_of_its_gas_holds,
];

async fn mistakes_have_names(chain: TestChain) {
    use WalletError as E;

    let stage = Stage::set(chain).await;
    let (id, ann, token) = (stage.id(), &stage.ann, stage.token_address());
    let terms = stage.terms(&ann.mandate_key);
    let nobodys = AccountId::new(9).unwrap();
    let unknown_account = E::UnknownAccount { account: 9 };
    let unknown_set = VerifierSetId::new(B256::repeat_byte(3));
    let unregistered = E::UnknownVerifierSet { verifier_set: unknown_set.to_bytes() };
    let no_code = VerifierList::new(vec![ShapeVerifier {
        shape: Shape::TEST,
        verifier: Address::repeat_byte(5),
    }])
    .unwrap();
    let out_of_range = DebitWallet::rotateKeyCall { account: 1, keyHash: U256::MAX };
    let descending = {
        let mut call = DebitWallet::registerVerifiersCall { verifiers: Vec::new() };
        let verifier = stage.deployment.verifiers[0].address;
        for shape in [8, 7] {
            call.verifiers.push(IDebitWallet::ShapeVerifier { shape, verifier });
        }
        call
    };
    let none = DebitWallet::registerVerifiersCall { verifiers: Vec::new() };
    let raw = |call: Bytes| Call::with_data(id.address, call);

    for (call, expected) in [
        (id.deposit(nobodys, token, BaseUnits::new(1)), unknown_account.clone()),
        (id.revoke_key(nobodys), unknown_account.clone()),
        (id.open_account(&Terms { processor: Address::ZERO, ..terms }), E::ProcessorZero),
        (
            id.open_account(&Terms { verifier_set: Some(unknown_set), ..terms }),
            unregistered.clone(),
        ),
        (
            id.open_account(&Terms { verifier_set: None, ..terms }),
            E::UnknownVerifierSet { verifier_set: B256::ZERO },
        ),
        (raw(out_of_range.abi_encode().into()), E::KeyHashOutOfRange { key_hash: U256::MAX }),
        (
            id.register_verifiers(&no_code),
            E::VerifierHasNoCode { verifier: Address::repeat_byte(5) },
        ),
        (raw(descending.abi_encode().into()), E::VerifiersNotAscending { shape: 7 }),
        (raw(none.abi_encode().into()), E::NoVerifiers),
        (id.apply_change(ann.account), E::NothingPending),
        (id.cancel_change(ann.account), E::NothingPending),
        (id.apply_direct_account(ann.address()), E::NothingPending),
        (id.cancel_withdrawal(ann.account, token), E::NothingPending),
        (id.guarantee().cancel_unbond(None, token), E::NothingPending),
        (id.collect(token, payee(1)), E::AmountZero),
    ] {
        assert_eq!(stage.refused(&ann.key, &call).await, expected);
    }
    let unknown = reason(stage.wallet().account(nobodys).await);
    assert_eq!(unknown, unknown_account);

    // A list is registered once; again it is the same list and says nothing.
    let list = stage.deployment.verifier_list().unwrap();
    let receipt = stage.send(&stage.stranger, &id.register_verifiers(&list)).await;
    assert_eq!(stage.events(&receipt), []);
    let part = VerifierList::new(vec![ShapeVerifier {
        shape: Shape::TEST,
        verifier: stage.deployment.verifiers[0].address,
    }])
    .unwrap();
    let receipt = stage.send(&stage.stranger, &id.register_verifiers(&part)).await;
    let verifiers = vec![(Shape::TEST.id(), stage.deployment.verifiers[0].address)];
    let registered = WalletEvent::VerifiersRegistered { verifier_set: part.id(), verifiers };
    assert_eq!(stage.events(&receipt), [registered]);
}

async fn calls_that_are_none_are_refused(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let whole = stage.settling(&stage.batch());
    let cut = Call { data: whole.data.slice(..whole.data.len() - 32), ..whole.clone() };
    assert_eq!(stage.refused(&stage.processor, &cut).await, WalletError::NoReason);
    let no_function = Call { data: Bytes::from_static(&[1, 2, 3, 4]), ..whole.clone() };
    assert_eq!(stage.refused(&stage.processor, &no_function).await, WalletError::NoReason);
    let with_ether = Call { value: U256::from(1), ..whole.clone() };
    assert_eq!(stage.refused(&stage.processor, &with_ether).await, WalletError::NoReason);
    // An account of more than 32 bits.
    let call = stage.id().revoke_key(stage.ann.account);
    let mut wide = call.data.to_vec();
    wide[4] = 1;
    let wide = Call { data: wide.into(), ..call };
    assert_eq!(stage.refused(&stage.ann.key, &wide).await, WalletError::NoReason);
}

async fn a_wallet_that_is_none_is_not_taken_for_one(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let reader = stage.chain.reader();
    let connected = Wallet::connect(reader.clone(), stage.id().address).await.unwrap();
    assert_eq!(connected.id(), stage.id());
    assert_eq!(connected.periods().await.unwrap().withdrawal_seconds, DELAY_SECONDS);
    let domain = connected.mandate_domain(stage.token_address()).await.unwrap();
    assert_eq!(domain, stage.id().mandate_domain(stage.token_address()));

    let nothing = Wallet::connect(reader.clone(), payee(1)).await.unwrap_err();
    let chain_id = ChainId::new(31_337);
    assert!(
        matches!(nothing, ChainError::NoContract { address, chain_id: on } if address == payee(1) && on == chain_id),
        "{nothing:?}"
    );
    for other in [stage.token_address(), stage.deployment.verifiers[0].address] {
        let error = Wallet::connect(reader.clone(), other).await.unwrap_err();
        assert!(
            matches!(error, ChainError::NotAWallet { address, .. } if address == other),
            "{error:?}"
        );
    }
    // Asked where there is no contract, a read is an error and not a zero.
    let unchecked = Wallet::unchecked(reader, WalletId { address: payee(1), ..stage.id() });
    let nonsense = unchecked.purse(stage.ann.account, stage.token_address()).await.unwrap_err();
    assert!(matches!(nonsense, ChainError::Unexpected { .. }), "{nonsense:?}");
}

async fn a_refused_call_costs_nothing(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (reader, stranger) = (stage.chain.reader(), stage.stranger.address());
    let before = reader.get_balance(stranger).await.unwrap();
    stage.refused(&stage.stranger, &stage.id().revoke_key(stage.ann.account)).await;
    assert_eq!(reader.get_balance(stranger).await.unwrap(), before);
    assert_eq!(reader.get_transaction_count(stranger).await.unwrap(), 0);
}

async fn a_transaction_that_no_block_takes_is_not_called_done(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (reader, owner) = (stage.chain.reader(), &stage.ann.key);
    let _: Value = reader.raw_request("evm_setAutomine".into(), [false]).await.unwrap();
    let call = stage.id().revoke_key(stage.ann.account);
    let wait_max = Duration::from_millis(50);
    let provider = stage.chain.with_key(owner);
    let error = transact_within(&provider, owner.address(), &call, wait_max).await.unwrap_err();
    let ChainError::NotMined { transaction, waited } = error else { panic!("{error:?}") };
    assert!(waited >= wait_max);
    assert!(reader.get_transaction_receipt(transaction).await.unwrap().is_none());
    // It was sent all the same, and counts once a block takes it.
    let _: Value = reader.raw_request("evm_mine".into(), ()).await.unwrap();
    let receipt = reader.get_transaction_receipt(transaction).await.unwrap().unwrap();
    assert!(receipt.status());
}

async fn what_a_call_says_of_its_gas_holds(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let call = stage.id().revoke_key(stage.ann.account);
    let sent = async |call: &Call| {
        let hash = stage.send(&stage.ann.key, call).await.transaction_hash;
        stage.chain.reader().get_transaction_by_hash(hash).await.unwrap().unwrap().gas_limit()
    };
    assert_eq!(sent(&Call { gas: Some(234_567), ..call.clone() }).await, 234_567);
    assert!(sent(&call).await < 234_567);
}

/// Two transactions that are both good when tried out, of which the first spoils the second.
async fn a_transaction_that_fails_in_its_block_says_why(chain: TestChain) {
    let stage = Stage::set(chain).await;
    stage.block_in_token(payee(1), true).await;
    stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
    stage.block_in_token(payee(1), false).await;
    let collecting = stage.id().collect(stage.token_address(), payee(1));

    let (reader, senders) = (stage.chain.reader(), [&stage.stranger, &stage.bob.key]);
    let automine = async |on: bool| {
        let _: Value = reader.raw_request("evm_setAutomine".into(), [on]).await.unwrap();
    };
    let waits = async |sender: Address| {
        let mined = reader.get_transaction_count(sender).await.unwrap();
        let pending = reader.get_transaction_count(sender).block_id(BlockId::pending());
        pending.await.unwrap() > mined
    };
    // Both wait in the pool before a block takes them; should one be left over, the next block has it.
    let mining = async {
        while !(waits(senders[0].address()).await && waits(senders[1].address()).await) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        loop {
            let _: Value = reader.raw_request("evm_mine".into(), ()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    automine(false).await;
    let [first, second] = senders.map(|sender| stage.try_send(sender, &collecting));
    let both = async {
        tokio::select! {
            both = async { futures::join!(first, second) } => both,
            () = mining => unreachable!("it mines for ever"),
        }
    };
    let (first, second) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    automine(true).await;

    let (done, failed) = if first.is_ok() { (first, second) } else { (second, first) };
    assert!(done.unwrap().status());
    let failed = failed.unwrap_err();
    assert!(matches!(failed, ChainError::RevertedInBlock { .. }), "{failed:?}");
    assert_eq!(failed.reason(), Some(&WalletError::AmountZero));
    assert_eq!(stage.holds(payee(1)).await, 1_002);
}
