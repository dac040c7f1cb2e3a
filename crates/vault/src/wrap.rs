//! Who wraps data keys: a key in this process, or somebody who keeps it.

use thiserror::Error;

use crate::key::{DataKey, KekId};

/// Why a data key was not wrapped or unwrapped. Nothing secret is in a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WrapError {
    /// It was altered, or is bound to something else: trying again does not help.
    #[error("the wrapped key does not open: it was altered, or put in another's place")]
    Refused,
    /// Nobody answers at present, or they do not let us.
    #[error("{0}")]
    Unavailable(String),
}

/// A key-encryption key, wherever it is: [`Kek`](crate::Kek) in this process, or a key-management
/// service that wraps and unwraps by itself and never shows it.
///
/// Calls may block, while a service answers.
pub trait KeyWrapper: Send + Sync {
    /// Which KEK it is. Stable: records name it for as long as they live. A service's:
    /// [`KekId::of_name`].
    fn id(&self) -> KekId;

    /// Wraps a data key. The result must not unwrap with other `bound_to`: a service takes it as
    /// associated data, or what it calls an encryption context.
    ///
    /// # Errors
    /// When it cannot be wrapped at present.
    fn wrap_key(&self, key: &DataKey, bound_to: &[u8]) -> Result<Vec<u8>, WrapError>;

    /// Unwraps what [`wrap_key`](Self::wrap_key) made, with the same `bound_to`.
    ///
    /// # Errors
    /// When it was altered or bound to something else, and when it cannot be unwrapped at present.
    fn unwrap_key(&self, wrapped: &[u8], bound_to: &[u8]) -> Result<DataKey, WrapError>;
}
