//! What the ledger keeps: one file for each thing, with its encoding.

mod account;
mod batch;
mod chain;
mod mandate;
mod summary;

pub use self::{
    account::{AccountRecord, ChangeRecord, DirectAccountRecord, PurseRecord},
    batch::{BatchRecord, MemberRecord, Movement, SettledDebit, Step},
    chain::{Before, Identity, Sighting, SightingKind, Tip, UndoRecord},
    mandate::{
        CaptureRecord, EnqueueReceipt, FailureReason, IssuedReceipt, MandateRecord, NonceKey,
        Promise, ProvedPromise, QueueRecord, ReceiptMismatch, SettlementPath, SignedPromise,
        StateRecord, Status,
    },
    summary::{DirectSummary, RecentMandate},
};
