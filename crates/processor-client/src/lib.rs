//! Asking a processor over HTTP, as payees and payers do.
//!
//! - [`Processor`]: what a payee asks of it; [`Native`] asks by its own interface, [`Facilitator`]
//!   by x402's calls, [`queue::Queue`] by the published MVP's;
//! - [`lookup`]: what it says of itself and of accounts;
//! - [`call`]: one request, bounded and tried again.

pub mod call;
mod client;
mod error;
mod facilitator;
pub mod lookup;
mod native;
pub mod queue;

pub use self::{
    call::Patience, client::Processor, error::ProcessorError, facilitator::Facilitator,
    native::Native,
};
