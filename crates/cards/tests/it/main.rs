//! What is feared of cards.

mod foreign;
mod handover;
mod narrowing;
mod proof;
mod restrictions;
mod support;
mod vectors;
