//! The audit log: who asked for what, what was decided and why, what was signed, who changed what.
//!
//! A line is in the same commit as what it tells of. Nothing secret is in it: no card, no key, no token.

use aep2_audit_log::{AuditLog, Details, Entry, Id, Name, Reference};
use aep2_mandate::units::UnixTime;
use serde_json::Value;

use crate::{error::IssuerError, family::Family, ids::OwnerId, store::Tx};

/// The log, in its column families.
pub(crate) const LOG: AuditLog<Family> = AuditLog::new(Family::Audit, Family::AuditHead);

/// The most characters that somebody else's words take in a line.
const WORDS_MAX: usize = 2_048;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An owner, with its token or on its page.
    Owner(OwnerId),
    /// An account's owner, by a signature.
    Signature(String),
    /// An agent, with a card; the last block of the card says which one of those that are made of it.
    Agent {
        /// The card.
        card: String,
        /// The revocation id of its last block.
        block: String,
    },
    /// Whoever has the machine, from the command line.
    Operator,
    /// The issuer itself.
    Service,
}

impl Actor {
    fn reference(&self) -> Result<Reference, IssuerError> {
        let (kind, id) = match self {
            Self::Owner(owner) => (const { Name::constant("owner") }, owner.to_string()),
            Self::Signature(address) => (const { Name::constant("signature") }, address.clone()),
            Self::Agent { card, block } => {
                (const { Name::constant("agent") }, format!("{card}/{block}"))
            }
            Self::Operator => (const { Name::constant("operator") }, "command_line".to_owned()),
            Self::Service => (const { Name::constant("service") }, "issuer".to_owned()),
        };
        Ok(Reference { kind, id: Id::new(id).map_err(defect)? })
    }
}

/// Writes a line.
///
/// # Errors
/// When the journal cannot be read, or the log in it does not end as its head says.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    at: UnixTime,
    actor: &Actor,
    action: Name,
    subject: (Name, &str),
    details: Value,
) -> Result<(), IssuerError> {
    let (kind, id) = subject;
    let entry = Entry {
        at,
        actor: actor.reference()?,
        action,
        subject: Reference { kind, id: Id::new(id).map_err(defect)? },
        details: Details::new(bounded(details)).map_err(defect)?,
    };
    LOG.append(tx, &entry).map_err(defect)?;
    Ok(())
}

/// The same with texts cut that somebody else wrote, and may have written long.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(WORDS_MAX) {
            None => Value::String(text),
            Some((end, _)) => Value::String(format!("{}…", &text[..end])),
        },
        Value::Array(items) => items.into_iter().map(bounded).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, bounded(value))).collect()
        }
        other => other,
    }
}

fn defect(error: impl std::fmt::Display) -> IssuerError {
    IssuerError::Internal(format!("the audit log: {error}"))
}
