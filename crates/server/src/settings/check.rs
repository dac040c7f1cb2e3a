//! Whether settings fit together, and fit the contracts. All that is wrong is said at once.

use std::{collections::BTreeSet, fmt, net::SocketAddr};

use aep2_chain::{deployment::Deployment, wallet::guarantee::Periods};
use alloy::primitives::Address;

use super::{file::Settings, value::Rpc};

/// Something that is wrong, and with which setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as `section.name`.
    pub setting: &'static str,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}

/// The smallest buffer that the HTTP server reads heads into, bytes.
const HEAD_BYTES_MIN: usize = 8_192;

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a problem unless something holds.
    fn unless(&mut self, holds: bool, setting: &'static str, message: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Problem { setting, message: message() });
        }
    }
}

impl Settings {
    /// What does not fit together. Nothing outside is looked at.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check_addresses(&mut problems);
        self.check_chain(&mut problems);
        self.check_times(&mut problems);
        self.check_numbers(&mut problems);
        self.check_lists(&mut problems);
        problems.unless(!self.exact.enabled || self.compliance.settings.is_none(), "exact.enabled", || {
            "compliance does not look at payments of the scheme exact: switch one of the two off".to_owned()
        });
        problems.0
    }

    /// What does not fit the contracts.
    pub fn check_against(&self, deployment: &Deployment) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check_periods(&mut problems, &deployment.wallet.periods);
        for shape in &self.windows.shapes {
            let verified = deployment.verifiers.iter().any(|own| own.shape == shape.0);
            problems.unless(verified, "windows.shapes", || {
                let shapes: Vec<String> =
                    deployment.verifiers.iter().map(|own| own.shape.to_string()).collect();
                format!(
                    "{shape} has no verifier in this deployment, which has {}",
                    shapes.join(", ")
                )
            });
        }
        let accepts_any =
            deployment.default_token().is_some() || !self.acceptance.tokens.is_empty();
        problems.unless(accepts_any, "acceptance.tokens", || {
            "no token is accepted: the deployment has none of its own, so name one".to_owned()
        });
        problems.0
    }

    /// Whether promises can be kept in a wallet that goes by these times.
    fn check_periods(&self, problems: &mut Problems, periods: &Periods) {
        let own = &self.acceptance;
        let (withdrawal, promise) = (periods.withdrawal_seconds, periods.promise_seconds);
        let view_age = periods.view_age_seconds;
        let least = [own.settle_within_s, own.change_margin_s, own.view_age_s_max]
            .into_iter()
            .fold(0, u64::saturating_add);
        problems.unless(least < withdrawal, "acceptance.settle_within_s", || {
            format!(
                "with change_margin_s and view_age_s_max it makes {least} s, and payers can have \
                 their money out of this wallet within {withdrawal} s, before a promise is due; it \
                 must be less"
            )
        });
        problems.unless(own.settle_within_s <= promise, "acceptance.settle_within_s", || {
            format!("must be at most {promise} s: this wallet's guarantee knows no longer promise")
        });
        let (response, margin) = (periods.response_seconds, self.windows.due_margin_s);
        problems.unless(margin < response / 2, "windows.due_margin_s", || {
            format!(
                "must be less than half of the {response} s in which demands of this wallet can be \
                 answered: what is demanded must be settled in that time"
            )
        });
        problems.unless(own.view_age_s_max <= view_age, "acceptance.view_age_s_max", || {
            format!(
                "must be at most {view_age} s: payees of this wallet rely on no older view of the \
                 chain when money is asked back"
            )
        });
    }

    fn check_addresses(&self, problems: &mut Problems) {
        let allowed = |address: &SocketAddr| self.http.allow_remote || address.ip().is_loopback();
        let message = |address: &SocketAddr| {
            format!(
                "{address} can be reached from other machines; say allow_remote = true in [http] \
                 if that is meant, or listen on 127.0.0.1"
            )
        };
        let listen = &self.http.listen;
        problems.unless(allowed(listen), "http.listen", || message(listen));
        if let Some(listen) = &self.metrics.listen {
            problems.unless(allowed(listen), "metrics.listen", || message(listen));
        }
        let embedded = &self.chain.embedded_listen;
        problems.unless(embedded.ip().is_loopback(), "chain.embedded_listen", || {
            "whoever reaches the embedded chain moves its clock and spends its accounts' ether: only \
             127.0.0.1 or [::1] will do"
                .to_owned()
        });
    }

    fn check_chain(&self, problems: &mut Problems) {
        let named = self.chain.deployment.is_some();
        match self.chain.rpc {
            Rpc::Embedded => problems.unless(!named, "chain.deployment", || {
                "the embedded chain makes its own; take this out, or name a node in rpc".to_owned()
            }),
            Rpc::Node(_) => problems.unless(named, "chain.deployment", || {
                "a node is named in rpc, and this must say where its contracts are; `aep2 deploy` \
                 writes such a file"
                    .to_owned()
            }),
        }
        let exact = &self.exact;
        let keyless = exact.enabled && exact.key_file.is_none();
        problems.unless(self.chain.rpc == Rpc::Embedded || !keyless, "exact.key_file", || {
            "a node is named in chain.rpc, and this must name the key that pays for gas; not the \
             processor's own"
                .to_owned()
        });
        let block_time_s = self.chain.embedded_block_time_ms.div_ceil(1_000);
        let age = self.acceptance.view_age_s_max;
        problems.unless(
            self.chain.rpc != Rpc::Embedded || block_time_s < age,
            "chain.embedded_block_time_ms",
            || format!("must be less than acceptance.view_age_s_max, which is {age} s"),
        );
        if self.chain.rpc == Rpc::Embedded {
            let periods = self.chain.embedded_periods();
            let error = periods.check().err();
            problems.unless(error.is_none(), "chain.embedded_withdrawal_delay_s", || {
                format!(
                    "the times of the embedded chain do not fit: {}",
                    error.map(|error| error.to_string()).unwrap_or_default()
                )
            });
            self.check_periods(problems, &periods);
        }
    }

    fn check_times(&self, problems: &mut Problems) {
        let (settle, windows) = (self.acceptance.settle_within_s, &self.windows);
        for (name, wait) in
            [("age_s_max", windows.age_s_max), ("capture_within_s", windows.capture_within_s)]
        {
            let before = wait.saturating_add(windows.due_margin_s);
            problems.unless(before < settle, "acceptance.settle_within_s", || {
                format!(
                    "must be more than windows.{name} and windows.due_margin_s together, which are \
                     {before} s: else every mandate is due before it may be settled"
                )
            });
        }
    }

    fn check_numbers(&self, problems: &mut Problems) {
        let (chain, limits) = (&self.chain, &self.limits);
        let (acceptance, windows) = (&self.acceptance, &self.windows);
        let at_least_1: [(&'static str, u64); 22] = [
            ("exact.gas_max", self.exact.gas_max),
            ("chain.answer_within_s", chain.answer_within_s),
            ("chain.fee_cap_gwei", chain.fee_cap_gwei),
            ("chain.poll_interval_ms", chain.poll_interval_ms.unwrap_or(1)),
            ("chain.embedded_block_time_ms", chain.embedded_block_time_ms),
            ("acceptance.nonce_words_max", acceptance.nonce_words_max as u64),
            ("acceptance.view_age_s_max", acceptance.view_age_s_max),
            ("acceptance.together_max", acceptance.together_max as u64),
            ("windows.age_s_max", windows.age_s_max),
            ("windows.segments_max", windows.segments_max as u64),
            ("windows.in_flight_max", windows.in_flight_max as u64),
            ("windows.poll_interval_ms", windows.poll_interval_ms),
            ("limits.mandate_bytes_max", limits.mandate_bytes_max as u64),
            ("limits.batch_mandates_max", limits.batch_mandates_max as u64),
            ("limits.head_within_s", limits.head_within_s),
            ("limits.body_within_s", limits.body_within_s),
            ("limits.answer_within_s", limits.answer_within_s),
            ("limits.connections_max", limits.connections_max as u64),
            ("limits.requests_max", limits.requests_max as u64),
            ("limits.event_subscribers_max", limits.event_subscribers_max as u64),
            ("limits.events_kept", limits.events_kept as u64),
            ("limits.page_max", limits.page_max as u64),
        ];
        for (setting, number) in at_least_1 {
            problems.unless(number >= 1, setting, || "must be at least 1".to_owned());
        }
        let (waiting, together) = (acceptance.waiting_max, acceptance.together_max);
        problems.unless(together <= waiting, "acceptance.waiting_max", || {
            format!("must be at least together_max, which is {together}")
        });
        let (one, many) = (limits.mandate_bytes_max, limits.batch_bytes_max);
        problems.unless(one <= many, "limits.batch_bytes_max", || {
            format!("must be at least mandate_bytes_max, which is {one}")
        });
        problems.unless(limits.head_bytes_max >= HEAD_BYTES_MIN, "limits.head_bytes_max", || {
            format!("must be at least {HEAD_BYTES_MIN}")
        });
    }

    fn check_lists(&self, problems: &mut Problems) {
        let shapes = &self.windows.shapes;
        problems.unless(!shapes.is_empty(), "windows.shapes", || {
            "name at least one, such as \"16x16-capture\"".to_owned()
        });
        let distinct: BTreeSet<_> = shapes.iter().map(|shape| shape.0).collect();
        problems.unless(distinct.len() == shapes.len(), "windows.shapes", || {
            "a shape is named twice".to_owned()
        });
        let tokens: BTreeSet<Address> =
            self.acceptance.tokens.iter().map(|token| token.address).collect();
        problems.unless(tokens.len() == self.acceptance.tokens.len(), "acceptance.tokens", || {
            "a token is named twice".to_owned()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::error::SettingsError;

    /// What a file is told to mend.
    fn mend(text: &str) -> Result<Vec<&'static str>, SettingsError> {
        let problems = Settings::parse(text)?.check();
        Ok(problems.into_iter().map(|problem| problem.setting).collect())
    }

    #[test]
    fn the_defaults_fit_together() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn what_does_not_fit_is_named() -> Result<(), SettingsError> {
        let token = "0x0000000000000000000000000000000000000001";
        for (text, settings) in [
            ("[http]\nlisten = \"0.0.0.0:8402\"", vec!["http.listen"]),
            ("[http]\nlisten = \"[::]:8402\"", vec!["http.listen"]),
            ("[http]\nlisten = \"0.0.0.0:8402\"\nallow_remote = true", vec![]),
            ("[metrics]\nlisten = \"10.0.0.1:9402\"", vec!["metrics.listen"]),
            // Not even then.
            (
                "[http]\nallow_remote = true\n[chain]\nembedded_listen = \"0.0.0.0:1\"",
                vec!["chain.embedded_listen"],
            ),
            ("[chain]\ndeployment = \"x.json\"", vec!["chain.deployment"]),
            ("[chain]\nrpc = \"http://127.0.0.1:8545\"", vec!["chain.deployment"]),
            (
                "[chain]\nrpc = \"http://127.0.0.1:8545\"\ndeployment = \"x\"\n[exact]\nenabled = true",
                vec!["exact.key_file"],
            ),
            ("[exact]\nenabled = true", vec![]),
            ("[chain]\nembedded_block_time_ms = 600000", vec!["chain.embedded_block_time_ms"]),
            // 43,200 for a promise, as much for a demand, 86,400 to answer, 600 that a view may be old.
            (
                "[chain]\nembedded_withdrawal_delay_s = 173400",
                vec!["chain.embedded_withdrawal_delay_s"],
            ),
            ("[chain]\nembedded_withdrawal_delay_s = 173401", vec![]),
            (
                "[chain]\nembedded_response_window_s = 0",
                vec!["chain.embedded_withdrawal_delay_s", "windows.due_margin_s"],
            ),
            ("[chain]\nembedded_response_window_s = 481", vec!["windows.due_margin_s"]),
            ("[chain]\nembedded_response_window_s = 482", vec![]),
            ("[chain]\nembedded_promise_max_s = 599", vec!["acceptance.settle_within_s"]),
            ("[chain]\nembedded_promise_max_s = 600", vec![]),
            ("[acceptance]\nview_age_s_max = 601", vec!["acceptance.view_age_s_max"]),
            (
                "[acceptance]\nchange_margin_s = 258000\nview_age_s_max = 600",
                vec!["acceptance.settle_within_s"],
            ),
            ("[acceptance]\nsettle_within_s = 360", vec!["acceptance.settle_within_s"]),
            ("[acceptance]\nsettle_within_s = 361", vec![]),
            ("[windows]\ncapture_within_s = 360", vec!["acceptance.settle_within_s"]),
            ("[acceptance]\ntogether_max = 0", vec!["acceptance.together_max"]),
            ("[acceptance]\nwaiting_max = 63", vec!["acceptance.waiting_max"]),
            ("[limits]\nhead_bytes_max = 8191", vec!["limits.head_bytes_max"]),
            ("[limits]\nbatch_bytes_max = 4095", vec!["limits.batch_bytes_max"]),
            ("[windows]\nshapes = []", vec!["windows.shapes"]),
            ("[windows]\nshapes = [\"4x4\", \"4x4\"]", vec!["windows.shapes"]),
            (
                &format!(
                    "[acceptance]\ntokens = [{{ address = \"{token}\", amount_min = \"1\" }}, \
                     {{ address = \"{token}\", amount_min = \"2\" }}]"
                ),
                vec!["acceptance.tokens"],
            ),
            // All of it at once.
            (
                "[windows]\nage_s_max = 0\npoll_interval_ms = 0",
                vec!["windows.age_s_max", "windows.poll_interval_ms"],
            ),
        ] {
            assert_eq!(mend(text)?, settings, "{text}");
        }
        Ok(())
    }

    fn deployment(withdrawal: u64, promise: u64, token: bool) -> Deployment {
        let hash = format!("0x{:064x}", 1);
        let address = format!("0x{:040x}", 1);
        let mut json = serde_json::json!({
            "format": 2, "chainId": 31337, "block": 7,
            "wallet": {
                "address": address, "guarantee": address, "transaction": hash,
                "periods": {
                    "withdrawalSeconds": withdrawal, "unbondingSeconds": 9_999,
                    "promiseSeconds": promise, "demandSeconds": 1, "responseSeconds": 600,
                    "viewAgeSeconds": 600, "keepSeconds": 9_999,
                },
            },
            "verifierSet": hash,
            "verifiers": [{
                "shape": "16x16-capture", "address": address, "verifyingKey": hash,
                "provenance": { "ceremony": { "transcript": hash } }, "transaction": hash,
            }],
        });
        if token {
            json["testToken"] = serde_json::json!({ "address": address, "transaction": hash });
        }
        serde_json::from_value(json).expect("a deployment")
    }

    #[test]
    fn promises_that_this_wallet_cannot_hold_are_refused() -> Result<(), SettingsError> {
        let settings = Settings::parse("[windows]\nshapes = [\"16x16-capture\"]")?;
        let named = |withdrawal, promise, token| {
            let problems = settings.check_against(&deployment(withdrawal, promise, token));
            problems.iter().map(|problem| problem.setting).collect::<Vec<_>>()
        };
        // 600 to settle, 120 of margin, 600 that the view may be old.
        assert_eq!(named(1_321, 600, true), Vec::<&str>::new());
        assert_eq!(named(1_320, 600, true), ["acceptance.settle_within_s"]);
        assert_eq!(named(1_321, 599, true), ["acceptance.settle_within_s"]);
        assert_eq!(named(1_321, 600, false), ["acceptance.tokens"]);
        let other = Settings::parse("[windows]\nshapes = [\"16x16-capture\", \"4x4\"]")?;
        let problems = other.check_against(&deployment(86_400, 86_400, true));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].setting, "windows.shapes");
        assert!(problems[0].message.starts_with("4x4 has no verifier"), "{}", problems[0]);
        Ok(())
    }
}
