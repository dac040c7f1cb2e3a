//! What the issuer keeps. Values are JSON with a version, so that an operator can read them and a later
//! release can tell them apart.

mod approval;
mod budget;
mod card;
mod host;
mod owner;
mod payment;
mod wallet;

pub use self::{
    approval::{ApprovalReason, ApprovalRecord, ApprovalState},
    budget::{BudgetRecord, Limit},
    card::{CardRecord, CardState, HolderRecord, Subscription},
    host::{HostRecord, PinnedBy},
    owner::OwnerRecord,
    payment::{Charge, PaymentRecord, PaymentState},
    wallet::WalletRecord,
};
