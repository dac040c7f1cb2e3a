//! How things look: an approval, a card, a budget, a wallet, payments.

use aep2_cards::{
    per_token::PerToken,
    restrictions::{Restrictions, Tool},
};
use aep2_mandate::units::UnixTime;
use aep2_page::layout::key;
use maud::{Markup, html};

use crate::{
    ids::CardId,
    owners::{BudgetReport, CardReport, LimitReport},
    period::{Period, Zone},
    records::{
        ApprovalReason, ApprovalRecord, ApprovalState, CardState, HolderRecord, PaymentRecord,
        PaymentState, WalletRecord,
    },
};

/// A request to decide, or what was decided.
pub(super) fn approval(approval: &ApprovalRecord, card: Option<&str>, zone: &Zone) -> Markup {
    let why = match approval.reason {
        ApprovalReason::Amount => "above what the card may pay without you",
        ApprovalReason::UnknownPayee => {
            "the card is limited to hosts, and nobody has said who is paid at this one; if you agree, \
             this payee is the host's from now on"
        }
    };
    html! {
        article .ask data-approval=(approval.id) {
            p .lead {
                strong { (card.unwrap_or("A card")) } " wants to pay "
                strong { (approval.amount) } " at "
                strong { (approval.host) }
            }
            dl {
                dt { "What" } dd .wrap { code { (approval.method) } " " code { (approval.resource) } }
                // In full: what is cut short can be made to look like something else.
                dt { "To" } dd { code { (approval.payee) } }
                dt { "Token" } dd { code { (approval.token) } ", amounts in its base units" }
                @if let Some(purpose) = &approval.purpose {
                    dt { "The agent says" } dd { q { (purpose) } }
                }
                dt { "Why you are asked" } dd { (why) }
                dt { "Until" } dd { (time(zone, approval.expires)) }
            }
            @if approval.state == ApprovalState::Waiting {
                form method="post" action={ "/approvals/" (approval.id) } {
                    (key())
                    button .main type="submit" name="do" value="approve" { "Agree to this payment" }
                    button type="submit" name="do" value="refuse" { "Refuse" }
                }
            } @else {
                p .state { (decided(approval.state)) }
            }
        }
    }
}

fn decided(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "It waits for you.",
        ApprovalState::Approved => "You agreed. The agent can ask for the payment now.",
        ApprovalState::Refused => "You refused.",
        ApprovalState::Used => "You agreed, and the payment was issued.",
    }
}

/// A card, its limits as bars.
pub(super) fn card(
    report: &CardReport,
    wallets: &[WalletRecord],
    budgets: &[BudgetReport],
) -> Markup {
    let card = &report.card;
    let wallet = wallets.iter().find(|wallet| wallet.id == card.wallet);
    let shared = budgets.iter().find(|one| Some(one.budget.id) == card.budget);
    let (state, says) = match card.state {
        CardState::Active => ("active", "active"),
        CardState::Frozen => ("frozen", "frozen"),
        CardState::Revoked => ("revoked", "revoked"),
    };
    html! {
        article .card .(state) data-card=(card.id) {
            h3 { (card.name) " " span .badge .(state) { (says) } }
            p .id { code { (card.id) } }
            @for limit in &report.limits { (bar(limit)) }
            dl {
                dt { "Pays from" } dd { (wallet.map_or("—", |wallet| &wallet.name)) }
                @if let Some(shared) = shared { dt { "Shares" } dd { (shared.budget.name) } }
                dt { "Payments" } dd { (report.payments) }
                dt { "Held by" } dd { (holder(&card.holder)) }
                (rules(&card.restrictions))
            }
            @if card.state != CardState::Revoked {
                form method="post" action={ "/cards/" (card.id) } {
                    (key())
                    @if card.state == CardState::Active {
                        button type="submit" name="do" value="freeze" { "Freeze" }
                    } @else {
                        button .main type="submit" name="do" value="unfreeze" { "Use again" }
                    }
                    button .danger type="submit" name="do" value="revoke"
                        data-confirm="Revoke this card for good?" { "Revoke" }
                }
            }
        }
    }
}

fn holder(holder: &HolderRecord) -> String {
    match holder {
        HolderRecord::Key(key) => {
            let key = key.to_string();
            format!("the key {}…", &key[..12])
        }
        HolderRecord::Bearer => "whoever has it".to_owned(),
    }
}

/// What a card may do, in words. What is not said is not limited.
fn rules(rules: &Restrictions) -> Markup {
    let join = |items: Vec<String>| items.join(", ");
    let hosts = rules.hosts.as_ref().map(|all| join(all.iter().map(ToString::to_string).collect()));
    let payees = rules
        .payees
        .as_ref()
        .map(|all| join(all.iter().map(|one| short(&one.to_string())).collect()));
    let tools = rules.tools.as_ref().map(|all| {
        let tool = |tool: &Tool| match &tool.tool {
            Some(name) => format!("{} {name}", tool.server),
            None => tool.server.clone(),
        };
        join(all.iter().map(tool).collect())
    });
    let amounts = |amounts: &PerToken| {
        let one = |(token, amount): (alloy_primitives::Address, _)| {
            format!("{amount} of {}", short(&token.to_string()))
        };
        join(amounts.iter().map(one).collect())
    };
    let said = [
        ("Hosts", hosts),
        ("Payees", payees),
        ("Tools", tools),
        ("One payment", rules.per_payment.as_ref().map(amounts)),
        ("Asks you above", rules.approve_above.as_ref().map(amounts)),
        ("Payments at most", rules.payments.map(|count| count.to_string())),
        ("A minute at most", rules.rate.map(|count| count.to_string())),
        ("Metered calls", rules.metered.filter(|metered| !metered).map(|_| "no".to_owned())),
    ];
    html! {
        @for (name, words) in said {
            @if let Some(words) = words { dt { (name) } dd .wrap { (words) } }
        }
    }
}

/// A shared budget.
pub(super) fn budget(report: &BudgetReport) -> Markup {
    html! {
        article data-budget=(report.budget.id) {
            h3 { (report.budget.name) }
            p .id { code { (report.budget.id) } }
            @for limit in &report.limits { (bar(limit)) }
        }
    }
}

/// A limit as a bar: what is used of it in this period.
fn bar(report: &LimitReport) -> Markup {
    let limit = &report.limit;
    let (used, most) = (report.used.parse().unwrap_or(0_u128), limit.amount.get());
    // In thousandths, without a fraction: amounts have up to 96 bits.
    let share = used.saturating_mul(1_000).checked_div(most).unwrap_or(1_000).min(1_000);
    let level = if share >= 900 { "high" } else { "usual" };
    let period = match Period::from(limit.period) {
        Period::Total => "in all".to_owned(),
        period => format!("this {}", period.name()),
    };
    let of = limit.host.as_ref().map(|host| format!(" at {host}")).unwrap_or_default();
    let to = limit.payee.map(|payee| format!(" to {}", short(&payee.to_string())));
    html! {
        div .limit {
            p {
                strong { (report.used) } " of " (limit.amount) " " (period) (of) (to.unwrap_or_default())
                " " span .token { (short(&limit.token.to_string())) }
            }
            svg .bar .(level) viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"
                aria-label={ (report.used) " of " (limit.amount) " used " (period) } {
                rect .track width="1000" height="10" {}
                rect .used width=(share) height="10" {}
            }
        }
    }
}

/// A wallet.
pub(super) fn wallet(wallet: &WalletRecord) -> Markup {
    html! {
        article data-wallet=(wallet.id) {
            h3 { (wallet.name) " " @if wallet.frozen { span .badge .frozen { "frozen" } } }
            p .id { code { (wallet.id) } }
            dl {
                dt { "Account" }
                dd {
                    @match wallet.account {
                        Some(account) => { (account) " on chain " (wallet.chain_id) }
                        None => { "none yet: open one with this wallet's key" }
                    }
                }
                dt { "Processor" } dd .wrap { (wallet.processor_url) }
            }
            form method="post" action={ "/wallets/" (wallet.id) } {
                (key())
                @if wallet.frozen {
                    button .main type="submit" name="do" value="unfreeze" { "Use again" }
                } @else {
                    button .danger type="submit" name="do" value="freeze"
                        data-confirm="Freeze this wallet? None of its cards pays then." { "Freeze all its cards" }
                }
            }
        }
    }
}

/// Payments, the newest first.
pub(super) fn payments<'a>(
    payments: &[PaymentRecord],
    name: &impl Fn(CardId) -> Option<&'a str>,
    zone: &Zone,
) -> Markup {
    if payments.is_empty() {
        return html! { p .none { "Nothing was paid yet." } };
    }
    html! {
        div .scroll {
            table {
                thead { tr {
                    th scope="col" { "When" } th scope="col" { "Card" } th scope="col" { "What" }
                    th scope="col" .number { "At most" } th scope="col" { "Outcome" }
                } }
                tbody {
                    @for payment in payments {
                        tr data-payment=(payment.id.to_bytes()) {
                            td { (time(zone, payment.at)) }
                            td { (name(payment.card).unwrap_or("—")) }
                            td .wrap { (payment.host) " " code { (payment.method) } }
                            td .number { (payment.mandate.mandate.amount) }
                            td { (outcome(payment.state)) }
                        }
                    }
                }
            }
        }
    }
}

fn outcome(state: PaymentState) -> String {
    match state {
        PaymentState::Outstanding => "on its way".to_owned(),
        PaymentState::Settled(amount) => format!("settled, {amount}"),
        PaymentState::Released => "never settled, released".to_owned(),
    }
}

fn time(zone: &Zone, at: UnixTime) -> Markup {
    html! { time { (zone.write(at)) } }
}

/// An address, short enough to be read.
fn short(address: &str) -> String {
    match (address.get(..8), address.get(address.len().saturating_sub(6)..)) {
        (Some(begin), Some(end)) if address.len() > 16 => format!("{begin}…{end}"),
        _ => address.to_owned(),
    }
}
