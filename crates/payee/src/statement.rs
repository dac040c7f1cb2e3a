//! What a payer is told of its payment, in the answer to its request.

use aep2_x402::{
    SettleResponse,
    headers::{self, PAYMENT_RESPONSE, X_PAYMENT_RESPONSE},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a payer is told of its payment.
pub trait Statement: Send + Sync + 'static {
    /// The headers that say it.
    ///
    /// # Errors
    /// When it has no JSON, which it should always have.
    fn headers(&self) -> serde_json::Result<Vec<(HeaderName, HeaderValue)>>;

    /// The answer's body, where that says it too; `headers` are the answer's.
    fn body(&self, _headers: &mut HeaderMap, body: Bytes) -> Bytes {
        body
    }
}

impl Statement for SettleResponse {
    fn headers(&self) -> serde_json::Result<Vec<(HeaderName, HeaderValue)>> {
        let said = headers::write(self)?;
        Ok(vec![(PAYMENT_RESPONSE, said.clone()), (X_PAYMENT_RESPONSE, said)])
    }
}
