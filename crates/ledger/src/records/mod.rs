//! What the ledger keeps: one file for each thing, with its encoding.

mod account;
mod batch;
mod chain;
mod dispute;
mod hold;
mod mandate;
mod refund;
mod summary;

pub(crate) use self::hold::Gates;
pub use self::{
    account::{
        AccountRecord, ChangeRecord, DirectAccountRecord, PendingWithdrawal, PurseRecord, Standing,
    },
    batch::{BatchRecord, MemberRecord, Movement, SettledDebit, Step},
    chain::{Before, Identity, Tip, UnconfirmedKind, UnconfirmedRequest, UndoRecord},
    dispute::{DisputeRecord, RulingRecord, StatementRecord},
    hold::{GateReason, GateRecord, GateScope, HoldKind, HoldRecord},
    mandate::{
        CaptureRecord, DirectPromise, DirectReceipt, FailureReason, IssuedReceipt, MandateRecord,
        NonceKey, Promise, ProvedPromise, QueueRecord, ReceiptMismatch, SettlementPath,
        StateRecord, Status,
    },
    refund::{RefundDeposit, RefundName, RefundRecord},
    summary::{DirectSummary, RecentMandate},
};
