//! `aep2 dispute show`.

use std::{path::PathBuf, process::ExitCode};

use aep2_mandate::mandate::MandateId;
use alloy::primitives::B256;
use anyhow::{Context, ensure};
use clap::Args;

use super::{
    asking::{KeyFileOptions, ProcessorOptions},
    views::whole,
};
use crate::output::Output;

/// Show a dispute, as one of its parties or its arbiter
///
/// Without a key's file it is asked with the wallet's mandate key. Evidence comes from the other party: it is
/// written to a file, never opened.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute show 0x1f…\n  \
                        aep2 dispute show 0x1f… --key-file payee.key --processor https://… --fetch 0x77… --out answer.json")]
pub(crate) struct Arguments {
    /// The mandate's id
    mandate: MandateId,

    /// Fetch the evidence of this hash too
    #[arg(long, value_name = "HASH", requires = "out")]
    fetch: Option<B256>,

    /// The new file that the evidence is written to
    #[arg(long, value_name = "FILE", requires = "fetch")]
    out: Option<PathBuf>,

    #[command(flatten)]
    key: KeyFileOptions,

    #[command(flatten)]
    processor: ProcessorOptions,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { mandate, fetch, out, key, processor } = arguments;
    let asking = processor.ask(key.read()?).await?;
    let mandate_id = mandate.to_bytes();
    let access = asking.access(Some(mandate_id))?;
    let view = asking.client.get(&access, mandate_id).await?;
    let view =
        view.with_context(|| format!("there is no dispute about {mandate} that is yours"))?;
    if let (Some(hash), Some(out)) = (fetch, out) {
        let piece = view.pieces().find(|piece| piece.hash == *hash);
        let piece = piece.with_context(|| format!("nobody signed for the evidence {hash}"))?;
        ensure!(!out.exists(), "{} is there, and is not written over", out.display());
        let bytes = asking.client.evidence(&access, mandate_id, piece).await?;
        let bytes = bytes.context("its bytes were not handed in")?;
        std::fs::write(out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
    }
    output.result(&view, || whole(&view))?;
    Ok(ExitCode::SUCCESS)
}
