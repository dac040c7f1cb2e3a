//! `aep2 bench settle`.

use std::process::ExitCode;

use aep2_benches::settling::{self, Figures, Scale, Watch};
use aep2_circuits::Shape;
use aep2_prover::progress::{Progress, Stage};
use clap::Args;

use super::rows;
use crate::{
    files::Keys,
    onchain::block_on,
    output::{Bar, Output, count},
};

/// Measure what settling costs on chain, in gas
///
/// On an embedded chain, with real proofs, in the steady state: accounts, nonce words and payees have
/// settled before. Beside it the same payments settled one at a time. Keys are taken from the folder
/// of keys, or made for the run.
#[derive(Args)]
#[command(
    after_help = "Example:\n  aep2 bench settle --mandates 1024 --accounts 64 --payees 32 --json\n  \
                  aep2 bench settle --mandates 16384 --segments 16 --json"
)]
pub(crate) struct Arguments {
    /// Mandates in the batch
    #[arg(long, value_name = "N", default_value_t = Scale::TARGET.mandates)]
    mandates: usize,

    /// Accounts that sign them
    #[arg(long, value_name = "N", default_value_t = Scale::TARGET.accounts)]
    accounts: usize,

    /// Payees that they pay
    #[arg(long, value_name = "N", default_value_t = Scale::TARGET.payees)]
    payees: usize,

    /// Segments to prove the batch in, each with a proof of its own
    #[arg(long, value_name = "K", default_value_t = Scale::TARGET.segments)]
    segments: usize,

    /// The shape to prove the batch in [default: the smallest named one whose segments hold it; where none
    /// does, one made for it]
    #[arg(long)]
    shape: Option<Shape>,

    /// A small batch, in a minute: 16 mandates of 4 accounts to 4 payees
    #[arg(long, conflicts_with_all = ["mandates", "accounts", "payees", "segments"])]
    quick: bool,

    /// Use at most so many threads
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { mandates, accounts, payees, segments, shape, quick, threads, keys } = arguments;
    let scale = if *quick {
        Scale { mandates: 16, accounts: 4, payees: 4, segments: 1 }
    } else {
        let (mandates, accounts) = (*mandates, *accounts);
        Scale { mandates, accounts, payees: *payees, segments: *segments }
    };
    let watch = Watcher(output.bar(&Stage::SETUP_AND_PROVE));
    let measured = super::threads(*threads)?
        .install(|| block_on(settling::measure(scale, *shape, &keys.folder, &watch)));
    watch.0.finish();
    let figures = measured?;
    output.result(&figures, || table(&figures))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows each step above the bar of the proof under way.
struct Watcher(Bar);

impl Progress for Watcher {
    fn stage(&self, stage: Stage, done: u64, total: u64) {
        self.0.stage(stage, done, total);
    }

    fn segment(&self, index: usize, total: usize) {
        self.0.segment(index, total);
    }
}

impl Watch for Watcher {
    fn step(&self, text: &str) {
        self.0.step(text);
    }
}

fn table(figures: &Figures) -> String {
    let (worst, alone) = (&figures.worst_case, &figures.one_at_a_time);
    let (segment, second) = (figures.gas_per_segment, figures.gas_second_segment);
    let mvp = figures.published_mvp;
    let mut lines = vec![
        (
            "batch",
            format!(
                "{} as {} and {}, {} of {}, {} bytes",
                count(figures.scale.mandates, "mandate"),
                count(figures.debits, "debit"),
                count(figures.payouts, "payout"),
                count(figures.segments, "segment"),
                figures.shape,
                figures.calldata_bytes
            ),
        ),
        ("gas", format!("{}, {:.0} a mandate", figures.gas_total, figures.gas_per_mandate)),
        ("  fixed", format!("{}, of one segment", figures.gas_fixed)),
        ("  segment", format!("{segment}; {second} for the second one")),
        (
            "  debit",
            format!(
                "{}; {} in a fresh word",
                figures.gas_per_debit, figures.gas_per_debit_fresh_word
            ),
        ),
        (
            "  payout",
            format!(
                "{}; {} to a fresh payee",
                figures.gas_per_payout, figures.gas_per_payout_fresh_payee
            ),
        ),
        (
            "worst case",
            format!(
                "{:.0} a mandate, {} each of another account",
                worst.gas_per_mandate,
                count(worst.mandates, "mandate")
            ),
        ),
        (
            "one at a time",
            format!(
                "{:.0} a mandate, {:.0} to a fresh payee: {:.1} times the batch",
                alone.gas_per_mandate, alone.gas_per_mandate_fresh_payee, alone.times_a_batch
            ),
        ),
        (
            "  batched",
            format!(
                "{:.0} a mandate, up to {} a transaction, without a proof",
                alone.batched.gas_per_mandate, alone.batched.mandates_per_transaction_max
            ),
        ),
        (
            "published MVP",
            format!("{} a mandate, {} to a fresh payee", mvp.settle, mvp.settle_fresh_payee),
        ),
    ];
    for target in &figures.targets {
        let met = if target.met { "met" } else { "NOT MET" };
        lines.push(("target", format!("{} ≤ {}: {met}", target.what, target.gas_max)));
    }
    rows(&lines)
}
