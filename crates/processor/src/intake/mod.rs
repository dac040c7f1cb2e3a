//! Requests before they are served: where they wait, who takes them, and where their answers go.

mod context;
mod pool;
mod received;
mod signer;

pub(crate) use self::{
    context::RequestContext,
    pool::Pool,
    received::{Received, Reply, TurnedAway, Unanswered},
    signer::ReceiptSigner,
};
