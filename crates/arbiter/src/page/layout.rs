//! What all pages have around them.

use maud::{DOCTYPE, Markup, html};

/// A page; with a judge's name where one is logged in.
pub(super) fn page(title: &str, judge: Option<&str>, main: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · AEP2 disputes" }
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                header {
                    a .mark href="/" { "AEP2 disputes" }
                    @if let Some(judge) = judge {
                        span .owner { (judge) }
                        form method="post" action="/logout" {
                            (key())
                            button type="submit" { "Log out" }
                        }
                    }
                }
                main #main { (main) }
            }
        }
    }
}

/// Where the page's script puts the session's key, in each form.
pub(super) fn key() -> Markup {
    html! { input type="hidden" name="key" value=""; }
}
