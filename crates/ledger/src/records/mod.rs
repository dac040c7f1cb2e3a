//! What the book keeps: one file for each thing, with its encoding.

mod account;
mod batch;
mod chain;
mod mandate;
mod summary;

pub use self::{
    account::{AccountRecord, ChangeRecord, PurseRecord, SignedLaneRecord},
    batch::{BatchRecord, MemberRecord, Movement, SettledDebit, Step},
    chain::{Before, Identity, Sighting, SightingKind, Tip, UndoRecord},
    mandate::{
        CaptureRecord, EnqueueReceipt, IssuedReceipt, Lane, MandateRecord, NonceKey, Promise,
        ProvedPromise, QueueRecord, ReceiptMismatch, SignedPromise, StateRecord, Status,
        VoidReason,
    },
    summary::{RecentMandate, SignedLaneSummary},
};
