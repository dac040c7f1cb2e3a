//! Why a processor gives no answer to act on.

use thiserror::Error;

/// Why there is no answer to act on.
#[derive(Clone, Debug, Error)]
pub enum ProcessorError {
    /// The processor refuses: asking again will not help.
    #[error("{code}: {message}")]
    Refused {
        /// Its code, stable.
        code: String,
        /// Its message.
        message: String,
    },
    /// It did not answer, or not now. Whether it accepted is not known; asking again is safe, and
    /// tells.
    #[error("the processor does not answer: {0}")]
    Unavailable(String),
    /// It answered something that is no answer.
    #[error("the processor's answer makes no sense: {0}")]
    InvalidAnswer(String),
}

impl ProcessorError {
    /// Whether asking again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
