//! The published MVP's interface: `POST /enqueue` and `GET /health`, for software that was written
//! for it. Mandates are of the direct path and settle through `settleDirect`, in batches.
//!
//! The bodies, codes and their order are the MVP's; what is behind them is the processor that serves
//! everything else. `docs/mvp.md` says where the two differ.

pub(super) mod enqueue;
pub(super) mod health;
mod refusal;
pub(super) mod schema;

pub(super) use self::refusal::{Code, as_mvp};

/// Where mandates are taken.
pub(super) const ENQUEUE: &str = "/enqueue";
/// What became of the last ones.
pub(super) const HEALTH: &str = "/health";

/// Whether an address is the MVP's.
pub(super) fn has(route: &str) -> bool {
    matches!(route, ENQUEUE | HEALTH)
}
