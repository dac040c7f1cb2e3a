//! Who asks.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::{context::Context, error::ApiError};
use crate::judges::{self, Judge, Role};

/// Somebody who may look; whether at everything.
pub(super) struct Reader {
    pub(super) is_judge: bool,
}

/// A judge, by name.
pub(super) struct ByJudge(pub(super) String);

impl FromRequestParts<Context> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
        let who = authenticate(parts, context)?;
        Ok(Self { is_judge: who.role == Role::Judge })
    }
}

impl FromRequestParts<Context> for ByJudge {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
        let who = authenticate(parts, context)?;
        match who.role {
            Role::Judge => Ok(Self(who.name.clone())),
            Role::Reader => Err(ApiError::new("forbidden", "this takes the role judge")),
        }
    }
}

fn authenticate<'a>(parts: &Parts, context: &'a Context) -> Result<&'a Judge, ApiError> {
    let missing = || {
        let message = "send a judge's token: Authorization: Bearer aep2_judge_…";
        ApiError::new("unauthorized", message)
    };
    let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let judge = judges::of_token(context.judges(), token.ok_or_else(missing)?.trim());
    judge.ok_or_else(|| ApiError::new("unauthorized", "the token is not known here"))
}

/// The name of the judge whose token this is; nothing for anybody else.
pub(crate) fn is_judge(context: &Context, token: &str) -> Option<String> {
    let judge = judges::of_token(context.judges(), token.trim());
    judge.filter(|judge| judge.role == Role::Judge).map(|judge| judge.name.clone())
}
