//! A batch's life, driven from what is on disk.
//!
//! ```text
//!  queue ─▶ sealed ─▶ proved ─▶ submitted ─▶ confirmed ─▶ final
//!    ▲         └─────────┴───────────┴──▶ aborted ──┬─▶ queue
//!    └──────────────────────────────────────────────────┘  quarantine
//! ```
//!
//! # Transaction boundaries
//!
//! Each arrow is one synced write of the ledger, and each write is made before what follows from it is
//! done:
//!
//! | write | before it | after it |
//! | --- | --- | --- |
//! | sealed | nothing: a window was chosen | its segments are proved, one by one |
//! | a segment proved | its proof was made, and is lost with the process | it is not proved again |
//! | proved | all segments are | the same bytes are sent, always |
//! | submitted | | the transaction is tried out, signed, **written down**, broadcast |
//! | confirmed, final | the chain says so: applying its block, with the balances, in one write | |
//! | aborted | the chain cannot settle the batch, as far as anybody knows | its mandates go on |
//!
//! **The point of no return** is the sender's journal entry, within *submitted*: before it nobody has
//! seen the transaction, after it anybody may. From then on a batch is aborted only when its
//! transaction was mined and failed, deep enough to stay so; when the last block applied is past its
//! `validUntil`; or when the chain has ended one of its members. If it settles all the same (after a
//! reorg), it has settled: the chain has the last word, wherever its mandates are by then.
//!
//! Confirmed is only what the follower applied. That the sender saw its transaction succeed is no more
//! than a reason to wait.
//!
//! # What drives it
//!
//! The scheduler, some times a second, seals the windows that close, and starts a task for each open
//! batch that has none. That is also all that recovery does ([`recovery`]). A task reads where its
//! batch stands, does what comes next, and reads again. Proofs are made one at a time, each on all
//! cores, while the batches before are on their way; batches that wait take turns, segment by segment. After a start nothing is sealed or proved before
//! the ledger has caught up with the chain.
//!
//! # Refusals
//!
//! A refusal that names an account, a nonce or a mandate quarantines those; the rest is queued and
//! proved again. After one that names nobody the batch is split in halves until the fault is found. What says nothing about mandates (the
//! node is away, fees are above the cap, there is no ether for gas) is waited out, with an alarm.

mod abort;
mod changes;
mod check;
mod context;
mod demands;
mod drive;
mod evidence;
mod journal;
mod prove;
mod provers;
mod quarantine;
pub mod recovery;
mod refusal;
mod round;
mod scheduler;
mod segments;
mod sending;
mod settler;
mod turn;

pub(crate) use self::settler::SettlerParts;
pub use self::{
    provers::{Provers, ProversError},
    settler::Settler,
};
