//! Tests of the crate's interface. Tokens are made by another library; `tests/fixtures/make.mjs` makes
//! them. What must fit a server of the test is signed here.

mod agents;
mod binding;
mod forgeries;
mod good;
mod issuers;
mod keys;
mod kyapay;
mod settings;
mod status;
mod support;
