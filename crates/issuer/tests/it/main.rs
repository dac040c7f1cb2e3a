//! The issuer, by fear.

mod approving;
mod budgets;
mod cards;
mod releasing;
mod repeating;
mod storing;
mod support;
