//! What the file sets, as the processor, the facilitator of `exact` and the HTTP server take it.

use std::{collections::BTreeSet, time::Duration};

use aep2_chain::{
    deployment::Deployment, follower::FollowerConfig, sender::SenderConfig,
    wallet::guarantee::Periods,
};
use aep2_exact::ExactConfig;
use aep2_http::ConnectionLimits;
use aep2_mandate::units::ChainId;
use aep2_processor::{
    ProcessorConfig,
    config::{AcceptanceConfig, DisputeConfig, LedgerSettings, WindowConfig},
};
use alloy::primitives::Address;

use super::{
    file::Settings,
    sections::{ChainSettings, LimitSettings},
    value::Rpc,
};

/// Wei in a gwei.
const GWEI: u128 = 1_000_000_000;

/// How often the embedded chain is polled: it answers at once.
const POLL_EMBEDDED_MS: u64 = 200;
/// How often a node is polled.
const POLL_NODE_MS: u64 = 2_000;
/// The blocks on top of a block before what a node says of it counts.
const CONFIRMATIONS_NODE: u64 = 12;

impl ChainSettings {
    /// The times by which contracts go that are put on the embedded chain.
    pub fn embedded_periods(&self) -> Periods {
        Periods {
            withdrawal_seconds: self.embedded_withdrawal_delay_s,
            unbonding_seconds: self.embedded_unbonding_delay_s,
            promise_seconds: self.embedded_promise_max_s,
            demand_seconds: self.embedded_demand_period_s,
            response_seconds: self.embedded_response_window_s,
            view_age_seconds: self.embedded_view_age_s,
            keep_seconds: self.embedded_evidence_kept_s,
        }
    }

    /// How often the chain is polled.
    pub fn poll_interval(&self) -> Duration {
        let own = if self.rpc == Rpc::Embedded { POLL_EMBEDDED_MS } else { POLL_NODE_MS };
        Duration::from_millis(self.poll_interval_ms.unwrap_or(own))
    }
}

impl LimitSettings {
    /// What connections may be.
    pub fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections_max: self.connections_max,
            head_bytes_max: self.head_bytes_max,
            head_within: Duration::from_secs(self.head_within_s),
        }
    }
}

impl Settings {
    /// What the facilitator of `exact` is set to, for tokens that are accepted.
    pub fn exact_config(&self, chain_id: ChainId, tokens: BTreeSet<Address>) -> ExactConfig {
        ExactConfig {
            chain_id,
            tokens,
            gas_max: self.exact.gas_max,
            fee_cap: u128::from(self.chain.fee_cap_gwei) * GWEI,
            poll_interval: self.chain.poll_interval(),
        }
    }

    /// What the processor is set to for a deployment.
    pub fn processor_config(&self, deployment: &Deployment) -> ProcessorConfig {
        let (chain, acceptance, windows) = (&self.chain, &self.acceptance, &self.windows);
        let embedded = chain.rpc == Rpc::Embedded;
        let confirmations =
            chain.confirmations.unwrap_or(if embedded { 0 } else { CONFIRMATIONS_NODE });
        let (poll_interval, request_timeout) =
            (chain.poll_interval(), Duration::from_secs(chain.answer_within_s));

        let follower = FollowerConfig {
            confirmations,
            poll_interval,
            request_timeout,
            ..FollowerConfig::new(vec![deployment.wallet.address], deployment.block)
        };
        let sender = SenderConfig {
            confirmations,
            poll_interval,
            request_timeout,
            ..SenderConfig::new(u128::from(chain.fee_cap_gwei) * GWEI)
        };
        let own_token = deployment.default_token();
        let named = acceptance.tokens.iter().map(|token| (token.address, token.amount_min.0));
        let is_named = |token| acceptance.tokens.iter().any(|own| own.address == token);
        let own = own_token.filter(|token| !is_named(*token));
        let own = own.map(|token| (token, acceptance.own_token_amount_min.0));

        ProcessorConfig {
            acceptance: AcceptanceConfig {
                settle_within_s: acceptance.settle_within_s,
                tokens: named.chain(own).collect(),
                within_capacity: acceptance.within_capacity,
                nonce_words_max: acceptance.nonce_words_max,
                waiting_max: acceptance.waiting_max,
                together_max: acceptance.together_max,
            },
            windows: WindowConfig {
                shapes: windows.shapes.iter().map(|shape| shape.0).collect(),
                age_s_max: windows.age_s_max,
                capture_within_s: windows.capture_within_s,
                due_margin_s: windows.due_margin_s,
                segments_max: windows.segments_max,
                in_flight_max: windows.in_flight_max,
                poll_interval_ms: windows.poll_interval_ms,
            },
            disputes: DisputeConfig {
                seconds_max: self.disputes.seconds_max,
                held_max: self.disputes.held_max,
                held_by_account_max: self.disputes.held_by_account_max,
            },
            ledger: LedgerSettings {
                view_age_s_max: acceptance.view_age_s_max,
                change_margin_s: acceptance.change_margin_s,
                ..LedgerSettings::default()
            },
            ..ProcessorConfig::new(follower, sender)
        }
    }
}
