//! A holder's proof: that a request to the issuer comes from who holds the card.
//!
//! HTTP message signatures (RFC 9421) with Ed25519, over a fixed set of components:
//!
//! ```text
//! Authorization: AEP2-Card aep2card_…
//! Content-Digest: sha-256=:…:
//! Signature-Input: card=("@method" "@authority" "@path" "@query" "content-digest" "authorization")
//!     ;created=1790000000;nonce="…";keyid="…";alg="ed25519";tag="aep2-card"
//! Signature: card=:…:
//! ```
//!
//! `@query` is there where the request has a query, and only there. A verifier demands exactly
//! these components in this order, and exactly these parameters: with anything left out, a thief of
//! one request could make another of it.
//!
//! Neither of the crates for RFC 9421 was taken. `web-bot-auth` takes the time from the system's
//! clock, always signs an `expires`, leaves it to its caller to look at components and parameters,
//! passes over headers that it cannot read, and knows no content digests. `httpsig` brings a second
//! implementation of Ed25519 and three other kinds of signatures. For a fixed set of components the
//! signature base is a dozen lines; the structured fields in it are read and written by `sfv`.

mod base;
mod digest;
mod nonces;
mod request;
mod sign;
mod verify;

pub use self::{
    nonces::{NONCES_A_CARD_MAX, NonceRefused, Nonces},
    request::{Request, SCHEME, TAG},
    sign::{ProofHeaders, authorization, random_nonce, sign},
    verify::{Proof, ProofError, WINDOW_S, card_of, verify},
};
