//! What all pages have around them.

use maud::{DOCTYPE, Markup, html};

/// Pages of one name.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    /// What is at the top of each, and in each title.
    pub name: &'static str,
}

impl Pages {
    /// A page; with the name of who is logged in, where somebody is.
    pub fn page(self, title: &str, who: Option<&str>, main: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · " (self.name) }
                    link rel="stylesheet" href="/page.css";
                    script src="/page.js" defer {}
                }
                body {
                    a .skip href="#main" { "Skip to the content" }
                    header {
                        a .mark href="/" { (self.name) }
                        @if let Some(who) = who {
                            span .owner { (who) }
                            form method="post" action="/logout" {
                                (key())
                                button type="submit" { "Log out" }
                            }
                        }
                    }
                    p #notice role="status" {}
                    main #main { (main) }
                }
            }
        }
    }

    /// The form to log in by a token: what is behind it, what token that takes, and what was wrong with the
    /// last try.
    pub fn login(self, behind: &str, takes: Markup, problem: Option<&str>) -> Markup {
        let main = html! {
            section .narrow {
                h1 { (behind) }
                p { (takes) }
                @if let Some(problem) = problem { p .problem role="alert" { (problem) } }
                form method="post" action="/login" {
                    label for="token" { "Token" }
                    input #token type="password" name="token" autocomplete="current-password" required autofocus;
                    button .main type="submit" { "Log in" }
                }
            }
        };
        self.page("Log in", None, main)
    }

    /// The one page that has a session's key in it. The script keeps the key, and goes on to the start, which
    /// `to` names.
    pub fn entered(self, key: &str, to: &str) -> Markup {
        let main = html! {
            section .narrow data-key=(key) {
                h1 { "You are logged in" }
                noscript {
                    p { "To change anything, let this page run its script: it keeps the key that forms need \
                         where no other program on this machine gets it." }
                }
                p { a href="/" { "Go to " (to) } }
            }
        };
        self.page("Logged in", None, main)
    }
}

/// Where the page's script puts the session's key, in each form.
pub fn key() -> Markup {
    html! { input type="hidden" name="key" value=""; }
}
