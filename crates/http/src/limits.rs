//! What connections may be.

use std::time::Duration;

/// What connections may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many may be open. More wait to be accepted.
    pub connections_max: usize,
    /// The longest head of a request, in bytes; at least 8192.
    pub head_bytes_max: usize,
    /// How long a request's head may take to arrive, and how long a connection may idle.
    pub head_within: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            head_bytes_max: 16_384,
            head_within: Duration::from_secs(30),
        }
    }
}
