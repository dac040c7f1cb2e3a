//! Accounts, as acceptance sees them.

use aep2_processor::view::{AccountStatus, ViewError};
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};

use super::{error::ApiError, path, schema, state::Api};

/// An account: what it holds, what is promised, what is about to change.
///
/// Never the id of its last mandate: a signer that follows an id it was handed signs whatever that id
/// stands for.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = u32, Path, description = "The account's number", minimum = 1)),
    responses(
        (status = 200, description = "The account", body = AccountStatus),
        schema::NotFoundErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn account(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = path::account(&id)?;
    let status = api.blocking(move |processor| processor.account(id)).await??;
    match status {
        Some(status) => Ok(Json(status).into_response()),
        None => Err(ApiError::not_found(
            "no such account, as far as the chain was read; if it was just opened, wait for \
             confirmations",
        )),
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        Self::coded(error.code(), &error)
    }
}
