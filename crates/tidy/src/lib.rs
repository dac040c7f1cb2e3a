//! The house rules that a program can check, on the source of this repository.
//!
//! `cargo test -p aep2-tidy` checks them all; `CONTRIBUTING.md` says them in plain words.
//!
//! - [`lengths`]: a function has at most 70 lines, a file at most 700;
//! - [`crates`]: a crate uses the crates that `docs/layout.md` lets it use, and none above it;
//! - [`circles`]: no two files of a crate take from each other, nor in a longer circle;
//! - [`names`]: `docs/layout.md` names every source file, and no file that is not there.
//!
//! Each rule is a function from a [`Tree`] of files to [`Finding`]s, so that a rule's own tests can
//! bring a few made-up files. [`exceptions`] are the places that break a rule today.

pub mod circles;
pub mod crates;
pub mod exceptions;
mod finding;
mod layout;
pub mod lengths;
pub mod names;
mod package;
mod tree;

pub use self::{finding::Finding, tree::Tree};
