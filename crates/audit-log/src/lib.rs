//! An append-only log in which every entry hashes the one before.
//!
//! An entry says when who did what to whom or to what. It is written in the transaction of the
//! caller's own journal that does it: both are on disk, or neither ([`AuditLog::append`]).
//!
//! What is stored is the line that is exported, byte for byte, and the chain is made of the
//! SHA-256 of these lines: anybody can check an exported file with `sha256sum`. `docs/audit-log.md`
//! shows how, and says what it proves.
//!
//! ```
//! use aep2_audit_log::{AuditLog, Details, Entry, Id, Name, Reference, Start, verify};
//! use aep2_journal::{ColumnFamily, Journal, JournalConfig, OpenError};
//! use aep2_mandate::clock::Clock;
//!
//! #[derive(Clone, Copy)]
//! enum Family {
//!     Cards,
//!     Log,
//!     LogHead,
//! }
//!
//! impl ColumnFamily for Family {
//!     fn name(self) -> &'static str {
//!         match self {
//!             Self::Cards => "cards",
//!             Self::Log => "log",
//!             Self::LogHead => "log_head",
//!         }
//!     }
//! }
//!
//! const LOG: AuditLog<Family> = AuditLog::new(Family::Log, Family::LogHead);
//! const OWNER: Name = Name::constant("owner");
//! const CARD: Name = Name::constant("card");
//! const CARD_FROZEN: Name = Name::constant("card.frozen");
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let families = [Family::Cards, Family::Log, Family::LogHead];
//! let config = JournalConfig::new(families, 1, b"an issuer".to_vec());
//! let journal = Journal::open(directory.path(), config, |_| Ok::<_, OpenError>(()))?;
//! let entry = Entry {
//!     at: Clock::system().now(),
//!     actor: Reference { kind: OWNER, id: Id::new("0x17c5…D025")? },
//!     action: CARD_FROZEN,
//!     subject: Reference { kind: CARD, id: Id::new("7")? },
//!     details: Details::none(),
//! };
//! let frozen = journal.submit(move |tx| {
//!     tx.put(Family::Cards, b"7".to_vec(), b"frozen".to_vec());
//!     LOG.append(tx, &entry)
//! });
//! let last = frozen.wait()?;
//!
//! let mut file = Vec::new();
//! LOG.export(&journal.snapshot(), None, &mut file)?;
//! assert_eq!(verify(&file[..], Start::Beginning, &[])?.to, *last);
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not know
//!
//! Who may act, and whether an action was right. Who signs heads, and where they are published. What
//! is personal: nothing personal belongs into an entry, except as a [`Commitment`].

mod commitment;
mod details;
mod entry;
mod error;
mod export;
mod fault;
mod head;
mod line;
mod log;
mod name;
mod stored;
mod verify;
mod walk;

pub use self::{
    commitment::{Commitment, Salt},
    details::{DETAILS_BYTES_MAX, DETAILS_DEPTH_MAX, Details, DetailsError},
    entry::Entry,
    error::{AppendError, ExportError, ReadError, VerifyError},
    export::Numbers,
    fault::{Defect, Fault},
    head::{Head, HeadDefect},
    line::{LINE_BYTES_MAX, Line, LineDefect, Point},
    log::AuditLog,
    name::{ID_BYTES_MAX, Id, NAME_BYTES_MAX, Name, NameError, Reference},
    stored::{StoreKind, StoredLog, StoredLogError},
    verify::verify,
    walk::{Start, Verified},
};
