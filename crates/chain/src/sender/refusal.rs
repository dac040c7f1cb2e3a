//! What a node's refusal means.
//!
//! JSON-RPC has no codes for these: every node has its own messages, and proxies add theirs. This is
//! the one place that reads them. Only a revert, which nodes report in a standard enough way, decides
//! anything by itself; every other reading is a hint on what to look up next. A message that is not
//! known is [`Refusal::Unknown`]: the sender looks, and tries again.

use alloy::primitives::{Bytes, hex};
use serde_json::Value;

use crate::rpc::RpcError;

/// Why a node did not take a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has it. As good as taken.
    AlreadyKnown,
    /// The nonce is used: perhaps by this very transaction. To be looked up.
    NonceTooLow,
    /// An earlier nonce is missing, as far as this node knows.
    NonceTooHigh,
    /// It has another transaction of this nonce, and this one does not raise the fees enough.
    ReplacementUnderpriced,
    /// The fees are below the base fee or what the node asks for.
    FeeTooLow,
    /// The key cannot pay for it, together with what else is on its way.
    InsufficientFunds,
    /// The gas limit is more than a block holds or than the node allows, or less than the least.
    GasLimit,
    /// It has too many transactions.
    PoolFull,
    /// Anything else.
    Unknown,
}

/// Parts of nodes' messages, in lower case; the first that fits counts.
const PHRASES: [(Refusal, &[&str]); 8] = [
    (
        Refusal::AlreadyKnown,
        &[
            "already known",              // go-ethereum, Erigon, reth
            "alreadyknown",               // Nethermind
            "known transaction",          // Besu, older go-ethereum, zkSync
            "already imported",           // anvil, OpenEthereum
            "existing tx with same hash", // Erigon
            "already in mempool",         // Cosmos chains
            "transaction already exists", // several
        ],
    ),
    (
        Refusal::ReplacementUnderpriced,
        &[
            "replacement transaction underpriced", // go-ethereum, reth, Besu, anvil
            "insufficient gas price to replace",   // anvil
            "replacementnotallowed",               // Nethermind
            "could not replace existing",          // Erigon
            "replacement fee too low",             // ethers, proxies
            "another transaction with same nonce", // OpenEthereum
            "future transaction tries to replace pending", // go-ethereum
        ],
    ),
    (
        Refusal::NonceTooLow,
        &[
            "nonce too low",               // go-ethereum, Erigon, reth, Besu, anvil
            "nonce is too low",            // OpenEthereum
            "oldnonce",                    // Nethermind
            "invalid transaction nonce",   // Hyperledger variants
            "nonce has already been used", // proxies
        ],
    ),
    (
        Refusal::NonceTooHigh,
        &[
            "nonce too high",      // go-ethereum, reth
            "nonce is too high",   // several
            "noncegap",            // Nethermind
            "nonce gap",           // several
            "noncetoofarinfuture", // Nethermind
            "nonce too distant",   // Besu
            "gapped-nonce",        // go-ethereum, delegated accounts
        ],
    ),
    (
        Refusal::InsufficientFunds,
        &[
            "insufficient funds",                   // go-ethereum, Erigon, reth, anvil
            "insufficientfunds",                    // Nethermind
            "upfront cost exceeds account balance", // Besu
            "insufficient balance",                 // several
            "overshot",                             // go-ethereum: together with what is queued
        ],
    ),
    (
        Refusal::FeeTooLow,
        &[
            "less than block base fee",         // go-ethereum, reth, anvil
            "transaction underpriced",          // go-ethereum, reth
            "underpriced",                      // Erigon
            "fee too low",                      // Erigon
            "feetoolow",                        // Nethermind: FeeTooLow, FeeTooLowToCompete
            "gas price below",                  // Besu
            "gas price too low",                // Besu, several
            "max fee per gas too low",          // several
            "below minimum",                    // several
            "less than the configured minimum", // several
            "gas tip cap",                      // go-ethereum: "gas tip cap 0, minimum needed 1"
        ],
    ),
    (
        Refusal::GasLimit,
        &[
            "exceeds block gas limit",        // go-ethereum, Erigon, reth, Besu
            "gas limit exceed",               // Nethermind, several
            "gaslimitexceeded",               // Nethermind
            "gas limit too high",             // Erigon
            "gas limit is too high",          // several
            "intrinsic gas too low",          // go-ethereum, Erigon, reth, anvil
            "gas limit is too low",           // several
            "exceeds transaction gas limit",  // EIP-7825
            "transaction gas limit too high", // EIP-7825
            "floor data gas",                 // EIP-7623
        ],
    ),
    (
        Refusal::PoolFull,
        &[
            "txpool is full",        // go-ethereum, reth
            "pool is full",          // Erigon
            "exceeds the limit",     // several
            "too many transactions", // several
        ],
    ),
];

/// What a node meant by refusing a transaction. None when it gave no answer: then nobody knows
/// whether it has it.
pub fn classify(error: &RpcError) -> Option<Refusal> {
    let payload = error.answer()?;
    let of = |text: &str| {
        PHRASES.iter().find(|(_, phrases)| phrases.iter().any(|phrase| text.contains(phrase)))
    };
    if let Some((refusal, _)) = of(&payload.message.to_lowercase()) {
        return Some(*refusal);
    }
    // Proxies say "internal error" and put the node's message into the data.
    let data = payload.data.as_ref().map(|data| data.get().to_lowercase()).unwrap_or_default();
    Some(of(&data).map_or(Refusal::Unknown, |(refusal, _)| *refusal))
}

/// What a call reverted with, if this error says that it reverted: the data of the contract's
/// `revert`, empty when it gave none or the node kept it.
pub fn revert_data(error: &RpcError) -> Option<Bytes> {
    let payload = error.answer()?;
    let data: Option<Value> =
        payload.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
    let found = data.as_ref().and_then(hex_in);
    let message = payload.message.to_lowercase();
    // Code 3 is go-ethereum's, Erigon's, reth's and anvil's for a revert with data. The others say
    // "revert" in the message, or (OpenEthereum, Nethermind) in the data.
    let in_data =
        data.as_ref().is_some_and(|data| data.to_string().to_lowercase().contains("revert"));
    let reverted = payload.code == 3
        || message.contains("revert")
        || in_data
        || message.contains("invalid opcode")
        || message.contains("stack underflow");
    reverted.then(|| found.unwrap_or_default())
}

/// The first hex string in a value: by itself, after "Reverted", or within an object.
fn hex_in(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => {
            let text = text.strip_prefix("Reverted").unwrap_or(text).trim();
            hex::decode(text.strip_prefix("0x")?).ok().map(Bytes::from)
        }
        Value::Object(fields) => {
            fields.get("data").and_then(hex_in).or_else(|| fields.values().find_map(hex_in))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy::transports::TransportErrorKind;

    use super::*;

    fn answered(json: &str) -> RpcError {
        RpcError::answered("eth_sendRawTransaction", json)
    }

    fn said(message: &str) -> RpcError {
        answered(&serde_json::json!({ "code": -32000, "message": message }).to_string())
    }

    #[test]
    fn every_nodes_message_has_its_meaning() {
        use Refusal::*;
        let cases = [
            // go-ethereum
            ("already known", AlreadyKnown),
            ("nonce too low: next nonce 5, tx nonce 4", NonceTooLow),
            ("nonce too high: address 0x1, tx: 9 state: 4", NonceTooHigh),
            ("replacement transaction underpriced", ReplacementUnderpriced),
            ("future transaction tries to replace pending", ReplacementUnderpriced),
            ("transaction underpriced: gas tip cap 0, minimum needed 1", FeeTooLow),
            (
                "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7",
                FeeTooLow,
            ),
            ("insufficient funds for gas * price + value: balance 1, tx cost 2", InsufficientFunds),
            (
                "insufficient funds for gas * price + value: balance 9, queued cost 5, tx cost 7, overshot 3",
                InsufficientFunds,
            ),
            ("exceeds block gas limit", GasLimit),
            ("intrinsic gas too low: gas 20000, minimum needed 21000", GasLimit),
            ("txpool is full", PoolFull),
            // Nethermind
            ("AlreadyKnown", AlreadyKnown),
            ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", NonceTooLow),
            ("NonceGap, Future nonce. Expected nonce: 5", NonceTooHigh),
            ("ReplacementNotAllowed", ReplacementUnderpriced),
            ("FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7", FeeTooLow),
            ("FeeTooLowToCompete", FeeTooLow),
            ("InsufficientFunds, Account balance: 0, cumulative cost: 7", InsufficientFunds),
            ("GasLimitExceeded", GasLimit),
            // Erigon
            ("INTERNAL_ERROR: existing tx with same hash", AlreadyKnown),
            ("INTERNAL_ERROR: could not replace existing tx", ReplacementUnderpriced),
            ("INTERNAL_ERROR: nonce too low", NonceTooLow),
            ("underpriced", FeeTooLow),
            ("fee too low", FeeTooLow),
            ("pending sub-pool is full", PoolFull),
            // reth
            ("already known", AlreadyKnown),
            ("nonce too low: next nonce 1, tx nonce 0", NonceTooLow),
            ("max fee per gas less than block base fee", FeeTooLow),
            ("insufficient funds for gas * price + value: have 0 want 1", InsufficientFunds),
            // Besu
            ("Known transaction", AlreadyKnown),
            ("Nonce too low", NonceTooLow),
            ("Nonce too distant from current sender nonce", NonceTooHigh),
            ("Replacement transaction underpriced", ReplacementUnderpriced),
            ("Gas price below configured minimum gas price", FeeTooLow),
            ("Upfront cost exceeds account balance", InsufficientFunds),
            ("Transaction gas limit exceeds block gas limit", GasLimit),
            // anvil
            ("transaction already imported", AlreadyKnown),
            ("[0xab] Already imported", AlreadyKnown),
            ("replacement transaction underpriced", ReplacementUnderpriced),
            (
                "[0xab] insufficient gas price to replace existing transaction",
                ReplacementUnderpriced,
            ),
            ("nonce too low", NonceTooLow),
            ("max fee per gas less than block base fee", FeeTooLow),
            ("Insufficient funds for gas * price + value", InsufficientFunds),
            // others
            ("Internal error", Unknown),
            ("execution aborted", Unknown),
        ];
        for (message, refusal) in cases {
            assert_eq!(classify(&said(message)), Some(refusal), "{message}");
        }
    }

    #[test]
    fn a_proxys_data_is_read_when_its_message_says_nothing() {
        let error = answered(
            r#"{"code":-32603,"message":"Internal JSON-RPC error.","data":{"code":-32000,"message":"nonce too low"}}"#,
        );
        assert_eq!(classify(&error), Some(Refusal::NonceTooLow));
    }

    #[test]
    fn no_answer_is_not_a_refusal() {
        let silent = RpcError::TimedOut {
            method: "eth_sendRawTransaction",
            limit: std::time::Duration::from_secs(1),
        };
        let gone = RpcError::Failed {
            method: "eth_sendRawTransaction",
            error: TransportErrorKind::backend_gone(),
        };
        for error in [silent, gone] {
            assert_eq!(classify(&error), None);
            assert_eq!(revert_data(&error), None);
        }
    }

    #[test]
    fn revert_data_is_kept_whoever_reports_it() {
        let cases = [
            (r#"{"code":3,"message":"execution reverted","data":"0x08c379a0"}"#, Some("08c379a0")),
            (
                r#"{"code":3,"message":"execution reverted: No","data":"0x08c379a0"}"#,
                Some("08c379a0"),
            ),
            (r#"{"code":-32000,"message":"execution reverted"}"#, Some("")),
            (
                r#"{"code":-32015,"message":"VM execution error.","data":"Reverted 0x08c379a0"}"#,
                Some("08c379a0"),
            ),
            (
                r#"{"code":-32000,"message":"Execution reverted","data":"0x08c379a0"}"#,
                Some("08c379a0"),
            ),
            (
                r#"{"code":-32603,"message":"VM Exception while processing transaction: reverted with custom error","data":{"message":"x","data":"0x08c379a0"}}"#,
                Some("08c379a0"),
            ),
            (r#"{"code":-32000,"message":"invalid opcode: INVALID"}"#, Some("")),
            (r#"{"code":-32000,"message":"header not found"}"#, None),
            (r#"{"code":-32000,"message":"out of gas"}"#, None),
            (r#"{"code":-32000,"message":"insufficient funds for transfer"}"#, None),
            (r#"{"code":-32005,"message":"rate limited","data":"0x08c379a0"}"#, None),
        ];
        for (json, expected) in cases {
            let data = revert_data(&answered(json));
            assert_eq!(data.map(hex::encode).as_deref(), expected, "{json}");
        }
    }
}
