//! What a payee keeps is there after a crash, and what others put there harms nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod keeping;
mod reading;
mod support;
