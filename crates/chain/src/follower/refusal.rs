//! What a node's refusal to list events means.
//!
//! JSON-RPC has no code for "that is too much": each provider has its own message. One that is not
//! recognised costs time, never events: the follower waits, asks for less, and goes on.

use alloy::transports::{RpcError as Rpc, TransportErrorKind};

use crate::rpc::RpcError;

/// Part of what providers say when a range has too many blocks or events, in lower case.
const TOO_MUCH: [&str; 17] = [
    "query returned more than",    // Infura, Ethermint, Polygon zkEVM
    "exceeds limit of",            // Infura: range; Arbitrum: logs matched by query
    "bigger than range limit",     // Tenderly
    "block range",                 // Ankr, BSC, Chainstack, Polygon, QuickNode, reth
    "blocks range",                // QuickNode: limited to a 10,000 blocks range
    "range is too large",          // Optimism
    "range too large",             // Nethermind
    "response size",               // Alchemy: exceeded; 1RPC: should not greater than
    "response too large",          // proxyd
    "response is too big",         // jsonrpsee: Erigon's and reth's front ends
    "exceeds max results",         // LlamaNodes, Erigon, reth
    "too many results",            // several
    "too many logs",               // several
    "query timeout exceeded",      // Infura, Alchemy
    "query timed out",             // several
    "exceeds the max block range", // Cloudflare
    "is limited to",               // QuickNode, Avalanche
];

/// Whether the node may answer if it is asked for fewer blocks.
pub(super) fn is_too_much(error: &RpcError) -> bool {
    let Some(error) = error.transport() else {
        // Silence may be a search that takes too long.
        return true;
    };
    let text = match error {
        Rpc::ErrorResp(payload) => {
            if payload.is_retry_err() && !payload.message.contains("returned more than") {
                // A limit on requests, not on their size. Some providers use one code for both.
                return false;
            }
            let data = payload.data.as_ref().map(|data| data.get()).unwrap_or_default();
            format!("{} {data}", payload.message)
        }
        Rpc::Transport(
            TransportErrorKind::HttpError(http)
            | TransportErrorKind::HttpErrorWithRetryAfter { error: http, .. },
        ) => {
            if http.status == 413 {
                return true;
            }
            if http.is_rate_limit_err() {
                return false;
            }
            http.body.clone()
        }
        _ => return false,
    };
    let text = text.to_lowercase();
    TOO_MUCH.iter().any(|phrase| text.contains(phrase))
}

/// Whether the node, or what stands before it, seems not to take several requests in one.
pub(super) fn is_no_batches(error: &RpcError) -> bool {
    match error.transport() {
        Some(Rpc::Transport(TransportErrorKind::MissingBatchResponse(_))) => true,
        Some(Rpc::Transport(kind)) => kind
            .as_http_error()
            .is_some_and(|http| matches!(http.status, 400 | 404 | 405 | 415 | 422)),
        Some(Rpc::DeserError { .. }) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: Rpc<TransportErrorKind>) -> RpcError {
        RpcError::Failed { method: "eth_getLogs", error }
    }

    fn answered(json: &str) -> RpcError {
        RpcError::answered("eth_getLogs", json)
    }

    #[test]
    fn providers_messages_for_too_much_are_known() {
        let too_much = [
            r#"{"code":-32005,"message":"query returned more than 10000 results"}"#,
            r#"{"code":-32602,"message":"range 1000000 exceeds limit of 10000"}"#,
            r#"{"code":-32602,"message":"invalid params","data":{"payload":"range 9009594 is bigger than range limit 2000"}}"#,
            r#"{"code":-32600,"message":"block range is too wide"}"#,
            r#"{"code":-32000,"message":"exceed maximum block range: 50000"}"#,
            r#"{"code":-32614,"message":"eth_getLogs is limited to a 10,000 range"}"#,
            r#"{"code":-32602,"message":"Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"}"#,
            r#"{"code":-32000,"message":"response size should not greater than 10000000 bytes"}"#,
            r#"{"code":-32020,"message":"backend response too large"}"#,
            r#"{"code":-32000,"message":"logs matched by query exceeds limit of 10000"}"#,
            r#"{"code":-32000,"message":"query exceeds max results 20000, retry with the range 1-2"}"#,
            r#"{"code":-32000,"message":"query timeout exceeded"}"#,
            r#"{"code":-32602,"message":"query exceeds max block range 100000"}"#,
            r#"{"code":-32000,"message":"Block range limit exceeded"}"#,
        ];
        for json in too_much {
            assert!(is_too_much(&answered(json)), "{json}");
        }
        assert!(is_too_much(&failed(TransportErrorKind::http_error(413, String::new()))));
        let limit = std::time::Duration::from_secs(1);
        assert!(is_too_much(&RpcError::TimedOut { method: "eth_getLogs", limit }));
    }

    #[test]
    fn other_refusals_do_not_shrink_the_range() {
        let others = [
            r#"{"code":-32000,"message":"header not found"}"#,
            r#"{"code":-32005,"message":"daily request count exceeded, request rate limited"}"#,
            r#"{"code":429,"message":"Too Many Requests"}"#,
            r#"{"code":-32603,"message":"Internal error"}"#,
        ];
        for json in others {
            assert!(!is_too_much(&answered(json)), "{json}");
        }
        let busy = TransportErrorKind::http_error(429, "block range".into());
        assert!(!is_too_much(&failed(busy)));
        assert!(!is_too_much(&failed(TransportErrorKind::backend_gone())));
    }

    #[test]
    fn an_outage_is_not_taken_for_a_node_without_batches() {
        assert!(is_no_batches(&failed(TransportErrorKind::http_error(400, String::new()))));
        assert!(is_no_batches(&failed(TransportErrorKind::missing_batch_response(1.into()))));
        assert!(!is_no_batches(&failed(TransportErrorKind::http_error(502, String::new()))));
        assert!(!is_no_batches(&failed(TransportErrorKind::http_error(429, String::new()))));
        assert!(!is_no_batches(&failed(TransportErrorKind::backend_gone())));
        assert!(!is_no_batches(&answered(r#"{"code":-32000,"message":"header not found"}"#)));
    }
}
