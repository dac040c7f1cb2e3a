//! Transactions of every kind, their receipts, and what is refused in which words.

use aep2_devchain::{DevChain, DevChainConfig, Hardfork};
use alloy::{
    consensus::{SignableTransaction, Transaction as _, TxEip4844, TxEnvelope},
    eips::{
        eip2718::Encodable2718,
        eip2930::{AccessList, AccessListItem},
        eip7702::Authorization,
    },
    network::{TransactionBuilder, TransactionBuilder7702},
    primitives::{Address, B256, U256, address as literal, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    signers::SignerSync,
    sol_types::{SolCall, SolEvent},
};

use crate::support::{
    ETHER, GWEI, Probe, address, chain, manual_chain, probe, refusal, send, signed, signer,
    transfer, wallet,
};

#[test]
fn the_accounts_are_those_that_every_tool_knows() {
    let expected = [
        literal!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        literal!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        literal!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
        literal!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
        literal!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
        literal!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
        literal!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
        literal!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
        literal!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
        literal!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
    ];
    assert_eq!((0..10).map(address).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn money_moves_and_fees_are_paid_to_the_wei() {
    let chain = chain();
    let (provider, heir) = (wallet(&chain, 0), Address::repeat_byte(1));
    let before = provider.get_balance(address(0)).await.unwrap();
    let request = TransactionRequest::default().with_to(heir).with_value(ETHER);
    let receipt = send(&provider, request).await;

    assert!(receipt.status());
    assert_eq!((receipt.gas_used, receipt.inner.cumulative_gas_used()), (21_000, 21_000));
    assert_eq!((receipt.from, receipt.to), (address(0), Some(heir)));
    let block = provider.get_block(receipt.block_hash.unwrap().into()).await.unwrap().unwrap();
    let base_fee = u128::from(block.header.base_fee_per_gas.unwrap());
    let transaction =
        provider.get_transaction_by_hash(receipt.transaction_hash).await.unwrap().unwrap();
    let tip = transaction.max_priority_fee_per_gas().unwrap();
    assert_eq!(receipt.effective_gas_price, base_fee + tip);

    assert_eq!(provider.get_balance(heir).await.unwrap(), ETHER);
    let fee = U256::from(receipt.effective_gas_price * 21_000);
    assert_eq!(provider.get_balance(address(0)).await.unwrap(), before - ETHER - fee);
    // The tip goes to the miner, the base fee to nobody.
    let miner = provider.get_balance(block.header.beneficiary).await.unwrap();
    assert_eq!(miner, U256::from(tip * 21_000));
}

#[tokio::test]
async fn a_contract_is_deployed_called_and_its_logs_are_placed() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    assert_eq!(*probe.address(), address(0).create(0));
    assert_eq!(probe.stored().call().await.unwrap(), U256::from(7));
    assert!(!provider.get_code_at(*probe.address()).await.unwrap().is_empty());

    let noted = probe.noteMany(U256::from(3)).send().await.unwrap().get_receipt().await.unwrap();
    let logs = noted.logs();
    assert_eq!(logs.len(), 3);
    for (index, log) in logs.iter().enumerate() {
        assert_eq!(log.log_index, Some(index as u64));
        assert_eq!(log.transaction_hash, Some(noted.transaction_hash));
        assert_eq!(log.block_hash, noted.block_hash);
        let event = Probe::Noted::decode_log(&log.inner).unwrap();
        assert_eq!((event.who, event.key), (address(0), U256::from(index)));
    }
    assert!(noted.inner.logs_bloom().contains_raw_log(*probe.address(), logs[0].topics()));

    // `notes[2]` is at keccak(2 ‖ slot 1).
    let place = keccak256([U256::from(2).to_be_bytes::<32>(), U256::ONE.to_be_bytes()].concat());
    let value = provider.get_storage_at(*probe.address(), place.into()).await.unwrap();
    assert_eq!(value, U256::from(2));
}

#[tokio::test]
async fn a_failed_transaction_pays_and_changes_nothing() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    let before = provider.get_balance(address(0)).await.unwrap();
    let call = Probe::refuseCall { code: U256::from(9) }.abi_encode();
    let request = TransactionRequest::default().with_to(*probe.address()).with_input(call);
    let receipt = send(&provider, request.with_gas_limit(100_000)).await;
    assert!(!receipt.status());
    assert!(receipt.logs().is_empty());
    assert!(receipt.gas_used > 21_000 && receipt.gas_used < 100_000);
    let fee = U256::from(receipt.effective_gas_price * u128::from(receipt.gas_used));
    assert_eq!(provider.get_balance(address(0)).await.unwrap(), before - fee);
    assert_eq!(provider.get_transaction_count(address(0)).await.unwrap(), 2);
}

#[tokio::test]
async fn old_kinds_of_transactions_are_mined() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let heir = Address::repeat_byte(1);
    let legacy = TransactionRequest::default().with_to(heir).with_gas_price(3 * GWEI);
    let listed = AccessList(vec![AccessListItem { address: heir, storage_keys: vec![B256::ZERO] }]);
    let access = legacy.clone().with_access_list(listed);
    for (kind, request, gas) in [(0, legacy, 21_000), (1, access, 21_000 + 2_400 + 1_900)] {
        let receipt = send(&provider, request).await;
        assert_eq!((receipt.inner.tx_type() as u8, receipt.gas_used), (kind, gas));
        assert_eq!(receipt.effective_gas_price, 3 * GWEI);
        let transaction = provider.get_transaction_by_hash(receipt.transaction_hash);
        assert_eq!(transaction.await.unwrap().unwrap().inner.tx_type() as u8, kind);
    }
}

/// EIP-7702: account 1 takes on the probe's code; account 0 pays for it.
#[tokio::test]
async fn an_account_delegates_to_a_contract_and_back() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    let delegate = |address: Address, nonce: u64| {
        let authorization = Authorization { chain_id: U256::from(31_337), address, nonce };
        let signature = signer(1).sign_hash_sync(&authorization.signature_hash()).unwrap();
        TransactionRequest::default()
            .with_to(signer(1).address())
            .with_authorization_list(vec![authorization.into_signed(signature)])
    };
    let note = Probe::noteCall { key: U256::from(5), value: U256::from(6) }.abi_encode();
    let receipt = send(&provider, delegate(*probe.address(), 0).with_input(note)).await;
    assert!(receipt.status());
    assert_eq!(receipt.inner.tx_type() as u8, 4);
    // The code ran in the account's own name, and its storage holds the result.
    assert_eq!(receipt.logs()[0].address(), address(1));
    let as_probe = Probe::new(address(1), provider.clone());
    assert_eq!(as_probe.notes(U256::from(5)).call().await.unwrap(), U256::from(6));
    assert_eq!(as_probe.whereami().call().await.unwrap(), address(1));
    let code = provider.get_code_at(address(1)).await.unwrap();
    assert_eq!(&code[..], [&[0xef, 0x01, 0x00], probe.address().as_slice()].concat());
    assert_eq!(provider.get_transaction_count(address(1)).await.unwrap(), 1);

    // It still signs for itself, although it has code.
    let own = wallet(&chain, 1);
    let request = TransactionRequest::default().with_to(Address::repeat_byte(1));
    assert!(send(&own, request).await.status());

    assert!(send(&provider, delegate(Address::ZERO, 2)).await.status());
    assert!(provider.get_code_at(address(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_contract_that_ends_in_its_first_transaction_leaves_nothing() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    let call = probe.fleeting().value(ETHER);
    let gone = call.call().await.unwrap();
    let receipt = call.send().await.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    assert!(provider.get_code_at(gone).await.unwrap().is_empty());
    assert_eq!(provider.get_transaction_count(gone).await.unwrap(), 0);
    assert_eq!(provider.get_storage_at(gone, U256::ZERO).await.unwrap(), U256::ZERO);
    assert_eq!(provider.get_balance(gone).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn the_chain_signs_for_its_own_accounts_only() {
    let chain = chain();
    let provider = chain.provider();
    let accounts = provider.get_accounts().await.unwrap();
    assert_eq!(accounts, (0..10).map(address).collect::<Vec<_>>());
    let request = TransactionRequest::default().with_from(accounts[3]).with_to(Address::ZERO);
    let hash = *provider.send_transaction(request.clone()).await.unwrap().tx_hash();
    let receipt = provider.get_transaction_receipt(hash).await.unwrap().unwrap();
    assert!(receipt.status());
    assert_eq!(receipt.from, accounts[3]);
    let mined = provider.get_transaction_by_hash(hash).await.unwrap().unwrap();
    // The signature is real.
    use alloy::consensus::transaction::SignerRecoverable;
    assert_eq!(mined.inner.inner().recover_signer().unwrap(), accounts[3]);

    let stranger = Address::repeat_byte(9);
    let error = provider.send_transaction(request.from(stranger)).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "unknown account"));
}

#[tokio::test]
async fn an_impersonated_account_sends_without_its_key_until_it_is_stopped() {
    let chain = chain();
    let provider = chain.provider();
    let stranger = Address::repeat_byte(9);
    chain.set_balance(stranger, ETHER).unwrap();
    let _: () = provider.raw_request("anvil_impersonateAccount".into(), [stranger]).await.unwrap();
    let request = TransactionRequest::default().with_from(stranger).with_to(Address::ZERO);
    let hash = *provider.send_transaction(request.clone()).await.unwrap().tx_hash();
    let receipt = provider.get_transaction_receipt(hash).await.unwrap().unwrap();
    assert_eq!((receipt.from, receipt.status()), (stranger, true));
    let _: () =
        provider.raw_request("anvil_stopImpersonatingAccount".into(), [stranger]).await.unwrap();
    provider.send_transaction(request).await.unwrap_err();
}

/// A transaction with blobs, which this chain does not take.
fn signed_blob() -> Vec<u8> {
    let blob = TxEip4844 { chain_id: 31_337, nonce: 2, gas_limit: 21_000, ..Default::default() };
    let signature = signer(0).sign_hash_sync(&blob.signature_hash()).unwrap();
    TxEnvelope::from(blob.into_signed(signature)).encoded_2718()
}

/// Senders look for these words: they are geth's.
#[tokio::test]
async fn what_is_wrong_with_a_transaction_is_said_in_geths_words() {
    let chain = manual_chain();
    let provider = chain.provider();
    let sender = address(0);
    let submit = async |index: usize, request: TransactionRequest| {
        let raw = signed(index, request).await;
        provider.send_raw_transaction(&raw).await.map(|pending| *pending.tx_hash())
    };
    submit(0, transfer(0, 3 * GWEI, GWEI)).await.unwrap();
    chain.mine().unwrap();
    submit(0, transfer(1, 3 * GWEI, GWEI)).await.unwrap();

    let good = || transfer(2, 3 * GWEI, GWEI);
    let poor = address(1);
    chain.set_balance(poor, U256::from(1_000)).unwrap();
    let initcode = TransactionRequest { to: None, ..good() }
        .with_deploy_code(vec![0; 49_153])
        .with_gas_limit(16_000_000);
    let mut calldata = good().with_input(vec![1; 1_000]);
    calldata.gas = Some(21_000 + 1_000 * 16);
    let cases: Vec<(usize, TransactionRequest, String)> = vec![
        (0, transfer(1, 3 * GWEI, GWEI), "already known".into()),
        (0, transfer(0, 3 * GWEI, GWEI), "nonce too low: next nonce 1, tx nonce 0".into()),
        (0, transfer(1, 3 * GWEI + 1, GWEI), "replacement transaction underpriced".into()),
        (
            1,
            transfer(0, GWEI, GWEI),
            "insufficient funds for gas * price + value: balance 1000, tx cost 21000000000001, \
             overshot 20999999999001"
                .into(),
        ),
        (
            0,
            good().with_gas_limit(20_999),
            "intrinsic gas too low: gas 20999, minimum needed 21000".into(),
        ),
        (
            0,
            calldata,
            "insufficient gas for floor data gas cost: gas 37000, minimum needed 61000".into(),
        ),
        (
            0,
            transfer(2, GWEI, 2 * GWEI),
            "max priority fee per gas higher than max fee per gas".into(),
        ),
        (0, good().with_gas_limit(60_000_001), "exceeds block gas limit".into()),
        (
            0,
            good().with_gas_limit(16_777_217),
            "transaction gas limit too high (cap: 16777216, tx: 16777217)".into(),
        ),
        (0, good().with_chain_id(1), "invalid chain id for signer: have 1 want 31337".into()),
        (0, initcode, "max initcode size exceeded: code size 49153, limit 49152".into()),
    ];
    for (index, request, expected) in cases {
        let error = submit(index, request).await.unwrap_err();
        assert_eq!(refusal(&error), (-32000, expected.as_str()));
    }
    let large = signed(0, good().with_input(vec![0; 131_072]).with_gas_limit(16_000_000)).await;
    let error = provider.send_raw_transaction(&large).await.unwrap_err();
    let expected = format!("oversized data: transaction size {}, limit 131072", large.len());
    assert_eq!(refusal(&error), (-32000, expected.as_str()));

    let error = provider.send_raw_transaction(&signed_blob()).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "transaction type not supported"));

    // Nothing of all this has come in.
    assert_eq!(provider.get_transaction_count(sender).pending().await.unwrap(), 2);
}

/// Where each transaction brings its own block, one that no block takes would wait for ever.
#[tokio::test]
async fn on_demand_a_fee_below_the_base_fee_is_refused_at_once() {
    let chain = chain();
    let raw = signed(0, transfer(0, 1_000, 1_000)).await;
    let error = chain.provider().send_raw_transaction(&raw).await.unwrap_err();
    let (code, message) = refusal(&error);
    assert_eq!(code, -32000);
    let expected = "max fee per gas less than block base fee: \
                    address 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266, maxFeePerGas: 1000, \
                    baseFee: 875000000";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn the_gas_limit_of_a_transaction_is_capped_from_osaka_on_only() {
    let above = transfer(0, 3 * GWEI, GWEI).with_gas_limit(16_777_217);
    let raw = signed(0, above).await;
    let config = DevChainConfig { hardfork: Hardfork::Prague, ..Default::default() };
    let prague = DevChain::start(config).unwrap();
    assert!(prague.provider().send_raw_transaction(&raw).await.is_ok());
    assert!(chain().provider().send_raw_transaction(&raw).await.is_err());
}

#[tokio::test]
async fn a_thousand_transactions_take_seconds() {
    let chain = chain();
    let provider = chain.provider();
    let mut signed_transfers = Vec::new();
    for nonce in 0..1_000 {
        signed_transfers.push(signed(0, transfer(nonce, 3 * GWEI, GWEI)).await);
    }
    let start = std::time::Instant::now();
    for raw in &signed_transfers {
        let hash = *provider.send_raw_transaction(raw).await.unwrap().tx_hash();
        assert!(provider.get_transaction_receipt(hash).await.unwrap().is_some());
    }
    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
    assert_eq!(provider.get_block_number().await.unwrap(), 1_000);
}

/// Waiting for receipts must not cost a polling interval each.
#[tokio::test]
async fn a_wallet_waits_milliseconds_for_a_receipt() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let start = std::time::Instant::now();
    for _ in 0..50 {
        let request = TransactionRequest::default().with_to(Address::ZERO);
        assert!(send(&provider, request).await.status());
    }
    assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
}
