//! What x402's schemes check alike: that a payment accepts what is asked for.

use aep2_mandate::units::Ceiling;
use aep2_x402::{
    headers::{PAYMENT_SIGNATURE, X_PAYMENT},
    mvp::X_PAYMENT_MANDATE,
    terms::WireAddress,
};
use http::HeaderMap;
use x402_types::proto::v2::PaymentRequirements;

use crate::refusal::Refusal;

/// Checks that what was accepted is what is asked for, but for what the scheme adds.
pub(super) fn same_terms<S, E>(
    accepted: &PaymentRequirements<S, Ceiling, WireAddress, E>,
    asked: &PaymentRequirements<S, Ceiling, WireAddress, E>,
) -> Result<(), Refusal> {
    all_same([
        ("network", accepted.network == asked.network),
        ("asset", accepted.asset == asked.asset),
        ("payTo", accepted.pay_to == asked.pay_to),
        ("amount", accepted.amount == asked.amount),
    ])
}

/// Refuses a payment for the first of these fields that is not the same.
pub(super) fn all_same<const N: usize>(fields: [(&'static str, bool); N]) -> Result<(), Refusal> {
    match fields.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(Refusal::OtherTerms { field }),
        None => Ok(()),
    }
}

/// Takes the payment out of a request's headers: it is for the payee, not for what is behind it.
pub(super) fn take_payment(headers: &mut HeaderMap) {
    headers.remove(PAYMENT_SIGNATURE);
    headers.remove(X_PAYMENT);
    headers.remove(X_PAYMENT_MANDATE);
}
