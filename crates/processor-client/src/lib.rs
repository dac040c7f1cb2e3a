//! Asking a processor over HTTP, as payees and payers do.
//!
//! - [`ProcessorClient`]: what a payee asks of it; [`NativeClient`] asks by its own interface, [`FacilitatorClient`]
//!   by x402's calls, [`mvp::MvpClient`] by the published MVP's;
//! - [`lookup`]: what it says of itself and of accounts;
//! - [`disputes`]: disputes, their evidence, answers and rulings; [`dispute_view`]: how it shows one;
//! - [`refunds`]: what was given back of a mandate;
//! - [`call`]: one request, bounded and tried again.

pub mod call;
mod client;
pub mod dispute_view;
pub mod disputes;
mod error;
mod facilitator;
pub mod lookup;
pub mod mvp;
mod native;
pub mod refunds;

pub use self::{
    call::RetryPolicy, client::ProcessorClient, error::ProcessorError,
    facilitator::FacilitatorClient, native::NativeClient,
};
