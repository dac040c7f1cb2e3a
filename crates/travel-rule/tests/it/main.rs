//! The Travel Rule: what a payer, a payee, a stranger and a careless operator may try.

mod binding;
mod export;
mod generated;
mod invalid;
mod jwe;
mod keys;
mod privacy;
mod sums;
mod support;
mod valid;
