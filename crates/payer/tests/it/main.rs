//! A payer's journal and limits.
#![allow(clippy::unwrap_used, missing_docs)]

mod journal;
mod limits;
mod scripted;
mod support;
mod unanswered;
