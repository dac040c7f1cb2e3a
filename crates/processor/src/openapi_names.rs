//! How what [`json`](crate::json) writes looks in an OpenAPI document. These describe, and hold nothing.

#![allow(dead_code, reason = "they describe, and hold nothing")]

use utoipa::ToSchema;

/// By which way a mandate settles: with a proof, or by its owner's own signature.
#[derive(ToSchema)]
#[schema(as = SettlementPath, rename_all = "lowercase")]
pub(crate) enum SettlementPathName {
    Proved,
    Direct,
}

/// Why a mandate is held back.
#[derive(ToSchema)]
#[schema(as = HoldKind, rename_all = "snake_case")]
pub(crate) enum HoldKindName {
    NotBefore,
    Dispute,
    Operator,
}

/// How far a batch is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum BatchStepName {
    Sealed,
    Proved,
    Submitted,
    Confirmed,
    Final,
    Aborted,
}
