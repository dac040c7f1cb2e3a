//! Requests before they are served: where they wait, who takes them, and where their answers go.

mod context;
mod incoming;
mod pool;
mod signer;

pub(crate) use self::{
    context::RequestContext,
    incoming::{Incoming, Reply, TurnedAway, Unanswered},
    pool::Pool,
    signer::ReceiptSigner,
};
