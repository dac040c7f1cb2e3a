//! `aep2 dispute answer`.

use std::process::ExitCode;

use aep2_arbiter::due_to_payee;
use aep2_mandate::{
    mandate::MandateId,
    typed_data::{
        TypedData,
        dispute::{DisputeAnswer, TEXT_BYTES_MAX},
        keyed::AnySigned,
    },
    units::Amount,
};
use anyhow::{Context, bail, ensure};
use clap::Args;

use super::{
    asking::{KeyFileOptions, ProcessorOptions},
    attaching::EvidenceOptions,
    views::whole,
};
use crate::{command::wallet::options::now, output::Output};

/// Answer a dispute, as its payee
///
/// An answer stands: there is no second one. Asking for less than is due gives the rest up, and asking for 0
/// gives everything back. What silence means is in the terms.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute answer 0x1f… --captured 0 --key-file payee.key --processor https://…\n  \
                        aep2 dispute answer 0x1f… --whole --text 'delivered, see the log' --evidence log.txt \
                        --key-file payee.key --processor https://…")]
pub(crate) struct Arguments {
    /// The mandate's id
    mandate: MandateId,

    /// What you say that you are owed, in base units of the token; 0 gives everything back
    #[arg(long, value_name = "N", required_unless_present = "whole")]
    captured: Option<Amount>,

    /// You say that you are owed all that is due
    #[arg(long, conflicts_with = "captured")]
    whole: bool,

    /// The same in words, at most 4,096 bytes. The payer and the arbiter read it
    #[arg(long, value_name = "WORDS", default_value = "")]
    text: String,

    #[command(flatten)]
    evidence: EvidenceOptions,

    #[command(flatten)]
    key: KeyFileOptions,

    #[command(flatten)]
    processor: ProcessorOptions,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { mandate, captured, text, evidence, key, processor, .. } = arguments;
    fits(text)?;
    let attached = evidence.read()?;
    let key = key.load()?;
    let payee = key.address();
    let asking = processor.ask_with(key).await?;
    let mandate_id = mandate.to_bytes();
    let view = asking.client.get(&asking.access(Some(mandate_id))?, mandate_id).await?;
    let view =
        view.with_context(|| format!("there is no dispute about {mandate} that is yours"))?;
    // Not `view.due`: whoever signs for less than is due gives up the rest.
    let due = due_to_payee(&view, asking.venue, mandate_id)
        .context("what the processor shows is not what it should be, and is not answered")?;
    ensure!(view.mandate.mandate.payee == payee, "the payee of {mandate} is somebody else's key");
    let captured = captured.unwrap_or(due);
    ensure!(captured <= due, "no more than {due} is due: ask for that, or for less");
    let answer = DisputeAnswer {
        dispute: view.dispute.message().struct_hash(),
        captured,
        text: text.clone(),
        evidence: attached.pieces(),
        at: now(),
    };
    // The same again has another time: what is there counts.
    let is_same =
        |there: &DisputeAnswer| DisputeAnswer { at: there.at, ..answer.clone() } == *there;
    let signed = match view.answer {
        Some(there) if is_same(&there.message) => there,
        _ => match asking.sign(answer)? {
            AnySigned::ByAddress(signed) => signed,
            AnySigned::ByKey(_) => bail!("a payee answers with an Ethereum key"),
        },
    };
    let view = asking.client.answer(mandate_id, &signed).await?;
    let access = asking.access(Some(mandate_id))?;
    attached.hand_in(&asking.client, &access, mandate_id).await?;
    // With what was handed in.
    let view = asking.client.get(&access, mandate_id).await?.unwrap_or(view);
    output.result(&view, || whole(&view))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether words are short enough to be signed.
pub(super) fn fits(text: &str) -> anyhow::Result<()> {
    ensure!(text.len() <= TEXT_BYTES_MAX, "the text has more than {TEXT_BYTES_MAX} bytes");
    Ok(())
}
