//! The cases: those to decide, the one that ends first before the others; and what became of others.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use super::{
    login,
    pages::PAGES,
    show::{state, time},
};
use crate::{
    api::{ApiError, Context},
    case::Case,
};

/// How many cases at their end are shown.
const LATEST: usize = 50;

/// `GET /`.
pub(super) async fn list(
    State(context): State<Context>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(session) = login::session(&context, &headers) else {
        return Ok(login::form(None).into_response());
    };
    let arbiter = context.arbiter();
    let open = arbiter.open_cases()?;
    let mut latest = arbiter.cases(None, LATEST)?;
    latest.retain(Case::is_at_its_end);
    let main = html! {
        section aria-labelledby="open" {
            h2 #open { "Open " span .count { (open.len()) } }
            (table(&open))
        }
        section aria-labelledby="latest" {
            h2 #latest { "At their end" }
            (table(&latest))
        }
    };
    Ok(PAGES.page("Cases", Some(&session.holder), main).into_response())
}

fn table(cases: &[Case]) -> Markup {
    if cases.is_empty() {
        return html! { p .none { "There are none." } };
    }
    html! {
        div .scroll {
            table {
                thead { tr {
                    th scope="col" { "Case" } th scope="col" { "Decide by" } th scope="col" { "Reason" }
                    th scope="col" .number { "Owed" } th scope="col" { "State" }
                } }
                tbody {
                    @for case in cases {
                        tr {
                            td { a href={ "/cases/" (case.number) } { (case.number) } }
                            td { (time(case.decide_by)) }
                            td { (case.reason.name()) }
                            td .number { (case.owed) }
                            td .wrap { (state(case)) }
                        }
                    }
                }
            }
        }
    }
}
