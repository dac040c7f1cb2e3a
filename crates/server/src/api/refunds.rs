//! Refunds: payees that give back some of what they were paid.

use aep2_processor::refund::{RefundError, RefundStatus, SignedRefund};
use axum::{
    Json,
    extract::{Path, Request, State},
};

use super::{
    body,
    error::{ApiError, Code},
    path, schema,
    state::Api,
};

/// Announce a refund.
///
/// Signed by the payee's key. All refunds of a mandate come to at most what was settled of it. The answer,
/// like the mandate, says `announced` until the chain shows the deposit into the payer's account whose nonce
/// is `depositNonce`, and `paid` from then on. Announce first, then send the deposit. The same refund again
/// gets the same answer.
#[utoipa::path(
    post, path = "/v1/mandates/{id}/refunds", tag = "mandates",
    params(schema::MandateId),
    request_body = SignedRefund,
    responses(
        (status = 200, description = "Announced, or announced before", body = RefundStatus),
        schema::NotFoundErrors, schema::BodyErrors, schema::RefundErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn announce(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<RefundStatus>, ApiError> {
    let id = path::mandate(&id)?;
    let limits = api.limits();
    let text = body::json(request, limits.mandate_bytes_max, api.body_within()).await?;
    let refund = SignedRefund::from_json(&text)?;
    if refund.message.mandate_id != id.bytes() {
        return Err(ApiError::new(
            Code::Malformed,
            "refund.mandateId: the refund is of another mandate than the address",
        ));
    }
    let announced = api.processor().refund(refund).await?;
    Ok(Json(announced))
}

impl From<RefundError> for ApiError {
    fn from(error: RefundError) -> Self {
        Self::coded(error.code(), &error)
    }
}
