//! Who asks.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::{context::Context, error::ApiError};
use crate::officers::{self, Role};

/// Somebody who may look.
pub(super) struct Reader;

/// An officer, by name.
pub(super) struct ByOfficer(pub(super) String);

impl FromRequestParts<Context> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
        authenticate(parts, context).map(|_| Self)
    }
}

impl FromRequestParts<Context> for ByOfficer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
        match authenticate(parts, context)? {
            (name, Role::Officer) => Ok(Self(name)),
            (_, Role::Reader) => Err(ApiError::new("forbidden", "this takes the role officer")),
        }
    }
}

fn authenticate(parts: &Parts, context: &Context) -> Result<(String, Role), ApiError> {
    let missing = || {
        ApiError::new(
            "unauthorized",
            "send an officer's token: Authorization: Bearer aep2_officer_…",
        )
    };
    let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let officer = officers::of_token(&context.officers, token.ok_or_else(missing)?.trim());
    let officer =
        officer.ok_or_else(|| ApiError::new("unauthorized", "the token is not known here"))?;
    Ok((officer.name.clone(), officer.role))
}
