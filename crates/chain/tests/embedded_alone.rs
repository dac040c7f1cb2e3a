//! Temporary.
#[path = "it/embedded/mod.rs"]
mod embedded;
