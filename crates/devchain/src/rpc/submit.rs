//! Sending, and signing for the development accounts.

use alloy::{
    consensus::{SignableTransaction, TxEnvelope, TypedTransaction},
    eips::{BlockId, BlockNumberOrTag, eip2718::Decodable2718},
    primitives::{Address, Bytes, TxKind},
    rpc::types::TransactionRequest,
    signers::SignerSync,
};

use super::{
    error::RpcError,
    eth::SUGGESTED_TIP,
    method::{Answer, Scope, answer},
    params::Params,
    views,
};
use crate::{block::SignedTransaction, error::DevChainError, node::Node};

/// Answers, if it is one of these methods.
pub(super) fn call(scope: &mut Scope<'_>, method: &str, params: &Params<'_>) -> Option<Answer> {
    let node = &mut *scope.node;
    Some(match method {
        "eth_accounts" | "eth_requestAccounts" => answer(accounts(node)),
        "eth_sendRawTransaction" => send_raw(node, params),
        "eth_sendRawTransactionSync" => send_raw_and_wait(node, params),
        "eth_sendTransaction" => send(node, params),
        "eth_sign" => {
            params.required(0).and_then(|from| sign_message(node, from, params.required(1)?))
        }
        "personal_sign" => {
            params.required(1).and_then(|from| sign_message(node, from, params.required(0)?))
        }
        _ => return None,
    })
}

fn accounts(node: &Node) -> Vec<Address> {
    let mut accounts: Vec<Address> = node.signers.iter().map(|signer| signer.address()).collect();
    let mut others: Vec<_> = node.impersonated.iter().copied().collect();
    others.retain(|other| !accounts.contains(other));
    others.sort_unstable();
    accounts.extend(others);
    accounts
}

/// Reads a signed transaction.
pub(super) fn decode(raw: &[u8]) -> Result<SignedTransaction, RpcError> {
    let transaction = TxEnvelope::decode_2718_exact(raw)
        .map_err(|defect| RpcError::params(format!("not a signed transaction: {defect}")))?;
    Ok(Node::recover(transaction).map_err(DevChainError::from)?)
}

fn send_raw(node: &mut Node, params: &Params<'_>) -> Answer {
    let transaction = decode(&params.required::<Bytes>(0)?)?;
    answer(node.submit(transaction)?)
}

/// EIP-7966, for as long as it takes here: not at all. A transaction that has to wait is taken, and
/// the error says so.
fn send_raw_and_wait(node: &mut Node, params: &Params<'_>) -> Answer {
    let transaction = decode(&params.required::<Bytes>(0)?)?;
    let hash = node.submit(transaction)?;
    match node.blocks.by_transaction(hash) {
        Some((block, index)) => answer(views::receipt(block, index)),
        None => {
            Err(RpcError::server(format!("transaction {hash} was taken and waits for a block")))
        }
    }
}

fn send(node: &mut Node, params: &Params<'_>) -> Answer {
    let transaction = complete(node, params.required(0)?)?;
    answer(node.submit(transaction)?)
}

/// Fills in what a request leaves open and signs it.
pub(super) fn complete(
    node: &Node,
    mut request: TransactionRequest,
) -> Result<SignedTransaction, RpcError> {
    let from = request.from.ok_or_else(|| RpcError::params("missing from"))?;
    let impersonated = node.impersonated.contains(&from);
    if !impersonated && node.signer(from).is_none() {
        return Err(RpcError::server("unknown account"));
    }
    if request.has_eip4844_fields() {
        return Err(RpcError::params("blob transactions are not supported"));
    }
    let latest = node.latest().account_or_empty(from).nonce;
    request.nonce.get_or_insert_with(|| node.pool.next_nonce(from, latest));
    request.chain_id.get_or_insert(node.config.chain_id);
    request.to.get_or_insert(TxKind::Create);
    request.value.get_or_insert_default();
    request.normalize_input();
    if request.gas_price.is_none() {
        let base_fee = u128::from(node.next_base_fee()?);
        // Enough for six full blocks in a row: each raises the base fee by an eighth.
        let tip = *request.max_priority_fee_per_gas.get_or_insert(SUGGESTED_TIP);
        request.max_fee_per_gas.get_or_insert(base_fee.saturating_mul(2).saturating_add(tip));
    }
    if request.gas.is_none() {
        let pending = BlockId::Number(BlockNumberOrTag::Pending);
        request.gas = Some(node.estimate(&request, pending, Default::default())?);
    }
    let unsigned = request
        .build_typed_tx()
        .map_err(|_| RpcError::params("fields of different transaction types are mixed"))?;
    match node.signer(from) {
        Some(signer) if !impersonated => {
            let signature = signer.sign_hash_sync(&unsigned_hash(&unsigned)).map_err(signing)?;
            Ok(Node::recover(unsigned.into_envelope(signature)).map_err(DevChainError::from)?)
        }
        _ => Ok(Node::impersonate(unsigned, from)),
    }
}

fn unsigned_hash(transaction: &TypedTransaction) -> alloy::primitives::B256 {
    transaction.signature_hash()
}

/// Signs a message as wallets do (EIP-191).
fn sign_message(node: &Node, from: Address, message: Bytes) -> Answer {
    let signer = node.signer(from).ok_or_else(|| RpcError::server("unknown account"))?;
    let signature = signer.sign_message_sync(&message).map_err(signing)?;
    answer(Bytes::from(signature.as_bytes().to_vec()))
}

fn signing(error: alloy::signers::Error) -> RpcError {
    RpcError::internal(error.to_string().into())
}
