//! What a watcher measures, by Prometheus' conventions. All names begin with `aep2_payee_watch_`.

use std::fmt;

use alloy::primitives::{Address, U256};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{bonds::Backings, event::Action};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Backed {
    processor: String,
    token: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    token: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Does {
    action: String,
}

/// A watcher's metrics. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub(crate) open: Gauge,
    pub(crate) lapsed_open: Gauge,
    pub(crate) unhandled: Gauge,
    pub(crate) left_out: Gauge,
    pub(crate) head_time: Gauge,
    pub(crate) rounds: Counter,
    pub(crate) failures: Counter,
    pub(crate) refused: Counter,
    pub(crate) settled: Counter,
    pub(crate) settled_late: Counter,
    pub(crate) lapsed: Counter,
    pub(crate) too_late: Counter,
    pub(crate) deposits_lost: Counter,
    spent: Gauge<f64, std::sync::atomic::AtomicU64>,
    owed: Family<Backed, Gauge<f64, std::sync::atomic::AtomicU64>>,
    backed: Family<Backed, Gauge<f64, std::sync::atomic::AtomicU64>>,
    claimed: Family<Of, Counter<f64, std::sync::atomic::AtomicU64>>,
    sent: Family<Does, Counter>,
}

impl Figures {
    /// All of them in Prometheus' text format.
    ///
    /// # Errors
    /// When they cannot be written, which they always should.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("aep2_payee_watch");
        let mut gauge = |name: &str, help: &str, own: &Gauge| {
            registry.register(name, help, own.clone());
        };
        gauge("receipts_open", "Receipts that are not over", &self.open);
        gauge("receipts_lapsed_open", "Those of them that lapsed", &self.lapsed_open);
        let unhandled = "Those of them that are not demanded, or not claimed";
        gauge("receipts_unhandled", unhandled, &self.unhandled);
        let left_out = "Those about which the node said nothing in the last round";
        gauge("receipts_left_out", left_out, &self.left_out);
        gauge("chain_time", "The time of the newest block, unix seconds", &self.head_time);
        let mut counter = |name: &str, help: &str, own: &Counter| {
            registry.register(name, help, own.clone());
        };
        counter("rounds", "Rounds that came to their end", &self.rounds);
        counter("rounds_failed", "Rounds that did not", &self.failures);
        counter("lines_refused", "Lines that are not watched", &self.refused);
        counter("receipts_settled", "Receipts that were settled as promised", &self.settled);
        counter("receipts_settled_late", "Receipts that were settled late", &self.settled_late);
        counter("receipts_lapsed", "Receipts that were not kept", &self.lapsed);
        counter("receipts_too_late", "Receipts not demanded in time", &self.too_late);
        counter("deposits_lost", "Demands whose deposit was lost", &self.deposits_lost);
        let spent = "Wei that deposits and gas took in the last day";
        registry.register("spent_wei", spent, self.spent.clone());
        registry.register("owed", "What open receipts come to, base units", self.owed.clone());
        let backed = "What bonds hold for them, base units";
        registry.register("bonds", backed, self.backed.clone());
        registry.register("claimed", "What bonds paid, base units", self.claimed.clone());
        registry.register("transactions", "Transactions, by what they do", self.sent.clone());
        let mut written = String::new();
        text::encode(&mut written, &registry)?;
        Ok(written)
    }

    pub(crate) fn back(&self, all: &Backings) {
        self.owed.clear();
        self.backed.clear();
        for ((processor, token), backing) in all {
            let of = Backed { processor: processor.to_string(), token: token.to_string() };
            self.owed.get_or_create(&of).set(backing.owed as f64);
            self.backed.get_or_create(&of).set(backing.holds() as f64);
        }
    }

    pub(crate) fn claim(&self, token: Address, claimed: u128) {
        self.claimed.get_or_create(&Of { token: token.to_string() }).inc_by(claimed as f64);
    }

    pub(crate) fn send(&self, action: Action) {
        self.sent.get_or_create(&Does { action: format!("{action:?}") }).inc();
    }

    pub(crate) fn spend(&self, in_all: U256) {
        self.spent.set(f64::from(in_all));
    }
}
