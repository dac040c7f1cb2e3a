//! Whether an attestation was revoked: IETF's Token Status List (`draft-ietf-oauth-status-list`).

pub(crate) mod list;
pub(crate) mod lists;
pub(crate) mod reference;
