//! The settlement processor: it accepts mandates at once, and settles them later in batches.
//!
//! ```text
//!           accept, capture                       follow
//! requests ───────────────▶ ledger ◀──────────────────────── chain
//!                             │ window                          ▲
//!                             ▼                                 │
//!                  sealed ─▶ proved ─▶ submitted ───────────────┘
//!                             batch
//! ```
//!
//! - [`processor`]: the processor as others use it; [`config`]: what its operator sets;
//! - [`accept`]: from a request to a receipt: cheap checks, signature, policy, reservation, disk;
//!   [`capture`]: payees that take less; [`dispute`]: payers that object; [`refund`]: payees that give
//!   back; [`policy`]: whom and what an operator serves;
//! - [`follow`]: what the chain says, into the ledger; [`window`]: which mandates are settled
//!   together, and when; [`batch`]: a batch's life, each step written before it is acted on, and
//!   taking up what a killed process left;
//! - [`view`]: mandates, accounts and batches as they are shown to others; [`event`]: what happens,
//!   as it happens; [`metrics`]: how much of it; [`figures`]: when batches took their steps;
//! - [`fail_point`]: the points between two steps at which tests stop a processor.
//!
//! No file imports from one above it: the parts rest on what they are given, and only [`processor`]
//! puts them together.
//!
//! It knows no HTTP: that is the server's.

pub mod accept;
pub mod batch;
mod capacity;
pub mod capture;
mod chain_status;
mod codes;
pub mod config;
pub mod dispute;
mod disputing;
mod emitter;
mod error;
pub mod event;
pub mod fail_point;
pub mod figures;
pub mod follow;
mod intake;
mod json;
pub mod metrics;
mod openapi_names;
pub mod operating;
mod outcomes;
pub mod policy;
pub mod processor;
pub mod refund;
mod requests;
pub mod restored;
mod supervisor;
pub mod view;
pub mod window;

pub use self::{
    config::ProcessorConfig,
    error::StartError,
    event::Event,
    processor::{Parts, Processor},
    supervisor::TaskPanicked,
};
