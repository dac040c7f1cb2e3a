//! `aep2 dispute rule`.

use std::process::ExitCode;

use aep2_arbiter::{check, evidence_hash};
use aep2_mandate::{
    mandate::MandateId,
    typed_data::{Signed, ruling::Ruling},
    units::Amount,
};
use alloy::primitives::Address;
use anyhow::{Context, ensure};
use clap::Args;

use super::{
    asking::{KeyFileOptions, ProcessorOptions},
    views::whole,
};
use crate::{command::wallet::options::now, output::Output};

/// Rule on a dispute by hand, as its arbiter: sign a ruling, and hand it in
///
/// For arbiters without a program. What the processor shows is checked first, as `aep2 dispute-processor`
/// checks it; whether the payer is who the processor says is for you to find out. A ruling cannot be taken
/// back, and there is no second one.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        aep2 dispute rule --mandate 0x1f… --captured 0 --key-file arbiter.key --processor https://…")]
pub(crate) struct Arguments {
    /// The mandate's id
    #[arg(long, value_name = "ID")]
    mandate: MandateId,

    /// What the payee gets, in base units of the token: at most what is owed
    #[arg(long, value_name = "N")]
    captured: Amount,

    /// The processor has to have this address
    #[arg(long, value_name = "ADDRESS")]
    processor_address: Option<Address>,

    #[command(flatten)]
    key: KeyFileOptions,

    #[command(flatten)]
    processor: ProcessorOptions,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { mandate, captured, processor_address, key, processor } = arguments;
    let key = key.load()?;
    let asking = processor.ask_with(key.clone()).await?;
    let (venue, mandate_id) = (asking.venue, mandate.to_bytes());
    let expected = processor_address.unwrap_or(venue.processor);
    ensure!(expected == venue.processor, "the processor there is {}", venue.processor);
    let view = asking.client.get(&asking.access(Some(mandate_id))?, mandate_id).await?;
    let view = view.with_context(|| format!("there is no dispute about {mandate} for this key"))?;
    ensure!(view.mandate_id.0 == mandate_id, "the processor shows another dispute");
    let checked = check(&view, venue, key.address(), now())
        .context("what the processor shows is not what it should be, and is not ruled on")?;
    ensure!(
        *captured <= checked.owed,
        "the payee gets {} at most: a ruling lowers what is owed, and never raises it",
        checked.owed
    );
    let evidence = evidence_hash(checked.dispute, checked.answer);
    let ruling = Ruling { mandate_id, captured: *captured, evidence, at: now() };
    // The same again has another time: what is there counts.
    let is_same = |there: &Ruling| Ruling { at: there.at, ..ruling } == *there;
    let domain = venue.typed_data_domain();
    let signed = match view.ruling {
        Some(there) if is_same(&there.message) => there,
        _ => Signed::sign(ruling, &key, &domain)?,
    };
    let view = asking.client.rule(&signed).await?;
    output.result(&view, || whole(&view))?;
    Ok(ExitCode::SUCCESS)
}
