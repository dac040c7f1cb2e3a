//! Envelope encryption at rest.
//!
//! Each record is sealed under a fresh random key of its own, the data key. The data key is wrapped
//! by a key-encryption key (KEK), which is kept elsewhere, and stored beside the record. So whoever
//! steals the store reads nothing; a KEK is replaced without encrypting the records anew; and a
//! record is destroyed by destroying 32 bytes.
//!
//! ```
//! use aep2_vault::{Context, Kek, Vault};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let vault = Vault::new(Kek::random()?);
//! let note = Context { kind: "note", id: b"7" };
//! let sealed = vault.seal(note, b"told by telephone")?;
//! assert_eq!(vault.open(note, &sealed)?.as_slice(), b"told by telephone");
//!
//! // Under another id it is not opened.
//! assert!(vault.open(Context { id: b"8", ..note }, &sealed).is_err());
//!
//! // A new KEK writes; the old one is kept for reading until everything is wrapped anew.
//! let vault = vault.rotated(Kek::random()?);
//! let newly_wrapped = vault.rewrap(note, &sealed.key)?.expect("it was wrapped by the old one");
//! # assert_eq!(newly_wrapped.kek(), vault.newest());
//! # Ok(())
//! # }
//! ```
//!
//! `docs/vault.md` has the format, and what is protected against whom.
//!
//! # What it does not know
//!
//! Where records are stored, what is in them, and who may read them.

mod aead;
mod context;
mod error;
mod kek;
mod key;
mod key_text;
mod retention;
mod sealed;
mod settings;
mod source;
mod vault;
mod wrap;

pub use self::{
    context::Context,
    error::{FormatError, VaultError},
    kek::Kek,
    key::{DataKey, KekError, KekId},
    key_text::KeyTextError,
    retention::{MayDestroy, RecordMeta, RetentionError},
    sealed::{Sealed, WRAPPED_BYTES_MAX, WrappedKey},
    settings::{KekSettings, OpenVaultError, SettingsError, VaultSettings, Which},
    source::{CommandError, KEK_COMMAND_TIMEOUT, KekSource, SourceError, generate},
    vault::Vault,
    wrap::{KeyWrapper, WrapError},
};
