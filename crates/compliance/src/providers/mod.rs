//! The built-in providers.

mod attestations;
mod http;
mod lists;
mod oracle;

pub use self::{
    attestations::{AttestedIdentity, PresentedBook},
    http::{HttpProvider, HttpProviderError, SIGNATURE_HEADER, sign},
    lists::{LISTS, ListChange, ListsError, SanctionLists},
    oracle::{ChainOracle, OracleFunction},
};
