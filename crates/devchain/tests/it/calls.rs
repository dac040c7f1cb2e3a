//! Calls and estimates: reverts as alloy decodes them, gas that is enough and not much more,
//! precompiles, past states.

use alloy::{
    contract::Error as ContractError,
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, address as literal, hex},
    providers::{DynProvider, Provider},
    rpc::types::{TransactionRequest, state::StateOverridesBuilder},
    sol_types::SolCall,
};

use crate::support::{
    ETHER, GWEI, Probe, ProbeInstance, address, chain, probe, refusal, send, wallet,
};

fn refused(error: &ContractError) -> (i64, &str) {
    match error {
        ContractError::TransportError(error) => refusal(error),
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn reverts_arrive_as_what_they_are() {
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;

    let call = probe.refuse(U256::from(42)).from(address(2));
    for error in [call.call().await.err().unwrap(), call.estimate_gas().await.unwrap_err()] {
        assert_eq!(refused(&error), (3, "execution reverted"));
        let decoded = error.as_decoded_error::<Probe::Refused>().unwrap();
        assert_eq!((decoded.code, decoded.who), (U256::from(42), address(2)));
    }
    let error = probe.explain().call().await.err().unwrap();
    assert_eq!(refused(&error), (3, "execution reverted: because"));
    let error = probe.divide(U256::ZERO).call().await.err().unwrap();
    let message = "execution reverted: division or modulo by zero";
    assert_eq!(refused(&error), (3, message));
    let error = probe.hush().call().await.err().unwrap();
    assert_eq!(refused(&error), (3, "execution reverted"));
    assert_eq!(error.as_revert_data(), Some(Bytes::new()));
    let error = probe.burn().call().await.err().unwrap();
    assert_eq!(refused(&error), (-32000, "invalid opcode: INVALID"));
    let error = probe.noteMany(U256::from(1_000_000)).call().await.err().unwrap();
    assert_eq!(refused(&error), (-32000, "out of gas"));
}

#[tokio::test]
async fn calls_change_nothing_and_ask_for_no_fee_or_nonce() {
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;
    let provider = chain.provider();
    let stranger = Address::repeat_byte(9);
    probe.store(U256::from(99)).from(stranger).call().await.unwrap();
    assert_eq!(probe.stored().call().await.unwrap(), U256::from(7));
    // A contract may be the caller, too.
    probe.store(U256::ONE).from(*probe.address()).call().await.unwrap();
    // But money that is not there cannot be sent, and a named price must be paid for.
    let error = probe.store(U256::ONE).from(stranger).value(ETHER).call().await.err().unwrap();
    let words = "insufficient funds for gas * price + value";
    assert!(refused(&error).1.starts_with(words), "{error}");
    let priced = TransactionRequest::default()
        .with_from(stranger)
        .with_to(*probe.address())
        .with_max_fee_per_gas(GWEI);
    assert!(refusal(&provider.call(priced).await.unwrap_err()).1.starts_with(words));
}

/// For each call: with the estimate it succeeds, and the estimate is at most 1.2 times the least gas
/// with which it succeeds.
#[tokio::test]
async fn estimates_are_enough_and_not_much_more() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    let to_probe =
        |data: Vec<u8>| TransactionRequest::default().with_to(*probe.address()).with_input(data);
    send(
        &provider,
        to_probe(Probe::noteCall { key: U256::from(77), value: U256::ONE }.abi_encode()),
    )
    .await;
    let deployment = TransactionRequest::default().with_deploy_code(crate::support::probe_code(1));
    let calls = [
        ("transfer", TransactionRequest::default().with_to(address(3)).with_value(U256::ONE)),
        ("deployment", deployment),
        ("store", to_probe(Probe::storeCall { value: U256::from(1) }.abi_encode())),
        ("loop", to_probe(Probe::noteManyCall { count: U256::from(50) }.abi_encode())),
        // Only 63/64 of the gas go down each level, and the levels above insist on success.
        ("nesting", to_probe(Probe::nestCall { depth: U256::from(40) }.abi_encode())),
        // Gas that comes back at the end has to be there before.
        ("refund", to_probe(Probe::eraseCall { key: U256::from(77) }.abi_encode())),
        // Long calldata costs a floor (EIP-7623).
        ("floor", TransactionRequest::default().with_to(address(3)).with_input(vec![7; 5_000])),
    ];
    for (name, call) in calls {
        let call = call.with_from(address(0));
        let estimate = provider.estimate_gas(call.clone()).await.unwrap();
        let succeeds = async |gas: u64| {
            let snapshot = chain.snapshot().unwrap();
            let sent = provider.send_transaction(call.clone().with_gas_limit(gas)).await;
            let succeeded = match sent {
                Ok(pending) => pending.get_receipt().await.unwrap().status(),
                Err(_) => false,
            };
            chain.revert(snapshot).unwrap();
            succeeded
        };
        assert!(succeeds(estimate).await, "{name}: {estimate} is not enough");
        assert!(!succeeds(estimate * 10 / 12).await, "{name}: {estimate} is too much");
    }
    // A plain transfer needs exactly what it needs.
    let plain = TransactionRequest::default().with_from(address(0)).with_to(address(3));
    assert_eq!(provider.estimate_gas(plain).await.unwrap(), 21_000);
}

#[tokio::test]
async fn estimates_respect_what_the_sender_can_pay() {
    let chain = chain();
    let provider = chain.provider();
    let poor = Address::repeat_byte(9);
    chain.set_balance(poor, U256::from(20_000 * GWEI)).unwrap();
    let call = TransactionRequest::default().with_from(poor).with_to(address(3));
    let priced = call.clone().with_max_fee_per_gas(GWEI);
    let error = provider.estimate_gas(priced).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "gas required exceeds allowance (20000)"));
    assert_eq!(provider.estimate_gas(call).await.unwrap(), 21_000);
}

#[tokio::test]
async fn past_blocks_answer_as_they_did() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe: ProbeInstance<DynProvider> = probe(&provider).await;
    for value in 1..=5u64 {
        probe.store(U256::from(value)).send().await.unwrap().get_receipt().await.unwrap();
    }
    // The probe is deployed in block 1 with 7; block n + 1 stores n.
    for (block, expected) in [(1, 7), (2, 1), (4, 3), (6, 5)] {
        let stored = probe.stored().block(BlockId::number(block)).call().await.unwrap();
        assert_eq!(stored, U256::from(expected));
        let slot = provider.get_storage_at(*probe.address(), U256::ZERO).number(block);
        assert_eq!(slot.await.unwrap(), U256::from(expected));
        let nonce = provider.get_transaction_count(address(0)).number(block).await.unwrap();
        assert_eq!(nonce, block);
        // By hash, too.
        let hash = provider.get_block(BlockId::number(block)).await.unwrap().unwrap().header.hash;
        let stored = probe.stored().block(BlockId::hash(hash)).call().await.unwrap();
        assert_eq!(stored, U256::from(expected));
    }
    assert!(provider.get_code_at(*probe.address()).number(0).await.unwrap().is_empty());
    let error = provider.get_balance(address(0)).number(99).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "header not found"));
    // A past block's own time and hashes.
    let third = provider.get_block(BlockId::number(3)).await.unwrap().unwrap();
    let time = probe.time().block(BlockId::number(3)).call().await.unwrap();
    assert_eq!(time, U256::from(third.header.timestamp));
    let hash = probe.blockHash(U256::from(3)).block(BlockId::number(5)).call().await.unwrap();
    assert_eq!(hash, third.header.hash);
    let none = probe.blockHash(U256::from(5)).block(BlockId::number(3)).call().await.unwrap();
    assert_eq!(none, B256::ZERO);
}

/// Otherwise whether a delay is over would be answered by the clock of the last block, however old.
#[tokio::test]
async fn the_latest_state_is_asked_at_the_time_of_a_block_mined_now() {
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;
    let then: u64 = probe.time().call().await.unwrap().to();
    chain.increase_time(std::time::Duration::from_secs(1_000)).unwrap();
    let now: u64 = probe.time().call().await.unwrap().to();
    assert!((1_000..1_100).contains(&(now - then)));
    chain.mine().unwrap();
    let mined = chain.provider().get_block(Default::default()).await.unwrap().unwrap();
    assert!((now..now + 100).contains(&mined.header.timestamp));
}

#[tokio::test]
async fn a_call_may_pretend() {
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;
    let provider = chain.provider();
    let stranger = Address::repeat_byte(9);
    let pretend = StateOverridesBuilder::default()
        .with_balance(stranger, ETHER * U256::from(2))
        .with_state_diff(*probe.address(), [(B256::ZERO, B256::with_last_byte(5))]);
    let call = TransactionRequest::default().with_from(stranger).with_to(*probe.address());
    let read = call.clone().with_input(Probe::storedCall {}.abi_encode());
    let output = provider.call(read).overrides(pretend.clone().build()).await.unwrap();
    assert_eq!(U256::from_be_slice(&output), U256::from(5));
    let paid =
        call.with_input(Probe::storeCall { value: U256::ONE }.abi_encode()).with_value(ETHER);
    provider.call(paid.clone()).overrides(pretend.build()).await.unwrap();
    provider.call(paid).await.unwrap_err();

    // Code at an address that has none, and a storage of which nothing is left.
    let code = provider.get_code_at(*probe.address()).await.unwrap();
    let pretend =
        StateOverridesBuilder::default().with_code(stranger, code).with_state(*probe.address(), []);
    for target in [stranger, *probe.address()] {
        let read = TransactionRequest::default()
            .with_to(target)
            .with_input(Probe::storedCall {}.abi_encode());
        let output = provider.call(read).overrides(pretend.clone().build()).await.unwrap();
        assert_eq!(U256::from_be_slice(&output), U256::ZERO);
    }
}

/// EIP-196 and EIP-197. The vectors are of those proposals' reference tests, as Ethereum clients
/// run them (`jeff1` of the pairing, `chfast1` of the addition and the multiplication).
#[tokio::test]
async fn the_bn254_precompiles_compute() {
    let chain = chain();
    let provider = chain.provider();
    let run = async |precompile: Address, input: &str| {
        let input = hex::decode(input).unwrap();
        let call = TransactionRequest::default().with_to(precompile).with_input(input);
        provider.call(call).await
    };
    let add = literal!("0000000000000000000000000000000000000006");
    let mul = literal!("0000000000000000000000000000000000000007");
    let pairing = literal!("0000000000000000000000000000000000000008");

    let sum = run(
        add,
        "18b18acfb4c2c30276db5411368e7185b311dd124691610c5d3b74034e093dc9\
         063c909c4720840cb5134cb9f59fa749755796819658d32efc0d288198f37266\
         07c2b7f58a84bd6145f00c9c2bc0bb1a187f20ff2c92963a88019e7c6a014eed\
         06614e20c147e940f2d70da3f74c9a17df361706a4485c742bd6788478fa17d7",
    );
    assert_eq!(
        hex::encode(sum.await.unwrap()),
        "2243525c5efd4b9c3d3c45ac0ca3fe4dd85e830a4ce6b65fa1eeaee202839703\
         301d1d33be6da8e509df21cc35964723180eed7532537db9ae5e7d48f195c915"
    );
    let product = run(
        mul,
        "2bd3e6d0f3b142924f5ca7b49ce5b9d54c4703d7ae5648e61d02268b1a0a9fb7\
         21611ce0a6af85915e2f1d70300909ce2e49dfad4a4619c8390cae66cefdb204\
         00000000000000000000000000000000000000000000000011138ce750fa15c2",
    );
    assert_eq!(
        hex::encode(product.await.unwrap()),
        "070a8d6a982153cae4be29d434e8faef8a47b274a053f5a4ee2a6c9c13c31e5c\
         031b8ce914eba3a9ffb989f9cdd5b0f01943074bf4f0f315690ec3cec6981afc"
    );

    let pairs = "1c76476f4def4bb94541d57ebba1193381ffa7aa76ada664dd31c16024c43f59\
                 3034dd2920f673e204fee2811c678745fc819b55d3e9d294e45c9b03a76aef41\
                 209dd15ebff5d46c4bd888e51a93cf99a7329636c63514396b4a452003a35bf7\
                 04bf11ca01483bfa8b34b43561848d28905960114c8ac04049af4b6315a41678\
                 2bb8324af6cfc93537a2ad1a445cfd0ca2a71acd7ac41fadbf933c2a51be344d\
                 120a2a4cf30c1bf9845f20c6fe39e07ea2cce61f0c9bb048165fe5e4de877550\
                 111e129f1cf1097710d41c4ac70fcdfa5ba2023c6ff1cbeac322de49d1b6df7c\
                 2032c61a830e3c17286de9462bf242fca2883585b93870a73853face6a6bf411\
                 198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
                 1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed\
                 090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b\
                 12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";
    let one = B256::with_last_byte(1);
    assert_eq!(run(pairing, pairs).await.unwrap(), Bytes::from(one));
    // Another point of the curve, the generator, in the first pair: the product is not one.
    let point = format!("{:064x}{:064x}", 1, 2);
    let other = pairs.replace([' ', '\n'], "").replacen(&pairs[..64], &point[..64], 1);
    let other = other.replacen(
        "3034dd2920f673e204fee2811c678745fc819b55d3e9d294e45c9b03a76aef41",
        &point[64..],
        1,
    );
    assert_eq!(run(pairing, &other).await.unwrap(), Bytes::from(B256::ZERO));
    // A point off the curve fails the call.
    let off = pairs.replacen("1c76", "1c77", 1);
    run(pairing, &off).await.unwrap_err();
}

#[tokio::test]
async fn a_call_on_a_block_that_is_not_there_is_refused() {
    let chain = chain();
    let call = TransactionRequest::default().with_to(address(1));
    let provider = chain.provider();
    let error = provider.call(call.clone()).block(BlockId::number(5)).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "header not found"));
    let unknown = BlockId::hash(B256::repeat_byte(1));
    let error = provider.estimate_gas(call).block(unknown).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "header not found"));
}
