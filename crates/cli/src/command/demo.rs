//! `aep2 demo`.

use std::{process::ExitCode, time::Duration};

use aep2_circuits::Shape;
use aep2_mandate::units::{Amount, UnixTime};
use aep2_prover::{
    progress::Stage,
    proven::Refused,
    prover::{Entropy, Prover},
    sample,
    window::{ValidWindow, Window, WindowError},
};
use anyhow::{Context, ensure};
use clap::Args;
use rand::rngs::OsRng;
use serde::Serialize;

use super::sample::tomorrow;
use crate::output::{Output, count, timed};

/// Show the whole way on real input: signed mandates, witness, proof, verified
///
/// Agents sign chains of payments; a window of them is proved; the proof is verified, each mandate
/// is shown to be in it, and a list of cheats is refused. Exits with 0 only if all of that held.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shape of the window
    #[arg(long, default_value_t = Shape::CHAINS_SMALL.with_capture())]
    shape: Shape,
}

/// What was shown.
#[derive(Serialize)]
struct Shown {
    shape: String,
    agents: usize,
    mandates: usize,
    debits: usize,
    payouts: usize,
    total_base_units: String,
    sign_s: f64,
    validate_s: f64,
    setup_s: f64,
    witness_s: f64,
    prove_s: f64,
    verify_ms: f64,
    mandates_per_s: f64,
    inclusion_proofs: usize,
    refused: Vec<Refusal>,
}

#[derive(Serialize)]
struct Refusal {
    cheat: &'static str,
    reason: String,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let shape = arguments.shape;
    let (agents, mandates) = (shape.lanes(), shape.mandates_max());
    let valid_until = tomorrow()?;

    output.note(format!(
        "{} sign {}, each agent one chain …",
        count(agents, "agent"),
        count(mandates, "payment")
    ));
    let (window, sign) = timed(|| sample::window(shape, valid_until, &mut OsRng));
    let total: u128 = window.mandates.iter().map(|entry| entry.captured().get()).sum();
    output.note(format!("  signed in {}", seconds(sign)));

    let handed_in = window.clone();
    let (valid, validate) = timed(|| window.validate(&mut OsRng));
    let valid = valid?;
    output.note(format!("  all signatures checked, chains found, in {}", seconds(validate)));

    output.note(format!("A development key for shape {shape} …"));
    let bar = output.bar(&Stage::SETUP);
    let (prover, setup) = timed(|| Prover::set_up(shape, &Entropy::Fresh, &bar));
    bar.finish();
    let prover = prover?;
    output.note(format!("  made in {}", seconds(setup)));

    output.note("One proof for all of them …");
    let bar = output.bar(&Stage::PROVE);
    let (proved, took) = timed(|| prover.prove(&valid, &mut OsRng, &bar));
    bar.finish();
    let (proven, batch, timings) = proved?;
    output.note(format!("  proved in {}", seconds(took)));

    let (verdict, verify) = timed(|| proven.verify(prover.verifying_key()));
    verdict.context("the proof of an honest window must hold")?;
    let settlement = &proven.settlement;
    let paid: u128 = settlement.payouts.iter().map(|payout| payout.amount).sum();
    ensure!(paid == total, "the payouts come to {paid}, the captured amounts to {total}");

    for index in 0..mandates {
        let entry = &valid.window().mandates[index];
        let settled = batch
            .inclusion_proof(&valid, index)
            .verify(&entry.signed.mandate, valid.domain(), proven.commitment)
            .with_context(|| format!("mandate {index} must be shown to be settled"))?;
        ensure!(settled.captured == entry.captured(), "mandate {index} settles another amount");
    }
    output.note("  verified, and each mandate shown to be in it");

    output.note("Cheats …");
    let mut refused = refused_windows(&handed_in, &valid)?;
    let mut cheat = |cheat, change: fn(&mut aep2_prover::proven::Proven)| {
        let mut altered = proven.clone();
        change(&mut altered);
        match altered.verify(prover.verifying_key()) {
            Err(reason @ (Refused::Proof | Refused::Rule(_))) => {
                refused.push(Refusal { cheat, reason: reason.to_string() });
                Ok(())
            }
            verdict => anyhow::bail!("{cheat}: not refused as it must be ({verdict:?})"),
        }
    };
    cheat("a payout moved to another payee", |own| {
        own.settlement.payouts[0].amount += 1;
        own.settlement.payouts[1].amount -= 1;
    })?;
    cheat("a payout raised", |own| own.settlement.payouts[0].amount += 1)?;
    cheat("a debit moved to another account", |own| own.settlement.debits[0].account += 1_000)?;
    cheat("a mandate settled on another chain", |own| own.settlement.domain += own.commitment)?;
    for Refusal { cheat, reason } in &refused {
        output.note(format!("  {cheat}: refused, {reason}"));
    }

    let shown = Shown {
        shape: shape.to_string(),
        agents,
        mandates,
        debits: settlement.debits.len(),
        payouts: settlement.payouts.len(),
        total_base_units: total.to_string(),
        sign_s: sign.as_secs_f64(),
        validate_s: validate.as_secs_f64(),
        setup_s: setup.as_secs_f64(),
        witness_s: timings.witness.as_secs_f64(),
        prove_s: took.as_secs_f64(),
        verify_ms: verify.as_secs_f64() * 1e3,
        mandates_per_s: mandates as f64 / took.as_secs_f64(),
        inclusion_proofs: mandates,
        refused,
    };
    output.result(&shown, || table(&shown))?;
    Ok(ExitCode::SUCCESS)
}

/// Windows that are refused before anything is proved.
fn refused_windows(honest: &Window, valid: &ValidWindow) -> anyhow::Result<Vec<Refusal>> {
    let mut refused = Vec::new();
    let mut cheat = |cheat, change: fn(&mut Window)| {
        let mut window = honest.clone();
        change(&mut window);
        match window.validate(&mut OsRng) {
            Err(reason) => {
                refused.push(Refusal { cheat, reason: reason.to_string() });
                Ok(reason)
            }
            Ok(_) => anyhow::bail!("{cheat}: was not refused"),
        }
    };
    let forged = cheat("a forged signature", |window| {
        window.mandates[1].signed.signature = window.mandates[0].signed.signature;
    })?;
    let place = |index: usize| (index, valid.ids()[index]);
    ensure!(
        matches!(&forged, WindowError::BadSignature { place: at } if (at.index, at.id) == place(1)),
        "the wrong mandate is named: {forged}"
    );
    cheat("a mandate replayed", |window| {
        let again = window.mandates[0].clone();
        window.mandates.push(again);
    })?;
    cheat("more captured than allowed", |window| {
        let ceiling = window.mandates[0].signed.mandate.amount.amount();
        window.mandates[0].captured = Amount::new(ceiling.get() + 1).ok();
    })?;
    cheat("an expired mandate", |window| {
        window.valid_until = UnixTime::MAX;
    })?;
    Ok(refused)
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

fn table(shown: &Shown) -> String {
    let rows = [
        (
            "signed",
            format!(
                "{} by {}, shape {}",
                count(shown.mandates, "mandate"),
                count(shown.agents, "agent"),
                shown.shape
            ),
        ),
        (
            "settled as",
            format!("{} and {}", count(shown.debits, "debit"), count(shown.payouts, "payout")),
        ),
        ("total", format!("{} base units, captured and paid out alike", shown.total_base_units)),
        ("witness", format!("{:.3} s", shown.witness_s)),
        ("proof", format!("{:.2} s, {:.0} mandates a second", shown.prove_s, shown.mandates_per_s)),
        ("verified in", format!("{:.2} ms", shown.verify_ms)),
        ("inclusion", format!("{}, all hold", count(shown.inclusion_proofs, "proof"))),
        ("cheats", format!("{} tried, {0} refused", shown.refused.len())),
    ];
    let lines: Vec<String> =
        rows.iter().map(|(name, value)| format!("{name:12} {value}")).collect();
    format!("\n{}", lines.join("\n"))
}
