//! `GET /healthz` and `GET /readyz`: whether it lives, and whether it serves.

use aep2_processor::view::Readiness;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::ApiError, state::Api};

/// How long to wait before asking again, seconds.
const RETRY_AFTER_S: u64 = 5;

/// Whether the server lives.
///
/// 200 as long as it answers at all. Whether mandates are accepted, `/readyz` says.
#[utoipa::path(
    get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "It lives", body = Alive))
)]
pub(super) async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// It lives.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    #[schema(pattern = "^alive$")]
    status: &'static str,
}

/// Whether mandates are accepted, and if not, why.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "Mandates are accepted", body = Readiness),
        (status = 503, description = "They are not, and `obstacles` says why", body = Readiness),
    )
)]
pub(super) async fn ready(State(api): State<Api>) -> Result<Response, ApiError> {
    // The ledger is asked.
    let mut readiness = api.blocking(|processor| processor.readiness()).await?;
    readiness.obstacles.iter_mut().for_each(|text| *text = without_addresses(text));
    readiness.chain.failure = readiness.chain.failure.as_deref().map(without_addresses);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok((status, headers, Json(readiness)).into_response())
}

/// The text with addresses shortened to their hosts: a node's address holds an access key, and what
/// failed is told with the address that it failed at.
fn without_addresses(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>' | ',' | ';');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, scheme)) = ["http://", "https://", "ws://", "wss://"]
        .into_iter()
        .filter_map(|scheme| Some((rest.find(scheme)?, scheme)))
        .min()
    {
        let (before, address) = rest.split_at(at);
        let end = address.find(ends).unwrap_or(address.len());
        let authority =
            address[scheme.len()..end].split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        out.push_str(before);
        out.push_str(scheme);
        out.push_str(host);
        rest = &address[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_in_addresses_are_not_told() {
        for (text, told) in [
            (
                "error sending request for url (https://node.example/v3/SECRET?key=SECRET): refused",
                "error sending request for url (https://node.example): refused",
            ),
            ("at http://user:SECRET@10.0.0.1:8545/, and", "at http://10.0.0.1:8545, and"),
            ("wss://a/SECRET http://b?SECRET", "wss://a http://b"),
            ("no address", "no address"),
            ("https://", "https://"),
        ] {
            assert_eq!(without_addresses(text), told);
        }
    }
}
