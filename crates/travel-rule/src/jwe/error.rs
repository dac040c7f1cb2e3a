//! Why a token is not opened, and why there is no key. Nothing of either is repeated.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::profile::{HEADER_BYTES_MAX, TOKEN_BYTES_MAX, TYPE};
use crate::limits::OBJECT_BYTES_MAX;

/// Why a token is not opened, or nothing can be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JweError {
    /// More bytes than [`TOKEN_BYTES_MAX`].
    #[error("the token has more than {} bytes", TOKEN_BYTES_MAX)]
    TooLarge,
    /// Not five parts of base64url.
    #[error("the token is not a compact JWE: five parts of base64url, the second of them empty")]
    Form,
    /// The protected header is too long, no object, or has a member twice.
    #[error("the token's header is not an object, or has more than {} bytes", HEADER_BYTES_MAX)]
    Header,
    /// A member of the header that is not in the profile: `zip`, `crit`, any other.
    #[error("the token's header has a member that is not taken, such as zip or crit")]
    Member,
    /// Another algorithm.
    #[error("the token's alg must be ECDH-ES and its enc A256GCM")]
    Algorithm,
    /// Another type.
    #[error("the token's typ must be {}", TYPE)]
    Type,
    /// Sealed to a key that is not ours, or no longer.
    #[error("the token is sealed to another key: take the one that is shown now")]
    UnknownKey,
    /// The sender's key is none.
    #[error("the token's epk is not a public key on P-256")]
    EphemeralKey,
    /// It was altered, or sealed to something else.
    #[error("the token does not open: it was altered, or sealed to another key")]
    Refused,
    /// No random numbers, or no memory.
    #[error("cannot seal: no random numbers, or no memory")]
    Seal,
    /// More than can be sealed.
    #[error("cannot seal more than {} bytes", OBJECT_BYTES_MAX)]
    TooMuch,
}

/// Why there is no key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file system.
    #[error("the Travel Rule key {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no file.
    #[error("the Travel Rule key {} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Others may read it.
    #[error(
        "others than its owner may read or write {}, its mode is {mode:04o}: chmod 600",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key in use is not written over.
    #[error("{} is there, and a key in use is not written over", .0.display())]
    Exists(PathBuf),
    /// Not a key.
    #[error("not a private key on P-256 as a JWK whose x and y belong to its d")]
    NotAKey,
    /// Not a public key.
    #[error("not a public key on P-256 as a JWK")]
    NotAPublicKey,
    /// No random numbers, or no memory.
    #[error("no random numbers, or no memory")]
    Random,
}
