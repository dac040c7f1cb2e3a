//! What a card may do, as owners write it.

use std::{collections::BTreeSet, path::PathBuf};

use aep2_cards::{
    host::Host,
    per_token::PerToken,
    restrictions::{Restrictions, Tool},
};
use aep2_mandate::units::{Amount, UnixTime};
use alloy::primitives::Address;
use anyhow::Context;
use clap::Args;

use super::{limits::LimitOptions, money::units};
use crate::{
    files::read_json,
    onchain::{
        amount::{Decimal, TokenInfo},
        time_span::TimeSpan,
    },
};

/// What a card may do. What is not said stays, and at first allows anything.
#[derive(Args)]
pub(super) struct RestrictionOptions {
    /// Begin with the restrictions in this file (JSON, `-` for standard input), and put what else is given
    /// on top of them
    #[arg(long, value_name = "FILE")]
    restrictions: Option<PathBuf>,

    /// The most for one payment, in tokens
    #[arg(long, value_name = "TOKENS")]
    per_payment: Option<Decimal>,

    #[command(flatten)]
    limits: LimitOptions,

    /// Ask the owner for each payment above this, in tokens
    #[arg(long, value_name = "TOKENS")]
    approve_above: Option<Decimal>,

    /// Buy at this host only, with its port where it is not the scheme's own; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<Host>,

    /// Pay this payee only; may be repeated
    #[arg(long = "payee", value_name = "ADDRESS")]
    payees: Vec<Address>,

    /// Call this tool of an MCP server only, or any tool of a server; may be repeated
    #[arg(long = "tool", value_name = "SERVER[/TOOL]", value_parser = tool)]
    tools: Vec<Tool>,

    /// So many payments in all; 1 is single use
    #[arg(long, value_name = "N")]
    payments: Option<u32>,

    /// So many payments a minute
    #[arg(long, value_name = "N")]
    rate: Option<u32>,

    /// Until then: 24h, 30d
    #[arg(long, value_name = "SPAN")]
    expires: Option<TimeSpan>,

    /// Fixed prices only: no ceilings of which payees take a part
    #[arg(long)]
    fixed_prices: bool,
}

fn tool(text: &str) -> Result<Tool, String> {
    let (server, tool) = match text.split_once('/') {
        Some((server, tool)) => (server, Some(tool)),
        None => (text, None),
    };
    if server.is_empty() || tool.is_some_and(str::is_empty) {
        return Err("a tool is written as SERVER/TOOL, or SERVER for any".to_owned());
    }
    Ok(Tool { server: server.to_owned(), tool: tool.map(ToOwned::to_owned) })
}

impl RestrictionOptions {
    /// Whether anything is given that needs to be known in base units.
    pub(super) fn has_amounts(&self) -> bool {
        self.per_payment.is_some() || self.approve_above.is_some() || self.limits.is_given()
    }

    /// Whether anything is given.
    pub(super) fn is_given(&self) -> bool {
        self.has_amounts()
            || self.restrictions.is_some()
            || !self.hosts.is_empty()
            || !self.payees.is_empty()
            || !self.tools.is_empty()
            || self.payments.is_some()
            || self.rate.is_some()
            || self.expires.is_some()
            || self.fixed_prices
    }

    /// The restrictions, where there were `before`. Amounts are in `token`.
    pub(super) fn apply(
        &self,
        before: Restrictions,
        token: Option<&TokenInfo>,
        now: UnixTime,
    ) -> anyhow::Result<Restrictions> {
        let mut own = match &self.restrictions {
            Some(file) => read_json(file)?,
            None => before,
        };
        if let Some(token) = token {
            set(&mut own.per_payment, self.per_payment.as_ref(), token)?;
            set(&mut own.approve_above, self.approve_above.as_ref(), token)?;
            if self.limits.is_given() {
                self.limits.apply(own.budgets.get_or_insert_default(), token)?;
            }
        }
        replace(&mut own.hosts, &self.hosts);
        replace(&mut own.payees, &self.payees);
        replace(&mut own.tools, &self.tools);
        own.payments = self.payments.or(own.payments);
        own.rate = self.rate.or(own.rate);
        if let Some(span) = self.expires {
            let expires = now.checked_add(span.seconds);
            own.expires = Some(expires.context("--expires: so far nobody counts")?);
        }
        if self.fixed_prices {
            own.metered = Some(false);
        }
        Ok(own)
    }
}

/// Sets one token's amount.
fn set(
    amounts: &mut Option<PerToken>,
    given: Option<&Decimal>,
    token: &TokenInfo,
) -> anyhow::Result<()> {
    let Some(given) = given else { return Ok(()) };
    let amount: Amount = units(given, token)?;
    let others = amounts.take().unwrap_or_default();
    let others: Vec<_> = others.iter().filter(|(own, _)| *own != token.address).collect();
    *amounts = Some(others.into_iter().chain([(token.address, amount)]).collect());
    Ok(())
}

fn replace<T: Clone + Ord>(list: &mut Option<BTreeSet<T>>, given: &[T]) {
    if !given.is_empty() {
        *list = Some(given.iter().cloned().collect());
    }
}
