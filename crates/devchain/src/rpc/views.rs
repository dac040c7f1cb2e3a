//! Blocks, transactions and receipts as JSON-RPC shows them.

use alloy::{
    consensus::{ReceiptEnvelope, Transaction as _, TxEnvelope},
    network::primitives::BlockTransactions,
    primitives::U256,
    rpc::types::{Block, Header, Log, Transaction, TransactionReceipt},
};
use serde_json::Value;

use super::error::RpcError;
use crate::{
    block::{MinedBlock, SignedTransaction},
    execute::created_address,
    filters::rpc_log,
};

/// A block, with its transactions or their hashes.
pub(super) fn block(block: &MinedBlock, full: bool) -> Block {
    let transactions = if full {
        let every = 0..block.transactions.len();
        BlockTransactions::Full(every.map(|index| transaction(block, index)).collect())
    } else {
        let hashes = block.transactions.iter().map(|tx| *tx.inner().tx_hash());
        BlockTransactions::Hashes(hashes.collect())
    };
    let size = Some(U256::from(block.size_bytes));
    Block {
        header: Header {
            total_difficulty: Some(U256::ZERO),
            size,
            ..Header::from_sealed(block.header.clone())
        },
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Default::default()),
    }
}

/// A block that has not been mined: it has no hash yet, and its transactions wait.
pub(super) fn pending_block(candidate: &MinedBlock, full: bool) -> Result<Value, RpcError> {
    let mut view = block(candidate, false);
    if full {
        let waiting = candidate.transactions.iter().map(waiting);
        view.transactions = BlockTransactions::Full(waiting.collect());
    }
    let mut view = serde_json::to_value(view)
        .map_err(|defect| RpcError::internal(defect.to_string().into()))?;
    for unknown in ["hash", "nonce"] {
        view[unknown] = Value::Null;
    }
    Ok(view)
}

/// A transaction in a block.
pub(super) fn transaction(block: &MinedBlock, index: usize) -> Transaction<TxEnvelope> {
    Transaction {
        inner: block.transactions[index].as_ref().clone(),
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        transaction_index: Some(index as u64),
        effective_gas_price: Some(block.effective_gas_price(index)),
        block_timestamp: Some(block.header.timestamp),
    }
}

/// A transaction that waits.
pub(super) fn waiting(transaction: &SignedTransaction) -> Transaction<TxEnvelope> {
    Transaction {
        effective_gas_price: Some(transaction.inner().effective_gas_price(None)),
        inner: transaction.as_ref().clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        block_timestamp: None,
    }
}

/// The receipt of a transaction in a block.
pub(super) fn receipt(
    block: &MinedBlock,
    index: usize,
) -> TransactionReceipt<ReceiptEnvelope<Log>> {
    let transaction = &block.transactions[index];
    let mut log_index = block.logs_before(index) as u64;
    let inner = block.receipts[index].clone().map_logs(|log| {
        log_index += 1;
        rpc_log(block, index, log_index - 1, log)
    });
    TransactionReceipt {
        inner,
        transaction_hash: *transaction.inner().tx_hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        gas_used: block.gas_used_by(index),
        effective_gas_price: block.effective_gas_price(index),
        blob_gas_used: None,
        blob_gas_price: None,
        from: transaction.signer(),
        to: transaction.inner().to(),
        contract_address: created_address(transaction),
    }
}
