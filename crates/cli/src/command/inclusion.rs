//! `aep2 inclusion`.

use std::{path::PathBuf, process::ExitCode};

use aep2_chain::{
    deployment::Deployment,
    inclusion::{NotIncluded, NotSettled, SettledTransaction},
};
use aep2_mandate::{
    inclusion::{InclusionProof, Settled},
    mandate::Mandate,
    units::Amount,
};
use alloy::{primitives::TxHash, providers::Provider};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    files,
    onchain::{block_on, deployed::DeploymentOptions, node::NodeOptions},
    output::Output,
};

/// What can be done with inclusion proofs.
#[derive(Subcommand)]
pub(crate) enum Command {
    Verify(Arguments),
}

/// Check that a mandate was settled, and for how much, against the chain
///
/// Takes what a processor gives at /v1/mandates/ID/proof, and believes none of it: what the transaction
/// settled is read from the chain, and the proof must lead from the mandate into it. Exits with 0 when
/// the mandate was settled as the file says, with 1 when the file does not show it.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    curl -s http://127.0.0.1:8402/v1/mandates/0x…/proof | aep2 inclusion verify -")]
pub(crate) struct Arguments {
    /// The proof, a JSON file; - for standard input
    proof: PathBuf,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    node: NodeOptions,
}

/// What the file must hold. It may hold more, of which nothing is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evidence {
    mandate: Mandate,
    captured: Amount,
    transaction: TxHash,
    proof: InclusionProof,
}

/// Why a file does not show that a mandate was settled.
#[derive(Debug, Error)]
enum Refused {
    /// The transaction settled no batch.
    #[error("{0}")]
    Transaction(NotSettled),
    /// The proof does not lead into the batch.
    #[error("{0}")]
    Proof(#[from] NotIncluded),
    /// It leads there with another amount.
    #[error("the file says that {said} was paid, and the chain settled {settled}")]
    OtherAmount { said: Amount, settled: Amount },
}

/// What was found out.
#[derive(Serialize)]
struct Verdict {
    valid: bool,
    reason: Option<String>,
    transaction: TxHash,
    mandate_id: Option<String>,
    captured: Option<Amount>,
    batch_id: Option<String>,
    block: Option<u64>,
    /// Blocks on top of it, itself included.
    confirmations: Option<u64>,
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    let Command::Verify(arguments) = command;
    let evidence: Evidence = files::read_json(&arguments.proof)?;
    let verdict = block_on(verify(arguments, &evidence))?;
    output.result(&verdict, || text(&verdict, &evidence))?;
    Ok(if verdict.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify(arguments: &Arguments, evidence: &Evidence) -> anyhow::Result<Verdict> {
    let node = arguments.node.connect().await?;
    let deployed = arguments.deployment.open(&node).await?;
    let wallet = deployed.wallet.id();
    let transaction = evidence.transaction;
    let read = SettledTransaction::read(&node.provider, wallet, transaction).await;
    let settled = match read {
        // The node's fault is not the file's.
        Err(NotSettled::Chain(error)) => return Err(error.into()),
        Err(error) => return Ok(refused(transaction, &Refused::Transaction(error))),
        Ok(settled) => settled,
    };
    let found = match check(&settled, &deployed.deployment, evidence) {
        Err(error) => return Ok(refused(transaction, &error)),
        Ok(found) => found,
    };
    let head = node.provider.get_block_number().await?;
    Ok(Verdict {
        valid: true,
        reason: None,
        transaction,
        mandate_id: Some(found.id.to_string()),
        captured: Some(found.captured),
        batch_id: Some(settled.batch_id.to_string()),
        block: Some(settled.block),
        confirmations: Some(head.saturating_sub(settled.block) + 1),
    })
}

fn check(
    settled: &SettledTransaction,
    deployment: &Deployment,
    evidence: &Evidence,
) -> Result<Settled, Refused> {
    let found = settled.batch.check_inclusion(deployment, &evidence.mandate, &evidence.proof)?;
    if found.captured != evidence.captured {
        let (said, settled) = (evidence.captured, found.captured);
        return Err(Refused::OtherAmount { said, settled });
    }
    Ok(found)
}

fn refused(transaction: TxHash, reason: &Refused) -> Verdict {
    Verdict {
        valid: false,
        reason: Some(reason.to_string()),
        transaction,
        mandate_id: None,
        captured: None,
        batch_id: None,
        block: None,
        confirmations: None,
    }
}

fn text(verdict: &Verdict, evidence: &Evidence) -> String {
    match (&verdict.reason, &verdict.mandate_id, verdict.block, verdict.confirmations) {
        (None, Some(id), Some(block), Some(confirmations)) => format!(
            "settled: mandate {id} of account {} paid {} base units of {} to {}\n  in transaction {}, block \
             {block}, {confirmations} deep",
            evidence.mandate.account,
            evidence.captured,
            evidence.mandate.token,
            evidence.mandate.payee,
            verdict.transaction,
        ),
        (reason, ..) => format!("NOT SHOWN: {}", reason.as_deref().unwrap_or("nothing was found")),
    }
}
