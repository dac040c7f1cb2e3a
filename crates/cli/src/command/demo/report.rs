//! The report: one page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    charts,
    outcome::{Mode, Outcome},
};

const STYLE: &str = "
:root { color-scheme: light; --ink: #1d2733; --faint: #66717f; --line: #e3e7ec; --good: #1f7d56; --bad: #b3261e; }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: #fff; max-width: 60rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p.lead, figcaption, .faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .86em ui-monospace, monospace; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1.5rem; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
details summary { cursor: pointer; color: var(--faint); margin-top: .8rem; }
";

/// The page.
pub(super) fn page(outcome: &Outcome) -> anyhow::Result<String> {
    let verdict = if outcome.held {
        html! { span.good { "Every comparison held." } }
    } else {
        html! { span.bad { "Something did not hold: see below." } }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "AEP2: authorize first, settle later" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Authorize first, settle later" }
                p.lead {
                    (outcome.agents) " agents bought from " (outcome.payees) " payees over HTTP. Each "
                    "call was served on a signed mandate and the processor's receipt; the chain saw "
                    (outcome.batches.len()) " transactions, each of one batch and its proofs. " (verdict)
                }
                (summary(outcome))
                h2 { "From acceptance to settlement" }
                figure {
                    (PreEscaped(charts::life(outcome)?))
                    figcaption {
                        "Payees serve at the blue line. The chain follows at the green one, a window "
                        "at a time."
                    }
                }
                div.pair {
                    figure {
                        (PreEscaped(charts::answers(outcome)?))
                        figcaption { "How long a payer waited: payment, receipt and service." }
                    }
                    figure {
                        (PreEscaped(charts::batches(outcome)?))
                        figcaption { "Each batch: waiting for company (grey), being proved (orange), being settled (green)." }
                    }
                }
                figure {
                    (PreEscaped(charts::gas(outcome)?))
                    figcaption { "Gas for one mandate. Larger windows cost less." }
                }
                (batches(outcome))
                (refusals(outcome))
                (disputes(outcome))
                (made_good(outcome))
                (comparisons(outcome))
                (payments(outcome))
                h2 { "Where" }
                table {
                    @for (name, value) in [
                        ("chain", outcome.chain_id.to_string()),
                        ("wallet", outcome.wallet.clone()),
                        ("token", outcome.token.clone()),
                        ("processor", outcome.processor.clone()),
                        ("machine", outcome.machine.to_string()),
                    ] {
                        tr { th { (name) } td { code { (value) } } }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn summary(outcome: &Outcome) -> Markup {
    html! {
        table {
            @for (name, value) in outcome.rows() {
                tr { th { (name) } td { (value) } }
            }
        }
    }
}

fn batches(outcome: &Outcome) -> Markup {
    html! {
        h2 { "Batches" }
        table {
            tr {
                th { "batch" } th { "segments" }
                @for name in ["mandates", "debits", "payouts", "proof, s", "gas", "gas a mandate"] {
                    th.number { (name) }
                }
                th { "transaction" }
            }
            @for batch in &outcome.batches {
                tr {
                    td { (batch.number) } td { (batch.segments) " of " (batch.shape) }
                    td.number { (batch.mandates) } td.number { (batch.debits) }
                    td.number { (batch.payouts) } td.number { (format!("{:.2}", batch.proof_s)) }
                    td.number { (batch.gas) }
                    td.number { (format!("{:.0}", batch.gas_per_mandate())) }
                    td { code { (short(&batch.transaction)) } }
                }
            }
        }
    }
}

fn refusals(outcome: &Outcome) -> Markup {
    html! {
        h2 { "What was refused" }
        table {
            tr { th { "attempt" } th { "answer" } th { "in the processor's words" } }
            @for refusal in &outcome.refusals {
                tr {
                    td { (refusal.attempt) }
                    td {
                        @if refusal.as_expected() {
                            code.good { (refusal.code) }
                        } @else {
                            code.bad { (refusal.code) } " instead of " code { (refusal.expected) }
                        }
                    }
                    td { (refusal.message) }
                }
            }
        }
    }
}

fn disputes(outcome: &Outcome) -> Markup {
    html! {
        h2 { "What was disputed" }
        p {
            "Before they settled, the payer objected to these payments. The processor held them until the \
             arbiter, whom the terms name, had ruled. Amounts in base units."
        }
        table {
            tr { th { "what" } th.number { "paid" } th.number { "ruled" } th.number { "settled" } }
            @for own in &outcome.disputes {
                tr {
                    td { (own.what) }
                    td.number { (own.paid) } td.number { (own.ruled) }
                    td.number {
                        @if own.as_ruled() { span.good { (own.settled) } } @else { span.bad { (own.settled) } }
                    }
                }
            }
        }
    }
}

fn made_good(outcome: &Outcome) -> Markup {
    let (refund, vanished) = (&outcome.refund, &outcome.vanished);
    let rows = [
        (
            "a payee gave half of a settled payment back",
            &refund.mandate,
            refund.announced,
            refund.given_back,
        ),
        (
            "the processor vanished; its bond paid",
            &vanished.mandate,
            vanished.promised,
            vanished.paid,
        ),
    ];
    html! {
        h2 { "What was made good" }
        p {
            "A refund goes into the payer's account, once, by the payee's signature. At the end the processor \
             vanished with a promise that it had not kept; " code { "aep2 payee watch" } " demanded it, and \
             the bond paid. Amounts in base units."
        }
        table {
            tr { th { "what" } th { "mandate" } th.number { "promised" } th.number { "paid" } }
            @for (what, mandate, promised, paid) in rows {
                tr {
                    td { (what) } td { code { (short(mandate)) } }
                    td.number { (promised) }
                    td.number {
                        @if promised == paid { span.good { (paid) } } @else { span.bad { (paid) } }
                    }
                }
            }
        }
    }
}

fn comparisons(outcome: &Outcome) -> Markup {
    html! {
        h2 { "Receipts against the chain" }
        table {
            tr { th { "what" } th.number { "by receipts" } th.number { "on chain" } th { } }
            @for comparison in &outcome.comparisons {
                tr {
                    td { (comparison.what) }
                    td.number { (comparison.by_receipts) } td.number { (comparison.on_chain) }
                    td {
                        @if comparison.held { span.good { "held" } } @else { span.bad { "differs" } }
                    }
                }
            }
        }
    }
}

fn payments(outcome: &Outcome) -> Markup {
    html! {
        h2 { "Payments" }
        details {
            summary { "All " (outcome.payments.len()) }
            table {
                tr {
                    th { "agent" } th { "payee" } th { "mode" } th.number { "allowed" }
                    th.number { "captured" } th.number { "answered, ms" } th.number { "batch" }
                    th { "mandate" }
                }
                @for payment in &outcome.payments {
                    tr {
                        td { (payment.agent) } td { (payment.payee) }
                        td { (match payment.mode { Mode::Order => "order", Mode::Intent => "intent" }) }
                        td.number { (payment.ceiling) } td.number { (payment.captured) }
                        td.number { (format!("{:.1}", payment.answered_ms)) }
                        td.number { (payment.batch) } td { code { (short(&payment.mandate)) } }
                    }
                }
            }
        }
    }
}

/// The first digits: enough to find it by.
fn short(hash: &str) -> String {
    match hash.get(..18) {
        Some(start) if hash.len() > 18 => format!("{start}…"),
        _ => hash.to_owned(),
    }
}
