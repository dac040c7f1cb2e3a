//! What a demo found out: every payment, every refusal, every batch, every comparison.

use aep2_benches::machine::Machine;
use serde::Serialize;

use crate::output::count;

/// Everything that was shown. With `--json` it is what is printed.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    /// Where it ran.
    pub(super) machine: Machine,
    /// The chain, the wallet, the token, the processor: as a receipt names them.
    pub(super) chain_id: u64,
    pub(super) wallet: String,
    pub(super) token: String,
    pub(super) processor: String,
    pub(super) agents: usize,
    pub(super) payees: usize,
    /// What passed the processor, and was served.
    pub(super) payments: Vec<Payment>,
    pub(super) refusals: Vec<Refusal>,
    /// What payers objected to before it settled.
    pub(super) disputes: Vec<Disputed>,
    pub(super) refund: GivenBack,
    /// What the processor had promised when it vanished.
    pub(super) vanished: MadeWhole,
    pub(super) batches: Vec<Batch>,
    /// What one mandate costs when it is settled in a transaction of its own.
    pub(super) gas_one_at_a_time: f64,
    pub(super) comparisons: Vec<Comparison>,
    /// From the first payment to the last comparison.
    pub(super) elapsed_s: f64,
    /// Whether every comparison held and every attempt to cheat was refused as it should be.
    pub(super) held: bool,
}

/// How payer and payee met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// The payee stated its terms first: 402, then the request with a mandate.
    Order,
    /// The payer knew the terms: one request.
    Intent,
}

/// A call that was paid and served.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Payment {
    pub(super) mandate: String,
    pub(super) agent: String,
    pub(super) payee: String,
    pub(super) mode: Mode,
    /// What the payer allowed, in base units.
    pub(super) ceiling: u128,
    /// What the payee took.
    pub(super) captured: u128,
    /// From the first request to the answer that was paid for.
    pub(super) answered_ms: f64,
    /// When the receipt was there, from the start.
    pub(super) accepted_at_s: f64,
    /// When the batch was on chain, from the start.
    pub(super) settled_at_s: f64,
    pub(super) batch: u64,
}

impl Payment {
    fn settled_after_s(&self) -> f64 {
        self.settled_at_s - self.accepted_at_s
    }
}

/// An attempt that must fail.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) attempt: String,
    /// The code that it must be refused with, and the one that it was.
    pub(super) expected: String,
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn as_expected(&self) -> bool {
        self.expected == self.code
    }
}

/// A payment that its payer objected to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Disputed {
    pub(super) what: String,
    /// What was paid, what the arbiter left of it, and what settled, in base units.
    pub(super) paid: u128,
    pub(super) ruled: u128,
    pub(super) settled: u128,
}

impl Disputed {
    pub(super) fn as_ruled(&self) -> bool {
        self.settled == self.ruled.min(self.paid)
    }
}

/// A settled payment that its payee gave back in part, in base units.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GivenBack {
    pub(super) mandate: String,
    pub(super) paid: u128,
    /// What the payee said that it gives back, and what came into the payer's account.
    pub(super) announced: u128,
    pub(super) given_back: u128,
}

impl GivenBack {
    pub(super) fn is_whole(&self) -> bool {
        self.given_back == self.announced
    }
}

/// A promise of a processor that vanished, in base units.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MadeWhole {
    pub(super) mandate: String,
    pub(super) promised: u128,
    /// What its bond paid to the payee.
    pub(super) paid: u128,
}

impl MadeWhole {
    pub(super) fn is_whole(&self) -> bool {
        self.paid == self.promised
    }
}

/// A batch that settled.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) shape: String,
    /// How many segments, each with a proof of its own.
    pub(super) segments: usize,
    pub(super) mandates: usize,
    pub(super) debits: usize,
    pub(super) payouts: usize,
    pub(super) proof_s: f64,
    pub(super) gas: u64,
    pub(super) transaction: String,
    /// From the start of the demo.
    pub(super) sealed_at_s: f64,
    pub(super) proved_at_s: f64,
    pub(super) submitted_at_s: f64,
    pub(super) settled_at_s: f64,
}

impl Batch {
    pub(super) fn gas_per_mandate(&self) -> f64 {
        self.gas as f64 / self.mandates as f64
    }
}

/// What the receipts say beside what the chain says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Comparison {
    pub(super) what: String,
    pub(super) by_receipts: String,
    pub(super) on_chain: String,
    pub(super) held: bool,
}

impl Comparison {
    pub(super) fn of(
        what: impl Into<String>,
        by_receipts: impl ToString,
        on_chain: impl ToString,
    ) -> Self {
        let (by_receipts, on_chain) = (by_receipts.to_string(), on_chain.to_string());
        let held = by_receipts == on_chain;
        Self { what: what.into(), by_receipts, on_chain, held }
    }
}

/// A median and a tail.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) p95: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * values.len() as f64).ceil() as usize;
            values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { median: at(0.5), p95: at(0.95), max: at(1.0) }
    }
}

impl Outcome {
    pub(super) fn settled(&self) -> u128 {
        self.payments.iter().map(|payment| payment.captured).sum()
    }

    pub(super) fn gas_per_mandate(&self) -> f64 {
        let gas: u64 = self.batches.iter().map(|batch| batch.gas).sum();
        let mandates: usize = self.batches.iter().map(|batch| batch.mandates).sum();
        gas as f64 / mandates.max(1) as f64
    }

    pub(super) fn answered_ms(&self) -> Spread {
        Spread::of(self.payments.iter().map(|payment| payment.answered_ms))
    }

    pub(super) fn settled_after_s(&self) -> Spread {
        Spread::of(self.payments.iter().map(Payment::settled_after_s))
    }

    /// The rows of the table that a demo ends with.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let of_mode = |mode| self.payments.iter().filter(|payment| payment.mode == mode).count();
        let metered =
            self.payments.iter().filter(|payment| payment.captured < payment.ceiling).count();
        let expected = self.refusals.iter().filter(|refusal| refusal.as_expected()).count();
        let mut rows = vec![
            (
                "accepted",
                format!(
                    "{} ({} in order mode, {} in intent mode; {metered} captured less than allowed)",
                    count(self.payments.len(), "mandate"),
                    of_mode(Mode::Order),
                    of_mode(Mode::Intent),
                ),
            ),
            ("refused", format!("{} of {} as they must be", expected, self.refusals.len())),
        ];
        rows.extend(self.rows_of_recourse());
        rows.extend(self.rows_of_settling());
        rows
    }

    /// What was settled, and what that took.
    fn rows_of_settling(&self) -> Vec<(&'static str, String)> {
        let proofs_s: Vec<String> =
            self.batches.iter().map(|batch| format!("{:.2}", batch.proof_s)).collect();
        let (answered, settled) = (self.answered_ms(), self.settled_after_s());
        let held = self.comparisons.iter().filter(|comparison| comparison.held).count();
        vec![
            (
                "batches",
                format!(
                    "{} of {} mandates, one transaction each",
                    self.batches.len(),
                    self.batches
                        .iter()
                        .map(|batch| batch.mandates.to_string())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ),
            ("proofs", format!("{} s", proofs_s.join(", "))),
            (
                "gas a mandate",
                format!(
                    "{:.0}, against {:.0} one at a time: {:.0} times less",
                    self.gas_per_mandate(),
                    self.gas_one_at_a_time,
                    self.gas_one_at_a_time / self.gas_per_mandate()
                ),
            ),
            (
                "answered in",
                format!(
                    "{:.1} ms at the median, {:.1} ms at the 95th percentile: payment, receipt and \
                     service",
                    answered.median, answered.p95
                ),
            ),
            (
                "settled in",
                format!("{:.1} s at the median, {:.1} s at most", settled.median, settled.max),
            ),
            ("paid out", format!("{} base units, on chain as in the receipts", self.settled())),
            ("comparisons", format!("{held} of {} held", self.comparisons.len())),
        ]
    }

    /// What was objected to, given back, and made good.
    fn rows_of_recourse(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "disputed",
                self.disputes
                    .iter()
                    .map(|own| format!("{}: {} of {}", own.what, own.settled, own.paid))
                    .collect::<Vec<_>>()
                    .join("; "),
            ),
            (
                "given back",
                format!("{} of {} base units", self.refund.given_back, self.refund.paid),
            ),
            (
                "vanished",
                format!(
                    "the processor; its bond paid {} of the {} that it had promised",
                    self.vanished.paid, self.vanished.promised
                ),
            ),
        ]
    }

    /// The table.
    pub(super) fn table(&self) -> String {
        let lines: Vec<String> =
            self.rows().into_iter().map(|(name, value)| format!("{name:14} {value}")).collect();
        lines.join("\n")
    }
}
