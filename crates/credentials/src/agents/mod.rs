//! Requests that agents sign: RFC 9421 in the profile of Web Bot Auth
//! (`draft-ietf-webbotauth-httpsig-protocol`).
//!
//! ```text
//! Signature-Agent: sig1="https://agents.example"
//! Signature-Input: sig1=("@authority" "@method" "@path" "signature-agent";key="sig1")
//!     ;created=1790000000;expires=1790000060;keyid="…";tag="web-bot-auth"
//! Signature: sig1=:…:
//! ```
//!
//! The crate `web-bot-auth` was not taken. It leaves the times to its caller, measured by the system's
//! clock; a component that is named twice counts once; it reads keys from a `data:` address that the
//! request itself brings; and it brings an older `sfv` and a library of its own for times. What is
//! needed is a signature base of a few components.

pub(crate) mod base;
pub(crate) mod request;
pub(crate) mod verify;
