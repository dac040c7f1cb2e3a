//! A call of a priced tool: what is sold, and the results that say what became of its payment.

use aep2_payee::{NotSold, PaidResponse, Refusal};
use aep2_x402::{
    PaymentPayload, SettleResponse,
    mcp::{self, Arguments, PaymentRequiredResult},
};
use bytes::Bytes;
use http::StatusCode;
use rmcp::{
    ErrorData,
    model::{CallToolResponse, CallToolResult, ContentBlock, MetaObject},
};
use serde_json::json;

/// What a tool answered.
pub(crate) struct ToolResponse(pub(crate) Result<CallToolResponse, ErrorData>);

impl PaidResponse for ToolResponse {
    fn succeeded(&self) -> bool {
        match &self.0 {
            Ok(CallToolResponse::Complete(result)) => result.is_error != Some(true),
            _ => false,
        }
    }

    fn panicked() -> Self {
        Self(Err(ErrorData::internal_error("the tool failed", None)))
    }

    fn into_bytes(self, settled: &SettleResponse) -> Bytes {
        let result = match self.0 {
            Ok(CallToolResponse::Complete(result)) => result,
            // What comes later, or in parts, could be neither charged nor given again.
            Ok(_) => failure("the tool did not answer at once, as a tool with a price must"),
            // An error of the protocol has no place for what became of the payment.
            Err(error) => failure(&error.message),
        };
        let result = with_settlement(result, settled);
        match serde_json::to_vec(&result) {
            Ok(bytes) => bytes.into(),
            Err(error) => {
                tracing::error!(%error, "a result could not be written");
                Bytes::new()
            }
        }
    }
}

/// The result of a call that was paid for.
pub(crate) fn read_result(bytes: &Bytes) -> Result<CallToolResult, ErrorData> {
    let broken = |error| ErrorData::internal_error(format!("the result is lost: {error}"), None);
    serde_json::from_slice(bytes).map_err(broken)
}

/// The payment in a call's `_meta`, taken out of it: it is for the seller, not for the tool.
pub(crate) fn take_payment(meta: &mut Arguments) -> Result<PaymentPayload, Refusal> {
    let payment = mcp::payment(meta);
    meta.remove(mcp::PAYMENT);
    let payment = payment.map_err(|error| Refusal::Unreadable(error.to_string()))?;
    payment.ok_or(Refusal::PaymentRequired)
}

/// The result of a call that was not paid for.
pub(crate) fn unpaid(not_sold: NotSold, tool: &str) -> Result<CallToolResult, ErrorData> {
    let NotSold { refusal, mut required, settled } = not_sold;
    let mut result = match refusal.status() {
        // A payment that cannot be read is none.
        StatusCode::PAYMENT_REQUIRED | StatusCode::BAD_REQUEST => {
            if matches!(refusal, Refusal::PaymentRequired) {
                required.error = Some(format!("Payment required to call {tool}"));
            }
            let asking = PaymentRequiredResult::new(&required).and_then(serde_json::to_value);
            let written = asking.and_then(serde_json::from_value::<CallToolResult>);
            let broken = |error| ErrorData::internal_error(format!("no terms: {error}"), None);
            written.map_err(broken)?
        }
        // Asking for a payment here would be asking for a second one.
        _ => {
            let mut error = json!({"code": refusal.code(), "message": refusal.to_string()});
            if let Some(seconds) = refusal.retry_after_s() {
                error["retryAfterSeconds"] = seconds.into();
            }
            CallToolResult::structured_error(json!({ "error": error }))
        }
    };
    result.result_type = CallToolResult::default().result_type;
    Ok(match settled {
        Some(settled) => with_settlement(result, &settled),
        None => result,
    })
}

/// A result that says in words that the call failed.
pub(crate) fn failure(words: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(words)])
}

fn with_settlement(mut result: CallToolResult, settled: &SettleResponse) -> CallToolResult {
    match serde_json::to_value(settled) {
        Ok(settled) => {
            let MetaObject(meta) = result.meta.get_or_insert_default();
            meta.insert(mcp::PAYMENT_RESPONSE.to_owned(), settled);
        }
        Err(error) => tracing::error!(%error, "a receipt could not be written"),
    }
    result
}
