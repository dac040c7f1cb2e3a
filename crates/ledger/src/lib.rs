//! The durable ledger of a settlement processor: accounts as the chain has them, what is reserved on
//! them, mandates, receipts, the queue, batches; and the rules that hold among them at every
//! moment.
//!
//! # The life of a mandate
//!
//! ```text
//! Ledger::accept ──▶ queued ──▶ in a batch ──▶ settled
//!                     │  ▲          │             ▲
//!  Ledger::capture ───┘  └──────────┤             └─ Ledger::apply_block
//!                                   │ abort
//!                                   ▼
//!                                 quarantined ──▶ failed, with the reason
//! ```
//!
//! A mandate whose signature was checked ([`Verified`]) makes an [`AcceptRequest`] together with the
//! receipt that is to be given for it. [`Ledger::accept`] checks it against the ledger, reserves its
//! amount and queues it. Its answer is [`Durable`] and is there when the change is synced: only
//! then does the receipt leave. What is queued may be [held](Ledger::hold) for a while, and is not sealed
//! then; where the [gate](Ledger::close_gate) is closed, nothing is accepted. The payee may [capture](Ledger::capture)
//! less, and the payer [dispute](Ledger::open_dispute) it: a [ruling](Ledger::rule) lowers what it pays. Queued mandates are
//! [sealed](Ledger::seal) into a batch, which is proved [segment by segment](Ledger::segment_proved),
//! then [as a whole](Ledger::proved), and [submitted](Ledger::submitted), each step written before it
//! is acted on. What the chain says is
//! [applied](Ledger::apply_block) block by block and ends them; a block that is reorged
//! out is [undone](Ledger::rewind). A batch that the chain refuses is
//! [aborted](Ledger::abort).
//!
//! # What always holds
//!
//! - what is reserved on an account in a token is what its live mandates pay, and is covered by its
//!   balance, less the withdrawals requested before they were accepted;
//! - a nonce has at most one mandate;
//! - every receipt has its mandate, every mandate its receipt;
//! - a live mandate is in exactly one place; an ended one is either settled or failed with a reason;
//! - what was settled is what the chain moved;
//! - the refunds of a mandate come to no more than was settled of it.
//!
//! [`audit`] recomputes all of it from the raw records, and shares nothing with the rest of this
//! crate but the encoding.
//!
//! # What it rests on
//!
//! A journal ([`aep2_journal`]) in the ledger's directory. All changes go through its one writer
//! ([`Pending`]), which carries them out in one order and syncs many at once. Memory holds accounts
//! and reservations, as they are on disk, and is made anew at start. No runtime, no network, no
//! proofs.
//!
//! `docs/ledger.md` has the table of all keys and values.

pub mod accept;
pub mod audit;
mod batch;
mod capture;
mod chain;
pub mod codec;
mod config;
mod dispute;
mod disputed;
mod ending;
mod error;
mod family;
mod gate;
mod hold;
mod ledger;
mod life;
pub mod limits;
mod memory;
pub mod query;
mod queues;
pub mod records;
mod refund;
mod refund_query;
mod refusal;
pub mod schema;
mod source;
mod summary;
mod tx;
mod units;

pub use aep2_journal::{Durable, JournalError, JournalMetrics, OpenError as JournalOpenError};

pub use self::{
    accept::{
        AcceptError, AcceptRequest, Accepted, PayeeTerms, Precheck, Received, Refusal, Verified,
    },
    batch::{BatchError, Disposition, Seal},
    capture::{Capture, CaptureError, Captured},
    chain::{
        AccountReading, Applied, ChainBlock, ChainError, ChainFact, ChainReading, PurseReading,
        Rewound, SLOTS_AHEAD, SlotReading, Unread,
    },
    codec::Defect,
    config::LedgerConfig,
    dispute::{DisputeError, Disputed, Open},
    ending::Ending,
    error::{LedgerError, OpenError},
    gate::Close,
    hold::{Hold, HoldError},
    ledger::{Ledger, Pending},
    query::{
        AccountView, Alarm, BatchMember, BatchView, MandateView, Metrics, PurseView, Queued, Stats,
        WindowEntry,
    },
    records::{
        DirectReceipt, FailureReason, GateReason, GateRecord, GateScope, HoldKind, HoldRecord,
        Identity, IssuedReceipt, SettlementPath, Status, Step, UnconfirmedKind, UnconfirmedRequest,
    },
    refund::{Refund, RefundError, RefundView, Refunded, check as check_refund},
    units::{Balance, BatchNumber, MandateHash, Sequence},
};
pub use aep2_journal::{Backup, BackupError, Backups};
