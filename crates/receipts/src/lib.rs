//! The receipts that a payee keeps.
//!
//! A receipt is worth a processor's bond, and only to whoever still has it. So whoever sells appends each
//! to a folder ([`Keeper`]), and whoever watches reads the folder as it grows ([`FolderReader`]):
//!
//! ```text
//! seller ─▶ Keeper ─▶ receipts-1790000000-4711-9f3a61c2.jsonl ─▶ FolderReader ─▶ watcher
//! seller ─▶ Keeper ─▶ receipts-1790000060-4712-02be77d0.jsonl ─▶
//! ```
//!
//! - A file is of one process and one run; several processes may share a folder. Lines are only ever
//!   appended, each a signed statement as its signer gave it ([`Statement`]).
//! - A line is written before [`Keeper::keep`] returns, so a process that is killed afterwards loses nothing.
//!   Files are synced in groups, [`SYNC_EVERY`] apart: a machine that loses its power loses at most what was
//!   written since.
//! - A line that was cut short is nobody's: it is passed over, and what is written next begins a line of its
//!   own.
//!
//! What a receipt is worth is not known here, nor who may have signed it: anybody who can write into the
//! folder can put lines there.

mod keeper;
mod reader;
mod statement;

pub use self::{
    keeper::{KeepError, Keeper, SYNC_EVERY},
    reader::{FolderReader, Found, LINE_BYTES_MAX, Progress, ReadError},
    statement::{NotAStatement, Statement},
};
