//! Sealing to the processor's key: JSON Web Encryption (RFC 7516), compact, in one profile.
//!
//! | | |
//! | --- | --- |
//! | `alg` | `ECDH-ES`: the content key is agreed on, and nothing is wrapped |
//! | `enc` | `A256GCM` |
//! | `epk` | P-256, and a point of the curve |
//! | `kid` | one of ours: the RFC 7638 thumbprint of the key |
//! | `typ` | [`TYPE`] |
//! | `apu`, `apv` | as the sender likes; they enter the key |
//!
//! Any other member is refused, `zip` and `crit` among them. There is no second profile to be talked
//! into.
//!
//! The cryptography is `aws-lc-rs`, which TLS and the vault bring along already: it checks that points
//! are on the curve, and wipes its keys.

mod base64;
mod error;
mod file;
mod header;
mod kdf;
mod key;
mod profile;
mod public;
mod ring;
mod token;

pub use self::{
    error::{JweError, KeyError},
    file::{generate, read},
    key::ProcessorKey,
    profile::{HEADER_BYTES_MAX, TOKEN_BYTES_MAX, TYPE},
    public::PublicKey,
    ring::KeyRing,
    token::seal,
};
