//! Where the contracts are: putting them on a chain, remembering it, and checking it.
//!
//! [`deploy()`] puts up a verifier for each verifying key, the wallet, and, for tests, a token, and
//! registers the verifiers as one list. What it made is a [`Deployment`], which is kept as a JSON file.
//! [`Deployment::verify`] checks a chain against it, and against this software: that the code is the
//! committed artifacts' and the keys are those named.
//!
//! A key whose secrets one machine has seen lets that machine's owner forge proofs. On a chain where
//! money may be real such a key is refused, unless its shape is named among the exceptions; and so is a
//! ceremony's key that nobody checked beside its transcript, since a file can say anything of itself.

mod artifact;
mod deploy;
mod file;
mod local;
mod verify;

pub use deploy::{DeployError, KeyOfShape, Plan, deploy};
pub use file::{
    DeployedToken, DeployedVerifier, DeployedWallet, Deployment, FORMAT_VERSION, FileError,
};
pub use local::{LOCAL_CHAIN_IDS, is_local};
pub use verify::{OtherKeyError, VerifyError};
