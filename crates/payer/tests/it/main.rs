//! A payer's journal, limits and card.
#![allow(clippy::unwrap_used, missing_docs)]

mod card;
mod journal;
mod limits;
mod scripted;
mod support;
mod unanswered;
