//! Evidence of disputes, sealed.
//!
//! A party to a dispute signs the hash, the size and the media type of each piece of evidence
//! beforehand. The bytes come afterwards, from anybody: an [`EvidenceStore`] takes them only when they
//! are those that were signed. A piece is found by its dispute and its hash.
//!
//! ```
//! use aep2_evidence::{Disputed, EvidenceLimits, EvidenceStore, KeyFrom, Named};
//! use aep2_mandate::{clock::Clock, units::UnixTime};
//! use alloy_primitives::{B256, keccak256};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let limits = EvidenceLimits::default();
//! let store =
//!     EvidenceStore::open(directory.path(), KeyFrom::BesideTheStore, limits, Clock::system())?;
//! let (dispute, bytes) = (B256::repeat_byte(7), b"what the service answered".to_vec());
//! let named = Named { hash: keccak256(&bytes), size: 25, media_type: "text/plain".to_owned() };
//! let (shares, open_until) = (vec![B256::repeat_byte(1)], UnixTime::new(1_790_000_000)?);
//! store.put(Disputed { id: dispute, shares, open_until }, named.clone(), bytes.clone()).await?;
//! assert_eq!(*store.get(dispute, named.hash)?.1, bytes);
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - Each piece is sealed under a key of its own (`docs/vault.md`), bound to its dispute and hash: a
//!   stolen store without the key-encryption key shows which disputes and pieces there are, their
//!   sizes and media types, and no content. With [`KeyFrom::BesideTheStore`] the key lies beside it,
//!   which is weak: whoever copies the directory reads everything.
//! - What is kept is bounded: bytes a piece, pieces a dispute, bytes in all, and bytes in the room of whoever
//!   signed them. When all is full, evidence of disputes that have ended gives way, the oldest first; where
//!   there is none, new pieces are refused. Nothing of a dispute that is open is thrown out, nor what somebody
//!   wants kept.
//! - A piece is stored whole or not at all, and is on disk before [`put`](EvidenceStore::put) answers.
//! - A dispute's evidence is destroyed, all of it at once, when it has been kept as long as it must be
//!   and is under no legal hold, or gives way. That destroys its pieces' keys, and compacts the small column family
//!   that they are in. What was destroyed is not taken again.
//! - It is refused to open a store with a key-encryption key that does not open what is in it.
//!
//! # What it does not know
//!
//! Who may hand in a piece or read one, what a dispute is, what is in a piece. It never interprets
//! content, and follows no links in it.

mod config;
mod error;
mod family;
mod forgetting;
mod key_file;
mod migrating;
mod records;
mod rewrap;
mod room;
mod store;

pub use self::{
    config::EvidenceLimits,
    error::EvidenceError,
    forgetting::Forgotten,
    key_file::{KEY_FILE, KeyFrom},
    records::{Disputed, MEDIA_TYPE_BYTES_MAX, Named, Piece, Usage},
    store::EvidenceStore,
};
