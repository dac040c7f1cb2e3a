//! The audit log: who asked for what, what was decided and why, what was signed, who changed what.
//!
//! A line is in the same commit as what it tells of. Nothing secret is in it: no card, no key, no token.

use aep2_audit_log::{AuditLog, Details, DetailsError, Entry, Id, Name, Reference};
use aep2_mandate::units::UnixTime;
use alloy_primitives::hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{error::IssuerError, family::Family, ids::OwnerId, store::Tx};

/// The log, in its column families.
pub(crate) const LOG: AuditLog<Family> = AuditLog::new(Family::Audit, Family::AuditHead);

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
        details: written(details)?,
    };
    LOG.append(tx, &entry).map_err(defect)?;
    Ok(())
}

/// Details as they are written. Too many are told by their hash: what cannot be told in full is told all
/// the same, and stops nothing.
fn written(details: Value) -> Result<Details, IssuerError> {
    match Details::new(details.clone()) {
        Err(DetailsError::TooLong(bytes)) => {
            let hash = hex::encode(Sha256::digest(details.to_string()));
            Details::new(json!({ "tooLong": bytes, "sha256": hash })).map_err(defect)
        }
        other => other.map_err(defect),
    }
}

fn defect(error: impl std::fmt::Display) -> IssuerError {
    IssuerError::Internal(format!("the audit log: {error}"))
}
