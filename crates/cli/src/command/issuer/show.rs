//! How cards, limits and outstanding payments are shown.

use std::collections::BTreeSet;

use aep2_cards::{
    per_token::PerToken,
    restrictions::{Period, Restrictions},
};
use aep2_issuer::records::{CardRecord, CardState, HolderRecord, Limit};
use aep2_mandate::units::UnixTime;
use alloy::primitives::Address;
use serde_json::Value;

use super::{
    limits::period_name,
    money::Money,
    views::{Card, LimitUse},
};
use crate::{command::rows, onchain::time_span::relative, output::count};

/// The tokens that a card's restrictions and limits are in.
pub(super) fn tokens_of(restrictions: &Restrictions) -> BTreeSet<Address> {
    let amounts = restrictions.per_payment.iter().chain(&restrictions.approve_above);
    let amounts = amounts.flat_map(PerToken::iter).map(|(token, _)| token);
    amounts.chain(restrictions.budgets.iter().flatten().map(|limit| limit.token)).collect()
}

/// A card of which nothing is used.
pub(super) fn new_card(card: &CardRecord, money: &Money, now: UnixTime) -> String {
    let limits = card.restrictions.budgets.iter().flatten();
    let limits = limits.map(|limit| LimitUse { limit: limit.clone(), used: "0".to_owned() });
    let report = Card { card: card.clone(), limits: limits.collect(), payments: "0".to_owned() };
    self::card(&report, money, now)
}

/// A card, all that is known of it.
pub(super) fn card(report: &Card, money: &Money, now: UnixTime) -> String {
    let Card { card, limits, payments } = report;
    let state = match card.state {
        CardState::Active => "active",
        CardState::Frozen => "frozen",
        CardState::Revoked => "revoked",
    };
    let holder = match &card.holder {
        HolderRecord::Key(key) => key.to_string(),
        HolderRecord::Bearer => "whoever has it".to_owned(),
    };
    let mut lines = vec![
        ("card", format!("{} ({})", card.name, card.id)),
        ("state", state.to_owned()),
        ("holder", holder),
        ("wallet", card.wallet.to_string()),
    ];
    lines.extend(card.budget.map(|budget| ("budget", budget.to_string())));
    lines.extend(limits.iter().map(|limit| ("limit", used(limit, money))));
    let most = card.restrictions.payments.map_or(String::new(), |most| format!(" of {most}"));
    lines.push(("payments", format!("{payments}{most}")));
    lines.extend(
        card.subscription.map(|own| ("subscription", format!("once {}", period_name(own.period)))),
    );
    lines.extend(restrictions(&card.restrictions, money, now));
    rows(&lines)
}

/// What one payment of a card may be.
fn restrictions(
    own: &Restrictions,
    money: &Money,
    now: UnixTime,
) -> impl Iterator<Item = (&'static str, String)> {
    let amounts = |amounts: &PerToken| {
        list(amounts.iter().map(|(token, amount)| money.show(token, amount.get())))
    };
    let hours = |hours: &aep2_cards::hours::Hours| serde_json::to_string(hours).unwrap_or_default();
    let all = [
        ("per payment", own.per_payment.as_ref().map(amounts)),
        ("you decide", own.approve_above.as_ref().map(|own| format!("above {}", amounts(own)))),
        ("hosts", own.hosts.as_ref().map(|own| list(own.iter().map(ToString::to_string)))),
        ("payees", own.payees.as_ref().map(|own| list(own.iter().map(ToString::to_string)))),
        ("tools", own.tools.as_ref().map(|own| list(own.iter().map(tool)))),
        ("tokens", own.tokens.as_ref().map(|own| list(own.iter().map(ToString::to_string)))),
        ("rate", own.rate.map(|rate| format!("{rate} a minute"))),
        ("prices", (own.metered == Some(false)).then(|| "fixed ones only".to_owned())),
        ("hours", own.hours.as_ref().map(|own| list(own.iter().map(hours)))),
        ("from", own.not_before.map(|from| relative(from, now))),
        ("expires", own.expires.map(|expires| relative(expires, now))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// Names, or that there are none: an empty list allows nothing.
fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn tool(tool: &aep2_cards::restrictions::Tool) -> String {
    match &tool.tool {
        Some(name) => format!("{}/{name}", tool.server),
        None => format!("{}/*", tool.server),
    }
}

/// A limit, and how much of it is used.
pub(super) fn used(LimitUse { limit, used }: &LimitUse, money: &Money) -> String {
    let used = money.show(limit.token, used.parse().unwrap_or_default());
    format!("{used} used of {}", limit_text(limit, money))
}

/// A limit.
pub(super) fn limit_text(limit: &Limit, money: &Money) -> String {
    let Limit { token, amount, period, host, payee } = limit;
    let at = host.as_ref().map_or(String::new(), |host| format!(" at {host}"));
    let to = payee.map_or(String::new(), |payee| format!(" to {payee}"));
    let per = match period {
        Period::Total => "in all",
        period => period_name(*period),
    };
    format!("{} {per}{at}{to}", money.show(*token, amount.get()))
}

/// What was signed and may still be settled.
pub(super) fn outstanding(answer: &Value) -> String {
    let payments = answer["outstanding"].as_array().map_or(0, Vec::len);
    match payments {
        0 => "nothing that was signed before is left".to_owned(),
        many => format!(
            "{} that {} signed before may still be settled (`aep2 issuer payments`)",
            count(many, "payment"),
            if many == 1 { "was" } else { "were" }
        ),
    }
}

/// An agent's words, so that the terminal shows them and obeys none.
pub(super) fn printable(words: &str) -> String {
    let bidirectional = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    words.chars().map(|c| if c.is_control() || bidirectional(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_words_do_not_drive_the_owners_terminal() {
        let words = "books\u{1b}[2K\rto     0xgood\n\u{202e}evil";
        let shown = printable(words);
        assert!(!shown.contains(['\u{1b}', '\r', '\n', '\u{202e}']), "{shown:?}");
        assert!(shown.starts_with("books") && shown.ends_with("evil"), "{shown:?}");
    }
}
