//! Who the processor is, and whether it can serve.

use aep2_chain::deployment::Deployment;
use aep2_ledger::{Ledger, LedgerConfig, LedgerError};
use aep2_mandate::{
    openapi,
    units::{Amount, Ceiling, ChainId, UnixTime},
};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{chain_status::ChainStatus, config::ProcessorConfig, json, supervisor::Supervisor};

/// Who the processor is and what it serves: what a payer or a payee has to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub wallet: Address,
    /// Whom accounts must name, and who signs receipts.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub processor: Address,
    /// The verifiers of which accounts must trust one.
    #[schema(value_type = Vec<openapi::Bytes32>)]
    pub verifier_sets: Vec<B256>,
    /// By when after its acceptance a mandate is settled.
    pub settle_within_s: u64,
    /// How long a payee has to capture, from the acceptance on.
    pub capture_within_s: u64,
    /// How long a mandate can be held for disputes, in seconds: to dispute and to decide together. 0 where
    /// terms with disputes are not served.
    pub disputes_within_s: u64,
    /// The tokens that are accepted.
    pub tokens: Vec<TokenTerms>,
    /// The shapes that batches may have, as `64x16-capture`.
    pub shapes: Vec<String>,
    /// Whether payees can take less than a mandate's amount: a shape with capture is among them.
    pub captures: bool,
}

/// A token that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenTerms {
    /// The token.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub token: Address,
    /// The least that a mandate in it must allow, in base units.
    #[schema(value_type = Ceiling)]
    pub amount_min: Amount,
}

/// Whether mandates are accepted now, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether mandates are accepted.
    pub ready: bool,
    /// What stands in the way, for people. Empty when nothing does.
    pub obstacles: Vec<String>,
    /// How the chain was last seen.
    pub chain: ChainReadiness,
    /// Whether the ledger can be written to.
    pub disk_writable: bool,
    /// Whether the processor is shutting down.
    pub stopping: bool,
}

/// How the chain was last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainReadiness {
    /// Whether it answered when it was last asked.
    pub reachable: bool,
    /// Why it did not.
    pub failure: Option<String>,
    /// When it last answered.
    pub reached_at: Option<UnixTime>,
    /// Its newest block.
    pub head: Option<u64>,
    /// The last block applied.
    pub block: Option<u64>,
    /// How old that block is, in seconds.
    pub age_s: Option<u64>,
    /// How old it may be.
    pub age_s_max: u64,
}

pub(crate) fn identity(
    ledger: &Ledger,
    deployment: &Deployment,
    config: &ProcessorConfig,
) -> Identity {
    let ProcessorConfig { acceptance, windows, .. } = config;
    let tokens = acceptance.tokens.iter();
    let tokens =
        tokens.map(|(token, least)| TokenTerms { token: *token, amount_min: least.amount() });
    let LedgerConfig { identity, verifier_sets, .. } = ledger.config();
    Identity {
        chain_id: deployment.chain_id,
        wallet: deployment.wallet.address,
        processor: identity.processor,
        verifier_sets: verifier_sets.iter().flatten().copied().collect(),
        settle_within_s: acceptance.settle_within_s,
        capture_within_s: windows.capture_within_s,
        disputes_within_s: config.dispute_terms(deployment).seconds_max,
        tokens: tokens.collect(),
        shapes: windows.shapes.iter().map(ToString::to_string).collect(),
        captures: windows.shapes.iter().any(|shape| shape.capture()),
    }
}

pub(crate) fn readiness(
    ledger: &Ledger,
    chain: &ChainStatus,
    supervisor: &Supervisor,
    now: UnixTime,
    age_s_max: u64,
) -> Readiness {
    let health = chain.health();
    let tip = ledger.tip();
    let age_s = tip.map(|tip| now.seconds_since(tip.time).unwrap_or(0));
    let failed = ledger.failure();
    let stopping = supervisor.is_stopping();

    let mut obstacles = Vec::new();
    if stopping {
        obstacles.push("the processor is stopping".to_owned());
    }
    if let Some(panicked) = supervisor.failure() {
        obstacles.push(format!("a part of the processor failed: {}", panicked.task));
    }
    if let Some(error) = &failed {
        obstacles.push(LedgerError::to_string(error));
    }
    match age_s {
        None => obstacles.push("no block was seen yet".to_owned()),
        Some(age_s) if age_s > age_s_max => obstacles
            .push(format!("the last block seen is {age_s} seconds old, and may be {age_s_max}")),
        Some(_) if !chain.has_caught_up() => {
            obstacles
                .push("the ledger has not caught up with the chain since the start".to_owned());
        }
        Some(_) => {}
    }
    if let Some(ahead_s) = chain.is_ahead(now) {
        obstacles.push(format!(
            "the chain's newest block is {ahead_s} seconds ahead of the clock here: one of the two is wrong"
        ));
    }
    if let (Some(failure), false) = (&health.failure, obstacles.is_empty()) {
        obstacles.push(format!("the chain does not answer: {failure}"));
    }
    Readiness {
        ready: obstacles.is_empty(),
        obstacles,
        chain: ChainReadiness {
            reachable: health.reached_at.is_some() && health.failure.is_none(),
            failure: health.failure,
            reached_at: health.reached_at,
            head: health.head,
            block: tip.map(|tip| tip.number),
            age_s,
            age_s_max,
        },
        disk_writable: failed.is_none(),
        stopping,
    }
}
