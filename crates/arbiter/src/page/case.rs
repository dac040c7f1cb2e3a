//! One case: what was said and shown, what happened when, and the form to decide.

use aep2_mandate::{
    typed_data::dispute::{Evidence, SignedDispute},
    wire::Strict,
};
use aep2_page::layout::key;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use super::{
    login,
    pages::PAGES,
    show::{by, delivered, payer, state, time},
};
use crate::{
    api::{ApiError, Context},
    case::{Case, CaseState, Delivery, Party},
    case_file::CaseFile,
    error::ArbiterError,
};

/// `GET /cases/{number}`.
pub(super) async fn case(
    State(context): State<Context>,
    number: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(session) = login::session(&context, &headers) else {
        return Ok((StatusCode::UNAUTHORIZED, login::form(None)).into_response());
    };
    let Path(number) = number?;
    let arbiter = context.arbiter();
    let case = arbiter.case(number)?;
    let file = match arbiter.file(number) {
        Err(ArbiterError::Destroyed(_)) => None,
        file => Some(file?),
    };
    let main = html! {
        section .case {
            h1 { "Case " (case.number) ": " (case.reason.name()) }
            p .state { (state(&case)) }
            (facts(&case))
            @match &file {
                Some(file) => (said(&case, file)),
                None => p .none { "What was said was destroyed when its time to be kept was over." },
            }
            @if case.is_open() { (decide(&case)) }
            h2 { "What happened" }
            (timeline(&case, file.as_ref()))
        }
    };
    Ok(PAGES.page(&format!("Case {number}"), Some(&session.holder), main).into_response())
}

fn facts(case: &Case) -> Markup {
    let facts = [
        ("Owed", format!("{} of {} that are due", case.owed, case.due)),
        ("Token", format!("{}, amounts in its base units", case.token)),
        ("Payee", case.payee.to_string()),
        ("Account", format!("{} on chain {}", case.account, case.chain_id)),
        ("Signed by", format!("a key or owner that is {}", payer(case.payer))),
        ("Mandate", case.mandate_id.to_string()),
        ("Processor", case.processor.to_string()),
        ("Answer by", time(case.answer_by)),
        ("Decide by", time(case.decide_by)),
    ];
    html! {
        dl { @for (name, words) in facts { dt { (name) } dd .wrap { (words) } } }
    }
}

fn said(case: &Case, file: &CaseFile) -> Markup {
    let dispute = file.dispute.message();
    html! {
        h2 { "What was bought" }
        p .wrap { code { (file.terms.method) } " " code { (file.terms.resource) }
            @if let Some(Strict(order)) = file.terms.order { ", order " code { (order) } } }
        h2 { "The payer says" }
        p .said { (dispute.text) }
        (evidence(case, Party::Payer, &dispute.evidence))
        @if let Some(agents) = &file.agents_dispute { (before_the_owner(case, agents, file)) }
        h2 { "The payee says" }
        @match &file.answer {
            Some(answer) => {
                p { "It asks for " strong { (answer.message.captured) } "." }
                p .said { (answer.message.text) }
                (evidence(case, Party::Payee, &answer.message.evidence))
            }
            None => p .none { "Nothing yet." },
        }
        @if !file.words.is_empty() { h2 { "Judges wrote" } }
        @for words in &file.words {
            p { strong { (words.by) } ", " (time(words.at)) }
            p .said { (words.text) }
        }
    }
}

/// What was said before the account's owner spoke in the place of its agent.
fn before_the_owner(case: &Case, agents: &SignedDispute, file: &CaseFile) -> Markup {
    let agents = agents.message();
    html! {
        h2 { "The payer's agent had said" }
        p { "For the reason " code { (agents.reason.name()) } "." }
        p .said { (agents.text) }
        (evidence(case, Party::Payer, &agents.evidence))
        @if let Some(answer) = &file.agents_answer {
            p { "To that the payee had asked for " strong { (answer.message.captured) } "." }
            p .said { (answer.message.text) }
            (evidence(case, Party::Payee, &answer.message.evidence))
        }
    }
}

fn evidence(case: &Case, of: Party, pieces: &[Evidence]) -> Markup {
    let is_kept = |piece: &Evidence| {
        let same = |own: &&crate::case::PieceRecord| own.by == of && own.piece.hash == piece.hash;
        case.evidence.iter().find(same).is_some_and(|own| own.is_kept)
    };
    html! {
        @for piece in pieces {
            p .wrap {
                @if is_kept(piece) {
                    a href={ "/cases/" (case.number) "/evidence/" (piece.hash) } download { "Download" }
                } @else {
                    span .none { "Its bytes were not handed in" }
                }
                ": " (piece.size) " bytes, said to be " code { (piece.media_type) } ", hash " code { (piece.hash) }
            }
        }
    }
}

fn decide(case: &Case) -> Markup {
    let proposed = match &case.state {
        CaseState::Proposed { proposal } => Some(proposal),
        _ => None,
    };
    let version = html! { input type="hidden" name="version" value=(case.version); };
    html! {
        h2 { "Decide" }
        @if let Some(proposal) = proposed {
            p { (proposal.by) " proposed that the payee gets " strong { (proposal.captured) }
                ". Another judge confirms it with the same amount." }
            form method="post" action={ "/cases/" (case.number) "/rejection" } {
                (key()) (version)
                button type="submit" { "Take the proposal back" }
            }
        }
        form method="post" action={ "/cases/" (case.number) "/decision" } {
            (key()) (version)
            label for="captured" { "What the payee gets, from 0 to " (case.owed) }
            input #captured name="captured" inputmode="numeric" pattern="[0-9]+" required;
            label for="why" { "Why, for whoever reads the record later" }
            textarea #why name="why" required maxlength="4000" {}
            button .main type="submit" data-confirm="Decide this case? A ruling cannot be taken back." { "Decide" }
        }
    }
}

fn timeline(case: &Case, file: Option<&CaseFile>) -> Markup {
    let mut steps = vec![(case.opened_at, "the processor took the dispute".to_owned())];
    steps.push((case.seen_at, "it was seen and checked here".to_owned()));
    if let Some(file) = file {
        let issued = file.receipt.message.issued_at;
        steps.push((issued, "the processor accepted the mandate".to_owned()));
        steps.push((file.dispute.message().at, "the payer signed the dispute".to_owned()));
        let answered = file.answer.as_ref();
        let answered =
            answered.map(|answer| (answer.message.at, "the payee signed its answer".to_owned()));
        steps.extend(answered);
    }
    if let CaseState::Decided { decision, delivery, .. } = &case.state {
        steps.push((decision.at, format!("{} decided", by(&decision.by))));
        if let Delivery::Delivered { at }
        | Delivery::Refused { at, .. }
        | Delivery::TooLate { at } = delivery
        {
            steps.push((*at, delivered(delivery)));
        }
    }
    if let CaseState::Ended { at, .. } = &case.state {
        steps.push((*at, state(case)));
    }
    steps.sort_by_key(|(at, _)| *at);
    html! { ol .timeline { @for (at, words) in steps { li { (time(at)) ": " (words) } } } }
}
