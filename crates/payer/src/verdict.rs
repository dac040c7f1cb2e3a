//! What an answer to a paid request says.
//!
//! | answer | means |
//! | --- | --- |
//! | nothing, a break, a body that is cut short | not answered |
//! | 429, 502, 503, 504, and 409 with `Retry-After`, without `PAYMENT-RESPONSE` | not answered: asked again at once |
//! | 402, or `PAYMENT-RESPONSE` says that the payment failed | refused: final |
//! | `PAYMENT-RESPONSE` with a receipt that holds | paid: final when its body is there |
//! | 2xx | served: final when its body is there, receipt or not |
//! | anything else | an answer, but not to the payment, which stays open |
//!
//! What is not final leaves the payment where the same request finds it.

use aep2_x402::{
    PaymentRequired,
    headers::PAYMENT_RESPONSE,
    offer::{Offer, offers},
    purchase::Purchase,
};
use http::StatusCode;
use reqwest::Response;

use crate::error::PayError;

/// Whether the same request may fare better: the payee is busy, and says nothing about the payment.
pub(crate) fn wants_again(response: &Response) -> bool {
    use StatusCode as S;
    if response.headers().contains_key(PAYMENT_RESPONSE) {
        return false;
    }
    match response.status() {
        S::TOO_MANY_REQUESTS | S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT => true,
        S::CONFLICT => response.headers().contains_key(http::header::RETRY_AFTER),
        _ => false,
    }
}

/// What the payee wants now that it did not want when the mandate was signed, if every one of its
/// terms is another.
pub(crate) fn changed(
    paid: &Purchase,
    now: &PaymentRequired,
    method: &str,
    resource: &str,
) -> Option<PayError> {
    let mut difference = None;
    for offer in offers(now) {
        let Offer { terms, .. } = offer.ok()?;
        let purchase = aep2_x402::terms::purchase(&terms, method, resource).ok()?;
        let fields: [(&'static str, String, String); 6] = [
            ("payee", paid.payee.to_string(), purchase.payee.to_string()),
            ("price", paid.amount.to_string(), purchase.amount.to_string()),
            ("token", paid.token.to_string(), purchase.token.to_string()),
            ("chain", paid.venue.chain.to_string(), purchase.venue.chain.to_string()),
            ("wallet", paid.venue.wallet.to_string(), purchase.venue.wallet.to_string()),
            ("processor", paid.venue.processor.to_string(), purchase.venue.processor.to_string()),
        ];
        let (field, before, after) = fields.into_iter().find(|(_, before, now)| before != now)?;
        difference = difference.or(Some(PayError::TermsChanged { field, before, after }));
    }
    difference
}
