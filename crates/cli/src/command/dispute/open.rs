//! `aep2 dispute open`.

use std::{path::PathBuf, process::ExitCode};

use aep2_mandate::{
    mandate::MandateId,
    typed_data::dispute::{Dispute, Evidence, Reason},
};
use clap::{Args, ValueEnum};

use super::{asking::ProcessorOptions, attaching::EvidenceOptions, views::whole};
use crate::{command::wallet::options::now, onchain::ethereum_key, output::Output};

/// Object to a payment, as its payer
///
/// The terms that were paid by say who decides, until when a dispute can be opened, and for which reasons.
/// The payment does not settle before that. The same again is the same dispute: send it again if there was
/// no answer.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute open 0x1f… --reason service_not_delivered --text 'the answer was empty'\n  \
                        aep2 dispute open 0x1f… --reason service_defective --text 'see the file' --evidence answer.json\n  \
                        aep2 dispute open 0x1f… --reason unauthorized --text 'not mine' --owner-key owner.key --processor https://…")]
pub(crate) struct Arguments {
    /// The mandate's id, as `aep2 wallet history` has it
    mandate: MandateId,

    /// Why
    #[arg(long, value_enum)]
    reason: ReasonName,

    /// The same in words, at most 4,096 bytes. The payee and the arbiter read it
    #[arg(long, value_name = "WORDS", default_value = "")]
    text: String,

    /// Sign with the key of the account's owner in this file, instead of the wallet's mandate key
    #[arg(long, value_name = "FILE")]
    owner_key: Option<PathBuf>,

    #[command(flatten)]
    evidence: EvidenceOptions,

    #[command(flatten)]
    processor: ProcessorOptions,
}

/// What a payer may dispute, by the names in terms.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ReasonName {
    /// The same was paid for twice
    DuplicatePayment,
    /// Something else
    Other,
    /// More was captured than was agreed to
    Overcharge,
    /// What came is not what was sold
    ServiceDefective,
    /// Nothing came
    ServiceNotDelivered,
    /// The payer's key signed what its owner did not want
    Unauthorized,
}

impl From<ReasonName> for Reason {
    fn from(name: ReasonName) -> Self {
        match name {
            ReasonName::DuplicatePayment => Self::DuplicatePayment,
            ReasonName::Other => Self::Other,
            ReasonName::Overcharge => Self::Overcharge,
            ReasonName::ServiceDefective => Self::ServiceDefective,
            ReasonName::ServiceNotDelivered => Self::ServiceNotDelivered,
            ReasonName::Unauthorized => Self::Unauthorized,
        }
    }
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { mandate, reason, text, owner_key, evidence, processor } = arguments;
    super::answer::fits(text)?;
    let attached = evidence.read()?;
    let owner = owner_key.as_deref().map(|file| ethereum_key::read_file(file, None)).transpose()?;
    let asking = processor.ask(owner).await?;
    let mandate_id = mandate.to_bytes();
    // The same again has another time: what is there counts.
    let there = asking.client.get(&asking.access(Some(mandate_id))?, mandate_id).await;
    let signed = match there {
        Ok(Some(view)) if is_same(view.dispute.message(), arguments, &attached.pieces()) => {
            view.dispute
        }
        _ => asking.sign(Dispute {
            mandate_id,
            reason: (*reason).into(),
            text: text.clone(),
            evidence: attached.pieces(),
            at: now(),
        })?,
    };
    let view = asking.client.open(&signed).await?;
    let access = asking.access(Some(mandate_id))?;
    attached.hand_in(&asking.client, &access, mandate_id).await?;
    // With what was handed in.
    let view = asking.client.get(&access, mandate_id).await?.unwrap_or(view);
    output.result(&view, || whole(&view))?;
    Ok(ExitCode::SUCCESS)
}

fn is_same(there: &Dispute, arguments: &Arguments, pieces: &[Evidence]) -> bool {
    there.reason == arguments.reason.into()
        && there.text == arguments.text
        && there.evidence == pieces
}
