//! Chains, wallets and a contract to try them with.

use std::time::Duration;

use aep2_devchain::{DevChain, DevChainConfig, Mining, dev_accounts};
use alloy::{
    network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256, hex},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol,
    sol_types::SolValue,
    transports::{RpcError, TransportError},
};

sol!(
    #[sol(rpc)]
    "tests/it/Probe.sol"
);

pub(crate) use Probe::ProbeInstance;

pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// A chain in memory that mines on demand.
pub(crate) fn chain() -> DevChain {
    DevChain::start(DevChainConfig::default()).unwrap()
}

/// A chain in memory that mines when told.
pub(crate) fn manual_chain() -> DevChain {
    DevChain::start(DevChainConfig { mining: Mining::Manual, ..Default::default() }).unwrap()
}

pub(crate) fn signer(index: usize) -> PrivateKeySigner {
    dev_accounts().unwrap()[index].clone()
}

pub(crate) fn address(index: usize) -> Address {
    signer(index).address()
}

/// A provider that fills in and signs for one of the development accounts.
pub(crate) fn wallet(chain: &DevChain, index: usize) -> DynProvider {
    let wallet = EthereumWallet::from(signer(index));
    // Nonces are asked for each time: the cached ones do not notice a reorganisation.
    let builder = ProviderBuilder::new().with_simple_nonce_management().wallet(wallet);
    builder.connect_client(chain.client()).erased()
}

/// What deploys a probe that has `stored` stored.
pub(crate) fn probe_code(stored: u64) -> Bytes {
    let mut code = hex::decode(include_str!("Probe.hex").trim()).unwrap();
    code.extend(U256::from(stored).abi_encode());
    code.into()
}

/// A probe, deployed by the wallet's account.
pub(crate) async fn probe(wallet: &DynProvider) -> ProbeInstance<DynProvider> {
    let deployment = TransactionRequest::default().with_deploy_code(probe_code(7));
    let receipt = send(wallet, deployment).await;
    assert!(receipt.status());
    Probe::new(receipt.contract_address.unwrap(), wallet.clone())
}

/// Sends and waits until it is mined.
pub(crate) async fn send(wallet: &DynProvider, request: TransactionRequest) -> TransactionReceipt {
    let pending = wallet.send_transaction(request).await.unwrap();
    pending.with_timeout(Some(Duration::from_secs(10))).get_receipt().await.unwrap()
}

/// A transfer with everything filled in, of 1 wei to nobody, ready to be signed.
pub(crate) fn transfer(nonce: u64, max_fee: u128, tip: u128) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(Address::repeat_byte(0xaa))
        .with_value(U256::ONE)
        .with_nonce(nonce)
        .with_chain_id(31_337)
        .with_gas_limit(21_000)
        .with_max_fee_per_gas(max_fee)
        .with_max_priority_fee_per_gas(tip)
}

/// Signed, as `eth_sendRawTransaction` takes it.
pub(crate) async fn signed(index: usize, request: TransactionRequest) -> Vec<u8> {
    use alloy::eips::eip2718::Encodable2718;
    let wallet = EthereumWallet::from(signer(index));
    request.build(&wallet).await.unwrap().encoded_2718()
}

/// Hands in a signed transaction, and returns its hash.
pub(crate) async fn submit_raw(provider: &impl Provider, raw: &[u8]) -> B256 {
    *provider.send_raw_transaction(raw).await.unwrap().tx_hash()
}

/// The code and message of an error that the chain answered.
pub(crate) fn refusal(error: &TransportError) -> (i64, &str) {
    match error {
        RpcError::ErrorResp(payload) => (payload.code, payload.message.as_ref()),
        other => panic!("not an answer of the chain: {other}"),
    }
}
