//! What the ledger keeps: one file for each thing, with its encoding.

mod account;
mod batch;
mod chain;
mod mandate;
mod summary;

pub use self::{
    account::{
        AccountRecord, ChangeRecord, DirectAccountRecord, PendingWithdrawal, PurseRecord, Standing,
    },
    batch::{BatchRecord, MemberRecord, Movement, SettledDebit, Step},
    chain::{Before, Identity, Tip, UnconfirmedKind, UnconfirmedRequest, UndoRecord},
    mandate::{
        CaptureRecord, DirectPromise, DirectReceipt, FailureReason, IssuedReceipt, MandateRecord,
        NonceKey, Promise, ProvedPromise, QueueRecord, ReceiptMismatch, SettlementPath,
        StateRecord, Status,
    },
    summary::{DirectSummary, RecentMandate},
};
