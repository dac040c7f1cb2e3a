//! `aep2 ceremony verify`.

use std::{path::PathBuf, process::ExitCode};

use aep2_ceremony::{
    CeremonyError,
    contribution::{Contribution, Source},
    verify::{Verified, continues},
    zkey::Zkey,
};
use clap::Args;
use serde_json::{Value, json};

use super::{
    opened::{Opened, Options},
    powers::{described, to_json},
    progress::Steps,
};
use crate::{
    command,
    output::{Output, hex},
};

/// Verify a state of a ceremony from files alone: powers of τ, beginning, every contribution
///
/// Exits with 0 when it holds, with 1 when not.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The state: a .zkey
    state: PathBuf,

    #[command(flatten)]
    ceremony: Options,

    /// Check besides that it has all contributions of this earlier state
    #[arg(long, value_name = "FILE")]
    after: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { state, ceremony, after } = arguments;
    let opened = ceremony.open(output)?;
    let bar = Steps::new(output);
    let verified = command::threads(ceremony.threads)?.install(|| {
        let verified = opened.verify(state, &bar)?;
        if let Some(before) = after {
            continues(&Zkey::open(before)?, verified.zkey())?;
        }
        Ok(verified)
    });
    bar.finish();
    match verified {
        Ok(verified) => show(&opened, &verified, output),
        // That a file cannot be read says nothing about the ceremony.
        Err(error @ CeremonyError::Io { .. }) => Err(error.into()),
        Err(error) => {
            let result = json!({ "valid": false, "reason": error.to_string() });
            output.result(&result, || format!("INVALID: {error}"))?;
            Ok(ExitCode::from(1))
        }
    }
}

fn show(opened: &Opened, verified: &Verified, output: &Output) -> anyhow::Result<ExitCode> {
    let chain = &verified.zkey().chain;
    let listed: Vec<Value> = chain.contributions.iter().map(listed).collect();
    let result = json!({
        "valid": true,
        "circuitHash": hex(&chain.circuit_hash),
        "planHash": hex(&opened.plan.hash()),
        "powersOfTau": to_json(&opened.ptau),
        "closed": chain.is_closed(),
        "contributions": listed,
    });
    output.result(&result, || {
        let mut lines = vec![
            format!("valid: {} contributions", chain.contributions.len()),
            format!("plan          {}", hex(&opened.plan.hash())),
            format!("powers of τ   {}", described(&opened.ptau)),
        ];
        for (index, own) in chain.contributions.iter().enumerate() {
            let who = match &own.source {
                Source::Beacon { .. } if index == 0 => "the plan".to_owned(),
                Source::Beacon { value, .. } => format!("beacon {}", hex(value)),
                // Whoever wrote the name may have wanted to write on this terminal.
                Source::Person => own.name.as_deref().unwrap_or("").escape_debug().to_string(),
            };
            lines.push(format!("{:4}  {who}\n      {}", index + 1, hex(&own.hash())));
        }
        lines.push("Names are claims: compare the hashes with what contributors published.".into());
        lines.join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn listed(own: &Contribution) -> Value {
    let beacon = match &own.source {
        Source::Person => None,
        Source::Beacon { value, exponent } => {
            Some(json!({ "value": hex(value), "exponent": exponent }))
        }
    };
    json!({ "hash": hex(&own.hash()), "name": own.name, "beacon": beacon })
}
