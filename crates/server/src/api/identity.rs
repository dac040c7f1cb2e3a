//! `GET /`: who this is and on what terms it serves.

use aep2_processor::view::Identity;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::state::Api;

/// Who this is, and on what terms it serves.
///
/// The chain, the wallet and the processor's address, which make the domain of every signature; the
/// tokens that are accepted; how soon mandates are settled.
#[utoipa::path(
    get, path = "/", tag = "operation",
    responses((status = 200, description = "Its identity", body = Identity))
)]
pub(super) async fn identity(State(api): State<Api>) -> Response {
    Json(api.processor().identity()).into_response()
}
