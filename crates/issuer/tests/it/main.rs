//! The issuer, by fear.

mod approving;
mod budgets;
mod cards;
mod http;
mod releasing;
mod repeating;
mod storing;
mod support;
