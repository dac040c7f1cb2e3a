//! What is feared of cards.

mod narrowing;
mod support;
