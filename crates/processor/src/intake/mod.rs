//! Requests before they are served: where they wait, who takes them, and where their answers go.

mod context;
mod pool;
mod signer;
mod task;

pub(crate) use self::{
    context::RequestContext,
    pool::Pool,
    signer::ReceiptSigner,
    task::{Reply, Task, TurnedAway, Unanswered},
};
